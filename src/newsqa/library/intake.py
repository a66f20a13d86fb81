"""What a loader finds goes into the library: what is new or changed is stored, what is gone is told."""

import os
from collections import deque
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from newsqa.domain import QUIET_KINDS, Article, Origin
from newsqa.errors import ArticleDamagedError, LoadError, NewsqaError
from newsqa.library.origins import Noted, marks, prefixes
from newsqa.library.store import Library, Outcome
from newsqa.loading import Loader, Visit

_MOST_COPIES = 20
NOTED = 200
"""Origins that are noted together."""


@dataclass(frozen=True)
class Intake:
    """What became of everything that was looked at."""

    outcomes: Mapping[str, Outcome]
    """By article id."""
    copies: Mapping[str, tuple[str, ...]]
    """Of those added or replaced that tell a story again in nearly the same words: the ids of the others."""
    failed: Sequence[str]
    """Why something is no article; each begins with its name."""
    gone: Sequence[str]
    """Ids of articles whose origin does not hold them any longer."""
    pruned: bool
    """Whether those were removed."""
    left: int
    """Pages that feeds and sitemaps list and that wait for the next time."""


class Progress(Protocol):
    """Who is told how far it is. What one of these raises ends the intake; what was stored stays."""

    def expected(self, number: int) -> None:
        """So many more articles or files will come."""

    def article(self, article: Article, outcome: Outcome) -> None:
        """It is stored, or was already."""

    def passages(self, number: int) -> None:
        """So many more are embedded."""

    def failed(self, message: str) -> None:
        """This is no article."""


class _Nobody:
    """Progress that nobody is told of."""

    def expected(self, number: int) -> None: ...
    def article(self, article: Article, outcome: Outcome) -> None: ...
    def passages(self, number: int) -> None: ...
    def failed(self, message: str) -> None: ...


def sync(library: Library, loader: Loader, *, prune: bool = False, progress: Progress | None = None) -> Intake:
    """Looks at every origin that was named once; an article that was removed by hand stays away."""
    return take(library, loader, library.origins.named(), prune=prune, bring_back=False, progress=progress)


def take(
    library: Library,
    loader: Loader,
    origins: Iterable[Origin],
    *,
    prune: bool = False,
    bring_back: bool = True,
    progress: Progress | None = None,
) -> Intake:
    """Takes in what these origins hold, and notes how each was found. What can't be loaded stops nothing else.

    Args:
        library: is changed.
        loader: reads the origins.
        origins: as `origin_of` makes them.
        prune: remove the articles whose origin does not hold them any longer; else they are only told.
        bring_back: take articles in that were removed by hand.
        progress: is told how far it is.
    """
    taking = _Taking(library, progress or _Nobody(), bring_back)
    found = taking.articles(loader, origins)
    try:
        library.add(found, on_article=taking.stored, on_error=taking.refused, on_passages=taking.progress.passages)
    finally:
        found.close()
        taking.note_origins()
    return taking.ended(prune=prune)


@dataclass
class _Taking:
    library: Library
    progress: Progress
    bring_back: bool
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    left: int = 0
    given: int = 0
    waiting: deque[tuple[int, str]] = field(default_factory=deque)
    """The articles that were given and are neither stored nor refused yet, in their order: number and origin."""
    ids: dict[str, set[str]] = field(default_factory=dict)
    """Of the stored articles, by the origin they were found at."""
    since: list[str] = field(default_factory=list)
    """Origins of the articles that came since the last visit ended: they are of the next one."""
    visited: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    """Origins of articles that are new or replaced."""
    renewed: set[str] = field(default_factory=set)
    """Addresses of lists and folders with such an article."""
    unsound: set[str] = field(default_factory=set)
    """Origins of articles that could not be stored: their files are read again."""
    lost: list[str] = field(default_factory=list)
    """Addresses that are not in their folder any longer."""
    visits: list[tuple[int, Visit, frozenset[str]]] = field(default_factory=list)
    """Each with the number of articles that have to be stored before it may be noted, and the origins of its own."""
    last_held: tuple[str, list[Article] | None] = ("", None)
    """What `_held` gave last, and of which address: each is read once, though it is asked for twice."""

    def __post_init__(self) -> None:
        origins = self.library.origins
        self.left_out = origins.left_out()
        self.out = {part for mark in self.left_out for part in prefixes(mark)}
        """Addresses of what was removed, and of the files that it was in."""
        self.lists_out = self.out | origins.parents(self.out) if self.bring_back else set[str]()
        """Of lists that named it, and of it."""

    def articles(self, loader: Loader, origins: Iterable[Origin]) -> Generator[Article, None, None]:
        for found in loader.visit(origins, self.known, self.progress.expected):
            self.progress.expected(0)  # so that it can be ended where nothing is stored for a while
            if isinstance(found, LoadError):
                self._fail(str(found))
            elif isinstance(found, Visit):
                self._visited(found)
            elif self.bring_back or not self.left_out & set(marks(found)):
                self.waiting.append((self.given, found.origin))
                self.since.append(found.origin)
                self.given += 1
                yield found

    def known(self, address: str) -> Origin | None:
        """What was noted of an address, without its stamp where an article of it is damaged, or missing by mistake."""
        origin = self.library.origins.get(address)
        if origin is None or not origin.stamp or origin.kind == "folder":
            return origin
        held = self._held(address)
        if held is None:
            missing = True
        elif origin.kind in QUIET_KINDS:
            missing = self.bring_back and address in self.lists_out
        else:
            missing = self.bring_back if address in self.out else not held
        return replace(origin, stamp="") if missing else origin

    def _held(self, address: str) -> list[Article] | None:
        """The articles that an origin holds; None where one of them is damaged."""
        if self.last_held[0] != address:
            ids = self.library.origins.ids_of(address)
            try:
                self.last_held = address, [self.library.get(id) for id in ids]
            except ArticleDamagedError:
                self.last_held = address, None
        return self.last_held[1]

    def stored(self, article: Article, outcome: Outcome) -> None:
        self.outcomes[article.id] = outcome
        _, origin = self.waiting.popleft()
        self.ids.setdefault(origin, set()).add(article.id)
        if outcome != "unchanged":
            self.changed.add(origin)
        if self.left_out & set(marks(article)):
            self.library.origins.take_in(marks(article))
        self.progress.article(article, outcome)
        self.note_origins(NOTED)

    def refused(self, article: Article, error: NewsqaError) -> None:
        self.waiting.remove(next(each for each in reversed(self.waiting) if each[1] == article.origin))
        self.unsound.add(article.origin)
        self._fail(f"{article.origin}: {error}")

    def note_origins(self, least: int = 1) -> None:
        """Notes the origins all of whose articles are stored, at least so many at a time."""
        settled = self.waiting[0][0] if self.waiting else self.given
        ready = [(visit, own) for count, visit, own in self.visits if count <= settled]
        if len(ready) < least:
            return
        self.visits = self.visits[len(ready) :]
        self.library.origins.note([self._noted(visit, own) for visit, own in ready])

    def _noted(self, visit: Visit, own: frozenset[str]) -> Noted:
        origin, unsound = visit.origin, bool(own & self.unsound)
        changed = bool(own & self.changed) or origin.address in self.renewed
        if changed:
            self.renewed.add(origin.parent)
        return Noted(
            replace(origin, stamp="") if unsound else origin,
            changed=changed,
            error=str(visit.error) if visit.outcome in {"failed", "gone"} else "",
            holds=frozenset((place, id) for place in own for id in self.ids.get(place, ())),
            whole=visit.outcome == "read" and visit.members is not None and origin.kind != "folder" and not unsound,
            lost=self._lost(visit),
        )

    def _lost(self, visit: Visit) -> tuple[str, ...]:
        """The addresses of what is not there any longer; what only the globs keep out is."""
        if visit.outcome == "gone":
            return (visit.origin.address,)
        if visit.origin.kind != "folder" or visit.members is None:
            return ()
        children = (child.address for child in self.library.origins.below(visit.origin.address))
        lost = tuple(each for each in children if each not in visit.members and not os.path.lexists(each))
        self.lost += lost
        return lost

    def ended(self, *, prune: bool) -> Intake:
        origins = self.library.origins
        gone = origins.gone(self.visited | set(self.lost) if self.bring_back else None)
        if prune:
            self.library.remove(*gone, leave_out=False)
            origins.forget(self.lost)
        return Intake(self.outcomes, self._copies(), self.failed, gone, prune, self.left)

    def _copies(self) -> dict[str, tuple[str, ...]]:
        """Those added or replaced that tell a story again; of an all new story the one that is cited does not."""
        new = [id for id, outcome in self.outcomes.items() if outcome != "unchanged"]
        found, known = {}, set(new)
        for start in range(0, len(new), NOTED):
            for id, story in self.library.stories(new[start : start + NOTED]).items():
                ids = [copy.article_id for copy in story][:_MOST_COPIES]
                if id != ids[0] or not known.issuperset(ids):
                    found[id] = tuple(other for other in ids if other != id)
        return found

    def _visited(self, visit: Visit) -> None:
        self.left += visit.left
        if visit.outcome == "failed":
            self._fail(str(visit.error))
        if visit.outcome == "unchanged":
            for article in self._held(visit.origin.address) or ():
                self.outcomes.setdefault(article.id, "unchanged")
                self.progress.article(article, "unchanged")
        self.visited.add(visit.origin.address)
        self.visits.append((self.given, visit, frozenset(self.since)))
        self.since.clear()
        self.note_origins(NOTED)

    def _fail(self, message: str) -> None:
        self.failed.append(message)
        self.progress.failed(message)

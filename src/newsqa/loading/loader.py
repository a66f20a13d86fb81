"""Files, folders, pages and feeds as they are named: every article in them, and how each origin was found."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urldefrag

from newsqa.domain import QUIET_KINDS, Article, Origin
from newsqa.errors import LoadError
from newsqa.loading import records, text
from newsqa.loading.apart.workshop import Workshop
from newsqa.loading.archives import unpacked
from newsqa.loading.fetching import Fetcher
from newsqa.loading.folders import ENDINGS, files
from newsqa.loading.given import Given, Link, Parsed
from newsqa.loading.kinds import kind_of
from newsqa.loading.pages.metadata import same_site
from newsqa.loading.visits import (
    STAND_IN,
    Found,
    Known,
    Round,
    Visit,
    is_current,
    is_web,
    shown,
    sound,
    stamp_of,
    unreadable,
)

MAX_FILE_BYTES = 200_000_000
MAX_PAGE_BYTES = 50_000_000
"""Of what is fetched."""
MOST_NEW = 500
"""Pages of one feed or sitemap that are loaded at one time; the next time goes on behind them."""
_MOST_DEPTH = 3
"""Lists in lists: a list of feeds, an index of sitemaps."""
_LEAST_WORDS = 25
"""Of a feed's own text that stands in where the page can't be loaded."""
_KINDS: dict[str, Literal["feed", "sitemap", "list"]] = {"feed": "feed", "sitemap": "sitemap", "opml": "list"}
_FEED_KNOWS = ("publisher", "author", "language", "published_at", "updated_at")


class Loader:
    """Loads what is named; a context manager. One at a time may visit; `contents` may be called beside it."""

    def __init__(self, fetcher: Fetcher, workshop: Workshop | None = None, *, most_new: int = MOST_NEW) -> None:
        """Starts nothing yet.

        Args:
            fetcher: asks the network.
            workshop: where files are parsed apart; one of its own when not given.
            most_new: pages of one feed or sitemap that are loaded in one visit.
        """
        self._fetcher, self._workshop, self._most_new = fetcher, workshop or Workshop(), most_new
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        self._opened.enter_context(self._fetcher)
        self._opened.enter_context(self._workshop)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends what is fetched, and the processes that wait for files; it can't be used any longer."""
        self._opened.close()

    def visit(
        self,
        origins: Iterable[Origin],
        known: Known = lambda address: None,
        on_expected: Callable[[int], None] = lambda number: None,
    ) -> Iterator[Found]:
        """Every article of these origins with its `origin` set, and each origin once it is read to its end.

        Args:
            origins: as `origin_of` makes them, or as they were noted.
            known: tells what was noted of an address: what is the same since is not read again.
            on_expected: is told how many more articles are expected, as far as that is known before they come.
        """
        visiting = Round(known, on_expected)
        for origin in origins:
            if is_web(origin.address):
                visiting.expected(1)
                yield from self._address(origin, visiting, 0)
            else:
                yield from self._path(origin, visiting)

    def contents(self, given: Given) -> Iterator[Article | LoadError]:
        """The articles in the content of a file that was sent; links in it are not followed, `origin` stays empty."""
        pages = LoadError(f"{given.name}: lists addresses; add each by its address")
        try:
            for parsed in self._parsed(unpacked(given)):
                item = (parsed.article or pages) if isinstance(parsed, Link) else parsed
                yield sound(given.name, replace(item, origin="")) if isinstance(item, Article) else item
        except LoadError as error:
            yield error

    # Files and folders

    def _path(self, origin: Origin, visiting: Round) -> Iterator[Found]:
        path = Path(origin.address)
        try:
            chosen, closed = files(path, origin.patterns) if path.is_dir() else (None, [])
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            missing = LoadError(f"{shown(path)}: there is no such file or folder; check the path")
            prior = visiting.known(origin.address)
            gone = origin.kind == "file" and prior is not None and prior.seen_at is not None
            yield Visit(origin, "gone" if gone else "failed", frozenset() if gone else None, missing)
            return
        except OSError as error:
            yield Visit(origin, "failed", error=unreadable(path, error))
            return
        if chosen is None:
            visiting.expected(1)
            yield from self._file(path, replace(origin, kind="file"), visiting)
            return
        visiting.expected(len(chosen))
        for file in chosen:
            yield from self._file(file, Origin(str(file), "file", origin.address), visiting)
        yield from (unreadable(Path(error.filename), error) for error in closed)
        if chosen:
            yield Visit(origin, "read", frozenset(map(str, chosen)) if not closed else None)
        else:  # nor is what was in it gone: a disk may not be there
            empty = LoadError(f"{shown(path)}: holds no articles; put {', '.join(sorted(ENDINGS))} files there")
            yield Visit(origin, "failed", error=empty)

    def _file(self, path: Path, origin: Origin, visiting: Round) -> Iterator[Found]:
        try:
            origin.address.encode()
            with path.open("rb") as stream:
                content = stream.read(MAX_FILE_BYTES + 1)
        except UnicodeEncodeError:
            yield LoadError(f"{shown(path)!r}: has a name that is not UTF-8; rename it")
            return
        except OSError as error:
            yield Visit(origin, "failed", error=unreadable(path, error))
            return
        if len(content) > MAX_FILE_BYTES:
            large = LoadError(f"{shown(path)}: has more than {MAX_FILE_BYTES:,} bytes; split it")
            yield Visit(origin, "failed", error=large)
            return
        origin = replace(origin, stamp=stamp_of(content))
        prior = visiting.known(origin.address)
        if prior and prior.stamp == origin.stamp:
            yield Visit(replace(origin, kind=prior.kind), "unchanged")
        else:
            yield from self._content(Given(shown(path), content), origin, visiting, 0)

    # Pages and feeds

    def _address(self, origin: Origin, visiting: Round, depth: int, link: Link | None = None) -> Iterator[Found]:
        """What stands at an address. A link's page gets from its feed what it does not say itself."""
        prior = visiting.known(origin.address)
        etag, modified = (prior.etag, prior.last_modified) if prior and is_current(prior) else ("", "")
        try:
            fetched = self._fetcher.get(
                origin.address,
                etag=etag,
                last_modified=modified,
                most_bytes=MAX_PAGE_BYTES,
                robots=depth > 0,
            )
        except LoadError as error:
            yield Visit(origin, "failed", error=error)
            return
        if fetched.status == "gone":
            missing = LoadError(f"{origin.address}: there is nothing any longer; remove it, or check the address")
            held = prior is not None and prior.kind not in QUIET_KINDS  # what a feed listed is not gone with it
            yield Visit(origin, "gone" if held else "failed", frozenset() if held else None, missing)
            return
        stamp = origin.stamp if link else stamp_of(fetched.content)
        origin = replace(origin, etag=fetched.etag, last_modified=fetched.last_modified, stamp=stamp)
        if fetched.status == "unchanged" and prior:
            yield Visit(replace(origin, kind=prior.kind, stamp=stamp if link else prior.stamp), "unchanged")
        elif prior and prior.stamp == origin.stamp and origin.stamp:
            yield Visit(replace(origin, kind=prior.kind), "unchanged")
        else:
            given = Given(origin.address, fetched.content, fetched.url, fetched.content_type)
            yield from self._content(given, origin, visiting, depth, link)

    def _links(
        self, given: Given, origin: Origin, links: Sequence[Link], visiting: Round, depth: int
    ) -> Iterator[Found]:
        """What the links of a feed, a sitemap or a list name, and at the end the list itself."""
        new = [link for link in links if not visiting.is_known(link)]
        chosen = set(map(id, visiting.chosen(new, self._most_new)))
        left = len(new) - len(chosen)
        visiting.expected(len(links) - left)
        waiting = set(map(id, new))
        whole = not left and all(link.kind == "page" for link in links)  # lists of lists are always gone through
        for link in links:
            child = Origin(link.address, link.kind, origin.address, stamp_of(link))
            if id(link) not in waiting:
                yield Visit(child, "unchanged")
            elif id(link) in chosen:
                for found in self._link(given, child, link, visiting, depth):
                    whole = whole and not (isinstance(found, Visit) and _is_open(found))
                    yield found
        yield Visit(origin if whole else replace(origin, stamp=""), "read", left=left)

    def _link(self, given: Given, child: Origin, link: Link, visiting: Round, depth: int) -> Iterator[Found]:
        told = not given.url or same_site(link.address, given.url)  # nobody speaks for the pages of others
        own = link.article if told else None
        if own and link.whole:
            yield self._found(given, child, own, None)
            yield Visit(child, "read")
            return
        followed = replace(link, article=own) if link.kind == "page" else None
        prior = visiting.known(child.address)
        first = prior is None or prior.stamp == STAND_IN
        for found in self._address(child, visiting, depth + 1, followed):
            failed = isinstance(found, Visit) and found.outcome == "failed" and found.origin.address == child.address
            if not failed or not first or own is None or len(own.text.split()) < _LEAST_WORDS:
                yield found
                continue
            yield self._found(given, child, own, None)
            yield Visit(replace(child, stamp=STAND_IN), "read")  # the page is tried again the next time

    # What is in them

    def _content(
        self, given: Given, origin: Origin, visiting: Round, depth: int, link: Link | None = None
    ) -> Iterator[Found]:
        members, links, whole = set[str](), list[Link](), True
        try:
            given = unpacked(given)
            kind = self._kind(given, origin, visiting, named=depth == 0)
            origin = replace(origin, kind=_KINDS.get(kind, origin.kind))
            if kind == "jsonl":
                visiting.expected(given.content.count(b"\n") - 1)
            for item in self._parsed(given, kind):
                if isinstance(item, Link):
                    links.append(item)
                    continue
                found = self._found(given, origin, item, link.article if link else None)
                whole = whole and not isinstance(found, LoadError)
                members |= {found.origin} if isinstance(found, Article) else set()
                yield found
        except LoadError as error:
            yield Visit(origin, "failed", error=error)
            return
        if links and depth >= _MOST_DEPTH:
            yield Visit(
                origin, "failed", error=LoadError(f"{given.name}: is a list in too many lists; add it by itself")
            )
        elif links:
            yield from self._links(given, origin, links, visiting, depth)
        else:
            complete = whole and origin.kind not in QUIET_KINDS  # what a feed holds no longer is not gone
            yield Visit(
                origin if whole else replace(origin, stamp=""), "read", frozenset(members) if complete else None
            )

    def _kind(self, given: Given, origin: Origin, visiting: Round, *, named: bool) -> str:
        """What this is.

        Raises:
            LoadError: it was a list of pages and is none any longer, or its site keeps such lists from programs.
        """
        kind = kind_of(given)
        if kind not in _KINDS and given.url:
            prior = visiting.known(origin.address)
            if QUIET_KINDS & {origin.kind, prior.kind if prior else ""}:
                raise LoadError(f"{given.name}: is no feed, sitemap or list of feeds (any longer); look at its address")
        if kind in _KINDS and given.url and named:
            self._fetcher.check_robots(given.url)  # a page that somebody named is fetched as by a browser
        return kind

    def _found(self, given: Given, origin: Origin, item: Article | LoadError, own: Article | None) -> Found:
        """The article with its origin, and with what only its feed says of it; or why it is none."""
        if isinstance(item, LoadError):
            return item
        if own:
            item = replace(item, **{name: getattr(item, name) or getattr(own, name) for name in _FEED_KNOWS})
        member = item.origin if item.origin.startswith("!/") else ""
        item = replace(item, origin=f"{origin.address}{member}")
        page = urldefrag(given.url).url
        if page:  # what a stranger's file calls itself may be the name of another's article
            its_own = bool(item.url) and same_site(item.url, given.url)
            if not its_own or urldefrag(item.url).url == page:
                item = replace(item, url="" if member and not its_own else page)
            item = replace(item, id="")
        return sound(given.name, item)

    def _parsed(self, given: Given, kind: str = "") -> Iterator[Parsed | LoadError]:
        """What a file or page holds. Our own parsers of plain text run here, those of others' formats apart."""
        kind = kind or kind_of(given)
        if kind in {"text", "markdown"}:
            yield from text.articles(given)
        elif kind == "jsonl":
            yield from records.lines(given.name, io.BytesIO(given.content))
        else:
            yield from self._workshop.parse(given, kind)


def _is_open(visit: Visit) -> bool:
    """Whether what a list names has to be looked at again, although the list stays as it is."""
    return visit.outcome in {"failed", "gone"} or not is_current(visit.origin)

"""How an origin was found, and what a round of visits shares: what is known already, and how much may be fetched."""

import re
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal

from newsqa.domain import Article, Origin
from newsqa.errors import LoadError
from newsqa.loading.given import Link

MOST_FETCHED = 5000
"""Pages of one round, however many lists name them."""
_PARSERS = "1"
"""Is part of every stamp: what was read is read anew when the parsers have become better."""
_LISTED = "listed"
"""Of a link whose list does not say when it changed: once it is loaded it is not looked at again."""
STAND_IN = "stand-in"
"""The stamp of a page that could not be loaded: its feed's own text of it stands in."""
_WEB = re.compile(r"https?:/", re.IGNORECASE)
_OVERRIDE = re.compile("[\u202d\u202e]")
_NEVER = datetime.min.replace(tzinfo=UTC)
STANDPOINT: ContextVar[Path | None] = ContextVar("standpoint", default=None)
"""The folder that paths are told from; the one the program runs in unless set."""
Known = Callable[[str], Origin | None]
"""What was noted of an address the last time."""


@dataclass(frozen=True)
class Visit:
    """An origin that was looked at to its end; the articles in it came before."""

    origin: Origin
    outcome: Literal["read", "unchanged", "gone", "failed"]
    members: frozenset[str] | None = None
    """The origins of all articles in it, or the addresses of all files; None where it does not hold them all."""
    error: LoadError | None = None
    left: int = 0
    """Pages that it lists and that wait for the next time."""


Found = Article | LoadError | Visit
"""An article, a member of a file that is none, or an origin at its end."""


@dataclass
class Round:
    """One round of visits."""

    known: Known
    expected: Callable[[int], None]
    """Is told how many more articles will come, as far as that is known."""
    fetched: int = 0

    def is_known(self, link: Link) -> bool:
        """Whether what the link names was read already, as it is now."""
        prior = self.known(link.address)
        return bool(prior and stamp_of(link) in prior.stamp.split())

    def chosen(self, links: Iterable[Link], most: int) -> list[Link]:
        """The links that are followed in this round: those never tried, then those not tried for the longest time."""
        most = min(most, MOST_FETCHED - self.fetched)
        chosen = sorted(links, key=lambda link: self._tried(link.address))[: max(0, most)]
        self.fetched += len(chosen)
        return chosen

    def _tried(self, address: str) -> datetime:
        prior = self.known(address)
        return max(prior.seen_at or _NEVER, prior.failed_at or _NEVER) if prior else _NEVER


def origin_of(what: str | Path, patterns: Sequence[str] = ()) -> Origin:
    """The origin that is named by a path or an address; a folder's with the globs of its files.

    Raises:
        LoadError: it is neither a path nor an address of the web.
    """
    address = str(what)
    if is_web(address):
        return Origin(address, "page")
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:/", address):
        raise LoadError(f"{address!r}: is no address of the web; give one of http or https, or a path")
    try:
        path = Path(address).resolve()
        str(path).encode()  # a name in another encoding can't be stored
        folder = path.is_dir()
    except (OSError, ValueError, RuntimeError) as error:  # a NUL, a name too long, a circle of links
        raise LoadError(f"{address!r}: is no path ({error}); check it") from error
    return Origin(str(path), "folder" if folder else "file", patterns=tuple(patterns) if folder else ())


def is_web(address: str) -> bool:
    """Whether this is an address, and no path."""
    return _WEB.match(address) is not None


def shown(path: Path) -> str:
    """A path as messages call it: as short as it can be from where the one stands who is told."""
    try:
        return str(path.relative_to(STANDPOINT.get() or Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def sound(name: str, article: Article) -> Article | LoadError:
    """The article, unless its text would be shown in another order than it is stored and cited in."""
    for field in ("title", "text"):
        if found := _OVERRIDE.search(getattr(article, field)):
            told = f"{field} overrides the direction of writing at {found.start()}"
            return LoadError(f"{name}: {told}; remove U+202D and U+202E")
    return article


def stamp_of(content: bytes | Link) -> str:
    """What changes with a content, or with a link's entry."""
    told = (content.stamp or _LISTED) if isinstance(content, Link) else sha256(content).hexdigest()[:32]
    return f"{told}-{_PARSERS}"


def is_current(origin: Origin) -> bool:
    """Whether it was read whole, and by these parsers."""
    return origin.stamp.endswith(f"-{_PARSERS}")


def unreadable(path: Path, error: OSError) -> LoadError:
    """Why a file or folder can't be read."""
    return LoadError(f"{shown(path)}: can't be read ({error.strerror}); check its permissions")

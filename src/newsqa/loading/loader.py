"""Files, folders, pages and feeds as they are named: every article in them, and how each origin was found."""

import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal, Self

from newsqa.domain import Article, Origin
from newsqa.errors import LoadError
from newsqa.loading import records, text
from newsqa.loading.apart.workshop import Workshop
from newsqa.loading.fetching import Fetcher
from newsqa.loading.folders import ENDINGS, files
from newsqa.loading.given import Given, Link, Parsed
from newsqa.loading.kinds import kind_of
from newsqa.loading.pages.metadata import same_site

MAX_FILE_BYTES = 200_000_000
MAX_PAGE_BYTES = 50_000_000
"""Of what is fetched."""
MOST_NEW = 500
"""Pages of one feed or sitemap that are loaded at one time; the next time goes on behind them."""
_MOST_DEPTH = 3
"""Lists in lists: a list of feeds, an index of sitemaps."""
_PARSERS = "1"
"""Is part of every stamp: files are read anew when the parsers have become better."""
_LEAST_WORDS = 25
"""Of a feed's own text that stands in where the page can't be loaded."""
_OVERRIDE = re.compile("[\u202d\u202e]")
_WEB = re.compile(r"https?:/", re.IGNORECASE)
_KINDS: dict[str, Literal["feed", "sitemap", "list"]] = {"feed": "feed", "sitemap": "sitemap", "opml": "list"}
_FEED_KNOWS = ("publisher", "author", "language", "published_at", "updated_at")
_LISTED = "listed"
"""The stamp of a link whose list does not say when it changed: once it is loaded it is not looked at again."""
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


def origin_of(what: str | Path, patterns: Sequence[str] = ()) -> Origin:
    """The origin that is named by a path or an address; a folder's with the globs of its files.

    Raises:
        LoadError: it is neither a path nor an address of the web.
    """
    address = str(what)
    if _WEB.match(address):
        return Origin(address, "page")
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+:/", address):
        raise LoadError(f"{address!r}: is no address of the web; give one of http or https, or a path")
    try:
        path = Path(address).resolve()
        folder = path.is_dir()
    except (OSError, ValueError, RuntimeError) as error:  # a NUL, a name too long, a circle of links
        raise LoadError(f"{address!r}: is no path ({error}); check it") from error
    return Origin(str(path), "folder" if folder else "file", patterns=tuple(patterns) if folder else ())


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
        visiting = _Visiting(known, on_expected)
        for origin in origins:
            if _WEB.match(origin.address):
                visiting.expected(1)
                yield from self._address(origin, visiting, 0)
            else:
                yield from self._path(origin, visiting)

    def contents(self, given: Given) -> Iterator[Article | LoadError]:
        """The articles in the content of a file that was sent; links in it are not followed, `origin` stays empty."""
        pages = LoadError(f"{given.name}: lists addresses; add each by its address")
        try:
            for parsed in self._parsed(given):
                item = (parsed.article or pages) if isinstance(parsed, Link) else parsed
                yield _sound(given.name, replace(item, origin="")) if isinstance(item, Article) else item
        except LoadError as error:
            yield error

    # Files and folders

    def _path(self, origin: Origin, visiting: "_Visiting") -> Iterator[Found]:
        path = Path(origin.address)
        try:
            chosen = files(path, origin.patterns) if path.is_dir() else None
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            missing = LoadError(f"{shown(path)}: there is no such file or folder; check the path")
            prior = visiting.known(origin.address)
            gone = prior is not None and prior.seen_at is not None
            yield Visit(origin, "gone" if gone else "failed", frozenset() if gone else None, missing)
            return
        except OSError as error:
            yield Visit(origin, "failed", error=_unreadable(path, error))
            return
        if chosen is None:
            visiting.expected(1)
            yield from self._file(path, replace(origin, kind="file"), visiting)
            return
        visiting.expected(len(chosen))
        for file in chosen:
            yield from self._file(file, Origin(str(file), "file", origin.address), visiting)
        if chosen or visiting.known(origin.address):
            yield Visit(origin, "read", frozenset(map(str, chosen)))
            return
        empty = LoadError(f"{shown(path)}: holds no articles; put {', '.join(sorted(ENDINGS))} files there")
        yield Visit(origin, "failed", error=empty)

    def _file(self, path: Path, origin: Origin, visiting: "_Visiting") -> Iterator[Found]:
        try:
            with path.open("rb") as stream:
                content = stream.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            yield Visit(origin, "failed", error=_unreadable(path, error))
            return
        if len(content) > MAX_FILE_BYTES:
            large = LoadError(f"{shown(path)}: has more than {MAX_FILE_BYTES:,} bytes; split it")
            yield Visit(origin, "failed", error=large)
            return
        origin = replace(origin, stamp=_stamp(content))
        prior = visiting.known(origin.address)
        if prior and prior.stamp == origin.stamp:
            yield Visit(replace(origin, kind=prior.kind), "unchanged")
        else:
            yield from self._content(Given(shown(path), content), origin, visiting, 0)

    # Pages and feeds

    def _address(self, origin: Origin, visiting: "_Visiting", depth: int, link: Link | None = None) -> Iterator[Found]:
        """What stands at an address. A link's page gets from its feed what it does not say itself."""
        prior = visiting.known(origin.address)
        etag, modified = (prior.etag, prior.last_modified) if prior and prior.stamp else ("", "")
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
            yield Visit(origin, "gone" if prior else "failed", frozenset() if prior else None, missing)
            return
        stamp = origin.stamp if link else _stamp(fetched.content)
        origin = replace(origin, etag=fetched.etag, last_modified=fetched.last_modified, stamp=stamp)
        if fetched.status == "unchanged" and prior:
            yield Visit(replace(origin, kind=prior.kind, stamp=stamp if link else prior.stamp), "unchanged")
        elif prior and prior.stamp == origin.stamp and origin.stamp:
            yield Visit(replace(origin, kind=prior.kind), "unchanged")
        else:
            given = Given(origin.address, fetched.content, fetched.url, fetched.content_type)
            yield from self._content(given, origin, visiting, depth, link)

    def _links(
        self, given: Given, origin: Origin, links: Sequence[Link], visiting: "_Visiting", depth: int
    ) -> Iterator[Found]:
        """What the links of a feed, a sitemap or a list name, and at the end the list itself."""
        new = [link for link in links if not visiting.is_known(link)]
        chosen, left = {id(link) for link in new[: self._most_new]}, max(0, len(new) - self._most_new)
        visiting.expected(len(links) - left)
        whole = not left and all(link.kind == "page" for link in links)  # lists of lists are always gone through
        for link in links:
            child = Origin(link.address, link.kind, origin.address, link.stamp or _LISTED)
            if visiting.is_known(link):
                yield Visit(child, "unchanged")
            elif id(link) in chosen:
                for found in self._link(given, child, link, visiting, depth):
                    whole = whole and not (
                        isinstance(found, Visit) and (found.outcome == "failed" or not found.origin.stamp)
                    )
                    yield found
        yield Visit(origin if whole else replace(origin, stamp=""), "read", left=left)

    def _link(self, given: Given, child: Origin, link: Link, visiting: "_Visiting", depth: int) -> Iterator[Found]:
        own = link.article if link.article and (not given.url or same_site(link.address, given.url)) else None
        if own and link.whole:
            yield self._found(given, child, own, None)
            yield Visit(child, "read")
            return
        followed = link if link.kind == "page" else None
        for found in self._address(child, visiting, depth + 1, followed):
            failed = isinstance(found, Visit) and found.outcome == "failed" and found.origin.address == child.address
            if not failed or own is None or len(own.text.split()) < _LEAST_WORDS:
                yield found
                continue
            yield self._found(given, child, own, None)
            yield Visit(replace(child, stamp=""), "read")  # the page is tried again the next time

    # What is in them

    def _content(
        self, given: Given, origin: Origin, visiting: "_Visiting", depth: int, link: Link | None = None
    ) -> Iterator[Found]:
        members, links, whole = set[str](), list[Link](), True
        try:
            kind = kind_of(given)
            origin = replace(origin, kind=_KINDS.get(kind, origin.kind))
            if kind in _KINDS and given.url and link is None and depth == 0:
                self._fetcher.check_robots(given.url)  # a page that somebody named is fetched as by a browser
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
            yield Visit(origin if whole else replace(origin, stamp=""), "read", frozenset(members) if whole else None)

    def _found(self, given: Given, origin: Origin, item: Article | LoadError, own: Article | None) -> Found:
        """The article with its origin, and with what only its feed says of it; or why it is none."""
        if isinstance(item, LoadError):
            return item
        if own:
            item = replace(item, **{name: getattr(item, name) or getattr(own, name) for name in _FEED_KNOWS})
        member = item.origin if item.origin.startswith("!/") else ""
        return _sound(given.name, replace(item, origin=f"{origin.address}{member}"))

    def _parsed(self, given: Given, kind: str = "") -> Iterator[Parsed | LoadError]:
        """What a file or page holds. Our own parsers of plain text run here, those of others' formats apart."""
        kind = kind or kind_of(given)
        if kind in {"text", "markdown"}:
            yield from text.articles(given)
        elif kind == "jsonl":
            yield from records.lines(given.name, io.BytesIO(given.content))
        else:
            yield from self._workshop.parse(given, kind)


@dataclass(frozen=True)
class _Visiting:
    known: Known
    expected: Callable[[int], None]

    def is_known(self, link: Link) -> bool:
        prior = self.known(link.address)
        return bool(prior and prior.stamp == (link.stamp or _LISTED))


def shown(path: Path) -> str:
    """A path as messages call it: as short as it can be from where the program runs."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _sound(name: str, article: Article) -> Article | LoadError:
    """The article, unless its text would be shown in another order than it is stored and cited in."""
    for field in ("title", "text"):
        if found := _OVERRIDE.search(getattr(article, field)):
            return LoadError(
                f"{name}: {field} overrides the direction of writing at {found.start()}; remove U+202D and U+202E"
            )
    return article


def _stamp(content: bytes) -> str:
    return f"{sha256(content).hexdigest()[:32]}-{_PARSERS}"


def _unreadable(path: Path, error: OSError) -> LoadError:
    return LoadError(f"{shown(path)}: can't be read ({error.strerror}); check its permissions")

"""Fetches a page, feed or file from the web: from public addresses only, within bounds, politely."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Literal, Self

import httpcore

from newsqa import __version__
from newsqa.errors import LoadError, SettingsError
from newsqa.loading.fetching.addresses import Address, parsed
from newsqa.loading.fetching.connecting import HEAD_BYTES, Connector, Meter, Resolve, resolved, told
from newsqa.loading.fetching.courtesy import MAX_ROBOTS_BYTES, Robots, Turns, asked_pause
from newsqa.loading.fetching.networks import allowed
from newsqa.loading.fetching.receiving import Head, StatusError, check_promise, check_status, content, plain

_HEADERS = {
    "User-Agent": f"newsqa/{__version__}",
    "Accept": "text/html, application/xhtml+xml, application/atom+xml, application/rss+xml, application/xml;q=0.9, "
    "text/*;q=0.8, */*;q=0.5",
    "Accept-Encoding": "gzip, deflate",
    "Connection": "close",  # a connection serves one checked request, and none that comes later
}
_CONDITIONS = ("If-None-Match", "If-Modified-Since")
_REDIRECTS = (301, 302, 303, 307, 308)
_GONE = (404, 410)
_BUSY = (429, 503)
_UNCHANGED = 304


@dataclass(frozen=True)
class Limits:
    """How much a fetch may take."""

    most_bytes: int = 10_000_000
    """Of the content, as it comes and unpacked."""
    connect_seconds: float = 10
    read_seconds: float = 20
    """Between two pieces of the answer."""
    total_seconds: float = 60
    """For all of it, with redirects and robots.txt, but without the pauses that hosts are owed."""
    pause_seconds: float = 1
    """Between two requests to one host."""
    redirects: int = 5


@dataclass(frozen=True)
class Fetched:
    """What a server gave."""

    url: str
    """Where it was at last, after redirects."""
    status: Literal["ok", "unchanged", "gone"]
    """Unchanged: since `etag` and `last_modified` were given. Gone: there is no such page, or none any more."""
    content: bytes = b""
    """Unpacked; empty unless the status is ok."""
    content_type: str = ""
    """As the server said it, `text/html; charset=utf-8`; empty where it did not."""
    etag: str = ""
    last_modified: str = ""
    """Both to be given back with the next request for the page; empty where the server never gave any."""


@dataclass(frozen=True)
class _Order:
    """What one call of `get` wants."""

    headers: dict[str, str]
    most_bytes: int
    meter: Meter
    robots: bool = False


class Fetcher:
    """Fetches from the web, from several threads if need be; one for a process is enough, so that pauses are kept.

    Args:
        allow: what may be fetched although it is not on the public internet: networks, addresses and host names, each
            with a port or without, separated by spaces (the setting NEWSQA_FETCH_ALLOW).
        limits: how much a fetch may take.
        authorities: a file of certificate authorities (PEM) that are trusted besides certifi's.
        resolve: gives the addresses of a host name; the system's by default.
        clock: the seconds that pauses are reckoned in.
        sleep: waits so many seconds.

    Raises:
        SettingsError: an entry of `allow` is no network, address or host name.
    """

    def __init__(
        self,
        *,
        allow: str = "",
        limits: Limits = Limits(),
        authorities: Path | None = None,
        resolve: Resolve = resolved,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._allowed = allowed(allow)
        self._limits = limits
        self._authorities = authorities
        self._resolve = resolve
        self._closed = Event()
        self._turns = Turns(clock, sleep or self._closed.wait)
        self._robots = Robots(clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends what other threads fetch; nothing is fetched any more."""
        self._closed.set()

    def get(
        self, url: str, *, etag: str = "", last_modified: str = "", most_bytes: int = 0, robots: bool = False
    ) -> Fetched:
        """What is at `url`, after up to five redirects.

        Args:
            url: a web address (http or https).
            etag: as the last answer had it, to learn whether the page has changed.
            last_modified: likewise.
            most_bytes: another limit than that of `limits`, for files.
            robots: keep to the site's robots.txt: for all that is not named by a person.

        Raises:
            LoadError: anything but a page, one that has not changed, or one that is gone. The message begins with the
                address; of what the server wrote it holds the target of a redirect, the status and the kind at most.
            SettingsError: `authorities` is no file of certificates.
        """
        conditions = zip(_CONDITIONS, (plain(etag), plain(last_modified)), strict=True)
        headers = _HEADERS | {name: value for name, value in conditions if value}
        meter = Meter(monotonic() + self._limits.total_seconds, self._closed)
        return self._followed(parsed(url), _Order(headers, most_bytes or self._limits.most_bytes, meter, robots))

    def check_robots(self, url: str) -> None:
        """Asks the site whether `url` may be fetched by programs: what is known to be a feed only when it is here.

        Raises:
            LoadError: its robots.txt forbids it, or can't be had.
        """
        meter = Meter(monotonic() + self._limits.total_seconds, self._closed)
        order = _Order(_HEADERS, MAX_ROBOTS_BYTES, meter)
        self._robots.pause(parsed(url), lambda robots: self._robots_txt(robots, order))

    def _followed(self, start: Address, order: _Order) -> Fetched:
        visited = [start]
        try:
            while True:
                answer = self._answer(visited[-1], order)
                if isinstance(answer, Fetched):
                    return answer
                visited.append(self._next(visited, answer))
        except StatusError as error:
            raise StatusError(_told_from(start, error), error.status) from error
        except LoadError as error:
            raise LoadError(_told_from(start, error)) from error

    def _next(self, visited: list[Address], locations: list[str]) -> Address:
        """Where a redirect leads to."""
        here = visited[-1]
        if len(locations) != 1:
            raise LoadError(f"{here.name}: redirects, but does not say where; check the address")
        if len(visited) > self._limits.redirects:
            raise LoadError(f"{here.name}: is redirected too often; check the address")
        there = here.leads_to(locations[0])
        if there in visited:
            raise LoadError(f"{here.name}: redirects in a circle; check the address")
        if (here.scheme, there.scheme) == ("https", "http"):
            raise LoadError(f"{there.name}: is not encrypted, though the way there is; check the address")
        return there

    def _answer(self, address: Address, order: _Order) -> Fetched | list[str]:
        """What one request brings: a page, or where to go instead."""
        self._turns.check(address.host, address.name)
        pause = self._limits.pause_seconds
        if order.robots:
            pause = max(pause, self._robots.pause(address, lambda url: self._robots_txt(url, order)))
        order.meter.deadline += self._turns.wait(address.host, pause)
        with self._asked(address, order) as response:
            return self._taken(address, response, order)

    def _robots_txt(self, url: str, order: _Order) -> bytes:
        return self._followed(parsed(url), _Order(_HEADERS, MAX_ROBOTS_BYTES, order.meter)).content

    @contextmanager
    def _asked(self, address: Address, order: _Order) -> Iterator[httpcore.Response]:
        """The answer to one request, over a connection of its own."""
        order.meter.bytes_left = HEAD_BYTES
        connector = Connector(address.name, self._resolve, self._allowed, order.meter)
        limits = self._limits
        seconds = {"connect": limits.connect_seconds, "read": limits.read_seconds, "write": limits.read_seconds}
        target = httpcore.URL(scheme=address.scheme, host=address.host, port=address.port, target=address.path)
        headers = [("Host", address.place), *order.headers.items()]
        tls = self._tls if address.scheme == "https" else None
        with (
            told(address.name),
            httpcore.ConnectionPool(tls, network_backend=connector) as pool,
            pool.stream("GET", target, headers=headers, extensions={"timeout": seconds}) as response,
        ):
            yield response

    def _taken(self, address: Address, response: httpcore.Response, order: _Order) -> Fetched | list[str]:
        head, status = Head(response.headers), response.status
        wait = asked_pause(head.first("retry-after")) if status in _BUSY else 0
        if wait:
            self._turns.keep_away(address.host, wait)
        if status in _REDIRECTS:
            return head.locations()
        if status in _GONE:
            return Fetched(address.url, "gone")
        asked = [order.headers.get(name, "") for name in _CONDITIONS]
        if status == _UNCHANGED and any(asked):
            etag, last_modified = head.first("etag") or asked[0], head.first("last-modified") or asked[1]
            return Fetched(address.url, "unchanged", etag=etag, last_modified=last_modified)
        check_status(address.name, status, wait)
        check_promise(address.name, head, order.most_bytes)
        # What chunks and their headers add to the content is little, unless it is meant to take time.
        order.meter.bytes_left = order.most_bytes + order.most_bytes // 4 + HEAD_BYTES
        whole = content(address.name, response.iter_stream(), head, order.most_bytes)
        kept = {name: head.first(name.replace("_", "-")) for name in ("content_type", "etag", "last_modified")}
        return Fetched(address.url, "ok", whole, **kept)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        import certifi

        context = ssl.create_default_context(cafile=certifi.where())
        if self._authorities:
            try:
                context.load_verify_locations(self._authorities)
            except OSError as error:
                reason = error.strerror or "no certificate in it"
                raise SettingsError(f"{self._authorities}: is no file of certificates ({reason}); check it") from error
        return context


def _told_from(start: Address, error: LoadError) -> str:
    """The message, by the name of the address that was asked for."""
    message = str(error)
    return message if message.startswith(f"{start.name}: ") else f"{start.name}: leads to {message}"

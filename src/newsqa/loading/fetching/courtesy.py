"""What a program owes to the hosts it fetches from: pauses, patience, and the rules in their robots.txt."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from newsqa.errors import LoadError
from newsqa.loading.fetching.addresses import Address
from newsqa.loading.fetching.receiving import StatusError

if TYPE_CHECKING:
    from protego import Protego

NAME = "newsqa"
"""Of this program in robots.txt."""
MAX_ROBOTS_BYTES = 512_000  # RFC 9309 asks for 500 kB at the least
_MOST_HOSTS = 1000
_DAY_SECONDS = 86_400.0
_FAILED_SECONDS = 600.0
_MOST_PAUSE = 10.0
_TOO_MANY_REQUESTS = 429
_FIRST_OF_SERVER = 500
_AGENTS = ("user-agent", "useragent", "user agent")
_RULES = ("allow", "disallow", "crawl-delay")

_Value = TypeVar("_Value")


class Turns:
    """When the next request may go to a host."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], object]) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = Lock()
        self._last: dict[str, float] = {}
        self._busy: dict[str, float] = {}

    def wait(self, host: str, pause: float) -> float:
        """Waits until `pause` seconds have gone by since the request before; returns the seconds it took."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._last.get(host, -math.inf) + pause)
            _remember(self._last, host, turn)
        if turn > now:
            self._sleep(turn - now)
        return turn - now

    def keep_away(self, host: str, seconds: float) -> None:
        """Remembers that a host wants no requests for so long."""
        with self._lock:
            _remember(self._busy, host, self._clock() + seconds)

    def check(self, host: str, name: str) -> None:
        """Raises LoadError while the host wants no requests."""
        with self._lock:
            left = self._busy.get(host, -math.inf) - self._clock()
        if left > 0:
            raise LoadError(f"{name}: its host asked for a pause; try again in {math.ceil(left)} s")


@dataclass
class _Site:
    """What is known of a site's robots.txt."""

    lock: Lock = field(default_factory=Lock)
    until: float = -math.inf
    rules: "Protego | None" = None
    """None: all is allowed."""
    refusal: str = ""
    """Why nothing may be fetched."""


class Robots:
    """The robots.txt of sites, each fetched once a day."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._sites: dict[str, _Site] = {}

    def pause(self, address: Address, fetch: Callable[[str], bytes]) -> float:
        """How many seconds the site wants between requests, 0 to 10; `fetch` gets its robots.txt.

        Raises:
            LoadError: the site lets no programs fetch the address, or its rules can't be read.
        """
        with self._lock:
            site = self._sites.get(address.origin, _Site())
            _remember(self._sites, address.origin, site)
        with site.lock:
            if self._clock() >= site.until:
                kept = self._read(site, fetch, f"{address.origin}/robots.txt")
                site.until = self._clock() + kept
            rules, refusal = site.rules, site.refusal
        if refusal:
            raise LoadError(f"{address.name}: {refusal}")
        if rules and not rules.can_fetch(address.url, NAME):
            raise LoadError(f"{address.name}: its site's robots.txt lets no programs read it; leave it out")
        return min((rules.crawl_delay(NAME) if rules else None) or 0.0, _MOST_PAUSE)

    def _read(self, site: _Site, fetch: Callable[[str], bytes], url: str) -> float:
        """Sets what the site's rules are; returns for how many seconds that stands."""
        site.rules, site.refusal = None, ""
        try:
            site.rules = _rules(fetch(url))
        except StatusError as error:
            if error.status >= _FIRST_OF_SERVER or error.status == _TOO_MANY_REQUESTS:
                site.refusal = f"its site's robots.txt answers with status {error.status}; try again later"
        except LoadError:
            site.refusal = "its site's robots.txt can't be read; try again later"
        return _FAILED_SECONDS if site.refusal else _DAY_SECONDS


def asked_pause(retry_after: str) -> float:
    """The seconds that a Retry-After header asks for, up to a day; 0 where it does not say."""
    if retry_after.isdecimal():
        return min(float(retry_after[:10]), _DAY_SECONDS)
    try:
        until = parsedate_to_datetime(retry_after)
        left = (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    return min(max(left, 0.0), _DAY_SECONDS)


def _rules(content: bytes) -> "Protego":
    """The rules for this program and for all: those for others would only take time, thousands of groups of them."""
    from protego import Protego

    lines = []
    for line in content.decode("utf-8-sig", "replace").splitlines():
        key, _, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if key in _AGENTS:
            agent = value.partition("/")[0].strip().lower()
            lines.append(f"user-agent: {agent if agent in ('*', NAME) else 'other'}")
        elif key in _RULES:
            lines.append(f"{key}: {value}")
    return Protego.parse("\n".join(lines))


def _remember(store: dict[str, _Value], key: str, value: _Value) -> None:
    """Keeps the entries that were last in use."""
    store.pop(key, None)
    store[key] = value
    if len(store) > _MOST_HOSTS:
        del store[next(iter(store))]

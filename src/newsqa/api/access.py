"""Who may ask: keys with scopes, their hashes, rate limits, and which hosts and pages are believed."""

import hmac
import ipaddress
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from time import time
from urllib.parse import urlsplit

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from newsqa.api.problems import ProblemError
from newsqa.errors import SettingsError

SCOPES = ("ask", "write", "admin")
"""Of keys; each includes those before it."""
OWNER = "owner"
"""The scope above all of them, of this machine's commands: they may have its files read, too."""
_HOST = re.compile(r"([\w.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
PREFIX = "nqa_"
OPEN_PATHS = (
    *("/healthz", "/readyz", "/docs", "/openapi.json", "/static-offline-docs"),
    *("/login", "/logout", "/assets/", "/static/", "/theme.css", "/favicon.ico"),
)
"""What needs no key: whether the server lives, how to use it, and the page's door and files."""
COOKIE = "newsqa_key"
"""What the page's reader logs in with; as good as the header `Authorization`."""


@dataclass(frozen=True)
class Caller:
    """Who a request comes from."""

    id: str
    """The first twelve hex digits of the key's hash; empty where the server has no keys; `owner` is no key's."""
    scope: str

    def may(self, scope: str) -> bool:
        """Whether the caller's scope includes this one."""
        scopes = (*SCOPES, OWNER)
        return scopes.index(self.scope) >= scopes.index(scope)

    @property
    def owner(self) -> str | None:
        """Whose conversations the caller sees; None for all."""
        return None if self.may("admin") and self.id else self.id


def new_key(scope: str) -> tuple[str, str]:
    """A new key, and its entry for NEWSQA_API_KEYS.

    The key has 256 random bits, so that a plain hash of it can't be turned back.
    """
    key = PREFIX + secrets.token_urlsafe(32)
    return key, f"{scope}:{_hash(key)}"


def read_keys(entries: str) -> dict[str, str]:
    """Scopes by hash of the key, from entries as `newsqa keys new` prints them.

    Raises:
        SettingsError: an entry is none.
    """
    keys = {}
    for number, entry in enumerate(entries.split(), start=1):
        scope, _, digest = entry.partition(":")
        if scope not in SCOPES or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise SettingsError(
                f"NEWSQA_API_KEYS: number {number} is no entry; put in what `newsqa keys new` prints as one"
            )
        keys[digest] = scope
    return keys


class Access:
    """Lets callers in, and counts their requests."""

    def __init__(self, keys: Mapping[str, str], rate_limit: str, origins: Sequence[str] = (), secret: str = "") -> None:
        """Without keys everyone who reaches the server may do everything: it must be bound to this machine only.

        Args:
            keys: scopes by hash.
            rate_limit: as "600/minute"; of each key, and of each address.
            origins: web pages' origins that may call.
            secret: what this machine's commands send in the place of a key; without one there is no such caller.
        """
        self._keys, self._origins = keys, frozenset(origins)
        self._secret = _hash(secret) if secret else ""
        self._limit: RateLimitItem = parse(rate_limit)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def check_origin(self, host: str, origin: str) -> None:
        """Refuses what a foreign web page sends, by its own or by a rebound name.

        Args:
            host: the header Host.
            origin: the header Origin; all of them, where there are several.

        Raises:
            ProblemError: `foreign-origin`.
        """
        if not self._keys and not is_loopback(_name(host)):
            raise ProblemError("foreign-origin", f"without keys only this machine may ask, not as {host[:100]!r}")
        if origin and origin not in self._origins and _place(origin) != host:
            raise ProblemError("foreign-origin", f"the page {origin[:100]!r} may not call; see NEWSQA_CORS_ORIGINS")

    def caller(self, authorization: str, address: str) -> Caller:
        """Who sends this `Authorization` header from this address.

        Raises:
            ProblemError: `missing-key`, `unknown-key`, or `too-many-requests`.
        """
        kind, _, key = authorization.partition(" ")
        if is_loopback(address) and hmac.compare_digest(self._secret, _hash(key.strip())):
            return Caller(OWNER, OWNER)  # not counted: others' requests are not to keep the machine's owner out
        self._count("address", _network(address))
        if not self._keys:
            return Caller("", "admin")
        challenge = {"WWW-Authenticate": 'Bearer realm="newsqa"'}
        if kind.lower() != "bearer" or not key.strip():
            raise ProblemError("missing-key", headers=challenge)
        digest = _hash(key.strip())
        # Every hash is compared, each in constant time, so that the time tells nothing.
        found = [scope for known, scope in self._keys.items() if hmac.compare_digest(known, digest)]
        if not found:
            raise ProblemError("unknown-key", headers=challenge)
        caller = Caller(digest[:12], found[0])
        self._count("key", caller.id)
        return caller

    def _count(self, of: str, identity: str) -> None:
        if not self._limiter.hit(self._limit, of, identity):
            seconds = self._limiter.get_window_stats(self._limit, of, identity).reset_time
            wait = max(1, min(self._limit.get_expiry(), round(seconds - time())))
            raise ProblemError(
                "too-many-requests",
                f"more than {self._limit} of one {of}; wait {wait} s",
                headers={"Retry-After": str(wait)},
            )


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is of this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _name(host: str) -> str:
    """The name of a Host header, without its port; empty where it is no plain one."""
    found = _HOST.fullmatch(host)
    return found[1].strip("[]") if found else ""


def _network(address: str) -> str:
    """What an address is counted by: itself, or of IPv6 its /64, within which a client may change it at will."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else address


def _place(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _hash(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()

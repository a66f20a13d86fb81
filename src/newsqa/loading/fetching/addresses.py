"""How a web address must be written to be fetched: so that all programs read the same host in it."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from unicodedata import normalize
from urllib.parse import quote, urljoin

from newsqa.errors import LoadError

MAX_ADDRESS_CHARS = 4000
LAST_PORT = 65_535
_OWN_PORTS = {"http": 80, "https": 443}
_FIRST_FREE_PORT = 1024
_MAX_SHOWN = 300
# In ASCII, or the long s would be the s of https.
_FORM = re.compile(r"(https?)://([^/?#]*)([^#]*)(?:#.*)?", re.IGNORECASE | re.ASCII | re.DOTALL)
_PLACE = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:]+))(?::([0-9]{1,5}))?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")  # a backslash is a slash to some programs
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_MAX_HOST_CHARS = 253
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # a host that ends so is read as an IPv4 address by the system
_SECRET = re.compile(r"//[^/?#]*@")
_PATH_CHARS = "%/?:@!$&'()*+,;=~-._[]|"


@dataclass(frozen=True)
class Address:
    """A web address that is written as it should be; where it leads is not said yet."""

    scheme: str
    host: str
    """A name in ASCII and lower case, or an IP address without brackets."""
    port: int
    path: str
    """With the query, in ASCII."""

    @property
    def place(self) -> str:
        """What stands in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _OWN_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Without the path."""
        return f"{self.scheme}://{self.place}"

    @property
    def url(self) -> str:
        """The whole, without the part behind #."""
        return self.origin + self.path

    @property
    def name(self) -> str:
        """How messages call it."""
        return shown(self.url)

    def leads_to(self, location: str) -> "Address":
        """Where a redirect from here goes. Raises LoadError as `parsed` does."""
        # Looked at first: urljoin drops tabs and line feeds without a word.
        if _CONTROL.search(location) or len(location) > MAX_ADDRESS_CHARS:
            return parsed(location)
        try:
            return parsed(urljoin(self.url, location))
        except ValueError as error:
            raise LoadError(f"{shown(location)}: is no web address; check the address") from error


def shown(url: str) -> str:
    """`url` fit for a message: on one line, cut, and without a password."""
    plain = _SECRET.sub("//…@", url[: MAX_ADDRESS_CHARS + 1])
    cut = plain if len(plain) <= _MAX_SHOWN else plain[: _MAX_SHOWN - 1] + "…"
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in cut)


def parsed(url: str) -> Address:
    """The parts of a web address.

    Raises:
        LoadError: it is not http or https, names a user, or its host or port is written in a way that programs
            read differently.
    """
    if len(url) > MAX_ADDRESS_CHARS:
        raise LoadError(f"{shown(url)}: has more than {MAX_ADDRESS_CHARS:,} characters; shorten the address")
    found = _FORM.fullmatch(url)
    if not found or _CONTROL.search(url):
        raise LoadError(f"{shown(url)}: is no web address; write it as https://example.org/page")
    scheme, place, path = found[1].lower(), found[2], found[3]
    if "@" in place:
        raise LoadError(f"{shown(url)}: names a user; leave out what stands before the @")
    parts = _PLACE.fullmatch(place)
    if not parts:
        raise LoadError(f"{shown(url)}: names no host that can be read; write it as https://example.org/page")
    try:
        host = _literal(parts[1]) if parts[1] else host_name(parts[2])
        path = quote(path if path.startswith("/") else f"/{path}", safe=_PATH_CHARS)
    except ValueError as error:
        raise LoadError(f"{shown(url)}: is written in an unusual way; use the host's plain name") from error
    return Address(scheme, host, _port(url, scheme, parts[3]), path)


def host_name(text: str) -> str:
    """A host's name in ASCII and lower case, or its IPv4 address.

    Raises:
        ValueError: it is neither, or an IPv4 address in another notation than 192.0.2.1.
    """
    name = text.lower() if text.isascii() else _in_ascii(text)
    if is_number(name):
        return str(IPv4Address(name))
    if len(name) > _MAX_HOST_CHARS or not all(map(_LABEL.fullmatch, name.split("."))):
        raise ValueError("no host name")
    return name


def is_number(host: str) -> bool:
    """Whether a host is read as an IPv4 address, in whatever notation."""
    return bool(_NUMBER.fullmatch(host.rpartition(".")[2].lower()))


def _literal(text: str) -> str:
    return str(IPv6Address(text))


def _in_ascii(name: str) -> str:
    import idna

    if len(name) > _MAX_HOST_CHARS:
        raise ValueError("too long")
    # Strict: no look-alikes of digits and dots become digits and dots.
    return idna.encode(normalize("NFC", name.lower()), strict=True).decode("ascii")


def _port(url: str, scheme: str, text: str | None) -> int:
    port = int(text) if text else _OWN_PORTS[scheme]
    if port != _OWN_PORTS[scheme] and not _FIRST_FREE_PORT <= port <= LAST_PORT:
        raise LoadError(f"{shown(url)}: names port {port}, where no pages are; leave it out, or use one from 1024 up")
    return port

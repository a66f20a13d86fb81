"""Where in the network a fetch may lead: to what is public, and to what the setting NEWSQA_FETCH_ALLOW names."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from newsqa.errors import SettingsError
from newsqa.loading.fetching.addresses import LAST_PORT, host_name, is_number, shown

ALLOWANCE = "NEWSQA_FETCH_ALLOW"
_ENTRY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+))(?::([0-9]{1,5}))?")
_IP = IPv4Address | IPv6Address
_NAT64 = ip_network("64:ff9b::/96")
_GLOBAL_UNICAST = ip_network("2000::/3")
_ISATAP, _ISATAP_MASK = 0x0000_5EFE, 0xFDFF_FFFF  # the upper half of the interface id, RFC 5214 section 6.1
# IANA's special-purpose registries (RFC 6890), and what `ipaddress.is_global` takes for public though it is not.
_NOT_PUBLIC = tuple(
    (ip_network(network), what)
    for network, what in (
        ("0.0.0.0/8", "this machine, RFC 791"),
        ("10.0.0.0/8", "a private network, RFC 1918"),
        ("100.64.0.0/10", "a provider's own network, RFC 6598"),
        ("127.0.0.0/8", "this machine, RFC 1122"),
        ("168.63.129.16/32", "the Azure platform"),
        ("169.254.0.0/16", "link-local, RFC 3927"),
        ("172.16.0.0/12", "a private network, RFC 1918"),
        ("192.0.0.0/24", "kept for protocols, RFC 6890"),
        ("192.0.2.0/24", "documentation, RFC 5737"),
        ("192.88.99.0/24", "6to4 relays, RFC 7526"),
        ("192.168.0.0/16", "a private network, RFC 1918"),
        ("198.18.0.0/15", "benchmarks, RFC 2544"),
        ("198.51.100.0/24", "documentation, RFC 5737"),
        ("203.0.113.0/24", "documentation, RFC 5737"),
        ("224.0.0.0/4", "multicast, RFC 5771"),
        ("240.0.0.0/4", "reserved or broadcast, RFC 1112"),
        ("::/128", "this machine, RFC 4291"),
        ("::1/128", "this machine, RFC 4291"),
        ("::/96", "IPv4-compatible, RFC 4291"),
        ("::ffff:0:0/96", "IPv4-mapped, RFC 4291"),
        ("::ffff:0:0:0/96", "IPv4-translated, RFC 2765"),
        ("64:ff9b:1::/48", "a private network's NAT64, RFC 8215"),
        ("100::/64", "discarded, RFC 6666"),
        ("2001::/23", "Teredo and other protocols, RFC 2928"),
        ("2001:db8::/32", "documentation, RFC 3849"),
        ("2002::/16", "6to4, RFC 3056"),
        ("3fff::/20", "documentation, RFC 9637"),
        ("5f00::/16", "segment routing, RFC 9602"),
        ("fc00::/7", "a private network, RFC 4193"),
        ("fe80::/10", "link-local, RFC 4291"),
        ("fec0::/10", "site-local, RFC 3879"),
        ("ff00::/8", "multicast, RFC 4291"),
    )
)


@dataclass(frozen=True)
class Allowed:
    """A network, or a host by its name, that may be fetched from although it is not public."""

    network: IPv4Network | IPv6Network | None
    host: str
    port: int
    """0: any."""

    def covers(self, host: str, address: _IP, port: int) -> bool:
        """Whether `host`, which is at `address`, is meant."""
        if self.port not in (0, port):
            return False
        return host == self.host if self.network is None else address in self.network


def allowed(text: str) -> tuple[Allowed, ...]:
    """The entries of the setting, such as `10.1.0.0/16 wiki.intranet:8080 [fd00::1]:8443`.

    Raises:
        SettingsError: an entry is no network, address or host name.
    """
    entries = []
    for entry in text.split():
        try:
            entries.append(_entry(entry))
        except ValueError as error:
            told = "is no network, address or host name; write it as 10.1.0.0/16 or wiki.example:8080"
            raise SettingsError(f"{ALLOWANCE}: {shown(entry)!r} {told}") from error
    return tuple(entries)


def forbidden(host: str, port: int, answers: Iterable[str], entries: Sequence[Allowed]) -> str:
    """What one of a host's addresses is that may not be connected to: it is not public, and no entry allows it."""
    for answer in answers:
        address = _ip(answer)
        what = not_public(address)
        if what and not any(entry.covers(host, address, port) for entry in entries):
            return what
    return ""


def not_public(address: _IP) -> str:
    """What an address is, if it is none that everybody can reach; else empty."""
    for network, what in _NOT_PUBLIC:
        if address in network:
            return what
    if isinstance(address, IPv4Address):
        return "" if address.is_global else "not public, RFC 6890"
    if address not in _GLOBAL_UNICAST and address not in _NAT64:
        return "not global unicast, RFC 4291"
    inner = _embedded(address)
    return not_public(inner) if inner else ""


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to this one come out at: NAT64 (RFC 6052), ISATAP (RFC 5214)."""
    number = int(address)
    if address in _NAT64 or (number >> 32) & _ISATAP_MASK == _ISATAP:
        return IPv4Address(number & 0xFFFF_FFFF)
    return None


def _ip(answer: str) -> _IP:
    try:
        address = ip_address(answer)
    except ValueError:
        return IPv4Address(0)  # refused as any other that leads nowhere
    scoped = isinstance(address, IPv6Address) and address.scope_id
    return IPv6Address(0) if scoped else address


def _entry(entry: str) -> Allowed:
    place = _ENTRY.fullmatch(entry)
    what, port = (place[1] or place[2], int(place[3] or 0)) if place else (entry, 0)
    if port > LAST_PORT:
        raise ValueError("no port")
    if re.search(r"[:/]", what) or is_number(what):
        return Allowed(ip_network(what), "", port)
    return Allowed(None, host_name(what), port)

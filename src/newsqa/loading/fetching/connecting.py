"""Connections to checked addresses only: the name is resolved once, and what was checked is what is connected to."""

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from time import monotonic
from typing import Any

import httpcore

from newsqa.errors import LoadError
from newsqa.loading.fetching.addresses import is_number
from newsqa.loading.fetching.networks import ALLOWANCE, Allowed, forbidden

Resolve = Callable[[str, int], list[str]]
"""The addresses of a host name."""
HEAD_BYTES = 256_000
"""Of everything before the content: h11 itself takes 100 kB of headers at the most, but any number of 1xx answers."""
_ADDRESSES_TRIED = 3


@dataclass
class Meter:
    """What a request may still take in seconds and bytes, its redirects included."""

    deadline: float
    closed: Event = field(default_factory=Event)
    """Set when nobody wants the answer any longer."""
    bytes_left: int = HEAD_BYTES

    def seconds(self, most: float | None) -> float:
        """How long one step may take; `most` where there is more time."""
        left = self.deadline - monotonic()
        if left <= 0 or self.closed.is_set():
            raise httpcore.ReadTimeout
        return left if most is None else min(left, most)

    def count(self, received: int) -> None:
        """Takes so many bytes off."""
        self.bytes_left -= received
        if self.bytes_left < 0:
            raise httpcore.RemoteProtocolError


class Connector(httpcore.NetworkBackend):
    """Makes httpcore's connections, to checked addresses and within what the meter leaves."""

    def __init__(self, name: str, resolve: Resolve, entries: tuple[Allowed, ...], meter: Meter) -> None:
        self._name = name
        self._resolve = resolve
        self._entries = entries
        self._meter = meter
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to one of the host's addresses, once all of them are found to be permitted."""
        failure: Exception = httpcore.ConnectError()
        for address in self._checked(host, port, self._meter.seconds(timeout))[:_ADDRESSES_TRIED]:
            try:
                seconds = self._meter.seconds(timeout)
                stream = self._network.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Metered(stream, self._meter)
        raise failure

    def _checked(self, host: str, port: int, seconds: float) -> list[str]:
        """All addresses of a host, if each of them may be connected to."""
        addresses = _resolved(self._resolve, host, port, seconds)
        if not addresses:
            raise LoadError(f"{self._name}: there is no such host; check the address")
        if what := forbidden(host, port, addresses, self._entries):
            # The address itself is not told: what a private network looks like is nobody's business.
            way_out = f"whoever runs newsqa can allow it by {ALLOWANCE}"
            raise LoadError(f"{self._name}: is not on the public internet ({what}); {way_out}")
        return addresses


class _Metered(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, meter: Meter) -> None:
        self._stream = stream
        self._meter = meter

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(max_bytes, self._meter.seconds(timeout))
        self._meter.count(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._meter.seconds(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = self._meter.seconds(timeout)
        return _Metered(self._stream.start_tls(ssl_context, server_hostname, seconds), self._meter)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@contextmanager
def told(name: str) -> Iterator[None]:
    """What goes wrong on the way as LoadErrors, which hold nothing that the server wrote."""
    try:
        yield
    except httpcore.TimeoutException as error:
        raise LoadError(f"{name}: took too long to answer; try again later") from error
    except httpcore.NetworkError as error:
        raise LoadError(f"{name}: {_reason(error)}") from error
    except httpcore.ProtocolError as error:
        raise LoadError(f"{name}: broke off, or does not speak HTTP as it should; try again later") from error


def resolved(host: str, port: int) -> list[str]:
    """The addresses that the system knows a host by."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _resolved(resolve: Resolve, host: str, port: int, seconds: float) -> list[str]:
    """The addresses of a name, or of an IP address its own; in time, however slow the resolver is."""
    if ":" in host or is_number(host):
        return [host]
    answers: list[list[str]] = []

    def ask() -> None:
        try:
            answers.append(resolve(host, port))
        except (OSError, UnicodeError):
            answers.append([])

    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    if not answers:
        raise httpcore.ConnectTimeout
    return answers[0]


def _reason(error: httpcore.NetworkError) -> str:
    cause = error.args[0] if error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate can't be trusted ({cause.verify_message}); check the address"
    if isinstance(cause, ssl.SSLError):
        return "does not speak https as it should; check the address"
    strerror = getattr(cause, "strerror", None) or "the connection broke"
    return f"can't be reached ({strerror}); check the address, or try again later"

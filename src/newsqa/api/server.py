"""Serves an app: which addresses are allowed, how long a client may dally, and how it ends."""

import asyncio
import math
import signal
import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from newsqa.api.access import is_loopback, read_keys
from newsqa.api.logs import log_settings
from newsqa.errors import SettingsError
from newsqa.settings import ServerSettings

HEADER_SECONDS = 10.0
"""Longest time for the head of a request, from the opening of its connection or its first byte."""
HEADER_BYTES = 32_768
REPLY_SECONDS = 60.0
"""Longest time for a client to take what is ready for it, before anything more is sent."""
CONNECTIONS = 800
"""At one time; each is an open file, and a process has 1,024 of them unless the system was told otherwise."""


class PromptProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 that hangs up on those who are slow to send a request's head or to take a reply."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Expects a request, where there is room for one more."""
        super().connection_made(transport)
        self._sending = _Clock(self.loop, HEADER_SECONDS, self._hang_up)
        self._taking = _Clock(self.loop, REPLY_SECONDS, transport.abort)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Takes in what came."""
        super().data_received(data)
        self._expect()

    def pause_writing(self) -> None:
        """The client is behind with receiving."""
        super().pause_writing()
        self._taking.start()

    def resume_writing(self) -> None:
        """The client has caught up."""
        super().resume_writing()
        self._taking.stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clocks."""
        self._sending.stop()
        self._taking.stop()
        super().connection_lost(exc)

    def _expect(self) -> None:
        """Gives the client its time where a head is awaited, or the rest of a request that is answered already."""
        if self.conn.their_state is h11.IDLE or self.conn.our_state is h11.DONE:
            self._sending.start()
        else:
            self._sending.stop()

    def _hang_up(self) -> None:
        if self.conn.their_state is h11.IDLE:
            self.transport.write(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        self.transport.close()


class _Clock:
    """Calls when its time is over, unless it is stopped before."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, call: Callable[[], None]) -> None:
        self._loop, self._seconds, self._call = loop, seconds, call
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Lets it run; one that runs already goes on."""
        self._handle = self._handle or self._loop.call_later(self._seconds, self._call)

    def stop(self) -> None:
        """Puts it back."""
        if self._handle:
            self._handle.cancel()
            self._handle = None


class _Server(uvicorn.Server):
    """uvicorn's server, which tells those who hold connections open before it waits for them."""

    def __init__(self, config: uvicorn.Config, endings: Sequence[Callable[[], None]]) -> None:
        super().__init__(config)
        self._endings = endings

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for end in self._endings:
            end()
        await super().shutdown(sockets)


def check_address(host: str, settings: ServerSettings) -> None:
    """Refuses to serve other machines, be it through a proxy, without keys.

    Raises:
        SettingsError: there are no keys and `host` is not this machine only, or an entry is no key's.
    """
    if read_keys(settings.api_keys):
        return
    if settings.trusted_proxies:
        raise SettingsError("NEWSQA_TRUSTED_PROXIES without NEWSQA_API_KEYS lets everyone in: `newsqa keys new`")
    if not is_loopback(host):
        raise SettingsError(
            f"--host {host} lets other machines in, and there are no keys: make one with `newsqa keys new`, "
            "put its entry into NEWSQA_API_KEYS, or stay with --host 127.0.0.1"
        )


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one.

    Raises:
        SettingsError: the address can't be used.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise SettingsError(
            f"{host}:{port} can't be served ({error.strerror}): give another --port or --host"
        ) from error


def local_address(listening: socket.socket) -> str:
    """Where this machine's own commands reach what listens there; empty where only others do."""
    host, port = listening.getsockname()[:2]
    address = ip_address(host)
    if address.is_unspecified:
        address = ip_address("::1" if address.version == 6 else "127.0.0.1")
    name = f"[{address}]" if address.version == 6 else str(address)
    return f"http://{name}:{port}" if address.is_loopback else ""


def serve(app: FastAPI, settings: ServerSettings, listening: socket.socket, log_level: str = "info") -> None:
    """Serves the app until it is told to stop (SIGINT, SIGTERM); running answers are finished first."""
    config = uvicorn.Config(
        app,
        http=PromptProtocol,
        ws="none",
        log_config=log_settings(log_level),
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        h11_max_incomplete_event_size=HEADER_BYTES,
        timeout_graceful_shutdown=math.ceil(settings.answer_seconds),
    )
    # uvicorn stops gracefully, then sends itself the signal again: by default that would end the process at once.
    signal.signal(signal.SIGTERM, lambda *_: None)
    _Server(config, app.state.endings).run([listening])

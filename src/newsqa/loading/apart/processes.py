"""A worker process as its starter sees it: it is asked, waited for with a bound, and ended with all that it started."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from newsqa.loading.apart.wire import LENGTH, MAX_MESSAGE_BYTES, WireError, packed, unpacked
from newsqa.loading.given import Given

_START_SECONDS = 60.0
_MOST_FILES = 200
_MOST_BYTES = 1024**3
_PIECE = 1024 * 1024
_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_OTHER_FORMAT = "save it in another format"


@dataclass(frozen=True)
class Limits:
    """What one file may cost."""

    seconds: float
    """Between two articles."""
    most_seconds: float
    memory_bytes: int


class Worker:
    """One process, and the pipes to it.

    Raises:
        OSError: it can't be started.
        WireError: it ends, or hangs, before it is ready.
    """

    def __init__(self, limits: Limits, parsers: Mapping[str, str]) -> None:
        self._limits = limits
        self._files, self._bytes, self._resting = 0, 0, True
        settings = {"memory": limits.memory_bytes, "seconds": int(limits.most_seconds) + 1, "parsers": dict(parsers)}
        self._process = subprocess.Popen(  # noqa: S603  # this Python, and a module of this package
            [sys.executable, "-P", "-s", "-W", "ignore", "-m", "newsqa.loading.apart.worker", json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd=os.path.abspath(os.sep),  # noqa: PTH100  # the root, also where it has a letter
            env=_environment(),
            start_new_session=True,
        )
        for pipe in self._pipes():
            os.set_blocking(pipe.fileno(), False)
        try:
            unpacked(self._received(time.monotonic() + _START_SECONDS))
        except BaseException as error:
            self.stop()
            if isinstance(error, OSError | WireError):
                raise WireError("it does not come up") from error
            raise

    def is_fit(self) -> bool:
        """Whether it is done with its last file, lives, and is neither worn nor swollen."""
        worn = self._files >= _MOST_FILES or self._bytes > _MOST_BYTES
        return self._resting and not worn and self._process.poll() is None

    def messages(self, given: Given, kind: str) -> Iterator[dict[str, Any]]:
        """What it says of a file, message by message, to the last.

        Raises:
            WireError: it takes too long, ends, or says too much; the message tells which and the next step.
        """
        self._resting = False
        self._files += 1
        left, received = self._limits.most_seconds, 0
        try:
            asked = time.monotonic()
            self._ask(given, kind, asked + min(self._limits.seconds, left))
            while not self._resting:
                body = self._received(asked + min(self._limits.seconds, left))
                left -= time.monotonic() - asked
                received += len(body)
                if received > MAX_MESSAGE_BYTES * 16:
                    raise WireError("holds more text than can be taken over; split it")
                message = unpacked(body)
                self._note(message)
                yield message
                asked = time.monotonic()  # the caller's own time does not count
        except TimeoutError as error:
            seconds = self._limits.seconds if left > self._limits.seconds else self._limits.most_seconds
            raise WireError(f"took longer than {seconds:g} s to parse; split it, or {_OTHER_FORMAT}") from error
        except OSError as error:
            raise WireError(_ended(self.stop(), self._limits)) from error

    def stop(self) -> int:
        """Ends the process and what it started; gives how it ended, as `subprocess` tells it."""
        self._resting = False
        for pipe in self._pipes():
            with suppress(OSError):
                pipe.close()
        if self._process.returncode is None:
            with suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
        return self._process.wait()

    def _note(self, message: dict[str, Any]) -> None:
        if "short" in message:
            raise WireError(_too_much_memory(self._limits))
        self._resting = "done" in message or "failed" in message
        if isinstance(message.get("done"), int):
            self._bytes = message["done"]

    def _ask(self, given: Given, kind: str, until: float) -> None:
        name = given.name.encode(errors="replace").decode()
        header = {"name": name, "url": given.url, "content_type": given.content_type, "kind": kind}
        request = packed({**header, "bytes": len(given.content)})
        stdin, _ = self._pipes()
        for data in (request, given.content):
            rest = memoryview(data)
            while rest:
                _wait(stdin, selectors.EVENT_WRITE, until)
                with suppress(BlockingIOError):
                    rest = rest[os.write(stdin.fileno(), rest[:_PIECE]) :]

    def _received(self, until: float) -> bytes:
        (length,) = LENGTH.unpack(self._exactly(LENGTH.size, until))
        if length > MAX_MESSAGE_BYTES:
            raise WireError(f"its parser gave what it should not; {_OTHER_FORMAT}")
        return self._exactly(length, until)

    def _exactly(self, count: int, until: float) -> bytes:
        _, stdout = self._pipes()
        received = bytearray()
        while len(received) < count:
            _wait(stdout, selectors.EVENT_READ, until)
            with suppress(BlockingIOError):
                piece = os.read(stdout.fileno(), min(_PIECE, count - len(received)))
                if not piece:
                    raise ConnectionResetError
                received += piece
        return bytes(received)

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("a worker without pipes")
        return stdin, stdout


def _wait(pipe: IO[bytes], event: int, until: float) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, event)
        if not selector.select(max(0.0, until - time.monotonic())):
            raise TimeoutError


def _environment() -> dict[str, str]:
    """No keys and no settings: where programs and modules are, and nothing else."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    modules = os.pathsep.join(os.path.abspath(path) for path in sys.path)  # noqa: PTH100  # an empty one is here
    return {**kept, "PYTHONPATH": modules, "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}


def _ended(code: int, limits: Limits) -> str:
    if code == -signal.SIGXCPU:
        return f"took longer than {limits.most_seconds:g} s to parse; split it, or {_OTHER_FORMAT}"
    if code == -signal.SIGKILL:
        return "its parser was ended from outside, most likely for want of memory; split it, or try again"
    how = f"crashed (signal {-code})" if code < 0 else f"ended by itself (exit {code})"
    return f"its parser {how}; {_OTHER_FORMAT}"


def _too_much_memory(limits: Limits) -> str:
    return f"needs more memory than {limits.memory_bytes / 1e6:,.0f} MB to parse; split it, or {_OTHER_FORMAT}"

"""A real Chroma server for tests: the Rust one, as `chroma run` of the package starts it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import httpx

from tests.postgresql import free_port

_START_SECONDS = 60


@dataclass
class Chroma:
    """A server on a port of this machine; it can be killed and started again."""

    folder: Path
    port: int
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, folder: Path | None = None) -> None:
        """Starts it over its folder, or another one, and waits until it answers."""
        program = str(Path(sys.executable).with_name("chroma"))
        command = [
            program,
            "run",
            "--path",
            str(folder or self.folder),
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = monotonic() + _START_SECONDS
        while not self._answers():
            assert monotonic() < deadline, "Chroma did not get ready"
            sleep(0.05)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/v2/healthcheck", trust_env=False).is_success
        except httpx.TransportError:
            return False


@contextmanager
def chroma(folder: Path) -> Iterator[Chroma]:
    """A server over this folder, started."""
    server = Chroma(folder, free_port())
    server.start()
    try:
        yield server
    finally:
        server.kill()

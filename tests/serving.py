"""Real server processes for tests over real HTTP."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

ON_LOOPBACK = pytest.mark.allow_hosts(["127.0.0.1"])
"""For tests that need a server: they reach this machine and nothing else."""
START_SECONDS = 60


@dataclass
class Server:
    """A running `newsqa serve`, its address and its log."""

    url: str
    process: "subprocess.Popen[str]"
    log_file: Path

    def client(self, key: str = "", **options: Any) -> httpx.Client:
        """A client of it, with a key where one is given."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=90, trust_env=False, **options)

    def log(self) -> list[dict[str, Any]]:
        """The lines of its log that are JSON."""
        lines = self.log_file.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def stop(self) -> int:
        """Asks it to stop, and waits for its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


@contextmanager
def serving(
    folder: Path, settings: Mapping[str, str] | None = None, *, page: bool = False, port: str = "0"
) -> Iterator[Server]:
    """A server over the library in `folder`, ready, with its page or without; stopped at the end."""
    log_file = folder.parent / f"{folder.name}.log"
    environment = {
        **os.environ,
        "NEWSQA_DATA_DIR": str(folder),
        "NEWSQA_RATE_LIMIT": "100000/minute",
        **(settings or {}),
    }
    command = [sys.executable, "-m", "newsqa.cli", "serve", "--port", port, "--page" if page else "--no-page"]
    with log_file.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stderr=log, stdout=log, text=True, env=environment)
    try:
        server = _ready(process, log_file)
        if page:
            _await_page(server)
        yield server
    finally:
        process.kill()
        process.wait()


def _ready(process: "subprocess.Popen[str]", log_file: Path) -> Server:
    deadline = monotonic() + START_SECONDS
    while monotonic() < deadline and process.poll() is None:
        found = re.search(r"(http://\S+?)/docs", log_file.read_text(encoding="utf-8"))
        if found:
            server = Server(found[1], process, log_file)
            with server.client() as client:
                if _answers(client):
                    return server
        sleep(0.05)
    raise AssertionError(f"the server did not get ready:\n{log_file.read_text(encoding='utf-8')}")


def _await_page(server: Server) -> None:
    deadline = monotonic() + START_SECONDS
    while not any(line["message"] == "page ready" for line in server.log()):
        assert monotonic() < deadline, "the page did not get ready"
        sleep(0.05)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def events(response: httpx.Response) -> Iterator[dict[str, Any]]:
    """The events of a stream as they come; each one's JSON has the event's name as its `type`."""
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            event = json.loads(line.removeprefix("data: "))
            assert name == event["type"]
            yield event

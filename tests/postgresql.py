"""A real PostgreSQL server for tests, of Debian's package, run by an ordinary user in a folder of its own."""

import os
import pwd
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest

_USER, _PASSWORD = "newsqa", "se:cret@/%"
_ORDERED_OTHERWISE = "ENCODING 'UTF8' LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'en'"
_START_SECONDS = 60
_FAST = ("fsync=off", "full_page_writes=off", "max_connections=60", "unix_socket_directories=", "shared_buffers=32MB")
"""Of a server that need not outlive its machine; a process that is killed loses nothing by them."""


@dataclass
class PostgreSQL:
    """A server on a port of this machine; it can be killed and started again."""

    folder: Path
    port: int
    _programs: Path
    _process: "subprocess.Popen[bytes] | None" = None
    _numbers: Iterator[int] = field(default_factory=count)

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data"), "-h", "127.0.0.1"]
        options = [part for option in _FAST for part in ("-c", option)]
        whole, deadline = [*command, "-p", str(self.port), *options], monotonic() + _START_SECONDS
        while not self._answers():
            assert monotonic() < deadline, (self.folder / "log").read_text()
            if self._process is None or self._process.poll() is not None:  # or those of a killed one are still there
                with (self.folder / "log").open("ab") as log:
                    self._process = subprocess.Popen(whole, stdout=log, stderr=log, **_ordinary())
            sleep(0.05)

    def kill(self) -> None:
        """Kills it; what it started for its connections ends as soon as it notices."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def cut_connections(self) -> None:
        """Ends every connection, as an administrator may."""
        with self._connection() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )

    def database(self, options: str = _ORDERED_OTHERWISE) -> str:
        """The address of a new database, with a name, a password and an order of letters that need care."""
        name = f"news {next(self._numbers)}"
        with self._connection() as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0 {options}')
        password = "".join(f"%{ord(char):02x}" for char in _PASSWORD)
        return f"postgresql://{_USER}:{password}@127.0.0.1:{self.port}/{name.replace(' ', '%20')}"

    def empty(self, url: str) -> None:
        """Drops all that is in a database; that is quicker than a new one."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")

    def _connection(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=_USER, password=_PASSWORD, dbname="postgres", autocommit=True
        )

    def _answers(self) -> bool:
        try:
            self._connection().close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A server, started; skips the test where PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is not installed: apt install postgresql")
    with TemporaryDirectory(prefix="newsqa-postgresql-") as folder:
        _make(found[-1], Path(folder))
        server = PostgreSQL(Path(folder), free_port(), found[-1].parent)
        server.start()
        try:
            yield server
        finally:
            server.kill()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _make(initdb: Path, folder: Path) -> None:
    password = folder / "password"
    password.write_text(_PASSWORD)
    folder.chmod(0o755)
    password.chmod(0o644)
    (folder / "data").mkdir()
    if user := _ordinary():
        os.chown(folder / "data", user["user"], user["group"])
    command = [str(initdb), "-D", str(folder / "data"), "-U", _USER, "-A", "scram-sha-256", "--no-sync"]
    command += [f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8"]
    subprocess.run(command, check=True, capture_output=True, **_ordinary())


def _ordinary() -> dict[str, Any]:
    """Who runs it, as it refuses to be run by root: nobody, where this is root."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid}

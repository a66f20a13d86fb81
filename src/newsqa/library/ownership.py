"""One process owns a library folder; a second one is told who does, and of a server how to have its work done there."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from newsqa.errors import LibraryLockedError

_FILE, _LOCK = "owner.json", "owner.lock"
_PATIENCE_SECONDS = 0.2
"""For the lock: whoever asks whether it is held holds it for a moment."""


@dataclass(frozen=True)
class Owner:
    """The process that has a library open."""

    pid: int
    url: str = ""
    """Where it serves; empty where it is no server that this machine reaches."""
    secret: str = field(default="", repr=False)
    """What lets in whoever may read this library's folder; made anew for every run of a server."""


class Ownership:
    """The lock of one library folder, held until `release` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        """Takes the lock.

        Raises:
            LibraryLockedError: another process (or another open library of this one) has it.
        """
        self._folder = folder
        self._lock = FileLock(folder / _LOCK, timeout=_PATIENCE_SECONDS)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise LibraryLockedError(_refusal(folder)) from error
        self._write(Owner(os.getpid()))

    def announce(self, url: str, secret: str) -> None:
        """Lets commands find the server that this process is."""
        self._write(Owner(os.getpid(), url, secret))

    def release(self) -> None:
        """Lets the next process in."""
        (self._folder / _FILE).unlink(missing_ok=True)
        self._lock.release()

    def _write(self, owner: Owner) -> None:
        """Writes who has it, whole or not at all, for this user's eyes only."""
        part = self._folder / f"{_FILE}.part"
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(owner), file)
        part.replace(self._folder / _FILE)


def server_of(folder: Path) -> Owner | None:
    """The server that has the library in this folder; None where none has, whatever a killed one left behind."""
    owner = _owner(folder)
    return owner if owner and owner.url and _is_held(folder) else None


def _owner(folder: Path) -> Owner | None:
    """Who says that it has the library, as long as it lives."""
    try:
        owner = Owner(**json.loads((folder / _FILE).read_text(encoding="utf-8")))
        os.kill(owner.pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return owner


def _is_held(folder: Path) -> bool:
    try:
        with FileLock(folder / _LOCK, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def _refusal(folder: Path) -> str:
    owner = _owner(folder)
    named = f"the process with pid {owner.pid}" if owner else "another process, which has not said which it is"
    if owner and owner.pid == os.getpid():
        named = "this process, which has it open already"
    return (
        f"the library {folder} belongs to {named}: ask through the API of the running server, "
        "close the other one first, or point NEWSQA_DATA_DIR at another folder"
    )

"""One process owns a library folder; a second one is told who does."""

import os
from pathlib import Path

from filelock import FileLock, Timeout

from newsqa.errors import LibraryLockedError


class Ownership:
    """The lock of one library folder, held until `release` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        """Takes the lock.

        Raises:
            LibraryLockedError: another process (or another open library of this one) has it.
        """
        self._pid_file = folder / "owner.pid"
        self._lock = FileLock(folder / "owner.lock", timeout=0)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise LibraryLockedError(self._message(folder)) from error
        self._pid_file.write_text(str(os.getpid()), encoding="ascii")

    def release(self) -> None:
        """Lets the next process in."""
        self._pid_file.unlink(missing_ok=True)
        self._lock.release()

    def _message(self, folder: Path) -> str:
        pid = self._pid_file.read_text(encoding="ascii") if self._pid_file.exists() else "unknown"
        owner = "this process, which has it open already" if pid == str(os.getpid()) else f"the process with pid {pid}"
        return (
            f"the library {folder} belongs to {owner}: ask through the API of the running server, "
            "close the other one first, or point NEWSQA_DATA_DIR at another folder"
        )

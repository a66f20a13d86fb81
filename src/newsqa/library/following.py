"""Chroma follows the catalogue: it is opened, tried, set aside or rebuilt, and brought up to date in a thread."""

import json
import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from newsqa.library.catalogue import Catalogue
from newsqa.library.vectors import COLLECTION, Vectors

LOG = logging.getLogger("newsqa.library")
AT_ONCE = 500
"""Vectors brought to Chroma together."""
MOST_AT_THE_END = 2000
"""Vectors that are still brought to Chroma when the library is closed; the next opening goes on with more."""
PROBE_SECONDS = 300.0
_SAMPLE = 64
_MOST_LOST = 0.1
"""Share of the sample that may not be found by their own vectors: the search is approximate."""
_LOOK_SECONDS = 0.01
_AGAIN_SECONDS = 10.0
_PROBE = Path(__file__).with_name("probe.py")


class Follower:
    """Chroma in a folder, brought into step with the catalogue by a thread; until it is, `ready` is not set.

    Nothing is lost with it: the catalogue has all vectors. A folder that was not closed in good order is tried by a
    process of its own (`probe.py`) before it is opened here, and set aside where that one fails.
    """

    def __init__(self, folder: Path, catalogue: Catalogue, on_write: Callable[[str], None]) -> None:
        """Starts the thread where there is something to do; else the first search or change does.

        Args:
            folder: of Chroma; made when missing.
            catalogue: is followed.
            on_write: is told the name of each write point as it is passed.
        """
        self._folder, self._catalogue, self._on_write = folder, catalogue, on_write
        self._closed = folder.with_name(f"{folder.name}.closed")
        self._vectors: Vectors | None = None
        self._changed, self._stopped, self._settling = threading.Event(), threading.Event(), threading.Lock()
        self._thread: threading.Thread | None = None
        self.ready = threading.Event()
        """Set while Chroma is open; what it is behind in is in the catalogue."""
        self.trouble = ""
        """Why Chroma can't be used, if so."""
        if catalogue.count_unsettled() or (folder.exists() and not self._closed_well()):
            self.follow()

    def follow(self) -> None:
        """Lets the thread bring Chroma up to date."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="newsqa-vectors", daemon=True)
            self._thread.start()
        self._changed.set()

    def nearest(self, vector: Sequence[float], k: int) -> list[str] | None:
        """The `k` nearest passage ids, as Chroma finds them; None where it can't be used, or not yet."""
        if not self.ready.is_set():
            self.follow()
        vectors = self._vectors if self.ready.is_set() else None
        if vectors is None:
            return None
        try:
            return vectors.nearest(vector, k)
        except Exception as error:  # noqa: BLE001  # Chroma's errors share no class; the answer does not depend on it
            self._give_up(error)
            return None

    def ids(self) -> set[str]:
        """The ids that Chroma has, once it is up to date."""
        self.settle()
        return self._vectors.ids() if self._vectors else set()

    def settle(self) -> None:
        """Returns when Chroma is up to date, or can't be used."""
        self.follow()
        while not self.trouble and (not self.ready.is_set() or self._catalogue.count_unsettled()):
            time.sleep(_LOOK_SECONDS)

    def rebuild(self, on_progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Sets Chroma's folder aside and makes it anew from the catalogue.

        Args:
            on_progress: is told how many passages are done, and of how many.
        """
        self.forget()
        self.follow()
        total = self._catalogue.counts()["passages"]
        while not self.trouble and (not self.ready.is_set() or self._catalogue.count_unsettled()):
            on_progress(max(0, total - self._catalogue.count_unsettled()) if self.ready.is_set() else 0, total)
            time.sleep(_LOOK_SECONDS)

    def forget(self) -> None:
        """Sets Chroma's folder aside; what is opened next is empty."""
        with self._settling:
            self._let_go()
            if self._folder.exists():
                self._set_aside("it is made anew")

    def close(self) -> None:
        """Lets go of the folder; what is left to do, if it is much, is done after the next opening."""
        if 0 < self._catalogue.count_unsettled() <= MOST_AT_THE_END:
            self.settle()
        self._stopped.set()
        self._changed.set()
        if self._thread:
            self._thread.join()
        if self._vectors:
            self._let_go()
            self._closed.write_text(self._state(), encoding="utf-8")

    def _run(self) -> None:
        """The thread: what fails is tried again later, with a folder that is tried first."""
        while not self._stopped.is_set():
            self._changed.clear()
            wait = None
            try:
                with self._settling:
                    if self._vectors is None:
                        self._try_folder()
                        self._open()
                self._settle()
            except Exception as error:  # noqa: BLE001  # likewise
                self._give_up(error)
                wait = _AGAIN_SECONDS
            self._changed.wait(wait)

    def _open(self) -> None:
        if not self._folder.exists():
            self._catalogue.unsettle()
            self._on_write("rebuild: noted")
        self._vectors = Vectors(self._folder)
        self.trouble = ""
        self.ready.set()

    def _settle(self) -> None:
        """Brings Chroma what it lacks and takes from it what is gone, as far as the catalogue's note says so."""
        while not self._stopped.is_set() or self._catalogue.count_unsettled() <= MOST_AT_THE_END:
            with self._settling:
                part = self._catalogue.unsettled(AT_ONCE)
                if not part or self._vectors is None:
                    return
                self._vectors.remove([id for id, vector in part.items() if vector is None])
                self._on_write("settle: removed")
                self._vectors.put({id: _vector(kept) for id, kept in part.items() if kept is not None})
                self._on_write("settle: vectors written")
                self._catalogue.settle(part)
                self._on_write("settle: noted")

    def _try_folder(self) -> None:
        """Sets a folder aside that can't be used, and notes what one that can is behind in."""
        good = self._closed_well()
        self._closed.unlink(missing_ok=True)
        if good or not self._folder.exists():
            return
        sample = self._catalogue.vectors(_SAMPLE)
        try:
            found = probed(self._folder, {id: _vector(kept).tolist() for id, kept in sample.items()})
        except ProbeError as error:
            self._set_aside(str(error))
            return
        behind = self._catalogue.unsettled().keys()
        if found["wrong"] - behind or len(found["lost"] - behind) > len(sample) * _MOST_LOST:
            self._set_aside("its vectors are not the catalogue's")
            return
        self._catalogue.unsettle(found["ids"] ^ set(self._catalogue.passage_ids()))

    def _set_aside(self, why: str) -> None:
        aside = self._folder.with_name(f"{self._folder.name}.damaged")
        LOG.warning("the vectors are rebuilt from the catalogue", extra={"why": why, "set_aside": str(aside)})
        shutil.rmtree(aside, ignore_errors=True)
        self._folder.rename(aside)
        self._on_write("rebuild: set aside")

    def _let_go(self) -> None:
        self.ready.clear()
        vectors, self._vectors = self._vectors, None
        if vectors:
            vectors.close()

    def _give_up(self, error: Exception) -> None:
        self._let_go()
        self.trouble = f"Chroma's folder {self._folder} can't be used ({error}): `newsqa doctor --repair` makes it anew"
        LOG.error("the vectors can't be used; all passages are compared instead", extra={"why": str(error)})

    def _closed_well(self) -> bool:
        return self._closed.exists() and self._closed.read_text(encoding="utf-8") == self._state()

    def _state(self) -> str:
        """Names, sizes and times of all files: another state was not left by a closing."""
        files = sorted(file for file in self._folder.rglob("*") if file.is_file())
        stats = [(str(file.relative_to(self._folder)), file.stat()) for file in files]
        return json.dumps([[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats])


class ProbeError(Exception):
    """The folder can't be used; says why."""


def probed(folder: Path, sample: dict[str, list[float]]) -> dict[str, set[str]]:
    """What a process of its own finds in a Chroma folder: `ids`, and which of the sample are `wrong` or `lost`.

    Raises:
        ProbeError: it fails, crashes or hangs.
    """
    asked = json.dumps({"collection": COLLECTION, "sample": sample})
    command = [sys.executable, "-P", "-W", "ignore", str(_PROBE), str(folder)]
    try:
        done = subprocess.run(  # noqa: S603  # this Python, and a file of this package
            command, input=asked, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ProbeError(f"opening it took more than {PROBE_SECONDS:.0f} seconds") from None
    if done.returncode < 0:
        raise ProbeError(f"opening it crashed (signal {-done.returncode})")
    try:
        found = {name: set(ids) for name, ids in json.loads(done.stdout).items()}
    except ValueError:
        last = done.stderr.strip().splitlines()[-1:] or ["no word of why"]
        raise ProbeError(f"it can't be opened: {last[0][:300]}") from None
    return found


def _vector(kept: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    return np.frombuffer(kept, "<f2").astype(np.float32)

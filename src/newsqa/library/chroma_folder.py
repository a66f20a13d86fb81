"""Chroma in a folder of this process: tried before it is opened, set aside where it can't be used, made anew."""

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from newsqa.library.catalogue import Catalogue
from newsqa.library.vectors import COLLECTION, Vectors, from_stored

LOG = logging.getLogger("newsqa.library")
PROBE_SECONDS = 300.0
_SAMPLE = 64
_MOST_LOST = 0.1
"""Share of the sample that may not be found by their own vectors: the search is approximate."""
_PROBE = Path(__file__).with_name("probe.py")


class ChromaFolder:
    """A folder that was not closed in good order is tried by a process of its own (`probe.py`) before it is opened."""

    looks_after = None

    def __init__(self, folder: Path, catalogue: Catalogue, on_write: Callable[[str], None]) -> None:
        """Opens nothing yet; arguments as of `Follower`."""
        self._folder, self._catalogue, self._on_write = folder, catalogue, on_write
        self._closed = folder.with_name(f"{folder.name}.closed")

    def __str__(self) -> str:
        return f"Chroma's folder {self._folder}"

    @property
    def remedy(self) -> str:
        """What helps where it can't be used."""
        return "`newsqa doctor --repair` makes it anew"

    def is_doubtful(self) -> bool:
        """Whether it is to be tried."""
        return self._folder.exists() and not self._closed_well()

    def look(self) -> None:
        """Nothing: it is this process's own."""

    def open(self, *, alone: bool) -> Vectors:
        """The vectors, once what they are behind in is noted; of a new folder where this one can't be used."""
        del alone  # it always is
        self._try_folder()
        if self._folder.exists():
            vectors = Vectors.in_folder(self._folder)
            if not self._has_lost(vectors):
                return vectors
            vectors.close()
            self._set_aside("it has not as many vectors as it should, or can't be read")
        passages = self._catalogue.counts()["passages"]
        if passages > self._catalogue.count_unsettled():
            LOG.warning("Chroma gets all %d vectors anew; until then all passages are compared, exactly", passages)
        self._catalogue.unsettle()
        self._on_write("rebuild: noted")
        return Vectors.in_folder(self._folder)

    def forget(self) -> None:
        """Removes it; what is opened next is empty."""
        if self._folder.exists():
            shutil.rmtree(self._renamed(), ignore_errors=True)

    def _try_folder(self) -> None:
        """Sets a folder aside that can't be used, and notes what one that can is behind in."""
        good = self._closed_well()
        self._closed.unlink(missing_ok=True)
        if good or not self._folder.exists():
            return
        sample = self._catalogue.vectors(_SAMPLE)
        try:
            found = probed(self._folder, {id: from_stored(kept).tolist() for id, kept in sample.items()})
        except ProbeError as error:
            self._set_aside(str(error))
            return
        behind = self._catalogue.unsettled().keys()
        if found["wrong"] - behind or len(found["lost"] - behind) > len(sample) * _MOST_LOST:
            self._set_aside("its vectors are not the catalogue's")
            return
        self._catalogue.unsettle(found["ids"] ^ set(self._catalogue.passage_ids()))

    def _has_lost(self, vectors: Vectors) -> bool:
        """Whether there are too few or too many, though no change is on its way, or nobody can tell."""
        passages = self._catalogue.counts()["passages"]
        try:
            there = vectors.count()
        except Exception:  # noqa: BLE001  # Chroma's errors share no class
            return True
        _, behind = self._catalogue.last_change()
        return there != passages and not behind

    def _set_aside(self, why: str) -> None:
        aside = self._renamed()
        LOG.warning("Chroma's folder is set aside: %s", why, extra={"set_aside": str(aside)})

    def _renamed(self) -> Path:
        """Where it stands now, in the place of one that was set aside before."""
        aside = self._folder.with_name(f"{self._folder.name}.damaged")
        shutil.rmtree(aside, ignore_errors=True)
        self._folder.rename(aside)
        self._on_write("rebuild: set aside")
        return aside

    def note_closing(self) -> None:
        """Notes the state of the folder once it is on the disk; one without such a note is tried before it is used."""
        with suppress(OSError):  # of a full disk
            for file in self._files():
                with file.open("r+b") as opened:
                    os.fsync(opened)
            self._closed.write_text(self._state(), encoding="utf-8")

    def _closed_well(self) -> bool:
        with suppress(OSError):
            return self._closed.read_bytes() == self._state().encode()
        return False

    def _state(self) -> str:
        """The catalogue's last change, and names, sizes and times of all files: others were not left by a closing."""
        change, _ = self._catalogue.last_change()
        stats = [(str(file.relative_to(self._folder)), file.stat()) for file in self._files()]
        return json.dumps([change, [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]])

    def _files(self) -> list[Path]:
        return sorted(file for file in self._folder.rglob("*") if file.is_file())


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

"""Chroma follows the catalogue: it is opened and brought up to date in a thread."""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

from newsqa.errors import LibraryUnreachableError
from newsqa.library.catalogue import Catalogue
from newsqa.library.vectors import Vectors, from_stored

Found = TypeVar("Found")
LOG = logging.getLogger("newsqa.library")
AT_ONCE = 500
"""Vectors brought to Chroma together."""
MOST_AT_THE_END = 2000
"""Vectors that are still brought to Chroma when the library is closed; the next opening goes on with more."""
LEAST_GONE = 5000
"""Vectors that are forgotten before it is worth to begin anew: Chroma keeps the place of each, 2.1 KB."""
_TOLD_AFTER = 5000
PATIENCE_SECONDS = 20.0
"""Without a step of the thread's, after which closing waits for it no longer: Chroma may hang in a damaged file."""
_LOOK_SECONDS = 0.01
_AGAIN_SECONDS = 10.0


class Place(Protocol):
    """Where Chroma is. What goes wrong there is raised, in whatever class."""

    @property
    def looks_after(self) -> float | None:
        """Seconds after which to look whether it is still there."""

    @property
    def remedy(self) -> str:
        """What helps where it can't be used."""

    def is_doubtful(self) -> bool:
        """Whether it is to be opened though nothing is asked of it."""

    def look(self) -> None:
        """Makes sure that it is still there."""

    def open(self, *, alone: bool) -> Vectors | None:
        """The vectors, once what they are behind in is noted; None where another process has that to do."""

    def forget(self) -> None:
        """Forgets all vectors."""

    def note_closing(self) -> None:
        """Notes that it was closed in good order."""


class Follower:
    """Chroma, brought into step with the catalogue by a thread; until it is, `ready` is not set.

    Nothing is lost with it: the catalogue has all vectors. Where several processes share it, one at a time does this.
    """

    def __init__(self, place: Place, catalogue: Catalogue, on_write: Callable[[str], None]) -> None:
        """Starts the thread where there is something to do; else the first search or change does.

        Args:
            place: of Chroma.
            catalogue: is followed.
            on_write: is told the name of each write point as it is passed.
        """
        self._place, self._catalogue, self._on_write = place, catalogue, on_write
        self._vectors: Vectors | None = None
        self._changed, self._stopped, self._settling = threading.Event(), threading.Event(), threading.Lock()
        self._thread: threading.Thread | None = None
        self.ready = threading.Event()
        """Set while Chroma is open; what it is behind in is in the catalogue."""
        self.trouble = ""
        """Why Chroma can't be used, if so."""
        if catalogue.count_unsettled() or place.is_doubtful():
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
        return self._asked(lambda vectors: vectors.nearest(vector, k))

    def ids(self, on_progress: Callable[[int, int], None] = lambda done, total: None) -> set[str]:
        """The ids that Chroma has, once it is up to date; none where it can't be used. The argument is `settle`'s."""
        for _ in range(2):  # what turns out to be damaged is made anew by then
            self.settle(on_progress)
            found = self._asked(Vectors.ids)
            if found is not None:
                return found
        return set()

    def settle(
        self,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
        patience: float = math.inf,
    ) -> None:
        """Returns when Chroma is up to date, or can't be used.

        Args:
            on_progress: is told how many passages Chroma knows of, and of how many.
            patience: seconds without progress after which it returns all the same.
        """
        self.trouble = ""
        self.follow()
        total = before = self._catalogue.counts()["passages"]
        until = time.monotonic() + patience
        while not self.trouble and time.monotonic() < until:
            ready = self.ready.is_set()
            left = self._catalogue.count_unsettled() if ready else total
            if ready and not left:
                return
            on_progress(max(0, total - left), total)
            if left != before:
                before, until = left, time.monotonic() + patience
            time.sleep(_LOOK_SECONDS)

    def forget(self) -> None:
        """Forgets what Chroma has; what is opened next is empty."""
        with self._catalogue.following.held():
            self._begin_anew()

    def close(self, patience: float = PATIENCE_SECONDS) -> None:
        """Lets go of Chroma; what is left to do, if it is much, is done after the next opening.

        Args:
            patience: seconds for each step; where Chroma hangs for longer it is left as it is.
        """
        with suppress(LibraryUnreachableError):
            if 0 < self._catalogue.count_unsettled() <= MOST_AT_THE_END:
                self.settle(patience=patience)
        self._stopped.set()
        self._changed.set()
        if self._thread:
            self._thread.join(patience)
            if self._thread.is_alive():
                LOG.error("%s does not answer; it is left as it is, and tried when the library is opened", self._place)
                return
        if self._vectors:
            self._let_go()
            self._place.note_closing()

    def _run(self) -> None:
        """The thread: what fails is tried again later."""
        while not self._stopped.is_set():
            self._changed.clear()
            wait = self._place.looks_after
            try:
                with self._catalogue.following.held(wait=False) as alone:
                    self._open(alone=alone)
                    if alone:
                        self._settle()
                        self._renew_if_worn()
            except LibraryUnreachableError:  # which is no fault of Chroma's; but the right to use it is gone with it
                self._let_go()
                wait = wait or _AGAIN_SECONDS
            except Exception as error:  # noqa: BLE001  # Chroma's errors share no class
                self._give_up(error)
                wait = wait or _AGAIN_SECONDS
            self._changed.wait(wait)

    def _open(self, *, alone: bool) -> None:
        """Opens Chroma, or makes sure that it is still there."""
        with self._settling:
            if self._vectors:
                self._place.look()
                return
            self._vectors = self._place.open(alone=alone)
            if self._vectors:
                if self.trouble:
                    LOG.warning("the vectors can be used again")
                self.trouble = ""
                self.ready.set()

    def _settle(self) -> None:
        """Brings Chroma what it lacks and takes from it what is gone, as far as the catalogue's note says so."""
        done, total = 0, self._catalogue.count_unsettled()
        while not self._stopped.is_set() or self._catalogue.count_unsettled() <= MOST_AT_THE_END:
            with self._settling:
                part = self._catalogue.unsettled(AT_ONCE)
                vectors = self._vectors
                if not part or vectors is None:
                    return
                vectors.remove([id for id, vector in part.items() if vector is None])
                self._on_write("settle: removed")
                vectors.put({id: from_stored(kept) for id, kept in part.items() if kept is not None})
                self._on_write("settle: vectors written")
                self._catalogue.following.check()
                self._catalogue.settle(part)
                self._on_write("settle: noted")
            before, done = done, done + len(part)
            if done // _TOLD_AFTER > before // _TOLD_AFTER:
                LOG.info("vectors are brought to Chroma", extra={"done": done, "of": max(done, total)})

    def _renew_if_worn(self) -> None:
        """Begins anew once most places of Chroma's index are of passages that are gone."""
        gone = self._catalogue.count_gone() if self._vectors and not self._stopped.is_set() else 0
        if gone > LEAST_GONE and gone > self._catalogue.counts()["passages"]:
            LOG.info("Chroma gets all vectors anew: most places of its index are of passages that are gone")
            self._begin_anew()
            self.follow()

    def _begin_anew(self) -> None:
        with self._settling:
            self._let_go()
            self._place.forget()
            self.trouble = ""

    def _asked(self, ask: Callable[[Vectors], Found]) -> Found | None:
        """What Chroma says; None where it can't be used."""
        vectors = self._vectors if self.ready.is_set() else None
        try:
            return ask(vectors) if vectors else None
        except Exception as error:  # noqa: BLE001  # Chroma's errors share no class; no answer depends on it
            if vectors is self._vectors:  # else somebody let go of them meanwhile
                self._give_up(error)
            return None

    def _let_go(self) -> None:
        self.ready.clear()
        vectors, self._vectors = self._vectors, None
        if vectors:
            vectors.close()

    def _give_up(self, error: Exception) -> None:
        self._let_go()
        if not self.trouble:
            LOG.error("the vectors can't be used; all passages are compared instead", extra={"why": str(error)})
        self.trouble = f"{self._place} can't be used ({error}): {self._place.remedy}"

"""Parses files of strangers in a process of their own, which may hang, crash or be taken over without harm to ours."""

import threading
from collections.abc import Iterator, Mapping
from typing import Self

from newsqa.errors import LoadError
from newsqa.loading.apart.processes import Limits, Worker
from newsqa.loading.apart.wire import WireError, error_of, item_of
from newsqa.loading.given import Given, Parsed

_MOST_IDLE = 2


class Workshop:
    """Parses each file in a worker process; a context manager, and safe to use by several threads.

    A worker serves one file at a time and is kept for the next; after a failure, after many files, or when it has
    grown, a new one takes its place. A call that finds none idle starts one, so calls may stand within each other.
    """

    def __init__(
        self,
        *,
        seconds: float = 60,
        most_seconds: float = 600,
        memory_bytes: int = 2 * 1024**3,
        parsers: Mapping[str, str] | None = None,
    ) -> None:
        """Starts nothing yet.

        Args:
            seconds: that are waited for the next article of a file, at most.
            most_seconds: that are waited for all of a file, at most; the time between is the caller's.
            memory_bytes: of address space, which a worker can't go beyond.
            parsers: modules by kind that stand beside those of the package.
        """
        self._limits = Limits(seconds, most_seconds, memory_bytes)
        self._parsers = dict(parsers or {})
        self._idle: list[Worker] = []
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the workers that are idle; one that still works is ended by the call that uses it."""
        with self._lock:
            self._closed, idle, self._idle = True, self._idle, []
        for worker in idle:
            worker.stop()

    def parse(self, given: Given, kind: str) -> Iterator[Parsed | LoadError]:
        """The articles and links of a file as they come, and an error for each part of it that can't be read.

        Raises:
            LoadError: the file as a whole can't be read, or not to its end: also where its parser takes too long,
                needs too much memory, or crashes.
        """
        try:
            worker = self._taken()
        except (OSError, WireError) as error:
            raise LoadError(f"{given.name}: no process can be started to parse it ({error}); try again") from error
        try:
            for message in worker.messages(given, kind):
                item = item_of(message, given.name)
                if item is not None:
                    yield item
                elif "failed" in message:
                    raise error_of(message["failed"], given.name)
        except WireError as error:
            worker.stop()
            raise LoadError(f"{given.name}: {error}") from error
        finally:
            self._put_back(worker)

    def _taken(self) -> Worker:
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                return Worker(self._limits, self._parsers)
            if worker.is_fit():
                return worker
            worker.stop()

    def _put_back(self, worker: Worker) -> None:
        with self._lock:
            kept = worker.is_fit() and len(self._idle) < _MOST_IDLE and not self._closed
            if kept:
                self._idle.append(worker)
        if not kept:
            worker.stop()

"""Runs questions on worker threads: so many at a time, the rest wait in order, and what nobody waits for stops."""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any, TypeVar, Unpack

from newsqa.api.problems import RETRY_AFTER, ProblemError
from newsqa.assistant import Assistant, Options
from newsqa.domain import Event, Filters, ScoredPassage

Result = TypeVar("Result")


class Questions:
    """Asks the assistant without holding up the event loop."""

    def __init__(self, assistant: Assistant, most: int, seconds: float, at_once: int = 0) -> None:
        """Starts no thread yet.

        Args:
            assistant: answers.
            most: questions answered and waiting at one time.
            seconds: for one answer, waiting included.
            at_once: questions that are answered at one time; one a core unless given.
        """
        workers = at_once or len(os.sched_getaffinity(0))
        self._assistant, self._most, self._seconds = assistant, most, seconds
        self._understanding = ThreadPoolExecutor(max(2, at_once), "newsqa-understanding")
        self._answering = ThreadPoolExecutor(workers, "newsqa-answering")
        self._slots = asyncio.Semaphore(workers)
        self._tasks: set[asyncio.Task[Any]] = set()
        self.running = 0
        """Questions and searches that a worker has."""

    @property
    def waiting(self) -> int:
        """Those that no worker has taken yet."""
        return len(self._tasks) - self.running

    async def stream(self, question: str, **options: Unpack[Options]) -> AsyncGenerator[Event, None]:
        """The answer's events as they come, `start` before a worker is free; the work stops when this is closed.

        Raises:
            ProblemError: `too-busy`, `answer-too-slow`.
            NewsqaError: as the assistant raises.
        """
        self._check_room()
        loop, told = asyncio.get_running_loop(), asyncio.Queue[Event | Exception]()
        gone = threading.Event()
        options["abandoned"] = gone.is_set
        work = _Work(
            lambda: self._assistant.stream(question, **options),
            lambda item: loop.call_soon_threadsafe(told.put_nowait, item),
        )
        task = self._started(self._run(work))
        deadline = loop.time() + self._seconds
        try:
            while True:
                item = await asyncio.wait_for(told.get(), deadline - loop.time())
                if isinstance(item, Exception):
                    raise item
                yield item
                if item.type == "done":
                    return
        except TimeoutError as error:
            raise ProblemError("answer-too-slow", f"no answer within {self._seconds:g} s; ask again later") from error
        finally:
            gone.set()
            if not work.taken:
                task.cancel()

    async def find(self, query: str, filters: Filters, top_k: int) -> list[ScoredPassage]:
        """The passages that fit best, in the same line as the answers. Raises as `stream` does."""
        self._check_room()
        search = partial(self._assistant.retriever.find, query, filters, top_k)
        try:
            return await asyncio.wait_for(self._started(self._by_worker(search)), self._seconds)
        except TimeoutError as error:
            raise ProblemError("answer-too-slow", f"nothing found within {self._seconds:g} s; try again") from error

    def _check_room(self) -> None:
        if len(self._tasks) >= self._most:
            raise ProblemError("too-busy", headers=RETRY_AFTER)

    def _started(self, work: Coroutine[Any, Any, Result]) -> "asyncio.Task[Result]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, work: "_Work") -> None:
        await asyncio.get_running_loop().run_in_executor(self._understanding, work.begin)
        await self._by_worker(work.finish)

    async def _by_worker(self, work: Callable[[], Result]) -> Result:
        """What the work gives, done when it is its turn and a worker is free."""
        async with self._slots:
            self.running += 1
            try:
                return await asyncio.get_running_loop().run_in_executor(self._answering, work)
            finally:
                self.running -= 1

    async def close(self) -> None:
        """Lets what is running finish."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._understanding.shutdown()
        self._answering.shutdown()


class _Work:
    """The events of one answer, the first apart from the others, told as they come."""

    def __init__(self, events: Callable[[], Iterator[Event]], tell: Callable[[Event | Exception], object]) -> None:
        self._make, self._tell = events, tell
        self._events: Iterator[Event] = iter(())
        self.taken = False
        """Whether a worker has it."""

    def begin(self) -> None:
        """Understands the question: a few milliseconds."""
        self._events = self._make()
        self._forward(islice(self._events, 1))

    def finish(self) -> None:
        """Finds, reads and answers."""
        self.taken = True
        self._forward(self._events)

    def _forward(self, events: Iterator[Event]) -> None:
        try:
            for event in events:
                self._tell(event)
        except Exception as error:  # noqa: BLE001  # whatever it is, the one who waits must learn it
            self._events = iter(())
            self._tell(error)

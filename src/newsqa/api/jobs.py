"""Changes to the library that go on by themselves, one after another: they report progress and can be cancelled."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import uuid4

from newsqa.api import wire
from newsqa.api.problems import RETRY_AFTER, ProblemError, as_problem, body_of
from newsqa.domain import Article, now

MOST_WAITING = 32
"""Jobs in the line; each may hold as much as an upload may be long."""
REMEMBERED = 1000
"""Jobs that are remembered, the running ones always."""
State = Literal["queued", "running", "done", "failed", "cancelled"]
Kind = Literal["add", "replace", "remove", "sync"]


class Stopped(Exception):  # noqa: N818  # no error: it was asked for
    """The job was cancelled."""


@dataclass
class Job:
    """One change and how far it is. Its own thread writes it, others read."""

    kind: Kind
    owner: str
    total: int
    """Articles."""
    id: str = field(default_factory=lambda: f"job_{uuid4().hex[:16]}")
    state: State = "queued"
    outcomes: list[tuple[str, str]] = field(default_factory=list)
    """Ids of articles, and what became of them."""
    refusals: list[tuple[str, str]] = field(default_factory=list)
    """Titles or names of files, and why."""
    duplicates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Ids of near-identical articles, by the id of one that was added."""
    gone: Sequence[str] = ()
    """Ids of articles that are not at their origin any longer."""
    left: int = 0
    """Pages that wait for the next sync."""
    embedded: int = 0
    """Passages, so far."""
    problem: ProblemError | None = None
    created_at: datetime = field(default_factory=now)
    finished_at: datetime | None = None
    stored: wire.ArticleSummary | None = None
    """The last article that was stored, without its text."""
    stop: threading.Event = field(default_factory=threading.Event)
    _beginning: threading.Lock = field(default_factory=threading.Lock)

    def expected(self, number: int) -> None:
        """Notes that so many more articles will come. Raises `Stopped` when the job was cancelled."""
        self.total += number
        self.check()

    def passages(self, number: int) -> None:
        """Notes that so many more passages are embedded. Raises as `expected` does."""
        self.embedded += number
        self.check()

    def article(self, article: Article, outcome: str) -> None:
        """Notes what became of an article."""
        self.stored = wire.ArticleSummary.of(article)
        self.outcomes.append((article.id, outcome))

    def removed(self, id: str) -> None:
        """Notes that an article is removed."""
        self.outcomes.append((id, "removed"))

    def refused(self, title: str, why: str) -> None:
        """Notes that an article can't be added."""
        self.refusals.append((title, why))

    def failed(self, message: str) -> None:
        """Notes that something is no article; the message begins with its name."""
        name, _, why = message.partition(": ")
        self.refused(name, why)

    @property
    def done(self) -> int:
        """Articles, so far."""
        return len(self.outcomes) + len(self.refusals)

    def check(self) -> None:
        """Raises `Stopped` when the job was cancelled."""
        if self.stop.is_set():
            raise Stopped

    def cancel(self) -> None:
        """Stops it between two steps; one that waits never begins."""
        with self._beginning:
            self.stop.set()
            if self.state == "queued":
                self.state, self.finished_at = "cancelled", now()

    def run(self, work: Callable[["Job"], None]) -> None:
        """Does the work and notes how it ended."""
        with self._beginning:
            if self.stop.is_set():
                return
            self.state = "running"
        try:
            work(self)
            self.state = "done"
        except Stopped:
            self.state = "cancelled"
        except Exception as error:  # noqa: BLE001  # whatever it is belongs to the job
            self.problem = as_problem(error, self.id)
            self.state = "failed"
        finally:
            self.finished_at = now()


class Jobs:
    """The changes to one library: they wait in a line, so that each sees what the one before has done."""

    def __init__(self) -> None:
        """Starts no thread yet."""
        self._writer = ThreadPoolExecutor(1, "newsqa-writer")
        self._jobs: dict[str, tuple[Job, Future[None]]] = {}

    def start(self, job: Job, work: Callable[[Job], None]) -> Job:
        """Puts the job in the line.

        Raises:
            ProblemError: `too-busy`, the line is too long.
        """
        done = [id for id, (_, future) in self._jobs.items() if future.done()]
        if len(self._jobs) - len(done) >= MOST_WAITING:
            raise ProblemError("too-busy", "too many changes wait already; come back later", headers=RETRY_AFTER)
        for id in done[: max(0, len(self._jobs) + 1 - REMEMBERED)]:
            del self._jobs[id]
        self._jobs[job.id] = (job, self._writer.submit(job.run, work))
        return job

    async def wait(self, job: Job, seconds: float | None = None) -> bool:
        """Whether it ends, within this time if given; it goes on where it doesn't, and when the caller goes away."""
        _, future = self._jobs[job.id]
        try:
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), seconds)
        except TimeoutError:
            return False
        return True

    def get(self, id: str, owner: str | None) -> Job:
        """The job of this id.

        Raises:
            ProblemError: there is none, or it is another owner's.
        """
        job = self._jobs[id][0] if id in self._jobs else None
        if job is None or owner not in (None, job.owner):
            raise ProblemError("job-not-found", f"there is no job {id!r}; a restart of the server forgets them")
        return job

    def recent(self, owner: str | None, most: int = 100) -> list[Job]:
        """The owner's jobs, newest first."""
        own = [job for job, _ in reversed(self._jobs.values()) if owner in (None, job.owner)]
        return own[:most]

    def count(self, state: State) -> int:
        """How many of the remembered jobs are in this state."""
        return sum(job.state == state for job, _ in list(self._jobs.values()))

    def known(self, id: str) -> bool:
        """Whether the job is in the line, or did what it was to do."""
        return id in self._jobs and self._jobs[id][0].state in {"queued", "running", "done"}

    def cancel(self) -> None:
        """Stops what is running; articles that are not stored yet are as they were."""
        for job, _ in list(self._jobs.values()):
            job.cancel()

    def close(self) -> None:
        """Waits until all has stopped."""
        self.cancel()
        self._writer.shutdown()


def progress(job: Job) -> wire.JobProgress:
    """How far the job is."""
    shared = wire.JobProgress.model_fields.keys() - {"type", "seconds"}
    whole = sent(job, brief=True)
    seconds = ((job.finished_at or now()) - job.created_at).total_seconds()
    return wire.JobProgress(seconds=seconds, **{name: getattr(whole, name) for name in shared})


def sent(job: Job, *, brief: bool = False) -> wire.Job:
    """The job as it goes over the wire; brief without its articles."""
    return wire.Job(
        id=job.id,
        kind=job.kind,
        state=job.state,
        articles_total=max(job.total, job.done),
        articles_done=job.done,
        passages_done=job.embedded,
        articles=tuple(
            wire.Added.model_validate({"id": id, "outcome": outcome}) for id, outcome in job.outcomes if not brief
        ),
        failed=tuple(wire.NotAdded(title=title, detail=why) for title, why in job.refusals if not brief),
        duplicates=tuple(wire.Duplicate(id=id, others=tuple(others)) for id, others in job.duplicates.items()),
        gone=tuple(job.gone),
        left=job.left,
        problem=body_of(job.problem, f"/v1/jobs/{job.id}", job.id) if job.problem else None,
        created_at=job.created_at,
        finished_at=job.finished_at,
    )

"""Routes for this machine's own commands, while this server has the library: what they do without one, done here.

They are for the owner of the machine alone and change with the commands; everybody else has the documented routes.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from starlette.responses import StreamingResponse

from newsqa.api.jobs import Job
from newsqa.api.problems import body_of
from newsqa.api.service import Owner, Service, Serving, while_connected
from newsqa.domain import Article, Filters, Origin, Turn, to_json
from newsqa.library import telling
from newsqa.loading.visits import STANDPOINT

router = APIRouter(prefix="/v1/errands")
Given = Body(embed=True)


def _nobody(name: str, value: Any) -> None:
    """Is told when nobody reads on."""


@dataclass
class _Errand(Job):
    """A change to the library that a command waits for, which is told of each article; none is kept here."""

    tell: Callable[[str, Any], object] = _nobody
    told: int = 0
    """Articles, so far."""

    @property
    def done(self) -> int:
        """Articles, so far."""
        return self.told

    def _tell_one(self, title: str) -> None:
        self.told += 1
        self.tell("one", title)

    def expected(self, number: int) -> None:
        """Notes and tells that so many more articles will come."""
        if number:
            self.tell("expected", number)
        super().expected(number)

    def passages(self, number: int) -> None:
        """Notes and tells that so many more passages are embedded."""
        self.tell("passages", number)
        super().passages(number)

    def article(self, article: Article, outcome: str) -> None:
        """Counts and tells an article."""
        del outcome  # the command learns it at the end
        self._tell_one(article.title)

    def removed(self, id: str) -> None:
        """Counts and tells that an article is removed."""
        self._tell_one(id)

    def refused(self, title: str, why: str) -> None:
        """Counts and tells that something is no article."""
        del title, why  # likewise
        self._tell_one("")


@router.post("/ask")
async def ask_for_owner(
    request: Request,
    service: Serving,
    caller: Owner,
    question: Annotated[str, Given],
    filters: Annotated[Filters, Given],
    history: Annotated[Sequence[Turn], Given],
) -> Response:
    """Answers a question."""
    answer = service.plain_answer(question, caller, filters=filters, history=history)
    return _reply(to_json(await while_connected(request, answer)))


@router.post("/counts")
async def count_for_owner(service: Serving, _: Owner) -> Response:
    """Counts articles and passages."""
    return _reply(await asyncio.to_thread(service.assistant.library.counts))


@router.post("/articles")
async def list_for_owner(service: Serving, _: Owner) -> Response:
    """Lists all articles and origins."""
    return _reply(await asyncio.to_thread(telling.listed, service.assistant.library))


@router.post("/article")
async def get_for_owner(service: Serving, _: Owner, id: Annotated[str, Given]) -> Response:
    """Gets an article."""
    return _reply(to_json(await asyncio.to_thread(service.assistant.library.get, id)))


@router.post("/origins")
async def origins_for_owner(service: Serving, _: Owner, forget: Annotated[Sequence[str], Given]) -> Response:
    """Lists the origins, after those that are named are forgotten."""
    library = service.assistant.library
    await asyncio.to_thread(telling.forget, library, forget)
    return _reply(await asyncio.to_thread(telling.origins, library))


@router.post("/remove")
async def remove_for_owner(service: Serving, caller: Owner, ids: Annotated[Sequence[str], Given]) -> Response:
    """Removes articles, all or none of them."""
    library = service.assistant.library

    def remove(job: Job) -> None:
        library.remove(*ids)
        for id in ids:
            job.removed(id)

    return _followed(service, _Errand("remove", caller.id, len(ids)), remove)


@router.post("/intake")
async def intake_for_owner(
    service: Serving,
    caller: Owner,
    origins: Annotated[Sequence[Origin] | None, Given],
    prune: Annotated[bool, Given],
    standpoint: Annotated[Path, Given],
) -> Response:
    """Takes in what these origins hold, or all that were ever named: files and folders of this machine, too."""
    library, loader = service.assistant.library, service.loader

    def take(job: Job) -> Any:
        before = STANDPOINT.set(standpoint)
        try:
            return telling.taken(library, loader, origins, prune=prune, progress=job)
        finally:
            STANDPOINT.reset(before)

    return _followed(service, _Errand("sync" if origins is None else "add", caller.id, 0), take)


def _followed(service: Service, job: _Errand, work: Callable[[Job], Any]) -> Response:
    """Each step of a job as a line of JSON, and what it came to; the job ends when nobody reads on.

    Raises:
        ProblemError: `not-ready`, `too-busy`.
    """
    service.check_ready()
    told = asyncio.Queue[tuple[str, Any] | None]()
    loop, results = asyncio.get_running_loop(), list[Any]()
    job.tell = lambda name, value: loop.call_soon_threadsafe(told.put_nowait, (name, value))
    service.jobs.start(job, lambda job: results.append(work(job)))
    ending = asyncio.create_task(service.jobs.wait(job))
    ending.add_done_callback(lambda _: told.put_nowait(None))

    async def lines() -> AsyncIterator[str]:
        try:
            yield _line("job", job.id)
            while step := await told.get():
                yield _line(*step)
            if job.problem:
                yield _line("refused", body_of(job.problem, "", job.id, unveiled=True).model_dump())
            else:
                yield _line(job.state, results)
        finally:
            job.cancel()
            job.tell = _nobody  # the job is remembered, what it told is not
            ending.cancel()

    return StreamingResponse(lines(), media_type="application/jsonl")


def _line(name: str, value: Any) -> str:
    return json.dumps([name, value]) + "\n"


def _reply(value: Any) -> Response:
    return Response(json.dumps(value), media_type="application/json")

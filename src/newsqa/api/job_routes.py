"""Routes of jobs: what long additions are doing, and their end."""

import asyncio
from collections.abc import AsyncIterable
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse

from newsqa.api import wire
from newsqa.api.asking import STREAMED, framed
from newsqa.api.jobs import Job, progress, sent
from newsqa.api.problems import declared
from newsqa.api.service import Asker, Serving, Writer

router = APIRouter(tags=["jobs"])
LOOK_SECONDS = 0.5
"""Between two looks at how far a job is."""
_REFUSED = declared("job-not-found", "invalid-request")


def _job(job_id: str, service: Serving, caller: Asker) -> Job:
    return service.jobs.get(job_id, caller.owner)


@router.get("/v1/jobs")
async def list_jobs(service: Serving, caller: Asker) -> wire.JobList:
    """Lists this caller's jobs without their articles, newest first; a restart of the server forgets them."""
    return wire.JobList(jobs=tuple(sent(job, brief=True) for job in service.jobs.recent(caller.owner)))


@router.get("/v1/jobs/{job_id}", responses=_REFUSED)
async def get_job(job_id: str, service: Serving, caller: Asker) -> wire.Job:
    """Gets a job and how far it is."""
    return sent(service.jobs.get(job_id, caller.owner))


@router.get("/v1/jobs/{job_id}/events", response_class=EventSourceResponse, responses=_REFUSED | STREAMED)
async def job_events(job: Annotated[Job, Depends(_job)]) -> AsyncIterable[wire.JobEvent]:
    """Tells how far a job is as server-sent events: `progress` when something has changed, `done` at its end."""
    told = None
    while job.finished_at is None:
        if (now := progress(job)) != told:
            yield framed(now)
        told = now
        await asyncio.sleep(LOOK_SECONDS)
    yield framed(wire.JobEnded(job=sent(job)))


@router.delete("/v1/jobs/{job_id}", responses=_REFUSED)
async def cancel_job(job_id: str, service: Serving, caller: Writer) -> wire.Job:
    """Stops a job between two steps. Articles that are stored stay; the one in the making is as it was."""
    job = service.jobs.get(job_id, caller.owner)
    job.cancel()
    return sent(job)

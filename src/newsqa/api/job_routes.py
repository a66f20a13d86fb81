"""Routes of jobs: what long additions are doing, and their end."""

from fastapi import APIRouter

from newsqa.api import wire
from newsqa.api.jobs import sent
from newsqa.api.problems import declared
from newsqa.api.service import Asker, Serving, Writer

router = APIRouter(tags=["jobs"])
_REFUSED = declared("job-not-found", "invalid-request")


@router.get("/v1/jobs")
async def list_jobs(service: Serving, caller: Asker) -> wire.JobList:
    """Lists this caller's jobs without their articles, newest first; a restart of the server forgets them."""
    return wire.JobList(jobs=tuple(sent(job, brief=True) for job in service.jobs.recent(caller.owner)))


@router.get("/v1/jobs/{job_id}", responses=_REFUSED)
async def get_job(job_id: str, service: Serving, caller: Asker) -> wire.Job:
    """Gets a job and how far it is."""
    return sent(service.jobs.get(job_id, caller.owner))


@router.delete("/v1/jobs/{job_id}", responses=_REFUSED)
async def cancel_job(job_id: str, service: Serving, caller: Writer) -> wire.Job:
    """Stops a job between two steps. Articles that are stored stay; the one in the making is as it was."""
    job = service.jobs.get(job_id, caller.owner)
    job.cancel()
    return sent(job)

"""Routes of origins: where the articles come from, how fresh that is, and looking at all of it again."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from newsqa.api import wire
from newsqa.api.articles import ALL, JOB, Prefer, job_response
from newsqa.api.changes import syncing
from newsqa.api.problems import declared
from newsqa.api.service import Serving, Writer

router = APIRouter(tags=["origins"])


@router.get("/v1/origins")
async def list_origins(service: Serving, _: Writer) -> wire.OriginList:
    """Lists the files, folders, pages and feeds that the articles come from, each with what is wrong with it."""
    found = await asyncio.to_thread(service.assistant.library.origins.shown)
    return wire.OriginList(origins=tuple(map(wire.Origin.of, found)))


@router.delete("/v1/origins", status_code=204, responses=declared("invalid-request"))
async def forget_origin(
    service: Serving,
    _: Writer,
    address: Annotated[str, Query(min_length=1, max_length=4000, description="As `GET /v1/origins` lists it.")],
) -> Response:
    """Looks at an origin no longer; its articles stay."""
    await asyncio.to_thread(service.assistant.library.origins.forget, [address])
    return Response(status_code=204)


@router.post("/v1/sync", responses=ALL | JOB | declared("too-busy", "invalid-request", "not-ready"))
async def sync(
    service: Serving,
    caller: Writer,
    prune: Annotated[Literal["yes", "no"], Query(description="Remove what is gone from its origin.")] = "no",
    prefer: Prefer = None,
) -> Response:
    """Looks at every origin that was named; takes in what is new or changed there, and tells what is gone."""
    return job_response(await syncing(service, caller, prefer, prune=prune == "yes"))

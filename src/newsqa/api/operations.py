"""Routes for those who run the server: is it alive, is it ready, what does it do."""

import asyncio
import logging
import math
from functools import partial

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse, PlainTextResponse

from newsqa.api import wire
from newsqa.api.metrics import Metrics
from newsqa.api.problems import Responses
from newsqa.api.service import Admin, Service, Serving
from newsqa.errors import LibraryError, LibraryUnreachableError
from newsqa.library import Library

LOG = logging.getLogger("newsqa.api")
router = APIRouter(tags=["operations"])
_LOOK_SECONDS = 4.0
_AWAY = wire.Status(status="not ready", trouble="the library's database does not answer")
_UNUSABLE = wire.Status(status="not ready", trouble="the library can't be read; the server's log tells why")
_NOT_READY: Responses = {503: {"model": wire.Status, "description": "Not ready."}}
_METRICS: Responses = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.get("/healthz")
async def healthz() -> wire.Status:
    """Whether the process answers at all. Needs no key."""
    return wire.Status(status="alive")


@router.get("/readyz", response_model=wire.Status, responses=_NOT_READY)
async def readyz(request: Request) -> Response:
    """Whether all is as it should be: library and Chroma answer, and the models are loaded. Needs no key."""
    service: Service = request.app.state.service
    try:
        status = await asyncio.wait_for(asyncio.to_thread(_status, service), _LOOK_SECONDS)
    except TimeoutError:
        status = _AWAY
    headers = {} if status.status == "ready" else {"Retry-After": "1"}
    return JSONResponse(status.model_dump(mode="json"), 503 if headers else 200, headers)


def _status(service: Service) -> wire.Status:
    library = service.assistant.library
    if not service.ready:
        return wire.Status(status="not ready", trouble=service.trouble or "it is starting or stopping")
    try:
        counts = library.counts()
    except LibraryUnreachableError:
        return _AWAY
    except LibraryError as error:
        LOG.warning("the library can't be read", extra={"why": str(error)})
        return _UNUSABLE
    if library.trouble:
        trouble = "Chroma can't be used; answers go on, and are slower"
        return wire.Status(status="not ready", trouble=trouble, **counts)
    return wire.Status(status="ready", **counts)


@router.get("/metrics", response_class=PlainTextResponse, responses=_METRICS)
async def metrics(service: Serving, _: Admin) -> Response:
    """Figures in Prometheus' text format. Needs an admin's key."""
    return Response(await asyncio.to_thread(service.metrics.text), media_type="text/plain; version=0.0.4")


def _count(library: Library, name: str) -> float:
    try:
        return library.counts()[name]
    except LibraryError:
        return math.nan


def watch(metrics: Metrics, service: Service) -> None:
    """Adds what is read when it is asked for."""
    library, questions, jobs = service.assistant.library, service.questions, service.jobs
    for counted in ("articles", "passages"):
        metrics.watch(counted, f"{counted.title()} in the library.", partial(_count, library, counted))
    metrics.watch(
        "chroma_usable", "Whether Chroma can be used; else all passages are compared.", lambda: not library.trouble
    )
    metrics.watch("questions_running", "Questions that are being answered.", lambda: questions.running)
    metrics.watch("questions_waiting", "Questions that wait for a worker.", lambda: questions.waiting)
    for state in ("queued", "running"):
        metrics.watch(f"jobs_{state}", f"Jobs that are {state}.", partial(jobs.count, state))

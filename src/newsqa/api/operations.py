"""Routes for those who run the server: is it alive, is it ready, what does it do."""

import asyncio
from functools import partial

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse, PlainTextResponse

from newsqa.api import wire
from newsqa.api.metrics import Metrics
from newsqa.api.problems import Responses
from newsqa.api.service import Admin, Service, Serving

router = APIRouter(tags=["operations"])
_NOT_READY: Responses = {503: {"model": wire.Status, "description": "Not ready."}}
_METRICS: Responses = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.get("/healthz")
async def healthz() -> wire.Status:
    """Whether the process answers at all. Needs no key."""
    return wire.Status(status="alive")


@router.get("/readyz", response_model=wire.Status, responses=_NOT_READY)
async def readyz(request: Request) -> Response:
    """Whether questions are answered: the library is open and the models are loaded. Needs no key."""
    service: Service = request.app.state.service
    if not service.ready:
        return JSONResponse(wire.Status(status="not ready").model_dump(mode="json"), 503, {"Retry-After": "1"})
    counts = await asyncio.to_thread(service.assistant.library.counts)
    return JSONResponse(wire.Status(status="ready", **counts).model_dump(mode="json"))


@router.get("/metrics", response_class=PlainTextResponse, responses=_METRICS)
async def metrics(service: Serving, _: Admin) -> Response:
    """Figures in Prometheus' text format. Needs an admin's key."""
    return Response(await asyncio.to_thread(service.metrics.text), media_type="text/plain; version=0.0.4")


def watch(metrics: Metrics, service: Service) -> None:
    """Adds what is read when it is asked for."""
    library, questions, jobs = service.assistant.library, service.questions, service.jobs
    metrics.watch("articles", "Articles in the library.", lambda: library.counts()["articles"])
    metrics.watch("passages", "Passages in the library.", lambda: library.counts()["passages"])
    metrics.watch("questions_running", "Questions that are being answered.", lambda: questions.running)
    metrics.watch("questions_waiting", "Questions that wait for a worker.", lambda: questions.waiting)
    for state in ("queued", "running"):
        metrics.watch(f"jobs_{state}", f"Jobs that are {state}.", partial(jobs.count, state))

"""Puts the routes together into one FastAPI app over one assistant."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from newsqa import __version__
from newsqa.api import articles, asking, conversations, errands, job_routes, openai, operations, origin_routes, problems
from newsqa.api.access import Access, read_keys
from newsqa.api.document import document
from newsqa.api.guard import Guard
from newsqa.api.jobs import Jobs
from newsqa.api.metrics import Metrics
from newsqa.api.questions import Questions
from newsqa.api.service import Service
from newsqa.assistant import Assistant
from newsqa.errors import LibraryError
from newsqa.loading import Fetcher, Loader
from newsqa.settings import ServerSettings

LOG = logging.getLogger("newsqa.api")
ABOUT = """Answers questions about articles; every citation is checked: `article.text[start:end] == quote`.

All offsets count Unicode code points, end exclusive. Errors are problem+json (RFC 9457); their kinds are stable names.
"""
CHATTING = 16
"""Questions that are answered at one time where a chat model answers: most of its time is waiting for it."""
_EVERYWHERE = problems.declared(
    "malformed-request",
    "missing-key",
    "unknown-key",
    "scope-too-small",
    "foreign-origin",
    "too-slow",
    "too-large",
    "wrong-content-type",
    "too-many-requests",
    "internal-error",
    "library-unusable",
)


def create_app(
    assistant: Assistant, settings: ServerSettings, loader: Loader | None = None, secret: str = ""
) -> FastAPI:
    """The app over an open assistant, which stays the caller's to close.

    Args:
        assistant: answers.
        settings: who may ask, how much and how long.
        loader: reads files and fetches pages; only from public addresses when not given.
        secret: what this machine's commands show to be let in; without one they are not.

    Raises:
        SettingsError: NEWSQA_API_KEYS holds what is no entry.
    """
    from newsqa.api.mcp import Endpoint  # its library takes half a second

    metrics = Metrics()
    access = Access(read_keys(settings.api_keys), settings.rate_limit, settings.cors_origins.split(), secret)
    app = FastAPIOffline(
        redoc_url=None,
        title="newsqa",
        version=__version__,
        description=ABOUT,
        generate_unique_id_function=_operation_id,
        lifespan=partial(_lifespan, assistant, settings, metrics, loader or Loader(Fetcher())),
        swagger_ui_parameters={"validatorUrl": None},
    )
    for room in (asking, articles, origin_routes, job_routes, conversations):
        app.include_router(room.router, responses=_EVERYWHERE)
    app.include_router(errands.router, include_in_schema=False)
    app.include_router(openai.router)
    app.include_router(operations.router, responses=_EVERYWHERE)
    app.router.routes.append(Route("/mcp", Endpoint(), methods=["POST"]))
    problems.install(app)
    app.state.access = access
    app.state.endings = []  # called before the server waits for its connections to end
    app.openapi = cache(partial(document, app))  # type: ignore[method-assign]  # as FastAPI's documentation has it
    limits = {"max_body": settings.max_body_bytes, "max_upload": settings.max_upload_bytes}
    app.add_middleware(Guard, access=access, metrics=metrics, **limits)
    if settings.cors_origins:  # outermost, so that pages can read refusals too
        app.add_middleware(CORSMiddleware, **_cors(settings.cors_origins.split()))
    return app


@asynccontextmanager
async def _lifespan(
    assistant: Assistant, settings: ServerSettings, metrics: Metrics, loader: Loader, app: FastAPI
) -> AsyncIterator[None]:
    from newsqa.api.mcp import over_http

    run = running(assistant, settings, metrics, loader)
    async with run as service, over_http(service, settings.max_upload_bytes) as mcp:
        app.state.service, app.state.mcp = service, mcp
        app.state.endings.append(service.jobs.cancel)
        yield


@asynccontextmanager
async def running(
    assistant: Assistant, settings: ServerSettings, metrics: Metrics, loader: Loader
) -> AsyncIterator[Service]:
    """The service, which loads the models beside the first requests; at the end it lets running answers finish."""
    at_once = CHATTING if assistant.generative else 0
    questions = Questions(assistant, settings.max_questions, settings.answer_seconds, at_once)
    service = Service(assistant, questions, Jobs(), metrics, loader, log_questions=settings.log_questions)
    operations.watch(metrics, service)
    warming = asyncio.create_task(_warm(service))
    with loader:
        try:
            yield service
        finally:
            warming.cancel()
            service.ready = False
            await questions.close()
            service.jobs.cancel()
            loader.close()  # or a crawl would be waited for
            await asyncio.to_thread(service.jobs.close)


async def _warm(service: Service) -> None:
    """Loads the models, so that the first question finds them loaded."""
    try:
        await asyncio.to_thread(service.assistant.warm_up)
        service.ready = True
        LOG.info("ready", extra=await asyncio.to_thread(service.assistant.library.counts))
    except LibraryError as error:
        service.ready = True  # whatever touches what is damaged says so
        LOG.warning("ready, but the library can't be used", extra={"why": str(error)})
    except Exception:
        service.trouble = "the models can't be loaded; the server's log tells why"
        LOG.exception("the models can't be loaded: no question will be answered")
    finally:
        service.warmed.set()


def _operation_id(route: APIRoute) -> str:
    return route.name


def _cors(origins: list[str]) -> dict[str, Any]:
    shown = ["ETag", "Location", "Retry-After", "X-Request-ID"]
    return {"allow_origins": origins, "allow_methods": ["*"], "allow_headers": ["*"], "expose_headers": shown}

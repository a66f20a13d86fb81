"""Puts the page on the API's app: the page follows when Gradio is loaded, and keys are asked for where they are set."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, FastAPI, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from newsqa.api.access import COOKIE
from newsqa.api.problems import RETRY_AFTER, ProblemError
from newsqa.api.service import Service
from newsqa.settings import ServerSettings
from newsqa_ui.showing import html

LOG = logging.getLogger("newsqa.page")
PATHS = (
    ("/", "GET"),
    ("/assets/{path:path}", "GET"),
    ("/static/{path:path}", "GET"),
    ("/theme.css", "GET"),
    ("/favicon.ico", "GET"),
    ("/config", "GET"),
    ("/gradio_api/app_id", "GET"),
    ("/gradio_api/heartbeat/{session}", "GET"),
    ("/gradio_api/queue/join", "POST"),
    ("/gradio_api/queue/data", "GET"),
    ("/gradio_api/cancel", "POST"),
    ("/gradio_api/reset", "POST"),
    ("/gradio_api/upload", "POST"),
    ("/gradio_api/upload_progress", "GET"),
)
"""Of Gradio's many routes those that the page needs; the others are not there."""


def mount(app: FastAPI, settings: ServerSettings) -> None:
    """Puts the page at `/` of an app whose service runs in its lifespan."""
    page, api = _Page(settings), app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with api(app), page.living(app.state.service):
            yield

    app.router.lifespan_context = lifespan
    app.router.routes += [Route(path, page, methods=[method]) for path, method in PATHS]
    app.include_router(_door)
    app.state.endings.append(page.end)


class _Page:
    """The page as an ASGI app; as long as it is being made it says so."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._app: FastAPI | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/gradio_api/upload" and not scope["state"]["caller"].may("write"):
            raise ProblemError("scope-too-small", "adding articles needs a key of scope write")
        if self._app:
            await self._app(scope, receive, send)
        elif scope["path"] == "/":
            waiting = HTMLResponse(html("plain", waiting=True, problem=""), 503, RETRY_AFTER)
            await waiting(scope, receive, send)
        else:
            raise ProblemError("not-ready", headers=RETRY_AFTER)

    def end(self) -> None:
        """Ends the connections that open pages hold, which would otherwise keep the server from stopping."""
        for route in self._app.routes if self._app else ():
            if isinstance(route, Mount):
                route.app.stop_event.set()  # type: ignore[attr-defined]  # Gradio's

    @asynccontextmanager
    async def living(self, service: Service) -> AsyncIterator[None]:
        """Makes the page beside the first requests, and ends it."""
        life = asyncio.create_task(self._live(service))
        try:
            yield
        finally:
            self._app = None
            life.cancel()
            await asyncio.wait([life])

    async def _live(self, service: Service) -> None:
        with TemporaryDirectory(prefix="newsqa-page-") as folder:
            os.environ["GRADIO_TEMP_DIR"] = folder  # uploads lie there until they are read; nobody else may look
            await service.warmed.wait()  # the API goes before the page
            try:
                app = await asyncio.to_thread(_made, service, self._settings)
            except Exception:
                LOG.exception("the page can't be made; the API answers")
                return
            async with app.router.lifespan_context(app):
                self._app = app
                LOG.info("page ready")
                await asyncio.Future()


def _made(service: Service, settings: ServerSettings) -> FastAPI:
    from newsqa_ui.page import made  # Gradio takes seconds to import

    return made(service, settings)


_door = APIRouter(include_in_schema=False)


@_door.get("/login")
async def ask_for_key() -> Response:
    """The form for a key."""
    return HTMLResponse(html("plain", waiting=False, problem=""))


@_door.post("/login")
async def log_in(request: Request, key: Annotated[str, Form(max_length=1000)]) -> Response:
    """Keeps the key in the reader's browser, out of reach for scripts and for other origins."""
    try:
        request.app.state.access.caller(f"Bearer {key.strip()}", request.client.host if request.client else "")
    except ProblemError as problem:
        if problem.kind.status != 401:
            raise
        return HTMLResponse(html("plain", waiting=False, problem="This key is not known here."), 401)
    response = RedirectResponse("/", 303)
    response.set_cookie(COOKIE, key.strip(), httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return response


@_door.post("/logout")
async def log_out() -> Response:
    """Forgets the key."""
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response

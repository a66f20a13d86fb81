"""Puts the page on the API's app: the API is there first, and the page follows when Gradio is loaded."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import FastAPI
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from newsqa.api.problems import RETRY_AFTER, ProblemError
from newsqa.api.service import Service
from newsqa.settings import ServerSettings
from newsqa_ui.entrance import API, Entrance, router
from newsqa_ui.showing import html
from newsqa_ui.streams import Streams

LOG = logging.getLogger("newsqa.page")
PATHS = (
    ("/", "GET"),
    ("/assets/{path:path}", "GET"),
    ("/static/{path:path}", "GET"),
    ("/theme.css", "GET"),
    ("/favicon.ico", "GET"),
    ("/config", "GET"),
    (f"{API}app_id", "GET"),
    (f"{API}heartbeat/{{session}}", "GET"),
    (f"{API}queue/join", "POST"),
    (f"{API}queue/data", "GET"),
    (f"{API}cancel", "POST"),
    (f"{API}reset", "POST"),
    (f"{API}upload", "POST"),
    (f"{API}upload_progress", "GET"),
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
    app.include_router(router)
    app.state.endings.append(page.end)


class _Page:
    """The page as an ASGI app; as long as it is being made it says so."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._made: tuple[FastAPI, Entrance] | None = None
        self._failed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._made:
            app, entrance = self._made
            await entrance.enter(app, scope, receive, send)
        elif scope["path"] == "/":
            shown = html("plain", waiting=not self._failed, failed=self._failed, problem="")
            await HTMLResponse(shown, 503, RETRY_AFTER)(scope, receive, send)
        else:
            raise ProblemError("not-ready", headers=RETRY_AFTER)

    def end(self) -> None:
        """Ends the connections that open pages hold, which would otherwise keep the server from stopping."""
        if self._made:
            app, entrance = self._made
            entrance.end()
            for route in app.routes:
                if isinstance(route, Mount):
                    route.app.stop_event.set()  # type: ignore[attr-defined]  # Gradio's

    @asynccontextmanager
    async def living(self, service: Service) -> AsyncIterator[None]:
        """Makes the page beside the first requests, and ends it."""
        life = asyncio.create_task(self._live(service))
        try:
            yield
        finally:
            self._made = None
            life.cancel()
            await asyncio.wait([life])

    async def _live(self, service: Service) -> None:
        with TemporaryDirectory(prefix="newsqa-page-") as folder:
            os.environ["GRADIO_TEMP_DIR"] = folder  # uploads lie there until they are read; nobody else may look
            await service.warmed.wait()  # the API goes before the page
            if not service.ready:
                self._failed = True
                return
            try:
                app, streams = await asyncio.to_thread(_made, service, self._settings)
            except Exception:
                LOG.exception("the page can't be made; the API answers")
                self._failed = True
                return
            async with app.router.lifespan_context(app):
                self._made = app, Entrance(Path(folder), streams)
                LOG.info("page ready")
                await asyncio.Future()


def _made(service: Service, settings: ServerSettings) -> tuple[FastAPI, Streams]:
    from newsqa_ui.page import made  # Gradio takes seconds to import

    return made(service, settings)

"""Stands before every route: request ids, logs and figures, who is asking, slow bodies, and errors nobody foresaw."""

import asyncio
import logging
import re
from time import perf_counter
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsqa.api.access import COOKIE, OPEN_PATHS, Access
from newsqa.api.metrics import Metrics
from newsqa.api.problems import ProblemError, as_problem, response_of

LOG = logging.getLogger("newsqa.api")
PART_SECONDS = 20.0
"""Longest wait for the next part of a request's body."""
BODY_SECONDS = 120.0
"""Longest time for all of it."""
_REQUEST_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"))
"""Those that have figures of their own; a client may send any word."""
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Whatever gets into a page, nothing of it reaches another machine. Gradio and the documentation run inline scripts.
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
}


class Guard:
    """The outermost middleware; plain ASGI, so that replies stream through it."""

    def __init__(self, app: ASGIApp, access: Access, metrics: Metrics, max_body: int, max_upload: int) -> None:
        """Around `app`.

        Args:
            app: has the routes.
            access: says who may ask.
            metrics: are told of every request.
            max_body: longest body in bytes that adds no articles.
            max_upload: longest one that adds articles.
        """
        self._app, self._access, self._metrics = app, access, metrics
        self._max_body, self._max_upload = max_body, max_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or replies with a problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        reply = _Reply(send, request_id)
        start = perf_counter()
        try:
            self._let_in(scope, headers)
            await self._app(scope, self._body(scope, headers, receive), reply)
        except ClientDisconnect:
            reply.status = reply.status or 499
        except Exception as error:  # noqa: BLE001  # the last net: nothing of it leaves but a request id
            problem = as_problem(error, request_id)
            if not reply.status:
                await self._refusal(problem, scope, request_id)(scope, receive, reply)
        finally:
            self._note(scope, reply.status, perf_counter() - start)

    def _refusal(self, problem: ProblemError, scope: Scope, request_id: str) -> Response:
        """The problem, or for a reader without a key the way to the page's door."""
        if scope["path"] == "/" and problem.kind.status == 401:
            return RedirectResponse("/login", 303)
        return response_of(problem, scope["path"], request_id)

    def _let_in(self, scope: Scope, headers: Headers) -> None:
        """Notes who is calling. Raises where the page, the key or the number of requests is not allowed."""
        if "transfer-encoding" in headers and ("content-length" in headers or scope["http_version"] != "1.1"):
            detail = "the request says its length in two ways, which hides a second one; send Content-Length alone"
            raise ProblemError("malformed-request", detail, headers={"Connection": "close"})
        self._access.check_origin(headers.get("host", ""), ", ".join(headers.getlist("origin")))
        if not scope["path"].startswith(OPEN_PATHS):
            address = scope["client"][0] if scope.get("client") else ""
            scope["state"]["caller"] = self._access.caller(_credential(scope, headers), address)

    def _body(self, scope: Scope, headers: Headers, receive: Receive) -> "_Body":
        """The body, as it is received. Raises where it is said to be too long."""
        adds = scope["path"].startswith(("/v1/articles", "/v1/errands/", "/mcp", "/gradio_api/"))
        limit, setting = (self._max_upload, "UPLOAD") if adds else (self._max_body, "BODY")
        body = _Body(receive, limit, f"NEWSQA_MAX_{setting}_BYTES")
        body.check(int(headers.get("content-length", "0")))
        return body

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "") or ("/mcp" if scope["path"] == "/mcp" else "none")
        method = scope["method"] if scope["method"] in _METHODS and route != "none" else "any"
        self._metrics.requested(method, route, status, seconds)
        caller = scope["state"].get("caller")
        fields = {
            "request_id": scope["state"]["request_id"],
            "method": scope["method"],
            "route": route,
            "status": status,
            "milliseconds": round(1000 * seconds, 1),
            "key": caller.id if caller else "",
        }
        level = logging.DEBUG if route in ("/healthz", "/readyz", "/metrics") else logging.INFO
        LOG.log(level, "request", extra=fields)


def _credential(scope: Scope, headers: Headers) -> str:
    """The header `Authorization`; without it what a reader logged in with, who sends it from this origin only."""
    key = HTTPConnection(scope).cookies.get(COOKIE, "")
    return headers.get("authorization", "") or (f"Bearer {key}" if key else "")


class _Reply:
    """Sends on, with the request id and headers of caution, and keeps the status."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self._request_id = send, request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._request_id
            for name, value in _SECURITY.items():
                headers[name] = value
        await self._send(message)


class _Body:
    """Receives a request's body, as long as it does not trickle and is not too long."""

    def __init__(self, receive: Receive, limit: int, setting: str) -> None:
        self._receive, self._limit, self._setting = receive, limit, setting
        self._complete, self._bytes = False, 0
        self._deadline = asyncio.get_running_loop().time() + BODY_SECONDS

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        left = self._deadline - asyncio.get_running_loop().time()
        try:
            message = await asyncio.wait_for(self._receive(), min(PART_SECONDS, left))
        except TimeoutError as error:
            raise ProblemError("too-slow", headers={"Connection": "close"}) from error
        self._complete = not message.get("more_body", False)
        self._bytes += len(message.get("body", b""))
        self.check(self._bytes)
        return message

    def check(self, size: int) -> None:
        """Raises where so many bytes are too many."""
        if size > self._limit:
            detail = f"the request has more than {self._limit:,} bytes, the limit {self._setting}; send less"
            raise ProblemError("too-large", detail, headers={"Connection": "close"})

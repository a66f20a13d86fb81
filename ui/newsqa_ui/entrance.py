"""The page's entrance: the form for a key, and a look at what the browser sends before Gradio has it."""

import json
from collections import OrderedDict
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsqa.api.access import COOKIE, Caller
from newsqa.api.problems import ProblemError
from newsqa_ui.showing import html
from newsqa_ui.streams import Streams

API = "/gradio_api/"
_SESSIONS = 20_000
"""Open pages that are remembered."""
_READ = ("queue/join", "cancel")
"""Of Gradio's routes those whose body is looked at."""
router = APIRouter(include_in_schema=False)


class Entrance:
    """Lets through what comes from the page's own reader, and names no files but uploads.

    Gradio takes whoever knows a page's session for its reader, and would copy any file or web address that is named
    in the place of an upload, whatever component it is meant for.
    """

    def __init__(self, folder: Path, streams: Streams) -> None:
        """Uploads lie in `folder`."""
        self._folder, self._streams = folder.resolve(), streams
        self._readers: OrderedDict[str, str] = OrderedDict()

    async def enter(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands a request on to Gradio's `app`.

        Raises:
            ProblemError: `scope-too-small`, `malformed-request`.
        """
        receive, sessions = await self._check(scope, receive)
        route = scope["path"].removeprefix(API)

        async def joined(message: Message) -> None:
            if message.get("status") == HTTPStatus.OK:
                self._streams.ask(sessions[0])
            await send(message)

        if route == "queue/data" and sessions:
            await self._streams.carry(sessions[0], app, scope, receive, send)
        else:
            await app(scope, receive, joined if route == "queue/join" else send)

    def end(self) -> None:
        """Lets no stream linger any longer."""
        self._streams.end()

    async def _check(self, scope: Scope, receive: Receive) -> tuple[Receive, list[str]]:
        """What Gradio is to receive from, and the pages' sessions that are named."""
        route = scope["path"].removeprefix(API)
        caller: Caller | None = scope["state"].get("caller")
        if caller is None or route == scope["path"]:
            return receive, []
        if route == "upload" and not caller.may("write"):
            raise ProblemError("scope-too-small", "adding articles needs a key of scope write")
        sessions = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [])
        if route.startswith("heartbeat/"):
            sessions.append(route.removeprefix("heartbeat/"))
        if route in _READ:
            body = await _body(receive)
            sent = _parsed(body)
            sessions.append(str(sent.get("session_hash")))
            self._check_files(sent)
            receive = _again(body, receive)
        for session in sessions:
            self._check_reader(session, caller)
        return receive, sessions

    def _check_reader(self, session: str, caller: Caller) -> None:
        if self._readers.setdefault(session, caller.id) != caller.id:
            raise ProblemError("scope-too-small", "this page was opened with another key; load it anew")
        self._readers.move_to_end(session)
        while len(self._readers) > _SESSIONS:
            self._readers.popitem(last=False)

    def _check_files(self, sent: object) -> None:
        for path in _paths(sent):
            file = Path(path)
            if not file.is_absolute() or not file.resolve().is_relative_to(self._folder):
                raise ProblemError("malformed-request", "a file is named that was not uploaded; upload it")


def _paths(sent: object) -> Iterator[str]:
    """What stands for a file anywhere in what was sent."""
    waiting = [sent]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if "path" in each:
                yield str(each["path"])
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


async def _body(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProblemError("malformed-request", "the body is no JSON; load the page anew") from error
    if not isinstance(sent, dict):
        raise ProblemError("malformed-request", "the body is no JSON object; load the page anew")
    return sent


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives the body once more, then whatever comes."""
    given: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return given.pop() if given else await receive()

    return again


@router.get("/login")
async def ask_for_key() -> Response:
    """The form for a key."""
    return HTMLResponse(html("plain", waiting=False, failed=False, problem=""))


@router.post("/login")
async def log_in(request: Request, key: Annotated[str, Form()] = "") -> Response:
    """Keeps the key in the reader's browser, out of reach for scripts and for other origins."""
    try:
        request.app.state.access.caller(f"Bearer {key.strip()}", request.client.host if request.client else "")
    except ProblemError as problem:
        words = "This key is not known here." if problem.kind.status == 401 else problem.detail
        return HTMLResponse(html("plain", waiting=False, failed=False, problem=words), problem.kind.status)
    response = RedirectResponse("/", 303)
    response.set_cookie(COOKIE, key.strip(), httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return response


@router.post("/logout")
async def log_out() -> Response:
    """Forgets the key."""
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response

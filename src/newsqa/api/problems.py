"""Errors over HTTP: every kind by name, as problem+json (RFC 9457), or as OpenAI's error object on its routes."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from newsqa.api import wire
from newsqa.errors import (
    ArticleError,
    ArticleNotFoundError,
    ConversationNotFoundError,
    LibraryError,
    LibraryUnreachableError,
    LoadError,
    NewsqaError,
    QuestionError,
)

Responses = dict[int | str, dict[str, Any]]
"""What a route may reply, as FastAPI takes it."""
RETRY_AFTER = {"Retry-After": "2"}
"""Seconds, where nobody knows better."""
URN = "urn:newsqa:problem:"
OPENAI_PATHS = ("/v1/chat/", "/v1/models")
LOG = logging.getLogger("newsqa.api")


@dataclass(frozen=True)
class Kind:
    """A kind of problem: what an integrator may branch on."""

    name: str
    status: int
    title: str
    remedy: str


def _kinds(*kinds: Kind) -> dict[str, Kind]:
    return {kind.name: kind for kind in kinds}


KINDS = _kinds(
    Kind("malformed-request", 400, "The request can't be read", "Send well-formed HTTP, JSON or multipart in UTF-8."),
    Kind("missing-key", 401, "A key is needed", "Send `Authorization: Bearer KEY`; `newsqa keys new` makes one."),
    Kind("unknown-key", 401, "The key is not known", "Check the key, or have its hash put into NEWSQA_API_KEYS."),
    Kind("scope-too-small", 403, "The key may not do this", "Use a key of the scope that `detail` names."),
    Kind("foreign-origin", 403, "The page or host is not allowed", "Add it to NEWSQA_CORS_ORIGINS, or set keys."),
    Kind("not-found", 404, "There is nothing at this address", "Look the address up in `/docs`."),
    Kind("article-not-found", 404, "There is no such article", "`GET /v1/articles` lists those there are."),
    Kind("job-not-found", 404, "There is no such job", "`GET /v1/jobs` lists them; a restart forgets them."),
    Kind("conversation-not-found", 404, "There is no such conversation", "`GET /v1/conversations` lists them."),
    Kind("answer-not-found", 404, "There is no such answer", "Give the `id` of a recent or kept answer."),
    Kind("model-not-found", 404, "There is no such model", "`GET /v1/models` lists them."),
    Kind("method-not-allowed", 405, "The address does not take this method", "See the header Allow."),
    Kind("too-slow", 408, "The request came too slowly", "Send it again, faster."),
    Kind("article-exists", 409, "The article is there already and differs", "Replace it: PUT with If-Match."),
    Kind("request-in-progress", 409, "The same request is still going on", "Wait, then repeat it with its key."),
    Kind("changed-meanwhile", 412, "The article was changed meanwhile", "Get it again, and send its new ETag."),
    Kind("too-large", 413, "The request is too large", "Send less, or raise the limit that `detail` names."),
    Kind("wrong-content-type", 415, "The content type does not fit", "Send what the route takes: see `/docs`."),
    Kind("invalid-request", 422, "The request has invalid fields", "Correct the fields in `errors`."),
    Kind("invalid-question", 422, "The question can't be asked", "Do what `detail` says."),
    Kind("invalid-article", 422, "The article can't be stored", "Do what `detail` says."),
    Kind("not-loadable", 422, "It can't be loaded", "Do what `detail` says."),
    Kind("key-reused", 422, "The Idempotency-Key was used for another request", "Use a new key for a new request."),
    Kind("unsupported-parameter", 400, "A parameter can't be honoured", "Leave out the parameter that `detail` names."),
    Kind("if-match-missing", 428, "If-Match is missing", "Send the ETag of the article that you mean to change."),
    Kind("too-many-requests", 429, "Too many requests", "Wait as long as the header Retry-After says."),
    Kind("internal-error", 500, "Something went wrong here", "Report the request id; the server's log tells more."),
    Kind("too-busy", 503, "Too many questions at one time", "Wait as long as the header Retry-After says."),
    Kind("not-ready", 503, "The server is starting or stopping", "Wait as long as the header Retry-After says."),
    Kind("library-unreachable", 503, "The library's database does not answer", "Come back when `/readyz` says ready."),
    Kind("library-unusable", 503, "The disk is full, or a file is damaged", "Have the server's log read: it names it."),
    Kind("answer-too-slow", 504, "The answer took too long", "Ask again, or raise NEWSQA_ANSWER_SECONDS."),
)
_OF_STATUS = {
    400: "malformed-request",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "wrong-content-type",
}
_OF_ERROR: Sequence[tuple[type[NewsqaError], str]] = (
    (QuestionError, "invalid-question"),
    (ArticleNotFoundError, "article-not-found"),
    (ConversationNotFoundError, "conversation-not-found"),
    (ArticleError, "invalid-article"),
    (LoadError, "not-loadable"),
)


class ProblemError(HTTPException):
    """Ends a request with a problem of one of the `KINDS`; what frameworks would wrap, they pass on."""

    def __init__(
        self,
        kind: str,
        detail: str = "",
        *,
        errors: Sequence[wire.FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
        unveiled: str = "",
    ) -> None:
        """Names the kind; without a detail its remedy is given.

        Args:
            kind: by its name.
            detail: what is wrong, and the next step.
            errors: the fields that are wrong.
            headers: of the reply.
            unveiled: the detail for the machine's owner, who may know its files; without it the title, as the remedies
                are worded for HTTP clients.
        """
        self.kind, self.errors = KINDS[kind], tuple(errors)
        self.unveiled = unveiled or detail or self.kind.title
        super().__init__(self.kind.status, detail or self.kind.remedy, dict(headers or {}))


def declared(*kinds: str) -> Responses:
    """These kinds of problem as the OpenAPI document declares them."""
    found: dict[int, list[Kind]] = {}
    for kind in map(KINDS.__getitem__, kinds):
        found.setdefault(kind.status, []).append(kind)
    return {
        status: {
            "description": "; ".join(f"{kind.title} (`{URN}{kind.name}`)" for kind in of_status),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, of_status in found.items()
    }


def as_problem(error: Exception, request_id: str = "") -> ProblemError:
    """What a caller may know of an error; what nobody foresaw is logged under the id and becomes an internal error."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, HTTPException):
        kind = _OF_STATUS.get(error.status_code, "internal-error")
        return ProblemError(kind, headers=error.headers)
    if isinstance(error, LibraryError):
        LOG.error("the library can't be used", extra={"why": str(error), "request_id": request_id})
        away = isinstance(error, LibraryUnreachableError)
        kind, headers = ("library-unreachable", RETRY_AFTER) if away else ("library-unusable", {})
        return ProblemError(kind, headers=headers, unveiled=str(error))
    for type_, kind in _OF_ERROR:
        if isinstance(error, type_):
            return ProblemError(kind, str(error))
    LOG.error("internal error", exc_info=error, extra={"request_id": request_id})
    return ProblemError("internal-error")


def body_of(problem: ProblemError, path: str, request_id: str, *, unveiled: bool = False) -> wire.Problem:
    """The problem as it is sent, unveiled to the machine's owner."""
    kind = problem.kind
    return wire.Problem(
        type=URN + kind.name,
        title=kind.title,
        status=kind.status,
        detail=problem.unveiled if unveiled else problem.detail,
        instance=path,
        request_id=request_id,
        errors=problem.errors,
    )


def response_of(problem: ProblemError, path: str, request_id: str, *, unveiled: bool = False) -> Response:
    """The whole reply: problem+json, or OpenAI's error object on its routes; unveiled as `body_of` has it."""
    if path.startswith(OPENAI_PATHS):
        status = 400 if problem.kind.status == 422 else problem.kind.status  # as OpenAI has it
        return JSONResponse(openai_error(problem), status, problem.headers)
    body = body_of(problem, path, request_id, unveiled=unveiled).model_dump(mode="json")
    return JSONResponse(body, problem.kind.status, problem.headers, "application/problem+json")


def openai_error(problem: ProblemError) -> dict[str, Any]:
    """The problem as OpenAI's clients expect it."""
    status = problem.kind.status
    kinds = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error")
    field = problem.errors[0] if problem.errors else None
    message = f"{field.field}: {field.message}" if field else problem.detail
    code = problem.kind.name.replace("-", "_")
    return {"error": {"message": message, "type": kind, "param": field.field if field else None, "code": code}}


def install(app: FastAPI) -> None:
    """Makes every error of the app's routes a problem."""

    async def answer(request: Request, error: Exception) -> Response:
        problem = as_problem(error, request.scope["state"]["request_id"])
        kind = request.headers.get("content-type", "")
        if isinstance(error, RequestValidationError) and _unread(error) and kind and "json" not in kind:
            problem = ProblemError("wrong-content-type", f"the body is {kind[:100]!r}; send it as application/json")
        caller = request.scope["state"].get("caller")
        owner = caller is not None and caller.may("owner")
        return response_of(problem, request.url.path, request.scope["state"]["request_id"], unveiled=owner)

    for kind in (ProblemError, RequestValidationError, HTTPException, NewsqaError):
        app.add_exception_handler(kind, answer)


def _invalid(error: RequestValidationError) -> ProblemError:
    """A problem that names each field, without what was sent in it."""
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        place = next(fault["loc"][-1] for fault in faults if fault["type"] == "json_invalid")
        return ProblemError("malformed-request", f"the body is no JSON: wrong at character {place}; correct it")
    fields = [wire.FieldProblem(field=_field(fault["loc"]), message=_message(fault)) for fault in faults[:20]]
    return ProblemError("invalid-request", f"{fields[0].field}: {fields[0].message}", errors=fields)


def _unread(error: RequestValidationError) -> bool:
    """Whether the body as a whole was not what is read."""
    return any(fault["loc"] == ("body",) for fault in error.errors())


def _field(place: Sequence[Any]) -> str:
    parts = [str(part) for part in place[1:]] if place and place[0] in ("body", "query", "path", "header") else place
    return ".".join(str(part) for part in parts if "[" not in str(part)) or "body"


def _message(fault: Mapping[str, Any]) -> str:
    message = str(fault["msg"]).removeprefix("Value error, ")
    if "UploadFile" in message:
        message = "is no file"
    return json.dumps(message, ensure_ascii=True)[1:-1].replace('\\"', '"')

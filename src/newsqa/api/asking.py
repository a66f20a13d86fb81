"""Routes that ask: an answer whole or as it comes, and a search without an answer."""

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from newsqa.api import wire
from newsqa.api.problems import Responses, as_problem, body_of, declared
from newsqa.api.service import Asker, Serving, while_connected

router = APIRouter(tags=["ask"])
STREAMED: Responses = {200: {"description": "Events; `data` is JSON whose `type` equals the event's name."}}
_REFUSED = declared("conversation-not-found", "invalid-request", "invalid-question", "too-busy", "not-ready")


@router.post("/v1/ask", responses=_REFUSED | declared("answer-too-slow"))
async def ask(asked: wire.Question, request: Request, service: Serving, caller: Asker) -> wire.Answer:
    """Answers a question with checked citations, or says that the articles don't say."""
    return await while_connected(request, service.answer(asked, caller))


async def _begun(asked: wire.Question, service: Serving, caller: Asker) -> AsyncIterator[AsyncIterator[wire.Event]]:
    """The events of an answer that has begun: what can't be asked is refused before the stream is opened."""
    async with aclosing(service.events(asked, caller)) as events:
        yield _after(await anext(events), events)


async def _after(first: wire.Event, others: AsyncIterator[wire.Event]) -> AsyncIterator[wire.Event]:
    yield first
    async for event in others:
        yield event


@router.post(
    "/v1/ask/stream",
    response_class=EventSourceResponse,
    responses=_REFUSED | STREAMED,
)
async def ask_stream(
    request: Request, events: Annotated[AsyncIterator[wire.Event], Depends(_begun)]
) -> AsyncIterable[wire.Event]:
    """Answers as server-sent events: start, passages, delta, citation, done; or error.

    `done` repeats the whole answer. A comment is sent every 15 seconds where nothing else is.
    """
    try:
        async for event in events:
            yield framed(event)
    except Exception as error:  # noqa: BLE001  # the reply has begun: what went wrong is its last event
        problem = body_of(as_problem(error, request.state.request_id), request.url.path, request.state.request_id)
        yield framed(wire.Failed(problem=problem))


def framed(
    event: wire.Event | wire.JobEvent,
) -> Any:
    """An event as it is sent; the annotation of the route names what is in it, and makes the schema."""
    return ServerSentEvent(event=event.type, data=event)


@router.post("/v1/search", responses=declared("invalid-request", "not-ready", "too-busy", "answer-too-slow"))
async def search(query: wire.Query, request: Request, service: Serving, _: Asker) -> wire.Found:
    """Finds passages without answering."""
    return await while_connected(request, found(query, service))


async def found(query: wire.Query, service: Serving) -> wire.Found:
    """What a search finds.

    Raises:
        ProblemError: `not-ready`, `too-busy`, `answer-too-slow`.
    """
    service.check_ready()
    passages = await service.questions.find(query.query, query.filters.domain(), query.top_k)
    return wire.Found.model_validate({"passages": passages})

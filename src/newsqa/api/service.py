"""What every route works with: the assistant behind its queue, jobs, access and figures; and who is asking."""

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar, Unpack
from uuid import uuid4

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import ClientDisconnect

from newsqa.api import wire
from newsqa.api.access import OWNER, Caller
from newsqa.api.jobs import Jobs
from newsqa.api.metrics import Metrics
from newsqa.api.problems import RETRY_AFTER, ProblemError
from newsqa.api.questions import Questions
from newsqa.assistant import MAX_TURNS, Assistant, Options
from newsqa.domain import Answer, Event, Turn
from newsqa.loading import Loader

LOG = logging.getLogger("newsqa.api")
Result = TypeVar("Result")
RECENT = 1000
"""Answers that are remembered beside the kept ones, so that feedback on them can be given."""
KEPT_PASSAGES = 8
"""Of a remembered answer."""


@dataclass
class Service:
    """The parts behind the routes of one app."""

    assistant: Assistant
    questions: Questions
    jobs: Jobs
    metrics: Metrics
    loader: Loader
    log_questions: bool = False
    ready: bool = False
    """Whether questions are answered."""
    trouble: str = ""
    """Why they will not be, where that is known."""
    warmed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the models are loaded, or can't be."""
    in_progress: set[tuple[str, str]] = field(default_factory=set)
    """Owners and Idempotency-Keys of requests that are going on."""
    _recent: "OrderedDict[str, tuple[str, str]]" = field(default_factory=OrderedDict)

    def check_ready(self) -> None:
        """Raises `not-ready` until the models are loaded, and again when the server stops."""
        if not self.ready:
            raise ProblemError("not-ready", self.trouble, headers=RETRY_AFTER)

    async def answer(self, asked: wire.Question, caller: Caller) -> wire.Answer:
        """The whole answer. Raises as `events` does."""
        async with aclosing(self.events(asked, caller)) as events:
            async for event in events:
                last = event
        assert isinstance(last, wire.Done)  # noqa: S101  # the stream ends with it, or raises
        return last.answer

    async def events(self, asked: wire.Question, caller: Caller) -> AsyncGenerator[wire.Event, None]:
        """The answer as it comes; it is stored with its conversation, where there is one, before `done` is sent.

        Raises:
            ProblemError: `not-ready`, `too-busy`, `answer-too-slow`.
            NewsqaError: the question can't be asked, or the conversation is not there.
        """
        self.check_ready()
        options = await self._options(asked, caller)
        self._log(asked.question, caller)
        answer_id = f"ans_{uuid4().hex[:16]}"
        async with aclosing(self.questions.stream(asked.question, **options)) as events:
            async for event in events:
                sent = _sent(event, answer_id)
                if isinstance(sent, wire.Done):
                    await self._keep(sent.answer, asked.conversation_id, caller)
                yield sent

    async def plain_answer(self, question: str, caller: Caller, **options: Unpack[Options]) -> Answer:
        """The whole answer as the assistant gives it, kept nowhere. Raises as `events` does."""
        self.check_ready()
        self._log(question, caller)
        async with aclosing(self.questions.stream(question, **options)) as events:
            async for event in events:
                last = event
        answer: Answer = last.value
        self.metrics.answered(wire.Answer.of("", answer))
        return answer

    def _log(self, question: str, caller: Caller) -> None:
        if self.log_questions:
            LOG.info("question", extra={"question": question, "key": caller.id})

    async def _options(self, asked: wire.Question, caller: Caller) -> Options:
        history = tuple(Turn(turn.question, turn.answer) for turn in asked.history)
        if asked.conversation_id:
            store = self.assistant.library.conversations
            kept = await asyncio.to_thread(store.get, asked.conversation_id, caller.owner, MAX_TURNS)
            history = tuple(Turn(turn.answer["question"], turn.answer["text"]) for turn in kept.turns)
        return {
            "history": history,
            "filters": asked.filters.domain(),
            "top_k": asked.top_k,
            "answerer": asked.answerer,
        }

    async def _keep(self, answer: wire.Answer, conversation_id: str | None, caller: Caller) -> None:
        self.metrics.answered(answer)
        if conversation_id:
            values = answer.model_dump(mode="json")
            await asyncio.to_thread(self.assistant.library.conversations.append, conversation_id, values)
        remembered = answer.model_copy(update={"passages": answer.passages[:KEPT_PASSAGES]})
        self._recent[answer.id] = (caller.id, remembered.model_dump_json())
        while len(self._recent) > RECENT:
            self._recent.popitem(last=False)

    def known_answer(self, answer_id: str, caller: Caller) -> dict[str, Any]:
        """An answer this caller was given.

        Raises:
            ProblemError: `answer-not-found`.
        """
        owner, remembered = self._recent.get(answer_id, ("", ""))
        if remembered and caller.owner in (None, owner):
            return dict(json.loads(remembered))
        kept = self.assistant.library.conversations.answer(answer_id, caller.owner)
        if kept is None:
            raise ProblemError("answer-not-found", f"there is no answer {answer_id!r}; give the id of a recent one")
        return dict(kept)


_NAMED: dict[str, type[wire.Passages | wire.Cited | wire.Marked]] = {
    "passages": wire.Passages,
    "citation": wire.Cited,
    "unverified": wire.Marked,
}


def _sent(event: Event, answer_id: str) -> wire.Event:
    """An event of the assistant as it goes over the wire."""
    value = event.value
    match event.type:
        case "start":
            return wire.Start(answer_id=answer_id, standalone_question=value)
        case "delta":
            return wire.Delta(text=value)
        case "withdrawn":
            return wire.Withdrawn(start=value.start, kind=value.kind)
        case "done":
            return wire.Done(answer=wire.Answer.of(answer_id, value))
        case _:
            return _NAMED[event.type].model_validate({event.type: value})


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """What the work gives; it is cancelled when the client goes away.

    Raises:
        ClientDisconnect: it went away.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


_BEARER = HTTPBearer(auto_error=False, description="A key that `newsqa keys new` printed; none where none are set.")


def _needs(scope: str) -> Callable[..., Caller]:
    def caller(request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> Caller:
        found: Caller = request.state.caller
        if not found.may(scope):
            raise ProblemError("scope-too-small", f"this needs a key of scope {scope}; this one has {found.scope}")
        return found

    return caller


Serving = Annotated[Service, Depends(_service)]
Asker = Annotated[Caller, Depends(_needs("ask"))]
Writer = Annotated[Caller, Depends(_needs("write"))]
Admin = Annotated[Caller, Depends(_needs("admin"))]
Owner = Annotated[Caller, Depends(_needs(OWNER))]

"""Routes as OpenAI's clients expect them, with citations as annotations and with our source spans."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from time import time
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.sse import format_sse_event
from pydantic import BaseModel, ConfigDict, FailFast, Field, JsonValue
from starlette.responses import StreamingResponse

from newsqa.api import wire
from newsqa.api.problems import ProblemError, Responses, as_problem, openai_error
from newsqa.api.service import Asker, Serving, while_connected
from newsqa.assistant import MAX_TURNS

MODEL = "newsqa"
router = APIRouter(tags=["openai"])


class ChatMessage(BaseModel):
    """One message of a chat."""

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant"] = Field(
        description="Who speaks; only the last two count."
    )
    content: wire.Text | tuple[Any, ...] | None = Field(
        None, description="The text, or a list of parts of type `text`."
    )

    def text(self) -> str:
        """The text of all parts; half a character becomes a question mark.

        Raises:
            ProblemError: a part is no text.
        """
        if not isinstance(self.content, tuple):
            return self.content or ""
        for part in self.content:
            if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
                raise ProblemError("unsupported-parameter", "messages: only parts of type text can be read")
        return "".join(part["text"] for part in self.content).encode(errors="replace").decode()


class ChatRequest(BaseModel):
    """A chat. Parameters that shape how a chat model samples are accepted and change nothing."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [{"model": MODEL, "messages": [{"role": "user", "content": "Who offered to host the talks?"}]}]
        },
    )

    model: Annotated[wire.Text, Field(max_length=200)] = Field(description="`newsqa`.")
    messages: Annotated[tuple[ChatMessage, ...], FailFast(), Field(min_length=1, max_length=100_000)] = Field(
        description="The last one, a user's, is the question; those before are its history."
    )
    stream: bool | None = Field(None, description="Whether the reply comes in chunks, ending with `[DONE]`.")
    stream_options: dict[str, JsonValue] | None = Field(None, description="`include_usage` adds a chunk with usage.")
    n: int | None = Field(None, description="Only 1: there is one answer.")
    filters: wire.Filters = Field(wire.Filters(), description="Beyond OpenAI's: which articles may be searched.")
    top_k: wire.TopK | None = Field(None, description="Beyond OpenAI's: passages to be found.")

    def question(self) -> wire.Question:
        """The question that it asks.

        Raises:
            ProblemError: it asks none, or wants what can't be done.
        """
        self._refuse_unsupported()
        turns: list[wire.Turn] = []
        for message in self.messages[:-1]:
            text = message.text()
            if message.role == "user" and text.strip():
                turns.append(wire.Turn(question=text[: wire.MAX_TURN_CHARS]))
            elif message.role == "assistant" and turns:
                turns[-1] = wire.Turn(question=turns[-1].question, answer=text[: wire.MAX_TURN_CHARS])
        last = self.messages[-1]
        if last.role != "user" or not last.text().strip():
            raise ProblemError("invalid-question", "messages: the last one has to be the user's question")
        history = tuple(turns[-MAX_TURNS:])
        return wire.Question.model_construct(
            question=last.text(), history=history, conversation_id=None, filters=self.filters, top_k=self.top_k
        )

    def _refuse_unsupported(self) -> None:
        if self.model != MODEL:
            raise ProblemError("model-not-found", f"there is no model {self.model[:100]!r}; it is called {MODEL}")
        extra = self.model_extra or {}
        wanted = [name for name in ("tools", "functions", "stop", "logprobs", "audio") if extra.get(name)]
        wanted += ["n"] if self.n not in (None, 1) else []
        wanted += ["tool_choice"] if extra.get("tool_choice") not in (None, "none", "auto") else []
        wanted += ["modalities"] if extra.get("modalities") not in (None, ["text"]) else []
        kind = extra.get("response_format")
        wanted += ["response_format"] if isinstance(kind, Mapping) and kind.get("type") != "text" else []
        if wanted:
            raise ProblemError("unsupported-parameter", f"{wanted[0]} can't be honoured here; leave it out")


class UrlCitation(BaseModel):
    """Where in the message a cited statement stands, and what it rests on."""

    start_index: int = Field(description="First character of the statement in the message, in code points.")
    end_index: int = Field(description="Behind its last.")
    title: str = Field(description="Title of the article.")
    url: str = Field(description="Its address; where it has none, its address in this API.")


class Annotation(BaseModel):
    """OpenAI's shape of a citation."""

    type: Literal["url_citation"] = Field("url_citation", description="Always this.")
    url_citation: UrlCitation = Field(description="The citation.")


class ReplyMessage(BaseModel):
    """The answer as a message. What OpenAI's shape has no place for stands beside it."""

    role: Literal["assistant"] = Field("assistant", description="Always this.")
    content: str = Field(description="Text of the answer, a marker [n] after each cited statement.")
    refusal: None = Field(None, description="Always null: abstaining is an answer.")
    annotations: tuple[Annotation, ...] = Field(description="The citations in OpenAI's shape.")
    citations: tuple[wire.Citation, ...] = Field(description="Beyond OpenAI's: the citations with their source spans.")
    answer_id: str = Field(description="Beyond OpenAI's: names the answer in feedback.")
    status: Literal["answered", "abstained"] = Field(
        description="Beyond OpenAI's: `abstained`, the articles don't say."
    )
    short: str | None = Field(description="Beyond OpenAI's: the bare answer; null where there is none.")
    confidence: float = Field(description="Beyond OpenAI's: calibrated probability that the answer is right, 0 to 1.")


class Choice(BaseModel):
    """The one answer."""

    index: int = Field(0, description="Always 0.")
    message: ReplyMessage = Field(description="The answer.")
    finish_reason: Literal["stop"] = Field("stop", description="Always this.")
    logprobs: None = Field(None, description="Always null.")


class Usage(BaseModel):
    """Tokens of the chat model, as far as it tells them; 0 where none was asked."""

    prompt_tokens: int = Field(0, description="Tokens read by a chat model.")
    completion_tokens: int = Field(0, description="Tokens written by a chat model.")
    total_tokens: int = Field(0, description="Both.")

    @classmethod
    def of(cls, answer: wire.Answer) -> Self:
        """What an answer took."""
        read, written = (int(answer.timings.get(name, 0)) for name in ("input_tokens", "output_tokens"))
        return cls(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)


class Completion(BaseModel):
    """The reply to a chat."""

    id: str = Field(description="Of the reply.")
    object: Literal["chat.completion"] = Field("chat.completion", description="Always this.")
    created: int = Field(description="When, in seconds since 1970 UTC.")
    model: str = Field(description="Who answered.")
    choices: tuple[Choice, ...] = Field(description="The one answer.")
    usage: Usage = Field(description="Tokens of a chat model.")


class OpenAIModel(BaseModel):
    """A model that can be asked."""

    id: str = Field(description="Its name.")
    object: Literal["model"] = Field("model", description="Always this.")
    created: int = Field(description="Always 0.")
    owned_by: str = Field(description="Always newsqa.")


class OpenAIModelList(BaseModel):
    """The models that can be asked."""

    object: Literal["list"] = Field("list", description="Always this.")
    data: tuple[OpenAIModel, ...] = Field(description="All of them.")


class OpenAIErrorBody(BaseModel):
    """What went wrong."""

    message: str = Field(description="What, and the next step.")
    type: str = Field(description="OpenAI's kind of error.")
    param: str | None = Field(description="The parameter at fault; null where it is none.")
    code: str | None = Field(description="Our kind of problem, with underscores.")


class OpenAIError(BaseModel):
    """An error as OpenAI's clients expect it."""

    error: OpenAIErrorBody = Field(description="The error.")


def errors(*statuses: int) -> Responses:
    """These statuses as the OpenAPI document declares them on OpenAI's routes."""
    return {status: {"model": OpenAIError, "description": "OpenAI's error object."} for status in statuses}


@router.get("/v1/models", responses=errors(401, 403, 408, 413, 429, 500))
async def list_models(_: Asker) -> OpenAIModelList:
    """Lists what can be asked: `newsqa`."""
    return OpenAIModelList(object="list", data=(_model(),))


@router.get("/v1/models/{model_id}", responses=errors(400, 401, 403, 404, 408, 413, 429, 500))
async def get_model(model_id: str, _: Asker) -> OpenAIModel:
    """Gets a model."""
    if model_id != MODEL:
        raise ProblemError("model-not-found", f"there is no model {model_id[:100]!r}; it is called {MODEL}")
    return _model()


@router.post(
    "/v1/chat/completions",
    response_model=Completion,
    responses=errors(400, 401, 403, 404, 408, 413, 415, 429, 500, 503, 504)
    | {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def create_chat_completion(body: ChatRequest, request: Request, service: Serving, caller: Asker) -> Response:
    """Answers the last message of a chat, with citations; OpenAI's clients work unchanged."""
    asked, base = body.question(), str(request.base_url)
    if body.stream:
        events = service.events(asked, caller)
        first = await anext(events)
        usage = bool((body.stream_options or {}).get("include_usage"))
        return StreamingResponse(
            _chunks(first, events, base, usage=usage),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
        )
    answer = await while_connected(request, service.answer(asked, caller))
    completion = Completion(
        id=_id(answer.id),
        created=int(time()),
        model=MODEL,
        choices=(Choice(message=_message(answer, base)),),
        usage=Usage.of(answer),
    )
    return Response(completion.model_dump_json(), media_type="application/json")


async def _chunks(
    first: wire.Event, events: AsyncGenerator[wire.Event, None], base: str, *, usage: bool
) -> AsyncIterator[bytes]:
    """The frames of a streamed reply; each citation comes in a chunk right behind what it supports."""
    assert isinstance(first, wire.Start)  # noqa: S101  # every answer begins with it
    common = {"id": _id(first.answer_id), "object": "chat.completion.chunk", "created": int(time()), "model": MODEL}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return _frame({**common, "choices": [choice]})

    yield chunk({"role": "assistant", "content": ""})
    async with aclosing(events):
        try:
            async for event in _settled(events):
                match event:
                    case wire.Delta():
                        yield chunk({"content": event.text})
                    case wire.Cited():
                        yield chunk(_annotated((event.citation,), base))
                    case wire.Done():
                        yield chunk(_beyond(event.answer), "stop")
                        taken = Usage.of(event.answer)
        except Exception as error:  # noqa: BLE001  # the reply has begun: what went wrong is its last chunk
            yield _frame(openai_error(as_problem(error)))
            return
    if usage:
        yield _frame({**common, "choices": [], "usage": taken.model_dump()})
    yield format_sse_event(data_str="[DONE]")


async def _settled(events: AsyncGenerator[wire.Event, None]) -> AsyncIterator[wire.Event]:
    """The events without what was taken back, as OpenAI's clients can't: text is held until it is verified."""
    held, length = "", 0
    async for event in events:
        if isinstance(event, wire.Delta):
            held += event.text
        elif isinstance(event, wire.Withdrawn):
            held = held[: max(0, event.start - length)]
        else:
            if held and isinstance(event, wire.Cited | wire.Done):
                yield wire.Delta(text=held)
                held, length = "", length + len(held)
            yield event


def _frame(value: dict[str, Any]) -> bytes:
    return format_sse_event(data_str=json.dumps(value, ensure_ascii=False))


def _message(answer: wire.Answer, base: str) -> ReplyMessage:
    values = {"content": answer.text, **_annotated(answer.citations, base), **_beyond(answer)}
    return ReplyMessage.model_validate(values)


def _annotated(citations: tuple[wire.Citation, ...], base: str) -> dict[str, Any]:
    annotations = [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": each.answer_span.start,
                "end_index": each.answer_span.end,
                "title": each.title,
                "url": each.url or f"{base}v1/articles/{quote(each.article_id, safe='')}",
            },
        }
        for each in citations
    ]
    return {"annotations": annotations, "citations": [each.model_dump(mode="json") for each in citations]}


def _beyond(answer: wire.Answer) -> dict[str, Any]:
    return {
        "answer_id": answer.id,
        "status": answer.status,
        "short": answer.short,
        "confidence": answer.confidence,
    }


def _id(answer_id: str) -> str:
    return answer_id.replace("ans_", "chatcmpl-")


def _model() -> OpenAIModel:
    return OpenAIModel(id=MODEL, object="model", created=0, owned_by="newsqa")

"""Routes of kept conversations, and of what readers thought of answers."""

import asyncio
from typing import Annotated, Any
from uuid import uuid4

import yaml
from fastapi import APIRouter, Query, Response
from starlette.responses import PlainTextResponse

from newsqa.api import wire
from newsqa.api.paging import Cursor, Limit, page, place_of
from newsqa.api.problems import Responses, declared
from newsqa.api.service import Admin, Asker, Serving
from newsqa.domain import now
from newsqa.library.conversations import Feedback

router = APIRouter()
_MARKDOWN: Responses = {200: {"content": {"text/markdown": {"schema": {"type": "string"}}}}}
_YAML: Responses = {200: {"content": {"application/yaml": {"schema": {"type": "object"}}}}}
_REFUSED = declared("conversation-not-found", "invalid-request")


@router.post("/v1/conversations", status_code=201, tags=["conversations"])
async def create_conversation(service: Serving, caller: Asker, response: Response) -> wire.Conversation:
    """Starts a kept conversation: give its id as `conversation_id` when asking."""
    store, id = service.assistant.library.conversations, f"conv_{uuid4().hex[:16]}"
    created = await asyncio.to_thread(store.create, id, caller.id)
    response.headers["Location"] = f"/v1/conversations/{id}"
    return wire.Conversation.model_validate(created)


@router.get("/v1/conversations", responses=declared("invalid-request"), tags=["conversations"])
async def list_conversations(
    service: Serving, caller: Asker, limit: Limit = 20, cursor: Cursor = ""
) -> wire.ConversationList:
    """Lists this key's conversations, the last used first; an admin's key sees all."""
    store = service.assistant.library.conversations
    found = await asyncio.to_thread(store.recent, caller.owner, limit + 1, place_of(cursor))
    shown, following = page(found, limit, lambda each: (each.updated_at.isoformat(), each.id))
    return wire.ConversationList(
        conversations=tuple(map(wire.ConversationSummary.model_validate, shown)), next_cursor=following
    )


@router.get(
    "/v1/conversations/{conversation_id}",
    response_model=wire.Conversation,
    responses=_REFUSED,
    tags=["conversations"],
)
async def get_conversation(conversation_id: str, service: Serving, caller: Asker) -> Response:
    """Gets a conversation with every answer as it was given, citations and their numbers included."""

    def made() -> str:  # in a thread: a long conversation takes its time
        found = service.assistant.library.conversations.get(conversation_id, caller.owner)
        return wire.Conversation.model_validate(found).model_dump_json()

    return Response(await asyncio.to_thread(made), media_type="application/json")


@router.get(
    "/v1/conversations/{conversation_id}/export",
    response_class=PlainTextResponse,
    responses=_MARKDOWN | _REFUSED,
    tags=["conversations"],
)
async def export_conversation(conversation_id: str, service: Serving, caller: Asker) -> Response:
    """Gets a conversation as Markdown with its quotes and links."""

    def made() -> str:
        found = service.assistant.library.conversations.get(conversation_id, caller.owner)
        return as_markdown(wire.Conversation.model_validate(found))

    return Response(await asyncio.to_thread(made), media_type="text/markdown; charset=utf-8")


@router.delete("/v1/conversations/{conversation_id}", status_code=204, responses=_REFUSED, tags=["conversations"])
async def delete_conversation(conversation_id: str, service: Serving, caller: Asker) -> None:
    """Deletes a conversation with its turns."""
    store = service.assistant.library.conversations
    await asyncio.to_thread(store.delete, conversation_id, caller.owner)


@router.post(
    "/v1/feedback", status_code=201, responses=declared("answer-not-found", "invalid-request"), tags=["feedback"]
)
async def give_feedback(body: wire.NewFeedback, service: Serving, caller: Asker) -> wire.Feedback:
    """Stores what a reader thought of an answer; said again of the same answer it takes the place of the former."""
    answer = await asyncio.to_thread(service.known_answer, body.answer_id, caller)
    given = Feedback(body.answer_id, body.verdict, body.reason, answer, now())
    await asyncio.to_thread(service.assistant.library.conversations.give_feedback, caller.id, given)
    return wire.Feedback.model_validate(given)


@router.get("/v1/feedback", tags=["feedback"])
async def list_feedback(service: Serving, _: Admin) -> wire.FeedbackList:
    """Lists all feedback, oldest first. Needs an admin's key."""
    given = await asyncio.to_thread(service.assistant.library.conversations.feedback)
    return wire.FeedbackList(feedback=tuple(map(wire.Feedback.model_validate, given)))


@router.get(
    "/v1/feedback/export",
    response_class=PlainTextResponse,
    responses=_YAML | declared("invalid-request"),
    tags=["feedback"],
)
async def export_feedback(
    service: Serving,
    _: Admin,
    verdict: Annotated[str, Query(pattern="^(up|down|)$", description="Only these; all when empty.")] = "",
) -> Response:
    """Gets feedback as a draft of an evaluation suite (YAML). Needs an admin's key.

    Cases of liked answers are complete; those of disliked ones say in their note what was said, and load once their
    expected answer and evidence are written in.
    """
    given = await asyncio.to_thread(service.assistant.library.conversations.feedback)
    chosen = [each for each in given if verdict in ("", each.verdict)]
    return Response(draft_suite(chosen), media_type="application/yaml")


def as_markdown(conversation: wire.Conversation) -> str:
    """A conversation to be read: each question, its answer, and the quotes with where they are from."""
    blocks = [f"# {_line(conversation.title) or 'Conversation'}"]
    for turn in conversation.turns:
        blocks += [f"## {_line(turn.answer.question)}", *map(_line, filter(str.strip, turn.answer.text.splitlines()))]
        blocks += [
            f"{each.number}. “{_line(each.quote)}” — {_from(each)}{_also(each)}" for each in turn.answer.citations
        ]
    return "\n\n".join(blocks) + "\n"


def _also(citation: wire.Citation) -> str:
    return f" ({_line(citation.also())})" if citation.copies else ""


def draft_suite(given: list[Feedback]) -> str:
    """A suite's YAML with a case for each answer; what was disliked has no expected answer yet."""
    cases = [_case(number, feedback) for number, feedback in enumerate(given, start=1)]
    about = "Drafts made of feedback: complete what is expected, check the evidence, then move them to a suite."
    suite = {"suite": "drafts", "about": about, "cases": cases}
    return yaml.safe_dump(suite, allow_unicode=True, sort_keys=False, width=120)


def _case(number: int, feedback: Feedback) -> dict[str, Any]:
    answer, liked = feedback.answer, feedback.verdict == "up"
    answered = answer["status"] == "answered"
    case: dict[str, Any] = {
        "id": f"draft-{number}-{feedback.answer_id.removeprefix('ans_')}",
        "question": answer["standalone_question"],
        "answerable": answered if liked else True,
        "tags": ["draft", feedback.verdict],
        "note": f"said: {answer['text']}" + (f" / reader: {feedback.reason}" if feedback.reason else ""),
    }
    if liked and answered:
        case["expected"] = [answer["short"]] if answer["short"] else []
        case["evidence"] = [{"article": each["article_id"], "quote": each["quote"]} for each in answer["citations"]]
    return case


def _from(citation: wire.Citation) -> str:
    words = ", ".join(filter(None, (citation.title, citation.publisher, citation.published_at or "no date")))
    linked = citation.url.startswith(("http://", "https://")) and not set(citation.url) & set(" <>\n")
    return f"{_line(words)}" + (f" <{citation.url}>" if linked else "")


def _line(text: str) -> str:
    """The text on one line, without what Markdown or HTML would read as more than text."""
    plain = " ".join(text.split())
    return "".join(f"\\{char}" if char in "\\`*_<>#|(" else char for char in plain)

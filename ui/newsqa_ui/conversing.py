"""What the conversation does: ask, stop, retry, undo, edit, and open one that is kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Any
from uuid import uuid4

import gradio as gr

from newsqa.api import wire
from newsqa.api.access import Caller
from newsqa.api.problems import as_problem
from newsqa.api.service import Service
from newsqa.domain import now
from newsqa.errors import ConversationNotFoundError
from newsqa.library.conversations import Feedback
from newsqa_ui.session import Asked, Message, Session, typed
from newsqa_ui.suggestions import Suggestions

Shown = tuple[list[Message], Any]
"""The conversation, and what becomes of the question's box."""
MOST_TURNS = 200
"""Of a kept conversation that are shown, the last ones."""
LISTED = 50
"""Conversations."""
_ASKING: dict[str, Any] = {"submit_btn": False, "stop_btn": "Stop"}
_RESTING: dict[str, Any] = {"submit_btn": "Ask", "stop_btn": False}


class Conversing:
    """The handlers of the conversation's events, over the API's service."""

    def __init__(self, service: Service, suggestions: Suggestions) -> None:
        """Over a running service."""
        self._service, self._suggestions = service, suggestions
        self._store = service.assistant.library.conversations

    async def typed(self, question: str, place: str, session: Session, request: gr.Request) -> AsyncIterator[Shown]:
        """Asks what was typed, and shows the answer as it grows."""
        await asyncio.to_thread(self.resume, place, session, request)
        async for shown in self._ask(question, session, request):
            yield shown

    async def suggested(
        self, place: str, session: Session, request: gr.Request, event: gr.SelectData
    ) -> AsyncIterator[Shown]:
        """Asks a question that was suggested."""
        question = event.value["text"] if isinstance(event.value, dict) else event.value
        async for shown in self.typed(question, place, session, request):
            yield shown

    async def retry(
        self, place: str, session: Session, request: gr.Request, event: gr.RetryData
    ) -> AsyncIterator[Shown]:
        """Asks a question anew; it and all after it are taken back."""
        await asyncio.to_thread(self.resume, place, session, request)
        turn = _turn(event.index)
        async for shown in self._again(session.turns[turn].question, turn, session, request):
            yield shown

    async def edit(self, place: str, session: Session, request: gr.Request, event: gr.EditData) -> AsyncIterator[Shown]:
        """Asks a question in other words; the former one and all after it are taken back."""
        await asyncio.to_thread(self.resume, place, session, request)
        async for shown in self._again(typed(str(event.value)), _turn(event.index), session, request):
            yield shown

    async def undo(self, place: str, session: Session, request: gr.Request) -> Shown:
        """Takes the last question back into the box."""
        await asyncio.to_thread(self.resume, place, session, request)
        if session.busy or not session.turns:
            return session.messages(), gr.skip()
        question = session.turns[-1].question
        await self._cut(len(session.turns) - 1, session, request)
        return session.messages(), gr.update(value=question)

    def stop(self, session: Session) -> Shown:
        """Notes that the answer was stopped."""
        if session.busy:
            session.turns[-1].stopped = True
        return session.messages(), gr.update(**_RESTING)

    async def suggest(self, session: Session) -> Any:
        """Adds questions that may follow to the last answer, unless more was asked meanwhile."""
        turn = session.turns[-1] if session.turns else None
        if turn is None or turn.answer is None:
            return gr.skip()
        turn.further = await self._suggestions.after(turn.answer, [each.question for each in session.turns])
        return session.messages()

    async def judge(self, place: str, session: Session, request: gr.Request, event: gr.LikeData) -> None:
        """Keeps what the reader thinks of an answer: maintainers make cases of it."""
        await asyncio.to_thread(self.resume, place, session, request)
        turn, caller = session.turns[_turn(event.index)], caller_of(request)
        if not turn.answer:
            return
        answer = await asyncio.to_thread(self._service.known_answer, turn.answer.id, caller)
        given = Feedback(turn.answer.id, "up" if event.liked is True else "down", "", answer, now())
        await asyncio.to_thread(self._store.give_feedback, caller.id, given)
        gr.Info("Noted, thank you.")

    async def _again(self, question: str, turn: int, session: Session, request: gr.Request) -> AsyncIterator[Shown]:
        gone: list[Asked] = []
        if not session.busy and question.strip():
            gone = session.turns[turn:]
            await self._cut(turn, session, request)
        async for shown in self._ask(question, session, request):
            yield shown
        if gone and session.turns and session.turns[-1].problem:  # what was there is worth more than no answer
            answers = [each.answer.model_dump(mode="json") for each in gone if each.answer]
            for answer in answers:
                await asyncio.to_thread(self._store.append, session.conversation, answer)
            session.turns[turn:turn] = gone
            yield session.messages(), gr.skip()

    async def _cut(self, turn: int, session: Session, request: gr.Request) -> None:
        answer_id = session.cut(turn)
        if answer_id:
            owner = caller_of(request).owner
            with suppress(ConversationNotFoundError):  # it was deleted elsewhere, this answer too
                await asyncio.to_thread(self._store.take_back, session.conversation, owner, answer_id)

    async def _ask(self, question: str, session: Session, request: gr.Request) -> AsyncIterator[Shown]:
        if session.busy or not question.strip():
            yield session.messages(), gr.skip()
            return
        turn = Asked(question)
        session.turns.append(turn)
        yield session.messages(), gr.update(value="", **_ASKING)
        try:
            async for _ in self._answering(turn, session, caller_of(request)):
                yield session.messages(), gr.skip()
        except ConversationNotFoundError:
            session.conversation = ""
            turn.problem = "This conversation was deleted in another place. Ask again, and a new one begins."
        except Exception as error:  # noqa: BLE001  # whatever it is, the reader must learn it
            turn.problem = as_problem(error).detail
        finally:
            turn.stopped = turn.stopped or turn.growing  # the page went away, or the question was stopped
        mine = not session.turns or turn is session.turns[-1]
        yield session.messages(), gr.update(**_RESTING) if mine else gr.skip()

    async def _answering(self, turn: Asked, session: Session, caller: Caller) -> AsyncIterator[None]:
        session.begun, id = True, session.conversation
        if not id:
            id = f"conv_{uuid4().hex[:16]}"
            await asyncio.to_thread(self._store.create, id, caller.id)
            if turn in session.turns:  # it was not left meanwhile
                session.conversation = id
        asked = wire.Question(question=turn.question, conversation_id=id, filters=session.filters())
        async with aclosing(self._service.events(asked, caller)) as events:
            async for event in events:
                turn.take(event)
                yield

    # Conversations that are kept

    def new(self, session: Session) -> Shown:
        """Leaves the conversation; it is kept."""
        session.conversation, session.turns, session.begun = "", [], True
        return session.messages(), gr.update(value="", **_RESTING)

    def open(self, id: str, session: Session, request: gr.Request) -> Shown:
        """Shows a conversation that is kept."""
        self.new(session)
        try:
            self._take_up(id, session, request)
        except ConversationNotFoundError:
            gr.Warning("This conversation is not there any longer: start a new one, or open one of the list.")
        return session.messages(), gr.update(**_RESTING)

    def resume(self, place: str, session: Session, request: gr.Request) -> None:
        """Takes up what the page shows, where the server was started anew since."""
        if session.begun:
            return
        session.begun = True
        if place:
            gr.Info("The server was started anew: all articles are asked again.")
            with suppress(ConversationNotFoundError):
                self._take_up(place, session, request)

    def _take_up(self, id: str, session: Session, request: gr.Request) -> None:
        kept = self._store.get(id, caller_of(request).owner, MOST_TURNS)
        session.conversation, session.turns = id, []
        for turn in kept.turns:
            answer = wire.Answer.model_validate(turn.answer)
            asked = Asked(answer.question)
            asked.done(answer)
            session.turns.append(asked)

    def forget(self, id: str, session: Session, request: gr.Request) -> Shown:
        """Deletes a kept conversation."""
        with suppress(ConversationNotFoundError):  # it is gone, as it should be
            self._store.delete(id, caller_of(request).owner)
        if id == session.conversation:
            return self.new(session)
        return session.messages(), gr.skip()

    def kept(self, request: gr.Request) -> list[wire.ConversationSummary]:
        """The last conversations in which something was asked."""
        recent = self._store.recent(caller_of(request).owner, LISTED)
        return [wire.ConversationSummary.model_validate(each) for each in recent if each.title]


def caller_of(request: gr.Request) -> Caller:
    """Who the page's reader is to the API."""
    caller: Caller = request.state.caller
    return caller


def _turn(index: int | tuple[int, ...] | list[int]) -> int:
    """The turn that a message is of: each has two."""
    return (index if isinstance(index, int) else index[0]) // 2

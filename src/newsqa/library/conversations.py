"""What was asked, answered and thought of it: conversations, feedback, and replies to requests that are repeated."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sql
from sqlalchemy import Column, ForeignKey, Integer

from newsqa.domain import now
from newsqa.errors import ConversationNotFoundError
from newsqa.library.database import WRITING, String, Text, insert_or_replace

conversation_tables = sql.MetaData()
_conversations = sql.Table(
    "conversations",
    conversation_tables,
    Column("id", String, primary_key=True),
    Column("owner", String, nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("created_at", String, nullable=False),
    Column("updated_at", String, nullable=False),
)
_turns = sql.Table(
    "turns",
    conversation_tables,
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("answer_id", String, nullable=False, unique=True),
    Column("answer", Text, nullable=False),
    Column("asked_at", String, nullable=False),
)
_feedback = sql.Table(
    "feedback",
    conversation_tables,
    Column("answer_id", String, primary_key=True),
    Column("owner", String, primary_key=True),
    Column("verdict", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("given_at", String, nullable=False, index=True),
)
_replies = sql.Table(
    "replies",
    conversation_tables,
    Column("owner", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("reply", Text, nullable=False),
    Column("given_at", String, nullable=False, index=True),
)
REPLIES_KEPT = timedelta(hours=24)
MAX_TITLE_CHARS = 200


@dataclass(frozen=True)
class StoredTurn:
    """A turn as it was shown: the whole answer with its citations, as JSON."""

    number: int
    """From 1."""
    asked_at: datetime
    answer: Mapping[str, Any]


@dataclass(frozen=True)
class Conversation:
    """A conversation that is kept."""

    id: str
    title: str
    """Its first question, until one is asked empty."""
    created_at: datetime
    updated_at: datetime
    turns: tuple[StoredTurn, ...] = ()
    """Oldest first; left out of lists."""


@dataclass(frozen=True)
class Feedback:
    """What a reader thought of one answer."""

    answer_id: str
    verdict: Literal["up", "down"]
    reason: str
    answer: Mapping[str, Any]
    """The whole answer, as it was shown."""
    given_at: datetime


class Conversations:
    """The tables of one catalogue. An owner sees what is its own; the owner None sees everything."""

    def __init__(self, engine: sql.Engine) -> None:
        """Over a database that has the tables."""
        self._engine, self._writing = engine, engine.execution_options(**WRITING)

    # Conversations

    def create(self, id: str, owner: str) -> Conversation:
        """A new conversation without turns."""
        at = now()
        values = {"title": "", "created_at": at.isoformat(), "updated_at": at.isoformat()}
        with self._writing.begin() as connection:
            connection.execute(_conversations.insert().values(id=id, owner=owner, **values))
        return Conversation(id, "", at, at)

    def get(self, id: str, owner: str | None, last: int | None = None) -> Conversation:
        """The conversation with its turns, or so many of its last ones.

        Raises:
            ConversationNotFoundError: there is none of this id, or it is another owner's.
        """
        with self._engine.begin() as connection:
            row = connection.execute(sql.select(_conversations).where(_owned(id, owner))).one_or_none()
            if row is None:
                raise ConversationNotFoundError(_missing(id))
            turns = (
                sql.select(_turns).where(_turns.c.conversation_id == id).order_by(_turns.c.number.desc()).limit(last)
            )
            stored = [
                StoredTurn(turn.number, datetime.fromisoformat(turn.asked_at), json.loads(turn.answer))
                for turn in connection.execute(turns)
            ]
        return _conversation(row, stored[::-1])

    def recent(self, owner: str | None, limit: int, after: tuple[str, str] | None = None) -> list[Conversation]:
        """At most `limit` conversations without their turns, the last used first, those behind `after`.

        Args:
            owner: whose; None for all.
            limit: how many.
            after: `updated_at` (ISO 8601) and id of the last one that is known already.
        """
        table = _conversations.c
        query = sql.select(_conversations).order_by(table.updated_at.desc(), table.id).limit(limit)
        if owner is not None:
            query = query.where(table.owner == owner)
        if after:
            at, id = after
            query = query.where((table.updated_at < at) | ((table.updated_at == at) & (table.id > id)))
        with self._engine.begin() as connection:
            return [_conversation(row) for row in connection.execute(query)]

    def append(self, id: str, answer: Mapping[str, Any]) -> None:
        """Adds a turn with this answer, which has an `id` and a `question`; nothing where it was deleted meanwhile."""
        at, this, title = now().isoformat(), _conversations.c.id == id, _conversations.c.title
        titled = sql.case((title == "", sql.literal(answer["question"][:MAX_TITLE_CHARS], title.type)), else_=title)
        touched = _conversations.update().where(this).values(updated_at=at, title=titled)
        with self._writing.begin() as connection:
            if not connection.execute(touched).rowcount:
                return
            last = sql.select(sql.func.max(_turns.c.number)).where(_turns.c.conversation_id == id)
            number = (connection.scalar(last) or 0) + 1
            values = {"number": number, "answer_id": answer["id"], "answer": json.dumps(answer), "asked_at": at}
            connection.execute(_turns.insert().values(conversation_id=id, **values))

    def take_back(self, id: str, owner: str | None, answer_id: str) -> None:
        """Deletes the turn of this answer and all that came after it; nothing where the turn is not there.

        Raises:
            ConversationNotFoundError: there is no conversation of this id, or it is another owner's.
        """
        this = _turns.c.conversation_id == id
        with self._writing.begin() as connection:
            if connection.execute(sql.select(_conversations.c.id).where(_owned(id, owner))).one_or_none() is None:
                raise ConversationNotFoundError(_missing(id))
            first = connection.scalar(sql.select(_turns.c.number).where(this & (_turns.c.answer_id == answer_id)))
            if first is None:
                return
            connection.execute(_turns.delete().where(this & (_turns.c.number >= first)))
            if first == 1:  # the title was its question
                connection.execute(_conversations.update().where(_conversations.c.id == id).values(title=""))

    def delete(self, id: str, owner: str | None) -> None:
        """Deletes a conversation with its turns; feedback that was given stays.

        Raises:
            ConversationNotFoundError: there is none of this id, or it is another owner's.
        """
        with self._writing.begin() as connection:
            if not connection.execute(_conversations.delete().where(_owned(id, owner))).rowcount:
                raise ConversationNotFoundError(_missing(id))

    def answer(self, answer_id: str, owner: str | None) -> Mapping[str, Any] | None:
        """An answer of a kept conversation."""
        joined = _turns.join(_conversations, _conversations.c.id == _turns.c.conversation_id)
        query = sql.select(_turns.c.answer).select_from(joined).where(_turns.c.answer_id == answer_id)
        if owner is not None:
            query = query.where(_conversations.c.owner == owner)
        with self._engine.begin() as connection:
            found = connection.scalar(query)
        return json.loads(found) if found else None

    # Feedback

    def give_feedback(self, owner: str, feedback: Feedback) -> None:
        """Stores it, in the place of what this owner said of the same answer before."""
        this = (_feedback.c.answer_id == feedback.answer_id) & (_feedback.c.owner == owner)
        values = {
            "verdict": feedback.verdict,
            "reason": feedback.reason,
            "answer": json.dumps(feedback.answer),
            "given_at": feedback.given_at.isoformat(),
        }
        with self._writing.begin() as connection:
            connection.execute(_feedback.delete().where(this))
            connection.execute(_feedback.insert().values(answer_id=feedback.answer_id, owner=owner, **values))

    def feedback(self) -> list[Feedback]:
        """All feedback, oldest first."""
        query = sql.select(_feedback).order_by(_feedback.c.given_at, _feedback.c.answer_id)
        with self._engine.begin() as connection:
            return [
                Feedback(
                    row.answer_id, row.verdict, row.reason, json.loads(row.answer), datetime.fromisoformat(row.given_at)
                )
                for row in connection.execute(query)
            ]

    # Replies to requests that may be repeated

    def reply(self, owner: str, key: str) -> dict[str, Any] | None:
        """What was answered to this owner's request with this key in the last 24 hours."""
        this = (_replies.c.owner == owner) & (_replies.c.key == key)
        with self._writing.begin() as connection:
            connection.execute(_replies.delete().where(_replies.c.given_at < (now() - REPLIES_KEPT).isoformat()))
            found = connection.scalar(sql.select(_replies.c.reply).where(this))
        return json.loads(found) if found else None

    def keep_reply(self, owner: str, key: str, reply: Mapping[str, Any]) -> None:
        """Keeps it for 24 hours."""
        values = {"owner": owner, "key": key, "reply": json.dumps(reply), "given_at": now().isoformat()}
        with self._writing.begin() as connection:
            insert_or_replace(connection, _replies, [values])


def _missing(id: str) -> str:
    return f"there is no conversation {id!r}; start one, or list those there are"


def _owned(id: str, owner: str | None) -> Any:
    this = _conversations.c.id == id
    return this if owner is None else this & (_conversations.c.owner == owner)


def _conversation(row: Any, turns: Sequence[StoredTurn] = ()) -> Conversation:
    created, updated = datetime.fromisoformat(row.created_at), datetime.fromisoformat(row.updated_at)
    return Conversation(row.id, row.title, created, updated, tuple(turns))

"""Says a reply: in the articles' own sentences, or in a chat model's words as far as they can be verified."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from time import perf_counter
from typing import Any

from newsqa.answering.extractive import Reply
from newsqa.chat import Writing
from newsqa.domain import Answer, Event, Withdrawal
from newsqa.english import folded
from newsqa.errors import ArticleNotFoundError, ChatModelError, GroundingError
from newsqa.grounding import Prose, ground
from newsqa.library import Library
from newsqa.reader import Reads

_TRIES = 3
_NOTHING_VERIFIED = "nothing that the chat model wrote could be verified"

State = dict[str, Any]
"""What is known of a question: `question, understood, passages, reply, timings, spent, started`."""


class Speaker:
    """Makes the events of an answer from what is known of the question."""

    def __init__(self, library: Library, reader: Reads, again: Callable[[State], State], *, mark: bool) -> None:
        """Says nothing yet.

        Args:
            library: quotes are checked against its articles.
            reader: says what bears a chat model's statements out.
            again: finds and reads anew, where an article was replaced meanwhile.
            mark: mark what a chat model says and no passage bears out, in the place of withdrawing it.
        """
        self._library, self._reader, self._again, self._mark = library, reader, again, mark

    def answering(self, state: State) -> Iterator[Event]:
        """The events of the answer; the last one holds it whole."""
        reply: Reply = state["reply"]
        if reply.writing is None:
            yield from self._said(state)
        else:
            yield from self._written(state, reply, reply.writing)

    def _written(self, state: State, reply: Reply, writing: Writing) -> Iterator[Event]:
        """The answer in a chat model's words, where they can be verified; else what the reader says."""
        prose = Prose(reply.given, cache(self._library.get), self._reader, mark=self._mark)
        start, fallback, first = perf_counter(), "", None
        with closing(writing):
            try:
                for piece in writing:
                    first = first or perf_counter() - start
                    yield from prose.feed(piece)
                    if prose.full:
                        break
                if writing.cut_off:
                    fallback = "it was cut off at NEWSQA_CHAT_TOKENS"
                    yield from prose.cut()
                else:
                    yield from prose.end()
            except ChatModelError as error:
                fallback = str(error)
                yield from prose.cut()
        spent = Counter[str](state["spent"])
        spent.update(writing.usage)
        timings = {
            **state["timings"],
            **({"first_word": first} if first else {}),
            "write": perf_counter() - start,
            **spent,
        }
        state = {**state, "timings": timings, "unverified": tuple(prose.unverified)}
        if prose.citations:
            said = " ".join({citation.answer_span.of(prose.text) for citation in prose.citations})
            short = (
                reply.short
                if reply.short and re.search(rf"(?<!\w){re.escape(folded(reply.short))}(?!\w)", folded(said))
                else None
            )
            spoke = {"text": prose.text, "short": short, "status": "answered", "citations": tuple(prose.citations)}
            yield Event("done", self._made({**state, "fallback": fallback}, reply, spoke, "generative"))
            return
        if prose.text:
            yield Event("withdrawn", Withdrawal(0))
        if prose.says_nothing:
            yield from self._said({**state, "reply": reply.abstention or reply, "unverified": ()}, "generative")
        else:
            yield from self._said({**state, "fallback": fallback or _NOTHING_VERIFIED})

    def _said(self, state: State, answerer: str = "extractive") -> Iterator[Event]:
        """The answer in the articles' own sentences."""
        for attempt in range(_TRIES):
            reply: Reply = state["reply"]
            try:
                text, citations = ground(reply.preface, reply.statements, self._library.get)
                break
            except (GroundingError, ArticleNotFoundError):  # an article was replaced since it was read
                if attempt == _TRIES - 1:
                    raise
                state = self._again(state)
        spoke = {"text": text, "short": reply.short, "status": reply.status, "citations": citations}
        end = 0
        for citation in citations:
            marker_end = citation.answer_span.end + len(f" [{citation.number}]")
            yield Event("delta", text[end:marker_end])
            yield Event("citation", citation)
            end = marker_end
        if text[end:]:
            yield Event("delta", text[end:])
        yield Event("done", self._made(state, reply, spoke, answerer))

    def _made(self, state: State, reply: Reply, spoke: dict[str, Any], answerer: str) -> Answer:
        timings = {**state["timings"], "total": perf_counter() - state["started"]}
        return Answer(
            question=state["question"],
            standalone_question=state["understood"].standalone,
            **spoke,
            confidence=reply.confidence,
            passages=tuple(state["passages"] if reply.passages is None else reply.passages),
            answerer=answerer,
            timings={stage: round(seconds, 6 if stage == "cost" else 4) for stage, seconds in timings.items()},
            unverified=state.get("unverified", ()),
            fallback=state.get("fallback", ""),
        )

"""What one open page knows: its conversation as shown, and which articles are asked."""

import re
from asyncio import Lock
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from newsqa.answering.extractive import NO_ANSWER
from newsqa.api import wire
from newsqa_ui.showing import copied, day, html, line, said, sureness

Message = dict[str, object]
"""As Gradio's chat component takes it."""
NEAR = 3
"""Passages that are shown where the articles don't say."""
LONGEST_TITLE = 80
"""Characters of a chosen article's title that are shown above the question."""
PAGE = 50
"""Articles that a list shows at first, and how many more at a time."""


JOINER = "\u2060"
_MARKUP = re.compile(r"[<\]&]")


@dataclass
class Asked:
    """A question and its answer as far as it has come."""

    question: str
    answer_id: str = ""
    understood: str = ""
    text: str = ""
    citations: list[wire.Citation] = field(default_factory=list)
    unverified: list[wire.Unverified] = field(default_factory=list)
    """What a chat model said and no passage bears out."""
    answer: wire.Answer | None = None
    problem: str = ""
    """Why there is no answer, in words."""
    stopped: bool = False
    further: Sequence[str] = ()
    """Questions that may follow."""

    @property
    def growing(self) -> bool:
        """Whether more is to come."""
        return not (self.answer or self.problem or self.stopped)

    def take(self, event: wire.Event) -> None:
        """Takes in what came."""
        match event:
            case wire.Start():
                self.answer_id, self.understood = event.answer_id, event.standalone_question
            case wire.Delta():
                self.text += event.text
            case wire.Cited():
                self.citations.append(event.citation)
            case wire.Marked():
                self.unverified.append(event.unverified)
            case wire.Withdrawn():
                self.text = self.text[: event.start]
                self.unverified = [] if event.start == 0 else self.unverified
            case wire.Done():
                self.done(event.answer)

    def done(self, answer: wire.Answer) -> None:
        """Takes in the whole answer."""
        self.answer_id, self.understood, self.answer = answer.id, answer.standalone_question, answer
        self.text, self.citations, self.unverified = answer.text, list(answer.citations), list(answer.unverified)

    def html(self) -> str:
        """What is shown of the answer."""
        answer = self.answer
        abstained = self.text.startswith(NO_ANSWER)
        return html(
            "answer",
            answer_id=self.answer_id,
            understood=self.understood if self.understood != self.question.strip() else "",
            said=said(self.text, self.citations, len(NO_ANSWER) if abstained else 0, self.unverified),
            withdrawn=[each for each in self.unverified if each.answer_span is None],
            fallback=answer.fallback if answer else "",
            generative=answer is not None and answer.answerer == "generative",
            text=self.text,
            citations=self.citations,
            abstained=abstained,
            verdict=NO_ANSWER,
            growing=self.growing,
            problem=self.problem,
            stopped=self.stopped,
            sureness=sureness(answer.confidence, answer.answerer) if answer and answer.status == "answered" else None,
            near=answer.passages[:NEAR] if answer and abstained else (),
            done=answer is not None,
            copied=copied(self.text, self.citations),
        )


@dataclass
class Session:
    """One open page."""

    conversation: str = ""
    """Id of the kept conversation; empty until something is asked."""
    turns: list[Asked] = field(default_factory=list)
    chosen: dict[str, str] = field(default_factory=dict)
    """Titles of the articles that are asked, by id; none chosen asks all that pass."""
    publisher: str = ""
    published_from: date | None = None
    published_to: date | None = None
    search: str = ""
    listed: int = PAGE
    begun: bool = False
    """Whether a conversation was begun, taken up or left here; before that the page may show one of a former server."""
    order: Lock = field(default_factory=Lock)
    """Held by what is carried out of this page's lists, filters and articles."""

    @property
    def busy(self) -> bool:
        """Whether an answer is growing."""
        return bool(self.turns) and self.turns[-1].growing

    def filters(self) -> wire.Filters:
        """Which articles are asked."""
        return wire.Filters(
            article_ids=tuple(self.chosen),
            publisher=self.publisher,
            published_from=self.published_from,
            published_to=self.published_to,
        )

    def narrowed(self) -> str:
        """The same in words; empty where all are asked."""
        titles = [f"“{line(title)[:LONGEST_TITLE]}”" for title in self.chosen.values()]
        which = "; ".join(titles) if len(titles) <= 2 else f"{len(titles)} chosen articles"
        parts = [f"of {self.publisher}"] if self.publisher else []
        parts += [f"from {day(self.published_from)}"] if self.published_from else []
        parts += [f"until {day(self.published_to)}"] if self.published_to else []
        return " ".join([which or "the articles", *parts]) if which or parts else ""

    def cut(self, start: int) -> str:
        """Takes the turns from this one on off the page; gives the id of the first kept answer among them, or none."""
        gone = self.turns[start:]
        del self.turns[start:]
        return next((each.answer_id for each in gone if each.answer), "")

    def find(self, answer_id: str) -> Asked | None:
        """The turn with this answer."""
        return next((each for each in self.turns if each.answer_id == answer_id), None)

    def messages(self) -> list[Message]:
        """The conversation as Gradio's chat component takes it."""
        shown: list[Message] = []
        for turn in self.turns:
            shown.append({"role": "user", "content": as_typed(turn.question)})
            options = [{"value": question} for question in turn.further] if turn is self.turns[-1] else []
            shown.append({"role": "assistant", "content": turn.html(), "options": options})
        return shown


def as_typed(question: str) -> str:
    """A question with a word joiner, which is not seen, where the chat component would read a tag, link or image."""
    return _MARKUP.sub(lambda found: f"{found[0]}{JOINER}", question)


def typed(shown: str) -> str:
    """The question again, from what an editor was given."""
    return shown.replace(JOINER, "")

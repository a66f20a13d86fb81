"""What the reader is given to read: a question with the conversation before it, a passage behind its introduction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from newsqa.domain import ScoredPassage, Span, Turn

MOST_ANSWER_CHARS = 160
"""Of the answer in a turn that are read."""
_APART = " | "


@dataclass(frozen=True)
class Given:
    """A text to be read beside a question."""

    text: str
    sentences: tuple[Span, ...]
    """Where they stand in it; headings are none."""
    introduction: str = ""
    """What is read before it."""


def given(scored: ScoredPassage) -> Given:
    """A passage as it is read."""
    passage = scored.passage
    spans = (
        Span(sentence.start - passage.start, sentence.end - passage.start)
        for sentence in passage.sentences
        if not sentence.heading
    )
    return Given(passage.text, tuple(spans), introduction(scored.title, scored.published_at))


def with_conversation(question: str, turns: Sequence[Turn]) -> str:
    """`question` with the last turn behind it, and the first turn's question; as it is where there is no turn."""
    if not turns:
        return question
    answer = " ".join(turns[-1].answer.split())[:MOST_ANSWER_CHARS]
    earlier = [turn.question for turn in turns[:-1][:1]]
    return _APART.join(part for part in (question, turns[-1].question, answer, *earlier) if part)


def introduction(title: str, day: date | None) -> str:
    """What stands before a passage: "Title. 16 May 2025. ", as far as it is known."""
    parts = (title.strip(), f"{day.day} {day:%B %Y}" if day else "")
    return "".join(f"{part}{'' if part[-1] in '.!?' else '.'} " for part in parts if part)

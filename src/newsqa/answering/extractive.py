"""Answers with the articles' own sentences, or says that the articles don't say. Needs no chat model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from newsqa.answering.sentences import Candidate, SentenceScorer
from newsqa.domain import ScoredPassage, Span
from newsqa.english import Kind, expected_kind, holds, stems
from newsqa.grounding import Statement

NO_ANSWER = "The articles don’t say."
"""How an abstained answer begins."""
MAX_SENTENCES = 3
_SECOND = 0.5  # a further sentence is said when it is at least this likely, measured by the best one
_COPY = 0.6  # two sentences that share this much of their words say the same
_FIGURES = {Kind.DATE, Kind.NUMBER, Kind.MONEY}
_NEAR = 0.25  # cosine from which a passage is near enough to be shown beside an abstention


@dataclass(frozen=True)
class Reply:
    """What an answerer says, before its quotes are verified."""

    statements: tuple[Statement, ...]
    status: Literal["answered", "abstained"]
    confidence: float
    preface: str = ""
    short: str | None = None


class ExtractiveAnswerer:
    """The one to three likeliest sentences, the best first."""

    name = "extractive"

    def __init__(self, scorer: SentenceScorer, threshold: float = 0.65) -> None:
        """Answers where the scorer is sure enough.

        Args:
            scorer: gives the sentences their probabilities.
            threshold: confidence (0 to 1) under which it abstains.
        """
        self._scorer, self._threshold = scorer, threshold

    def reply(self, question: str, passages: Sequence[ScoredPassage]) -> Reply:
        """What `passages` (best first) say to `question`."""
        ranked = self._scorer.rank(question, passages)
        confidence = sum(candidate.probability for candidate in ranked)
        if not ranked or confidence < self._threshold:
            return _abstained(ranked, passages, confidence)
        said = _newest_first(_said(ranked), expected_kind(question))
        return Reply(tuple(_statement(candidate) for candidate in said), "answered", confidence)


def _said(ranked: Sequence[Candidate]) -> list[Candidate]:
    """The likeliest sentence, and others that are nearly as likely and say something else."""
    said = [ranked[0]]
    for candidate in ranked[1:]:
        likely = candidate.probability >= _SECOND * ranked[0].probability
        if likely and len(said) < MAX_SENTENCES and not any(_copies(candidate, other) for other in said):
            said.append(candidate)
    return said


def _newest_first(said: Sequence[Candidate], kind: Kind) -> list[Candidate]:
    """Figures of several articles with the latest first: an older one may have been overtaken."""
    if kind not in _FIGURES:
        return list(said)
    return sorted(said, key=lambda candidate: _age(candidate, kind), reverse=True)


def _age(candidate: Candidate, kind: Kind) -> str:
    """The day of the article, where the sentence has a figure; sorts before any day where not."""
    day = candidate.scored.published_at
    return day.isoformat()[:10] if day and holds(kind, candidate.sentence.text) else ""


def _copies(one: Candidate, other: Candidate) -> bool:
    first, second = set(stems(one.sentence.text)), set(stems(other.sentence.text))
    return len(first & second) >= _COPY * len(first | second)


def _abstained(ranked: Sequence[Candidate], passages: Sequence[ScoredPassage], confidence: float) -> Reply:
    articles = len({scored.passage.article_id for scored in passages})
    if not passages:
        return Reply((), "abstained", confidence, f"{NO_ANSWER} No article passes the filters, or none is there yet.")
    looked = f"I looked at {_counted(len(passages), 'passage')} of {_counted(articles, 'article')}."
    if not ranked or passages[0].scores.get("dense", 0.0) < _NEAR:
        return Reply((), "abstained", confidence, f"{NO_ANSWER} {looked}")
    return Reply((_statement(ranked[0]),), "abstained", confidence, f"{NO_ANSWER} {looked} What they do say:")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _statement(candidate: Candidate) -> Statement:
    sentence = candidate.sentence
    return Statement(
        text=sentence.text,
        article_id=candidate.scored.passage.article_id,
        source_span=Span(sentence.start, sentence.end),
        quote=sentence.text,
    )

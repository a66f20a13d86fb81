"""Scores the sentences of the retrieved passages: how likely is each to answer the question, and how likely is none?"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from newsqa.domain import ScoredPassage, Sentence, Span, Turn
from newsqa.inference import fitted_values
from newsqa.reader import Reading, Reads, given
from newsqa.reader.reading import UNREAD, Short

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGED_WEIGHTS = Path(__file__).parents[1] / "models" / "sentence_scorer.json"
FEATURES = ("sentence", "here", "retrieval")
"""What a sentence is scored by: the reader's logits of it and of its passage, and the retriever's score of that."""
AT_A_TIME = 2
"""Passages that are read before it is looked whether they settle it."""
NEAR = 0.75
"""Where they do, an unread passage of another article is still read from this share of the best one's score on: it may
agree or differ."""
SETTLED = 0.8
"""Probability of one sentence from which nothing more is read."""


@dataclass(frozen=True)
class Candidate:
    """A sentence in the running, where it stands, and the probability that it answers the question."""

    scored: ScoredPassage
    sentence: Sentence
    previous: Sentence | None
    """The sentence before it in the passage."""
    evidence: float = UNREAD
    """The reader's logit that it belongs to a good answer."""
    here: float = 0.0
    """The reader's logit that its passage answers."""
    verdict: tuple[float, float, float] = (0.0, 0.0, 1.0)
    """Probabilities that its passage says yes, no, or neither."""
    answer: Span | None = None
    """The likeliest short answer in it, where it stands in the article; None where "no span" is likelier."""
    span_score: float = UNREAD
    """The reader's score of that, less its score of "no span in this passage"."""
    share: float = 0.0
    """The probability of that among all that the sentence holds, and none."""
    probability: float = 0.0


@dataclass(frozen=True)
class Weights:
    """A linear score over `FEATURES`, fitted by `newsqa_evals.fit_answerer`."""

    weights: "NDArray[np.float64]"
    """[features]"""
    none: float
    """Score of the outcome that no sentence answers."""

    @classmethod
    def load(cls, file: Path = PACKAGED_WEIGHTS) -> "Weights":
        """The weights of a JSON file.

        Raises:
            ModelError: the file is missing, or was fitted for other features.
        """
        values = fitted_values(file, "features", FEATURES)
        return cls(np.array(values["weights"]), values["none"])

    def ranked(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates with their probabilities, the likeliest first.

        softmax over the scores of the sentences and the constant score of "none".
        """
        if not candidates:
            return []
        scores = features(candidates) @ self.weights
        odds = np.exp(scores - scores.max())
        total = odds.sum() + math.exp(self.none - scores.max())
        order = np.argsort(-odds, kind="stable")
        return [replace(candidates[index], probability=float(odds[index] / total)) for index in order]


def features(candidates: Sequence[Candidate]) -> "NDArray[np.float64]":
    """The values of `FEATURES`: [sentences, features]."""
    return np.array([[each.evidence, each.here, each.scored.score] for each in candidates])


class SentenceScorer:
    """Gives every sentence a probability; all of them and the one of "none" sum to 1."""

    def __init__(self, reader: Reads, weights: Weights | None = None, most: int = 4) -> None:
        """Uses the packaged weights unless others are given.

        Args:
            reader: of questions and passages.
            weights: fitted with the same reader.
            most: passages that are read for a question, 1 and up; the others were only found.
        """
        self.reader, self._most = reader, most
        self._weights = weights or Weights.load()

    def warm_up(self) -> None:
        """Loads the reader."""
        self.reader.leans("Is everything loaded?", [Turn("Is it?")])

    def rank(
        self, question: str, passages: Sequence[ScoredPassage], conversation: Sequence[Turn] = ()
    ) -> list[Candidate]:
        """The sentences of `passages` that were read, the likeliest first, each with its probability.

        Args:
            question: as it was asked.
            passages: best first.
            conversation: the turns before it, where it needs them.
        """
        if not any(map(str.isalnum, question)):
            return []
        candidates: list[Candidate] = []
        ranked: list[Candidate] = []
        rest = list(passages[: self._most])
        while rest:
            part, rest = rest[:AT_A_TIME], rest[AT_A_TIME:]
            candidates = _once([*candidates, *self.read(question, part, conversation)])
            ranked = self._weights.ranked(candidates)
            if ranked and ranked[0].probability >= SETTLED:
                known = {each.scored.story for each in candidates}
                least = NEAR * passages[0].score
                rest = [each for each in rest if each.story not in known and each.score >= least]
        return ranked

    def read(
        self, question: str, passages: Sequence[ScoredPassage], conversation: Sequence[Turn] = ()
    ) -> list[Candidate]:
        """Each sentence but headings, once, with what the reader makes of it in the first passage that holds it."""
        readings = self.reader.read(question, [given(scored) for scored in passages], conversation)
        return _once(
            candidate
            for scored, reading in zip(passages, readings, strict=True)
            for candidate in _candidates(scored, reading)
        )


def _once(candidates: Iterable[Candidate]) -> list[Candidate]:
    found: dict[tuple[str, int], Candidate] = {}
    for each in candidates:
        found.setdefault((each.scored.passage.article_id, each.sentence.start), each)
    return list(found.values())


def _candidates(scored: ScoredPassage, reading: Reading) -> Iterator[Candidate]:
    yes, no, neither = map(float, reading.verdict)
    logits, previous, start = iter(reading.sentences), None, scored.passage.start
    for sentence in scored.passage.sentences:
        if not sentence.heading:
            evidence = float(next(logits))
            short = reading.best(Span(sentence.start - start, sentence.end - start))
            yield Candidate(
                scored, sentence, previous, evidence, reading.here, (yes, no, neither), **_short(short, start, reading)
            )
        previous = sentence


def _short(short: Short | None, start: int, reading: Reading) -> dict[str, Any]:
    """A sentence's short answer, where none is not likelier, and by how much it is likelier."""
    if short is None:
        return {}
    score = short.score - reading.none
    answer = Span(short.span.start + start, short.span.end + start) if score > 0 else None
    return {"answer": answer, "span_score": score, "share": short.share}

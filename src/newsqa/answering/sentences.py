"""Scores the sentences of the retrieved passages: how likely is each to answer the question, and how likely is none?"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from newsqa.domain import ScoredPassage, Sentence, Span
from newsqa.inference import fitted_values
from newsqa.reader.reading import Reading, Reads

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGED_WEIGHTS = Path(__file__).parents[1] / "models" / "sentence_scorer.json"
FEATURES = ("span", "retrieval")
"""What a sentence is scored by: the reader's score of the best span in it, less that of "no span" in its passage, and
the retriever's score of the passage."""
UNREAD = -20.0
"""Score of a sentence that the reader could not see: the end of a long passage."""
FIRST = 3
"""Passages that are read at first; the others only where these don't settle it."""
NEAR = 0.75
"""Where they do, an unread passage of another article is still read from this share of the best one's score on: it may
agree or differ."""
SETTLED = 0.9
"""Probability of one sentence from which nothing more is read."""


@dataclass(frozen=True)
class Candidate:
    """A sentence in the running, where it stands, and the probability that it answers the question."""

    scored: ScoredPassage
    sentence: Sentence
    previous: Sentence | None
    """The sentence before it in the passage."""
    answer: Span | None = None
    """The likeliest answer in the sentence, where it stands in the article; None where the reader saw no word."""
    span_score: float = UNREAD
    """The reader's score of that answer, less its score of "no answer in this passage"."""
    here: float = 0.0
    """The reader's logit that the passage answers."""
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
    return np.array([[each.span_score, each.scored.score] for each in candidates])


class SentenceScorer:
    """Gives every sentence a probability; all of them and the one of "none" sum to 1."""

    def __init__(self, reader: Reads, weights: Weights | None = None, most: int = 4) -> None:
        """Uses the packaged weights unless others are given.

        Args:
            reader: of questions and passages.
            weights: fitted with the same reader.
            most: passages that are read for a question, 1 and up; the others were only found.
        """
        self._reader, self._most = reader, most
        self._weights = weights or Weights.load()

    def warm_up(self) -> None:
        """Loads the reader."""
        self._reader.read("Is everything loaded?", ["Everything is loaded."])

    def rank(self, question: str, passages: Sequence[ScoredPassage]) -> list[Candidate]:
        """The sentences of `passages` that were read, the likeliest first, each with its probability."""
        if not any(map(str.isalnum, question)):
            return []
        first, rest = passages[: min(FIRST, self._most)], passages[FIRST : self._most]
        candidates = self.read(question, first)
        ranked = self._weights.ranked(candidates)
        if ranked and ranked[0].probability >= SETTLED:
            known = {scored.story for scored in first}
            others = [scored for scored in rest if scored.story not in known]
            rest = [scored for scored in others if scored.score >= NEAR * first[0].score]
        return self._weights.ranked(_once([*candidates, *self.read(question, rest)])) if rest else ranked

    def read(self, question: str, passages: Sequence[ScoredPassage]) -> list[Candidate]:
        """Each sentence but headings, once, with what the reader makes of it in the first passage that holds it."""
        readings = self._reader.read(question, [scored.passage.text for scored in passages])
        return _once(
            _answered(candidate, reading)
            for scored, reading in zip(passages, readings, strict=True)
            for candidate in _candidates(scored)
        )


def _once(candidates: Iterable[Candidate]) -> list[Candidate]:
    found: dict[tuple[str, int], Candidate] = {}
    for each in candidates:
        found.setdefault((each.scored.passage.article_id, each.sentence.start), each)
    return list(found.values())


def _answered(candidate: Candidate, reading: Reading) -> Candidate:
    """The sentence with its likeliest answer and what the reader thinks of it."""
    start = candidate.scored.passage.start
    found = reading.best(Span(candidate.sentence.start - start, candidate.sentence.end - start))
    if found is None:
        return replace(candidate, here=reading.here)
    score, span = found
    answer = Span(span.start + start, span.end + start)
    return replace(candidate, answer=answer, span_score=score - reading.none, here=reading.here)


def _candidates(scored: ScoredPassage) -> Iterator[Candidate]:
    previous = None
    for sentence in scored.passage.sentences:
        if not sentence.heading:
            yield Candidate(scored, sentence, previous)
        previous = sentence

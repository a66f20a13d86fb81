"""Scores the sentences of the retrieved passages: how likely is each to answer the question, and how likely is none?"""

import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from newsqa.domain import ScoredPassage, Sentence
from newsqa.embedding import TokenVectors
from newsqa.english import Kind, content_words, expected_kind, folded, holds, names, stem, words
from newsqa.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGED_WEIGHTS = Path(__file__).parents[1] / "models" / "sentence_scorer.json"
FEATURES = (
    "sentence_cosine",
    "cosine_gap",
    "word_match",
    "token_match",
    "weakest_match",
    "near_word_match",
    "near_weakest_match",
    "passage_word_match",
    "passage_weakest_match",
    "passage_cosine",
    "passage_score",
    "sentence_coverage",
    "near_coverage",
    "passage_coverage",
    "passage_lacks",
    "near_lacks",
    "sentence_names",
    "passage_names",
    "word_pairs",
    "new_of_kind",
    "lacks_kind",
    "length",
    "rank",
)
"""What is known of a sentence. `near` takes in the sentence before it and the title of its article."""
Rarity = Callable[[Collection[str]], Mapping[str, float]]
"""Gives stems their inverse document frequency, 0 (everywhere) to 1 (nowhere)."""
READ = 4
"""Passages that are read, the best ones of those retrieved."""


class Encoder(Protocol):
    """What turns texts into vectors of their tokens."""

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """The vectors of the tokens of each text."""


@dataclass(frozen=True)
class Candidate:
    """A sentence in the running, where it stands, and the probability that it answers the question."""

    scored: ScoredPassage
    rank: int
    """Of its passage, from 0."""
    sentence: Sentence
    previous: Sentence | None
    """The sentence before it in the passage."""
    probability: float = 0.0


@dataclass(frozen=True)
class Weights:
    """A network of one small hidden layer over `FEATURES`, fitted by `newsqa_evals.fit_sentence_scorer`."""

    mean: "NDArray[np.float64]"
    """Of each feature: [features]."""
    scale: "NDArray[np.float64]"
    """Standard deviation of each feature: [features]."""
    hidden: "NDArray[np.float64]"
    """[features, hidden]"""
    hidden_bias: "NDArray[np.float64]"
    """[hidden]"""
    out: "NDArray[np.float64]"
    """[hidden]"""
    none: float
    """Score of the outcome that no sentence answers."""

    @classmethod
    def load(cls, file: Path = PACKAGED_WEIGHTS) -> "Weights":
        """The weights of a JSON file.

        Raises:
            ModelError: the file is missing, or was fitted for other features.
        """
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"{file} is missing or damaged: install newsqa again") from error
        if tuple(values["features"]) != FEATURES:
            raise ModelError(f"{file} was fitted for other features: fit it anew (evals/README.md)")
        arrays = {name: np.array(values[name]) for name in ("mean", "scale", "hidden", "hidden_bias", "out")}
        return cls(**arrays, none=values["none"])

    def scores(self, features: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """One score for each row of `features` [sentences, len(FEATURES)]; comparable with `none`."""
        hidden = np.tanh(((features - self.mean) / self.scale) @ self.hidden + self.hidden_bias)
        return hidden @ self.out


class SentenceScorer:
    """Gives every sentence a probability; all of them and the one of "none" sum to 1.

    softmax over the scores of the sentences and the constant score of "none".
    """

    def __init__(
        self,
        encoder: Encoder,
        rarity: Rarity,
        weights: Weights | None = None,
    ) -> None:
        """Uses the packaged weights unless others are given.

        Args:
            encoder: of questions and passages.
            rarity: inverse document frequency of stems, 0 to 1.
            weights: fitted with the same encoder.
        """
        self._encoder, self._rarity = encoder, rarity
        self._weights = weights or Weights.load()

    def rank(self, question: str, passages: Sequence[ScoredPassage]) -> list[Candidate]:
        """The sentences of `passages`, the likeliest first, each with its probability."""
        candidates, features = self.features(question, passages)
        if not candidates:
            return []
        scores = self._weights.scores(features)
        odds = np.exp(scores - scores.max())
        total = odds.sum() + math.exp(self._weights.none - scores.max())
        ranked = np.argsort(-odds, kind="stable")
        return [replace(candidates[index], probability=float(odds[index] / total)) for index in ranked]

    def features(
        self, question: str, passages: Sequence[ScoredPassage]
    ) -> tuple[list[Candidate], "NDArray[np.float64]"]:
        """The sentences of the passages read and their features, an array [sentences, len(FEATURES)]."""
        read = passages[:READ]
        candidates = list(_candidates(read))
        if not candidates or not words(question):
            return [], np.empty((0, len(FEATURES)))
        first, *rest = self._encoder.encode_tokens([question, *(_as_read(scored)[0] for scored in read)])
        asked = _Asked(question, first, self._rarity)
        cosines = asked.cosines(rest)
        matches = [_Match(asked, *each) for each in zip(read, rest, cosines, strict=True)]
        rows = [asked.by_words(each) | matches[each.rank].of(each) for each in candidates]
        best = max(row["sentence_cosine"] for row in rows)
        for row in rows:
            row["cosine_gap"] = best - row["sentence_cosine"]
        return candidates, np.array([[row[name] for name in FEATURES] for row in rows])


class _Asked:
    """A question with what is known of its words."""

    def __init__(self, question: str, tokens: TokenVectors, rarity: Rarity) -> None:
        self.kind = expected_kind(question)
        self.words = frozenset(words(question))
        stems = {stem(word) for word in content_words(question)}
        self.weights = {term: max(value, 0.03) for term, value in rarity(stems).items()}
        self.names = frozenset(stem(word) for word in names(question))
        self.pairs = frozenset(pair for pair in _pairs(question) if all(len(word) > 2 for word in pair))
        self.vector, self.tokens = _unit(tokens.vectors.sum(axis=0)), _unit(tokens.vectors)
        spelt = [stem(folded(question[start:end])) for start, end in tokens.spans]
        self.token_weights = np.array([self.weights.get(term, 0.02) for term in spelt])

    def cosines(self, passages: Sequence[TokenVectors]) -> "list[NDArray[np.float32]]":
        """For each passage the cosines of the question's tokens with its own: [question's tokens, its tokens]."""
        together = self.tokens @ _unit(np.concatenate([tokens.vectors for tokens in passages])).T
        return np.split(together, np.cumsum([len(tokens.vectors) for tokens in passages])[:-1], axis=1)

    def by_words(self, candidate: Candidate) -> dict[str, float]:
        """The features that compare words."""
        text, scored = candidate.sentence.text, candidate.scored
        before = candidate.previous.text if candidate.previous else ""
        own, title = _stems(text), _stems(scored.title)
        near, passage = own | title | _stems(before), title | _stems(scored.passage.text)
        fresh = " ".join(token for token in text.split() if not self.words.intersection(words(token)))
        return {
            "passage_cosine": scored.scores.get("dense", 0.0),
            "passage_score": scored.score,
            "sentence_coverage": self._coverage(own),
            "near_coverage": self._coverage(near),
            "passage_coverage": self._coverage(passage),
            "passage_lacks": self._rarest_lacking(passage),
            "near_lacks": self._rarest_lacking(near),
            "sentence_names": _share(self.names, own),
            "passage_names": _share(self.names, passage),
            "word_pairs": len(self.pairs & _pairs(text)) / len(self.pairs) if self.pairs else 0.0,
            "new_of_kind": float(self.kind not in (Kind.OTHER, Kind.MANNER) and holds(self.kind, fresh)),
            "lacks_kind": float(not holds(self.kind, text)),
            "length": math.log1p(len(text.split())),
            "rank": 1 / (1 + candidate.rank),
        }

    def _coverage(self, stems: Collection[str]) -> float:
        """The share of the question's words that occur, each weighted by its rarity."""
        total = sum(self.weights.values())
        return sum(weight for term, weight in self.weights.items() if term in stems) / total if total else 0.0

    def _rarest_lacking(self, stems: Collection[str]) -> float:
        return max((weight for term, weight in self.weights.items() if term not in stems), default=0.0)


class _Match:
    """How the tokens of a question meet those of a passage.

    Every token of the question takes its best cosine among the tokens of a sentence, of the sentence with what is
    near it, or of the passage (late interaction, Khattab and Zaharia: "ColBERT", 2020). The tokens are encoded in
    the whole passage, so that "it" is near what it stands for.
    """

    def __init__(
        self, asked: _Asked, scored: ScoredPassage, tokens: TokenVectors, cosines: "NDArray[np.float32]"
    ) -> None:
        _, self._offset = _as_read(scored)
        self._asked, self._tokens, self._cosines = asked, tokens, cosines
        self._title = tokens.spans[:, 1] <= self._offset
        self._passage = self._best(np.ones(len(tokens.spans), bool))

    def of(self, candidate: Candidate) -> dict[str, float]:
        """The features that compare vectors."""
        start = candidate.scored.passage.start - self._offset
        own = self._within(candidate.sentence, start)
        before = self._within(candidate.previous, start) if candidate.previous else self._title
        best, near = self._best(own), self._best(own | before | self._title)
        vector = self._tokens.vectors[own].sum(axis=0)
        return {
            "sentence_cosine": float(self._asked.vector @ _unit(vector)),
            "word_match": self._weighted(best),
            "token_match": float(best.sum() / max(1, len(best))),
            "weakest_match": self._weakest(best),
            "near_word_match": self._weighted(near),
            "near_weakest_match": self._weakest(near),
            "passage_word_match": self._weighted(self._passage),
            "passage_weakest_match": self._weakest(self._passage),
        }

    def _within(self, sentence: Sentence, start: int) -> "NDArray[np.bool_]":
        spans = self._tokens.spans
        return (spans[:, 0] >= sentence.start - start) & (spans[:, 1] <= sentence.end - start)

    def _best(self, chosen: "NDArray[np.bool_]") -> "NDArray[np.float32]":
        """The best cosine of each token of the question among the chosen tokens."""
        return self._cosines[:, chosen].max(axis=1, initial=0.0)  # type: ignore[no-any-return]

    def _weighted(self, best: "NDArray[np.float32]") -> float:
        weights = self._asked.token_weights
        return float(weights @ best / max(weights.sum(), 1e-9))

    def _weakest(self, best: "NDArray[np.float32]") -> float:
        meant = best[self._asked.token_weights > 0.02]
        return float(meant.min(initial=1.0))


def _as_read(scored: ScoredPassage) -> tuple[str, int]:
    """A passage below its title, and where in that it begins."""
    head = f"{scored.title}. "
    return head + scored.passage.text, len(head)


def _unit(vectors: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """`vectors` at length 1, along the last axis."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)  # type: ignore[no-any-return]


def _candidates(passages: Sequence[ScoredPassage]) -> Iterator[Candidate]:
    """Each sentence but headings, once, with the best passage that holds it."""
    seen = set()
    for rank, scored in enumerate(passages):
        previous = None
        for sentence in scored.passage.sentences:
            key = (scored.passage.article_id, sentence.start)
            if key not in seen and not sentence.heading:
                seen.add(key)
                yield Candidate(scored, rank, sentence, previous)
            previous = sentence


def _share(wanted: Collection[str], found: Collection[str]) -> float:
    return sum(term in found for term in wanted) / len(wanted) if wanted else 0.5


@lru_cache(maxsize=4096)
def _stems(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words(text))


@lru_cache(maxsize=4096)
def _pairs(text: str) -> frozenset[tuple[str, str]]:
    run = [stem(word) for word in words(text)]
    return frozenset(pairwise(run))

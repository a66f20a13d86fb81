"""How sure an answer is: the probability that it is right, calibrated on questions whose answers are known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from newsqa.answering.composing import differing_from, same_answer
from newsqa.answering.sentences import Candidate
from newsqa.answering.shapes import Shape, shape_of
from newsqa.inference import fitted_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGED_CALIBRATION = Path(__file__).parents[1] / "models" / "calibration.json"
SIGNALS = (
    "answerable",
    "best",
    "margin",
    "agreement",
    "sentence",
    "here",
    "span",
    "cosine",
    "score",
    "decision",
    "explanation",
)
"""What the confidence is made of.

`answerable` and `best` are the log odds that some sentence answers, and that the best one does or one of another
article that gives another figure, which is shown beside it; `margin` the log of
how much likelier the best answer is than the next different one; `agreement` the share of the probability that gives
the best one's answer; `sentence`, `here` and `span` the reader's scores of it, `cosine` and `score` the retriever's of
its passage; `decision` and `explanation` are 1 where the question asks for yes or no, or why, how or what happened.
"""
_FAR = 10.0  # the greatest log odds, and margin, that count


@dataclass(frozen=True)
class Calibration:
    """Logistic regression over `SIGNALS`, fitted by `newsqa_evals.fit_answerer`, with its risk-coverage curve."""

    mean: "NDArray[np.float64]"
    """Of each signal: [signals]."""
    scale: "NDArray[np.float64]"
    """Standard deviation of each signal: [signals]."""
    weights: "NDArray[np.float64]"
    """[signals]"""
    bias: float
    curve: tuple[tuple[float, float, float], ...]
    """Points (share of wrong answers, least confidence that keeps it, share of questions then answered)."""

    @classmethod
    def load(cls, file: Path = PACKAGED_CALIBRATION) -> "Calibration":
        """The calibration of a JSON file.

        Raises:
            ModelError: the file is missing, or was fitted for other signals.
        """
        values = fitted_values(file, "signals", SIGNALS)
        arrays = {name: np.array(values[name]) for name in ("mean", "scale", "weights")}
        return cls(**arrays, bias=values["bias"], curve=tuple(tuple(point) for point in values["curve"]))

    def confidence(self, question: str, ranked: Sequence[Candidate]) -> float:
        """The probability, 0 to 1, that the best of `ranked` answers the question; 0 where there is none."""
        if not ranked:
            return 0.0
        return float(self.of(np.array(signals(question, ranked))))

    def of(self, values: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """The probabilities of signals [..., signals]: [...]."""
        scaled = (values - self.mean) / self.scale
        return 1 / (1 + np.exp(-(scaled @ self.weights + self.bias)))

    def threshold(self, most_wrong: float) -> float:
        """The least confidence with which at most this share (0 to 1) of the given answers is wrong.

        1 where no confidence is enough, 0 where all of them may be wrong.
        """
        if most_wrong >= 1:
            return 0.0
        fit = [confidence for wrong, confidence, _ in self.curve if wrong <= most_wrong]
        return min(fit, default=1.0)


def signals(question: str, ranked: Sequence[Candidate]) -> list[float]:
    """The values of `SIGNALS`, for sentences of which the likeliest is the first."""
    best, shape = ranked[0], shape_of(question)
    total = sum(each.probability for each in ranked)
    likely = [each for each in ranked if each.probability >= best.probability / 2]
    shown = [best, *differing_from(best, likely)]
    agreeing = [each for each in ranked if each in shown or same_answer(best, each)]
    other = next((each.probability for each in ranked if not any(each is one for one in agreeing)), 0.0)
    return [
        _log_odds(total),
        _log_odds(sum(each.probability for each in shown)),
        min(_FAR, math.log(max(best.probability, 1e-9) / max(other, 1e-9))),
        sum(each.probability for each in agreeing) / max(total, 1e-9),
        best.evidence,
        best.here,
        max(best.span_score, -_FAR),
        best.scored.scores.get("dense", 0.0),
        best.scored.score,
        float(shape is Shape.DECISION),
        float(shape is Shape.EXPLANATION),
    ]


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, 1e-9), 1 - 1e-9)
    return max(-_FAR, min(_FAR, math.log(bounded / (1 - bounded))))

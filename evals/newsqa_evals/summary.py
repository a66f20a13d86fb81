"""Scores put together: every figure of a suite or of all, with its interval, and the differences of two runs."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from newsqa_evals import statistics
from newsqa_evals.scores import Score
from newsqa_evals.statistics import Difference, Estimate, Values


@dataclass(frozen=True)
class Metric:
    """A figure that is a mean over cases."""

    label: str
    of: Callable[[Score], float | None]
    """Its value for a case; None where it does not apply."""
    better: int = 1
    """1 where higher is better, -1 where lower is."""


def _verified(score: Score) -> float | None:
    whole = sum(score.grounding.values())
    return score.grounding.get("supported", 0) / whole if whole else None


METRICS: Mapping[str, Metric] = {
    "right": Metric("right", lambda score: score.right),
    "answer_match": Metric("answer match", lambda score: score.answer_match),
    "token_f1": Metric("token F1", lambda score: score.token_f1),
    "exact": Metric("citations exact", lambda score: score.exact),
    "citation_precision": Metric("citation precision", lambda score: score.citation_precision),
    "citation_recall": Metric("citation recall", lambda score: score.citation_recall),
    "citation_support": Metric("citation support", lambda score: score.citation_support),
    "verified": Metric("chat model's statements verified", _verified),
    "right_article": Metric("right article", lambda score: score.right_article),
    "recall_at_1": Metric("retrieval recall@1", lambda score: score.recall_at_1),
    "recall_at_4": Metric("retrieval recall@4", lambda score: score.recall_at_4),
    "recall_at_8": Metric("retrieval recall@8", lambda score: score.recall_at_8),
    "reciprocal_rank": Metric("retrieval MRR@8", lambda score: score.reciprocal_rank),
    "ndcg": Metric("retrieval nDCG@8", lambda score: score.ndcg),
    "false_answers": Metric("false answers", lambda score: score.false_answer, better=-1),
    "false_refusals": Metric("false refusals", lambda score: score.false_refusal, better=-1),
    "refusal_precision": Metric(
        "refusals that are right", lambda score: None if score.answered else not score.answerable
    ),
    "answering_precision": Metric("answered that are answerable", lambda s: s.answerable if s.answered else None),
}
WORDING = "wording-"
"""How the tags begin that hold the wordings of one question together."""
COMPARED = (
    "right", "false_answers", "false_refusals", "citation_precision", "citation_recall", "citation_support",
    "reciprocal_rank",
)  # fmt: skip
"""What two runs are compared by, over all cases. Each suite is compared by `right` alone."""


def grounding(scores: Iterable[Score]) -> dict[str, int]:
    """How many statements of a chat model were supported, and how many failed, by kind; empty where none was asked."""
    return dict(sum((Counter(score.grounding) for score in scores), Counter[str]()))


def means(scores: Sequence[Score]) -> dict[str, Estimate]:
    """The metrics that apply to some of these scores."""
    found = {}
    for name, metric in METRICS.items():
        values = [(value, score.article) for score in scores if (value := metric.of(score)) is not None]
        if values:
            found[name] = statistics.mean(*map(list, zip(*values, strict=True)))
    return found


def of_confidence(scores: Sequence[Score]) -> dict[str, Estimate]:
    """What the confidence is worth, over answers given and held back; and F1 of refusing and of answering."""
    confidences = [score.confidence for score in scores]
    rights = [score.would_be_right for score in scores]
    articles = [score.article for score in scores]
    answered = [float(score.answered) for score in scores]
    answerable = [score.answerable for score in scores]
    ours = {
        "auroc": statistics.auroc,
        "area_under_risk_coverage": statistics.area_under_risk,
        "coverage_at_80_precision": statistics.coverage_at(0.8),
        "coverage_at_90_precision": statistics.coverage_at(0.9),
        "calibration_error": statistics.calibration_error,
    }
    return {name: statistics.estimate(found, confidences, rights, articles) for name, found in ours.items()} | {
        "refusal_f1": statistics.estimate(_refusal_f1, answered, answerable, articles),
        "answering_f1": statistics.estimate(_f1, answered, answerable, articles),
    }


def flips(scores: Iterable[Score]) -> dict[str, Estimate]:
    """How many of the other wordings of a question are not answered rightly where the first one is.

    The wordings of a question have a tag "wording-…" in common. Empty where there are none.
    """
    wordings: dict[str, list[Score]] = {}
    for score in scores:
        for tag in score.tags:
            if tag.startswith(WORDING):
                wordings.setdefault(tag, []).append(score)
    others = [other for first, *rest in wordings.values() if first.right for other in rest]
    if not others:
        return {}
    return {"flips": statistics.mean([float(not other.right) for other in others], [each.article for each in others])}


def latency(scores: Iterable[Score]) -> dict[str, float]:
    """Median and 95th percentile of the milliseconds of an answer."""
    taken = times(scores)
    return {"p50_ms": _quantile(taken, 0.5), "p95_ms": _quantile(taken, 0.95)}


def times(scores: Iterable[Score]) -> list[float]:
    """The milliseconds of each answer."""
    return [1000 * score.seconds for score in scores if not score.error]


def by_suite(scores: Iterable[Score]) -> dict[str, list[Score]]:
    """The scores of each suite, in their order."""
    suites: dict[str, list[Score]] = {}
    for score in scores:
        suites.setdefault(score.suite, []).append(score)
    return suites


def paired(before: Iterable[Score], now: Iterable[Score]) -> list[tuple[Score, Score]]:
    """The scores of the cases that both runs asked in the same words."""
    old = {(score.suite, score.case, score.digest): score for score in before}
    keys = ((score, (score.suite, score.case, score.digest)) for score in now)
    return [(old[key], score) for score, key in keys if key in old]


def differences(pairs: Sequence[tuple[Score, Score]]) -> dict[str, Difference]:
    """How two runs differ: by metric over all cases, and by "suite: NAME" in what is right."""
    overall = statistics.compare({name: _values(METRICS[name], pairs) for name in COMPARED})
    suites = dict.fromkeys(now.suite for _, now in pairs)
    by_suite = {
        f"suite: {suite}": _values(METRICS["right"], [pair for pair in pairs if pair[1].suite == suite])
        for suite in suites
    }
    shown = {name: _as_shown(METRICS[name], found) for name, found in overall.items()}
    return shown | statistics.compare(by_suite, held=True)


def _values(metric: Metric, pairs: Sequence[tuple[Score, Score]]) -> tuple[list[float], list[float]]:
    both = [(metric.of(before), metric.of(now)) for before, now in pairs]
    known = [(old, new) for old, new in both if old is not None and new is not None]
    return [metric.better * old for old, _ in known], [metric.better * new for _, new in known]


def _as_shown(metric: Metric, difference: Difference) -> Difference:
    """With the values of the metric itself, whichever way is better."""
    before, now = metric.better * difference.before, metric.better * difference.now
    return replace(difference, before=before + 0.0, now=now + 0.0)  # + 0.0: no minus before a zero


def _f1(chosen: Values, wanted: NDArray[np.bool_]) -> float:
    if not wanted.any():
        return float("nan")
    common = float(chosen[wanted].sum())
    return 2 * common / (float(chosen.sum()) + float(wanted.sum())) if common else 0.0


def _refusal_f1(answered: Values, answerable: NDArray[np.bool_]) -> float:
    return _f1(1 - answered, ~answerable)


def _quantile(values: Sequence[float], share: float) -> float:
    return float(np.quantile(values, share)) if values else float("nan")

"""Estimates with their intervals, and whether two runs over the same cases differ.

The cases on one article are not independent, so intervals resample whole articles (cluster bootstrap: Davison and
Hinkley 1997, section 3.8). Two runs are compared case by case: McNemar's exact test where a case is right or wrong,
else a permutation test of the paired differences (Dror et al., "The Hitchhiker's Guide to Testing Statistical
Significance in NLP", 2018). Over the suites the false discovery rate is held (Benjamini and Hochberg 1995).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.95
ALPHA = 0.05
RESAMPLES = 2000
PERMUTATIONS = 9999
SEED = 0

Verdict = Literal["better", "worse", "not distinguishable"]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A figure from `n` cases and its 95% interval, which is NaN where all cases hang on one article."""

    value: float
    low: float
    high: float
    n: int

    @property
    def drawn(self) -> tuple[float, float]:
        """The interval as a plot draws it: without width where there is none."""
        return (self.low, self.high) if self.low == self.low else (self.value, self.value)  # NaN

    @property
    def interval(self) -> str:
        """The interval as it is read."""
        return self.bounds(2)

    def bounds(self, places: int) -> str:
        """The interval with so many decimal places."""
        return f"{self.low:.{places}f} to {self.high:.{places}f}" if self.low == self.low else "–"  # NaN


@dataclass(frozen=True)
class Difference:
    """A figure before and now over the same `n` cases, and how likely a difference like this is by chance."""

    before: float
    now: float
    n: int
    p: float
    """Two-sided; of a suite held against the other suites'."""
    verdict: Verdict

    @property
    def chance(self) -> str:
        """`p` as it is read."""
        return "p < 0.001" if self.p < 0.001 else f"p {self.p:.3f}"


def mean(values: Sequence[float], clusters: Sequence[str]) -> Estimate:
    """The mean and its interval; `clusters` names the article of each value."""
    index = np.unique(np.asarray(clusters), return_inverse=True)[1]
    sums, counts = np.bincount(index, weights=np.asarray(values, float)), np.bincount(index).astype(float)
    value = float(np.mean(values))
    if len(sums) < 2:
        return Estimate(value, np.nan, np.nan, len(values))
    if value in {0.0, 1.0}:  # resampling would give an interval without width
        exact = stats.binomtest(round(value * len(sums)), len(sums)).proportion_ci(LEVEL)
        return Estimate(value, float(exact.low), float(exact.high), len(values))
    found = stats.bootstrap(
        (sums, counts),
        lambda sums, counts, axis: sums.sum(axis=axis) / counts.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        method="percentile",
        rng=SEED,
    ).confidence_interval
    return Estimate(value, float(found.low), float(found.high), len(values))


def estimate(
    statistic: Callable[[Values, NDArray[np.bool_]], float],
    confidences: Sequence[float],
    rights: Sequence[bool],
    clusters: Sequence[str],
    resamples: int = 500,
) -> Estimate:
    """A statistic of confidences and outcomes, and its interval. NaN where it can't be computed."""
    confidence, right = np.asarray(confidences, float), np.asarray(rights, bool)
    index = np.unique(np.asarray(clusters), return_inverse=True)[1]
    members = [np.flatnonzero(index == cluster) for cluster in range(index.max() + 1)]
    if len(members) < 2:
        return Estimate(statistic(confidence, right), np.nan, np.nan, len(right))
    chance = np.random.default_rng(SEED)
    drawn = []
    for _ in range(resamples):
        cases = np.concatenate([members[cluster] for cluster in chance.integers(len(members), size=len(members))])
        drawn.append(statistic(confidence[cases], right[cases]))
    known = np.array(drawn)[~np.isnan(drawn)]
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if len(known) else (np.nan, np.nan)
    return Estimate(statistic(confidence, right), float(low), float(high), len(right))


def auroc(confidence: Values, right: NDArray[np.bool_]) -> float:
    """The chance that a right answer has more confidence than a wrong one, 0.5 by guessing (Mann and Whitney)."""
    if right.all() or not right.any():
        return float("nan")
    found = stats.mannwhitneyu(confidence[right], confidence[~right]).statistic
    return float(found / (right.sum() * (~right).sum()))


def risk_coverage(confidence: Values, right: NDArray[np.bool_]) -> tuple[Values, Values]:
    """Coverage and risk when only the most confident 1, 2, … answers are given (Geifman and El-Yaniv 2017).

    Answers of equal confidence are given together: the points are those a threshold can reach.
    """
    order = np.argsort(-confidence, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(confidence[order]) != 0, True))
    given = np.arange(1, len(order) + 1, dtype=float)
    risk = np.cumsum(~right[order]) / given
    return given[ends] / len(order), risk[ends]


def area_under_risk(confidence: Values, right: NDArray[np.bool_]) -> float:
    """Mean risk over all coverages, 0 at best; 0 to 1."""
    coverage, risk = risk_coverage(confidence, right)
    return float(np.sum(risk * np.diff(coverage, prepend=0.0)))


def coverage_at(precision: float) -> Callable[[Values, NDArray[np.bool_]], float]:
    """The greatest share of questions that can be answered with at least this precision."""

    def coverage(confidence: Values, right: NDArray[np.bool_]) -> float:
        covered, risk = risk_coverage(confidence, right)
        return float(np.max(covered[1 - risk >= precision], initial=0.0))

    return coverage


def reliability(confidence: Values, right: NDArray[np.bool_], bins: int = 10) -> list[tuple[float, float, int]]:
    """Mean confidence, share right and number of cases, for bins of equal size from the least confident up."""
    parts = np.array_split(np.argsort(confidence, kind="stable"), bins)
    return [(float(confidence[part].mean()), float(right[part].mean()), len(part)) for part in parts if len(part)]


def calibration_error(confidence: Values, right: NDArray[np.bool_]) -> float:
    """Expected calibration error: the mean distance of confidence and share right (Naeini et al. 2015), 0 to 1."""
    bins = reliability(confidence, right)
    return float(sum(abs(said - found) * size for said, found, size in bins) / len(right))


def compare(
    pairs: Mapping[str, tuple[Sequence[float], Sequence[float]]], *, held: bool = False
) -> dict[str, Difference]:
    """For each name the difference of two runs: the values before and now, a pair for each case, higher is better.

    Args:
        pairs: names without any case are left out.
        held: whether the false discovery rate over these comparisons is held, or each stands for itself.
    """
    names = [name for name, (before, _) in pairs.items() if len(before)]
    raw = [_p(*pairs[name]) for name in names]
    found = stats.false_discovery_control(raw) if raw and held else raw
    return {name: _difference(*pairs[name], float(p)) for name, p in zip(names, found, strict=True)}


def _p(before: Sequence[float], now: Sequence[float]) -> float:
    difference = np.asarray(now, float) - np.asarray(before, float)
    changed = difference[difference != 0]
    if not len(changed):
        return 1.0
    if len(np.unique(np.abs(changed))) == 1:  # right or wrong, whichever is higher; or one case only
        return float(stats.binomtest(int((changed > 0).sum()), len(changed)).pvalue)
    found = stats.permutation_test(
        (changed, np.zeros(len(changed))),
        lambda now, before, axis: (now - before).mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=PERMUTATIONS,
        rng=SEED,
    )
    return float(found.pvalue)


def _difference(before: Sequence[float], now: Sequence[float], p: float) -> Difference:
    first, second = float(np.mean(before)), float(np.mean(now))
    verdict: Verdict = "not distinguishable"
    if p < ALPHA:
        verdict = "better" if second > first else "worse"
    return Difference(first, second, len(before), p, verdict)

"""Figures are what is computed by hand, their intervals honest, and two runs only differ where chance is ruled out."""

import math
from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from newsqa_evals.statistics import (
    Difference,
    Estimate,
    Values,
    area_under_risk,
    auroc,
    calibration_error,
    compare,
    coverage_at,
    estimate,
    mean,
    reliability,
    risk_coverage,
)

ARTICLES = [article for article in "abcdefghij" for _ in range(10)]
CLUSTERED = [float(article in "abcde") for article in ARTICLES]
"""All right on half of the articles, all wrong on the others."""
ALONE = [str(case) for case in range(100)]


def test_the_mean_lies_in_its_interval() -> None:
    found = mean([0, 1, 1, 1], ["a", "b", "c", "d"])
    assert (0.75, 4) == (found.value, found.n)
    assert 0 <= found.low < 0.75 < found.high <= 1


def test_the_mean_is_of_cases_not_of_articles() -> None:
    large, small = [f"large {case % 10}" for case in range(90)], [f"small {case}" for case in range(10)]
    found = mean([1.0] * 90 + [0.0] * 10, large + small)
    assert 0.9 == found.value
    assert 0.7 < found.low < 0.9 < found.high


def test_cases_on_the_same_article_widen_the_interval() -> None:
    together, apart = mean(CLUSTERED, ARTICLES), mean(CLUSTERED, ALONE)
    assert together.value == apart.value
    assert _width(together) > 2 * _width(apart)


def test_the_interval_of_independent_cases_is_that_of_the_binomial() -> None:
    found = mean(CLUSTERED, ALONE)
    expected = 1.96 * math.sqrt(0.5 * 0.5 / 100)
    assert pytest.approx((0.5 - expected, 0.5 + expected), abs=0.015) == (found.low, found.high)


def test_the_order_in_which_the_articles_come_does_not_matter() -> None:
    assert mean([1, 0, 1, 1], ["a", "b", "a", "c"]) == mean([1, 1, 1, 0], ["c", "a", "a", "b"])


def test_the_same_cases_have_the_same_interval() -> None:
    confidences = [case**2 % 97 / 97 for case in range(100)]
    assert mean(confidences, ALONE) == mean(confidences, ALONE)
    rights = [bool(value) for value in CLUSTERED]
    first, again = (estimate(auroc, confidences, rights, ARTICLES, resamples=50) for _ in range(2))
    assert first == again


def test_one_article_has_no_interval() -> None:
    found = mean([0, 1], ["a", "a"])
    assert (0.5, 2, "–") == (found.value, found.n, found.interval)
    assert (0.5, 0.5) == found.drawn


@pytest.mark.parametrize(("value", "low", "high"), [(1.0, 0.025**0.1, 1.0), (0.0, 0.0, 1 - 0.025**0.1)])
def test_a_share_of_all_or_none_has_the_exact_interval_over_the_articles(value: float, low: float, high: float) -> None:
    found = mean([value] * 20, [str(number // 2) for number in range(20)])
    assert pytest.approx((low, high)) == (found.low, found.high)


def test_a_statistic_is_resampled_by_article() -> None:
    rights = [bool(value) for value in CLUSTERED]
    together = estimate(_share, [0.5] * 100, rights, ARTICLES, resamples=200)
    apart = estimate(_share, [0.5] * 100, rights, ALONE, resamples=200)
    assert (0.5, 100, 0.5, 100) == (together.value, together.n, apart.value, apart.n)
    assert _width(together) > 2 * _width(apart)


def test_samples_for_which_there_is_no_figure_are_left_out_of_its_interval() -> None:
    found = estimate(auroc, [0.9, 0.1, 0.8], [True, False, True], ["a", "b", "c"])
    assert (1.0, 1.0, 1.0, 3) == astuple(found)


def test_a_figure_that_no_sample_has_is_nan() -> None:
    found = estimate(auroc, [0.9, 0.1], [True, True], ["a", "b"])
    assert all(map(math.isnan, (found.value, found.low, found.high)))
    assert 2 == found.n


@pytest.mark.parametrize(
    ("confidences", "rights", "expected"),
    [
        ([0.9, 0.8, 0.7, 0.3], [1, 0, 1, 0], 3 / 4),
        ([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0], 1.0),
        ([0.1, 0.2, 0.8, 0.9], [1, 1, 0, 0], 0.0),
        ([0.5, 0.5, 0.5], [1, 0, 1], 0.5),
        ([0.9, 0.5, 0.5], [1, 1, 0], 1.5 / 2),
    ],
    ids=["three of four pairs", "all", "none", "guessing", "a tie is a half"],
)
def test_auroc_is_the_share_of_pairs_in_the_right_order(
    confidences: list[float], rights: list[int], expected: float
) -> None:
    assert pytest.approx(expected) == auroc(*_arrays(confidences, rights))


@pytest.mark.parametrize("rights", [[1, 1], [0, 0]])
def test_auroc_needs_right_and_wrong_answers(rights: list[int]) -> None:
    assert math.isnan(auroc(*_arrays([0.1, 0.2], rights)))


def test_risk_is_the_share_wrong_of_the_most_confident() -> None:
    coverage, risk = risk_coverage(*_arrays([0.3, 0.9, 0.5, 0.7], [1, 1, 0, 1]))
    assert [0.25, 0.5, 0.75, 1.0] == coverage.tolist()
    assert pytest.approx([0, 0, 1 / 3, 1 / 4]) == risk.tolist()


@pytest.mark.parametrize("rights", [[1, 0, 1], [0, 1, 1]], ids=["right first", "wrong first"])
def test_answers_of_equal_confidence_are_given_together(rights: list[int]) -> None:
    curve = _arrays([0.9, 0.9, 0.5], rights)
    coverage, risk = risk_coverage(*curve)
    assert pytest.approx([2 / 3, 1.0]) == coverage.tolist()
    assert pytest.approx([1 / 2, 1 / 3]) == risk.tolist()
    assert pytest.approx(2 / 3 * 1 / 2 + 1 / 3 * 1 / 3) == area_under_risk(*curve)


@pytest.mark.parametrize(
    ("rights", "expected"), [([1, 1, 0, 1], (0 + 0 + 1 / 3 + 1 / 4) / 4), ([1] * 4, 0.0), ([0] * 4, 1.0)]
)
def test_the_area_is_the_mean_risk(rights: list[int], expected: float) -> None:
    assert pytest.approx(expected) == area_under_risk(*_arrays([0.9, 0.7, 0.5, 0.3], rights))


@pytest.mark.parametrize(("precision", "expected"), [(0.6, 1.0), (0.75, 1.0), (0.8, 0.5), (1.0, 0.5)], ids=str)
def test_coverage_is_the_most_that_can_be_answered_this_precisely(precision: float, expected: float) -> None:
    assert expected == coverage_at(precision)(*_arrays([0.9, 0.7, 0.5, 0.3], [1, 1, 0, 1]))


@pytest.mark.parametrize("precision", [0.8, 0.9])
def test_exactly_the_precision_asked_for_is_enough(precision: float) -> None:
    rights = [1] * round(10 * precision) + [0] * round(10 - 10 * precision)
    assert 1.0 == coverage_at(precision)(*_arrays([0.5] * 10, rights))


def test_nothing_can_be_answered_as_precisely_as_never_happens() -> None:
    assert 0.0 == coverage_at(0.8)(*_arrays([0.9, 0.9, 0.5], [1, 0, 1]))


def test_bins_of_equal_size_from_the_least_confident_up() -> None:
    found = reliability(*_arrays([0.8, 0.1, 0.9, 0.3, 0.6], [0, 0, 1, 1, 1]), bins=2)
    assert [3, 2] == [size for _, _, size in found]
    assert pytest.approx([1 / 3, 0.85]) == [said for said, _, _ in found]
    assert pytest.approx([2 / 3, 1 / 2]) == [right for _, right, _ in found]


def test_fewer_cases_than_bins_leave_no_empty_bin() -> None:
    assert [(0.25, 0.0, 1), (0.75, 1.0, 1)] == reliability(*_arrays([0.75, 0.25], [1, 0]))


@pytest.mark.parametrize(
    ("confidences", "rights", "expected"),
    [
        ([0.8, 0.4], [1, 0], (0.2 + 0.4) / 2),
        ([0.5] * 20, [1, 0] * 10, 0.0),
        ([0.75] * 20, [1, 0] * 10, 0.25),
        ([0.0] * 10 + [1.0], [0] * 10 + [0], 1 / 11),
    ],
    ids=["one in a bin", "calibrated", "too sure", "larger bins weigh more"],
)
def test_calibration_error_is_the_mean_distance_from_the_share_right(
    confidences: list[float], rights: list[int], expected: float
) -> None:
    assert pytest.approx(expected) == calibration_error(*_arrays(confidences, rights))


def test_right_and_wrong_are_compared_by_mcnemar_under_a_held_false_discovery_rate() -> None:
    changes = {"a": (1, 9), "b": (2, 14), "c": (4, 5)}
    found = compare({name: _changed(*counts) for name, counts in changes.items()}, held=True)
    raw = {name: stats.binomtest(gained, lost + gained).pvalue for name, (lost, gained) in changes.items()}
    assert raw["b"] < raw["a"] < raw["c"]
    expected = {"a": raw["a"] * 3 / 2, "b": raw["b"] * 3, "c": raw["c"]}
    assert pytest.approx(expected) == {name: difference.p for name, difference in found.items()}


def test_mcnemar_looks_only_at_the_cases_that_changed() -> None:
    assert pytest.approx(2 * (1 + 10) / 2**10) == compare({"right": _changed(1, 9)})["right"].p
    assert pytest.approx(2 / 2**6) == compare({"right": _changed(0, 6)})["right"].p


def test_another_comparison_raises_the_bar() -> None:
    six, nothing = _changed(0, 6), _changed(0, 0)
    assert "better" == compare({"six": six, "nothing": nothing})["six"].verdict
    both = compare({"six": six, "nothing": nothing}, held=True)
    assert pytest.approx(4 / 2**6) == both["six"].p
    assert "not distinguishable" == both["six"].verdict


@pytest.mark.parametrize(
    ("before", "now", "p"),
    [
        ([0, 0, 0, 0, 0, 0.5], [0.9, 0.8, 0.7, 0.6, 0.5, 0.5], 2 / 2**5),
        ([0, 0, 0, 0, 0, 0.1], [0.9, 0.8, 0.7, 0.6, 0.5, 0.0], 4 / 2**6),
        ([0.0, 0.25], [0.5, 0.25], 1.0),
    ],
    ids=["all that changed are higher", "all but the least", "one case"],
)
def test_shares_are_compared_by_permuting_signs(before: list[float], now: list[float], p: float) -> None:
    assert pytest.approx(p) == compare({"share": (before, now)})["share"].p


def test_many_shares_are_compared_by_a_sample_of_permutations_that_is_always_the_same() -> None:
    values = [case**2 % 97 / 97 for case in range(80)]
    pairs = {"half": (values[:40], values[40:])}
    assert compare(pairs) == compare(pairs)
    assert pytest.approx(stats.ttest_rel(*pairs["half"]).pvalue, abs=0.03) == compare(pairs)["half"].p


@pytest.mark.parametrize(
    ("lost", "gained", "verdict"),
    [(0, 20, "better"), (20, 0, "worse"), (10, 10, "not distinguishable"), (0, 5, "not distinguishable")],
)
def test_the_verdict_needs_more_than_chance(lost: int, gained: int, verdict: str) -> None:
    found = compare({"right": _changed(lost, gained)})["right"]
    assert verdict == found.verdict
    assert (lost / 50, gained / 50, 50) == (found.before, found.now, found.n)


def test_no_change_is_no_difference() -> None:
    same = [0.0, 0.5, 1.0]
    assert {"same": Difference(0.5, 0.5, 3, 1.0, "not distinguishable")} == compare({"same": (same, same)})


def test_what_applies_to_no_case_is_not_compared() -> None:
    assert {} == compare({"none": ([], [])})
    assert ["some"] == list(compare({"none": ([], []), "some": ([0.0], [1.0])}))


@pytest.mark.parametrize(("p", "chance"), [(0.0004, "p < 0.001"), (0.001, "p 0.001"), (0.25, "p 0.250")])
def test_p_is_not_shown_as_zero(p: float, chance: str) -> None:
    assert chance == Difference(0.0, 1.0, 9, p, "better").chance


def _changed(lost: int, gained: int) -> tuple[list[float], list[float]]:
    """Fifty cases before and now, of which so many were lost and gained, and the others are wrong."""
    rest = [0.0] * (50 - lost - gained)
    return [1.0] * lost + [0.0] * gained + rest, [0.0] * lost + [1.0] * gained + rest


def _arrays(confidences: Sequence[float], rights: Sequence[int]) -> tuple[Values, NDArray[np.bool_]]:
    return np.array(confidences, float), np.array(rights, bool)


def _share(_: Values, right: NDArray[np.bool_]) -> float:
    return float(right.mean())


def _width(found: Estimate) -> float:
    return found.high - found.low

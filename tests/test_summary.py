"""Scores put together: every figure is of the cases it applies to, and two runs are compared case by case."""

import math
from dataclasses import replace
from typing import Any

import pytest

from newsqa_evals.scores import Score
from newsqa_evals.summary import by_suite, differences, flips, latency, means, of_confidence, paired
from tests.fakes import SCORE

RIGHT = replace(
    SCORE,
    answer_match=True,
    token_f1=1.0,
    citation_precision=1.0,
    citation_recall=1.0,
    right_article=True,
    recall_at_1=1.0,
    recall_at_4=1.0,
    recall_at_8=1.0,
    reciprocal_rank=1.0,
    ndcg=1.0,
    seconds=0.1,
)
NOT_JUDGED: dict[str, Any] = {"citation_precision": None, "citation_recall": None, "right_article": None}
NOT_RETRIEVED: dict[str, Any] = dict.fromkeys(["recall_at_1", "recall_at_4", "recall_at_8", "reciprocal_rank", "ndcg"])
REFUSED = replace(
    RIGHT, answered=False, confidence=0.2, right=False, would_be_right=False, answer_match=False, **NOT_JUDGED
)
SILENT = replace(REFUSED, answerable=False, right=True, answer_match=None, **NOT_RETRIEVED)
"""Right to refuse."""
INVENTED = replace(SILENT, answered=True, right=False, token_f1=0.0)


def test_what_applies_to_no_case_is_absent() -> None:
    assert {"false_answers", "refusal_precision"}.isdisjoint(means([RIGHT, RIGHT]))
    assert {"right", "token_f1", "exact", "false_answers", "refusal_precision"} == means([SILENT]).keys()
    assert {} == means([])


def test_a_figure_is_the_mean_of_the_cases_it_applies_to() -> None:
    scores = [RIGHT, replace(RIGHT, citation_precision=0.5, reciprocal_rank=0.25), REFUSED, SILENT, INVENTED]
    found = {name: (estimate.value, estimate.n) for name, estimate in means(scores).items()}
    assert (3 / 5, 5) == found["right"]
    assert (0.75, 2) == found["citation_precision"]
    assert (0.75, 3) == found["reciprocal_rank"]
    assert (1 / 2, 2) == found["false_answers"]
    assert (1 / 3, 3) == found["false_refusals"]


def test_precision_of_refusing_and_of_answering() -> None:
    found = means([RIGHT, RIGHT, RIGHT, INVENTED, REFUSED, SILENT, SILENT])
    assert (3 / 4, 4) == (found["answering_precision"].value, found["answering_precision"].n)
    assert (2 / 3, 3) == (found["refusal_precision"].value, found["refusal_precision"].n)


def test_wordings_flip_where_the_first_one_is_right_and_another_is_not() -> None:
    ferry, museum = ("wording-ferry",), ("wording-museum",)
    asked = [
        replace(RIGHT, tags=ferry),
        replace(RIGHT, tags=ferry),
        replace(REFUSED, tags=ferry),
        replace(REFUSED, tags=museum),
        replace(RIGHT, tags=museum),
    ]
    assert (1 / 2, 2) == (flips(asked)["flips"].value, flips(asked)["flips"].n)
    assert {} == flips([RIGHT, REFUSED])


def test_f1_of_refusing_and_of_answering() -> None:
    found = of_confidence([RIGHT, RIGHT, RIGHT, REFUSED, SILENT])
    assert pytest.approx(2 * 1 / (2 + 1)) == found["refusal_f1"].value
    assert pytest.approx(2 * 3 / (3 + 4)) == found["answering_f1"].value


def test_an_assistant_that_never_refuses_has_no_f1_of_refusing() -> None:
    assert 0.0 == of_confidence([RIGHT, INVENTED])["refusal_f1"].value


def test_the_confidence_is_judged_by_answers_given_and_held_back() -> None:
    held_back = replace(REFUSED, confidence=0.6, would_be_right=True)
    wrong = replace(RIGHT, confidence=0.7, right=False, would_be_right=False)
    found = of_confidence([RIGHT, wrong, held_back, SILENT])
    assert pytest.approx(3 / 4) == found["auroc"].value
    assert pytest.approx((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4) == found["area_under_risk_coverage"].value
    assert (0.25, 0.25) == (found["coverage_at_80_precision"].value, found["coverage_at_90_precision"].value)
    assert pytest.approx((0.1 + 0.7 + 0.4 + 0.2) / 4) == found["calibration_error"].value


def test_all_answers_right_leave_no_figure_of_their_order() -> None:
    found = of_confidence([RIGHT, replace(RIGHT, article="museum")])
    assert math.isnan(found["auroc"].value)
    assert 1.0 == found["coverage_at_90_precision"].value


def test_intervals_are_clustered_by_article() -> None:
    scores = [replace(RIGHT, article=f"{case // 10}", right=case < 50) for case in range(100)]
    together, apart = means(scores)["right"], means([replace(s, article=str(n)) for n, s in enumerate(scores)])["right"]
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_latency_leaves_out_what_failed() -> None:
    scores = [replace(RIGHT, seconds=seconds) for seconds in (0.1, 0.3, 0.2)]
    stopped = replace(RIGHT, seconds=9.0, error="NewsqaError: gone")
    assert pytest.approx({"p50_ms": 200, "p95_ms": 290}) == latency([*scores, stopped])
    assert all(map(math.isnan, latency([stopped]).values()))


def test_suites_keep_their_order() -> None:
    scores = [replace(RIGHT, suite=suite, case=case) for suite, case in (("z", "1"), ("a", "2"), ("z", "3"))]
    found = {suite: [score.case for score in scores] for suite, scores in by_suite(scores).items()}
    assert [("z", ["1", "3"]), ("a", ["2"])] == list(found.items())


@pytest.mark.parametrize("changes", [{"suite": "another"}, {"case": "another"}, {"digest": "another"}], ids=str)
def test_only_the_same_case_in_the_same_words_is_compared(changes: dict[str, Any]) -> None:
    changed = replace(RIGHT, **changes)
    assert [] == paired([RIGHT], [changed])
    assert [(changed, changed)] == paired([RIGHT, changed], [changed])


def test_pairs_hold_the_score_before_and_the_one_now_in_the_order_of_now() -> None:
    before = _numbered(RIGHT, 3)
    now = [replace(score, right=False) for score in reversed(before)]
    assert list(zip(reversed(before), now, strict=True)) == paired(before, now)


def test_more_false_answers_are_worse_and_shown_as_they_are() -> None:
    found = differences(_pairs(SILENT, INVENTED, 8))
    assert ("worse", "worse") == (found["false_answers"].verdict, found["right"].verdict)
    assert (0.0, 1.0, 8) == (found["false_answers"].before, found["false_answers"].now, found["false_answers"].n)


def test_fewer_false_refusals_are_better_and_none_is_a_plain_zero() -> None:
    found = differences(_pairs(REFUSED, RIGHT, 8))["false_refusals"]
    assert ("better", "1.0", "0.0") == (found.verdict, str(found.before), str(found.now))


def test_one_more_false_answer_among_many_is_no_difference() -> None:
    pairs = _pairs(SILENT, INVENTED, 1) + _pairs(RIGHT, RIGHT, 9)
    found = differences(pairs)
    assert {"not distinguishable"} == {difference.verdict for difference in found.values()}
    assert 1.0 == found["false_answers"].p


def test_lower_is_better_is_tested_like_higher_is_better() -> None:
    found = differences(_pairs(SILENT, INVENTED, 20))
    assert pytest.approx(2 / 2**20) == found["false_answers"].p
    assert found["right"].p == found["false_answers"].p


def test_figures_are_compared_over_the_cases_that_have_them_in_both_runs() -> None:
    pairs = _pairs(RIGHT, REFUSED, 6) + _pairs(RIGHT, replace(RIGHT, citation_precision=0.5), 4)
    found = differences(pairs)
    assert (10, 4) == (found["right"].n, found["citation_precision"].n)
    assert (1.0, 0.5) == (found["citation_precision"].before, found["citation_precision"].now)
    assert "false_answers" not in found


def test_each_suite_is_compared_by_what_is_right_in_it() -> None:
    buses = replace(RIGHT, suite="buses")
    found = differences(_pairs(RIGHT, REFUSED, 8) + _pairs(buses, buses, 8))
    fallen, kept = found["suite: ferries"], found["suite: buses"]
    assert ("worse", 1.0, 0.0, 8) == (fallen.verdict, fallen.before, fallen.now, fallen.n)
    assert ("not distinguishable", 1.0, 1.0, 8) == (kept.verdict, kept.before, kept.now, kept.n)


def test_runs_without_a_common_case_have_no_differences() -> None:
    assert {} == differences([])


def _numbered(score: Score, count: int) -> list[Score]:
    return [replace(score, case=f"{number}", article=f"{number}") for number in range(count)]


def _pairs(before: Score, now: Score, count: int) -> list[tuple[Score, Score]]:
    return list(zip(_numbered(before, count), _numbered(now, count), strict=True))

"""The report: one page that needs nothing else, JSON that says the same, and JUnit that a CI understands."""

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from newsqa_evals.report import Comparison, Report
from newsqa_evals.runner import Run
from newsqa_evals.scores import Score
from tests import fakes

SCORE = replace(
    fakes.SCORE,
    tags=("paraphrase",),
    reciprocal_rank=0.5,
    seconds=0.02,
    question="When does it sail?",
    expected="noon",
    evidence="ferry: The ferry sails at noon.",
    got="The ferry sails at noon. [1]",
    cited="ferry: The ferry sails at noon.",
)
WRONG = replace(SCORE, case="one", right=False, would_be_right=False, confidence=0.2, got="Dogs.", cited="ferry: Dogs.")
REFUSED = replace(SCORE, case="far", answerable=False, answered=False, right=True, would_be_right=False, expected="")


def _run(*scores: Score) -> Run:
    return Run(scores, "abc", {"python": "3"}, {"top_k": 8})


def _compared(before: tuple[Score, ...], now: tuple[Score, ...]) -> Report:
    return Report(_run(*now), Comparison("the baseline", _run(*before), _run(*now)))


def test_the_page_holds_every_case_and_refers_to_nothing_outside() -> None:
    page = _compared((SCORE, replace(WRONG, right=True)), (SCORE, WRONG, REFUSED)).html()
    assert 3 == page.count('<details class="case"')
    assert 4 == page.count("<svg ")
    assert 'data-outcome="worse"' in page
    assert not re.search(r"""(?:src|href)\s*=|url\(|https?://|@import""", page)


def test_what_articles_and_questions_say_is_never_markup() -> None:
    attack = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    hostile = replace(SCORE, question=attack, got=attack, cited=attack, evidence=attack, error=attack, tags=(attack,))
    page = _compared((replace(hostile, cited="x"),), (hostile,)).html()
    assert 1 == page.count("<script>")
    assert "<img" not in page


def test_a_suite_is_named_in_plots_as_text() -> None:
    assert "<b>x</b>" not in Report(_run(replace(SCORE, suite="<b>x</b>"))).html()


@pytest.mark.parametrize(
    ("scores", "banner"),
    [
        ((SCORE,), "There was no baseline"),
        ((replace(SCORE, exact=False),), "1 case with a broken citation"),
    ],
)
def test_the_page_opens_with_the_verdict(scores: tuple[Score, ...], banner: str) -> None:
    assert banner in Report(_run(*scores)).html()


def test_the_page_names_what_got_worse() -> None:
    before = tuple(replace(SCORE, case=f"case-{number}") for number in range(20))
    now = tuple(replace(score, right=False) for score in before)
    report = _compared(before, now)
    assert ["right is worse", "suite: ferries is worse"] == report.failures
    assert "Worse than the baseline:" in report.html()


def test_the_page_says_what_was_not_compared_and_which_settings_differ() -> None:
    before = Run((SCORE, WRONG), "abc", {}, {"top_k": 4})
    now = _run(SCORE, replace(REFUSED, digest="new"))
    page = Report(now, Comparison("the baseline", before, now)).html()
    assert "1 of 2 cases compared; 1 of the baseline not asked." in page
    assert "Settings that differ: top_k 4 → 8" in page


def test_a_case_that_is_now_refused_shows_what_was_before() -> None:
    page = _compared((SCORE,), (replace(SCORE, answered=False, right=False),)).html()
    assert "answered at 0.90, cited ferry" in page


def test_json_is_strict_and_holds_totals_and_cases() -> None:
    report = Report(_run(SCORE, WRONG, REFUSED))
    values = json.loads(report.json(), parse_constant=pytest.fail)
    assert {"value": 2 / 3, "n": 3} == {name: values["totals"]["right"][name] for name in ("value", "n")}
    assert ["noon", "one", "far"] == [case["case"] for case in values["cases"]]
    assert None is json.loads(Report(_run(SCORE)).json())["totals"]["auroc"]["value"]  # all are right: not defined


def test_junit_fails_what_is_newly_wrong_and_skips_what_was_wrong_before() -> None:
    broken = replace(SCORE, case="broken", exact=False)
    new = replace(WRONG, case="new", got="It\x00 sank")
    report = _compared((SCORE, WRONG, replace(new, right=True)), (SCORE, WRONG, new, broken))
    suite = ET.fromstring(report.junit())[0]  # noqa: S314  # our own
    found = {test.get("name"): [child.tag for child in test] for test in suite}
    assert {"noon": [], "one": ["skipped"], "new": ["failure"], "broken": ["error"]} == found
    assert ("4", "1", "1", "1") == tuple(suite.get(name) for name in ("tests", "failures", "errors", "skipped"))


def test_junit_can_be_read_whatever_stands_in_a_case() -> None:
    odd = "a\x07b\ud800"
    scores = (replace(SCORE, suite=odd, case=odd, exact=False, error=odd), replace(WRONG, got=odd))
    found = ET.fromstring(Report(_run(*scores)).junit())  # noqa: S314  # our own
    assert ["ab", "ferries"] == [suite.get("name") for suite in found]


def test_three_files_are_written(tmp_path: Path) -> None:
    written = Report(_run(SCORE)).write(tmp_path / "new" / "folder")
    assert ["report.html", "report.json", "junit.xml"] == [path.name for path in written]
    assert all(path.read_text(encoding="utf-8") for path in written)

"""Cases are checked before they are asked, and right is what it should be."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from newsqa import Article
from newsqa.assistant import Assistant
from newsqa_evals.cases import SUITES, SuiteError, load_suite
from newsqa_evals.core import ask_all

ARTICLE = Article(id="ferry", title="Ferry", text="The ferry sails at noon. Dogs are welcome.")
CASE: dict[str, Any] = {
    "id": "noon",
    "question": "When does it sail?",
    "answerable": True,
    "expected": ["noon"],
    "evidence": [{"article": "ferry", "quote": "The ferry sails at noon."}],
}


def _suite(folder: Path, *cases: dict[str, Any]) -> Path:
    file = folder / "suite.yaml"
    file.write_text(yaml.safe_dump({"suite": "suite", "cases": list(cases)}), encoding="utf-8")
    return file


def test_the_shipped_suites_fit_the_shipped_articles(corpus: list[Article]) -> None:
    sizes = {file.stem: len(load_suite(file, corpus)) for file in SUITES.glob("*.yaml")}
    assert sizes["core"] >= 60
    assert sizes["core_held_out"] >= 60


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"evidence": [{"article": "boat", "quote": "x"}]}, "no article 'boat'"),
        ({"evidence": [{"article": "ferry", "quote": "The ferry sank."}]}, "does not stand in ferry"),
        ({"expected": ["midnight"]}, "'midnight' stands in none"),
        ({"answerable": False}, "answerable cases have evidence"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_case_that_cannot_be_scored_is_refused_by_name(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(SuiteError, match=message) as refused:
        load_suite(_suite(tmp_path, CASE | change), [ARTICLE])
    assert "suite.yaml: noon" in str(refused.value)


def test_an_id_stands_once(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="used twice"):
        load_suite(_suite(tmp_path, CASE, CASE), [ARTICLE])


def test_right_is_the_right_sentence_first_or_a_refusal(assistant: Assistant, corpus: list[Article]) -> None:
    quote = "Russia controls 18% of Ukrainian territory, including Crimea and parts of Donbas."
    cases = {case.id: case for case in load_suite(SUITES / "core.yaml", corpus)}
    found = next(case for case in cases.values() if any(item.quote == quote for item in case.evidence))
    far = next(case for case in cases.values() if "unanswerable_far" in case.tags)
    for result in ask_all(assistant, [found, far]):
        expected = result.answered and result.cited(1) if result.case.answerable else not result.answered
        assert expected == result.right

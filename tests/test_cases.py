"""Suites are checked before anything is asked, and the shipped ones are what they should be."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from newsqa.english import stems
from newsqa_evals.cases import SUITES, Case, SuiteError, load_suites, schema

SHIPPED = load_suites()
CASES = [case for suite in SHIPPED for case in suite.cases]
CASE: dict[str, Any] = {
    "id": "noon",
    "question": "When does it sail?",
    "answerable": True,
    "expected": ["noon", "12"],
    "evidence": [{"article": "ferry", "quote": "The ferry sails at noon, that is 12."}],
}


def _suite(folder: Path, *cases: dict[str, Any], name: str = "ferries", **head: Any) -> Path:
    (folder / "ferry.md").write_text("# Ferry\n\nThe ferry sails at noon, that is 12. Dogs are welcome.\n")
    file = folder / f"{name}.yaml"
    values = {"suite": name, "about": "Ferries.", "corpus": ["ferry.md"], "cases": list(cases), **head}
    file.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return file


def test_the_shipped_suites_are_those_of_the_design() -> None:
    names = {
        "factoid", "who_said_it", "numbers_and_dates", "why_how", "lists", "follow_up", "cross_article",
        "updates_and_disagreement", "unanswerable_near", "unanswerable_far", "hostile", "summaries", "wordings",
    }  # fmt: skip
    assert names == {suite.name for suite in SHIPPED}
    over_the_corpus = [suite for suite in SHIPPED if suite.name != "hostile"]
    assert sum(len(suite.cases) for suite in over_the_corpus) >= 250
    assert Counter(case.article for case in CASES)["istanbul-talks-2025-05"] >= 60


def test_a_third_of_the_questions_share_few_words_with_their_evidence() -> None:
    answerable = [case for case in CASES if case.answerable and not case.history]
    few = [case for case in answerable if _shared(case) <= 1 / 3]
    assert len(few) >= len(answerable) / 3


def _shared(case: Case) -> float:
    """The greatest share of the question's content words that one of its sentences has."""
    asked = set(stems(case.question))
    return max((len(asked & set(stems(item.quote))) / max(1, len(asked)) for item in case.evidence), default=1.0)


def test_follow_ups_have_a_history() -> None:
    (suite,) = load_suites(["follow_up"])
    assert all(case.history for case in suite.cases)


def test_the_schema_for_editors_is_the_one_that_is_checked() -> None:
    shipped = json.loads((SUITES / "suite.schema.json").read_text(encoding="utf-8"))
    assert schema() == shipped
    for file in SUITES.glob("*.yaml"):
        assert file.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=suite.schema.json\n")


def test_a_suite_brings_its_own_articles(tmp_path: Path) -> None:
    (suite,) = load_suites([_suite(tmp_path, CASE)])
    assert ["ferry"] == list(suite.articles)
    assert (("noon", "12"),) == suite.cases[0].groups


def test_lists_are_groups_all_of_which_are_needed(tmp_path: Path) -> None:
    (suite,) = load_suites([_suite(tmp_path, CASE | {"expected": [["noon", "midday"], ["12"]]})])
    assert (("noon", "midday"), ("12",)) == suite.cases[0].groups


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"evidence": [{"article": "boat", "quote": "x"}]}, "evidence.0.article", "no article 'boat'"),
        ({"evidence": [{"article": "ferry", "quote": "It sank."}]}, "evidence.0.quote", "does not stand in ferry"),
        ({"expected": ["noon", "midnight"]}, "expected", "'midnight' stands in none"),
        ({"expected": [["noon"], ["midnight", "one"]]}, "expected", "'midnight' / 'one' stands in none"),
        ({"expected": [","]}, "expected", "no letter and no digit"),
        ({"answerable": False}, "answerable", "the others neither"),
        ({"forbidden": ["NOON", "12"]}, "forbidden", "holds a forbidden one"),
        ({"filters": {"article_ids": ["boat"]}}, "filters.article_ids", "no article 'boat'"),
        ({"about": "boat"}, "about", "no article 'boat'"),
        ({"colour": "red"}, "colour", "not permitted"),
        ({"expected": [[]]}, "expected", "at least 1 item"),
        ({"answerable": "yes"}, "answerable", "valid boolean"),
        ({"question": " "}, "question", "should match pattern"),
        ({"evidence": [{"article": "ferry", "quote": "noon"}]}, "evidence.0.quote", "no whole sentence"),
        ({"filters": {"article_ids": ["other"]}}, "filters.article_ids", "leave out every article"),
        ({"filters": {"colour": "red"}}, "filters.colour", "Unexpected keyword"),
        ({"history": [{"asked": "x"}]}, "history.0", "Field required"),
        ({"expected": [7]}, "expected", "valid string"),
        ({"question": None}, "question", "string"),
    ],
)
def test_a_fault_is_named_by_file_line_case_and_field(
    tmp_path: Path, change: dict[str, Any], field: str, message: str
) -> None:
    file = _suite(tmp_path, CASE | {"id": "first"}, CASE | change)
    with pytest.raises(SuiteError, match=message) as refused:
        load_suites([file])
    first = str(refused.value).splitlines()[0]
    place, case, named = first.split(": ")[:3]
    assert "noon" == case.split()[-1]
    assert named.startswith(field)
    lines = file.read_text(encoding="utf-8").splitlines()
    line = int(place.rpartition(":")[2])
    assert lines.index("- id: noon") + 1 <= line <= len(lines)
    if field.split(".", maxsplit=1)[0] in change and "." not in field:
        assert lines[line - 1].strip().startswith((field, "- 7", "- []"))


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    file = _suite(tmp_path, CASE | {"about": "boat"}, CASE | {"forbidden": ["noon", "12"]})
    with pytest.raises(SuiteError) as refused:
        load_suites([file])
    assert 3 == len(str(refused.value).splitlines())  # the id is used twice, too


def test_an_id_stands_once_in_all_suites(tmp_path: Path) -> None:
    files = [_suite(tmp_path, CASE), _suite(tmp_path, CASE, name="boats")]
    with pytest.raises(SuiteError, match=r"used twice, first at .*ferries\.yaml:6"):
        load_suites(files)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the suite is empty"),
        ("suite: [", "can't be read as YAML"),
        ("suite: odd\nabout: x\ncases: []\n", "odd.yaml:3: cases: .*at least 1"),
        ("suite: other\nabout: x\ncorpus: [odd.yaml]\ncases: []\n", "at least 1"),
        ("suite: odd\nabout: x\ncorpus: [gone]\ncases: [{id: a, question: b, answerable: false}]\n", ":3: corpus: "),
        ("- 1\n", "the suite is empty"),
        (
            "suite: odd\nabout: x\nabout: y\ncases: [{id: a, question: b, answerable: false}]\n",
            ":3: 'about' stands twice",
        ),
        ("suite: odd\nabout: x\ncases: !!set {a}\n", "valid dictionary"),
        ("suite: odd\nabout: 2025-02-30\n", "can't be read as YAML"),
    ],
)
def test_a_file_that_is_no_suite_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SuiteError, match=message):
        load_suites([file])


def test_a_suite_name_stands_once(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    files = [_suite(tmp_path, CASE), _suite(tmp_path / "other", CASE | {"id": "other"})]
    with pytest.raises(SuiteError, match="two suites named 'ferries'"):
        load_suites(files)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(SuiteError, match=r"no suite 'factoids'.*factoid, follow_up"):
        load_suites(["factoids"])


def test_a_case_changes_with_what_is_asked_or_right_only() -> None:
    case = Case(**CASE)
    assert case.digest == Case(**CASE | {"note": "new", "tags": ["x"]}).digest
    assert case.digest != Case(**CASE | {"question": "when?"}).digest
    assert case.digest != Case(**CASE | {"expected": ["noon"]}).digest

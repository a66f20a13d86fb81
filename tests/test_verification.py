"""What is verified: the statements that ship, and the way from a set of articles to a table."""

import json
from pathlib import Path

import pytest

from newsqa_evals import verification
from newsqa_evals.external import ExternalError

FLOORS = {
    "all true ones": 0.8,
    "all false ones": 0.78,
    "true: light": 0.8,
    "false: quote": 0.75,
    "false: invented": 0.95,
    "false: negation": 0.8,
    "false: role": 0.55,
    "false: relation": 0.5,
}
"""Below what came out (evals/README.md) by little: raise them when it gets better."""


def test_true_statements_are_kept_and_false_ones_caught_as_well_as_before() -> None:
    found = verification.shipped()
    for way, floor in FLOORS.items():
        right, _ = found[way]
        assert right.value >= floor, (way, right)
        assert right.n >= 14


def test_statements_are_made_of_articles_by_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "articles.jsonl"
    told = [
        "The mayor of {0}, Anna Petrov, said on Monday that {1} ships had been seen near the harbour, more than usual.",
        "The council of {0} was told by Igor Novak that the old bridge would be closed for {1} weeks, he said.",
    ]
    places = ("Arvald", "Bellin", "Corvo", "Dremm", "Essen")
    rows = [
        {"id": place, "text": "\n\n".join(line.format(place, 12 + 7 * number) for line in told * 4)}
        for number, place in enumerate(places)
    ]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    verification.measure([file], as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert {"true: word for word", "false: another number", "false: altered quotation"} <= set(found)
    assert 1.0 == found["true: word for word"]["value"]
    assert 1.0 == found["false: another number"]["value"]
    verification.measure([file], limit=2)
    assert "word for word" in capsys.readouterr().out


def test_a_file_that_holds_no_articles_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "articles.jsonl"
    file.write_text('{"text": "no id"}\n', encoding="utf-8")
    with pytest.raises(ExternalError, match="no articles"):
        verification.measure([file])

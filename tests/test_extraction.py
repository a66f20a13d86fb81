"""Tests of the measurement of article bodies."""

import json
from gzip import compress
from pathlib import Path

import numpy as np
import pytest

from newsqa_evals.external import ExternalError
from newsqa_evals.extraction import counts, estimates, f1_of, measure, read

BODY = (
    "The council of Vårsund voted on Monday to rebuild the harbour bridge. It is to open in the spring of 2027, and "
    "the towns of Haldermarch share what it costs."
)
PAGE = (
    f"<html><head><title>Bridge</title></head><body><nav>Home News</nav><article><p>{BODY}</p></article></body></html>"
)


def test_equal_texts_are_right_throughout() -> None:
    assert (1.0, 0.0, 0.0) == counts("one two three four five", "One two three four five".replace("One", "one"))


def test_runs_of_four_words_are_compared() -> None:
    # true: abcd bcde; found: abcd bcdx
    assert pytest.approx((1 / 3, 1 / 3, 1 / 3)) == counts("a b c d e", "a b c d x")


def test_a_run_that_is_found_twice_is_too_many_once() -> None:
    assert pytest.approx((1 / 5, 4 / 5, 0.0)) == counts("a b c d", "a b c d a b c d")


def test_texts_of_fewer_than_four_words_are_one_run() -> None:
    assert (1.0, 0.0, 0.0) == counts("short text", "short text")
    assert (0.0, 0.5, 0.5) == counts("short text", "other text")


def test_nothing_found_is_all_missing_and_nothing_there_and_found_is_neither() -> None:
    assert (0.0, 0.0, 1.0) == counts("a b c d", "")
    assert (0.0, 0.0, 0.0) == counts("", "")


def test_precision_leaves_out_pages_of_which_nothing_was_found_as_the_benchmark_does() -> None:
    precision, recall, f1 = f1_of(np.array([(0.5, 0.5, 0.0), (0.0, 0.0, 1.0)]))
    assert (0.5, 0.5, 0.5) == (precision, recall, f1)


def test_f1_is_of_the_means_and_not_the_mean_of_f1s() -> None:
    precision, recall, f1 = f1_of(np.array([(0.2, 0.8, 0.0), (0.4, 0.0, 0.6)]))
    assert pytest.approx((0.6, 0.7)) == (precision, recall)
    assert pytest.approx(2 * 0.6 * 0.7 / 1.3) == f1


def test_the_interval_holds_the_value() -> None:
    _, _, f1 = estimates([(1.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.7, 0.1, 0.2), (0.9, 0.0, 0.1)])
    assert f1.low < f1.value < f1.high
    assert 4 == f1.n


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "one.html").write_text(PAGE, encoding="utf-8")
    (folder / "two.html.gz").write_bytes(compress(PAGE.encode()))
    truth = {name: {"articleBody": BODY, "url": "https://herald.example/bridge"} for name in ("one", "two", "absent")}
    (tmp_path / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
    return [folder, tmp_path / "truth.json"]


def test_all_ways_are_measured_on_the_same_pages(files: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    measure(files, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert ["newsqa", "trafilatura", "trafilatura, no comments", "readability-lxml"] == list(found)
    assert {2} == {score["f1"]["n"] for score in found.values()}
    assert 1.0 == found["newsqa"]["f1"]["value"]


def test_the_table_names_its_columns(files: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    measure(files, limit=1)
    assert "precision" in (printed := capsys.readouterr().out)
    assert "article bodies of 1 pages" in printed


def test_pages_are_read_gzipped_or_not(files: list[Path]) -> None:
    one, two = read(files)
    assert one.content == two.content


@pytest.mark.parametrize("text", ["", "[]", '{"one": 1}', "{"])
def test_a_file_that_holds_no_bodies_is_named(files: list[Path], text: str) -> None:
    files[1].write_text(text, encoding="utf-8")
    with pytest.raises(ExternalError, match=r"truth\.json|needs pages"):
        measure(files)


def test_without_pages_it_says_what_is_needed(files: list[Path]) -> None:
    with pytest.raises(ExternalError, match=r"folder of pages"):
        measure(files[1:])

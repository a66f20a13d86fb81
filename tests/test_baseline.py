"""The baseline is kept so that it can be read again, and is never made of broken citations."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from newsqa_evals.baseline import BaselineError, read_baseline, write_baseline
from newsqa_evals.runner import Run
from tests.fakes import SCORE

KEPT = replace(
    SCORE,
    digest="0123456789ab",
    confidence=0.1 + 0.2,
    citation_precision=1 / 3,
    citation_recall=0.5,
    reciprocal_rank=0.25,
    cited='ferry: “It costs €2.90”\nat "night".',
)
FULL = replace(
    KEPT,
    tags=("short",),
    answer_match=True,
    token_f1=0.5,
    right_article=True,
    recall_at_1=0.0,
    recall_at_4=1.0,
    recall_at_8=1.0,
    ndcg=0.5,
    seconds=0.25,
    question="How much?",
    expected="€2.90",
    evidence="ferry: It costs €2.90",
    got="It costs €2.90. [1]",
)
REFUSED = replace(SCORE, case="captain", answerable=False, answered=False, confidence=0.125, would_be_right=False)
RUN = Run((FULL, REFUSED), "abc123+", {"python": "3.11"}, {"top_k": 8, "answerer": "extractive", "limit": None})


def test_what_is_kept_is_read_as_it_was(tmp_path: Path) -> None:
    write_baseline(tmp_path / "baseline.json", RUN)
    assert replace(RUN, scores=(KEPT, REFUSED)) == read_baseline(tmp_path / "baseline.json")


def test_a_baseline_that_is_read_is_written_alike(tmp_path: Path) -> None:
    first, again = tmp_path / "first.json", tmp_path / "again.json"
    write_baseline(first, RUN)
    write_baseline(again, read_baseline(first))
    assert first.read_bytes() == again.read_bytes()


def test_a_run_without_cases_can_be_kept(tmp_path: Path) -> None:
    empty = replace(RUN, scores=())
    write_baseline(tmp_path / "baseline.json", empty)
    assert empty == read_baseline(tmp_path / "baseline.json")


def test_a_case_that_changed_is_one_line_that_changed(tmp_path: Path) -> None:
    write_baseline(tmp_path / "before.json", RUN)
    write_baseline(tmp_path / "now.json", replace(RUN, scores=(replace(FULL, confidence=0.5, cited="ß"), REFUSED)))
    before, now = ((tmp_path / name).read_text(encoding="utf-8").splitlines() for name in ("before.json", "now.json"))
    (changed,) = [(old, new) for old, new in zip(before, now, strict=True) if old != new]
    assert all('"noon"' in line and '"captain"' not in line for line in changed)
    assert "“It costs €2.90”" in changed[0]


def test_a_broken_citation_leaves_the_baseline_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    file.write_text("what was there", encoding="utf-8")
    broken = replace(RUN, scores=(FULL, replace(REFUSED, exact=False)))
    with pytest.raises(BaselineError, match=r"baseline\.json is left as it was: .* mend that first"):
        write_baseline(file, broken)
    assert "what was there" == file.read_text(encoding="utf-8")


def test_a_broken_citation_makes_no_baseline(tmp_path: Path) -> None:
    with pytest.raises(BaselineError):
        write_baseline(tmp_path / "baseline.json", replace(RUN, scores=(replace(FULL, exact=False),)))
    assert [] == list(tmp_path.iterdir())


def test_a_missing_baseline_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BaselineError) as raised:
        read_baseline(tmp_path / "baseline.json")
    message = f"there is no baseline {tmp_path / 'baseline.json'}; make one with `newsqa eval --update-baseline`"
    assert message == str(raised.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'{"scores": []}',
        b'{"scores": null, "commit": "c", "versions": {}, "settings": {}}',
        b'{"scores": [1], "commit": "c", "versions": {}, "settings": {}}',
        b'{"scores": [{"suite": "s"}], "commit": "c", "versions": {}, "settings": {}}',
    ],
)
def test_what_is_no_baseline_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "baseline.json"
    file.write_bytes(content)
    _assert_refused(file)


def test_a_value_of_another_kind_is_no_baseline(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    write_baseline(file, RUN)
    values = json.loads(file.read_text(encoding="utf-8"))
    values["scores"][0]["confidence"] = "high"
    file.write_text(json.dumps(values), encoding="utf-8")
    _assert_refused(file)


def test_a_folder_is_no_baseline(tmp_path: Path) -> None:
    _assert_refused(tmp_path)


def _assert_refused(file: Path) -> None:
    with pytest.raises(BaselineError) as raised:
        read_baseline(file)
    message = str(raised.value)
    assert message.startswith(f"{file} is no baseline (")
    assert message.endswith("); make it anew: newsqa eval --update-baseline")
    assert "\n" not in message

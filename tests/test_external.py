"""The public sets' formats, in miniature: what is read, what counts, and what is printed."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from newsqa_evals import external, follow_ups
from newsqa_evals.external import ExternalError, Question, measure, read

FERRY = "The ferry to Hollin sails at noon every day. Dogs are welcome on board."
BRIDGE = "The old bridge at Lodrava was closed in March. It will open again in June."


def _lines(file: Path, *rows: dict[str, Any]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    file.write_bytes(gzip.compress(text.encode()) if file.suffix == ".gz" else text.encode())
    return file


def _newsqa(folder: Path) -> list[Path]:
    asked = [("ferry", "When does the ferry sail?", "noon"), ("bridge", "When was the bridge closed?", "in March")]
    questions: list[dict[str, Any]] = [
        {"article_id": id, "question": q, "answers": [{"text": a}]} for id, q, a in asked
    ]
    articles: list[dict[str, Any]] = [{"id": "ferry", "text": FERRY}, {"id": "bridge", "text": BRIDGE}]
    return [_lines(folder / "a.jsonl.gz", *articles), _lines(folder / "q.jsonl", *questions)]


def test_newsqa_is_articles_and_questions_in_any_order(tmp_path: Path) -> None:
    articles, questions = read("newsqa", _newsqa(tmp_path)[::-1])
    assert ["ferry", "bridge"] == [article.id for article in articles]
    assert Question("When does the ferry sail?", ("ferry",), ("noon",)) == questions[0]


def test_squad_makes_an_article_of_each_title(tmp_path: Path) -> None:
    answer = [{"text": "noon"}, {"text": "noon"}, {"text": "at noon"}]
    rows: list[dict[str, Any]] = [
        {"title": "The_Ferry", "context": FERRY, "question": "When?", "answers": answer},
        {"title": "The_Ferry", "context": BRIDGE, "question": "Who?", "answers": []},
        {"title": "The_Ferry", "context": FERRY, "question": "Why?", "answers": []},
    ]
    articles, questions = read("squad", [_lines(tmp_path / "squad.jsonl", *rows)])
    assert [("The_Ferry", "The Ferry", f"{FERRY}\n\n{BRIDGE}")] == [(a.id, a.title, a.text) for a in articles]
    assert [("noon", "at noon"), (), ()] == [question.answers for question in questions]


def test_realtimeqa_asks_what_stands_in_an_article(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "x", "title": "Ferry", "text": FERRY, "url": "https://ferry.example/"},
        {"id": "empty", "title": "Nothing", "text": " "},
        {"question": "When?", "answer": "noon", "gold_docs": ["x"], "answer_in_docs": ["x", "y"]},
        {"question": "Who?", "answer": "me", "gold_docs": ["x"], "answer_in_docs": []},
        {"question": "Where?", "answer": "here", "gold_docs": ["x"], "answer_in_docs": ["not-given"]},
    ]
    articles, questions = read("realtimeqa", [_lines(tmp_path / "all.jsonl", *rows)])
    assert ["x"] == [article.id for article in articles]
    assert [Question("When?", ("x", "y"), ("noon",))] == questions


def test_only_the_right_article_counts() -> None:
    question = Question("When?", ("ferry",), ("Noon",))
    assert question.held_by("ferry", "It sails at noon.")
    assert not question.held_by("bridge", "It sails at noon.")
    assert not question.held_by("ferry", "It sails in the afternoon.")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"id": 1', "lines.jsonl:1: "),
        ('{"id": "a", "text": "b"}\n[1]', "lines.jsonl:2: "),
        ('{"id": "a", "text": "b"}', "newsqa needs its questions"),
        ('{"question": "a", "article_id": "b", "answers": []}', "newsqa needs its articles"),
        ('{"question": "a"}', "not the files of newsqa"),
    ],
)
def test_files_of_another_kind_are_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ExternalError, match=message):
        read("newsqa", [file])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExternalError, match=r"gone\.jsonl\.gz"):
        read("squad", [tmp_path / "gone.jsonl.gz"])


def test_newsqa_chance_and_the_tutorial_pipeline_stand_side_by_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("langchain_text_splitters")
    measure("newsqa", _newsqa(tmp_path), as_json=True)
    found = json.loads(capsys.readouterr().out)
    rows = found["rows"]
    assert 0.5 == rows["a random passage holds the answer"]["value"]
    assert 1.0 == rows["tutorial pipeline: first chunk holds the answer"]["value"]
    assert 1.0 == rows["newsqa: first passage holds the answer"]["value"]
    assert 2 == rows["newsqa: refused, with the article left out"]["n"]
    assert "not distinguishable" == found["beside the tutorial pipeline"][external._FIRST]["verdict"]


def test_follow_ups_find_what_a_persons_own_wording_finds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = ["Hollin Ferry", "Timetable", "When does the ferry sail?", "The ferry to Hollin sails at noon every day."]
    rows: list[dict[str, Any]] = [
        {"QuAC_dialog_id": "a", "History": said[:2], "Question": said[2], "Rewrite": said[2]},
        {
            "QuAC_dialog_id": "a",
            "History": [*said, "Who built the bridge?", "Ann Lee built the stone bridge at Lodrava in 1911."],
            "Question": "How old was she?",
            "Rewrite": "How old was Ann Lee when she built the bridge?",
        },
    ]
    file = _lines(tmp_path / "canard.jsonl", *rows)
    follow_ups.measure([file], as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert {1} == {each["n"] for each in found.values()}
    assert 1.0 == found["as newsqa understands it: first"]["value"]
    follow_ups.measure([file])
    assert "among the first 5" in capsys.readouterr().out


def test_other_files_are_no_follow_ups(tmp_path: Path) -> None:
    with pytest.raises(ExternalError, match="not the files of canard"):
        follow_ups.measure([_lines(tmp_path / "other.jsonl", {"question": "When?"})])

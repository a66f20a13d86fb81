"""The speed suite makes libraries of the size asked for, and times what it says it times."""

import json
from pathlib import Path

import pytest

from newsqa.passages import split_passages
from newsqa_evals import speed
from newsqa_evals.external import ExternalError


def test_articles_are_made_until_there_are_enough_passages() -> None:
    made = list(speed._made(120))
    assert 120 <= sum(len(split_passages(article)) for article in made) < 140
    assert len(made) == len({article.id for article in made})
    assert [article.text for article in made] == [article.text for article in speed._made(120)]


def test_given_articles_are_mixed_when_there_are_no_more(tmp_path: Path) -> None:
    file = tmp_path / "articles.jsonl"
    rows = [{"title": "Ferry", "text": "The ferry sails at noon."}, {"title": "Empty", "text": " "}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    given = list(speed._given(3, [file]))
    assert ["article-0", "article-1", "article-2"] == [article.id for article in given]
    assert {"The ferry sails at noon."} == {article.text.split("\n")[0] for article in given}
    file.write_text("", encoding="utf-8")
    with pytest.raises(ExternalError, match="no line has a title"):
        list(speed._given(3, [file]))


def test_one_side_is_measured() -> None:
    found = speed._newsqa(list(speed._made(20)), ["Who won?", "When did it rain?"])
    assert 20 <= found["passages"] < 40
    assert 0 < found["first event, p50 ms"] < found["whole answer, p99 ms"]
    assert found["passages added a second"] > 0


def test_the_times_of_the_first_round_are_left_out() -> None:
    asked: list[str] = []
    found = speed._asking("ask", ["a", "b"], asked.append)
    assert ["a", "b"] * speed.ROUNDS == asked
    assert {"ask, p50 ms", "ask, p95 ms", "ask, p99 ms"} == set(found)

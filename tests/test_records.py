"""JSON lines and JSON: the field names that are met, and what is no article."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsqa import Article
from newsqa.errors import LoadError
from newsqa.loading import records
from newsqa.loading.given import Given

STORY = {"title": "Ferry sails", "text": "The ferry sails again."}


def _read(content: Any, name: str = "stories.json") -> list[Article | LoadError]:
    sent = content if isinstance(content, bytes) else json.dumps(content).encode()
    return list(records.articles(Given(name, sent)))


def _one(record: dict[str, Any]) -> Article:
    (article,) = _read(record)
    assert isinstance(article, Article)
    return article


def test_our_own_names_are_read() -> None:
    article = _one(
        {**STORY, "id": "ferry", "publisher": "Haldermarch Herald", "published_at": "2025-05-12", "language": "en"}
    )
    assert ("ferry", "Ferry sails", "Haldermarch Herald", date(2025, 5, 12), "en") == (
        article.id,
        article.title,
        article.publisher,
        article.published_at,
        article.language,
    )


def test_a_news_article_of_schema_org_is_read() -> None:
    article = _one(
        {
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "headline": "Ferry sails",
            "articleBody": "The ferry sails again.",
            "datePublished": "2025-05-12T10:30:00Z",
            "dateModified": "2025-05-13",
            "author": [{"@type": "Person", "name": "Åse Lund"}, {"name": "Ivo Brandt"}],
            "publisher": {"@type": "Organization", "name": "Haldermarch Herald"},
            "mainEntityOfPage": {"@id": "https://herald.example/ferry"},
            "inLanguage": "en-GB",
        }
    )
    assert ("https://herald.example/ferry", "Åse Lund, Ivo Brandt", "Haldermarch Herald", "en-GB") == (
        article.url,
        article.author,
        article.publisher,
        article.language,
    )
    assert (datetime(2025, 5, 12, 10, 30, tzinfo=UTC), date(2025, 5, 13)) == (article.published_at, article.updated_at)


def test_a_list_that_python_printed_is_a_list_of_names() -> None:
    assert "Åse Lund, Ivo Brandt" == _one({**STORY, "authors": "['Åse Lund', 'Ivo Brandt']"}).author
    assert "[unclosed" == _one({**STORY, "authors": "[unclosed"}).author


def test_what_is_not_known_stays_empty() -> None:
    article = _one({**STORY, "published": "last Tuesday", "url": "not an address", "language": None})
    assert (None, None, "", "", "", "") == (
        article.published_at,
        article.updated_at,
        article.url,
        article.language,
        article.publisher,
        article.author,
    )


def test_each_line_is_an_article_and_a_bad_line_stops_no_other() -> None:
    lines = [json.dumps(STORY), "no json", json.dumps({"title": "Empty"}), "[1]", "", json.dumps({**STORY, "id": "b"})]
    first, second, third, fourth, last = _read("\n".join(lines).encode(), "stories.jsonl")
    assert isinstance(first, Article)
    assert isinstance(last, Article)
    assert ["stories.jsonl!/2: this line", "stories.jsonl!/3: has no text", "stories.jsonl!/4: is no object"] == [
        str(error)[: len(start)]
        for error, start in zip(
            (second, third, fourth),
            ("stories.jsonl!/2: this line", "stories.jsonl!/3: has no text", "stories.jsonl!/4: is no object"),
            strict=True,
        )
    ]


def test_the_place_of_a_record_in_its_file_makes_no_difference_to_what_it_is() -> None:
    other = {**STORY, "title": "Bell found", "text": "The bell was found."}
    forth, back = _read([STORY, other]), _read([other, STORY])
    assert [(each.id, each.origin) for each in forth if isinstance(each, Article)] == [
        (each.id, each.origin) for each in reversed(back) if isinstance(each, Article)
    ]


@pytest.mark.parametrize("name", ["articles", "@graph", "items"])
def test_the_records_under_a_name_are_read(name: str) -> None:
    assert 2 == len(_read({name: [STORY, {**STORY, "id": "b"}], "count": 2}))


REFUSED = {
    "no JSON": (b"{", "is not JSON"),
    "nested without end": (b"[" * 100_000, "nested too deep"),
    "no record": ({"count": 2}, "holds no record"),
    "not UTF-8": (b'{"title": "\xff"}', "is not UTF-8"),
}


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_record_is_refused_by_name(content: Any, words: str) -> None:
    try:
        (error,) = _read(content)
    except LoadError as raised:
        error = raised
    assert str(error).startswith("stories.json")
    assert words in str(error)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
_NAMED = st.sampled_from([name for names in records._NAMES.values() for name in names] + ["id", "fictional", "@graph"])


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(_NAMED, _VALUES, max_size=12))
def test_any_record_is_an_article_or_refused(record: dict[str, Any]) -> None:
    try:
        found = _read(record)
    except LoadError:
        return
    for each in found:
        assert isinstance(each, LoadError) or each.text.strip()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_articles_or_refused(content: bytes) -> None:
    reads: list[Callable[[], list[Article | LoadError]]] = [
        lambda: _read(content),
        lambda: list(records.lines("x", content.splitlines())),
    ]
    for read in reads:
        found, told = list[Article | LoadError](), "stories.json"
        try:
            found = read()
        except LoadError as error:
            told = str(error)
        assert told.startswith("stories.json")
        assert all(isinstance(each, Article | LoadError) for each in found)

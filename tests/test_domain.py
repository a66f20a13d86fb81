"""The words of newsqa: what they refuse, what they normalise, and what makes a revision."""

import json
from dataclasses import FrozenInstanceError, fields, replace
from datetime import UTC, date, datetime
from typing import Any
from unicodedata import is_normalized

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsqa import Answer, Article, Citation, Filters, Span
from newsqa.domain import normalised, now, to_json
from newsqa.errors import ArticleError, GroundingError

ARTICLE = Article("Rain", "It rained in Vårsund. Nobody came.", id="rain", published_at=date(2025, 5, 12))


def _citation(start: int = 0, end: int = 21, **changed: Any) -> Citation:
    values: dict[str, Any] = {
        "number": 1,
        "article_id": "rain",
        "revision": ARTICLE.revision,
        "title": "Rain",
        "publisher": "The Rain Post",
        "url": "",
        "published_at": ARTICLE.published_at,
        "quote": "It rained in Vårsund.",
        "source_span": Span(start, end),
        "answer_span": Span(0, 21),
        "article_text": ARTICLE.text,
    }
    return Citation(**(values | changed))


def _answer(*citations: Citation, text: str = "It rained in Vårsund.") -> Answer:
    return Answer("Did it rain?", "Did it rain?", text, "It rained", "answered", 0.9, citations)


@given(st.text(max_size=50), st.integers(0, 50), st.integers(0, 50))
def test_a_span_covers_what_a_slice_covers(text: str, start: int, length: int) -> None:
    assert text[start : start + length] == Span(start, start + length).of(text)


@pytest.mark.parametrize(("start", "end"), [(-1, 0), (2, 1), (-2, -1)])
def test_a_span_that_runs_backwards_or_begins_before_the_text_is_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match=f"{start}:{end}"):
        Span(start, end)


def test_a_span_lies_within_itself_and_whatever_is_wider() -> None:
    inside = [other for other in (Span(2, 5), Span(0, 9), Span(3, 5), Span(2, 4)) if Span(2, 5).within(other)]
    assert [Span(2, 5), Span(0, 9)] == inside


@given(st.text(max_size=100))
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalised(text)
    assert "\r" not in once
    assert is_normalized("NFC", once)
    assert once == normalised(once)


def test_title_and_text_are_normalised_and_nothing_else_is_changed() -> None:
    article = Article(title="Va\u030arsund\r\n", text=" Rain\rin\r\nVa\u030arsund \u2014 \u00a0\u201cno\u201d\ufb01 ")
    assert ("Vårsund\n", " Rain\nin\nVårsund — \xa0“no”\ufb01 ") == (article.title, article.text)


@pytest.mark.parametrize("name", ["title", "text"])
@pytest.mark.parametrize("value", [None, b"Rain", 5])
def test_a_title_or_text_that_is_no_string_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ArticleError, match=f"{name}.*{type(value).__name__}"):
        Article(**({"title": "Rain", "text": "It rained."} | {name: value}))


def test_an_article_without_id_gets_one_of_its_url_else_its_origin_else_its_words() -> None:
    by_url = Article("Rain", "It rained.", url="https://rain.example/1", origin="/rain.md")
    assert by_url.id == replace(by_url, id="", text="It poured.", origin="/other.md").id
    assert by_url.id != replace(by_url, id="", url="https://rain.example/2").id
    by_origin = Article("Rain", "It rained.", origin="/rain.md")
    assert by_origin.id == replace(by_origin, id="", text="It poured.").id
    by_words = Article("Rain", "It rained.")
    assert 4 == len({by_url.id, by_origin.id, by_words.id, replace(by_words, id="", text="It poured.").id})
    assert "rain" == ARTICLE.id


CHANGES: dict[str, Any] = {
    "title": "Snow",
    "text": "It snowed.",
    "url": "https://snow.example",
    "publisher": "The Snow Post",
    "author": "K. L. Marsh",
    "published_at": date(2025, 5, 13),
    "updated_at": date(2025, 5, 13),
    "subtitle": "Nobody knows",
    "place": "Łodrava",
    "language": "de",
    "fictional": True,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_anything_shown_is_another_revision(name: str) -> None:
    assert ARTICLE.revision != replace(ARTICLE, **{name: CHANGES[name]}).revision


def test_when_and_whence_it_was_added_is_no_other_revision() -> None:
    others = {field.name for field in fields(Article)} - set(CHANGES)
    assert {"id", "added_at", "origin"} == others
    assert ARTICLE.revision == replace(ARTICLE, id="other", added_at=now(), origin="/other.md").revision


@given(st.text(max_size=30), st.text(max_size=30))
def test_two_texts_have_one_revision_only_if_they_are_the_same(one: str, other: str) -> None:
    articles = Article("Rain", one), Article("Rain", other)
    assert (articles[0].text == articles[1].text) == (articles[0].revision == articles[1].revision)


def test_half_a_character_has_an_id_and_a_revision() -> None:
    article = Article("Rain", "It rained \ud83d")
    assert (16, 16) == (len(article.id), len(article.revision))


def test_the_words_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        ARTICLE.text = "It snowed."  # type: ignore[misc]


@pytest.mark.parametrize(
    "changed",
    [{"source_span": Span(1, 22)}, {"quote": "It rained in Varsund."}, {"quote": "", "source_span": Span(3, 3)}],
    ids=["elsewhere", "other words", "nothing"],
)
def test_a_citation_that_does_not_reproduce_its_quote_cannot_be_made(changed: dict[str, Any]) -> None:
    with pytest.raises(GroundingError, match=r"citation 1 .*rain.*not shown"):
        _citation(**changed)


def test_a_quote_that_stands_twice_is_cited_where_the_span_says() -> None:
    text = "No. No."
    assert "No." == _citation(quote="No.", source_span=Span(4, 7), article_text=text).source_span.of(text)


def test_a_citation_that_points_outside_the_answer_is_refused() -> None:
    assert 1 == len(_answer(_citation()).citations)
    with pytest.raises(GroundingError, match="citation 1 points outside"):
        _answer(_citation(answer_span=Span(0, 22)))


@pytest.mark.parametrize(
    "given_filter",
    [{"article_ids": ("rain",)}, {"publisher": "P"}, {"published_from": date.min}, {"published_to": date.min}],
    ids=lambda given_filter: next(iter(given_filter)),
)
def test_filters_are_true_once_one_is_given(given_filter: dict[str, Any]) -> None:
    assert not Filters()
    assert Filters(**given_filter)


def test_the_present_moment_is_in_utc_to_the_second() -> None:
    before, moment, after = datetime.now(UTC), now(), datetime.now(UTC)
    assert (UTC, 0) == (moment.tzinfo, moment.microsecond)
    assert before.replace(microsecond=0) <= moment <= after


def test_an_answer_becomes_json_with_its_citations_and_dates() -> None:
    found = json.loads(json.dumps(to_json(replace(_answer(_citation()), timings={"find": 0.5}))))
    assert [field.name for field in fields(Answer)] == list(found)
    assert ("2025-05-12", {"start": 0, "end": 21}) == (
        found["citations"][0]["published_at"],
        found["citations"][0]["source_span"],
    )
    assert ({"find": 0.5}, "It rained", []) == (found["timings"], found["short"], found["passages"])


def test_json_keeps_the_zone_of_a_moment_and_the_nothing_of_a_missing_date() -> None:
    found = to_json(Article("Rain", "It rained.", updated_at=datetime(2025, 5, 12, 10, tzinfo=UTC)))
    assert ("2025-05-12T10:00:00+00:00", None) == (found["updated_at"], found["published_at"])

"""Citations are exact or they are not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsqa import Answer, Article, Citation, Span
from newsqa.errors import ArticleNotFoundError, GroundingError
from newsqa.grounding import Statement, ground

ARTICLE = Article(
    id="a", title="Ferry", text="The ferry sails. It costs €2.90 “at night”. Nobody knows why.", publisher="P"
)


def _article(article_id: str) -> Article:
    if article_id != ARTICLE.id:
        raise ArticleNotFoundError(article_id)
    return ARTICLE


def _statement(start: int, end: int) -> Statement:
    quote = ARTICLE.text[start:end]
    return Statement(quote, "a", Span(start, end), quote)


def test_each_statement_is_followed_by_its_marker() -> None:
    text, citations = ground("Well:", [_statement(0, 16), _statement(17, 43)], _article)
    assert text == "Well: The ferry sails. [1] It costs €2.90 “at night”. [2]"
    assert [1, 2] == [citation.number for citation in citations]


@given(st.lists(st.tuples(st.integers(0, 62), st.integers(1, 62)), max_size=5), st.text(max_size=20))
def test_every_span_of_every_citation_reproduces_its_text(pairs: list[tuple[int, int]], preface: str) -> None:
    statements = [_statement(start, start + length) for start, length in pairs if start + length <= len(ARTICLE.text)]
    text, citations = ground(preface, statements, _article)
    for statement, citation in zip(statements, citations, strict=True):
        assert statement.quote == citation.source_span.of(ARTICLE.text)
        assert statement.text == citation.answer_span.of(text)


@pytest.mark.parametrize(
    ("quote", "span"),
    [
        ("The ferry sails.", Span(1, 17)),
        ("The ferry sailed.", Span(0, 16)),
        ("", Span(3, 3)),
        ("Nobody knows why.!", Span(45, 63)),
        ('It costs €2.90 "at night".', Span(17, 43)),
    ],
    ids=["shifted by one", "another word", "empty", "beyond the end", "straight quotes"],
)  # fmt: skip
def test_a_quote_that_is_not_there_makes_no_citation(quote: str, span: Span) -> None:
    with pytest.raises(GroundingError, match="quote"):
        ground("", [Statement("x", "a", span, quote)], _article)


def test_a_citation_cannot_be_made_without_the_article_text() -> None:
    with pytest.raises(TypeError):
        Citation(1, "a", "r", "t", "p", "", None, "The", Span(0, 3), Span(0, 3))  # type: ignore[call-arg]


def test_a_made_citation_cannot_be_bent() -> None:
    _, (citation,) = ground("", [_statement(0, 16)], _article)
    with pytest.raises(GroundingError):
        replace(citation, source_span=Span(1, 17), article_text=ARTICLE.text)
    with pytest.raises(AttributeError):
        citation.quote = "another"  # type: ignore[misc]


def test_an_article_that_is_gone_makes_no_citation() -> None:
    with pytest.raises(ArticleNotFoundError):
        ground("", [Statement("x", "gone", Span(0, 1), "x")], _article)


def test_an_answer_whose_citation_points_outside_it_cannot_be_made() -> None:
    text, citations = ground("", [_statement(0, 16)], _article)
    with pytest.raises(GroundingError, match="outside"):
        Answer("q", "q", text[:10], None, "answered", 0.9, citations)


def test_the_citation_shows_what_its_article_is() -> None:
    _, (citation,) = ground("", [_statement(0, 16)], _article)
    assert ("a", "Ferry", "P", None) == (
        citation.article_id, citation.title, citation.publisher, citation.published_at,
    )  # fmt: skip

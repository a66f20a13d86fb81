"""Quotes that an answerer copied become verified citations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from newsqa.domain import Article, Citation, Copy, Span


@dataclass(frozen=True)
class Statement:
    """A piece of an answer and the sentence of an article that it rests on."""

    text: str
    article_id: str
    source_span: Span
    quote: str
    copies: tuple[Copy, ...] = ()
    """Other articles with nearly the same text."""


def ground(
    preface: str, statements: Sequence[Statement], article: Callable[[str], Article]
) -> tuple[str, tuple[Citation, ...]]:
    """The text of an answer, a marker `[n]` after each statement, and its verified citations.

    Args:
        preface: opens the text and rests on no article; may be empty.
        statements: in the order in which they are said.
        article: gives the stored article of an id; the quotes are checked against its text.

    Raises:
        GroundingError: a quote does not stand where its statement says.
        ArticleNotFoundError: an article is gone.
    """
    text, citations = preface, []
    for number, statement in enumerate(statements, start=1):
        text += " " if text else ""
        span = Span(len(text), len(text) + len(statement.text))
        text += f"{statement.text} [{number}]"
        citations.append(citation(number, statement, span, article(statement.article_id)))
    return text, tuple(citations)


def citation(number: int, statement: Statement, answer_span: Span, article: Article) -> Citation:
    """The citation of one statement.

    Raises:
        GroundingError: the quote does not stand in the article where the statement says.
    """
    return Citation(
        number=number,
        article_id=article.id,
        revision=article.revision,
        title=article.title,
        publisher=article.publisher,
        url=article.url,
        published_at=article.published_at,
        quote=statement.quote,
        source_span=statement.source_span,
        answer_span=answer_span,
        article_text=article.text,
        copies=statement.copies,
    )

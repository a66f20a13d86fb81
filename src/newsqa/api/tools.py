"""What a model may do here when it is given tools: ask, search, list, get; and with leave to write, add and remove."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import FailFast, Field

from newsqa.api import articles, changes, wire
from newsqa.api.access import Caller
from newsqa.api.asking import found
from newsqa.api.jobs import Job
from newsqa.api.problems import ProblemError
from newsqa.api.service import Service
from newsqa.assistant import MAX_TURNS

PREFER = "wait=50"
"""Seconds for a change to the library: most clients wait a minute for a tool."""
Reply = tuple[wire.Model, str]
"""What a tool gives: for programs, and in words for a model that reads text only."""


@dataclass(frozen=True)
class Tool:
    """A tool; its name and description are its function's."""

    run: Callable[[Service, Caller, Any], Awaitable[Reply]]
    takes: type[wire.Model]
    gives: type[wire.Model]
    scope: str = "ask"
    destroys: bool = False


# What they take: flat, for a model fills that more surely than what is nested


class Asked(wire.Filters):
    """A question with what may go with it."""

    question: Annotated[wire.Spoken, Field(max_length=100_000)] = Field(description="One question in plain words.")
    history: Annotated[tuple[wire.Turn, ...], FailFast(), Field(max_length=MAX_TURNS)] = Field(
        (), description="Earlier questions and answers, oldest first, where the question leans on them."
    )
    top_k: wire.TopK | None = Field(None, description="Passages that are found; best left out.")


class Sought(wire.Filters):
    """What to look for."""

    query: Annotated[wire.Spoken, Field(max_length=2000)] = Field(
        description="Words or a question; nothing in it is query syntax."
    )
    top_k: wire.TopK = Field(8, description="Passages wanted.")


class Listed(wire.Filters):
    """Which articles to list."""

    limit: int = Field(20, ge=1, le=100, description="Articles of one page.")
    cursor: str = Field("", max_length=3000, description="`next_cursor` of the page before; empty for the first.")


class Named(wire.Model):
    """An article's id."""

    article_id: wire.Id = Field(description="As citations and `list_articles` name it.")


class NamedRevision(Named):
    """An article's id, and maybe a revision."""

    revision: wire.ShortText = Field("", description="An earlier one, as a citation names it; the newest when empty.")


# What they do


async def ask(service: Service, caller: Caller, given: Asked) -> Reply:
    """Answers a question from the articles and nothing else.

    A marker [n] follows each statement; the sentence it rests on is quoted below, with title, publisher and date.
    Where the articles don't say, the answer tells so.
    """
    asked = wire.Question(question=given.question, history=given.history, filters=given, top_k=given.top_k)
    answer = await service.answer(asked, caller)
    quotes = [
        f"[{each.number}] “{_line(each.quote)}” — {_place(each, each.article_id)} {each.also()}".rstrip()
        for each in answer.citations
    ]
    return answer, "\n".join([answer.text, "", *quotes]).strip()


async def search(service: Service, _: Caller, given: Sought) -> Reply:
    """Finds the passages of the articles that fit words or a question best, without answering."""
    result = await found(wire.Query(query=given.query, filters=given, top_k=given.top_k), service)
    shown = [f"{_place(each, each.passage.article_id)}\n{each.passage.text}" for each in result.passages]
    return result, "\n\n".join(shown) or "Nothing was found."


async def list_articles(service: Service, _: Caller, given: Listed) -> Reply:
    """Lists articles, newest first, those without a date last: title, publisher, date and id."""
    library = service.assistant.library
    page = await asyncio.to_thread(articles.article_page, library, given.domain(), given.limit, given.cursor)
    more = [f"More with the cursor {page.next_cursor}"] if page.next_cursor else []
    return page, "\n".join([_place(each, each.id) for each in page.articles] + more) or "There are none."


async def get_article(service: Service, _: Caller, given: NamedRevision) -> Reply:
    """Gets an article with its whole text; the offsets of citations are code points of this text."""
    library = service.assistant.library
    article = await asyncio.to_thread(articles.whole_article, library, given.article_id, given.revision)
    return article, f"{_place(article, article.id)}\n\n{article.text}"


async def add_article(service: Service, caller: Caller, given: wire.NewArticle) -> Reply:
    """Adds an article from its text. One of its id that differs is refused: remove that first."""
    job = _ended(await changes.adding(given.domain(id=given.id), service, caller, PREFER))
    assert job.stored is not None  # noqa: S101  # it is done
    return job.stored, f"{job.outcomes[0][1]}: {_place(job.stored, job.stored.id)}"


async def remove_article(service: Service, caller: Caller, given: Named) -> Reply:
    """Removes an article with all its revisions. It can't be undone."""
    _ended(await changes.removing(given.article_id, service, caller, PREFER))
    return wire.Added(id=given.article_id, outcome="removed"), f"removed: {given.article_id}"


def _ended(job: Job) -> Job:
    """The job, which is done."""
    if job.state != "done":
        raise ProblemError("answer-too-slow", f"this takes longer ({job.state}); look later with list_articles")
    return job


def _place(of: wire.Citation | wire.ScoredPassage | wire.ArticleSummary, article_id: str) -> str:
    """Where something stands, on one line."""
    parts = (of.title, of.publisher, of.published_at or "no date")
    return f"{_line(', '.join(filter(None, parts)))} ({article_id})"


def _line(text: str) -> str:
    return " ".join(text.split())


TOOLS = {
    tool.run.__name__: tool
    for tool in (
        Tool(ask, Asked, wire.Answer),
        Tool(search, Sought, wire.Found),
        Tool(list_articles, Listed, wire.ArticleList),
        Tool(get_article, NamedRevision, wire.Article),
        Tool(add_article, wire.NewArticle, wire.ArticleSummary, "write"),
        Tool(remove_article, Named, wire.Added, "write", destroys=True),
    )
}
"""By name."""

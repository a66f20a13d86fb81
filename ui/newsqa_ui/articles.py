"""What the articles' panel does: list, choose, read, add and remove."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import gradio as gr
from markupsafe import escape
from pydantic import ValidationError

from newsqa.api import wire
from newsqa.api.access import Caller
from newsqa.api.articles import file_name, read_files
from newsqa.api.changes import importing, loading, other_in_place, removing, syncing
from newsqa.api.jobs import Job, progress
from newsqa.api.problems import ProblemError
from newsqa.api.service import Service
from newsqa.domain import Article, Filters, Span
from newsqa.errors import ArticleNotFoundError
from newsqa.loading import Loader
from newsqa.loading.loader import MAX_FILE_BYTES
from newsqa_ui.conversing import caller_of
from newsqa_ui.session import PAGE, Session
from newsqa_ui.showing import MOST_CHARS, article_blocks, html, parts_of

_CLASHES = "another article of this name is there; tick “Replace” to put this one in its place"
MOST_CHOSEN = 1000
"""Articles asked apart."""
_LOOK_SECONDS = 0.1
"""Between two looks at how far an adding is."""


class Articles:
    """The handlers of the panel's events, over the API's service."""

    def __init__(self, service: Service) -> None:
        """Over a running service."""
        self._service = service
        self._library = service.assistant.library

    # The list

    def listing(self, session: Session, request: gr.Request) -> str:
        """The articles that pass what is set."""
        filters = Filters((), session.publisher, session.published_from, session.published_to)
        found = self._library.articles(filters, session.listed + 1, search=session.search)
        shown, more = found[: session.listed], len(found) > session.listed
        everything, may_write = len(self._library), caller_of(request).may("write")
        return html(
            "listing",
            articles=shown,
            chosen=session.chosen,
            more=more,
            count=f"{'First ' if more else ''}{len(shown)} of {articles_in_words(everything)}",
            empty="No article passes: change the search or the filters." if everything else "There are no articles.",
            may_write=may_write,
            origins=self._library.origins.shown() if may_write else (),
        )

    def search(self, words: str, session: Session) -> None:
        """Lists what has these words above its text."""
        session.search, session.listed = words, PAGE

    def publish(self, publisher: str | None, session: Session) -> None:
        """Lists and asks this publisher's articles, or all."""
        session.publisher, session.listed = publisher or "", PAGE

    def date(self, first: str, last: str, session: Session) -> None:
        """Lists and asks what was published from the first day to the last; an empty one bounds nothing."""
        days = _day(first, "From"), _day(last, "Until")
        if days[0] and days[1] and days[0] > days[1]:
            raise gr.Error("From is later than Until: no article can pass. Change one of them.")
        if days != (session.published_from, session.published_to):
            (session.published_from, session.published_to), session.listed = days, PAGE

    def more(self, session: Session) -> None:
        """Lists more."""
        session.listed += PAGE

    def choose(self, id: str, on: str, session: Session) -> None:
        """Asks an article, or no longer."""
        session.chosen.pop(id, None)
        if on == "yes":
            if len(session.chosen) >= MOST_CHOSEN:
                raise gr.Error(f"No more than {MOST_CHOSEN} articles can be asked apart: filter by publisher or date.")
            session.chosen[id] = self._library.get(id).title

    def everything(self, session: Session) -> tuple[str, str, str]:
        """Asks all articles again; gives what the filters hold then."""
        session.chosen, session.publisher, session.published_from, session.published_to = {}, "", None, None
        return "", "", ""

    def asking(self, session: Session) -> str:
        """What is asked, in words."""
        count, chosen = len(self._library), Filters(tuple(session.chosen))
        there = {each.id: each.title for each in self._library.articles(chosen)} if chosen else {}
        session.chosen = {id: there[id] for id in session.chosen if id in there}  # others were removed since
        return html("asking", narrowed=session.narrowed(), count=articles_in_words(count) if count else "")

    # Reading

    def read(self, id: str, _session: Session) -> str:
        """An article from its beginning."""
        return self.part(id, "0", _session)

    def part(self, id: str, start: str, _session: Session) -> str:
        """A long article from this offset on."""
        try:
            article = self._library.get(id)
        except ArticleNotFoundError:
            return _nothing("This article is not in the library any longer.")
        return self._view(article, None, start=int(start))

    def cite(self, answer_id: str, number: str, session: Session) -> str:
        """The article of a citation, its sentence lit."""
        turn = session.find(answer_id)
        cited = next((each for each in turn.citations if str(each.number) == number), None) if turn else None
        if turn is None or cited is None:
            return _nothing("This page is older than the server: load it anew, and the citation opens.")
        try:
            article = self._library.get(cited.article_id, cited.revision)
        except ArticleNotFoundError:
            return _nothing(f"“{cited.title}” was removed from the library since. It said: “{cited.quote}”")
        span = cited.source_span
        note = (
            "The article was changed since; this is what was cited." if other_in_place(self._library, article) else ""
        )
        strong = parts_of(cited.quote, turn.answer.short if turn.answer else None, span.start)
        return self._view(article, Span(span.start, span.end), strong, note, cited.quote)

    def near(self, answer_id: str, index: str, session: Session) -> str:
        """The article of a passage that was near, the passage lit."""
        turn = session.find(answer_id)
        if turn is None or turn.answer is None or int(index) >= len(turn.answer.passages):
            return _nothing("This page is older than the server: load it anew, and the passage opens.")
        passage = turn.answer.passages[int(index)].passage
        try:
            article = self._library.get(passage.article_id)
        except ArticleNotFoundError:
            return _nothing(f"The article was removed from the library since. It said: “{passage.text}”")
        if article.text[passage.start : passage.end] != passage.text:
            return self._view(article, None, note=f"The article was changed since. It said: “{passage.text}”")
        return self._view(article, Span(passage.start, passage.end))

    def _view(
        self,
        article: Article,
        lit: Span | None,
        strong: Sequence[Span] = (),
        note: str = "",
        quote: str = "",
        start: int = 0,
    ) -> str:
        blocks, part = article_blocks(article, lit, strong, start)
        return html(
            "article",
            article=article,
            blocks=blocks,
            note=note,
            quote=quote,
            shown=uuid4().hex,
            earlier=max(0, part.start - MOST_CHARS) if article.text[: part.start].strip() else None,
            later=part.end if article.text[part.end :].strip() else None,
        )

    # Adding and removing

    async def add_files(
        self, files: list[str] | None, replace: bool, request: gr.Request
    ) -> AsyncIterator[tuple[str, Any]]:
        """Adds the articles of files that were uploaded, and empties the place for them."""
        caller = _writer(request)
        articles, failed = await asyncio.to_thread(_uploaded, self._service.loader, files or [])
        async for told in self._add(articles, failed, caller, replace=replace):
            yield told, gr.update(value=None)

    async def add_text(
        self, title: str, text: str, publisher: str, published: str, url: str, replace: bool, request: gr.Request
    ) -> AsyncIterator[str]:
        """Adds an article from text that was pasted."""
        caller = _writer(request)
        try:
            given = wire.NewArticle(
                title=title, text=text, publisher=publisher, published_at=published or None, url=url
            )
        except ValidationError as error:
            yield _told([], [(str(fault["loc"][0]), _reason(fault)) for fault in error.errors()])
            return
        async for told in self._add([given.domain()], [], caller, replace=replace):
            yield told

    async def _add(
        self, articles: Sequence[Article], failed: Sequence[tuple[str, str]], caller: Caller, *, replace: bool
    ) -> AsyncIterator[str]:
        if not replace:
            clashing = await asyncio.to_thread(
                lambda: [each for each in articles if other_in_place(self._library, each)]
            )
            articles = [each for each in articles if each not in clashing]
            failed = [*failed, *((each.title, _CLASHES) for each in clashing)]
        change = importing(articles, self._service, caller, "respond-async", failed, replace=replace)
        async for told in self._changed(change, failed):
            yield told

    async def load(self, url: str, request: gr.Request) -> AsyncIterator[str]:
        """Adds what is at an address: a page, or all that a feed lists."""
        caller = _writer(request)
        try:
            given = wire.ArticleAddress(url=url.strip())
        except ValidationError:
            yield _told([], [(url.strip() or "The address", "is no address of a page; write it as https://…")])
            return
        async for told in self._changed(loading(given.url, self._service, caller, "respond-async")):
            yield told

    async def sync(self, request: gr.Request) -> AsyncIterator[str]:
        """Looks at all origins again."""
        async for told in self._changed(syncing(self._service, _writer(request), "respond-async", prune=False)):
            yield told

    async def _changed(
        self, change: Coroutine[Any, Any, Job], failed: Sequence[tuple[str, str]] = ()
    ) -> AsyncIterator[str]:
        """How far a change is, and at its end what became of it."""
        try:
            job = await change
        except ProblemError as problem:
            yield _told([], [*failed, ("Nothing was added", problem.detail)])
            return
        while job.finished_at is None:
            now = progress(job)
            yield html("progress", done=now.articles_done, total=now.articles_total, passages=now.passages_done)
            await asyncio.sleep(_LOOK_SECONDS)
        ended = (
            [("Not all was added", job.problem.detail)]
            if job.problem and job.problem.kind.name != "not-loadable"
            else []
        )
        yield _told([outcome for _, outcome in job.outcomes], [*job.refusals, *ended], job)

    async def remove(self, id: str, session: Session, request: gr.Request) -> None:
        """Removes an article."""
        await removing(id, self._service, _writer(request), "wait=30")
        session.chosen.pop(id, None)


def articles_in_words(count: int) -> str:
    """A number of articles."""
    return "1 article" if count == 1 else f"{count:,} articles"


def _writer(request: gr.Request) -> Caller:
    caller = caller_of(request)
    if not caller.may("write"):
        raise gr.Error("Changing the articles needs a key of scope write.")
    return caller


def _told(outcomes: Sequence[str], failed: Sequence[tuple[str, str]], job: Job | None = None) -> str:
    """What became of an adding."""
    counts = [(kind, outcomes.count(kind)) for kind in ("added", "replaced", "unchanged")]
    more = (
        [("near-identical to others", len(job.duplicates)), ("gone", len(job.gone)), ("left for later", job.left)]
        if job
        else []
    )
    return html("added", counts=[(kind, count) for kind, count in [*counts, *more] if count], failed=failed)


def _uploaded(loader: Loader, files: Sequence[str]) -> tuple[list[Article], list[tuple[str, str]]]:
    """The articles of uploaded files, which are deleted, and the names of those that are none with the reason."""
    contents, gone = [], []
    for file in map(Path, files):
        name = file_name(file.name)
        try:
            with file.open("rb") as opened:
                contents.append((name, opened.read(MAX_FILE_BYTES + 1)))
        except FileNotFoundError:  # the same one was dropped twice at a time
            gone.append((name, "was read already; look whether it is there, else drop it again"))
        file.unlink(missing_ok=True)
    articles, failed = read_files(loader, contents)
    return articles, [*gone, *failed]


def _nothing(note: str) -> str:
    return html("article", article=None, note=note, shown=uuid4().hex)


def _reason(fault: Any) -> str:
    return str(fault["msg"]).removeprefix("Value error, ")


def _day(text: str, field: str) -> date | None:
    try:
        return date.fromisoformat(text.strip()[:10]) if text and text.strip() else None
    except ValueError as error:
        raise gr.Error(escape(f"{field}: “{text}” is no date; write it as 2025-05-12.")) from error

"""Ties the events of the page's components to what they do."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from typing import Any

import gradio as gr
from fastapi import FastAPI
from markupsafe import escape

from newsqa.api.problems import as_problem
from newsqa.api.service import Service
from newsqa.settings import ServerSettings
from newsqa_ui.articles import Articles
from newsqa_ui.conversing import Conversing, caller_of
from newsqa_ui.layout import Layout, own_file, theme
from newsqa_ui.session import Session
from newsqa_ui.showing import html
from newsqa_ui.streams import Streams
from newsqa_ui.suggestions import Suggestions

QUEUED = 100
"""Events that wait at the most, of all open pages together."""
ASKED = 20
"""Questions of all open pages that are answered or wait in the API's line; others wait in the queue. Gradio carries
out 40 events at a time: the rest is left for reading and stopping."""
_OPTIONS: dict[str, Any] = {
    "api_visibility": "private",
    "show_progress": "hidden",
    "concurrency_limit": None,
    "concurrency_id": "page",  # one line for all: those of different handlers Gradio takes in an order of chance
    "trigger_mode": "multiple",  # by default what is asked for while the like of it is under way would be lost
}
_ASKED: dict[str, Any] = {"concurrency_limit": ASKED, "concurrency_id": "asked"}
Step = tuple[Callable[..., Any], list[Any], list[Any]]
"""A handler, the components it is given, and those it fills."""


def made(service: Service, settings: ServerSettings) -> tuple[FastAPI, Streams]:
    """The page as an app of its own, and its streams."""
    leaving = bool(settings.api_keys)
    with gr.Blocks(title="newsqa", analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600)) as page:
        _Ties(service, Layout(leaving=leaving), page, leaving=leaving)
    page.has_launched = True  # from then on Gradio checks which files are named; for a mounted page it never says so
    page.queue(max_size=QUEUED, default_concurrency_limit=None)
    app: FastAPI = gr.mount_gradio_app(
        FastAPI(openapi_url=None),
        page,
        "/",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=settings.max_upload_bytes,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        theme=theme(),
        head=f"<style>{own_file('page.css')}</style>",  # what is given as `css` reaches Gradio's own parts only
        js=own_file("page.js"),
    )
    return app, Streams(page._queue.pending_event_ids_session.get)  # noqa: SLF001 - Gradio says it nowhere else


class _Ties:
    """The events of one layout."""

    def __init__(self, service: Service, layout: Layout, page: gr.Blocks, *, leaving: bool) -> None:
        self._layout, self._leaving = layout, leaving
        self._library, self._suggestions = service.assistant.library, Suggestions(service)
        self._talk, self._panel = Conversing(service, self._suggestions), Articles(service)
        session = [layout.session]
        self._talking = [layout.chat, layout.box]
        self._tidied: Step = (
            self._tidy,
            session,
            [layout.place, layout.kept, layout.bar, layout.listing, layout.asking],
        )
        self._relisted: Step = (self._relist, session, [layout.listing, layout.asking])
        self._greeted: Step = (self._greet, session, [layout.chat])
        self._published: Step = (self._publishers, [], [layout.publisher])
        self._tie_talk(page)
        self._tie_links()
        self._tie_panel()

    def _tie_talk(self, page: gr.Blocks) -> None:
        layout, talk, talking = self._layout, self._talk, self._talking
        session, known = [layout.session], [layout.place, layout.session]
        beginning: Step = (self._begin, session, [*talking, layout.adding])
        _on(page.load, beginning, self._tidied)
        for step in (self._greeted, self._published):
            _on(page.load, step)
        suggested: Step = (talk.suggest, session, [layout.chat])
        answering = [
            _on(event, (ask, given, talking), self._tidied, suggested, **_ASKED)
            for event, ask, given in (
                (layout.box.submit, talk.typed, [layout.box, *known]),
                (layout.chat.retry, talk.retry, known),
                (layout.chat.edit, talk.edit, known),
                (layout.chat.example_select, talk.suggested, known),
                (layout.chat.option_select, talk.suggested, known),
            )
        ]
        layout.box.stop(talk.stop, session, talking, cancels=answering, **_OPTIONS)
        _on(layout.chat.undo, (talk.undo, known, talking), self._tidied)
        _on(layout.chat.like, (talk.judge, known, []))
        layout.place.change(None, [layout.place], js="(id) => { window.newsqaPlace(id); }")

    def _tie_links(self) -> None:
        panel, talk, session = self._panel, self._talk, [self._layout.session]
        self._link("cite", panel.cite, [self._layout.article])
        self._link("near", panel.near, [self._layout.article])
        self._link("read", panel.read, [self._layout.article])
        self._link("part", panel.part, [self._layout.article])
        self._link("search", panel.search, [], self._relisted)
        self._link("choose", panel.choose, [], (panel.asking, session, [self._layout.asking]))
        self._link("more", panel.more, [], self._relisted)
        filters = [self._layout.publisher, self._layout.first, self._layout.last]
        self._link("everything", panel.everything, filters, self._relisted)
        self._link("remove", panel.remove, [], self._relisted, self._published, self._greeted)
        self._link("new", talk.new, self._talking, self._tidied, self._greeted)
        self._link("converse", talk.open, self._talking, self._tidied)
        self._link("forget", talk.forget, self._talking, self._tidied)

    def _tie_panel(self) -> None:
        layout, panel = self._layout, self._panel
        session, dates = [layout.session], [layout.first, layout.last]
        dating: Step = (panel.date, [*dates, *session], [])
        _on(layout.publisher.input, (panel.publish, [layout.publisher, *session], []), self._relisted)
        for event in (each for day in dates for each in (day.submit, day.blur)):
            _on(event, dating, self._relisted)
        pasted = [layout.title, layout.text, layout.outlet, layout.published, layout.url, layout.replace]
        uploaded = [layout.uploads, layout.replace]
        then = (self._relisted, self._published, self._greeted)
        _on(layout.uploads.upload, (panel.add_files, uploaded, [layout.added, layout.uploads]), *then)
        _on(layout.address.submit, (panel.load, [layout.address], [layout.added]), *then)
        _on(layout.again.click, (panel.sync, [], [layout.added]), *then)
        _on(layout.paste.click, (panel.add_text, pasted, [layout.added]), *then)

    def _link(self, name: str, run: Callable[..., Any], shown: list[Any], *then: Step) -> None:
        """Ties what a link asks for to its handler, which takes the link's values, the session, maybe the request."""
        asks = "request" in inspect.signature(run).parameters

        async def act(place: str, session: Session, request: gr.Request, event: gr.EventData) -> Any:
            await asyncio.to_thread(self._talk.resume, place, session, request)
            values = [*map(str, event.values), session, *([request] if asks else [])]
            return await _done(run, *values)

        _on(getattr(self._layout.bridge, name), (act, [self._layout.place, self._layout.session], shown), *then)

    # What several events end with

    def _begin(self, session: Session, request: gr.Request) -> Any:
        id = request.query_params.get("conversation", "")
        shown = self._talk.open(id, session, request) if id else (gr.skip(), gr.skip())  # who is quick has asked
        return *shown, gr.update(visible=caller_of(request).may("write"))

    def _publishers(self) -> Any:
        return gr.update(choices=[("All publishers", ""), *((name, name) for name in self._library.publishers())])

    def _relist(self, session: Session, request: gr.Request) -> tuple[str, str]:
        return self._panel.listing(session, request), self._panel.asking(session)

    def _tidy(self, session: Session, request: gr.Request) -> tuple[str, ...]:
        kept = html("conversations", conversations=self._talk.kept(request), current=session.conversation)
        exported = session.conversation if any(turn.answer for turn in session.turns) else ""
        bar = html("bar", conversation=exported, leaving=self._leaving)
        return session.conversation, kept, bar, *self._relist(session, request)

    async def _greet(self, session: Session) -> AsyncIterator[Any]:
        yield gr.update(placeholder=html("welcome", empty=not len(self._library)), examples=[])
        questions = await self._suggestions.first(session.filters().domain())
        yield gr.update(examples=[{"text": question} for question in questions])


def _on(event: Callable[..., Any], first: Step, *then: Step, **options: Any) -> Any:
    """Ties handlers to an event, one after the other; gives the first, so that it can be cancelled."""
    tied = last = event(*_told(first), **_OPTIONS | options)
    for step in then:
        last = last.then(*_told(step), **_OPTIONS)
    return tied


def _told(step: Step) -> Step:
    """The step with a handler that tells the reader of every error in words."""
    run, given, shown = step

    @wraps(run)
    async def streaming(*values: Any) -> AsyncIterator[Any]:
        with _in_words():
            async for each in run(*values):
                yield each

    @wraps(run)
    async def once(*values: Any) -> Any:
        with _in_words():
            return await _done(run, *values)

    return (streaming if inspect.isasyncgenfunction(run) else once), given, shown


async def _done(run: Callable[..., Any], *values: Any) -> Any:
    """What a handler gives.

    One that is no coroutine runs in a thread, so that it holds up nobody; those of one page in the order in which
    they were asked for, so that an older list never comes after a newer one.
    """
    if inspect.iscoroutinefunction(run):
        return await run(*values)
    session = next((value for value in values if isinstance(value, Session)), None)
    async with session.order if session else nullcontext():
        return await asyncio.to_thread(run, *values)


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except gr.Error:
        raise
    except Exception as error:
        raise gr.Error(escape(as_problem(error).detail)) from error

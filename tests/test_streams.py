"""A page's stream lingers for what is asked next; what a page asks for is carried out in its order."""

import asyncio
import time
from typing import Any

import pytest

from newsqa_ui import page, streams
from newsqa_ui.session import Session
from newsqa_ui.streams import Streams

CLOSING = b'data: {"msg":"close_stream","event_id":null}\n\n'
START = {"type": "http.response.start", "status": 200, "headers": []}


def _body(text: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": text, "more_body": more}


class Gradio:
    """Sends what an event brought, and ends the stream."""

    def __init__(self) -> None:
        self.under_way, self.served = {"one"}, 0

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        """As an ASGI app."""
        self.served += 1
        self.under_way.clear()
        for message in (START, _body(b"data: %d" % self.served), _body(CLOSING), _body(b"", more=False)):
            await send(message)


async def _carried(gradio: Gradio, kept: Streams, leaving: asyncio.Event | None = None) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await (leaving or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    await kept.carry("page", gradio, {}, receive, send)
    return sent


def test_what_is_asked_while_the_stream_lingers_is_sent_on_it() -> None:
    async def run() -> None:
        gradio = Gradio()
        kept = Streams(lambda _session: gradio.under_way)
        carried = asyncio.create_task(_carried(gradio, kept))
        while not carried.done():
            await asyncio.sleep(0.01)
            if gradio.served == 1:
                gradio.under_way.add("two")
                kept.ask("page")
            elif gradio.served == 2:
                kept.end()
        sent = await carried
        assert sent == [START, _body(b"data: 1"), _body(b"data: 2"), _body(CLOSING), _body(b"", more=False)]

    asyncio.run(run())


def test_a_stream_ends_when_nothing_more_is_asked_or_the_page_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(leaving: asyncio.Event) -> None:
        gradio = Gradio()
        sent = await _carried(gradio, Streams(lambda _session: gradio.under_way), leaving)
        assert sent == [START, _body(b"data: 1"), _body(CLOSING), _body(b"", more=False)]

    left = asyncio.Event()
    left.set()
    asyncio.run(run(left))
    monkeypatch.setattr(streams, "LINGERING", 0.01)
    asyncio.run(run(asyncio.Event()))


def test_what_one_page_asks_for_is_carried_out_in_its_order() -> None:
    session, told = Session(), []

    def handler(name: str, seconds: float, _session: Session) -> None:
        time.sleep(seconds)
        told.append(name)

    async def run() -> None:
        await asyncio.gather(*(page._done(handler, name, 0.02 / (n + 1), session) for n, name in enumerate("abc")))

    asyncio.run(run())
    assert told == ["a", "b", "c"]

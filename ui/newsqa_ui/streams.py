"""The stream on which an open page hears what its events bring.

Gradio ends a page's stream as soon as nothing is under way. An event that the page sends at that moment is carried out,
but the page waits for it on a stream that it still takes for open, and hears of it only with the next event. So a
stream lingers, for what the reader does next.
"""

import asyncio
from collections.abc import Callable
from weakref import WeakValueDictionary

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGERING = 3.0
"""Seconds. A browser holds six connections to a server for all its tabs together, so it can't be for good."""
_CLOSING = b'data: {"msg":"close_stream"'


class Streams:
    """The open streams, by the session of their page."""

    def __init__(self, under_way: Callable[[str], object]) -> None:
        """None yet; `under_way` tells whether a session's page waits for an event."""
        self._under_way = under_way
        self._asked: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()
        self._ended = False

    def ask(self, session: str) -> None:
        """Says that this session's page began to wait for an event."""
        if asked := self._asked.get(session):
            asked.set()

    def end(self) -> None:
        """Lets no stream linger any longer."""
        self._ended = True
        for asked in self._asked.values():
            asked.set()

    async def carry(self, session: str, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request for a stream with what `app` sends, again and again as long as the page asks for more."""
        asked = self._asked[session] = asyncio.Event()
        held: list[Message] = []
        begun = False

        async def hold(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                if not begun:
                    begun = True
                    await send(message)
            elif held or message["body"].startswith(_CLOSING):
                held.append(message)
            else:
                await send(message)

        while True:
            await app(scope, receive, hold)
            asked.clear()
            if not held or not await self._more(session, asked, receive):
                break
            held.clear()
        for message in held:
            await send(message)

    async def _more(self, session: str, asked: asyncio.Event, receive: Receive) -> bool:
        if not (self._under_way(session) or self._ended):
            leaving = receive()  # all that the page may still send on this request is that it is gone
            waiting = [asyncio.ensure_future(each) for each in (asked.wait(), leaving)]
            await asyncio.wait(waiting, timeout=LINGERING, return_when=asyncio.FIRST_COMPLETED)
            for each in waiting:
                each.cancel()
        return bool(self._under_way(session)) and not self._ended

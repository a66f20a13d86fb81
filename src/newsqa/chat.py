"""Asks a chat model within limits: of time, of tries, and of patience with one that is down."""

import asyncio
import queue
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from newsqa.errors import AbandonedError, ChatModelError

if TYPE_CHECKING:  # it takes half a second to import
    from langchain_core.language_models import BaseChatModel

TRIES = 3
"""Of a call that fails before its first word, in a way that may pass."""
FIRST_WAIT = 0.5
"""Seconds before the second try; twice as long before each further one, and up to half as long again by chance."""
FAILURES = 3
"""Calls in a row that fail before the model is left alone for a while."""
REST = 30.0
"""Seconds for which it is left alone."""
_LOOK_SECONDS = 0.1
"""Between two looks at whether anybody still waits."""
LONGEST_WAIT = 10.0
"""Seconds that a provider may ask us to wait; where it asks for more, we try at our own pace."""
_DOCTOR = "check it with `newsqa doctor --chat-model`"
_REFUSED = {
    400: ("does not take the request", "some models refuse NEWSQA_CHAT_TEMPERATURE: set it to none"),
    401: ("refused the key", _DOCTOR),
    402: ("has used up its quota", "see the provider's billing page"),
    403: ("refused the key", _DOCTOR),
    404: ("is not known there", "check NEWSQA_CHAT_MODEL and NEWSQA_CHAT_BASE_URL"),
}
"""What is wrong where the next call would fail, too, and what to do."""
_PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
_PASSING_NAMES = re.compile(r"Timeout|Connection|Connect|Protocol|ReadError|WriteError|Overloaded|Unavailable")
_USED_UP = re.compile(r"insufficient_quota|billing|credit balance|quota exceeded", re.IGNORECASE)
_ENDS = ("finish_reason", "stop_reason", "done_reason")
_CUT_OFF = ("length", "max_tokens")
"""What providers call it, and what it is, when there were no more tokens."""
_THINKING = re.compile(r"<(?i:think(?:ing)?|thought|reasoning)>")
_THOUGHT = re.compile(rf"{_THINKING.pattern}.*?</(?i:think(?:ing)?|thought|reasoning)>", re.DOTALL)
_MAY_THINK = re.compile(
    rf"(?:<(?i:[a-z]{{0,9}}))?|{_THINKING.pattern}(?:(?!</(?i:think(?:ing)?|thought|reasoning)>).)*", re.DOTALL
)
"""What may yet become thoughts, or is some that have not ended."""
Message = tuple[str, str]
"""Who speaks, `system` or `human`, and what."""


@dataclass(frozen=True)
class Limits:
    """What one call may take."""

    seconds: float = 30.0
    """From the first try to the last word."""
    price_in: float = 0.0
    """Dollars for a million tokens that are sent; 0: not known."""
    price_out: float = 0.0
    """Dollars for a million tokens that come back; 0: not known."""


class Breaker:
    """Keeps a dead model from slowing every question: after failures in a row nothing is asked for a while.

    After the rest one call is tried; whether it fails decides for the others.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Closed: questions go through."""
        self._clock, self._lock = clock, threading.Lock()
        self._failures, self._until = 0, 0.0

    def check(self) -> None:
        """Lets a call through.

        Raises:
            ChatModelError: the model is left alone just now.
        """
        with self._lock:
            if self._failures < FAILURES:
                return
            left = self._until - self._clock()
            if left > 0:
                raise ChatModelError(f"the chat model failed just now; it is asked again in {max(1, round(left))} s")
            self._until = self._clock() + REST  # this call is the trial; others wait for how it ends

    def succeeded(self) -> None:
        """Notes that a call went well."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """Notes that one did not."""
        with self._lock:
            self._failures += 1
            self._until = self._clock() + REST

    def refused(self) -> None:
        """Notes that one did not, and that the next one would not, either."""
        with self._lock:
            self._failures = FAILURES
            self._until = self._clock() + REST

    def undecided(self) -> None:
        """Notes that one ended before it could tell: where it was a trial, the next one is."""
        with self._lock:
            self._until = self._clock()


@dataclass
class Writing:
    """What a chat model writes, piece by piece; an iterator that can be closed before its end."""

    pieces: Iterator[str] = field(default_factory=lambda: iter(()))
    usage: dict[str, float] = field(default_factory=dict)
    """`input_tokens`, `output_tokens` and `cost` in dollars, as far as they are known by now."""
    cut_off: bool = False
    """Whether it had to end before it was done: it had no more tokens."""

    def __iter__(self) -> Iterator[str]:
        return self.pieces

    def close(self) -> None:
        """Stops the model where it still writes."""
        closing(self.pieces).__exit__(None, None, None)  # type: ignore[type-var]  # a generator


class Chat:
    """A chat model with its limits; any number of threads may ask it at one time."""

    def __init__(self, model: "BaseChatModel", name: str, limits: Limits = Limits()) -> None:
        """Asks nothing yet.

        Args:
            model: any of LangChain's; nothing is asked of it but text.
            name: what messages call it, such as `openai:gpt-5-mini`.
            limits: what a call may take.
        """
        self._model, self.name, self._limits = model, name, limits
        self._breaker = Breaker()
        self._under_way: set[Future[None]] = set()

    def write(
        self, messages: Sequence[Message], abandoned: Callable[[], bool] | None = None, seconds: float | None = None
    ) -> Writing:
        """What the model writes to these messages, as it comes. Nothing is asked before the first piece is wanted.

        Args:
            messages: what it is told.
            abandoned: asked all the time: whether nobody waits any longer.
            seconds: less time than the limits allow, where given.

        The pieces raise:
            ChatModelError: it is down, refuses, takes too long or failed too often lately.
            AbandonedError: `abandoned` said so; the model is stopped.
        """
        writing = Writing()
        limit = min(self._limits.seconds, seconds or self._limits.seconds)
        writing.pieces = _spoken(self._pieces(messages, abandoned or (lambda: False), writing, limit))
        return writing

    def close(self) -> None:
        """Ends what is under way."""
        for asking in list(self._under_way):
            asking.cancel()

    def _pieces(
        self, messages: Sequence[Message], abandoned: Callable[[], bool], writing: Writing, seconds: float
    ) -> Iterator[str]:
        self._breaker.check()
        came = queue.SimpleQueue[str | BaseException | None]()
        asking = asyncio.run_coroutine_threadsafe(self._ask(messages, came.put, writing), _loop())
        self._under_way.add(asking)
        deadline, end = time.monotonic() + seconds, self._breaker.undecided
        try:
            while (item := self._next(came, deadline, abandoned)) is not None:
                end = self._breaker.succeeded  # also where nobody wants the rest
                yield item
            end = self._breaker.succeeded
        except _LateError:
            if seconds == self._limits.seconds:  # less time says little of the model
                end = self._breaker.failed
            raise ChatModelError(f"{self.name} took longer than {seconds:g} s") from None
        except ChatModelError as error:
            end = self._breaker.refused if isinstance(error, _RefusedError) else self._breaker.failed
            raise
        finally:
            asking.cancel()
            self._under_way.discard(asking)
            end()

    def _next(
        self, came: "queue.SimpleQueue[str | BaseException | None]", deadline: float, abandoned: Callable[[], bool]
    ) -> str | None:
        while True:
            if abandoned():
                raise AbandonedError("nobody waits for this answer any longer")
            left = deadline - time.monotonic()
            if left <= 0:
                raise _LateError
            try:
                item = came.get(timeout=min(left, _LOOK_SECONDS))
            except queue.Empty:
                continue
            if isinstance(item, BaseException):
                raise _told(item, self.name) from None  # what the provider wrote may hold the key
            return item

    async def _ask(
        self, messages: Sequence[Message], tell: Callable[[str | BaseException | None], None], writing: Writing
    ) -> None:
        for attempt in range(1, TRIES + 1):
            said = False
            try:
                async for chunk in self._model.astream(list(messages)):
                    self._note(chunk, writing)
                    if text := chunk.text:
                        said = True
                        tell(str(text))
                break
            except Exception as error:  # noqa: BLE001  # every provider has errors of its own
                if said or attempt == TRIES or not _may_pass(error):
                    tell(error)
                    return
                await asyncio.sleep(_wait(attempt, error))
            except asyncio.CancelledError:
                tell(ConnectionAbortedError())
                raise
        tell(None)

    def _note(self, chunk: Any, writing: Writing) -> None:
        """Notes what a chunk tells beside its text."""
        ended = getattr(chunk, "response_metadata", None) or {}
        writing.cut_off |= any(ended.get(name) in _CUT_OFF for name in _ENDS)
        told: Mapping[str, Any] = getattr(chunk, "usage_metadata", None) or {}
        usage = writing.usage
        for name in ("input_tokens", "output_tokens"):
            if isinstance(count := told.get(name), int):
                usage[name] = usage.get(name, 0) + count
        prices = (("input_tokens", self._limits.price_in), ("output_tokens", self._limits.price_out))
        if any(price for _, price in prices) and usage:
            usage["cost"] = sum(usage.get(name, 0) * price for name, price in prices) / 1e6

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _RefusedError(ChatModelError):
    """The next call would fail, too."""


class _LateError(ChatModelError):
    """It takes too long."""


def _spoken(pieces: Iterator[str]) -> Iterator[str]:
    """The pieces without the thoughts that some models write before they answer: `<think>…</think>`."""
    held: str | None = ""
    with closing(pieces):  # type: ignore[type-var]  # a generator
        for piece in pieces:
            if held is None:
                yield piece
                continue
            held = f"{held}{piece}".lstrip()
            if _MAY_THINK.fullmatch(held):
                continue
            thought = _THOUGHT.match(held)
            yield held[thought.end() if thought else 0 :]
            held = None
    if held and not _THINKING.match(held):
        yield held


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One event loop for all: providers' packages share connections, which are bound to theirs."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="newsqa-chat", daemon=True).start()
    return loop


def _status(error: BaseException) -> int | None:
    """The HTTP status that an error of a provider stands for."""
    for found in (getattr(error, "status_code", None), getattr(getattr(error, "response", None), "status_code", None)):
        if isinstance(found, int):
            return found
    return None


def _may_pass(error: BaseException) -> bool:
    """Whether the same call may go well a little later."""
    status = _status(error)
    if status is not None:
        return status in _PASSING and not (status == 429 and _USED_UP.search(str(error)))
    return isinstance(error, OSError | TimeoutError) or bool(_PASSING_NAMES.search(type(error).__name__))


def _wait(attempt: int, error: BaseException) -> float:
    """Seconds before the next try: what the provider asks for, where that is little; else longer each time."""
    headers: Mapping[str, str] = getattr(getattr(error, "response", None), "headers", None) or {}
    with suppress(ValueError):
        if 0 <= (asked := float(headers.get("retry-after", ""))) <= LONGEST_WAIT:
            return asked
    return FIRST_WAIT * float(2 ** (attempt - 1)) * random.uniform(1, 1.5)  # noqa: S311  # no secret hangs on it


def _told(error: BaseException, name: str) -> ChatModelError:
    """What went wrong in our own words."""
    status = _status(error)
    if status == 429 and _USED_UP.search(str(error)):
        status = 402
    if status in _REFUSED:
        what, remedy = _REFUSED[status]
        kind = ChatModelError if status == 400 else _RefusedError  # another question may be taken
        return kind(f"{name} {what} (HTTP {status}); {remedy}")
    if status is not None:
        busy = "has too many requests at the moment" if status == 429 else "failed"
        return ChatModelError(f"{name} {busy} (HTTP {status})")
    if _may_pass(error):
        where = "check that it runs, and NEWSQA_CHAT_BASE_URL where it is set"
        return ChatModelError(f"{name} can't be reached, or broke off ({type(error).__name__}); {where}")
    return ChatModelError(f"{name} failed ({type(error).__name__})")

"""The whole chain: a question is understood, searched for, answered and grounded."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from itertools import islice
from time import perf_counter
from typing import Any, Literal, Self, TypedDict, Unpack

from langchain_core.runnables import Runnable, RunnableLambda, RunnableSequence

from newsqa.answering.extractive import ExtractiveAnswerer, Reply
from newsqa.answering.generative import GenerativeAnswerer
from newsqa.answering.overview import Overview
from newsqa.dialogue import Intent, Understood, intent_of
from newsqa.domain import Answer, Event, Filters, ScoredPassage, Turn
from newsqa.errors import AbandonedError, QuestionError
from newsqa.library import Library
from newsqa.retrieval import HybridRetriever
from newsqa.speaking import Speaker, State

MAX_TURNS = 50
"""Turns of a conversation that are taken in; earlier ones are left out."""
_SEARCHED = (Intent.QUESTION, Intent.SUMMARY)


class Options(TypedDict, total=False):
    """What may go with a question."""

    history: Sequence[Turn]
    """The conversation so far, oldest turn first."""
    filters: Filters | None
    """Which articles may be searched."""
    top_k: int | None
    """How many passages are found, 1 and up."""
    abandoned: Callable[[], bool]
    """Asked before each step, and while a chat model writes: whether nobody waits for the answer any longer."""
    answerer: Literal["extractive", "generative"] | None
    """Who answers; the chat model where there is one, unless given."""


class Assistant:
    """Answers questions about a library; a context manager.

    `chain` is the LangChain Runnable behind every method. It takes a dict with `question` and what `Options`
    names; its steps add `understood`, `passages`, `reply` and `answer`.
    """

    def __init__(
        self,
        library: Library,
        retriever: HybridRetriever,
        answerer: ExtractiveAnswerer,
        *,
        generative: GenerativeAnswerer | None = None,
        mark_unverified: bool = False,
        max_question_chars: int = 2000,
    ) -> None:
        """Puts the parts together; `newsqa.open_assistant` makes them.

        Args:
            library: what is asked.
            retriever: finds passages in it.
            answerer: answers from the articles' own sentences.
            generative: answers in the words of a chat model, where there is one.
            mark_unverified: mark what a chat model says and no passage bears out, in the place of withdrawing it.
            max_question_chars: the longest question.
        """
        self.library, self.retriever, self.answerer = library, retriever, answerer
        self.generative = generative
        self._overview = Overview(library, retriever.embedding)
        self._speaker = Speaker(library, answerer.reader, self._again, mark=mark_unverified)
        self._max_question_chars = max_question_chars
        self._steps: Sequence[Runnable[State, State]] = (
            RunnableLambda(self._check),
            _step("understand", "understood", self._understand),
            _step("retrieve", "passages", self._retrieve),
            _step("read", "reply", self._reply),
            RunnableLambda(self._answer, name="answer"),
        )
        self.chain: Runnable[State, State] = RunnableSequence(*self._steps)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the library, and stops the chat model."""
        self.library.close()
        if self.generative:
            self.generative.chat.close()

    def warm_up(self) -> None:
        """Loads the models and what is searched, which the first question would do otherwise.

        Raises:
            ModelError: a model can't be loaded.
            LibraryError: the models are loaded, but what is searched can't be read.
        """
        self.answerer.warm_up()
        self.retriever.find("Is everything loaded?")

    def ask(self, question: str, **options: Unpack[Options]) -> Answer:
        """The answer to `question`; abstaining is an answer too.

        Raises:
            QuestionError: the question or an option can't be used; the message names it.
            AbandonedError: `abandoned` said so.
        """
        answer: Answer = self.chain.invoke({"question": question, **options})["answer"]
        return answer

    def batch(self, questions: Sequence[str], **options: Unpack[Options]) -> list[Answer]:
        """The answers to independent questions, in their order. Raises as `ask` does."""
        states = self.chain.batch([{"question": question, **options} for question in questions])
        return [state["answer"] for state in states]

    def stream(self, question: str, **options: Unpack[Options]) -> Iterator[Event]:
        """The answer as it comes; the last event holds it whole. Raises as `ask` does."""
        state: State = {"question": question, **options}
        for step in self._steps[:-1]:  # the chain's own stream starts threads for every step, and tells no step's end
            before, state = state, step.invoke(state)
            yield from _events(before, state)
        yield from self._answering(state)

    async def aask(self, question: str, **options: Unpack[Options]) -> Answer:
        """As `ask`, for an event loop."""
        answer: Answer = (await self.chain.ainvoke({"question": question, **options}))["answer"]
        return answer

    async def abatch(self, questions: Sequence[str], **options: Unpack[Options]) -> list[Answer]:
        """As `batch`, for an event loop."""
        states = await self.chain.abatch([{"question": question, **options} for question in questions])
        return [state["answer"] for state in states]

    async def astream(self, question: str, **options: Unpack[Options]) -> AsyncIterator[Event]:
        """As `stream`, for an event loop."""
        given, left = options.get("abandoned"), threading.Event()
        options["abandoned"] = lambda: left.is_set() or bool(given and given())
        state: State = {"question": question, **options}
        for step in self._steps[:-1]:
            before, state = state, await step.ainvoke(state)
            for event in _events(before, state):
                yield event
        answering = self._answering(state)
        try:
            while True:
                following = asyncio.ensure_future(asyncio.to_thread(lambda: list(islice(answering, 1))))
                if not (found := await asyncio.shield(following)):
                    return
                yield found[0]
        finally:
            left.set()  # a thread that waits for the chat model stops at once, and only then the events can be ended
            await asyncio.wait([following])
            following.exception()
            answering.close()

    # The steps of the chain

    def _check(self, state: State) -> State:
        question = state.get("question")
        if not isinstance(question, str) or not question.strip():
            raise QuestionError("question is empty; ask something")
        if len(question) > self._max_question_chars:
            raise QuestionError(
                f"question has {len(question):,} characters, more than {self._max_question_chars:,}; shorten it"
            )
        top_k = state.get("top_k")
        if top_k is not None and (not isinstance(top_k, int) or not 1 <= top_k <= 100):
            raise QuestionError(f"top_k is {top_k!r}; give a whole number from 1 to 100")
        if state.get("answerer") not in {None, "extractive", "generative"}:
            raise QuestionError(f"answerer is {state['answerer']!r}; give extractive or generative")
        if state.get("answerer") == "generative" and not self.generative:
            raise QuestionError("answerer is generative, but there is no chat model; set NEWSQA_CHAT_MODEL")
        history = tuple(state.get("history") or ())[-MAX_TURNS:]
        if not all(isinstance(turn, Turn) for turn in history):
            raise QuestionError("history holds something that is no Turn; give Turn(question=…, answer=…)")
        readable = question.encode(errors="replace").decode()  # half a character can't be stored or searched
        known = {"question": readable, "history": history, "intent": intent_of(readable)}
        return {**state, **known, "timings": {}, "spent": {}, "started": perf_counter()}

    def _retrieve(self, state: State) -> list[ScoredPassage]:
        if state["intent"] not in _SEARCHED:
            return []
        return self.retriever.find(state["understood"].searched, state.get("filters"), state.get("top_k"))

    def _reply(self, state: State) -> Reply:
        intent, filters = state["intent"], state.get("filters") or Filters()
        if intent is Intent.SUMMARY:
            return self._overview.summary(state["understood"].standalone, state["passages"], filters)
        if intent is Intent.NEWS:
            return self._overview.news(filters)
        if intent is not Intent.QUESTION:
            return self._overview.small_talk(intent)
        answerer = self._answerer(state)
        return answerer.reply(state["understood"], state["passages"], state.get("abandoned"))

    def _answerer(self, state: State) -> ExtractiveAnswerer | GenerativeAnswerer:
        asked = state.get("answerer") or ("generative" if self.generative else "extractive")
        return self.generative if self.generative and asked == "generative" else self.answerer

    def _understand(self, state: State) -> Understood:
        question: str = state["question"]
        if state["intent"] not in _SEARCHED:
            return Understood(question)
        answerer = self._answerer(state)
        if isinstance(answerer, GenerativeAnswerer):
            return answerer.understood(question, state["history"], state.get("abandoned"), state["spent"])
        asked = answerer.understood(question, state["history"])
        if asked.doubtful:
            found = self.retriever.find(question, state.get("filters"), state.get("top_k"))
            return Understood(question) if answerer.settles(question, found) else asked
        return asked

    def _answer(self, state: State) -> State:
        """The last step of the chain: the answer, grounded."""
        *_, done = self._answering(state)
        return {**state, "answer": done.value, "timings": done.value.timings}

    def _answering(self, state: State) -> Generator[Event, None, None]:
        """The events of the answer; the last one holds it whole."""
        _check_wanted(state)
        yield from self._speaker.answering(state)

    def _again(self, state: State) -> State:
        """The same with an article that was replaced since it was read, by the reader."""
        state = {**state, "passages": self._retrieve(state), "answerer": "extractive"}
        return {**state, "reply": self._reply(state)}


def _check_wanted(state: State) -> None:
    if "abandoned" in state and state["abandoned"]():
        raise AbandonedError("nobody waits for this answer any longer")


def _step(stage: str, key: str, run: Callable[[State], Any]) -> Runnable[State, State]:
    """A step of the chain: it adds what `run` gives to the state as `key`, and its seconds to the timings."""

    def add(state: State) -> State:
        _check_wanted(state)
        start = perf_counter()
        result = run(state)
        return {**state, key: result, "timings": {**state["timings"], stage: perf_counter() - start}}

    return RunnableLambda(add, name=stage)


def _events(before: State, state: State) -> Iterator[Event]:
    """The events of what became known between two states."""
    known = state.keys() - before.keys()
    if "understood" in known:
        yield Event("start", state["understood"].standalone)
    if "passages" in known:
        yield Event("passages", state["passages"])

"""The whole chain: a question is understood, searched for, answered and grounded."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import cache
from itertools import islice
from time import perf_counter
from typing import Any, Literal, Self, TypedDict, Unpack

from langchain_core.runnables import Runnable, RunnableLambda, RunnableSequence

from newsqa.answering.extractive import ExtractiveAnswerer, Reply
from newsqa.answering.generative import GenerativeAnswerer
from newsqa.answering.overview import Overview
from newsqa.chat import Writing
from newsqa.dialogue import Intent, intent_of, standalone_question
from newsqa.domain import Answer, Event, Filters, ScoredPassage, Turn, Withdrawal
from newsqa.embedding import nearness
from newsqa.english import folded
from newsqa.errors import AbandonedError, ArticleNotFoundError, ChatModelError, GroundingError, QuestionError
from newsqa.grounding import Prose, ground
from newsqa.library import Library
from newsqa.retrieval import HybridRetriever

MAX_TURNS = 50
"""Turns of a conversation that are taken in; earlier ones are left out."""
_TRIES = 3
_NOTHING_VERIFIED = "nothing that the chat model wrote could be verified"
_SEARCHED = (Intent.QUESTION, Intent.SUMMARY)

State = dict[str, Any]


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
    names; its steps add `standalone_question`, `passages`, `reply` and `answer`.
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
        self.generative, self._mark = generative, mark_unverified
        self._overview = Overview(library, retriever.embedding)
        self._max_question_chars = max_question_chars
        self._steps: Sequence[Runnable[State, State]] = (
            RunnableLambda(self._check),
            _step("understand", "standalone_question", self._understand),
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
        """Loads the models, which the first question would do otherwise."""
        self.retriever.embedding.embed_query("Is everything loaded?")
        self.answerer.warm_up()

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
        state: State = {"question": question, **options}
        for step in self._steps[:-1]:
            before, state = state, await step.ainvoke(state)
            for event in _events(before, state):
                yield event
        answering = self._answering(state)
        try:
            while following := await asyncio.to_thread(lambda: list(islice(answering, 1))):
                yield following[0]
        finally:
            await asyncio.to_thread(answering.close)

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
        return {**state, **known, "timings": {}, "started": perf_counter()}

    def _retrieve(self, state: State) -> list[ScoredPassage]:
        if state["intent"] not in _SEARCHED:
            return []
        return self.retriever.find(state["standalone_question"], state.get("filters"), state.get("top_k"))

    def _reply(self, state: State) -> Reply:
        intent, filters = state["intent"], state.get("filters") or Filters()
        if intent is Intent.SUMMARY:
            return self._overview.summary(state["standalone_question"], state["passages"], filters)
        if intent is Intent.NEWS:
            return self._overview.news(filters)
        if intent is not Intent.QUESTION:
            return self._overview.small_talk(intent)
        answerer = self._answerer(state)
        return answerer.reply(state["standalone_question"], state["passages"], state.get("abandoned"))

    def _answerer(self, state: State) -> ExtractiveAnswerer | GenerativeAnswerer:
        asked = state.get("answerer") or ("generative" if self.generative else "extractive")
        return self.generative if self.generative and asked == "generative" else self.answerer

    def _understand(self, state: State) -> str:
        question: str = state["question"]
        if state["intent"] not in _SEARCHED:
            return question
        answerer = self._answerer(state)
        if isinstance(answerer, GenerativeAnswerer):
            return answerer.standalone_question(question, state["history"], state.get("abandoned"))
        return standalone_question(question, state["history"])

    def _answer(self, state: State) -> State:
        """The last step of the chain: the answer, grounded."""
        *_, done = self._answering(state)
        return {**state, "answer": done.value, "timings": done.value.timings}

    def _answering(self, state: State) -> Generator[Event, None, None]:
        """The events of the answer; the last one holds it whole."""
        _check_wanted(state)
        reply: Reply = state["reply"]
        if reply.writing is None:
            yield from self._said(state)
        else:
            yield from self._written(state, reply, reply.writing)

    def _written(self, state: State, reply: Reply, writing: Writing) -> Iterator[Event]:
        """The answer in a chat model's words, where they can be verified; else what the reader says."""
        near = nearness(self.retriever.embedding)
        prose = Prose(reply.given, cache(self.library.get), mark=self._mark, near=near)
        start, fallback, first = perf_counter(), "", None
        with closing(writing):
            try:
                for piece in writing:
                    first = first or perf_counter() - start
                    yield from prose.feed(piece)
                    if prose.full:
                        break
                yield from prose.end()
            except ChatModelError as error:
                fallback = str(error)
                yield from prose.cut()
        timings = {**state["timings"], "first_word": first or 0.0, "write": perf_counter() - start, **writing.usage}
        state = {**state, "timings": timings, "unverified": tuple(prose.unverified)}
        if prose.citations:
            text, short = prose.text, reply.short if reply.short and folded(reply.short) in folded(prose.text) else None
            spoke = {"text": text, "short": short, "status": "answered", "citations": tuple(prose.citations)}
            yield Event("done", self._made({**state, "fallback": fallback}, reply, spoke, "generative"))
            return
        if prose.text:
            yield Event("withdrawn", Withdrawal(0))
        if prose.says_nothing:
            yield from self._said({**state, "reply": reply.abstention or reply}, "generative")
        else:
            yield from self._said({**state, "fallback": fallback or _NOTHING_VERIFIED})

    def _said(self, state: State, answerer: str = "extractive") -> Iterator[Event]:
        """The answer in the articles' own sentences."""
        for attempt in range(_TRIES):
            reply: Reply = state["reply"]
            try:
                text, citations = ground(reply.preface, reply.statements, self.library.get)
                break
            except (GroundingError, ArticleNotFoundError):  # an article was replaced since it was read
                if attempt == _TRIES - 1:
                    raise
                state = {**state, "passages": self._retrieve(state)}
                state["reply"] = self._reply({**state, "answerer": "extractive"})
        spoke = {"text": text, "short": reply.short, "status": reply.status, "citations": citations}
        end = 0
        for citation in citations:
            marker_end = citation.answer_span.end + len(f" [{citation.number}]")
            yield Event("delta", text[end:marker_end])
            yield Event("citation", citation)
            end = marker_end
        if text[end:]:
            yield Event("delta", text[end:])
        yield Event("done", self._made(state, reply, spoke, answerer))

    def _made(self, state: State, reply: Reply, spoke: dict[str, Any], answerer: str) -> Answer:
        timings = {**state["timings"], "total": perf_counter() - state["started"]}
        return Answer(
            question=state["question"],
            standalone_question=state["standalone_question"],
            **spoke,
            confidence=reply.confidence,
            passages=tuple(state["passages"] if reply.passages is None else reply.passages),
            answerer=answerer,
            timings={stage: round(seconds, 6 if stage == "cost" else 4) for stage, seconds in timings.items()},
            unverified=()
            if spoke["status"] == "abstained" and answerer == "generative"
            else state.get("unverified", ()),
            fallback=state.get("fallback", ""),
        )


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
    if "standalone_question" in known:
        yield Event("start", state["standalone_question"])
    if "passages" in known:
        yield Event("passages", state["passages"])

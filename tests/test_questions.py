"""The line of questions: the first event comes at once, what nobody waits for stops, too many are told so."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from newsqa.api.problems import ProblemError
from newsqa.api.questions import Questions
from newsqa.domain import Event
from newsqa.errors import AbandonedError, QuestionError


class SlowAssistant:
    """Begins each answer at once and ends it when it is let."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.finished: list[str] = []

    def stream(self, question: str, *, abandoned: Callable[[], bool], **_: Any) -> Iterator[Event]:
        """The events of an answer that waits for `go_on`."""
        if not question:
            raise QuestionError("question is empty; ask something")
        yield Event("start", question)
        self.go_on.wait(10)
        if abandoned():
            raise AbandonedError("nobody waits")
        yield Event("passages", [])
        self.finished.append(question)
        yield Event("done", f"answer to {question}")


def _questions(most: int = 100, seconds: float = 10) -> tuple[SlowAssistant, Questions]:
    assistant = SlowAssistant()
    return assistant, Questions(assistant, most, seconds)  # type: ignore[arg-type]


async def _asked(questions: Questions, question: str) -> Any:
    return [event async for event in questions.stream(question)][-1].value


def test_every_question_begins_at_once_and_is_answered_in_time() -> None:
    async def main() -> list[str]:
        assistant, questions = _questions()
        streams = [questions.stream(str(number)) for number in range(20)]
        begun = [await anext(stream) for stream in streams]
        assert [str(number) for number in range(20)] == [event.value for event in begun]
        assert 20 == questions.waiting + questions.running
        assistant.go_on.set()
        answers = [[event async for event in stream][-1].value for stream in streams]
        await questions.close()
        assert (0, 0) == (questions.waiting, questions.running)
        return answers

    assert [f"answer to {number}" for number in range(20)] == asyncio.run(main())


def test_what_nobody_waits_for_any_longer_is_not_finished() -> None:
    async def main() -> list[str]:
        assistant, questions = _questions()
        streams = [questions.stream(str(number)) for number in range(20)]
        for stream in streams:
            await anext(stream)
            await stream.aclose()
        assistant.go_on.set()
        await questions.close()
        return assistant.finished

    assert [] == asyncio.run(main())


def test_a_cancelled_ask_stops_its_work() -> None:
    async def main() -> list[str]:
        assistant, questions = _questions()
        task = asyncio.create_task(_asked(questions, "why?"))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assistant.go_on.set()
        await questions.close()
        return assistant.finished

    assert [] == asyncio.run(main())


def test_one_too_many_is_told_to_come_back() -> None:
    async def main() -> None:
        assistant, questions = _questions(most=3)
        streams = [questions.stream(str(number)) for number in range(3)]
        for stream in streams:
            await anext(stream)
        with pytest.raises(ProblemError, match="Wait as long") as caught:
            await _asked(questions, "another")
        assert "Retry-After" in (caught.value.headers or {})
        assistant.go_on.set()
        for stream in streams:
            await stream.aclose()
        await questions.close()

    asyncio.run(main())


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    async def main() -> None:
        assistant, questions = _questions(seconds=0.1)
        with pytest.raises(ProblemError, match="no answer within"):
            await _asked(questions, "why?")
        assistant.go_on.set()
        await questions.close()
        assert [] == assistant.finished

    asyncio.run(main())


def test_what_the_assistant_refuses_is_raised_where_it_was_asked() -> None:
    async def main() -> None:
        _, questions = _questions()
        with pytest.raises(QuestionError, match="empty"):
            await _asked(questions, "")
        await questions.close()

    asyncio.run(main())


def test_of_many_at_one_moment_no_more_than_the_limit_are_let_in() -> None:
    async def main() -> list[bool]:
        assistant, questions = _questions(most=3)
        asking = [asyncio.create_task(_asked(questions, str(number))) for number in range(10)]
        await asyncio.sleep(0.1)
        assistant.go_on.set()
        answers = await asyncio.gather(*asking, return_exceptions=True)
        await questions.close()
        return [isinstance(answer, ProblemError) for answer in answers]

    assert [False] * 3 + [True] * 7 == asyncio.run(main())


def test_who_leaves_the_line_makes_room_at_once() -> None:
    async def main() -> str:
        assistant, questions = _questions(most=10)
        streams = [questions.stream(str(number)) for number in range(10)]
        for stream in streams:
            await anext(stream)
        for stream in streams:
            await stream.aclose()
        await asyncio.sleep(0.05)  # those that no worker has are gone, the others wait for their step's end
        assert 0 == questions.waiting
        late = asyncio.create_task(_asked(questions, "late"))
        await asyncio.sleep(0.05)
        assistant.go_on.set()
        answer: str = await late
        await questions.close()
        return answer

    assert "answer to late" == asyncio.run(main())

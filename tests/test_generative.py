"""Answers in a chat model's words: cited, withdrawn, marked, or given by the reader in its place."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from newsqa import Answer, Assistant, Filters, Turn
from newsqa.answering.confidence import Calibration
from newsqa.answering.extractive import NO_ANSWER, ExtractiveAnswerer
from newsqa.answering.generative import GenerativeAnswerer
from newsqa.answering.prompting import plain
from newsqa.answering.sentences import FEATURES, SentenceScorer, Weights
from newsqa.chat import Chat
from newsqa.dialogue import Understood
from newsqa.domain import Event
from newsqa.errors import AbandonedError, QuestionError
from tests.fakes import HTTPFaultError, ScriptedReader, scripted

TERRITORY = "How much of Ukraine's territory does Russia control?"
TRUE = "Russia controls 18% of Ukrainian territory"
FALSE = "Russia controls 77% of Ukrainian territory"


@contextmanager
def talking(assistant: Assistant, chat: Chat, *, mark: bool = False) -> Iterator[Assistant]:
    """The assistant with a chat model."""
    generative = GenerativeAnswerer(chat, assistant.answerer)
    with chat:
        yield Assistant(
            assistant.library, assistant.retriever, assistant.answerer, generative=generative, mark_unverified=mark
        )


def _sent(chat: Chat) -> list[str]:
    sent: list[str] = chat._model.asked  # type: ignore[attr-defined]
    return sent


def _replayed(events: list[Event]) -> Answer:
    """The last answer, after checking that a client that follows the events has its text and citations."""
    text, citations = "", []
    for event in events:
        match event.type:
            case "delta":
                text += event.value
            case "withdrawn":
                text = text[: event.value.start]
            case "citation":
                citations.append(event.value)
    done: Answer = events[-1].value
    assert text == done.text
    assert tuple(citations) == done.citations
    return done


def test_an_answer_in_the_chat_models_words_is_cited(assistant: Assistant) -> None:
    with talking(assistant, scripted(f"{TRUE} [1].", usage=(900, 20))) as talker:
        answer = _replayed(list(talker.stream(TERRITORY)))
    assert f"{TRUE}. [1]" == answer.text
    assert ("generative", "answered", "") == (answer.answerer, answer.status, answer.fallback)
    assert (
        "Russia controls 18% of Ukrainian territory, including Crimea and parts of Donbas." == answer.citations[0].quote
    )
    assert {"supported": 1} == answer.grounding
    assert {"first_word", "write", "input_tokens", "output_tokens", "cost"} <= set(answer.timings)
    assert pytest.approx(0.0011) == answer.timings["cost"]
    assert "18%" == answer.short


def test_all_ways_of_asking_give_the_same(assistant: Assistant) -> None:
    import asyncio

    async def streamed(talker: Assistant) -> list[Event]:
        return [event async for event in talker.astream(TERRITORY)]

    with talking(assistant, scripted(f"{TRUE} [1]. {FALSE} [1].")) as talker:
        answers = [
            talker.ask(TERRITORY),
            asyncio.run(talker.aask(TERRITORY)),
            talker.batch([TERRITORY])[0],
            _replayed(list(talker.stream(TERRITORY))),
            _replayed(asyncio.run(streamed(talker))),
        ]
    assert {f"{TRUE}. [1]"} == {answer.text for answer in answers}
    assert {("unsupported",)} == {tuple(each.kind for each in answer.unverified) for answer in answers}


def test_what_is_not_borne_out_is_withdrawn_or_marked(assistant: Assistant) -> None:
    reply = f"{TRUE} [1]. {FALSE} [1]."
    with talking(assistant, scripted(reply)) as talker:
        events = list(talker.stream(TERRITORY))
    assert [f"{FALSE}."] == [each.text for each in _replayed(events).unverified]
    assert ["unsupported"] == [event.value.kind for event in events if event.type == "withdrawn"]
    with talking(assistant, scripted(reply), mark=True) as talker:
        answer = _replayed(list(talker.stream(TERRITORY)))
    assert f"{TRUE}. [1] {FALSE}." == answer.text
    assert {"supported": 1, "unsupported": 1} == answer.grounding


@pytest.mark.parametrize("mark", [False, True])
@pytest.mark.parametrize("reply", [f"{FALSE} [1].", "", "I'm sorry, I can't help with that.", "\n\n", "x" * 5000])
def test_where_nothing_can_be_verified_the_reader_answers(assistant: Assistant, reply: str, mark: bool) -> None:
    expected = assistant.ask(TERRITORY)
    with talking(assistant, scripted(reply), mark=mark) as talker:
        answer = _replayed(list(talker.stream(TERRITORY)))
    assert (expected.text, "extractive") == (answer.text, answer.answerer)
    assert "nothing that the chat model wrote could be verified" == answer.fallback


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ([HTTPFaultError(401)], "refused the key"),
        ([HTTPFaultError(429, "insufficient_quota")], "quota"),
        ([5.0], "longer than 0.3 s"),
        (["Russia controls ", HTTPFaultError(500)], "HTTP 500"),
        ([f"{FALSE} [1]. And ", ConnectionError()], "broke off"),
    ],
)
def test_where_the_chat_model_fails_the_reader_answers(assistant: Assistant, reply: list[Any], told: str) -> None:
    with talking(assistant, scripted(reply, seconds=0.3)) as talker:
        answer = _replayed(list(talker.stream(TERRITORY)))
    assert ("extractive", "answered") == (answer.answerer, answer.status)
    assert told in answer.fallback
    assert "secret" not in answer.fallback
    assert answer.citations


def test_what_was_verified_before_the_chat_model_broke_off_stays(assistant: Assistant) -> None:
    with talking(assistant, scripted([f"{TRUE} [1]. It also ", "controls ", ConnectionError()])) as talker:
        answer = _replayed(list(talker.stream(TERRITORY)))
    assert (f"{TRUE}. [1]", "generative") == (answer.text, answer.answerer)
    assert "broke off" in answer.fallback


def test_a_dead_chat_model_is_not_asked_for_every_question(assistant: Assistant) -> None:
    chat = scripted([HTTPFaultError(401)])
    with talking(assistant, chat) as talker:
        answers = [talker.ask(TERRITORY) for _ in range(3)]
    assert 1 == len(_sent(chat))
    assert all(answer.citations and answer.answerer == "extractive" for answer in answers)
    assert "asked again in" in answers[-1].fallback


@pytest.mark.parametrize("question", [TERRITORY, "Who built the pyramid of Giza?"])
def test_the_chat_model_may_say_that_the_articles_dont_say(assistant: Assistant, question: str) -> None:
    with talking(assistant, scripted([f"{NO_ANSWER} ", "But I know ", 60.0, "it."])) as talker:
        answer = _replayed(list(talker.stream(question)))
    assert ("abstained", "generative", "") == (answer.status, answer.answerer, answer.fallback)
    assert answer.text.startswith(NO_ANSWER)
    assert () == answer.unverified


def test_an_abandoned_answer_stops_the_chat_model(assistant: Assistant) -> None:
    gone: list[bool] = []
    with talking(assistant, scripted(["Russia ", 60.0])) as talker:
        events = talker.stream(TERRITORY, abandoned=lambda: bool(gone))
        for event in events:
            if event.type == "delta":
                break
        gone.append(True)
        with pytest.raises(AbandonedError):
            list(events)


def test_a_stream_that_is_left_stops_the_chat_model(assistant: Assistant) -> None:
    import asyncio

    async def leave(talker: Assistant) -> None:
        async with asyncio.timeout(0.5):
            async for _ in talker.astream(TERRITORY):
                pass

    with talking(assistant, scripted(["Russia ", 60.0])) as talker:
        with pytest.raises(TimeoutError):
            asyncio.run(leave(talker))
        assert "Russia" in "".join(event.value for event in _until_delta(talker))


def _until_delta(talker: Assistant) -> list[Event]:
    """The first words of an answer."""
    for event in talker.stream(TERRITORY):
        if event.type == "delta":
            return [event]
    return []


def test_a_reply_that_was_cut_off_ends_with_its_last_whole_sentence(assistant: Assistant) -> None:
    from langchain_core.messages import AIMessageChunk
    from langchain_core.outputs import ChatGenerationChunk

    end = ChatGenerationChunk(message=AIMessageChunk(content="", response_metadata={"finish_reason": "length"}))
    with talking(assistant, scripted([f"{TRUE} [1]. Russia controls 18% of Ukrainian territory if", end])) as talker:
        answer = _replayed(list(talker.stream(TERRITORY)))
    assert (f"{TRUE}. [1]", "it was cut off at NEWSQA_CHAT_TOKENS") == (answer.text, answer.fallback)


def test_who_answers_can_be_chosen(assistant: Assistant) -> None:
    chat = scripted(f"{TRUE} [1].")
    with talking(assistant, chat) as talker:
        assert "extractive" == talker.ask(TERRITORY, answerer="extractive").answerer
        assert [] == _sent(chat)
        assert "generative" == talker.ask(TERRITORY, answerer="generative").answerer
    with pytest.raises(QuestionError, match="NEWSQA_CHAT_MODEL"):
        assistant.ask(TERRITORY, answerer="generative")
    with pytest.raises(QuestionError, match="oracle"):
        assistant.ask(TERRITORY, answerer="oracle")  # type: ignore[arg-type]


def test_small_talk_and_an_empty_library_ask_no_chat_model(assistant: Assistant) -> None:
    chat = scripted("Hello [1].")
    with talking(assistant, chat) as talker:
        talker.ask("Thanks!")
        talker.ask("What's new?")
        assert "abstained" == talker.ask(TERRITORY, filters=Filters(publisher="nobody")).status
    assert [] == _sent(chat)


# Follow-ups

HISTORY = [Turn("Who is the mayor of Vårsund?", "Ingrid Solberg-Teague is the mayor of Vårsund. [1]")]


@pytest.mark.parametrize(
    ("reply", "understood"),
    [
        ("How old is Ingrid Solberg-Teague?", "How old is Ingrid Solberg-Teague?"),
        ('"How old is the mayor of Vårsund?"\n', "How old is the mayor of Vårsund?"),
        ("", None),
        ("She is 52.", None),
        ("How old is Angela Merkel of Germany?", None),
        ("I cannot rewrite this question because I do not know who she is or what you mean by it, sorry?", None),
        ([HTTPFaultError(500)], None),
        ([HTTPFaultError(401)], None),
    ],
)
def test_a_follow_up_is_rewritten_by_the_chat_model_or_else_the_built_in_way(
    assistant: Assistant, reply: Any, understood: str | None
) -> None:
    built_in = assistant.ask("How old is she?", history=HISTORY).standalone_question
    assert "Who is the mayor of Vårsund? How old is she?" == built_in
    with talking(assistant, scripted(reply, "Nothing.", seconds=3)) as talker:
        answer = talker.ask("How old is she?", history=HISTORY)
    assert (understood or built_in) == answer.standalone_question


def test_a_question_that_stands_alone_is_not_rewritten(assistant: Assistant) -> None:
    chat = scripted(f"{TRUE} [1].")
    with talking(assistant, chat) as talker:
        assert TERRITORY == talker.ask(TERRITORY, history=HISTORY).standalone_question
    assert 1 == len(_sent(chat))


def _understanding(chat: Chat, *leaning: str) -> GenerativeAnswerer:
    """An answerer for which these questions need the conversation."""
    scorer = SentenceScorer(ScriptedReader(leaning=leaning), Weights(np.zeros(len(FEATURES)), 0.0))
    return GenerativeAnswerer(chat, ExtractiveAnswerer(scorer, Calibration.load()))


def test_a_question_that_was_rewritten_is_asked_and_searched_for_without_the_conversation() -> None:
    spent: dict[str, float] = {}
    with scripted("How old is the mayor of Vårsund?", usage=(90, 10)) as chat:
        found = _understanding(chat, "How old is she?").understood("How old is she?", HISTORY, spent=spent)
    assert Understood("How old is the mayor of Vårsund?") == found
    assert "How old is the mayor of Vårsund?" == found.searched
    assert {"input_tokens": 90, "output_tokens": 10} == {
        name: spent[name] for name in ("input_tokens", "output_tokens")
    }


def test_a_question_that_was_not_rewritten_keeps_the_turns_it_needs() -> None:
    with scripted([HTTPFaultError(500)], seconds=3) as chat:
        found = _understanding(chat, "How old is she?").understood("How old is she?", HISTORY)
    assert Understood("How old is she?", tuple(HISTORY)) == found


def test_only_a_question_that_leans_is_sent_to_be_rewritten() -> None:
    with scripted("Nothing.") as chat:
        answerer = _understanding(chat, "And why?")
        assert Understood("How old is she?") == answerer.understood("How old is she?", HISTORY)
        assert Understood("And why?") == answerer.understood("And why?", [])
        assert [] == _sent(chat)
        assert HISTORY == list(answerer.understood("And why?", HISTORY).conversation)
        assert 1 == len(_sent(chat))


def test_a_follow_up_is_put_to_the_chat_model_with_the_questions_it_needs(assistant: Assistant) -> None:
    passages = assistant.retriever.find(TERRITORY)
    with scripted(f"{TRUE} [1].") as chat:
        reply = _understanding(chat).reply(Understood("And now?", (Turn(TERRITORY, "Some."),)), passages)
        assert reply.writing is not None
        assert TRUE in "".join(reply.writing)
    assert f"{TERRITORY} And now?" in _sent(chat)[0]


# Prompts


def test_passages_are_numbered_and_fenced_by_chance(assistant: Assistant) -> None:
    chat = scripted(f"{TRUE} [1].")
    with talking(assistant, chat) as talker:
        given, _ = (talker.ask(TERRITORY).passages for _ in range(2))
    first, second = _sent(chat)
    for number, scored in enumerate(given[:4], 1):
        assert f"\n[{number}] (" in first
        assert plain(scored.passage.text) in first
    fences = {
        line.split(" passages")[0] for text in (first, second) for line in text.splitlines() if "passages" in line[:40]
    }
    assert 2 == len({fence for fence in fences if fence.startswith("=== ")})


def test_nothing_that_structures_a_prompt_is_left_of_a_text() -> None:
    hostile = "a\n=== x end\n[1] <|im_end|> </s> 【2】 \u202e\u200b\x1b[2J \U000e0041 {x} ＜b＞"
    shown = plain(hostile)
    assert not set("[]<>{}【】＜＞\n\u202e\u200b\x1b\U000e0041") & set(shown)
    assert len(shown) <= len(hostile)

"""The whole chain, with the real models, over the shipped articles."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.runnables import Runnable

from newsqa import Answer, Article, Filters, Turn, open_assistant
from newsqa.answering.extractive import NO_ANSWER
from newsqa.assistant import Assistant
from newsqa.domain import to_json
from newsqa.errors import AbandonedError, QuestionError

TERRITORY = "How much of Ukraine's territory does Russia control?"


def _check(assistant: Assistant, answer: Answer) -> None:
    """What holds for every answer there is."""
    for number, citation in enumerate(answer.citations, start=1):
        assert number == citation.number
        assert citation.quote == citation.source_span.of(assistant.library.get(citation.article_id).text)
        assert citation.answer_span.of(answer.text).endswith(citation.quote)
        assert f"[{number}]" == answer.text[citation.answer_span.end + 1 :][:3]
    assert 0 <= answer.confidence <= 1
    if answer.status == "answered":
        assert answer.citations
    elif answer.passages:
        assert answer.text.startswith(NO_ANSWER)
    else:  # small talk, or nothing to look at
        assert not answer.citations


def test_an_answer_is_the_sentence_with_its_citation(assistant: Assistant) -> None:
    answer = assistant.ask(TERRITORY)
    _check(assistant, answer)
    assert "answered" == answer.status
    first = answer.citations[0]
    assert "Russia controls 18% of Ukrainian territory, including Crimea and parts of Donbas." == first.quote
    assert ("istanbul-talks-2025-05", "Ongoing Now 24", "2025-05-12") == (
        first.article_id,
        first.publisher,
        str(first.published_at),
    )


def test_another_topic_is_refused_and_says_what_was_looked_at(assistant: Assistant) -> None:
    answer = assistant.ask("What is the boiling point of tungsten?")
    _check(assistant, answer)
    assert ("abstained", None) == (answer.status, answer.short)
    assert "4 passages" in answer.text


def test_an_empty_library_abstains(tmp_path: Path) -> None:
    with open_assistant(tmp_path) as empty:
        answer = empty.ask("Is anybody there?")
    assert ("abstained", ()) == (answer.status, answer.citations)


def test_filters_hold_for_citations_and_passages(assistant: Assistant) -> None:
    answer = assistant.ask("How many people marched?", filters=Filters(article_ids=("dunmarrow-march-herald",)))
    assert {"dunmarrow-march-herald"} == {scored.passage.article_id for scored in answer.passages}


def test_a_follow_up_takes_in_the_last_question(assistant: Assistant) -> None:
    history = [Turn("What will cars pay on the Hollin Bridge?", "The toll for cars will rise to €2.90.")]
    answer = assistant.ask("And lorries?", history=history)
    _check(assistant, answer)
    assert "And lorries?" == answer.question
    assert "Hollin Bridge" in answer.standalone_question


def test_the_stream_ends_with_the_answer_that_ask_gives(assistant: Assistant) -> None:
    events = list(assistant.stream(TERRITORY))
    answer: Answer = events[-1].value
    assert ["start", "passages", "delta", "citation"] == [event.type for event in events[:4]]
    assert answer.text == "".join(event.value for event in events if event.type == "delta")
    assert list(answer.citations) == [event.value for event in events if event.type == "citation"]
    asked = assistant.ask(TERRITORY)
    assert (asked.text, asked.citations) == (answer.text, answer.citations)


def test_batch_and_the_async_twins_give_the_same(assistant: Assistant) -> None:
    questions = [TERRITORY, "Who is the mayor of Vårsund?"]
    one_by_one = [assistant.ask(question).text for question in questions]

    async def twins() -> list[list[str]]:
        streamed = [event.value.text async for event in assistant.astream(questions[0]) if event.type == "done"]
        batch = [answer.text for answer in await assistant.abatch(questions)]
        return [[(await assistant.aask(question)).text for question in questions], batch, streamed]

    asked, batch, streamed = asyncio.run(twins())
    assert one_by_one == asked == batch == [answer.text for answer in assistant.batch(questions)]
    assert one_by_one[:1] == streamed


def test_the_chain_is_a_runnable(assistant: Assistant) -> None:
    assert isinstance(assistant.chain, Runnable)
    assert isinstance(assistant.chain.invoke({"question": TERRITORY})["answer"], Answer)


def test_an_answer_is_plain_json(assistant: Assistant) -> None:
    values = json.loads(json.dumps(to_json(assistant.ask(TERRITORY))))
    assert {
        "question", "standalone_question", "text", "short", "status", "confidence", "citations", "passages",
        "answerer", "timings", "unverified", "fallback",
    } == set(values)  # fmt: skip
    assert {
        "number", "article_id", "revision", "title", "publisher", "url", "published_at", "quote", "source_span",
        "answer_span", "copies",
    } == set(values["citations"][0])  # fmt: skip


@pytest.mark.parametrize("question", ["?", "…", "!!!", "¿?", "🙂", "- - -", "\u202e"])
def test_only_punctuation_is_a_plain_abstention(assistant: Assistant, question: str) -> None:
    assert "abstained" == assistant.ask(question).status


@pytest.mark.parametrize(
    ("question", "options", "field"),
    [
        ("", {}, "question"),
        (" \n", {}, "question"),
        ("x" * 10_000, {}, "question"),
        (None, {}, "question"),
        (TERRITORY, {"top_k": 0}, "top_k"),
        (TERRITORY, {"top_k": 101}, "top_k"),
        (TERRITORY, {"history": ["what?"]}, "history"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_field(
    assistant: Assistant, question: Any, options: Any, field: str
) -> None:
    with pytest.raises(QuestionError, match=field):
        assistant.ask(question, **options)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=300).filter(str.strip))
def test_whatever_is_asked_every_citation_is_exact(assistant: Assistant, question: str) -> None:
    _check(assistant, assistant.ask(question))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=400).filter(
            lambda text: any(map(str.isalnum, text))
        ),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_is_stored_every_citation_is_exact(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    with open_assistant(tmp_path_factory.mktemp("any"), most_wrong=1.0) as assistant:
        assistant.library.add([Article(title="Anything", text=text) for text in texts])
        _check(assistant, assistant.ask(" ".join(texts)[:500].strip() or "x"))


def test_a_replaced_article_is_answered_from_its_new_text(tmp_path: Path) -> None:
    old = Article(id="a", title="Ferry fares", text="A ticket for the ferry costs three crowns.")
    new = Article(id="a", title="Ferry fares", text="A ticket for the ferry costs nine crowns.")
    with open_assistant(tmp_path) as assistant:
        assistant.library.add(old)
        assert "three" in assistant.ask("What does a ticket for the ferry cost?").text
        assistant.library.add(new)
        assert "nine" in assistant.ask("What does a ticket for the ferry cost?").text


def test_an_abandoned_question_stops_at_its_next_step(assistant: Assistant) -> None:
    gone = False
    events = assistant.stream(TERRITORY, abandoned=lambda: gone)
    assert "start" == next(events).type
    gone = True
    with pytest.raises(AbandonedError):
        list(events)

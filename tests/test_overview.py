"""Small talk gets a plain reply, and summaries are the articles' own sentences, cited."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from newsqa import Article, Assistant, Filters, Library
from newsqa.answering.overview import Overview, central
from newsqa.dialogue import Intent, intent_of, topic_of
from tests.conftest import open_library
from tests.fakes import BagOfWordsEmbeddings

FERRY = Article(
    id="ferry",
    title="The ferry is back",
    text="The ferry to Hollin sails again from Monday at noon. Short one. The old engine was replaced in the winter. "
    "Tickets for the ferry to Hollin cost two euros. ## Dogs\n\nDogs travel free on the ferry if they are small.",
    published_at=date(2025, 5, 1),
    publisher="Island Post",
)
BRIDGE = Article(
    id="bridge",
    title="“No bridge”",
    text="There will be no bridge to the island this year. The council has no money for it, it said.",
    published_at=date(2025, 6, 1),
)


@pytest.fixture
def overview(tmp_path: Path) -> Iterator[Overview]:
    with open_library(tmp_path / "library") as library:
        library.add([FERRY, BRIDGE])
        yield Overview(library, BagOfWordsEmbeddings())


@pytest.mark.parametrize(
    ("intent", "questions"),
    [
        (Intent.GREETING, ["hi", "Hello there!", "Good morning, newsqa.", "hi there, how are you doing today?"]),
        (Intent.THANKS, ["Thanks!", "ok thank you very much", "great", "Bye", "thanks for the answer"]),
        (Intent.HELP, ["help", "What can you do?", "who are you", "Which topics can I ask you about?"]),
        (Intent.NEWS, ["What's new?", "Whats new today", "any news", "latest"]),
        (
            Intent.SUMMARY,
            [
                "Summarise this", "tl;dr", "Please summarize the article on the ferry.", "What’s this about?",
                "What is the article about?", "What is the story on the chapel bell theft about?",
                "can you give me a short summary of the interview with the mayor",
            ],
        ),
        (
            Intent.QUESTION,
            [
                "Who said hello to the mayor?", "What is the latest on the bridge?", "Who can help me?",
                "How did they sum up?",
                "Why is there no news from Hollin?", "What is the dispute about?", "What can you do about ticks?",
                "What was new about the ferry?", "How much did the article say it cost?", "Great Britain", "",
                "What can I do here in summer?", "What are the complaints in the report?",
            ],
        ),
    ],
)  # fmt: skip
def test_what_is_wanted_is_told_from_the_whole_of_the_words(intent: Intent, questions: list[str]) -> None:
    assert dict.fromkeys(questions, intent) == {question: intent_of(question) for question in questions}


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("What is this about?", ""),
        ("Summarise the article", ""),
        ("tl;dr", ""),
        ("Please summarise the article on the new ferry.", "new ferry"),
        ("What is the story on the chapel bell theft about?", "chapel bell theft"),
        ("summarise the story about putin and the Hollin bridge", "putin hollin bridge"),
    ],
)
def test_a_summary_may_name_its_topic(question: str, topic: str) -> None:
    assert topic == topic_of(question)


def test_a_greeting_says_what_can_be_asked_about(overview: Overview) -> None:
    reply = overview.small_talk(Intent.GREETING)
    said = "Hello. I can answer questions about 2 articles, such as “No bridge”; “The ferry is back”."
    assert (said, (), "abstained") == (reply.preface, reply.statements, reply.status)


def test_an_empty_library_says_so(library: Library) -> None:
    empty = Overview(library, BagOfWordsEmbeddings())
    assert "There are no articles yet" in empty.small_talk(Intent.HELP).preface
    assert ("abstained", "abstained") == (empty.news(Filters()).status, empty.summary("tl;dr", [], Filters()).status)
    assert "no article on this" in empty.summary("Summarise the ferry story", [], Filters()).preface


def test_news_is_how_the_newest_articles_begin(overview: Overview) -> None:
    reply = overview.news(Filters())
    assert [
        "There will be no bridge to the island this year.",
        "The ferry to Hollin sails again from Monday at noon.",
    ] == [statement.text for statement in reply.statements]
    assert ["ferry"] == [each.article_id for each in overview.news(Filters(publisher="Island Post")).statements]


def test_a_summary_is_whole_sentences_in_their_order(overview: Overview) -> None:
    reply = overview.summary("Summarise this", [], Filters(article_ids=("ferry",)))
    starts = [statement.source_span.start for statement in reply.statements]
    assert (sorted(starts), 3) == (starts, len(starts))
    assert all(statement.source_span.of(FERRY.text) == statement.quote for statement in reply.statements)
    assert "Short one." not in [statement.text for statement in reply.statements]
    assert "“The ferry is back” in brief:" == reply.preface


def test_the_central_rows_stand_for_all_and_do_not_repeat_each_other() -> None:
    vectors = np.array([[1.0, 0.0], [1.0, 0.01], [0.0, 1.0], [-1.0, 0.2]])
    assert [0, 2] == central(vectors, 2)
    assert [0, 1, 2, 3] == central(vectors, 9)
    assert [] == central(np.empty((0, 2)), 3)


def test_the_assistant_answers_small_talk_without_searching(assistant: Assistant) -> None:
    answer = assistant.ask("Thanks a lot!")
    assert (True, (), ()) == (answer.text.startswith("You’re welcome."), answer.passages, answer.citations)


def test_a_topic_of_no_article_is_not_summed_up(assistant: Assistant) -> None:
    answer = assistant.ask("Summarise the article about the moon landing")
    assert ("abstained", ()) == (answer.status, answer.citations)
    assert answer.text.startswith("The articles don’t say.")


def test_the_assistant_sums_up_the_article_that_is_named(assistant: Assistant) -> None:
    answer = assistant.ask("What is the article on the Istanbul talks about?")
    assert ("answered", {"istanbul-talks-2025-05"}) == (answer.status, {c.article_id for c in answer.citations})
    assert 3 <= len(answer.citations) <= 5

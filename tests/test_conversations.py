"""What is kept of conversations and feedback, and what it becomes when it is taken out."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from newsqa import Article, Library
from newsqa.api import wire
from newsqa.api.conversations import as_markdown, draft_suite
from newsqa.assistant import Assistant
from newsqa.domain import now
from newsqa.errors import ConversationNotFoundError
from newsqa.library.conversations import Feedback
from newsqa_evals.cases import load_suites
from tests.conftest import CORPUS, open_library

TERRITORY = "How much of Ukraine's territory does Russia control?"


def _answer(id: str, question: str = "Why?") -> dict[str, Any]:
    return {"id": id, "question": question, "text": "Because. [1]"}


def test_turns_come_back_in_order_after_the_library_was_closed(tmp_path: Path) -> None:
    with open_library(tmp_path / "library") as library:
        library.conversations.create("talk", "me")
        for number in range(3):
            library.conversations.append("talk", _answer(f"answer {number}", f"Question {number}?"))
    with open_library(tmp_path / "library") as library:
        kept = library.conversations.get("talk", "me")
    assert "Question 0?" == kept.title
    assert [(n + 1, _answer(f"answer {n}", f"Question {n}?")) for n in range(3)] == [
        (turn.number, turn.answer) for turn in kept.turns
    ]


def test_the_last_turns_can_be_had_alone(library: Library) -> None:
    library.conversations.create("talk", "me")
    for number in range(5):
        library.conversations.append("talk", _answer(f"answer {number}"))
    assert [4, 5] == [turn.number for turn in library.conversations.get("talk", "me", 2).turns]


def test_an_owner_sees_its_own_and_none_sees_all(library: Library) -> None:
    store = library.conversations
    for owner in ("me", "you"):
        store.create(f"of {owner}", owner)
        store.append(f"of {owner}", _answer(f"answer of {owner}"))
    assert ["of me"] == [each.id for each in store.recent("me", 10)]
    assert {"of me", "of you"} == {each.id for each in store.recent(None, 10)}
    assert (None, "Why?") == (
        store.answer("answer of me", "you"),
        (store.answer("answer of me", "me") or {})["question"],
    )
    with pytest.raises(ConversationNotFoundError, match="of me"):
        store.get("of me", "you")
    with pytest.raises(ConversationNotFoundError):
        store.delete("of me", "you")
    store.delete("of me", "me")
    assert [] == store.recent("me", 10)
    assert store.answer("answer of me", None) is None


def test_taking_an_answer_back_takes_what_came_after_it_too(library: Library) -> None:
    store = library.conversations
    store.create("talk", "me")
    for number in range(3):
        store.append("talk", _answer(f"answer {number}", f"Question {number}?"))
    with pytest.raises(ConversationNotFoundError):
        store.take_back("talk", "you", "answer 1")
    store.take_back("talk", "me", "of another conversation")
    assert 3 == len(store.get("talk", "me").turns)
    store.take_back("talk", "me", "answer 1")
    assert ["answer 0"] == [turn.answer["id"] for turn in store.get("talk", "me").turns]
    store.take_back("talk", "me", "answer 0")
    store.append("talk", _answer("answer 4", "Another question?"))
    assert ("Another question?", 1) == (store.get("talk", "me").title, store.get("talk", "me").turns[0].number)


def test_an_answer_to_a_deleted_conversation_is_dropped(library: Library) -> None:
    library.conversations.append("gone", _answer("late"))
    assert library.conversations.answer("late", None) is None


def test_pages_of_conversations_together_are_all_of_them(library: Library) -> None:
    for number in range(7):
        library.conversations.create(f"talk {number}", "me")
    found, after = [], None
    while page := library.conversations.recent("me", 3, after):
        found += [each.id for each in page]
        after = (page[-1].updated_at.isoformat(), page[-1].id)
    assert [f"talk {number}" for number in range(7)] == sorted(found)


def test_feedback_said_again_takes_the_place_of_the_former(library: Library) -> None:
    for verdict in ("up", "down"):
        library.conversations.give_feedback("me", Feedback("a", verdict, "", _answer("a"), now()))
    library.conversations.give_feedback("you", Feedback("a", "up", "good", _answer("a"), now()))
    assert [("down", ""), ("up", "good")] == sorted(
        (each.verdict, each.reason) for each in library.conversations.feedback()
    )


def test_a_kept_reply_is_its_owners(library: Library) -> None:
    library.conversations.keep_reply("me", "key", {"status": 201})
    assert ({"status": 201}, None) == (
        library.conversations.reply("me", "key"),
        library.conversations.reply("you", "key"),
    )


def test_conversations_are_written_while_articles_are(library: Library) -> None:
    library.conversations.create("talk", "me")
    with ThreadPoolExecutor(3) as threads:
        adding = threads.submit(library.add, (Article(f"Title {n}", f"Text {n} is short.") for n in range(300)))
        writing = [threads.submit(_talk, library, who) for who in ("one", "another")]
        adding.result()
        assert [None, None] == [done.result() for done in writing]
    assert (300, 200) == (len(library), len(library.conversations.get("talk", "me").turns))


def _talk(library: Library, who: str) -> None:
    for number in range(100):
        library.conversations.append("talk", _answer(f"{who} {number}"))
        library.conversations.keep_reply("me", f"{who} {number}", {"status": 201})


def test_drafts_of_feedback_are_cases_that_the_evals_take(assistant: Assistant, tmp_path: Path) -> None:
    given = [
        _feedback(assistant, TERRITORY, "up"),
        _feedback(assistant, "What is the boiling point of tungsten?", "up"),
    ]
    file = tmp_path / "drafts.yaml"
    file.write_text(draft_suite(given) + f"corpus: [{CORPUS}]\n", encoding="utf-8")
    (suite,) = load_suites([file])
    first, second = suite.cases
    assert ((TERRITORY, True, ("18%",)), (False, ())) == (
        (first.question, first.answerable, first.expected),
        (second.answerable, second.expected),
    )
    assert first.evidence[0].quote.startswith("Russia controls 18%")


def test_a_draft_of_a_disliked_answer_expects_nothing_yet(assistant: Assistant) -> None:
    (case,) = yaml.safe_load(draft_suite([_feedback(assistant, TERRITORY, "down", "the figure is old")]))["cases"]
    assert (True, "the figure is old") == ("expected" not in case, case["note"].rsplit("reader: ")[-1])


def _feedback(assistant: Assistant, question: str, verdict: Any, reason: str = "") -> Feedback:
    answer = wire.Answer.of("ans_1" if question == TERRITORY else "ans_2", assistant.ask(question))
    return Feedback(answer.id, verdict, reason, answer.model_dump(mode="json"), now())


def test_an_exported_conversation_shows_quotes_with_where_they_are_from(assistant: Assistant) -> None:
    text = as_markdown(_conversation(assistant))
    assert text.startswith(f"# {TERRITORY}\n\n## {TERRITORY}\n\n18%. Russia controls 18%")
    assert "1. “Russia controls 18% of Ukrainian territory" in text
    assert "Ongoing Now 24, 2025-05-12" in text


def test_what_is_exported_holds_no_markup_of_others(assistant: Assistant) -> None:
    conversation = _conversation(assistant)
    hostile = "<img src=x onerror=alert(1)> [click](javascript:alert(1)) `x`\n# head"
    citation = conversation.turns[0].answer.citations[0].model_copy(update={"quote": hostile, "url": "javascript:x"})
    answer = conversation.turns[0].answer.model_copy(update={"citations": (citation,)})
    text = as_markdown(
        conversation.model_copy(update={"turns": (conversation.turns[0].model_copy(update={"answer": answer}),)})
    )
    assert "\\<img src=x onerror=alert(1)\\> [click](javascript" not in text
    assert "\n# head" not in text
    assert "<javascript" not in text


def _conversation(assistant: Assistant) -> wire.Conversation:
    answer = wire.Answer.of("ans_1", assistant.ask(TERRITORY))
    turn = wire.StoredTurn(number=1, asked_at=now(), answer=answer)
    return wire.Conversation(id="conv_1", title=TERRITORY, created_at=now(), updated_at=now(), turns=(turn,))

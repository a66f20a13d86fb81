"""A question is understood with the turns it needs, and none where it stands alone; it is never changed itself."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsqa import Turn
from newsqa.dialogue import MOST_CHARS, MOST_TURNS, Understood, understood
from tests.fakes import ScriptedReader

FERRY = Turn("What does the ferry cost?", "Nothing. [1]")
TALKS = Turn("Who offered to host the talks in Istanbul?", "Turkish President Erdoğan offered to host them.")
WHEN = Turn("And when?", "On Thursday.")
WHY = "But why then?"
LEANS = ScriptedReader(leaning=[WHEN.question, WHY]).leans
TURNS = st.builds(Turn, st.text(max_size=60), st.text(max_size=20))


def test_a_question_that_stands_alone_needs_nothing() -> None:
    alone = understood("Who won the cup final?", [FERRY, TALKS], LEANS)
    assert Understood("Who won the cup final?") == alone
    assert ("Who won the cup final?",) * 2 == (alone.standalone, alone.searched)


def test_a_follow_up_stands_behind_the_question_it_leans_on() -> None:
    found = understood(WHY, [FERRY, TALKS], LEANS)
    assert Understood(WHY, (TALKS,), leaning=1.0) == found
    assert f"{TALKS.question} {WHY}" == found.standalone


def test_the_last_answer_is_searched_for_too_as_far_as_it_is_read() -> None:
    found = understood(WHY, [TALKS], LEANS)
    assert f"{TALKS.question} {WHY} {TALKS.answer}" == found.searched
    told = "a ferry" * 99
    assert f"Why? {WHY} {told[:160]}" == understood(WHY, [Turn("Why?", told)], LEANS).searched


def test_follow_ups_follow_each_other_back_to_a_question_that_stands_alone() -> None:
    found = understood(WHY, [FERRY, TALKS, WHEN], LEANS)
    assert (TALKS, WHEN) == found.conversation
    assert f"{TALKS.question} {WHEN.question} {WHY}" == found.standalone
    assert found.searched.endswith(WHEN.answer)
    assert TALKS.answer not in found.searched


def test_no_more_turns_are_looked_at_than_may_be() -> None:
    assert (WHEN,) * MOST_TURNS == understood(WHY, [TALKS, *[WHEN] * 9], LEANS).conversation


def test_each_question_is_judged_by_the_two_turns_before_it() -> None:
    judged = []

    def leans(question: str, conversation: Sequence[Turn]) -> float:
        judged.append((question, tuple(conversation)))
        return LEANS(question, conversation)

    understood(WHY, [FERRY, TALKS, WHEN], leans)
    assert [
        (WHY, (TALKS, WHEN)),
        (WHEN.question, (FERRY, TALKS)),
    ] == judged


@pytest.mark.parametrize(("probability", "needed"), [(0.0, 0), (0.29, 0), (0.3, 1), (1.0, 1)])
def test_what_is_likely_enough_to_lean_is_a_follow_up(probability: float, needed: int) -> None:
    assert needed == len(understood(WHY, [TALKS], lambda *_: probability).conversation)


def test_small_talk_in_between_counts_for_nothing() -> None:
    hello, ok = Turn("hello", "Hello. I can answer."), Turn("ok", "You’re welcome.")
    assert (TALKS,) == understood(WHY, [hello, TALKS, ok], LEANS).conversation
    assert () == understood(WHY, [hello, ok], LEANS).conversation


def test_a_summary_can_be_leant_on() -> None:
    summed_up = Turn("Summarise the story about the ferry", "It sails at noon.")
    assert (summed_up,) == understood(WHY, [summed_up], LEANS).conversation


def test_of_a_long_turn_only_its_beginning_is_looked_at() -> None:
    (needed,) = understood(WHY, [Turn(f"  What {'ferry ' * 999}", "noon " * 999)], LEANS).conversation
    assert (MOST_CHARS, MOST_CHARS) == (len(needed.question), len(needed.answer))
    assert needed.question.startswith("What ferry")


@given(st.text(max_size=60))
def test_without_a_history_a_question_stays_as_it_is(question: str) -> None:
    assert Understood(question) == understood(question, [], lambda *_: 1.0)


@given(st.text(max_size=60), st.lists(TURNS, max_size=5), st.sampled_from([0.0, 1.0]))
def test_the_question_is_never_changed_and_nothing_comes_from_outside_the_conversation(
    question: str, history: list[Turn], probability: float
) -> None:
    found = understood(question, history, lambda *_: probability)
    assert question == found.question
    assert found.standalone.endswith(question)
    assert set(found.conversation) <= {Turn(turn.question.strip(), turn.answer) for turn in history}


@pytest.mark.parametrize(("probability", "doubtful"), [(0.1, False), (0.5, True), (0.99, True), (0.999, False)])
def test_a_follow_up_that_may_stand_alone_is_doubtful(probability: float, doubtful: bool) -> None:
    assert doubtful == understood(WHY, [TALKS], lambda *_: probability).doubtful

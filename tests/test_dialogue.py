"""Follow-ups: what leans on the conversation takes in the last question, what stands alone stays as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsqa import Turn
from newsqa.dialogue import standalone_question
from newsqa.english import words

HISTORY = [
    Turn("What does the ferry cost?", "Nothing."),
    Turn("Who offered to host the talks in Istanbul?", "Turkish President Erdoğan offered to host."),
]
LAST = HISTORY[-1].question
ALONE = [
    "How much does the new bridge in Hollin Ferry cost?",
    "Why did Mayor Škvorec leave?",
    "Who won the cup final?",
    "Android sales rose when?",
    "Orlando Sotheby results?",
]
ASKING = ["And when?", "Why?", "When will it take place?", "So who hosts it?", "Is that true?", "WHERE?", "But why?"]
NAMING = ["And Moscow?", "What about Putin?", "How about Łodrava?", "and what about the mayor?", "Also the other one?"]


@given(st.text(max_size=60))
def test_without_a_history_a_question_stays_as_it_is(question: str) -> None:
    assert question == standalone_question(question, [])


@pytest.mark.parametrize("question", ALONE)
def test_a_question_that_stands_alone_stays_as_it_is(question: str) -> None:
    assert question == standalone_question(question, HISTORY)


@pytest.mark.parametrize("question", ASKING)
def test_a_follow_up_that_asks_takes_in_the_words_of_the_last_question_that_carry_meaning(question: str) -> None:
    whole = standalone_question(question, HISTORY)
    assert whole.startswith(question)
    assert {"offered", "host", "talks", "istanbul"} - set(words(question)) == set(words(whole)) - set(words(question))


@pytest.mark.parametrize("question", NAMING)
@pytest.mark.parametrize("space", ["", " " * 10], ids=["as it is", "behind white space"])
def test_a_follow_up_that_only_names_is_asked_as_the_last_question(question: str, space: str) -> None:
    assert [*LAST.split(), *question.split()] == standalone_question(space + question, HISTORY).split()


def test_words_that_are_in_the_follow_up_are_not_taken_in_again() -> None:
    question = "And when will the talks in Istanbul begin?"
    assert f"{question} (offered host)" == standalone_question(question, HISTORY)


@pytest.mark.parametrize("question", ["When did he say so?", "And who asked him?", "Why do they trust him?"])
def test_a_pronoun_for_a_person_takes_in_a_name_of_the_last_answer(question: str) -> None:
    assert {"erdogan", "talks"} <= set(words(standalone_question(question, HISTORY)))


@pytest.mark.parametrize("last", ["", "What is it?", "?"])
def test_a_last_question_without_meaning_adds_nothing_to_one_that_asks(last: str) -> None:
    assert "Why did he?" == standalone_question("Why did he?", [Turn(last)])


def test_names_and_numbers_are_taken_in_as_they_were_written() -> None:
    history = [Turn("Did Vårsund’s mayor, I. Nuñez-Åberg, pay €12.45 million?")]
    assert "Why? (Vårsund’s mayor Nuñez-Åberg pay 12.45 million)" == standalone_question("Why?", history)


@given(st.text(max_size=60), st.lists(st.builds(Turn, st.text(max_size=60), st.text(max_size=20)), max_size=3))
def test_nothing_of_a_question_is_lost_and_nothing_comes_from_before_the_last_turn(
    question: str, history: list[Turn]
) -> None:
    whole = standalone_question(question, history)
    last = [text for turn in history[-1:] for text in (turn.question, turn.answer)]
    assert question in whole
    assert set(words(whole)) <= set(words(" ".join([question, *last])))

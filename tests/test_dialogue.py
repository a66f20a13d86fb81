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
    taken = set(words(whole)) - set(words(question))
    assert {"offered", "host", "talks", "istanbul"} - set(words(question)) == taken - {
        "turkish",
        "president",
        "erdogan",
    }


IN_PLACE = {
    ("How many soldiers has Ukraine lost?", "And Russia?"): "How many soldiers has Russia lost?",
    ("How fast is Russia’s economy shrinking?", "and Ukraine’s?"): "How fast is Ukraine’s economy shrinking?",
    ("What will cars pay on the Hollin Bridge?", "And the lorries?"): "What will lorries pay on the Hollin Bridge?",
    ("How many goldeneyes were counted?", "What about whooper swans?"): "How many whooper swans were counted?",
    ("What was ore worth in May?", "And in 2022?"): "What was ore worth in 2022?",
    ("Which bridge is closed?", "And the tunnel?"): "Which tunnel is closed?",
    ("When did Suni Williams return?", "And her deputy?"): "When did Suni Williams’s deputy return?",
    ("How much did it earn in 2024?", "And 2023?"): "How much did it earn in 2023?",
    ("How old is Tolle-Vance?", "And the other one?"): "How old is Tolle-Vance? And the other one?",
}


@pytest.mark.parametrize(("last", "question"), IN_PLACE)
@pytest.mark.parametrize("space", ["", " " * 10], ids=["as it is", "behind white space"])
def test_a_follow_up_that_only_names_is_the_last_question_about_that(last: str, question: str, space: str) -> None:
    understood = standalone_question(space + question, [Turn(last)])
    assert IN_PLACE[last, question].split() == understood.split()


def test_follow_ups_follow_each_other() -> None:
    history = [Turn("How many goldeneyes were counted on the lagoon?"), Turn("And whooper swans?")]
    assert "How many geese were counted on the lagoon?" == standalone_question("And geese?", history)


def test_words_that_are_in_the_follow_up_are_not_taken_in_again() -> None:
    history = [Turn("Who offered to host the talks in Istanbul?")]
    question = "And when will the talks in Istanbul begin?"
    assert f"{question} (offered host)" == standalone_question(question, history)


HE = {
    "whom the last question names": (
        [Turn("How did Ignác Þorvald vote?", "Ignác Þorvald voted no.")],
        "Why did he refuse?",
        "Why did Ignác Þorvald refuse? (vote)",
    ),
    "whom the answer to a who-question names": (
        [Turn("Who runs the river authority?", "K. L. Marsh runs it.")],
        "What is her plan?",
        "What is K. L. Marsh’s plan? (runs river authority)",
    ),
    "not who only said so": (
        [Turn("Who planned the theft?", "Judge Amélie Stroud said that Tolle-Vance planned it.")],
        "How long must he stay in prison?",
        "How long must Tolle-Vance stay in prison? (planned theft)",
    ),
    "not a place": (
        [Turn("How did people in Moscow take Putin's offer?", "Calmly.")],
        "When did he make it?",
        "When did Putin make it? (people Moscow take offer)",
    ),
    "who was spoken of before": (
        [Turn("Where did Ottilie Rask teach?", "In Ulm."), Turn("And after that?", "She joined the radio.")],
        "What was her programme called?",
        "What was Ottilie Rask’s programme called? (teach)",
    ),
    "not the first word of an answer": (
        [Turn("Did the mayor resign?", "Yes. Mayor Lena Holt resigned on Friday.")],
        "Why did she resign?",
        "Why did Mayor Lena Holt resign?",
    ),
    "who is asked about": (
        [Turn("Who is Lena Holt?", "Lena Holt is the mayor of Ulm.")],
        "How old is she?",
        "How old is Lena Holt?",
    ),
    "only the first of two": (
        [Turn("When did Merz speak?", "On Friday.")],
        "When did he meet her?",
        "When did Merz meet her? (speak)",
    ),
    "nobody else where the follow-up names someone": (
        [Turn("How did Ignác Þorvald vote?")],
        "Did Marsh say that he refused?",
        "Did Marsh say that he refused? (Ignác Þorvald vote)",
    ),
}


@pytest.mark.parametrize(("history", "question", "understood"), HE.values(), ids=HE)
def test_he_and_she_become_a_name(history: list[Turn], question: str, understood: str) -> None:
    assert understood == standalone_question(question, history)


ALONE_IN_A_TALK = [
    "Is it true that Lionel Messi will retire from Inter Miami?",
    "Are there any strikes at Lufthansa in Frankfurt?",
    "What happened in Berlin this week?",
    "How deep was the largest lake of all?",
]


@pytest.mark.parametrize("question", ALONE_IN_A_TALK)
def test_a_new_subject_takes_nothing_in(question: str) -> None:
    history = [Turn("Why did the ECB cut rates?", "K. L. Marsh runs it for 2 days. [1]")]
    assert question == standalone_question(question, history)


def test_small_talk_in_between_counts_for_nothing() -> None:
    history = [Turn("hello", "Hello. I can answer."), Turn("How many seats did Ann Lee win?", "Nine."), Turn("ok")]
    assert "When did Ann Lee vote? (seats win)" == standalone_question("When did she vote?", history)
    assert "Why did it stop?" == standalone_question("Why did it stop?", history[:1])


def test_a_thing_that_was_spoken_of_is_taken_up() -> None:
    history = [Turn("What did Blink record?", "The resulting album was produced by John Feldmann.")]
    assert "How successful was the album? (Blink record)" == standalone_question(
        "How successful was the album?", history
    )


@pytest.mark.parametrize("last", ["", "What is it?", "?"])
def test_a_last_question_without_meaning_adds_nothing_to_one_that_asks(last: str) -> None:
    assert "Why did he?" == standalone_question("Why did he?", [Turn(last)])


def test_names_and_numbers_are_taken_in_as_they_were_written() -> None:
    history = [Turn("Did Vårsund’s mayor, I. Nuñez-Åberg, pay €12.45 million?")]
    assert "Why? (Vårsund’s mayor Nuñez-Åberg pay 12.45 million)" == standalone_question("Why?", history)


@given(st.text(max_size=60), st.lists(st.builds(Turn, st.text(max_size=60), st.text(max_size=20)), max_size=3))
def test_nothing_comes_from_outside_the_conversation(question: str, history: list[Turn]) -> None:
    whole = standalone_question(question, history)
    said = [text for turn in history for text in (turn.question, turn.answer)]
    assert set(words(whole)) <= set(words(" ".join([question, *said]))) | {"s"}

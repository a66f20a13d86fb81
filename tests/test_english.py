"""Words, stems and kinds of answers, on questions and sentences as readers and papers write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsqa.english import FUNCTION_WORDS, Kind, content_words, expected_kind, folded, holds, names, stem, stems, words

WORDS = {
    "case and accents": ("Vårsund’s MAYOR, Škvorec", ["varsund", "s", "mayor", "skvorec"]),
    "decomposed accents": ("Va\u030arsund", ["varsund"]),
    "money": ("€12.45 million, $80.5.", ["12.45", "million", "80.5"]),
    "thousands": ("1,170 days, 3, 4", ["1,170", "days", "3", "4"]),
    "score": ("won 3–2 (57th)", ["won", "3", "2", "57th"]),
    "hyphens": ("cable-stayed COVID-19 a_b", ["cable", "stayed", "covid", "19", "a", "b"]),
    "initials": ("K. L. Marsh of the U.S.", ["k", "l", "marsh", "of", "the", "u", "s"]),
    "Turkish İ": ("İstanbul", ["istanbul"]),
    "other scripts": ("Київ 北京", ["киів", "北京"]),
    "nothing": ("— … “!”", []),
}


@pytest.mark.parametrize(("text", "expected"), WORDS.values(), ids=WORDS)
def test_words_are_lower_case_without_accents_and_numbers_stay_whole(text: str, expected: list[str]) -> None:
    assert expected == words(text)


@given(st.text(max_size=100))
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert folded(text) == folded(folded(text)) == folded(text).lower()
    assert words(text) == words(folded(text))


@given(st.text(max_size=100))
def test_content_words_are_words_of_the_text_each_once_and_never_none_where_there_is_one(text: str) -> None:
    found = content_words(text)
    assert set(found) <= set(words(text))
    assert len(found) == len(set(found))
    assert bool(found) == bool(words(text))


def test_content_words_leave_out_function_words_unless_there_are_no_others() -> None:
    assert ["offered", "host", "talks"] == content_words("Who offered to host the talks, the talks?")
    assert ["who", "is", "he"] == content_words("Who is he?")


def test_function_words_are_words_as_the_text_is_cut() -> None:
    assert set() == {word for word in FUNCTION_WORDS if words(word) != [word]}


@pytest.mark.parametrize(
    ("one", "other"),
    [("negotiations", "negotiation"), ("bridges", "bridge"), ("flooded", "flooding"), ("announced", "announces")],
)
def test_forms_of_a_word_have_one_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize(("one", "other"), [("bridge", "bride"), ("mine", "miner"), ("2025", "2024")])
def test_other_words_have_other_stems(one: str, other: str) -> None:
    assert stem(one) != stem(other)


def test_stems_are_those_of_the_content_words_each_once() -> None:
    assert [stem("bridge"), stem("close"), "12.45"] == stems("The bridges’ bridge was closed: €12.45")


QUESTIONS = {
    Kind.PERSON: [
        "Who offered to host the talks?",
        "Whose idea was it?",
        "Which minister resigned?",
        "To whom did it go?",
    ],
    Kind.DATE: ["When did it open?", "What day is the summit?", "In what year was it built?", "What time is it?"],
    Kind.NUMBER: ["How many people marched?", "How old is she?", "How high was the flood?", "What share is left?"],
    Kind.MONEY: ["How much did the bridge cost?", "What is the toll for cars?", "How much does Łodrava spend?"],
    Kind.PLACE: ["Where is the mine?", "In which town is it?", "What country hosts the talks?"],
    Kind.REASON: ["Why did it close?", "What caused the flood?", "What is the reason for the delay?", "How come?"],
    Kind.MANNER: ["How did they count the birds?", "How does it work?"],
    Kind.QUOTE: ["What did Trump post?", "What did the mayor say about it?", "What does he accuse Kyiv of?"],
    Kind.OTHER: ["What is cendrelle?", "Is the bridge open?", "Tell me about the talks.", "Łodrava?", ""],
}


@pytest.mark.parametrize(
    ("question", "kind"), [(question, kind) for kind, questions in QUESTIONS.items() for question in questions]
)
def test_a_question_expects_a_kind_however_it_is_written(question: str, kind: Kind) -> None:
    assert kind is expected_kind(question)
    assert kind is expected_kind(question.upper())


HOLDING = {
    Kind.PERSON: (["It was Kofi Sundqvist-Rae.", "It was Ludwig van Rijn."], ["The river rose.", "He said so."]),
    Kind.DATE: (["In 1742.", "At 5 p.m.", "On May 2.", "Three years ago.", "By 12:30."], ["It may rain.", "5 of 7."]),
    Kind.NUMBER: (["Twelve men.", "7,812 came.", "Twice."], ["Nobody came."]),
    Kind.MONEY: (["€1,300.", "$ 5.", "5 million euros.", "It is free."], ["5 kg.", "430 workers."]),
    Kind.PLACE: (["It fell in Kyiv.", "It is from the Upland."], ["It fell in a hurry."]),
    Kind.REASON: (["It fell because it rained.", "Owing to rain, it fell."], ["It fell."]),
    Kind.QUOTE: (["“No.”", "She said no.", "It is late, according to him."], ["She left."]),
}


@pytest.mark.parametrize("kind", HOLDING)
def test_a_sentence_holds_a_kind_or_not(kind: Kind) -> None:
    having, lacking = HOLDING[kind]
    assert having == [text for text in having + lacking if holds(kind, text)]


@pytest.mark.parametrize("kind", [Kind.MANNER, Kind.OTHER])
def test_any_sentence_may_tell_a_manner_or_anything_else(kind: Kind) -> None:
    assert holds(kind, "")


NAMES = {
    "not the first word": ("Putin met Erdoğan’s envoys in Istanbul.", ["erdogan", "istanbul"]),
    "but a first number": ("43 envoys came in 2022.", ["43", "2022"]),
    "inside quotes": ("He said “The Kremlin’s” plan (NATO's) failed.", ["kremlin", "nato"]),
    "hyphens": ("It was Nuñez-Åberg.", ["nunez", "aberg"]),
    "none": ("Nobody came.", []),
    "nothing": ("", []),
}


@pytest.mark.parametrize(("text", "expected"), NAMES.values(), ids=NAMES)
def test_names_are_capitalised_words_behind_the_first_and_numbers(text: str, expected: list[str]) -> None:
    assert expected == list(names(text))

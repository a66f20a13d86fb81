"""Words, stems and kinds of answers, on questions and sentences as readers and papers write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsqa.domain import Span
from newsqa.english import (
    FUNCTION_WORDS,
    Kind,
    content_words,
    expected_kind,
    figures,
    folded,
    holds,
    name_runs,
    stem,
    stems,
    whole_measure,
    words,
)

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
    Kind.DATE: (["In 1742.", "At 5 p.m.", "On May 2.", "Three years ago.", "By 12:30."], ["It may rain.", "5 of 7."]),
    Kind.NUMBER: (["Twelve men.", "7,812 came.", "Twice."], ["Nobody came."]),
}


@pytest.mark.parametrize("kind", HOLDING)
def test_a_sentence_holds_a_kind_or_not(kind: Kind) -> None:
    having, lacking = HOLDING[kind]
    assert having == [text for text in having + lacking if holds(kind, text)]


RUNS = {
    "a name of several words": ("Ottilie Ķempe-Rask, the broadcaster, left.", ["Ottilie Ķempe-Rask"]),
    "initials": ("“No,” said K. L. Marsh.", ["K. L. Marsh"]),
    "abbreviations": ("It flooded St. Orlan.", ["St. Orlan"]),
    "particles": ("Pedro de la Vega met al men.", ["Pedro de la Vega"]),
    "an opening word and a day before it": ("On Monday Merz spoke.", ["Merz"]),
    "a word that opens a sentence": ("Ferries sail. The ferries of Ulm are old.", ["Ulm"]),
    "an answer's first word": ("Yes. Mayor Lena Holt resigned.", ["Mayor Lena Holt"]),
    "figures": ("Nine million euros, says Voss.", ["Voss"]),
    "a possessive": ("He met Erdoğan’s envoys.", ["Erdoğan"]),
    "small letters with accents": ("An émigré from Łodrava.", ["Łodrava"]),
    "none": ("There it rained.", []),
    "nothing": ("", []),
}


@pytest.mark.parametrize(("text", "expected"), RUNS.values(), ids=RUNS)
def test_runs_of_capitalised_words_are_names(text: str, expected: list[str]) -> None:
    assert expected == [name.of(text) for name in name_runs(text)]


MEASURES = {
    "It is sentenced to three years and six months in prison.": ("six months", "three years and six months"),
    "It leaves at 9:52 p.m. daily.": ("9:52", "9:52 p.m."),
    "It rose on 37 days.": ("37", "37 days"),
    "It cost €1.9 million.": ("1.9", "€1.9 million"),
    "Twelve men came.": ("Twelve men", "Twelve men"),
    "The road was shut.": ("road", "road"),
}


@pytest.mark.parametrize("text", MEASURES)
def test_an_amount_has_its_unit(text: str) -> None:
    part, whole = MEASURES[text]
    start = text.index(part)
    assert whole == whole_measure(text, Span(start, start + len(part))).of(text)


FIGURES = {
    "about 1,200 people": {1200.0},
    "twelve": {12.0},
    "$5m": {5e6},
    "5 million dollars": {5e6},
    "two million or 2.5 billion": {2e6, 2.5e9},
    "nobody": set(),
}


@pytest.mark.parametrize("text", FIGURES)
def test_figures_are_read_however_they_are_written(text: str) -> None:
    assert FIGURES[text] == figures(text)

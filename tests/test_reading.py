"""What the reader is given, the best span of a reading, and what the packaged reader makes of plain questions."""

from datetime import date
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from newsqa import Article, ScoredPassage, Span, Turn, split_passages
from newsqa.errors import ModelError
from newsqa.passages import split_sentences
from newsqa.reader import Given, Reader, Reading, given
from newsqa.reader.asking import MOST_ANSWER_CHARS, introduction, with_conversation
from newsqa.reader.reading import MAX_TOKENS, PACKAGED_READER, UNREAD, reader_tokenizer, trimmed

TEXT = "The ferry sails at noon. Dogs are welcome."
TOKENS = [(0, 3), (4, 9), (10, 15), (16, 18), (19, 23), (23, 24), (25, 29), (30, 33), (34, 41), (41, 42)]
NEITHER = np.array([0, 0, 1], np.float32)
READER = Reader()
FERRY = Turn("Does the ferry sail in winter?", "Yes, it sails all year.")


def _given(text: str, before: str = "") -> Given:
    return Given(text, tuple(Span(each.start, each.end) for each in split_sentences(text)), before)


def _reading(start: int, end: int) -> Reading:
    """A reading that points at these tokens."""
    starts, ends = np.zeros(len(TOKENS), np.float32), np.zeros(len(TOKENS), np.float32)
    starts[start], ends[end] = 5, 4
    return Reading(0.0, np.zeros(2, np.float32), NEITHER, 1.0, starts, ends, np.array(TOKENS), TEXT)


# What is given


def test_a_passage_is_read_behind_its_title_and_day_and_without_its_headings_as_sentences() -> None:
    text = "It sails again.\n\n## Fares\n\nA car pays three crowns. Walkers go free."
    *_, passage = split_passages(Article(id="a", title="The ferry is back", text=text), 30)
    asked = given(ScoredPassage(passage, "The ferry is back", "", "", date(2025, 5, 16), 0.5))
    assert ("The ferry is back. 16 May 2025. ", passage.text) == (asked.introduction, asked.text)
    assert ["A car pays three crowns.", "Walkers go free."] == [span.of(asked.text) for span in asked.sentences][-2:]
    assert not [span for span in asked.sentences if "Fares" in span.of(asked.text)]


@pytest.mark.parametrize(
    ("title", "day", "before"),
    [
        ("Ferry", date(2025, 5, 1), "Ferry. 1 May 2025. "),
        ("Is the ferry back?", None, "Is the ferry back? "),
        (" ", date(2025, 5, 1), "1 May 2025. "),
        ("", None, ""),
    ],
)
def test_an_introduction_says_what_is_known(title: str, day: date | None, before: str) -> None:
    assert before == introduction(title, day)


def test_a_question_is_read_with_the_last_turn_and_the_first_question() -> None:
    turns = [Turn("One?", "1"), Turn("Two?", "2"), Turn("Three?", "It is\n3.")]
    assert "Why?" == with_conversation("Why?", [])
    assert "Why? | One? | 1" == with_conversation("Why?", turns[:1])
    assert "Why? | Three? | It is 3. | One?" == with_conversation("Why?", turns)
    assert "Why? | One?" == with_conversation("Why?", [Turn("One?")])


def test_of_an_answer_before_a_question_only_the_beginning_is_read() -> None:
    *_, told = with_conversation("Why?", [Turn("One?", "x" * 999)]).split(" | ")
    assert MOST_ANSWER_CHARS == len(told)


# The best span


def test_the_best_span_is_where_start_and_end_are_likeliest() -> None:
    found = _reading(3, 4).best(Span(0, len(TEXT)))
    assert (9.0, "at noon") == (found[0], found[1].of(TEXT)) if found else None


def test_a_span_ends_no_earlier_than_it_starts() -> None:
    found = _reading(4, 3).best(Span(0, len(TEXT)))
    assert found is not None
    assert found[0] < 9


def test_a_span_stays_within_the_part_that_is_asked_for() -> None:
    found = _reading(3, 4).best(Span(25, 42))
    assert found is not None
    assert Span(25, 42).start <= found[1].start
    assert None is _reading(3, 4).best(Span(24, 25))


def test_a_span_is_no_longer_than_an_answer_may_be() -> None:
    text = "word " * 100
    offsets = np.array([(5 * n, 5 * n + 4) for n in range(100)])
    starts, ends = np.zeros(100, np.float32), np.zeros(100, np.float32)
    starts[0], ends[32] = 5, 4
    found = Reading(0.0, np.zeros(1, np.float32), NEITHER, 0.0, starts, ends, offsets, text).best(Span(0, 500))
    assert found is not None
    assert 5.0 == found[0]


@pytest.mark.parametrize(
    ("text", "part", "whole"),
    [
        ("It sails at noon, daily.", "noon,", "noon"),
        ("The Zaporizhzhia plant is safe.", "Zapor", "Zaporizhzhia"),
        ("It begins at 5 p.m. on Monday.", "5 p.m", "5 p.m."),
        ("He moved to the U.S. in May.", "the U.S.", "the U.S."),
        ("He left Ulm. It rained.", "Ulm.", "Ulm"),
        ("It cost (at least) €5, they say.", "(at least) €5,", "(at least) €5"),
        ("It fell by 38%.", "38%.", "38%"),
        ("It was cut from AA+ to AA-.", "AA-.", "AA-"),
        ("It has 1,200 men.", "200", "1,200"),
        ("Tolle-Vance left.", "Tolle", "Tolle-Vance"),
        ("France’s plan", "France", "France"),
        ("“No deal,” he said.", "“No deal,”", "“No deal,”"),
        ("“No deal,” he said.", "No deal,”", "No deal"),
        ("Well ... no.", "...", "..."),
    ],
)
def test_a_span_has_whole_words_and_no_stray_punctuation(text: str, part: str, whole: str) -> None:
    start = text.index(part)
    assert whole == trimmed(text, Span(start, start + len(part)), Span(0, len(text))).of(text)


def test_a_span_is_not_widened_beyond_its_sentence() -> None:
    assert "noon" == trimmed("At noonIt rained.", Span(3, 6), Span(0, 7)).of("At noonIt rained.")


# The packaged reader


@pytest.mark.parametrize(
    ("question", "answer", "place"),
    [("When does the ferry sail?", "noon", 0), ("Which animals are welcome?", "Dogs", 1)],
)
def test_the_packaged_reader_finds_a_plain_answer(question: str, answer: str, place: int) -> None:
    (reading,) = READER.read(question, [_given(TEXT)])
    found = reading.best(Span(0, len(TEXT)))
    assert found is not None
    assert answer in found[1].of(TEXT)
    assert found[0] > reading.none
    assert reading.here > 0
    assert place == reading.sentences.argmax()
    assert reading.sentences[place] > 0


def test_the_packaged_reader_knows_when_nothing_answers() -> None:
    (reading,) = READER.read("Who is the captain of the ferry?", [_given(TEXT)])
    found = reading.best(Span(0, len(TEXT)))
    assert found is not None
    assert found[0] < reading.none
    assert reading.here < 0
    assert (reading.sentences < 0).all()


@pytest.mark.parametrize(
    ("asked", "likeliest"),
    [
        ("Does the ferry sail at noon?", 0),
        ("Are dogs welcome?", 0),
        ("Does the ferry sail at midnight?", 1),
        ("Are dogs forbidden?", 1),
        ("Is the captain from Ulm?", 2),
        ("The ferry sails at noon.", 0),
        ("The ferry sails at midnight.", 1),
        ("The captain is from Ulm.", 2),
    ],
)
def test_the_packaged_reader_says_yes_no_or_neither(asked: str, likeliest: int) -> None:
    (reading,) = READER.read(asked, [_given(TEXT)])
    assert pytest.approx(1) == reading.verdict.sum()
    assert likeliest == reading.verdict.argmax()


@pytest.mark.parametrize("question", ["And when?", "Why?", "How many cars does it carry?", "And in summer?"])
def test_a_question_that_points_back_leans(question: str) -> None:
    assert READER.leans(question, [FERRY]) > 0.5
    assert 0 == READER.leans(question, [])


@pytest.mark.parametrize(
    "question", ["Who won the cup final on Sunday?", "How many people marched in Dunmarrow?", FERRY.question]
)
def test_a_question_that_names_what_it_asks_about_does_not(question: str) -> None:
    assert 0.5 > READER.leans(question, [FERRY]) > 0


def test_what_was_spoken_of_before_a_question_counts() -> None:
    text = "The ferry to Ulm sails at noon. The train to Lund leaves at dawn."
    after = [
        READER.read("And when does it leave?", [_given(text)], [Turn(f"Does a {what}?", "Yes.")])[0].sentences
        for what in ("ferry go to Ulm", "train go to Lund")
    ]
    (of_ferry, of_train) = (sentences[0] - sentences[1] for sentences in after)
    assert of_ferry > of_train


# What is read does not depend on what is beside it

PASSAGES = [
    _given(TEXT * 20),
    _given("Noon."),
    _given(TEXT, "The ferry. 1 May 2025. "),
    _given(TEXT),
    _given(""),
    Given(TEXT, ()),
]


def _bits(reading: Reading) -> tuple[float | bytes, ...]:
    arrays = (reading.sentences, reading.verdict, reading.starts, reading.ends, reading.offsets)
    return (reading.here, reading.none, *(array.tobytes() for array in arrays))


@settings(max_examples=10, deadline=None)
@examples(st.permutations(range(len(PASSAGES))), st.integers(1, len(PASSAGES)))
def test_a_reading_is_the_same_to_the_bit_alone_and_among_others_in_any_order(order: list[int], count: int) -> None:
    passages = [PASSAGES[index] for index in order[:count]]
    alone = [READER.read("When does the ferry sail?", [passage], [FERRY])[0] for passage in passages]
    together = READER.read("When does the ferry sail?", passages, [FERRY])
    assert [_bits(reading) for reading in alone] == [_bits(reading) for reading in together]


def test_a_reading_is_the_same_to_the_bit_however_many_threads_there_are() -> None:
    one, four = (
        [_bits(reading) for reading in Reader(threads=threads).read("When?", PASSAGES * 3)] for threads in (1, 4)
    )
    assert one == four


def test_each_passage_has_its_own_reading_with_its_own_sentences() -> None:
    readings = READER.read("When does the ferry sail?", PASSAGES)
    assert [each.text for each in PASSAGES] == [reading.text for reading in readings]
    assert [len(each.sentences) for each in PASSAGES] == [len(reading.sentences) for reading in readings]
    assert [0, len(TOKENS)] == [len(reading.offsets) for reading in readings[-2:]]
    assert [] == READER.read("When?", [])


def test_what_stands_before_a_passage_is_never_its_answer() -> None:
    plain, introduced = READER.read("When does the ferry sail?", [_given(TEXT), _given(TEXT, "At ten. 1 May 2025. ")])
    assert TOKENS == [tuple(each) for each in plain.offsets] == [tuple(each) for each in introduced.offsets]
    assert not np.array_equal(plain.starts, introduced.starts)


def test_a_sentence_behind_the_end_of_what_is_read_is_unread() -> None:
    long = _given(f"{TEXT} " * 40)
    (reading,) = READER.read("When does the ferry sail?", [long])
    seen = reading.sentences > UNREAD
    assert 80 == len(seen)
    assert [True] * seen.sum() + [False] * (~seen).sum() == list(seen)
    last = reading.offsets[-1, 1]
    assert [each.start < last for each in long.sentences] == list(seen)
    assert len(reading.offsets) < MAX_TOKENS
    assert None is reading.best(long.sentences[-1])


@pytest.mark.parametrize("conversation", [[], [Turn("What " * 400, "noon " * 400)]], ids=["alone", "in a conversation"])
def test_a_question_longer_than_it_can_read_leaves_room_for_the_passage(conversation: list[Turn]) -> None:
    question = "When does the ferry sail? " * 60
    (reading,) = READER.read(question, [_given(TEXT)], conversation)
    assert len(TOKENS) == len(reading.offsets)
    assert 0 <= READER.leans(question, conversation) <= 1


@settings(max_examples=25, deadline=None)
@examples(st.text(max_size=60), st.text(max_size=80))
def test_any_text_can_be_read(question: str, text: str) -> None:
    (reading,) = READER.read(question, [_given(text)], [Turn(text, question)])
    assert np.isfinite([reading.here, reading.none, *reading.sentences, *reading.verdict]).all()
    assert 0 <= READER.leans(question, [Turn(text)]) <= 1


def test_the_model_card_names_the_hash_of_the_weights() -> None:
    card = (PACKAGED_READER / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert sha256((PACKAGED_READER / "model.onnx").read_bytes()).hexdigest() in card


def test_a_missing_or_damaged_reader_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="missing: install newsqa again"):
        Reader(tmp_path).read("When?", [_given(TEXT)])
    with pytest.raises(ModelError, match="missing: install newsqa again"):
        Reader(tmp_path).leans("When?", [FERRY])
    (tmp_path / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="damaged: install newsqa again"):
        Reader(tmp_path).read("When?", [_given(TEXT)])


def test_a_special_token_in_a_text_is_text() -> None:
    encoding = reader_tokenizer().encode("What is [SEP]?", "[CLS] is a token.")
    assert ["[CLS]", "[SEP]", "[SEP]"] == [token for token in encoding.tokens if token in {"[CLS]", "[SEP]"}]

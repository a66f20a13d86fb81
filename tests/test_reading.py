"""The best span of a reading, and what the packaged reader makes of a plain question."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from newsqa import Span
from newsqa.errors import ModelError
from newsqa.reader import Reader, Reading
from newsqa.reader.reading import PACKAGED_READER, trimmed

TEXT = "The ferry sails at noon. Dogs are welcome."
TOKENS = [(0, 3), (4, 9), (10, 15), (16, 18), (19, 23), (23, 24), (25, 29), (30, 33), (34, 41), (41, 42)]


def _reading(start: int, end: int) -> Reading:
    """A reading that points at these tokens."""
    starts, ends = np.zeros(len(TOKENS), np.float32), np.zeros(len(TOKENS), np.float32)
    starts[start], ends[end] = 5, 4
    return Reading(0.0, 1.0, starts, ends, np.array(TOKENS), TEXT)


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


@pytest.mark.parametrize(("question", "answer"), [("When does the ferry sail?", "noon"), ("What is welcome?", "Dogs")])
def test_the_packaged_reader_finds_a_plain_answer(question: str, answer: str) -> None:
    (reading,) = Reader().read(question, [TEXT])
    found = reading.best(Span(0, len(TEXT)))
    assert found is not None
    assert answer in found[1].of(TEXT)


def test_passages_are_read_in_their_order_whatever_their_length() -> None:
    passages = [TEXT * 20, "Noon.", TEXT, ""]
    readings = Reader().read("When does the ferry sail?", passages)
    alone = [Reader().read("When does the ferry sail?", [passage])[0] for passage in passages[1:3]]
    assert [len(reading.offsets) for reading in alone] == [len(reading.offsets) for reading in readings[1:3]]
    assert 0 == len(readings[3].offsets)


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


def test_the_model_card_names_the_hash_of_the_weights() -> None:
    card = (PACKAGED_READER / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert sha256((PACKAGED_READER / "model.onnx").read_bytes()).hexdigest() in card


def test_a_missing_reader_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="missing: install newsqa again"):
        Reader(tmp_path).read("When?", [TEXT])


def test_a_question_longer_than_it_can_read_leaves_room_for_the_passage() -> None:
    (reading,) = Reader().read("When does the ferry sail? " * 60, [TEXT])
    assert len(TOKENS) == len(reading.offsets)

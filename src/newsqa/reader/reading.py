"""Reads a question and passages together: where the answer stands in each, and whether it is there at all."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from unicodedata import combining

import numpy as np

from newsqa.domain import Span
from newsqa.embedding import PACKAGED_MODEL
from newsqa.inference import PackagedModel, batches, packaged_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGED_READER = Path(__file__).parents[1] / "models" / "reader"
MAX_TOKENS = 256
"""Of question and passage together; the rest of a longer passage is not seen."""
MAX_QUESTION_TOKENS = 64
MAX_ANSWER_TOKENS = 32
_BRACKETS = {"(": ")", "[": "]", "“": "”", "‘": "’", '"': '"'}
_SIGNS, _UNITS = "$€£¥−-+#", "%°€$£¥′″"
_NUMBER_MARK = re.compile(r"\d[.,]\d")
_HYPHEN = re.compile(r"[^\W\d_]-[^\W\d_]")
_DOTTED = re.compile(r"(?:^|\W)(?:[^\W\d_]\.){2,}$")


@dataclass(frozen=True)
class Reading:
    """What the reader makes of one passage."""

    here: float
    """Logit that the passage answers the question."""
    none: float
    """Score of "no span in this passage", comparable with a span's."""
    starts: "NDArray[np.float32]"
    """Logit of each token of the passage to be the first of the answer: [tokens]."""
    ends: "NDArray[np.float32]"
    """The same for the last."""
    offsets: "NDArray[np.int64]"
    """Where each token stands in the passage: [tokens, 2]."""
    text: str
    """The passage."""

    def best(self, within: Span) -> tuple[float, Span] | None:
        """The best span inside a part of the passage, trimmed, and its score, start plus end; None without a token."""
        inside = np.flatnonzero((self.offsets[:, 0] >= within.start) & (self.offsets[:, 1] <= within.end))
        if not len(inside):
            return None
        scores = self.starts[inside][:, None] + self.ends[inside][None, :]
        far = np.tri(len(inside), k=-1, dtype=bool) | ~np.tri(len(inside), k=MAX_ANSWER_TOKENS - 1, dtype=bool)
        scores[far] = -np.inf
        first, last = np.unravel_index(scores.argmax(), scores.shape)
        found = Span(int(self.offsets[inside[first], 0]), int(self.offsets[inside[last], 1]))
        return float(scores[first, last]), trimmed(self.text, found, within)


class Reads(Protocol):
    """What reads a question and passages together: the packaged `Reader`, or a stand-in."""

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """A reading for each of the passages, in their order."""


class Reader:
    """The packaged reader, by ONNX Runtime. Needs no network and no torch."""

    def __init__(self, folder: Path = PACKAGED_READER, threads: int = 0) -> None:
        """Loads nothing yet; the first question does.

        Args:
            folder: holds `model.onnx`; the tokenizer is that of the packaged embedding model.
            threads: of ONNX Runtime; 0 for one a core, at most 8.
        """
        self._folder, self._threads = folder, threads

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """A reading for each of the passages, in their order.

        Raises:
            ModelError: the model's files are missing or damaged.
        """
        encodings = self._tokenizer.encode_batch([(self._cut(question), passage) for passage in passages])
        readings: dict[int, Reading] = {}
        for rows, ids, mask, types in batches(encodings):
            inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
            starts, ends, here = self._model.run(["start", "end", "here"], inputs)
            for row, index in enumerate(rows):
                readings[index] = _reading(passages[index], encodings[index], starts[row], ends[row], float(here[row]))
        return [readings[index] for index in range(len(passages))]

    def _cut(self, question: str) -> str:
        """The question as far as it leaves room for a passage."""
        encoding = self._uncut.encode(question, add_special_tokens=False)
        return (
            question if len(encoding) <= MAX_QUESTION_TOKENS else question[: encoding.offsets[MAX_QUESTION_TOKENS][0]]
        )

    @cached_property
    def _uncut(self) -> Any:
        tokenizer = reader_tokenizer()
        tokenizer.no_truncation()
        return tokenizer

    @cached_property
    def _tokenizer(self) -> Any:  # its library is imported late
        return reader_tokenizer()

    @cached_property
    def _model(self) -> PackagedModel:
        return PackagedModel(self._folder, self._threads)


def reader_tokenizer() -> Any:
    """The packaged tokenizer, cutting the passage where question and passage are too long together."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(packaged_file(PACKAGED_MODEL, "tokenizer.json").decode())
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS, strategy="only_second")
    return tokenizer


def trimmed(text: str, span: Span, within: Span) -> Span:
    """`span` widened to whole words and freed of punctuation at its ends; as it is where nothing else is in it.

    The stop of "p.m." and "U.S.", a closing bracket or quote whose opening one is inside, and signs of money and
    percent stay.
    """
    start, end, last = span.start, span.end, min(within.end, len(text))
    while start > within.start and _in_word(text, start):
        start -= 1
    while end < last and _in_word(text, end):
        end += 1
    if end < last and text[end] == "." and _DOTTED.search(text[start : end + 1]):
        end += 1
    while start < end and not _begins(text, start, end):
        start += 1
    while start < end and not _ends(text, start, end):
        end -= 1
    return Span(start, end) if start < end else span


def _in_word(text: str, place: int) -> bool:
    """Whether a cut before `place` would part a word, a number or a name with a hyphen."""
    one, other = text[place - 1 : place], text[place : place + 1]
    if (one.isalnum() or combining(one or " ")) and (other.isalnum() or combining(other or " ")):
        return True
    around = text[max(0, place - 2) : place + 2]
    return bool(_NUMBER_MARK.search(around) or _HYPHEN.search(around)) and not around.isalnum()


def _begins(text: str, start: int, end: int) -> bool:
    """Whether the first character of the span belongs to it: it is of a word, a sign before one, or opens a bracket."""
    char, after = text[start], text[start + 1 : start + 2]
    closing = _BRACKETS.get(char)
    return char.isalnum() or (char in _SIGNS and after.isalnum()) or bool(closing and closing in text[start + 1 : end])


def _ends(text: str, start: int, end: int) -> bool:
    """Whether the last one does: it also closes a bracket, is a sign behind a word, or ends "p.m."."""
    char = text[end - 1]
    opening = next((opening for opening, closing in _BRACKETS.items() if closing == char), None)
    return (
        char.isalnum()
        or bool(combining(char))
        or char in _UNITS
        or (char in "+-−" and text[end - 2 : end - 1].isalnum())
        or bool(opening and opening in text[start : end - 1])
        or bool(_DOTTED.search(text[start:end]))
    )


def _reading(
    text: str, encoding: Any, starts: "NDArray[np.float32]", ends: "NDArray[np.float32]", here: float
) -> Reading:
    tokens = [index for index, type_ in enumerate(encoding.type_ids) if type_ == 1][:-1]  # without [SEP]
    offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2)[tokens]  # made anew each time it is looked at
    return Reading(here, float(starts[0] + ends[0]), starts[tokens], ends[tokens], offsets, text)

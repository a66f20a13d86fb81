"""Reads a question and a passage together: which sentences answer it, where the short answer is, and the verdict."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from unicodedata import combining

import numpy as np

from newsqa.domain import Span, Turn
from newsqa.embedding import PACKAGED_MODEL
from newsqa.inference import PackagedModel, packaged_file
from newsqa.reader.asking import Given, with_conversation

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGED_READER = Path(__file__).parents[1] / "models" / "reader"
MAX_TOKENS = 256
"""Of question and passage together; the rest of a longer passage is not seen."""
MAX_QUESTION_TOKENS = 96
"""Of a question and the conversation that is read with it."""
MAX_ANSWER_TOKENS = 32
INPUTS = ("input_ids", "token_type_ids", "member")
OUTPUTS = ("start", "end", "here", "sentences", "verdict", "leans")
UNREAD = -20.0
"""Logit of a sentence that the reader could not see: the end of a long passage."""
_BRACKETS = {"(": ")", "[": "]", "“": "”", "‘": "’", '"': '"'}
_SIGNS, _UNITS = "$€£¥−-+#", "%°€$£¥′″"
_NUMBER_MARK = re.compile(r"\d[.,]\d")
_HYPHEN = re.compile(r"[^\W\d_]-[^\W\d_]")
_DOTTED = re.compile(r"(?:^|\W)(?:[^\W\d_]\.){2,}$")


class Short(NamedTuple):
    """A short answer."""

    score: float
    """Logit of its first token plus that of its last."""
    span: Span
    """Where it stands in the passage, freed of punctuation at its ends."""
    share: float
    """Probability, 0 to 1, of it among all spans that it was chosen from and none."""


@dataclass(frozen=True)
class Reading:
    """What the reader makes of one passage."""

    here: float
    """Logit that the passage answers the question."""
    sentences: "NDArray[np.float32]"
    """Logit of each sentence to belong to a good answer: [sentences]; `UNREAD` where it was cut off."""
    verdict: "NDArray[np.float32]"
    """Probabilities that the passage says yes, or bears a statement out; that it says no, or contradicts it; and that
    it does neither: [3]."""
    none: float
    """Score of "no span in this passage", comparable with a span's."""
    starts: "NDArray[np.float32]"
    """Logit of each token of the passage to be the first of the short answer: [tokens]."""
    ends: "NDArray[np.float32]"
    """The same for the last."""
    offsets: "NDArray[np.int64]"
    """Where each token stands in the passage: [tokens, 2]."""
    text: str
    """The passage."""

    def best(self, within: Span) -> Short | None:
        """The likeliest short answer inside a part of the passage; None without a token."""
        inside = np.flatnonzero((self.offsets[:, 0] >= within.start) & (self.offsets[:, 1] <= within.end))
        if not len(inside):
            return None
        scores = self.starts[inside][:, None] + self.ends[inside][None, :]
        far = np.tri(len(inside), k=-1, dtype=bool) | ~np.tri(len(inside), k=MAX_ANSWER_TOKENS - 1, dtype=bool)
        scores[far] = -np.inf
        first, last = np.unravel_index(scores.argmax(), scores.shape)
        found = Span(int(self.offsets[inside[first], 0]), int(self.offsets[inside[last], 1]))
        best = float(scores[first, last])
        odds = np.exp(scores - best).sum() + np.exp(min(self.none - best, 50.0))
        return Short(best, trimmed(self.text, found, within), float(1 / odds))


class Reads(Protocol):
    """What reads a question and passages together: the packaged `Reader`, or a stand-in."""

    def read(self, question: str, passages: Sequence[Given], conversation: Sequence[Turn] = ()) -> list[Reading]:
        """A reading for each of the passages, in their order."""

    def leans(self, question: str, conversation: Sequence[Turn]) -> float:
        """The probability, 0 to 1, that the question needs the conversation before it."""


class Reader:
    """The packaged reader, by ONNX Runtime. Needs no network and no torch."""

    def __init__(self, folder: Path = PACKAGED_READER, threads: int = 0) -> None:
        """Loads nothing yet; the first question does.

        Args:
            folder: holds `model.onnx`; the tokenizer is that of the packaged embedding model.
            threads: passages read at one time; 0 for one a core, at most 8.
        """
        self._folder, self._threads = folder, threads

    def read(self, question: str, passages: Sequence[Given], conversation: Sequence[Turn] = ()) -> list[Reading]:
        """A reading for each of the passages, in their order; none depends on the others.

        Args:
            question: or a statement, to have a verdict on it.
            passages: what is read.
            conversation: the turns before the question, oldest first, where it needs them.

        Raises:
            ModelError: the model's files are missing or damaged.
        """
        asked = self._cut(with_conversation(question, conversation))
        pairs = [_Pair(self._tokenizer.encode(asked, each.introduction + each.text), each) for each in passages]
        found = self._model.run(OUTPUTS, [pair.inputs() for pair in pairs])
        return [pair.reading(*outputs) for pair, outputs in zip(pairs, found, strict=True)]

    def leans(self, question: str, conversation: Sequence[Turn]) -> float:
        """The probability, 0 to 1, that the question needs the conversation before it. Raises as `read` does."""
        if not conversation:
            return 0.0
        encoding = self._tokenizer.encode(self._cut(with_conversation(question, conversation)))
        inputs = _inputs(encoding, np.zeros((1, len(encoding.ids)), np.float32))
        ((logit,),) = self._model.run(["leans"], [inputs])
        return float(1 / (1 + np.exp(-logit)))

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
    tokenizer.encode_special_tokens = True  # "[SEP]" in a text is text
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


class _Pair:
    """A question and a passage as tokens."""

    def __init__(self, encoding: Any, given: Given) -> None:
        self.encoding, self.given = encoding, given
        types = np.array(encoding.type_ids)
        offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2) - len(given.introduction)
        told = (types == 1) & (offsets[:, 1] > offsets[:, 0])
        starts, ends = ([getattr(span, side) for span in given.sentences] for side in ("start", "end"))
        self.member = (
            told & (offsets[:, 0] < np.array(ends)[:, None]) & (offsets[:, 1] > np.array(starts)[:, None])
            if given.sentences
            else np.zeros((0, len(types)), bool)
        )
        self.own = np.flatnonzero(told & (offsets[:, 0] >= 0))
        self.offsets = offsets[self.own]

    def inputs(self) -> "dict[str, NDArray[Any]]":
        """What the model takes; a passage without a sentence has one without tokens."""
        member = self.member if len(self.member) else np.zeros((1, len(self.encoding.ids)))
        return _inputs(self.encoding, member.astype(np.float32))

    def reading(self, *outputs: "NDArray[np.float32]") -> Reading:
        """What the model's outputs say."""
        starts, ends, here, sentences, verdict, _ = outputs
        shares = np.exp(verdict - verdict.max())
        return Reading(
            float(here),
            np.where(self.member.any(1), sentences[: len(self.member)], UNREAD).astype(np.float32),
            shares / shares.sum(),
            float(starts[0] + ends[0]),
            starts[self.own],
            ends[self.own],
            self.offsets,
            self.given.text,
        )


def _inputs(encoding: Any, member: "NDArray[np.float32]") -> "dict[str, NDArray[Any]]":
    values = (np.array(encoding.ids, np.int64), np.array(encoding.type_ids, np.int64), member)
    return dict(zip(INPUTS, values, strict=True))

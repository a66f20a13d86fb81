"""Reads a chat model's text word by word: its markers apart, and nothing left in it that a page could act on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from unicodedata import category, normalize

MOST_HELD = 400
"""Characters that are held back to see whether they are a marker, a link or a tag."""
MAX_WORD_CHARS = 200
_BRACKETS = str.maketrans("【】［］〔〕", "[][][]")
_SPACE = re.compile(r"\s+")
_OPENING = re.compile(r"!?\[|<(?=[A-Za-z/!?|])|\((?=(?i:passages?|sources?|citations?)\s)")
_WORD = re.compile(r"(?:(?!\s|!?\[|<[A-Za-z/!?|]|\((?i:passages?|sources?|citations?)\s).)+")
_LINK = re.compile(r"!?\[(?P<label>[^\[\]\n]*)\]\([^()\n]*\)")
_BRACKETED = re.compile(r"!?\[(?P<label>[^\[\]\n]*)\]|\((?P<named>[^()\n]*)\)")
_LINK_BEGUN = re.compile(r"!?\[[^\[\]\n]*\](?:$|\([^()\n]*$)")
_TAG = re.compile(r"""<(?:"[^"]*"|'[^']*'|[^<>"'])*>""")
_NAME = r"(?i:(?:passages?|sources?|citations?|refs?|no|p|n)\b\.?\s*)?"
_MARKER = re.compile(rf"[\s^#]*{_NAME}#?\d{{1,3}}(?:\s*(?:[,;&–-]|and)\s*{_NAME}#?\d{{1,3}})*\s*")
_HALF_MARKER = re.compile(rf"\[[\s\[^#]*{_NAME}[\d,;\s]*")
_NUMBERS = re.compile(r"(\d+)(?:\s*[–-]\s*(\d+))?")
_ADDRESS = re.compile(
    r"\w:/|//\w|\bwww\.|\bxn--|\S@\S|\b\d{1,3}(?:\.\d{1,3}){3}\b|\blocalhost\b|\b\w\.[a-z]{2,}/|"
    r"\b(?i:javascript|data|mailto|tel|sms|file|ftp|vbscript|blob|about|magnet):\S|\b[\w-]{2,63}\.[a-z]{2,24}\b"
)
"""An address, or a name with a dot in it as hosts have: "evil.example", not "U.S." or "9 a.m."."""
_LEAD = re.compile(r"[-*•–>]|#{1,6}|\d{1,2}[.)]")
"""What opens a list item, a heading or a quotation in Markdown."""
_EMPHASIS = re.compile(r"\*+|_{2,}|`+|~~|\]")


@dataclass(frozen=True)
class Word:
    """A word, or a piece of one, with a space before it where one stood there."""

    text: str
    opens_line: bool = False
    linked: bool = False
    """Whether an address stood here, which was left out."""


@dataclass(frozen=True)
class Marker:
    """Numbers of passages that the words before it are said to rest on."""

    numbers: tuple[int, ...]
    opens_line: bool = False
    """Whether it stands before the words that it is of."""


def holds_address(text: str) -> bool:
    """Whether something stands in a text that a page or a reader could go to."""
    return bool(_ADDRESS.search(normalize("NFKC", text).replace("。", ".")))


class Scanner:
    """Takes text in pieces of any size; gives words and markers as soon as they are whole.

    A link leaves its label, an image, a tag and an address nothing. Every bracket that is no marker becomes a round
    one: a square one in an answer is newsqa's own.
    """

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._held, self._space, self._glued, self._opens_line = "", "", "", True

    def feed(self, piece: str) -> Iterator[Word | Marker]:
        """What a further piece completes."""
        self._held += "".join(filter(_visible, piece)).translate(_BRACKETS)
        yield from self._read(last=False)

    def end(self) -> Iterator[Word | Marker]:
        """What was held back, when nothing more comes."""
        yield from self._read(last=True)

    def _read(self, *, last: bool) -> Iterator[Word | Marker]:
        while self._held:
            if space := _SPACE.match(self._held):
                self._space += space.group()
                self._held = self._held[space.end() :]
                continue
            opens = _OPENING.match(self._held)
            tokens = self._construct(last=last) if opens else self._plain(last=last)
            if tokens is None:
                return
            yield from tokens

    def _plain(self, *, last: bool) -> list[Word | Marker] | None:
        """The next word; None while more of it may come."""
        found = _WORD.match(self._held)
        assert found  # noqa: S101  # no white space and no bracket stands here
        whole = last or found.end() < len(self._held)
        if not whole and len(self._held) <= MAX_WORD_CHARS:
            return None
        self._held = self._held[found.end() :]
        if self._opening() and _LEAD.fullmatch(found.group()) and self._held[:1].isspace():
            return []
        return [self._word(found.group())]

    def _construct(self, *, last: bool) -> list[Word | Marker] | None:
        """What opens with a bracket; None while it may not be whole."""
        held = self._held
        if found := _LINK.match(held):
            self._held = held[found.end() :]
            label = "" if held[0] == "!" else found["label"]
            return [Word("", linked=True), *self._marker_or(label, label)]
        if (found := _BRACKETED.match(held)) and (last or not _LINK_BEGUN.match(held) or len(held) > MOST_HELD):
            self._held = held[found.end() :]
            label = found["label"] if found["named"] is None else found["named"]
            return self._marker_or(label, "") if held[0] == "!" else self._marker_or(label, "(", f"{label})")
        if found := _TAG.match(held):
            self._held = held[found.end() :]
            return [Word("", linked=len(found.group()) > MAX_WORD_CHARS or holds_address(found.group()))]
        if not last and len(held) < MOST_HELD and not re.search(r"\n|\[.*\[", held):
            return None
        if last and _HALF_MARKER.fullmatch(held):
            self._held = ""
            return []
        doubled = re.match(r"!?\[\s*(?=\[)|!?.", held)  # of "[[1]]" the outer ones count for nothing
        assert doubled  # noqa: S101  # a bracket stands here
        self._held = held[doubled.end() :]
        return (
            [] if held.lstrip("!")[0] == "[" and self._held[:1] == "[" else [self._word("‹" if held[0] == "<" else "(")]
        )

    def _marker_or(self, label: str, *shown: str) -> list[Word | Marker]:
        """A marker, else the words that are shown: an opening bracket at once, the others as if they came now."""
        if _MARKER.fullmatch(label):
            return [Marker(tuple(_numbers(label)), self._opening())]
        *first, rest = shown
        self._held = rest + self._held
        return [self._word(each) for each in first]

    def _word(self, text: str) -> Word:
        shown = _EMPHASIS.sub("", text)
        self._glued = shown if self._space else f"{self._glued}{shown}"[-MAX_WORD_CHARS:]
        linked = len(text) > MAX_WORD_CHARS or holds_address(text) or holds_address(self._glued)
        shown = "" if linked else shown
        opens, space = self._opening(), " " if self._space and shown[:1] not in tuple(".,;:!?)") else ""
        self._space, self._opens_line = "", False
        return Word(f"{space}{shown}" if shown else "", opens, linked)

    def _opening(self) -> bool:
        return self._opens_line or "\n" in self._space


def _visible(char: str) -> bool:
    """Whether a character is no control and no invisible one."""
    return char in "\n\t" or category(char) not in {"Cc", "Cf", "Co", "Cs", "Cn"}


def _numbers(label: str) -> Iterator[int]:
    for first, last in _NUMBERS.findall(label):
        yield from range(int(first), min(int(last or first), int(first) + 20) + 1)

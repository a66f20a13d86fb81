"""Compares answers with expected strings, the way people would: case, punctuation and articles aside."""

import re
from collections import Counter
from collections.abc import Sequence
from unicodedata import normalize

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[%€$£]")
_LEFT_OUT = {"a", "an", "the"}
_POSSESSIVE = re.compile(r"['’]s\b")
_MARKER = re.compile(r" \[\d+\]")


def normal(text: str) -> list[str]:
    """The tokens that count: lower case, without punctuation, articles and the commas within numbers.

    As the SQuAD evaluation script does, but signs of money and percent stay, and numbers stay apart from letters.
    """
    found = _TOKEN.findall(_POSSESSIVE.sub("", normalize("NFKC", text).casefold()))
    return [token.replace(",", "") if token[0].isdigit() else token for token in found if token not in _LEFT_OUT]


def matches(text: str, expected: str) -> bool:
    """Whether the tokens of `expected` stand in `text`, one after the other."""
    tokens, wanted = normal(text), normal(expected)
    return bool(wanted) and any(
        tokens[start : start + len(wanted)] == wanted for start in range(len(tokens) - len(wanted) + 1)
    )


def token_f1(text: str, groups: Sequence[Sequence[str]]) -> float:
    """Harmonic mean of the shares of tokens in common, 0 to 1 (Rajpurkar et al. 2016); best string of each group."""
    tokens = Counter(normal(text))
    wanted = Counter[str]()
    for group in groups:
        wanted += Counter(normal(max(group, key=lambda answer: _f1(tokens, Counter(normal(answer))))))
    return _f1(tokens, wanted)


def without_markers(text: str) -> str:
    """An answer's text without its `[n]`."""
    return _MARKER.sub("", text)


def _f1(tokens: Counter[str], wanted: Counter[str]) -> float:
    common = (tokens & wanted).total()
    return 2 * common / (tokens.total() + wanted.total()) if common else 0.0

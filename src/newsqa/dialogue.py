"""Turns a follow-up and its history into a question that stands alone."""

import re
from collections.abc import Sequence

from newsqa.domain import Turn
from newsqa.english import FUNCTION_WORDS, folded, words

_OPENERS = re.compile(r"(?:(?:(?:and|but|so|or)\s+)?(?:what|how) about|and|but|so|or|also)\b")
_LEANING = re.compile(
    r"\b(?:he|she|it|they|him|her|his|hers|its|their|theirs|them|this|that|these|those|there|then|one|ones|both|"
    r"former|latter|same|else|another|others|so)\b"
)
_ASKS = re.compile(
    r"\b(?:who|whom|whose|what|when|where|which|why|how|did|does|do|is|are|was|were|has|have|will|can)\b"
)
_PERSON = re.compile(r"\b(?:he|she|him|her|his|hers|they|them|their|theirs)\b")
_NAME = re.compile(r"[^\W\d_a-z][\w’-]+(?: [^\W\d_a-z][\w’-]+)*")
_TOKEN = re.compile(r"\w[\w’'.,-]*\w|\w")


def standalone_question(question: str, history: Sequence[Turn]) -> str:
    """`question` as it would be asked without the conversation before it.

    A question that opens like a follow-up ("And…", "What about…") or points back ("he", "that") takes in the last
    question; one that asks for something of its own takes in only the words of it that carry meaning, and the
    name that "he", "she" or "they" may stand for in the last answer.
    """
    if not history or not _leans(question):
        return question
    last = history[-1].question.strip()
    lower = folded(question.strip())
    opener = _OPENERS.match(lower)
    asks = _ASKS.search(lower[opener.end() if opener else 0 :])
    if not asks:
        return f"{last} {question}"
    known = set(words(question))
    named = _first_name(history[-1].answer) if _PERSON.search(folded(question)) else ""
    taken = [
        token
        for token in _TOKEN.findall(f"{named} {last}")
        if not known & set(words(token)) and folded(token) not in FUNCTION_WORDS
    ]
    return f"{question} ({' '.join(taken)})" if taken else question


def _first_name(answer: str) -> str:
    """The first run of capitalised words in an answer that is more than the capital of its first word."""
    found = (name for name in _NAME.findall(answer) if folded(name) not in FUNCTION_WORDS)
    return next(found, "")


def _leans(question: str) -> bool:
    lower = folded(question.strip())
    meaningful = [word for word in words(lower) if word not in FUNCTION_WORDS]
    return bool(_OPENERS.match(lower) or _LEANING.search(lower)) or len(meaningful) < 2

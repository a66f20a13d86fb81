"""What form an answer takes, by the words of its question."""

import re
from enum import StrEnum

from newsqa.english import FUNCTION_WORDS, folded, words


class Shape(StrEnum):
    """The form an answer takes."""

    FACT = "fact"
    """One thing: a name, a number, a day."""
    LIST = "list"
    """All of several things."""
    EXPLANATION = "explanation"
    """One to three sentences: why, how, what happened."""
    DECISION = "decision"
    """Yes or no."""


_OPENING = re.compile(
    r"^(?:(?:and|but|so|or|then|please|also)\b,?\s*)*"
    r"(?:(?:can|could|would|will) you (?:please )?(?:tell me|say)?(?=[\s,:]*(?:who|what|when|where|why|how|which|if|"
    r"whether|explain|describe|list|name)\b)|(?:do you|does anyone) know|may i ask|tell me|i want to know|i wonder)?"
    r"[\s,:]*"
)
_DECISION = re.compile(
    r"(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might|must|"
    r"(?:is|are|was|were|do|does|did|has|have|had|ca|could|wo|would|should)n['’]t|if|whether)\b"
)
_EXPLANATION = re.compile(
    r"\b(?:why|how come|what happen\w*|what (?:led|caus\w+|made|makes|prompted|drives|explains)|causes? of|explain|"
    r"describe|reasons?|"
    r"how (?:did|do|does|is|are|was|were|has|have|had|can|could|will|would|should|to|exactly|well|badly))\b"
)
_LISTED = re.compile(
    r"^who (?:are|were)\b|\bwho are they\b|(?:^|[.;?:] )(?:list|name (?:both|all))\b|"
    r"^what (?:are|were) (?:the|his|her|its|their) (?:\w+ )?\w+[^su\W]s\b"
)
_NO_PLURALS = frozenset(
    [
        "news",
        "series",
        "species",
        "politics",
        "times",
        "headquarters",
        "always",
        "towards",
        "besides",
        "sports",
        "arms",
        "gas",
        "makes",
        "happens",
        "comes",
    ]
)
_BEFORE_NOUN = {"of", "the", "all", "both", "other", "more", "most"}
_NOT_AFTER_PLURAL = frozenset(
    [
        "the",
        "a",
        "an",
        "his",
        "her",
        "its",
        "their",
        "this",
        "that",
        "it",
        "them",
        "him",
        "to",
        "after",
        "as",
        "on",
        "is",
        "was",
    ]
)


def shape_of(question: str) -> Shape:
    """The form that an answer to `question` takes; a fact unless its words say otherwise."""
    lower = folded(question).strip()
    asked = lower[_OPENING.match(lower).end() :]  # type: ignore[union-attr]  # it matches the empty string too
    if _DECISION.match(asked) and " or " not in asked:
        return Shape.DECISION
    if _asks_for_several(asked):
        return Shape.LIST
    return Shape.EXPLANATION if _EXPLANATION.search(asked) else Shape.FACT


def _is_plural(word: str) -> bool:
    ending = word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return (ending and word not in _NO_PLURALS) or word in {"men", "women", "people", "children"}


def _asks_for_several(asked: str) -> bool:
    """Whether a noun in the plural follows "which", "what" or "name"; a verb in -s has no auxiliary after it."""
    if _LISTED.search(asked):
        return True
    found = re.search(r"(^name|^give me|^(?:\w+ )?(?:which|what))\b(.*)", asked)
    following = words(found.group(2))[:8] if found else []
    verbless = found is not None and found.group(1) in {"name", "give me"}
    first = found is not None and found.group(1).endswith("which")
    while following and following[0] in _BEFORE_NOUN:
        following.pop(0)
    for word, after in zip(following[:3], [*following[1:], "are"], strict=False):
        if word in FUNCTION_WORDS:
            return False
        if _is_plural(word):
            return verbless or first or after in FUNCTION_WORDS - _NOT_AFTER_PLURAL
        first = False
    return False

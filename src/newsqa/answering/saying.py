"""What a sentence plainly says: who says so, and whether it needs the sentence before it."""

import re

from newsqa.english import folded, name_runs

_SAYS = (
    r"(?:said|says|told|added|announced|claimed|claims|warned|stressed|argued|stated|noted|confirmed|wrote|explained)"
)
_REPORTED = re.compile(rf"\b{_SAYS}\b|\b[Aa]ccording to |, per ")
_APPOSITION = re.compile(r"(?:, [^,.”]{1,60},)? ?$")
_SUBJECT = re.compile(r"(?:^|[,;:—”\"“] ?)(?:(?:and|but|while) )?([Tt]he )?$")
_BEHIND = re.compile(r" ?((?:[Tt]he |an? )?(?:[a-z]+ ){0,3})$")
_SOMEBODY = re.compile(r" ?((?:the|an?|one) [a-z]+(?: [a-z]+)?)")
_QUOTED = (", ", "” ", '" ', "’ ")
_ENDS = re.compile(r"\s*(?:[.,;:”\"]|on |in |at |yesterday|$)")
_NEAR = 120
"""Characters beside a word like "said" in which its speaker is looked for."""
_HE_SAID = re.compile(rf"\b(?:[Hh]e|[Ss]he) {_SAYS}\b|\b{_SAYS},? (?:he|she)\b")
_AT = re.compile(r"\b(?:in|at|on|from|of|near|by)(?: the)? $")
_PRONOUN = re.compile(r"^(?:he|she|they|it|him|her|them|his|hers|its|their|theirs)$", re.IGNORECASE)
_LEANS = re.compile(
    r"^[“\"‘]?(?:(?:But|And|So|Yet|Still|Then|Instead|However,?|Also,?) )?"
    r"(?:He|She|It|They|His|Her|Its|Their|This|That|These|Those|Both|Neither|he|she|it|they|his|her|this|that|these)\b"
)


def speaker(sentence: str, previous: str = "", place: int = 0) -> str:
    """Who is named as the one who says what `sentence` reports; empty where nobody plainly is.

    Args:
        sentence: may say "according to X", "X said" or "he said".
        previous: the sentence before it; "he" is the one person whom it names.
        place: where the thing said stands in the sentence; "X said" behind it counts only at the end of a clause.
    """
    for reported in _REPORTED.finditer(sentence):
        before = sentence[max(0, reported.start() - _NEAR) : reported.start()]
        after = sentence[reported.end() : reported.end() + _NEAR]
        behind = reported.start() > place and reported.group().isalpha() and not before.endswith(_QUOTED)
        if behind and not _ENDS.match(after):
            continue
        if reported.group().endswith(" "):  # "according to X"
            who = _named_after(after)
        elif before.endswith(_QUOTED):  # "…,” said X", and "X, who built it, said"
            who = _named_after(after) or _named_before(before)
        else:
            who = _named_before(before)
        if who:
            return who
    return only_name(previous) if _HE_SAID.search(sentence) else ""


def _named_after(text: str) -> str:
    for name in name_runs(text):
        leading = _BEHIND.match(text[: name.start])
        if leading:
            return f"{leading.group(1)}{name.of(text)}"
        break
    somebody = _SOMEBODY.match(text)
    return somebody.group(1) if somebody else ""


def _named_before(text: str) -> str:
    """The name that is the whole subject of the verb behind `text`."""
    for name in name_runs(text):
        subject = _SUBJECT.search(text[: name.start])
        if subject and _APPOSITION.fullmatch(text, name.end):
            return f"{'the ' * bool(subject.group(1))}{name.of(text)}"
    return ""


def only_name(text: str) -> str:
    """The name in `text` if there is but one, places aside; else nothing."""
    found = {name.of(text): None for name in name_runs(text) if not _AT.search(folded(text[: name.start]))}
    return next(iter(found)) if len(found) == 1 else ""


def is_pronoun(answer: str) -> bool:
    """Whether a span only points at something: "he", "it"."""
    return _PRONOUN.match(answer) is not None


def leans(sentence: str) -> bool:
    """Whether `sentence` opens by pointing back, so that it needs the one before it to be understood."""
    return _LEANS.match(sentence) is not None

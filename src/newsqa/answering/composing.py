"""Makes an answer of the likeliest sentences, in the form that the question asks for; every word of it is cited."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from newsqa.answering.saying import is_pronoun, leans, only_name, speaker
from newsqa.answering.sentences import Candidate
from newsqa.answering.shapes import Shape, shape_of
from newsqa.domain import Span
from newsqa.english import Kind, expected_kind, figures, stems, whole_measure, words
from newsqa.grounding import Statement

MOST_STATEMENTS = {Shape.FACT: 3, Shape.LIST: 4, Shape.EXPLANATION: 3, Shape.DECISION: 2}
_NEARLY = {Shape.FACT: 0.5, Shape.LIST: 0.25, Shape.EXPLANATION: 0.5, Shape.DECISION: 0.5}
"""A further sentence is said when it is at least this likely, measured by the best one."""
_WITNESS = 0.1
"""The same for a sentence of another article that gives the same answer."""
SURE = 0.5
"""Share from which a short answer is shown apart; nine in ten of those are right."""
DECIDED = 0.8
"""Probability from which "Yes" or "No" is said."""
_FIGURES = {Kind.NUMBER, Kind.MONEY, Kind.DATE}
"""What two articles can give differently."""
_COPY = 0.6  # two sentences that share this much of their words say the same
_BARE = 0.6  # a short answer with this much of its sentence's words is not said apart
_NAME = r"(?:(?:the|its|their) )?[^\W\d_a-z][\w’.-]*(?: (?:of |de |von |van )?[^\W\d_a-z][\w’.-]*)*"
_NUMBER = r"\d+(?:[.,]\d+)*"
_AND = r"(?:, and |, or | and | or | as well as )"
_LISTS = tuple(
    (
        re.compile(rf"{one}(?:(?:{_AND}|, ){one})*$"),
        re.compile(rf"(?:({_AND})|, ){one}"),
        re.compile(rf"{one}(?:{_AND}|, )$"),
    )
    for one in (_NAME, _NUMBER)
)
"""For names and numbers: what is a list of them, one more behind it (the last one behind "and"), one more before it."""
_OPENS = re.compile(r"^\W*(?:According to|In|On|At|After|Before|For)\b")
_CLAUSE = re.compile(r"; |, (?:but|while|although|whereas|and) ")
_LONGEST = 120
"""Characters of a member of a list."""
_GOES_ON = re.compile(
    r"(?:Because|So (?!far)|As a result|Therefore|Thus|Hence|The reason|"
    r"(?:That|This|It) (?:is|was) (?:because|why|how|due))\b"
)


@dataclass(frozen=True)
class Composed:
    """What is said to answer a question."""

    statements: tuple[Statement, ...]
    short: str | None
    preface: str = ""


def composed(question: str, ranked: Sequence[Candidate]) -> Composed:
    """The answer made of `ranked`, the likeliest first; at least one is there."""
    shape = shape_of(question)
    said = _said(ranked, shape)
    if shape is Shape.FACT:
        return _fact(question, ranked, said)
    if shape is Shape.DECISION:
        return Composed((statement(said[0], _decided(said[0])), *map(statement, _apart(said)[1:])), None)
    if shape is Shape.EXPLANATION:
        return Composed(tuple(map(statement, _apart(_explained(said)))), None)
    return Composed(tuple(map(statement, _apart(said))), _members(said))


def _decided(candidate: Candidate) -> str:
    """Says "Yes" or "No" where the reader is sure of it, else nothing."""
    yes, no, _ = candidate.verdict
    return "Yes" if yes >= DECIDED else "No" if no >= DECIDED else ""


def _fact(question: str, ranked: Sequence[Candidate], said: Sequence[Candidate]) -> Composed:
    figure = expected_kind(question) in _FIGURES
    differing = differing_from(said[0], said) if figure else []
    if differing:
        differing = sorted([said[0], *differing], key=_day, reverse=True)
        days = [each.scored.published_at for each in differing]
        preface = (
            "The articles differ, the newest first." if all(days) and len(set(days)) > 1 else "The articles differ."
        )
        statements = tuple(statement(each, _outlet(each), ": ") for each in differing)
        return Composed(statements, _sure(differing[0]), preface)
    said = [*said, *_witnesses(ranked, said)][: MOST_STATEMENTS[Shape.FACT]]
    if figure:  # an older one may have been overtaken
        said = sorted(said, key=_day, reverse=True)
    said = _apart(said)
    short = _sure(said[0])
    first = statement(said[0], _shown(question, short, said[0]))
    return Composed((first, *map(statement, said[1:])), short)


def _sure(candidate: Candidate) -> str | None:
    """The short answer, where it is sure enough to be shown apart from its sentence."""
    return short_answer(candidate) if candidate.share >= SURE else None


def short_answer(candidate: Candidate) -> str | None:
    """The span that the reader found; for a mere pronoun the one name before it, if there is but one."""
    if candidate.answer is None:
        return None
    sentence = candidate.sentence
    start = candidate.answer.start - sentence.start
    answer = sentence.text[start : candidate.answer.end - sentence.start]
    if is_pronoun(answer):
        before = candidate.previous.text if candidate.previous else ""
        return only_name(f"{before} {sentence.text[:start]}") or None
    return whole_measure(sentence.text, Span(start, start + len(answer))).of(sentence.text)


def _apart(said: Sequence[Candidate]) -> list[Candidate]:
    """Those whose sentences do not stand in the quote of one before them; none points back to what is said already."""
    kept: list[Candidate] = []
    for each in said:
        quoted = [(_start(other), other.sentence.end) for other in kept if _article(other) == _article(each)]
        if not any(start <= each.sentence.start and each.sentence.end <= end for start, end in quoted):
            told = any(start <= _start(each) < end for start, end in quoted)
            kept.append(replace(each, previous=None) if told else each)
    return kept


def _article(candidate: Candidate) -> str:
    return candidate.scored.passage.article_id


def _said(ranked: Sequence[Candidate], shape: Shape) -> list[Candidate]:
    """The likeliest sentence, and others that are nearly as likely and say something else."""
    said = [ranked[0]]
    for candidate in ranked[1:]:
        likely = candidate.probability >= _NEARLY[shape] * ranked[0].probability
        told = any(_copies(candidate, other) or _one_witness(candidate, other) for other in said)
        if likely and len(said) < MOST_STATEMENTS[shape] and not told:
            said.append(candidate)
    return said


def _one_witness(one: Candidate, other: Candidate) -> bool:
    """Whether two copies of one story give the same answer."""
    copied = one.scored.story == other.scored.story and _article(one) != _article(other)
    return copied and same_answer(one, other)


def _copies(one: Candidate, other: Candidate) -> bool:
    first, second = set(stems(one.sentence.text)), set(stems(other.sentence.text))
    return len(first & second) >= _COPY * len(first | second)


def _witnesses(ranked: Sequence[Candidate], said: Sequence[Candidate]) -> list[Candidate]:
    """The likeliest sentence of each other story that gives the same answer; two copies are one story."""
    best, known = said[0], {each.scored.story for each in said}
    found: dict[str, Candidate] = {}
    for each in ranked:
        likely = each.probability >= _WITNESS * best.probability
        if likely and each.scored.story not in known and same_answer(best, each):
            found.setdefault(each.scored.story, each)
    return list(found.values())


def same_answer(one: Candidate, other: Candidate) -> bool:
    """Whether two sentences give the same: no other figures, and all words of the shorter answer are in the other."""
    answers = [short_answer(each) or "" for each in (one, other)]
    first, second = map(figures, answers)
    if first and first == second:
        return True
    said, also = (set(stems(answer)) for answer in answers)
    return bool(said and also) and not _conflict(first, second) and (said <= also or also <= said)


def differing_from(best: Candidate, others: Sequence[Candidate]) -> list[Candidate]:
    """The likeliest sentence of each other article that gives another figure than the best one; often none."""
    ones: dict[str, Candidate] = {}
    for each in others:
        if _article(each) != _article(best):
            ones.setdefault(_article(each), each)
    wanted = figures(short_answer(best))
    return [each for each in ones.values() if _conflict(wanted, figures(short_answer(each)))]


def _conflict(one: frozenset[float], other: frozenset[float]) -> bool:
    return bool(one and other) and not (one <= other or other <= one)


def _day(candidate: Candidate) -> str:
    day = candidate.scored.published_at
    return day.isoformat()[:10] if day else ""


def _outlet(candidate: Candidate) -> str:
    """Who says it, and when: "Tarnel Courier, 3 May 2025"."""
    day = candidate.scored.published_at
    dated = f"{day.day} {day:%B %Y}" if day else "undated"
    return f"{candidate.scored.publisher or candidate.scored.title}, {dated}"


def _explained(said: Sequence[Candidate]) -> list[Candidate]:
    """The sentences that explain, the best one followed by the one in which the text goes on explaining."""
    best = said[0]
    after = [each for each in best.scored.passage.sentences if each.start >= best.sentence.end and not each.heading]
    if not after or not _GOES_ON.match(after[0].text):
        return list(said)
    more = Candidate(best.scored, after[0], None)
    others = [each for each in said[1:] if not _copies(each, more)]
    return [best, more, *others][: MOST_STATEMENTS[Shape.EXPLANATION]]


def _members(said: Sequence[Candidate]) -> str | None:
    """The names or numbers that the sentences list, in the articles' words; None where they list something else."""
    found = [_listed(each) for each in said]
    return "; ".join(dict.fromkeys(filter(None, found))) if all(found) else None


def _listed(candidate: Candidate) -> str:
    """The span with the names or numbers that stand in one list with it; empty where it is neither."""
    if candidate.answer is None:
        return ""
    text = candidate.sentence.text
    start, end = (place - candidate.sentence.start for place in (candidate.answer.start, candidate.answer.end))
    for whole, after, before in _LISTS:
        if not whole.match(text[start:end]):
            continue
        closed = re.search(_AND, text[start:end]) is not None
        while not closed and (more := after.match(text, end)):
            end, closed = more.end(), bool(more.group(1))
        while more := before.search(text[:start], max(0, start - _LONGEST)):
            if _OPENS.match(text[: more.end()]) and not re.search(r"[,:]", text[: more.start()]):
                break
            start = more.start()
        return text[start:end].rstrip(".,")
    return ""


def _shown(question: str, short: str | None, best: Candidate) -> str:
    """The short answer as it is said before its sentence, with who says so; empty where the sentence is as short."""
    if not short or len(words(short)) >= _BARE * len(words(best.sentence.text)):
        return ""
    clause, place = _clause(best)
    who = speaker(clause, best.previous.text if best.previous else "", place)
    asked = set(words(question))
    told = who and not asked & set(words(who)) and not set(words(who)) & set(words(short))
    quoted = expected_kind(question) not in {Kind.PERSON, Kind.QUOTE}
    begun = f"{short[0].upper()}{short[1:]}" if short.split()[0].islower() else short
    return begun + (f", according to {who}" if told and quoted else "")


def _clause(candidate: Candidate) -> tuple[str, int]:
    """The part of the sentence that holds the span, as "but", "while" or "and" part it from others, and its place."""
    text = candidate.sentence.text
    place = candidate.answer.start - candidate.sentence.start if candidate.answer else 0
    cuts = [found.span() for found in _CLAUSE.finditer(text)]
    start = max((end for _, end in cuts if end <= place), default=0)
    return text[start : min((begin for begin, _ in cuts if begin >= place), default=len(text))], place - start


def statement(candidate: Candidate, first: str = "", then: str = ". ") -> Statement:
    """A sentence with what is said before it. One that points back has the sentence before it in its quote."""
    quote, start = _quote(candidate), _start(candidate)
    return Statement(
        text=f"{first}{then}{quote}" if first else quote,
        article_id=candidate.scored.passage.article_id,
        source_span=Span(start, candidate.sentence.end),
        quote=quote,
        copies=candidate.scored.copies,
    )


def _start(candidate: Candidate) -> int:
    """Where the quote begins: with the sentence, or with the one before it where it leans on that."""
    passage, previous, start = candidate.scored.passage, candidate.previous, candidate.sentence.start
    if not previous or previous.heading or not leans(candidate.sentence.text):
        return start
    gap = passage.text[previous.end - passage.start : start - passage.start]
    return start if "\n" in gap else previous.start


def _quote(candidate: Candidate) -> str:
    passage = candidate.scored.passage
    return passage.text[_start(candidate) - passage.start : candidate.sentence.end - passage.start]

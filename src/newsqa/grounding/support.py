"""Says whether passages bear out a statement of a chat model: by the reader's verdict, its quotations, numbers, names."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from newsqa.domain import Failure, ScoredPassage, Sentence, Span
from newsqa.english import FUNCTION_WORDS, folded, meaningful, name_runs, stem, words
from newsqa.reader import Given, Reading, Reads, given

BORNE_OUT = 0.35
"""Probability of the reader from which a passage bears a statement out that has its numbers and names from there."""
SURE = 0.6
"""The same for one that has other names: "Washington" for "the United States"."""
CERTAIN = 0.8
"""The same for one that has other numbers: "half of them" for "50 of 100"."""
MOST_WORDS, ALONE = 0.7, 0.7
"""Share of its meaningful words that a sentence has which is read alone, and the probability that is then enough."""
BETWEEN = 0.9
"""The same for two sentences of two passages, of which neither bears it out alone."""
ALSO = 0.0
"""Logit of the reader from which a second sentence is cited with the likeliest one."""
FEWEST_QUOTED = 3
"""Words between quotation marks from which they are a quotation that has to stand there word for word."""
_STITCHED = 0.8
"""Share of a quotation's words that runs of the passages' own words make up, where it is stitched."""
_QUOTED = re.compile(r"[“\"«]([^“”\"«»]+)[”\"»]")
_ELLIPSIS = re.compile(r"\s*[\[(]?(?:\.\.\.|…)[\])]?\s*")
_SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "bn": 1e9, "mn": 1e6, "k": 1e3, "m": 1e6}
_NUMBER = re.compile(r"(\d[\d,]*(?:\.\d+)?)(?:\s?(thousand|million|billion|trillion|bn|mn|m|k)\b)?")
_ONES = {
    word: float(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen".split()
    )
}
_TENS = {
    word: 10.0 * value
    for value, word in enumerate(("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), 2)
}
_WORDED = re.compile(
    rf"\b(?:({'|'.join(_TENS)})(?:[- ]({'|'.join(list(_ONES)[1:10])}))?|({'|'.join(_ONES)})|(hundred|thousand|million))\b"
    r"(?:\s(hundred|thousand|million|billion|trillion)\b)?"
)
_UNIT = re.compile(
    r"[\s-]?(?:per cent\b|(seconds?|minutes?|hours?|days?|weeks?|months?|years?|decades?|centur(?:y|ies)|met(?:re|er)s?|"
    r"kilomet(?:re|er)s?|km|miles?|feet|grams?|kg|kilos?|tonnes?|tons?|lit(?:re|er)s?|dollars?|euros?|pounds?|crowns?|"
    r"roubles?|yen|francs?|percent|%))"
)
_CURRENCIES = {"$": "dollar", "€": "euro", "£": "pound", "¥": "yen"}
_CALENDAR = frozenset(
    "january february march april may june july august september october november december monday tuesday wednesday "
    "thursday friday saturday sunday".split()
)
_ENDINGS = ("ians", "ian", "ans", "an", "ns", "n", "ish", "ese", "ia", "ey", "es", "s", "e", "y", "a")
_SHORTEST_ROOT = 4
_OPENERS = frozenset(
    "additionally according although meanwhile furthermore moreover therefore thus hence overall despite however "
    "instead finally first second third last next another others people officials today currently since unlike "
    "regarding whether led following based given besides later earlier several various experts authorities".split()
)
"""Words that open a sentence with a capital and are no names."""
_COMMON = re.compile(r"(?:ing|ed|ly|tion|sion|ment|ance|ence|ness|ship|ists|ers|ials)$")
"""How words end that are hardly names."""
_FORMS = frozenset(("mr", "mrs", "ms", "dr", "sir", "lady"))


Amount = tuple[frozenset[float], str]
"""A number as the values that it may stand for, and its unit; empty where it has none."""


@dataclass(frozen=True)
class Verdict:
    """What became of a statement."""

    failure: Failure | None
    borne_out_by: tuple[tuple[ScoredPassage, Sentence], ...] = ()
    """The sentences that bear it out between them, each with its passage; the citations to be made."""


class Evidence:
    """A passage as statements are held against it."""

    def __init__(self, scored: ScoredPassage) -> None:
        """Nothing is computed before it is needed."""
        self.scored, self.text = scored, scored.passage.text

    @cached_property
    def sentences(self) -> Sequence[Sentence]:
        """Its sentences; headings only where there is nothing else."""
        every = self.scored.passage.sentences
        return [each for each in every if not each.heading] or every

    @cached_property
    def amounts(self) -> Sequence[Amount]:
        """The numbers in it, and those of its title and date."""
        return list(_amounts(f"{self.about} {self.text}"))

    @cached_property
    def roots(self) -> frozenset[str]:
        """Of its words, and of those of title, publisher and date: what names are recognised by."""
        return _all_roots(f"{self.about} {self.text}")

    @property
    def about(self) -> str:
        """Its title, publisher and date."""
        published = self.scored.published_at
        day = f"{published:%A %-d %B %Y}" if published else ""
        return f"{self.scored.title} {self.scored.publisher} {day}"


def verify(
    statement: str, cited: Sequence[Evidence], given: Sequence[Evidence], reader: Reads, *, marked: bool = True
) -> Verdict:
    """Whether the passages that a statement names bear it out.

    A statement that names none may rest on any of those given: its citation is made from what bears it out.

    Args:
        statement: one sentence, without markers.
        cited: the passages it names, those among `given` that are there.
        given: all that the chat model was given.
        reader: says whether a passage bears a statement out, and which sentences do.
        marked: whether it names any passage at all, also one that is not there.
    """
    claim = _Claim(statement, reader)
    if marked and (bearing := claim.borne_out_by(cited)):
        return Verdict(None, bearing)
    elsewhere = claim.borne_out_by(given)
    if not elsewhere:
        return Verdict(claim.failure(cited or given, given))
    return Verdict("misattributed") if marked else Verdict(None, elsewhere)


class _Claim:
    """What a statement says, taken apart."""

    def __init__(self, statement: str, reader: Reads) -> None:
        self._text, self._reader = statement, reader
        self._stems = _stems(statement)
        self._amounts = list(_amounts(statement))
        self._names = [_roots(name) for name in _names(statement)]
        self._quotations = [quoted for quoted in _QUOTED.findall(statement) if len(words(quoted)) >= FEWEST_QUOTED]

    def borne_out_by(self, passages: Sequence[Evidence]) -> tuple[tuple[ScoredPassage, Sentence], ...]:
        """The sentences of these passages that bear it out: of one, else of two between them; else none."""
        if not words(self._text) or not passages:
            return ()
        if stands := self._restated(passages):
            return (stands,)
        readings = self._reader.read(self._text, [given(each.scored) for each in passages])
        firmest = max(range(len(passages)), key=lambda at: max(readings[at].verdict[:2]))
        if self._stands_in([passages[firmest]], readings[firmest]):
            return self._cited(passages[firmest], readings[firmest])
        denied = readings[firmest].verdict[1] >= 0.5
        return () if denied or len(passages) < 2 else self._together(passages, readings)

    def _restated(self, passages: Sequence[Evidence]) -> tuple[ScoredPassage, Sentence] | None:
        """The sentence that has most of its words, where it is that, or is borne out by that alone."""
        passage, sentence = self._nearest(passages)
        if _spaced(sentence.text) == _spaced(self._text):
            return passage.scored, sentence
        if not self._is_near(sentence) or not self._stands([passage]):
            return None
        return (passage.scored, sentence) if self._alone(sentence.text) >= ALONE else None

    def _nearest(self, passages: Sequence[Evidence]) -> tuple[Evidence, Sentence]:
        """The sentence that has most of its words."""
        every = [(each, sentence) for each in passages for sentence in each.sentences]
        return max(every, key=lambda pair: len(self._stems & _stems(pair[1].text)))

    def _is_near(self, sentence: Sentence) -> bool:
        return len(self._stems & _stems(sentence.text)) >= MOST_WORDS * len(self._stems)

    def _alone(self, text: str) -> float:
        """The probability that a text bears it out which is read without its passage."""
        (reading,) = self._reader.read(self._text, [Given(text, (Span(0, len(text)),))])
        return float(reading.verdict[0])

    def _stands_in(self, passages: Sequence[Evidence], reading: Reading) -> bool:
        """Whether what was read bears it out, and has its quotations and units.

        Short of certainty, or where it quotes or nearly repeats a sentence, it has to have its numbers and names as well.
        """
        yes = reading.verdict[0] if self._measured(passages) and self._quoted(passages) else 0.0
        free = not self._quotations and not self._is_near(self._nearest(passages)[1])
        numbered = self._numbered(passages) or (yes >= CERTAIN and free)
        named = self._named(passages) or (yes >= SURE and free)
        return bool(yes >= BORNE_OUT) and numbered and named

    def _stands(self, passages: Sequence[Evidence]) -> bool:
        """Whether its numbers, units, names and quotations stand there."""
        checks = (self._numbered, self._measured, self._named, self._quoted)
        return all(check(passages) for check in checks)

    def _together(
        self, passages: Sequence[Evidence], readings: Sequence[Reading]
    ) -> tuple[tuple[ScoredPassage, Sentence], ...]:
        """The likeliest sentences of the two likeliest passages, where they bear it out between them."""
        order = sorted(range(len(passages)), key=lambda at: -max(readings[at].sentences, default=0.0))[:2]
        pairs = [self._cited(passages[at], readings[at])[0] for at in sorted(order)]
        firm = self._alone(" ".join(sentence.text for _, sentence in pairs)) >= BETWEEN
        return tuple(pairs) if firm and self._stands([passages[at] for at in order]) else ()

    def _cited(self, passage: Evidence, reading: Reading) -> tuple[tuple[ScoredPassage, Sentence], ...]:
        """The likeliest sentence, and a second one that belongs to it as well; those that hold the quotations first."""
        told = passage.sentences
        logits = list(reading.sentences) or [0.0] * len(told)
        quoting = [any(_stands(quotation, each.text) for quotation in self._quotations) for each in told]
        order = sorted(range(len(told)), key=lambda at: (not quoting[at], -logits[at]))
        chosen = [order[0], *(at for at in order[1:2] if logits[at] >= ALSO)]
        return tuple((passage.scored, told[at]) for at in sorted(chosen))

    def failure(self, passages: Sequence[Evidence], given: Sequence[Evidence]) -> Failure:
        """Why these passages do not bear it out; a quotation may be stitched together of any that were given."""
        for quotation in self._quotations:
            if not any(_stands(quotation, text) for each in passages for text in _units(each)):
                return "frankenquote" if _stitched(quotation, given) else "fabricated"
        return "fabricated" if self._numbered(passages) and self._named(passages) else "unsupported"

    def _numbered(self, passages: Sequence[Evidence]) -> bool:
        """Whether its numbers stand there."""
        there = frozenset[float]().union(*(values for each in passages for values, _ in each.amounts))
        return not any(values.isdisjoint(there) for values, _ in self._amounts)

    def _measured(self, passages: Sequence[Evidence]) -> bool:
        """Whether none of its numbers stands there with another unit alone: "twelve weeks", not "twelve days"."""
        there = list(chain.from_iterable(each.amounts for each in passages))
        for values, unit in self._amounts:
            units = {other for number, other in there if unit and other and number & values}
            if units and unit not in units:
                return False
        return True

    def _named(self, passages: Sequence[Evidence]) -> bool:
        """Whether its names stand there."""
        there = frozenset[str]().union(*(each.roots for each in passages))
        return not any(name.isdisjoint(there) for name in self._names)

    def _quoted(self, passages: Sequence[Evidence]) -> bool:
        """Whether each of its quotations stands there word for word, beside whoever is named with it."""
        return all(any(self._quotes(quotation, each) for each in passages) for quotation in self._quotations)

    def _quotes(self, quotation: str, passage: Evidence) -> bool:
        """Whether a passage has it; a sentence that names somebody has to hold the statement's names, too."""
        for sentence in passage.sentences:
            if _stands(quotation, sentence.text):
                named = any(_names(sentence.text))
                there = _all_roots(f"{passage.about} {sentence.text}") if named else passage.roots
                return not any(name.isdisjoint(there) for name in self._names)
        return _stands(quotation, passage.text)


def _stems(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in meaningful(text) if not word[0].isdigit())


def _amounts(text: str) -> Iterator[Amount]:
    """The numbers in a text: "5m" is five metres or five million."""
    plain = folded(text)
    for found in _NUMBER.finditer(plain):
        digits, scale = found.groups()
        value = float(digits.replace(",", "") or 0)
        scaled = value * _SCALES.get(scale or "", 1)
        yield frozenset({scaled, value} if scale in {"m", "k"} else {scaled}), _unit(plain, found)
    for found in _WORDED.finditer(plain):
        tens, ones, alone, bare, scale = found.groups(default="")
        if alone in {"zero", "one"} and not scale:  # "one of them"
            continue
        value = _TENS.get(tens, 0) + _ONES.get(ones or alone, 0) or 1.0
        times = {"hundred": 100.0}.get(scale or bare) or _SCALES.get(scale or bare, 1)
        if not bare:  # "hundreds of thousands" is no number
            yield frozenset({value * times}), _unit(plain, found)


def _unit(plain: str, number: re.Match[str]) -> str:
    if sign := _CURRENCIES.get(plain[number.start() - 1 : number.start()]):
        return sign
    behind = _UNIT.match(plain, number.end())
    return stem(behind.group(1) or "percent").replace("%", "percent") if behind else ""


def _names(text: str) -> Iterator[str]:
    """The words of names in a text, and of months and days, in lower case."""
    for run in name_runs(text):
        tokens = words(run.of(text))
        opens = not text[: run.start].strip(" “\"‘'(") or text[: run.start].rstrip(" “\"‘'(")[-1:] in {
            ".",
            ":",
            "!",
            "?",
        }
        alone = opens and len(tokens) == 1
        for token in tokens:
            no_name = token in FUNCTION_WORDS or token in _FORMS or token[0].isdigit()
            if not no_name and not (alone and (token in _OPENERS or _COMMON.search(token))):
                yield token
    for word in re.findall(r"\b[A-Z][a-z]+\b", text):
        if word.lower() in _CALENDAR:
            yield word.lower()


def _all_roots(text: str) -> frozenset[str]:
    return frozenset(root for word in words(text) for root in _roots(word))


def _roots(word: str) -> frozenset[str]:
    """A name without the endings that make it plural or an adjective: "Russia" and "Russian" share "russ"."""
    cut = (word[: -len(ending)] for ending in _ENDINGS if word.endswith(ending))
    return frozenset({word, *(root for root in cut if len(root) >= _SHORTEST_ROOT)})


def _units(passage: Evidence) -> Iterable[str]:
    """What a quotation may stand in: a sentence, or several that follow each other."""
    yield from (sentence.text for sentence in passage.sentences)
    yield passage.text


def _stands(quotation: str, text: str) -> bool:
    """Whether the words of a quotation stand in a text one after the other; around an ellipsis, within one sentence."""
    parts = [_spaced(part) for part in _ELLIPSIS.split(quotation) if words(part)]
    whole, start = _spaced(text), 0
    if _spaced(quotation) in whole:  # an ellipsis may be the article's own
        return True
    if len(parts) > 1 and re.search(r"[.!?]\W*\s\W*[^\W\d_a-z]", text):
        return False
    for part in parts:
        found = whole.find(part, start)
        if found < 0:
            return False
        start = found + len(part)
    return True


def _spaced(text: str) -> str:
    return f" {' '.join(words(text))} "


def _stitched(quotation: str, passages: Sequence[Evidence]) -> bool:
    """Whether a quotation is made of runs of words that stand in these passages."""
    quoted = words(quotation)
    there = {run for each in passages for run in _runs(words(each.text))}
    inside = {at + step for at, run in enumerate(_runs(quoted)) if run in there for step in range(FEWEST_QUOTED)}
    return len(inside) >= _STITCHED * len(quoted)


def _runs(tokens: Sequence[str]) -> list[tuple[str, ...]]:
    """Every run of so many words as make a quotation."""
    return list(zip(*(tokens[step:] for step in range(FEWEST_QUOTED)), strict=False))

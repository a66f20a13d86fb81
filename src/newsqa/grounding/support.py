"""Says whether passages bear out a statement of a chat model: by its quotations, numbers, names and words."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations

from newsqa.domain import Failure, ScoredPassage, Sentence
from newsqa.english import FUNCTION_WORDS, folded, meaningful, name_runs, stem, words

COVERED = 0.6
"""Share of a statement's meaningful words that its sentences and those before them have to have between them."""
BOUND = 0.3
"""The same for the sentences themselves, which are cited."""
APART = 2
"""How far apart two sentences of a passage may stand that bear out a statement between them."""
FEWEST_OWN = 2
"""Of its meaningful words each of them has to have and the other to lack."""
REWORDED = 0.65
"""Cosine from which fewer words will do: it says the same in others."""
VERBATIM = 0.85
"""Share from which a statement so repeats a sentence that a "not" in only one of them turns it round."""
FEWEST_QUOTED = 3
"""Words between quotation marks from which they are a quotation that has to stand there word for word."""
_LIKELY = 8
"""Sentences that are tried together with another."""
_STITCHED = 0.8
"""Share of a quotation's words that runs of the passages' own words make up, where it is stitched."""
_QUOTED = re.compile(r"[“\"«]([^“”\"«»]+)[”\"»]")
_ELLIPSIS = re.compile(r"\s*[\[(]?(?:\.\.\.|…)[\])]?\s*")
_CLAUSE_END = re.compile(r"[,;:.!?]|\bbut\b|\band\b")
_NEGATED = 2
"""Meaningful words behind a "not" that it turns round."""
_NEGATION = re.compile(
    r"\b(?:not|never|no|none|nobody|nothing|neither|nor|without|hardly|barely|scarcely|fail(?:s|ed|ing)? to|refus(?:es|ed|ing)|"
    r"den(?:y|ies|ied)|reject(?:s|ed)?|(?:false|untrue) that)\b|n[’']t\b"
)
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
_POINTING = re.compile(r"\b(?:he|she|they|it|his|her|hers|their|its|him|them|this|that|these|those|both|who)\b")
"""What may stand for something in the sentence before."""
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


Near = Callable[[str, str], float]
Amount = tuple[frozenset[float], str]
"""A number as the values that it may stand for, and its unit; empty where it has none."""


@dataclass(frozen=True)
class Verdict:
    """What became of a statement."""

    failure: Failure | None
    borne_out_by: tuple[tuple[ScoredPassage, Sentence], ...] = ()
    """The sentences that bear it out between them, each with its passage; the citations to be made."""


@dataclass(frozen=True)
class Told:
    """A sentence as statements are held against it."""

    scored: ScoredPassage
    sentence: Sentence
    at: int
    """Which one of its passage it is."""
    stems: frozenset[str]
    negated: frozenset[str]
    """Stems of the words that a "not" stands before."""
    amounts: Sequence[Amount]
    numbers: frozenset[float]
    around: frozenset[str]
    """Stems of it, of the sentence before it, and of the article's title, publisher and date."""
    roots: frozenset[str]
    """Of the words there: what names are recognised by."""
    own: frozenset[str]
    """The same of the sentence itself, and of title, publisher and date."""
    dated: frozenset[float]
    """Numbers of the title and date."""


class Evidence:
    """A passage as statements are held against it."""

    def __init__(self, scored: ScoredPassage) -> None:
        """Nothing is computed before it is needed."""
        self.scored, self.text = scored, scored.passage.text

    @cached_property
    def sentences(self) -> Sequence[Told]:
        """Its sentences; headings only where there is nothing else."""
        published = self.scored.published_at
        day = f"{published:%A %-d %B %Y}" if published else ""
        about = f"{self.scored.title} {self.scored.publisher} {day}"
        every = self.scored.passage.sentences
        shown = [at for at, each in enumerate(every) if not each.heading] or range(len(every))
        return [self._told(at, about) for at in shown]

    def _told(self, at: int, about: str) -> Told:
        every = self.scored.passage.sentences
        sentence = every[at]
        leans = _POINTING.search(folded(sentence.text)) or not any(_names(sentence.text))
        around = f"{about} {every[at - 1].text if at and leans else ''} {sentence.text}"
        amounts = list(_amounts(sentence.text))
        return Told(
            self.scored,
            sentence,
            at,
            _stems(sentence.text),
            _negated(sentence.text),
            amounts,
            frozenset(chain.from_iterable(values for values, _ in amounts)),
            _stems(around),
            _all_roots(around),
            _all_roots(f"{about} {sentence.text}"),
            frozenset(chain.from_iterable(values for values, _ in _amounts(about))),
        )


def verify(
    statement: str,
    cited: Sequence[Evidence],
    given: Sequence[Evidence],
    *,
    marked: bool = True,
    near: Near | None = None,
) -> Verdict:
    """Whether the passages that a statement names bear it out.

    A statement that names none may rest on any of those given, but then in their own words: its citation is made from
    what bears it out.

    Args:
        statement: one sentence, without markers.
        cited: the passages it names, those among `given` that are there.
        given: all that the chat model was given.
        marked: whether it names any passage at all, also one that is not there.
        near: cosine (-1 to 1) of two texts; words alone decide where none is given.
    """
    claim = _Claim(statement, near if marked else None)
    if marked:
        alone = list(chain.from_iterable(claim.borne_out_by([each]) for each in cited))
        if bearing := alone or claim.borne_out_by(cited):
            return Verdict(None, tuple((told.scored, told.sentence) for told in bearing))
    elsewhere = next(filter(None, (claim.borne_out_by([each]) for each in given)), [])
    if not elsewhere:
        return Verdict(claim.failure(cited or given, given))
    return Verdict("misattributed") if marked else Verdict(None, tuple((t.scored, t.sentence) for t in elsewhere))


class _Claim:
    """What a statement says, taken apart."""

    def __init__(self, statement: str, near: Near | None) -> None:
        self._text, self._near = statement, near
        self._stems, self._negated = _stems(statement), _negated(statement)
        self._amounts = list(_amounts(statement))
        self._numbers = [values for values, _ in self._amounts]
        self._names = [_roots(name) for name in _names(statement)]
        self._quotations = [quoted for quoted in _QUOTED.findall(statement) if len(words(quoted)) >= FEWEST_QUOTED]

    def borne_out_by(self, passages: Sequence[Evidence]) -> Sequence[Told]:
        """The sentence of these passages that bears it out, else two that do between them; else nothing."""
        if not (self._stems or self._numbers) or not passages:
            return ()
        every = sorted(chain.from_iterable(each.sentences for each in passages), key=self._weight, reverse=True)
        if any(map(self._turns, every)):
            return ()
        pairs = filter(self._share_it, combinations(every[:_LIKELY], 2))
        return next(filter(self._fits, chain(((each,) for each in every), pairs)), ())

    def failure(self, passages: Sequence[Evidence], given: Sequence[Evidence]) -> Failure:
        """Why these passages do not bear it out; a quotation may be stitched together of any that were given."""
        every = list(chain.from_iterable(each.sentences for each in passages))
        for quotation in self._quotations:
            if not any(_stands(quotation, text) for each in passages for text in _units(each)):
                return "frankenquote" if _stitched(quotation, given) else "fabricated"
        return "fabricated" if self._numbered(every) and self._named(every) else "unsupported"

    def _fits(self, told: Sequence[Told]) -> bool:
        around = frozenset[str]().union(*(each.around for each in told))
        if any(self._denies(each) for each in told):
            return False
        itself = frozenset[str]().union(*(each.stems for each in told))
        return (
            self._numbered(told)
            and self._measured(told)
            and self._named(told)
            and self._quoted(told)
            and _share(self._stems, itself) >= BOUND
            and (_share(self._stems, around) >= COVERED or self._means(told))
        )

    def _means(self, told: Sequence[Told]) -> bool:
        """Whether it is as near in meaning as a rewording is."""
        said = " ".join(each.sentence.text for each in told)
        return self._near is not None and self._near(self._text, said) >= REWORDED

    def _numbered(self, told: Iterable[Told]) -> bool:
        """Whether its numbers stand there."""
        there = frozenset[float]().union(*(each.numbers | each.dated for each in told))
        return not any(either.isdisjoint(there) for either in self._numbers)

    def _measured(self, told: Iterable[Told]) -> bool:
        """Whether none of its numbers stands there with another unit alone: "twelve weeks", not "twelve days"."""
        there = list(chain.from_iterable(each.amounts for each in told))
        for values, unit in self._amounts:
            units = {other for number, other in there if unit and other and number & values}
            if units and unit not in units:
                return False
        return True

    def _named(self, told: Iterable[Told]) -> bool:
        """Whether its names stand there."""
        there = frozenset[str]().union(*(each.roots for each in told))
        return not any(name.isdisjoint(there) for name in self._names)

    def _quoted(self, told: Sequence[Told]) -> bool:
        """Whether each of its quotations stands in one of these sentences, beside whoever is named with it."""
        return all(
            any(_stands(quotation, each.sentence.text) and self._said_by(each) for each in told)
            for quotation in self._quotations
        )

    def _said_by(self, told: Told) -> bool:
        """Whether a quoted sentence holds the statement's names; one that names nobody goes by what is around it."""
        there = told.own if any(_names(told.sentence.text)) else told.roots
        return not any(name.isdisjoint(there) for name in self._names)

    def _share_it(self, told: tuple[Told, ...]) -> bool:
        """Whether each of two sentences, near each other or of two passages, has words of it that the other lacks."""
        one, other = told
        near = one.scored is not other.scored or abs(one.at - other.at) <= APART
        lacking = (len(self._stems & (each.stems - than.stems)) for each, than in (told, told[::-1]))
        return near and min(lacking) >= FEWEST_OWN

    def _weight(self, told: Told) -> int:
        """How much of it is in a sentence: its words, and names and numbers twice."""
        hits = 2 * sum(not name.isdisjoint(told.roots) for name in self._names)
        hits += 2 * sum(not either.isdisjoint(told.numbers) for either in self._numbers)
        return hits + len(self._stems & told.stems)

    def _denies(self, told: Told) -> bool:
        """Whether it affirms what the sentence negates, or negates what it affirms."""
        return bool((self._negated ^ told.negated) & self._stems & told.stems)

    def _turns(self, told: Told) -> bool:
        """Whether it says of a sentence's words the opposite: with a "not" more, or, where it is whole, with one less."""
        if _share(self._stems, told.stems) < VERBATIM:
            return False
        mine, theirs = (len(_NEGATION.findall(folded(text))) for text in (self._text, told.sentence.text))
        return mine > theirs or (mine < theirs and _share(told.stems, self._stems) >= VERBATIM)


def _stems(text: str) -> frozenset[str]:
    return frozenset(map(stem, meaningful(text)))


def _all_roots(text: str) -> frozenset[str]:
    return frozenset(root for word in words(text) for root in _roots(word))


def _negated(text: str) -> frozenset[str]:
    """Stems of the words that a "not" stands before."""
    plain = folded(text)
    behind = (_CLAUSE_END.split(plain[found.end() :], maxsplit=1)[0] for found in _NEGATION.finditer(plain))
    return frozenset(stem(word) for clause in behind for word in meaningful(clause)[:_NEGATED])


def _share(wanted: frozenset[str], known: frozenset[str]) -> float:
    return len(wanted & known) / len(wanted) if wanted else 1.0


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


def _roots(word: str) -> frozenset[str]:
    """A name without the endings that make it plural or an adjective: "Russia" and "Russian" share "russ"."""
    cut = (word[: -len(ending)] for ending in _ENDINGS if word.endswith(ending))
    return frozenset({word, *(root for root in cut if len(root) >= _SHORTEST_ROOT)})


def _units(passage: Evidence) -> Iterable[str]:
    """What a quotation may stand in: a sentence, or several that follow each other."""
    yield from (told.sentence.text for told in passage.sentences)
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

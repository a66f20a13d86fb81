"""What is known of English words: tokens, stems, function words, and the kind of answer a question expects."""

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import Any
from unicodedata import combining, normalize

from newsqa.domain import Span

FUNCTION_WORDS = frozenset(
    """a about above after again against all also am an and any are as at be because been before being below between
    both but by can could d did didn do does doesn doing don down during each ever few for from further had
    has have having he her here hers herself him himself his how i if in into is isn it its itself just let ll
    m many may me might more most much must my myself no nor not now of off on once only or other our ours out
    over own please re s same shall she should so some such t tell than that the their theirs them themselves
    then there these they this those through to too under until up upon us ve very was wasn we were weren what
    when where which while who whom whose why will with would yet you your yours yourself""".split()
)
_OTHERS = re.compile(r"[^\x00-\x7f]+")
_WORD = re.compile(r"[^\W_]+(?:[.,][0-9]+)*")


class Kind(StrEnum):
    """What sort of thing would answer a question."""

    PERSON = "person"
    DATE = "date"
    NUMBER = "number"
    MONEY = "money"
    PLACE = "place"
    REASON = "reason"
    MANNER = "manner"
    QUOTE = "quote"
    OTHER = "other"


def words(text: str) -> list[str]:
    """The words and numbers of `text` in lower case and without accents: "€12.45 Škvorec" gives 12.45, skvorec."""
    return _WORD.findall(folded(text))


def meaningful(text: str) -> list[str]:
    """The words of `text` that carry meaning, as often as they stand there; maybe none."""
    return [word for word in words(text) if word not in FUNCTION_WORDS]


def content_words(text: str) -> list[str]:
    """The words of `text` that carry meaning, each once; all of them where none does."""
    return list(dict.fromkeys(meaningful(text) or words(text)))


def stems(text: str) -> list[str]:
    """The stems of the content words of `text`, as full text search stems them (Porter), each once."""
    return list(dict.fromkeys(stem(word) for word in content_words(text)))


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The Porter stem of a lower-case word."""
    return str(_stemmer().stemWord(word))


@lru_cache(maxsize=1)
def _stemmer() -> Any:  # snowballstemmer has no types
    import snowballstemmer

    return snowballstemmer.stemmer("porter")


def folded(text: str) -> str:
    """`text` in lower case without accents."""
    return _OTHERS.sub(_plain, text).lower()


@lru_cache(maxsize=10_000)
def _without_accents(text: str) -> str:
    return "".join(char for char in normalize("NFKD", text) if not combining(char))


def _plain(found: re.Match[str]) -> str:
    return _without_accents(found[0])


_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|dozen|"
    "half|third|quarter|once|twice|both|none"
)
_HOLDS = {
    Kind.DATE: re.compile(
        rf"\b(?:{_MONTHS}|{_DAYS}|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b|\b(?:1[5-9]|20)\d\d\b|\d\s?[ap]\.?m\b|"
        r"\b(?:yesterday|today|tomorrow|tonight|noon|midnight|week|month|year|decade|century|spring|summer|autumn|winter|"
        r"morning|evening|afternoon|night|weekend|ago|o’clock)s?\b|\d:\d\d"
    ),
    Kind.NUMBER: re.compile(rf"\d|\b(?:{_NUMBER_WORDS})s?\b", re.IGNORECASE),
}  # fmt: skip

_QUESTIONS: tuple[tuple[re.Pattern[str], Kind], ...] = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"\bhow much\b.*\b(?:cost|pay|paid|spen[dt]|price|worth|money|earn|toll|budget|charge|fine|raise)", Kind.MONEY),
        (r"\b(?:what|which)\b.*\b(?:price|cost|toll|fee|fine|budget|salary|wage)\b|\bwhat does .* cost\b", Kind.MONEY),
        (r"\bhow (?:many|much|long|old|far|tall|big|large|high|deep|wide|heavy|often|fast|few|late|hot|cold)\b", Kind.NUMBER),
        (r"\b(?:what|which)\b.*\b(?:number|percentage|per ?cent|share|age|distance|length|score|amount|rate|size|toll)\b", Kind.NUMBER),
        (r"\bwhen\b|\b(?:what|which|on what|in what)\s+(?:\w+\s)?(?:date|day|year|month|time|hour|weekday)\b|\bhow soon\b|\bsince when\b", Kind.DATE),
        (r"\bwhere\b|\b(?:what|which)\s+(?:\w+\s)?(?:city|town|country|place|region|village|state|location|street|venue)\b", Kind.PLACE),
        (r"\bwhy\b|\bwhat (?:caused|led|made|prompted|explains|is behind)\b|\b(?:reason|cause)s? (?:for|of|that|why|did)\b|\bhow come\b", Kind.REASON),
        (r"\bwhat (?:did|does|do|has|have|was)\b.*\b(?:say|said|tell|told|warn|call|claim|think|argue|promise|post|write|accuse|describe)\b", Kind.QUOTE),
        (r"\bwho(?:se|m)?\b|\b(?:what|which)\s+(?:\w+\s)?(?:person|man|woman|minister|mayor|president|official|analyst|leader|player)\b|\bname of the\b.*\b(?:person|man|woman|mayor|director)", Kind.PERSON),
        (r"\bhow\b", Kind.MANNER),
    )
)  # fmt: skip


def expected_kind(question: str) -> Kind:
    """What sort of thing `question` asks for; `OTHER` where its words don't tell."""
    lower = folded(question)
    return next((kind for pattern, kind in _QUESTIONS if pattern.search(lower)), Kind.OTHER)


def holds(kind: Kind, text: str) -> bool:
    """Whether `text` has a date or number in it.

    Raises:
        KeyError: it is asked for another kind.
    """
    return _HOLDS[kind].search(text) is not None


_FIGURE = re.compile(
    r"(\d[\d,]*(?:\.\d+)?)\s?(million|billion|thousand|bn|mn|m|k)?\b|\b([a-z]+)\b(?: (million|billion|thousand))?"
)
_COUNTED = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen twenty".split()
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100}
_TIMES = {"thousand": 1e3, "k": 1e3, "million": 1e6, "mn": 1e6, "m": 1e6, "billion": 1e9, "bn": 1e9}


def figures(text: str | None) -> frozenset[float]:
    """The numbers in `text`: "about 1,200" and "1200" give 1200, "twelve" 12, "$5m" and "five million" 5,000,000."""
    found = set()
    for digits, scale, word, word_scale in _FIGURE.findall(folded(text or "")):
        if digits or word in _COUNTED:
            number = float(digits.replace(",", "")) if digits else float(_COUNTED[word])
            found.add(number * _TIMES.get(scale or word_scale, 1))
    return frozenset(found)


_AMOUNT = (
    rf"(?:[$€£¥]\s?)?(?:\d[\d,.]*(?<=\d)(?::\d\d)?|\b(?:{_NUMBER_WORDS})s?(?:-(?:{_NUMBER_WORDS}))?)"
    r"(?:\s(?:hundred|thousand|million|billion|dozen))?"
    r"(?:\s?(?:%|per ?cent|[ap]\.m\.|(?:kilo|centi|milli)?(?:met(?:re|er)|gram)s?|km|kg|tonnes?|tons?|miles?|feet|acres?|"
    r"(?:second|minute|hour|day|week|month|year|decade)s?|dollars?|euros?|pounds?|roubles?|yen|cents?|people|degrees?))?"
)
_MEASURE = re.compile(rf"{_AMOUNT}(?:,? and {_AMOUNT})?", re.IGNORECASE)


def whole_measure(text: str, span: Span) -> Span:
    """`span` widened to the amount with its unit that it is a part of: "six" of "three years and six months"."""
    part = span.of(text)
    if not any(map(str.isdigit, part)) and not holds(Kind.NUMBER, part):
        return span
    measures = (Span(*found.span()) for found in _MEASURE.finditer(text))
    return next((whole for whole in measures if span.within(whole)), span)


_TOKEN = re.compile(r"[^\W_][\w-]*")
_PARTICLES = {"de", "van", "von", "der", "al", "bin", "del", "di", "la", "le"}
_ABBREVIATED = {"St", "Mr", "Mrs", "Ms", "Dr", "Prof"}
_NO_NAMES = frozenset(
    "yes no really source ok okay hello hi please name list give tell explain describe summarise summarize".split()
)


def name_runs(text: str) -> Iterator[Span]:
    """Where runs of capitalised words stand in `text`: "K. L. Marsh", "St. Orlan", "Pedro de la Vega".

    Function words, days, months and numbers are cut off the beginning of a run; so is a word that opens a sentence
    and is no name: "yes", "explain", or one that also stands in lower case in the text.
    """
    run: list[re.Match[str]] = []
    for token in _TOKEN.finditer(text):
        if run and not _joined(text, run[-1], token):
            yield from _run(text, run)
            run = []
        if token.group()[0].isupper() or (run and token.group() in _PARTICLES):
            run.append(token)
        elif run:
            yield from _run(text, run)
            run = []
    yield from _run(text, run)


def _joined(text: str, one: re.Match[str], other: re.Match[str]) -> bool:
    between = text[one.end() : other.start()]
    abbreviated = len(one.group()) == 1 or one.group() in _ABBREVIATED
    return between == " " or (abbreviated and between in {".", ". "})


def _run(text: str, run: list[re.Match[str]]) -> Iterator[Span]:
    while run and run[-1].group() in _PARTICLES:
        run = run[:-1]
    while run and _is_no_name(text, run[0]):
        run = run[1:]
    if run:
        yield Span(run[0].start(), run[-1].end())


def _is_no_name(text: str, token: re.Match[str]) -> bool:
    word = token.group()
    if (
        folded(word) in FUNCTION_WORDS
        or folded(word) in _NO_NAMES
        or holds(Kind.DATE, word)
        or holds(Kind.NUMBER, word)
    ):
        return True
    opens = not text[: token.start()].rstrip("“\"‘'(- ") or text[: token.start()].rstrip("“\"‘'( ")[-1] in ".!?:"
    return opens and re.search(rf"\b{re.escape(word.lower())}\b", text) is not None

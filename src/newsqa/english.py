"""What is known of English words: tokens, stems, function words, and the kind of answer a question expects."""

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import Any
from unicodedata import combining, normalize

FUNCTION_WORDS = frozenset(
    """a about above after again against all also am an and any are as at be because been before being below between
    both but by can could d did didn do does doesn doing don down during each ever few for from further had
    has have having he her here hers herself him himself his how i if in into is isn it its itself just let ll
    m many may me might more most much must my myself no nor not now of off on once only or other our ours out
    over own please re s same shall she should so some such t tell than that the their theirs them themselves
    then there these they this those through to too under until up upon us ve very was wasn we were weren what
    when where which while who whom whose why will with would yet you your yours yourself""".split()
)
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


def content_words(text: str) -> list[str]:
    """The words of `text` that carry meaning, each once; all of them where none does."""
    found = dict.fromkeys(words(text))
    return [word for word in found if word not in FUNCTION_WORDS] or list(found)


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
    return "".join(char for char in normalize("NFKD", text) if not combining(char)).lower()


_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|dozen|"
    "half|third|quarter|once|twice|both|none"
)
_HOLDS = {
    Kind.PERSON: re.compile(r"\b[^\W\d_a-z][\w’'.-]*\s+(?:[^\W\d_a-z]\S*|de|van|von)"),
    Kind.DATE: re.compile(
        rf"\b(?:{_MONTHS}|{_DAYS}|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b|\b(?:1[5-9]|20)\d\d\b|\d\s?[ap]\.?m\b|"
        r"\b(?:yesterday|today|tomorrow|tonight|noon|midnight|week|month|year|decade|century|spring|summer|autumn|winter|"
        r"morning|evening|afternoon|night|weekend|ago|o’clock)s?\b|\d:\d\d"
    ),
    Kind.NUMBER: re.compile(rf"\d|\b(?:{_NUMBER_WORDS})s?\b", re.IGNORECASE),
    Kind.MONEY: re.compile(r"[$€£¥]\s?\d|\d\S*\s+(?:million |billion )?(?:dollar|euro|pound|cent|rouble|yen|crown)s?\b|\b(?:free|a cent)\b"),
    Kind.PLACE: re.compile(
        r"\b(?:in|at|on|from|to|near|of|outside|across|between|beside|into|along|off|through|under)\s+(?:the\s+)?[^\W\d_a-z]"
    ),
    Kind.REASON: re.compile(
        r"\b(?:because|since|due|so that|as a result|owing|caused?|led|blamed?|reasons?|therefore|thanks|after|to avoid|"
        r"in order|for fear|motives?|prompted|spurred|following|meant?|means|lest|so)\b|[—:]",
        re.IGNORECASE,
    ),
    Kind.QUOTE: re.compile(
        r"[“\"‘]|\b(?:said|says|told|according|added|announced|claimed|warned|stressed|posted|insist\w*|demand\w*|accus\w*|"
        r"argu\w*|called|reported|stated|noted|urged|vowed|confirmed|reiterated|described|denied|admitted)\b"
    ),
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
    """Whether `text` has something of this kind; always so for manner and other."""
    pattern = _HOLDS.get(kind)
    return pattern is None or pattern.search(text) is not None


def names(text: str) -> Iterator[str]:
    """The words of `text` that look like names or numbers: capitalised and not first, or holding a digit."""
    for position, token in enumerate(text.split()):
        bare = token.strip("“”‘’\"'.,;:!?()[]—-")
        for suffix in ("’s", "'s"):
            bare = bare.removesuffix(suffix)
        if bare and (any(char.isdigit() for char in bare) or (position > 0 and bare[0].isupper())):
            yield from (word for word in words(bare) if word not in FUNCTION_WORDS)

"""What a turn of a conversation wants, and a follow-up with its history as a question that stands alone."""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

from newsqa.domain import Turn
from newsqa.english import FUNCTION_WORDS, content_words, folded, words

_OPENERS = re.compile(r"(?:(?:(?:and|but|so|or)\s+)?(?:what|how) about|and|but|so|or|also)\b")
_LEANING = re.compile(
    r"\b(?:he|she|it|they|him|her|his|hers|its|their|theirs|them|this|that|these|those|there|then|one|ones|both|"
    r"former|latter|same|else|another|others|so)\b"
)
_ASKS = re.compile(
    r"\b(?:who|whom|whose|what|when|where|which|why|how|did|does|do|is|are|was|were|has|have|will|can)\b"
)
_HE = re.compile(r"\b(?:he|she|him|her|his|hers)\b", re.IGNORECASE)
_NAME = re.compile(
    r"\b((?:(?:[^\W\d_a-z]|St|Mr|Mrs|Ms|Dr)\. ?)*[^\W\d_a-z][\w-]+)(?: [^\W\d_a-z]\.)?(?: [^\W\d_a-z][\w-]+)*"
)
_REPORTS = re.compile(r"(?:,[^,.]{1,60},)? (?:said|says|told|added|announced|claimed|warned|wrote|reported)\b")
_AT = re.compile(r"\b(?:in|at|on|from|of|near)(?: the)? $")
_WHO = re.compile(r"\b(?:who|whose|whom|name)\b")
_DETERMINER = re.compile(r"^(?:the|an?|any) ", re.IGNORECASE)
_PREPOSITION = re.compile(r"(?:in|on|at|for|after|before|during|since|from|to|with|by|if|when|under)\b")
_VERB = r"(?:is|are|was|were|do|does|did|will|has|have|had|can|could|would)\b"
_THING = re.compile(
    rf"\b(?:(?:many|much|which|what|whose)\s+((?!{_VERB})\w[\w’-]*"
    rf"(?:\s+(?!{_VERB}|(?:of|in|on|at|to|for|with|from)\b)\w[\w’-]*)*)|{_VERB}\s+(?:the\s+|an?\s+)?([^\W\d_][\w’-]*))"
)
"""What a question asks about: "how many grey geese", "what will cars pay"."""
_REST = {"other", "others", "one", "ones", "rest", "else", "another"}
_TAKEN = re.compile(r" \([^()]*\)$")
FEW = 3
"""Words with a meaning below which a question without a name is taken for a follow-up."""
MOST_TURNS = 6
"""Turns before a follow-up that are looked at."""
_TOKEN = re.compile(r"\w[\w’'.,-]*\w|\w")


class Intent(StrEnum):
    """What is wanted."""

    QUESTION = "question"
    GREETING = "greeting"
    THANKS = "thanks"
    HELP = "help"
    NEWS = "news"
    """What is new in the library."""
    SUMMARY = "summary"
    """An article in brief."""


_POLITE = r"(?:(?:please|hi|hello|hey|can you|could you|would you|kindly)\s+)*"
_TEXT = r"(?:article|story|text|report|piece|news item|interview|obituary)"
_NOW = r"(?: today| lately| now| here)?"
_INTENTS: dict[Intent, str] = {
    Intent.GREETING: (
        r"(?:hi|hello|hey|hiya|greetings|good (?:day|morning|afternoon|evening))(?: there| newsqa| everyone| all)?"
        r"(?: how are (?:you|things)(?: doing)?(?: today)?)?"
    ),
    Intent.THANKS: (
        r"(?:(?:ok|okay|great|perfect|got it|good|cool|no|yes) )?(?:(?:many )?(?:thanks|thank you|thx|cheers)"
        r"(?: a lot| so much| very much| again| newsqa)*(?: for (?:the|your) (?:help|answers?|information))?"
        r"|(?:good ?)?bye(?: bye)?|see you(?: later| soon)?)|ok|okay|great|perfect|got it"
    ),
    Intent.HELP: (
        r"help(?: me)?|what (?:can|could) (?:you|i) (?:do|ask|answer|help)(?: you| here| for me| with| about)*|"
        r"(?:who|what) are you|how (?:do you|does this|does it) work|what do you know(?: about)?|"
        r"(?:what|which) (?:articles|topics|subjects|stories) (?:do you (?:have|know)(?: about)?|are there|"
        r"can i ask(?: you)? about)"
    ),
    Intent.NEWS: (
        rf"what is (?:new|the latest(?: news)?|happening|in the news){_NOW}|"
        rf"(?:the )?latest(?: news)?|any news|news{_NOW}"
    ),
    Intent.SUMMARY: (
        rf"{_POLITE}(?:summari[sz]e|sum up|tl ?dr|(?:give me |write )?(?:an? |the )?(?:short |brief |quick )*"
        rf"(?:summary|overview|gist|outline) of|what is the gist of)\b.*|{_POLITE}(?:a )?summary|"
        rf"(?:what is|tell me what) (?:this|it|that)(?: is)?(?: {_TEXT})? (?:all )?about|"
        rf"what (?:is|was|are|were) (?:the|this|that|these|those) (?:[\w-]+ ){{0,6}}?{_TEXT}s? "
        r"(?:[\w-]+ ){0,8}?(?:all )?about"
    ),
}
_NOT_TOPIC = re.compile(
    rf"\b{_POLITE}(?:summari[sz]e|sum up|tl ?dr|summary|overview|gist|outline|short|brief|quick|give|me|write|"
    rf"{_TEXT}s?|about|all|tell|please|everything|library|in)\b"
)


def intent_of(question: str) -> Intent:
    """What `question` wants, by its words alone: a plain question unless all of it says otherwise."""
    plain = _plain(question)
    return next((intent for intent, pattern in _INTENTS.items() if re.fullmatch(pattern, plain)), Intent.QUESTION)


def topic_of(question: str) -> str:
    """What a request for a summary is about; empty where it names nothing ("what is this about?")."""
    rest = _NOT_TOPIC.sub(" ", _plain(question))
    return " ".join(word for word in words(rest) if word not in FUNCTION_WORDS)


def _plain(question: str) -> str:
    """`question` in lower case, "what's" as "what is", with single spaces for punctuation."""
    spelt = re.sub(r"\bwhat['’]?s\b", "what is", folded(question))
    return " ".join(re.sub(r"[^\w\s-]+", " ", spelt).split())


def standalone_question(question: str, history: Sequence[Turn]) -> str:
    """`question` as it would be asked without the conversation before it.

    One that only names something ("And Moscow?") is the last question with that in the place of what it asked
    about. In one that asks by itself, "he" and "she" become the name they stand for; what else it may lean on, the
    words of the last question that carry meaning, stands behind it in brackets.
    """
    history = history[-MOST_TURNS:]
    if not history or not (_leans(question) or _shares(question, history[-1])):
        return question
    last = standalone_question(history[-1].question.strip(), history[:-1])
    asked = question.strip()
    opener = _OPENERS.match(folded(asked))
    rest = asked[opener.end() :].strip(" ,") if opener else asked
    if not _ASKS.search(folded(rest)):
        return _in_place(last, rest) if set(_meaningful(rest)) - _REST else f"{last} {question}"
    subject = _subject(last, history)
    resolved = _named(question, subject) if subject else question
    bare = _TAKEN.sub("", last)
    taken = _taken(bare if len(_meaningful(bare)) >= FEW else last, resolved, subject)
    return f"{resolved} ({taken})" if taken else resolved


def _taken(last: str, question: str, subject: str) -> str:
    """The words of the subject and the last question that carry meaning and that `question` lacks."""
    known = set(words(question))
    tokens = [token for token in _TOKEN.findall(subject) if not set(words(token)) <= set(words(last))]
    tokens += _TOKEN.findall(last)
    found = [token for token in tokens if not known & set(words(token)) and folded(token) not in FUNCTION_WORDS]
    return " ".join(dict.fromkeys(found))


def _subject(last: str, history: Sequence[Turn]) -> str:
    """Whom or what the conversation is about.

    What the last question asks for by "who" or names itself, else what an earlier question does, else what the last
    answer names. A name behind "in" or "at" is a place, one that "said" something only reports.
    """
    answer = history[-1].answer
    given = [name for name in _names(answer) if name.group() not in last]
    doing = [name.group() for name in given if not _REPORTS.match(answer[name.end() :])]
    named = [*doing, *(name.group() for name in given)]
    if _WHO.search(folded(last)) and named:
        return named[0]
    about = [name.group() for name in _names(last) if not _AT.search(folded(last[: name.start()]))]
    if about:
        return about[0]
    earlier = _subject(history[-2].question, history[:-1]) if len(history) > 1 else ""
    return earlier or next(iter(named), "")


def _names(text: str) -> Iterator[re.Match[str]]:
    """The runs of capitalised words of `text`, without the function words that begin a sentence."""
    start = 0
    while match := _NAME.search(text, start):
        if folded(match.group()) not in FUNCTION_WORDS and folded(match.group(1)) not in FUNCTION_WORDS:
            yield match
            start = match.end()
        else:
            start = match.end(1)


def _named(question: str, name: str) -> str:
    """`question` with the name for "he", "she", "his" and so on; as it is where it names somebody itself."""
    if any(_names(question)):
        return question

    def named(match: re.Match[str]) -> str:
        own = folded(match.group()) in {"his", "hers"} or (
            folded(match.group()) == "her" and re.match(r" \w", question[match.end() :]) is not None
        )
        return f"{name}’s" if own else name

    return _HE.sub(named, question)


def _in_place(last: str, fragment: str) -> str:
    """`last` asked about `fragment` instead: of a name where there is one, else of the thing it asks for."""
    bare = _DETERMINER.sub("", fragment.strip(" ?.!"))
    if _PREPOSITION.match(folded(bare)):
        return f"{last.rstrip(' ?')} {bare}?"
    named = list(_names(last))
    own = re.search(r"['’]s$", bare)
    spans = [
        match.span()
        for match in named
        if bool(own) == bool(re.search(r"['’]s$", match.group()) or last[match.end() :].startswith(("’s", "'s")))
    ]
    if spans and (bare[0].isupper() or own):
        start, end = spans[0]
        end += 2 if own and last[end:].startswith(("’s", "'s")) else 0
    else:
        thing = _THING.search(last)
        if thing is None:
            return f"{last} {fragment}"
        start, end = thing.span(1) if thing.group(1) else thing.span(2)
    return f"{last[:start]}{bare}{last[end:]}"


def _shares(question: str, turn: Turn) -> bool:
    """Whether a question without a name of its own speaks of what the last turn spoke of: "the album"."""
    if any(_names(question)):
        return False
    return any(
        re.search(rf"\bthe {re.escape(word)}", folded(question))
        for word in content_words(f"{turn.question} {turn.answer}")
    )


def _meaningful(text: str) -> list[str]:
    return [word for word in words(text) if word not in FUNCTION_WORDS]


def _leans(question: str) -> bool:
    lower = folded(question.strip())
    meaningful = len(_meaningful(lower))
    few = meaningful < 2 or (meaningful < FEW and not any(_names(question)))
    return bool(_OPENERS.match(lower) or _LEANING.search(lower)) or few

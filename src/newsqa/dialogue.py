"""What a turn of a conversation wants, and a follow-up with its history as a question that stands alone."""

import re
from collections.abc import Sequence
from enum import StrEnum

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

"""What a turn of a conversation wants, and which of the earlier turns it needs to be understood."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from newsqa.domain import Turn
from newsqa.english import FUNCTION_WORDS, folded, words
from newsqa.reader.asking import MOST_ANSWER_CHARS

MOST_CHARS = 500
"""Of a turn's question or answer that are looked at."""
MOST_TURNS = 2
"""Turns before a follow-up that are looked at."""
LEANING, SURELY = 0.3, 0.993
"""Probabilities from which a question is taken for a follow-up: likely, and surely."""
Leans = Callable[[str, Sequence[Turn]], float]
"""The probability that a question needs the conversation before it."""


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


@dataclass(frozen=True)
class Understood:
    """A question, and the turns it needs."""

    question: str
    conversation: tuple[Turn, ...] = ()
    """Oldest first; none where it stands alone."""
    leaning: float = field(default=0.0, compare=False)
    """The probability that it needs them."""

    @property
    def doubtful(self) -> bool:
        """Whether it may stand alone after all: then it does where it is answered so."""
        return bool(self.conversation) and self.leaning < SURELY

    @property
    def standalone(self) -> str:
        """The question behind those that it needs."""
        return " ".join(filter(None, [*(turn.question for turn in self.conversation), self.question]))

    @property
    def searched(self) -> str:
        """What is searched for: also what the last answer says, as a follow-up may ask about that."""
        told = [turn.answer[:MOST_ANSWER_CHARS] for turn in self.conversation[-1:]]
        return " ".join([self.standalone, *told])


def understood(question: str, history: Sequence[Turn], leans: Leans) -> Understood:
    """`question` with the turns it needs: none where it stands alone, else back to one that does.

    Small talk in between counts for nothing.

    Args:
        question: as it was asked.
        history: the turns before it, oldest first.
        leans: says how likely a question needs those before it.
    """
    turns = [
        Turn(turn.question.strip()[:MOST_CHARS], turn.answer[:MOST_CHARS])
        for turn in history
        if intent_of(turn.question) in {Intent.QUESTION, Intent.SUMMARY}
    ]
    needed: list[Turn] = []
    leaning = leans(question, turns[-2:]) if turns else 0.0
    probability = leaning
    while probability >= LEANING:
        needed.insert(0, turns.pop())
        further = turns and len(needed) < MOST_TURNS
        probability = leans(needed[0].question, turns[-2:]) if further else 0.0
    return Understood(question, tuple(needed), leaning)

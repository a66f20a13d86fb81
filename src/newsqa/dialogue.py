"""What a turn of a conversation wants, and a follow-up with its history as a question that stands alone."""

import re
from collections.abc import Sequence
from enum import StrEnum

from newsqa.domain import Span, Turn
from newsqa.english import FUNCTION_WORDS, Kind, folded, holds, meaningful, name_runs, stem, stems, words

_OPENERS = re.compile(r"(?:(?:(?:and|but|so|or)\s+)?(?:what|how) about|and|but|so|or|also)\b")
_LEANING = re.compile(
    r"\b(?:he|she|it|they|him|her|his|hers|its|their|theirs|them|former|latter|same|else|another|others)\b|"
    r"\b(?:that|this|these|those|then|there|so)(?=[?.,!]|$)"
)
_POINTING = re.compile(r"\b(?:this|that|these|those|there|then|one|ones|both|so)\b")
_IT_IS = re.compile(r"\b(?:is it|it is|was it|it was) (?:true|clear|known|certain|likely|possible)\b")
_ASKS = re.compile(
    r"\b(?:who|whom|whose|what|when|where|which|why|how|did|does|do|is|are|was|were|has|have|will|can)\b"
)
_HIS, _HER = {"he", "him", "his"}, {"she", "her", "hers"}
_SOMEBODY = re.compile(r"\b(?:the|an?|his|her|their|who) \w")
_WHO_IS = re.compile(r"^who(?:['’]s| is| was| are| were) (?:the )?$")
_HE = re.compile(r"\b(?:he|she|him|her|his|hers)\b", re.IGNORECASE)
_REPORTS = re.compile(r"(?:,[^,.]{1,60},)? (?:said|says|told|added|announced|claimed|warned|wrote|reported)\b")
_AT = re.compile(r"\b(?:in|at|on|from|of|near)(?: the)? $")
_WHO = re.compile(r"\b(?:who|whose|whom|name)\b")
_DETERMINER = re.compile(r"^(?:the|an?|any) ", re.IGNORECASE)
_PREPOSITION = re.compile(r"(?:in|of|on|at|for|after|before|during|since|from|to|with|by|if|when|under)\b")
_VERB = r"(?:is|are|was|were|do|does|did|will|has|have|had|can|could|would)\b"
_THING = re.compile(
    rf"\b(?:(?:many|much|which|what|whose)\s+((?!{_VERB})\w[\w’-]*"
    rf"(?:\s+(?!{_VERB}|(?:of|in|on|at|to|for|with|from)\b)\w[\w’-]*)*)|{_VERB}\s+(?:the\s+|an?\s+)?([^\W\d_][\w’-]*))",
    re.IGNORECASE,
)
"""What a question asks about: "how many grey geese", "what will cars pay"."""
_REST = {"other", "others", "one", "ones", "rest", "else", "another"}
_TAKEN = re.compile(r" \([^()]*\)$")
FEW = 3
"""Words with a meaning below which a question without a name is taken for a follow-up."""
MOST_CHARS = 2000
"""Of a turn that are looked at."""
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
    words of the last question that carry meaning, stands behind it in brackets. Small talk in between counts for
    nothing.
    """
    asked_before = [turn for turn in history if intent_of(turn.question) in {Intent.QUESTION, Intent.SUMMARY}]
    return _standalone(question, asked_before[-MOST_TURNS:])


def _standalone(question: str, history: Sequence[Turn]) -> str:
    if not history or not (leans(question) or _shares(question, history[-1])):
        return question
    last = _standalone(history[-1].question.strip()[:MOST_CHARS], history[:-1])
    asked = question.strip()
    opener = _OPENERS.match(folded(asked))
    rest = asked[opener.end() :].strip(" ,") if opener else asked
    subject = _subject(last, history)
    if not _ASKS.search(folded(rest)):
        named = _named(rest, subject) if subject else rest
        placed = opener or folded(rest).startswith("the ")
        return _in_place(last, named) if placed and set(meaningful(rest)) - _REST else f"{last} {question}"
    resolved = _named(question, subject) if subject else question
    bare = _TAKEN.sub("", last)
    taken = _taken(bare if len(meaningful(bare)) >= FEW else last, resolved, subject)
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
    answer = history[-1].answer[:MOST_CHARS]
    given = [name for name in _no_places(answer) if name.of(answer) not in last]
    doing = [name.of(answer) for name in given if not _REPORTS.match(answer[name.end :])]
    named = [*doing, *(name.of(answer) for name in given)]
    about = _no_places(last)
    who_is = about and _WHO_IS.search(folded(last[: about[0].start]))
    if named and _WHO.search(folded(last)) and not who_is:
        return named[0]
    if about:
        return about[0].of(last)
    earlier = _subject(history[-2].question, history[:-1]) if len(history) > 1 else ""
    return earlier or next(iter(named), "")


def _no_places(text: str) -> list[Span]:
    return [name for name in name_runs(text) if not _AT.search(folded(text[: name.start]))]


def _named(question: str, name: str) -> str:
    """`question` with the name for "he", "she", "his" and so on; as it is where it names somebody itself.

    Of two people, as in "did he meet her", only the first one is named.
    """
    first = _HE.search(question)
    if first is None or any(name_runs(question)) or _SOMEBODY.search(folded(question[: first.start()])):
        return question
    same = next(forms for forms in (_HIS, _HER) if folded(first.group()) in forms)

    def named(match: re.Match[str]) -> str:
        pronoun, after = folded(match.group()), words(question[match.end() :])[:1]
        if pronoun not in same or (pronoun in {"him", "her"} and match.start() != first.start() and not after):
            return match.group()
        own = pronoun in {"his", "hers"} or (pronoun == "her" and bool(after) and after[0] not in FUNCTION_WORDS)
        own = own and not (pronoun == "her" and holds(Kind.DATE, after[0]))
        return f"{name}’s" if own else name

    return _HE.sub(named, question)


def _in_place(last: str, fragment: str) -> str:
    """`last` asked about `fragment` instead: of a name where there is one, else of the thing it asks for."""
    bare = _DETERMINER.sub("", fragment.strip(" ?.!"))
    preposition = _PREPOSITION.match(folded(bare))
    if preposition or holds(Kind.DATE, bare):
        word = preposition.group() if preposition else "in"
        same = re.search(rf"\b{word} (?:the )?(?:[^\W\d_a-z]|\d)[\w-]*(?: (?:[^\W\d_a-z]|\d)[\w-]*)*", last)
        placed = bare if preposition else f"in {bare}" if bare[0].isdigit() else bare
        return f"{last[: same.start()]}{placed}{last[same.end() :]}" if same else f"{last.rstrip(' ?')} {placed}?"
    own = re.search(r"['’]s$", bare)
    spans = [name for name in name_runs(last) if bool(own) == last[name.end :].startswith(("’s", "'s"))]
    if spans and (bare[0].isupper() or own):
        start, end = spans[0].start, spans[0].end + 2 * bool(own)
        return f"{last[:start]}{bare}{last[end:]}"
    thing = None if own else _THING.search(last)
    if thing is None:
        return f"{last} {fragment}"
    start, end = thing.span(1) if thing.group(1) else thing.span(2)
    for name in name_runs(last):
        if name.start < end and start < name.end:
            start, end = min(start, name.start), max(end, name.end)
    return f"{last[:start]}{bare}{last[end:]}"


def _shares(question: str, turn: Turn) -> bool:
    """Whether a question without a name of its own speaks of what the last turn spoke of: "the album"."""
    if any(name_runs(question)):
        return False
    named = {stem(word) for word in re.findall(r"\bthe (\w{3,})", folded(question)) if word not in FUNCTION_WORDS}
    return not named.isdisjoint(stems(f"{turn.question} {turn.answer[:MOST_CHARS]}"))


def leans(question: str) -> bool:
    """Whether a question opens like a follow-up, points back, or has too few words to stand alone."""
    lower = _IT_IS.sub("", folded(question.strip()))
    named, few = any(name_runs(question)), len(meaningful(lower))
    if _OPENERS.match(lower) or _LEANING.search(lower) or few < 2:
        return True
    return not named and (few < FEW or _POINTING.search(lower) is not None)

"""Answers in a chat model's words over what the reader found; it stands as far as the passages bear it out."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from newsqa.answering.extractive import ExtractiveAnswerer, Reply
from newsqa.answering.prompting import answering, rewriting
from newsqa.chat import Chat
from newsqa.dialogue import Understood
from newsqa.domain import ScoredPassage, Turn
from newsqa.english import meaningful, stem, stems, words
from newsqa.errors import ChatModelError

MOST_TURNS = 4
"""Turns before a follow-up that the chat model is shown."""
MAX_TURN_CHARS = 500
"""Of a turn's answer."""
REWRITING_SECONDS = 10.0
"""Longest time for rewriting a question, within that for an answer."""
_LONGEST = 3.0
"""Times the words of the built-in way's question, or of the question, that a rewritten one may have."""
_NEWEST = 0.34
"""Share of a rewritten question's meaningful words that may stand neither in the question nor in the conversation."""


class GenerativeAnswerer:
    """What a chat model writes from the passages that the reader ranked first."""

    name = "generative"

    def __init__(self, chat: Chat, reader: ExtractiveAnswerer, most: int = 4) -> None:
        """Asks nothing yet.

        Args:
            chat: the chat model with its limits.
            reader: ranks the passages, gives the confidence, and answers where the chat model does not.
            most: passages the chat model is given.
        """
        self.chat, self._reader, self._most = chat, reader, most

    def warm_up(self) -> None:
        """Loads the reader."""
        self._reader.warm_up()

    def reply(
        self, asked: Understood, passages: Sequence[ScoredPassage], abandoned: Callable[[], bool] | None = None
    ) -> Reply:
        """What the chat model writes, still to come and to be verified; beside it what the reader says."""
        read = self._reader.reply(asked, passages)
        given = tuple(read.passages or passages)[: self._most]
        if not given:
            return read
        return replace(read, given=given, writing=self.chat.write(answering(asked.standalone, given), abandoned))

    def understood(
        self,
        question: str,
        history: Sequence[Turn],
        abandoned: Callable[[], bool] | None = None,
        spent: dict[str, float] | None = None,
    ) -> Understood:
        """`question` as it would be asked without the conversation before it, in one call.

        No call where it stands alone by itself; the built-in way where the call fails, or gives nonsense: an empty
        line, an answer, or words that come from nowhere. What the call took is put into `spent`.
        """
        built_in = self._reader.understood(question, history)
        if not built_in.conversation:
            return built_in
        turns = [Turn(turn.question[:MAX_TURN_CHARS], turn.answer[:MAX_TURN_CHARS]) for turn in history[-MOST_TURNS:]]
        writing = self.chat.write(rewriting(question, turns), abandoned, REWRITING_SECONDS)
        try:
            written = "".join(writing)
        except ChatModelError:
            return built_in
        if spent is not None:
            spent.update(writing.usage)
        rewritten = " ".join(written.strip().strip('"“”').split())
        sensible = _makes_sense(rewritten, question, built_in.standalone, turns)
        return Understood(rewritten) if sensible else built_in


def _makes_sense(rewritten: str, question: str, built_in: str, history: Sequence[Turn]) -> bool:
    """Whether this can be the question: as long, asking, of words that were said, and with those of the question."""
    most = _LONGEST * max(len(words(question)), len(words(built_in)), 4)
    if not rewritten.endswith("?") or not 2 <= len(words(rewritten)) <= most or rewritten.count("?") > 1:
        return False
    said = set(stems(" ".join([question, *(f"{turn.question} {turn.answer}" for turn in history)])))
    told, asked = (set(map(stem, meaningful(text))) for text in (rewritten, question))
    kept = not asked or len(asked & told) >= len(asked) / 2
    return kept and len(told - said) <= _NEWEST * len(told)

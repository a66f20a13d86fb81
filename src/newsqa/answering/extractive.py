"""Answers with the articles' own sentences, or says that the articles don't say. Needs no chat model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from newsqa.answering.composing import composed, statement
from newsqa.answering.confidence import Calibration
from newsqa.answering.sentences import AT_A_TIME, Candidate, SentenceScorer
from newsqa.chat import Writing
from newsqa.dialogue import Understood, understood
from newsqa.domain import ScoredPassage, Turn
from newsqa.grounding import Statement
from newsqa.reader import Reads

NO_ANSWER = "The articles don’t say."
"""How an abstained answer begins."""
ALONE = 0.9
"""Probability of a sentence from which a question that may be a follow-up is answered as it stands."""
_NEAR = 0.25  # cosine from which a passage is near enough to be shown beside an abstention


@dataclass(frozen=True)
class Reply:
    """What an answerer says, before its quotes are verified."""

    statements: tuple[Statement, ...]
    status: Literal["answered", "abstained"]
    confidence: float
    preface: str = ""
    short: str | None = None
    passages: tuple[ScoredPassage, ...] | None = None
    """What was read, best first by what the reader made of it; None where nothing was."""
    abstention: "Reply | None" = None
    """What is said where nothing of this is to be said after all; None where this abstains itself."""
    writing: Writing | None = None
    """What a chat model writes to the same question, still to be verified; what is said here stands in for it."""
    given: tuple[ScoredPassage, ...] = ()
    """The passages that the chat model was given, in the order of their numbers."""


class ExtractiveAnswerer:
    """The likeliest sentences and the answer in them, in the form that the question asks for."""

    name = "extractive"

    def __init__(self, scorer: SentenceScorer, calibration: Calibration, most_wrong: float = 0.3) -> None:
        """Answers where it is sure enough.

        Args:
            scorer: gives the sentences their probabilities.
            calibration: makes one confidence of them.
            most_wrong: share (0 to 1) of the given answers that may be wrong; less sure ones are held back.
        """
        self._scorer, self._calibration = scorer, calibration
        self._threshold = calibration.threshold(most_wrong)

    def warm_up(self) -> None:
        """Loads the reader."""
        self._scorer.warm_up()

    @property
    def reader(self) -> Reads:
        """What reads questions and statements beside passages."""
        return self._scorer.reader

    def understood(self, question: str, history: Sequence[Turn]) -> Understood:
        """`question` with the turns of the conversation that it needs."""
        return understood(question, history, self.reader.leans)

    def settles(self, question: str, passages: Sequence[ScoredPassage]) -> bool:
        """Whether one of the best `passages` surely answers a question, as it stands."""
        ranked = self._scorer.rank(question, passages[:AT_A_TIME])
        return bool(ranked) and ranked[0].probability >= ALONE

    def reply(
        self, asked: Understood, passages: Sequence[ScoredPassage], abandoned: Callable[[], bool] | None = None
    ) -> Reply:
        """What `passages` (best first) say to a question; it takes too little time to be abandoned."""
        del abandoned
        question = asked.question
        ranked = self._scorer.rank(question, passages, asked.conversation)
        reread = tuple(_reranked(ranked, passages))
        confidence = self._calibration.confidence(question, ranked)
        abstention = _abstained(ranked, reread, confidence)
        if not ranked or confidence < self._threshold:
            return abstention
        said = composed(question, ranked)
        return Reply(said.statements, "answered", confidence, said.preface, said.short, reread, abstention)


def _reranked(ranked: Sequence[Candidate], passages: Sequence[ScoredPassage]) -> list[ScoredPassage]:
    """The passages by the probability that one of their sentences answers, given as their score `reader`.

    Those of which nothing was read stand behind, as the retriever had them, and without that score.
    """
    probability: dict[str, float] = {}
    for each in ranked:
        probability[each.scored.passage.id] = probability.get(each.scored.passage.id, 0.0) + each.probability
    read = [
        replace(each, scores={**each.scores, "reader": round(probability[each.passage.id], 6)})
        for each in passages
        if each.passage.id in probability
    ]
    unread = [each for each in passages if each.passage.id not in probability]
    return sorted(read, key=lambda each: -each.scores["reader"]) + unread


def _abstained(ranked: Sequence[Candidate], passages: tuple[ScoredPassage, ...], confidence: float) -> Reply:
    if not passages:
        return Reply((), "abstained", confidence, f"{NO_ANSWER} No article passes the filters, or none is there yet.")
    read = [scored.passage for scored in passages if "reader" in scored.scores]
    articles = len({passage.article_id for passage in read})
    looked = f"I looked at {_counted(len(read), 'passage')} of {_counted(articles, 'article')}."
    near = ranked and ranked[0].scored.scores.get("dense", 0.0) >= _NEAR
    if not near:
        return Reply((), "abstained", confidence, f"{NO_ANSWER} {looked}", passages=passages)
    said = (statement(ranked[0]),)
    return Reply(said, "abstained", confidence, f"{NO_ANSWER} {looked} What they do say:", passages=passages)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

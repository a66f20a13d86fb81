"""What became of one case: an answer compared with what was expected, without a model as judge."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ir_measures import RR, Measure, iter_calc, nDCG

from newsqa import Answer, Article, Citation, Passage, ScoredPassage
from newsqa.domain import Span, to_json
from newsqa.grounding import Evidence as Evidently
from newsqa.grounding import verify
from newsqa.reader import Reader
from newsqa_evals.cases import Case, Evidence, spans_of
from newsqa_evals.matching import matches, token_f1, without_markers

HALF = 0.5
"""A citation or passage counts as a piece of evidence when it shares at least this much of the shorter of the two."""
DEPTH = 8
"""Passages that retrieval is judged by; what a reader model is given."""
RANKING: dict[str, Measure] = {
    "reciprocal_rank": RR @ DEPTH,
    "ndcg": nDCG @ DEPTH,
}


@dataclass(frozen=True)
class Score:
    """One case's outcome. Shares are 0 to 1; what does not apply to a case is None."""

    suite: str
    case: str
    digest: str
    """Of the case: scores are only compared where it is the same."""
    article: str
    """The article the case hangs on, by which intervals are clustered."""
    tags: tuple[str, ...]
    answerable: bool
    answered: bool
    confidence: float
    right: bool
    """Answerable: answered, with what was expected, first citing evidence. Otherwise: refused."""
    would_be_right: bool
    """The same for the answer given, or for the sentence that a refusal shows: what the confidence speaks of."""
    exact: bool
    """Every citation reproduces its quote and its article's facts; False also when the question failed."""
    answer_match: bool | None = None
    token_f1: float | None = None
    """1 for a right refusal and 0 for a wrong one, as in SQuAD 2.0 (Rajpurkar et al. 2018)."""
    citation_precision: float | None = None
    """Share of the citations that are evidence; of given answers only."""
    citation_recall: float | None = None
    """Share of what was expected that a citation gives; of given answers only."""
    right_article: bool | None = None
    """The first citation is of an article with evidence; of given answers only."""
    recall_at_1: float | None = None
    """Share of what was expected for which one of the first k passages holds evidence."""
    recall_at_4: float | None = None
    recall_at_8: float | None = None
    reciprocal_rank: float | None = None
    ndcg: float | None = None
    citation_support: float | None = None
    """Share of the cited statements that the passages of their quotes bear out; of given answers only."""
    grounding: Mapping[str, int] = field(default_factory=dict)
    """Statements of a chat model by what became of them."""
    answerer: str = ""
    """Who spoke in the end."""
    seconds: float = 0.0
    question: str = ""
    expected: str = ""
    evidence: str = ""
    got: str = ""
    cited: str = ""
    error: str = ""

    @property
    def false_answer(self) -> bool | None:
        """Answered though the articles don't say; None for answerable cases."""
        return None if self.answerable else self.answered

    @property
    def false_refusal(self) -> bool | None:
        """Refused though the articles say; None for unanswerable cases."""
        return not self.answered if self.answerable else None


def score(
    suite: str, case: Case, answer: Answer, articles: Mapping[str, Article], passages: Mapping[str, Sequence[Passage]]
) -> Score:
    """The score of one answer.

    Args:
        suite: name of the case's suite.
        case: what was asked.
        answer: what came back.
        articles: those that were indexed, by id: what the citations are checked against.
        passages: those of each article, by its id: what retrieval is checked against.
    """
    spans = spans_of(case.evidence, articles)
    hits = [overlaps(citation.article_id, citation.source_span, spans) for citation in answer.citations]
    answered = answer.status == "answered"
    said = _said(answer)
    fits = not any(matches(said, wrong) for wrong in case.forbidden)
    given = fits and all(any(matches(said, right) for right in group) for group in case.groups)
    would_be_right = case.answerable and given and hits[:1] == [True]
    judged = answered and case.answerable
    retrieval = _retrieval(case, answer.passages, articles, passages) if case.answerable else {}
    return Score(
        **_asked(suite, case),
        answered=answered,
        confidence=answer.confidence,
        right=answered and would_be_right if case.answerable else fits and not answered,
        would_be_right=would_be_right,
        exact=all(_reproduces(citation, answer, articles) for citation in answer.citations),
        answer_match=answered and given if case.answerable else None,
        token_f1=float(answered and token_f1(said, case.groups)) if case.answerable else float(not answered),
        citation_precision=sum(hits) / len(hits) if judged and hits else (0.0 if judged else None),
        citation_recall=_citation_recall(case, answer, articles) if judged else None,
        right_article=any(citation.article_id in spans for citation in answer.citations[:1]) if judged else None,
        **retrieval,
        citation_support=_support(answer, passages) if answered else None,
        grounding=answer.grounding,
        answerer=answer.answerer,
        seconds=float(answer.timings.get("total", 0.0)),
        got=answer.text,
        cited=" / ".join(f"{citation.article_id}: {citation.quote}" for citation in answer.citations),
    )


def _said(answer: Answer) -> str:
    """What is judged: the short answer, else the text; of a refusal only what it cites."""
    if answer.status == "abstained":
        return " ".join(citation.answer_span.of(answer.text) for citation in answer.citations)
    return answer.short or without_markers(answer.text)


def failed(suite: str, case: Case, error: Exception) -> Score:
    """The score of a question that raised instead of being answered: wrong, and no citation can be trusted."""
    outcome: dict[str, Any] = {
        "answered": False,
        "confidence": 0.0,
        "right": False,
        "would_be_right": False,
        "exact": False,
    }
    return Score(**_asked(suite, case), **outcome, error=f"{type(error).__name__}: {error}")


def holding(
    evidence: Iterable[Evidence], articles: Mapping[str, Article], passages: Mapping[str, Sequence[Passage]]
) -> frozenset[str]:
    """Ids of the passages, given by article id, that hold one of these pieces of evidence."""
    spans = spans_of(evidence, articles)
    return frozenset(
        passage.id for id in spans for passage in passages[id] if overlaps(id, Span(passage.start, passage.end), spans)
    )


def _asked(suite: str, case: Case) -> dict[str, Any]:
    groups = [" or ".join(group) for group in case.groups]
    return {
        "suite": suite,
        "case": case.id,
        "digest": case.digest,
        "article": case.article,
        "tags": case.tags,
        "answerable": case.answerable,
        "question": " → ".join([turn.question for turn in case.history] + [case.question]),
        "expected": "; ".join(groups),
        "evidence": " / ".join(f"{item.article}: {item.quote}" for item in case.evidence),
    }


def overlaps(article_id: str, span: Span, spans: Mapping[str, Sequence[Span]]) -> bool:
    """Whether a part of an article is one of these, given by article, as `HALF` says."""
    for other in spans.get(article_id, ()):
        common = min(span.end, other.end) - max(span.start, other.start)
        if common >= HALF * min(span.end - span.start, other.end - other.start):
            return True
    return False


def _by_group(case: Case) -> list[list[Evidence]]:
    """For each group of expected answers the evidence that gives one of them."""
    return [
        [item for item in case.evidence if any(matches(item.quote, expected) for expected in group)]
        for group in case.groups
    ]


def _citation_recall(case: Case, answer: Answer, articles: Mapping[str, Article]) -> float:
    """The share of the groups of expected answers for which a sentence that gives it is cited."""
    groups = [spans_of(evidence, articles) for evidence in _by_group(case)]
    cited = [(citation.article_id, citation.source_span) for citation in answer.citations]
    return sum(any(overlaps(*each, spans) for each in cited) for spans in groups) / len(groups)


def _support(answer: Answer, passages: Mapping[str, Sequence[Passage]]) -> float | None:
    """The share of the cited statements that hold their quote, or are borne out as newsqa itself judges it."""
    quoted: dict[Span, list[Evidently]] = {}
    for citation in answer.citations:
        facts = (citation.title, citation.publisher, citation.url, citation.published_at, 0.0)
        quoted.setdefault(citation.answer_span, []).extend(
            Evidently(ScoredPassage(passage, *facts))
            for passage in passages.get(citation.article_id, ())
            if citation.source_span.within(Span(passage.start, passage.end))
        )
    verbatim = {each.answer_span for each in answer.citations if each.quote in each.answer_span.of(answer.text)}
    borne = [
        span in verbatim or verify(span.of(answer.text), told, told, _reader()).failure is None
        for span, told in quoted.items()
    ]
    return sum(borne) / len(borne) if borne else None


@cache
def _reader() -> Reader:
    return Reader()


def _reproduces(citation: Citation, answer: Answer, articles: Mapping[str, Article]) -> bool:
    """Whether a citation is what stands in the article as it was loaded. Trusts nothing that newsqa checked."""
    article = articles.get(citation.article_id)
    if article is None or not citation.quote or not citation.answer_span.of(answer.text):
        return False
    facts = ("title", "publisher", "url", "published_at")
    same = all(to_json(getattr(citation, name)) == to_json(getattr(article, name)) for name in facts)
    return same and article.text[citation.source_span.start : citation.source_span.end] == citation.quote


def _retrieval(
    case: Case,
    found: Sequence[ScoredPassage],
    articles: Mapping[str, Article],
    passages: Mapping[str, Sequence[Passage]],
) -> dict[str, Any]:
    """The ranking measures of one question; passages are ranked as they came."""
    ids = [scored.passage.id for scored in found]
    groups = [holding(evidence, articles, passages) for evidence in _by_group(case)]
    recall = {
        f"recall_at_{depth}": sum(not group.isdisjoint(ids[:depth]) for group in groups) / len(groups)
        for depth in (1, 4, DEPTH)
    }
    run = {"q": {id: -float(rank) for rank, id in enumerate(ids)} or {"": 0.0}}
    judged = {"q": dict.fromkeys(holding(case.evidence, articles, passages), 1)}
    names = {measure: name for name, measure in RANKING.items()}
    return recall | {names[each.measure]: each.value for each in iter_calc(list(names), judged, run)}

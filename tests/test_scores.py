"""What became of a case is judged by what was said and what was cited, and citations are checked afresh."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from math import log2
from typing import Any

import pytest

from newsqa import Answer, Article, Citation, Passage, ScoredPassage, Span, Turn
from newsqa.errors import NewsqaError
from newsqa.grounding import Statement, ground
from newsqa_evals.cases import Case
from newsqa_evals.scores import Score, failed, holding, score

RETRIEVAL = ("recall_at_1", "recall_at_4", "recall_at_8", "reciprocal_rank", "ndcg")
NOON = "The ferry sails at noon."
DOGS = "Dogs are welcome."
NINE = "The museum opens at nine."
FERRY = Article(
    id="ferry",
    title="Ferry",
    text=f"{NOON} {DOGS} No timetable is printed.",
    publisher="Island Post",
    url="https://example.org/ferry",
    published_at=date(2025, 5, 1),
)
MUSEUM = Article(id="museum", title="Museum", text=f"{NINE} Entry is free.", publisher="Island Post")
ARTICLES = {article.id: article for article in (FERRY, MUSEUM)}
CASE = Case.model_validate(
    {
        "id": "noon",
        "question": "When does the ferry sail?",
        "answerable": True,
        "expected": ["noon", "12 o’clock"],
        "evidence": [{"article": "ferry", "quote": NOON}],
        "tags": ["short"],
    }
)
LIST = Case.model_validate(
    {
        "id": "hours",
        "question": "When do the ferry and the museum open?",
        "answerable": True,
        "expected": [["noon"], ["nine", "9"]],
        "evidence": [{"article": "ferry", "quote": NOON}, {"article": "museum", "quote": NINE}],
    }
)
UNANSWERABLE = Case(id="captain", question="Who is the captain?", answerable=False, about="ferry")


def test_right_is_an_answer_with_an_expected_string_that_first_cites_evidence() -> None:
    found = _score(CASE, _answer(NOON, DOGS))
    assert (True, True, True, True) == (found.answered, found.right, found.would_be_right, found.answer_match)
    assert (False, None) == (found.false_refusal, found.false_answer)


def test_any_of_the_expected_strings_will_do() -> None:
    assert _score(CASE, _answer(NOON, short="12 o'clock")).right


def test_an_answer_whose_first_citation_is_no_evidence_is_wrong() -> None:
    found = _score(CASE, _answer(DOGS, NOON))
    assert (False, False, True) == (found.right, found.would_be_right, found.answer_match)


def test_an_answer_without_a_citation_is_wrong() -> None:
    found = _score(CASE, replace(_answer(), text="At noon."))
    assert (False, True, 0.0, 0.0) == (found.right, found.answer_match, found.citation_precision, found.citation_recall)
    assert False is found.right_article


def test_an_answer_without_an_expected_string_is_wrong_whatever_it_cites() -> None:
    found = _score(CASE, _answer(NOON, short="at midnight"))
    assert (False, False, 1.0) == (found.right, found.answer_match, found.citation_precision)


def test_an_answer_with_a_forbidden_string_is_wrong() -> None:
    case = CASE.model_copy(update={"forbidden": ("welcome",)})
    found = _score(case, _answer(NOON, DOGS))
    assert (False, False) == (found.right, found.answer_match)
    assert _score(case, _answer(NOON)).right


@pytest.mark.parametrize(
    ("short", "right"), [("noon", True), ("noon and 9", True), ("noon, unless dogs are welcome", False), ("1", False)]
)
def test_the_bare_answer_is_judged_where_there_is_one(short: str, right: bool) -> None:
    case = CASE.model_copy(update={"forbidden": ("welcome",)})
    assert right == _score(case, _answer(NOON, DOGS, short=short)).right


def test_a_marker_is_no_part_of_what_was_said() -> None:
    case = CASE.model_copy(update={"expected": ("1",)})
    assert False is _score(case, _answer(NOON)).answer_match


@pytest.mark.parametrize(
    ("quotes", "right", "recall"), [((NOON, NINE), True, 1.0), ((NINE, NOON), True, 1.0), ((NOON,), False, 0.5)]
)
def test_a_list_needs_a_string_of_each_group(quotes: tuple[str, ...], right: bool, recall: float) -> None:
    found = _score(LIST, _answer(*quotes))
    assert (right, right, recall) == (found.right, found.answer_match, found.citation_recall)


def test_citation_recall_is_of_what_is_cited_not_of_what_is_said() -> None:
    found = _score(LIST, _answer(NOON, DOGS, short="noon and nine"))
    assert (True, 0.5, 0.5) == (found.right, found.citation_recall, found.citation_precision)


def test_citation_precision_is_the_share_of_evidence() -> None:
    found = _score(CASE, _answer(NOON, DOGS, NINE))
    assert pytest.approx(1 / 3) == found.citation_precision
    assert 1.0 == found.citation_recall


@pytest.mark.parametrize(("quote", "right"), [(NOON, True), (DOGS, True), (NINE, False)])
def test_the_right_article_may_be_cited_with_a_wrong_sentence(quote: str, right: bool) -> None:
    assert right is _score(CASE, _answer(quote)).right_article


def test_token_f1_is_of_what_was_said() -> None:
    assert pytest.approx(2 * 1 / (3 + 1)) == _score(CASE, _answer(NOON, short="at noon sharp")).token_f1


def test_a_held_back_answer_is_wrong_but_would_be_right() -> None:
    found = _score(CASE, _answer(NOON, status="abstained"))
    assert (False, False, True, True) == (found.answered, found.right, found.would_be_right, found.false_refusal)
    assert (False, 0.0) == (found.answer_match, found.token_f1)
    assert [None] * 3 == [found.citation_precision, found.citation_recall, found.right_article]


@pytest.mark.parametrize(("status", "refused"), [("abstained", True), ("answered", False)])
def test_what_the_articles_do_not_say_is_right_when_refused(status: str, refused: bool) -> None:
    found = _score(UNANSWERABLE, _answer(NOON, status=status))
    assert (refused, not refused, None) == (found.right, found.false_answer, found.false_refusal)
    assert (float(refused), None, None) == (found.token_f1, found.answer_match, found.citation_precision)
    assert not found.would_be_right


def test_what_newsqa_cites_is_exact() -> None:
    assert _score(CASE, _answer(NOON, NINE)).exact
    assert _score(UNANSWERABLE, _answer(status="abstained")).exact


@pytest.mark.parametrize(
    "changes",
    [
        {"article_id": "museum"},
        {"article_id": "gone"},
        {"source_span": Span(1, 25)},
        {"source_span": Span(0, 23)},
        {"quote": "The ferry sails at one."},
        {"quote": "", "source_span": Span(0, 0)},
        {"title": "Another"},
        {"publisher": "Another"},
        {"url": ""},
        {"published_at": date(2025, 5, 2)},
        {"published_at": None},
        {"answer_span": Span(3, 3)},
    ],
    ids=str,
)
def test_one_bent_citation_makes_the_answer_inexact(changes: dict[str, Any]) -> None:
    answer = _answer(NINE, NOON)
    first, second = answer.citations
    bent = replace(answer, citations=(first, _forged(second, **changes)))
    assert not _score(CASE, bent).exact


def test_a_question_that_failed_is_wrong_and_trusts_no_citation() -> None:
    for case in (CASE, UNANSWERABLE):
        found = failed("suite", case, NewsqaError("the model is gone"))
        assert [False] * 4 == [found.answered, found.right, found.would_be_right, found.exact]
        assert (0.0, "NewsqaError: the model is gone") == (found.confidence, found.error)
        assert {None} == {found.answer_match, found.token_f1, found.citation_precision, found.recall_at_8}


@pytest.mark.parametrize(
    ("relevant", "recalls", "rank", "ndcg"),
    [
        ([1], (1, 1, 1), 1, 1.0),
        ([2], (0, 1, 1), 1 / 2, 1 / log2(3)),
        ([4], (0, 1, 1), 1 / 4, 1 / log2(5)),
        ([5], (0, 0, 1), 1 / 5, 1 / log2(6)),
        ([8], (0, 0, 1), 1 / 8, 1 / log2(9)),
        ([9], (0, 0, 0), 0, 0.0),
        ([], (0, 0, 0), 0, 0.0),
        ([1, 3], (1, 1, 1), 1, (1 + 1 / log2(4)) / (1 + 1 / log2(3))),
        ([2, 12], (0, 1, 1), 1 / 2, 1 / log2(3) / (1 + 1 / log2(3))),
    ],
)
def test_retrieval_is_judged_by_the_rank_of_the_first_passages_with_evidence(
    relevant: list[int], recalls: tuple[float, ...], rank: float, ndcg: float
) -> None:
    found = _score(CASE, replace(_answer(NOON), passages=_ranked(10)), [f"p{rank}" for rank in relevant])
    assert recalls == (found.recall_at_1, found.recall_at_4, found.recall_at_8)
    assert pytest.approx((rank, ndcg)) == (found.reciprocal_rank, found.ndcg)


def test_nothing_retrieved_is_the_worst_retrieval() -> None:
    found = _score(CASE, _answer(NOON), ["p1"])
    assert {0.0} == {getattr(found, name) for name in RETRIEVAL}


def test_retrieval_for_what_the_articles_do_not_say_is_not_judged() -> None:
    found = _score(UNANSWERABLE, replace(_answer(status="abstained"), passages=_ranked(3)))
    assert {None} == {getattr(found, name) for name in RETRIEVAL}


@pytest.mark.parametrize(
    ("start", "end", "relevant"),
    [(0, 24, True), (0, 66, True), (4, 9, True), (12, 42, True), (13, 42, False), (24, 42, False), (20, 28, True)],
    ids=["it", "all around", "within", "half", "less than half", "beside", "half of the shorter"],
)
def test_a_passage_holds_evidence_that_shares_half_of_the_shorter(start: int, end: int, relevant: bool) -> None:
    passage = Passage("p", "ferry", start, end, FERRY.text[start:end], ())
    assert relevant == bool(holding(CASE.evidence, ARTICLES, {"ferry": [passage]}))


def test_passages_of_every_article_with_evidence_are_relevant_and_of_no_other() -> None:
    passages = {id: [Passage(f"{id} 0", id, 0, 24, article.text[:24], ())] for id, article in ARTICLES.items()}
    assert {"ferry 0"} == holding(CASE.evidence, ARTICLES, passages)
    assert {"ferry 0", "museum 0"} == holding(LIST.evidence, ARTICLES, passages)
    assert set() == holding(UNANSWERABLE.evidence, ARTICLES, passages)


def test_evidence_that_stands_twice_may_be_cited_where_it_stands_again() -> None:
    twice = replace(FERRY, text=f"{NOON} {DOGS} {NOON}")
    again = Span(len(twice.text) - len(NOON), len(twice.text))
    text, citations = ground("", [Statement(NOON, "ferry", again, NOON)], lambda _: twice)
    answer = Answer("q", "q", text, None, "answered", 0.9, citations)
    found = score("ferries", CASE, answer, {"ferry": twice}, {"ferry": []})
    assert (True, 1.0) == (found.right, found.citation_recall)


def test_a_score_says_what_was_asked_and_what_came() -> None:
    asked = CASE.model_copy(update={"history": (Turn("Is there a ferry?", "Yes."),), "expected": (("noon", "12"),)})
    found = _score(asked, replace(_answer(NOON), timings={"retrieve": 0.2, "total": 0.5}))
    assert ("ferries", "noon", asked.digest, "ferry", ("short",)) == (
        found.suite, found.case, found.digest, found.article, found.tags,
    )  # fmt: skip
    assert ("Is there a ferry? → When does the ferry sail?", "noon or 12") == (found.question, found.expected)
    assert (f"ferry: {NOON}", f"ferry: {NOON}", f"{NOON} [1]") == (found.evidence, found.cited, found.got)
    assert (0.9, 0.5) == (found.confidence, found.seconds)


def _score(case: Case, answer: Answer, relevant: Sequence[str] = ()) -> Score:
    """The score of an answer, where the passages of these ids hold the first sentence of the ferry."""
    passages = {"ferry": [Passage(id, "ferry", 0, len(NOON), NOON, ()) for id in relevant], "museum": []}
    return score("ferries", case, answer, ARTICLES, passages)


def _answer(*quotes: str, short: str | None = None, status: Any = "answered") -> Answer:
    """An answer that says these sentences and cites each."""
    text, citations = ground("", [_statement(quote) for quote in quotes], ARTICLES.__getitem__)
    return Answer("q", "q", text, short, status, 0.9, citations)


def _statement(quote: str) -> Statement:
    article = next(article for article in ARTICLES.values() if quote in article.text)
    start = article.text.index(quote)
    return Statement(quote, article.id, Span(start, start + len(quote)), quote)


def _ranked(count: int) -> tuple[ScoredPassage, ...]:
    """Passages p1, p2, … in this order, whatever their scores say."""
    return tuple(
        ScoredPassage(Passage(f"p{rank}", "ferry", 0, 1, "T", ()), "Ferry", "", "", None, score=float(rank))
        for rank in range(1, count + 1)
    )


def _forged(citation: Citation, **changes: object) -> Citation:
    """A citation with other fields, past the check that keeps newsqa from making such a one."""
    forged: Citation = object.__new__(Citation)
    for name in Citation.__slots__:
        object.__setattr__(forged, name, changes.get(name, getattr(citation, name)))
    return forged

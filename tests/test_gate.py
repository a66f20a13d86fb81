"""The gate is itself tested: seeded faults, each of which must turn it red, and a run like the baseline, green."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from newsqa import Answer, Assistant, Citation, Filters, HybridRetriever, Passage, ScoredPassage, Sentence
from newsqa.answering.confidence import Calibration
from newsqa.answering.extractive import ExtractiveAnswerer
from newsqa.answering.sentences import SentenceScorer
from newsqa.domain import Span
from newsqa.reader import Reader
from newsqa.settings import Settings
from newsqa_evals.baseline import read_baseline, write_baseline
from newsqa_evals.cases import Case, load_suites
from newsqa_evals.report import Comparison, Report
from newsqa_evals.runner import Asks, Run, ask_all, ask_of

SUITES = load_suites(["who_said_it", "numbers_and_dates", "unanswerable_near"])
WORDS = Settings().passage_words
DROPPED = "istanbul-talks-2025-05"


@pytest.fixture(scope="module")
def answers(assistant: Assistant) -> dict[str, Answer]:
    """What the real assistant says, by case."""
    ask = ask_of(assistant)
    return {case.id: ask(case) for suite in SUITES for case in suite.cases}


@pytest.fixture(scope="module")
def baseline(answers: dict[str, Answer], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The real scores, written and read as the baseline is."""
    file = tmp_path_factory.mktemp("baseline") / "baseline.json"
    write_baseline(file, _run(lambda case: answers[case.id]))
    return read_baseline(file)


def test_the_same_answers_are_green(answers: dict[str, Answer], baseline: Run) -> None:
    assert [] == _failures(baseline, lambda case: answers[case.id])


def test_asking_again_gives_the_same_scores(assistant: Assistant, answers: dict[str, Answer]) -> None:
    first = _run(lambda case: answers[case.id]).scores[:25]
    again = _run(ask_of(assistant), first=25).scores
    assert [replace(score, seconds=0.0) for score in first] == [replace(score, seconds=0.0) for score in again]


def test_passages_shuffled(answers: dict[str, Answer], baseline: Run) -> None:
    def shuffled(case: Case) -> Answer:
        passages = answers[case.id].passages
        return replace(answers[case.id], passages=tuple(random.Random(case.id).sample(passages, len(passages))))

    assert "retrieval MRR@8 is worse" in _failures(baseline, shuffled)


def test_offsets_shifted_by_one_in_the_passages(assistant: Assistant, baseline: Run) -> None:
    class Shifted(HybridRetriever):
        def find(self, question: str, filters: Filters | None = None, top_k: int | None = None) -> list[ScoredPassage]:
            found = super().find(question, filters, top_k)
            return [replace(scored, passage=_shifted(scored.passage)) for scored in found]

    retriever = Shifted(library=assistant.library, embedding=assistant.retriever.embedding)
    failures = _failures(baseline, ask_of(Assistant(assistant.library, retriever, assistant.answerer)), first=20)
    assert any(failure.endswith("is broken") for failure in failures)


def test_offsets_shifted_by_one_in_a_citation(answers: dict[str, Answer], baseline: Run) -> None:
    def shift(citation: Citation) -> Citation:
        span = citation.source_span
        return _forged(citation, source_span=Span(span.start + 1, span.end + 1))

    failures = _failures(baseline, _with_citations(answers, shift))
    cited = sum(bool(answer.citations) for answer in answers.values())
    assert cited == sum(failure.endswith("is broken") for failure in failures)


def test_one_article_dropped(assistant: Assistant, baseline: Run) -> None:
    kept = Filters(article_ids=tuple(article.id for article in assistant.library.articles() if article.id != DROPPED))
    failures = _failures(baseline, lambda case: assistant.ask(case.question, history=case.history, filters=kept))
    assert "right is worse" in failures


def test_always_abstaining(assistant: Assistant, baseline: Run) -> None:
    assert "false refusals is worse" in _failures(baseline, ask_of(_with_errors(assistant, 0.0)))


def test_never_abstaining(assistant: Assistant, baseline: Run) -> None:
    assert "false answers is worse" in _failures(baseline, ask_of(_with_errors(assistant, 1.0)))


def test_citations_that_name_another_article(answers: dict[str, Answer], baseline: Run) -> None:
    def rename(citation: Citation) -> Citation:
        other = "lagoon-bird-count" if citation.article_id == DROPPED else DROPPED
        return _forged(citation, article_id=other)

    failures = _failures(baseline, _with_citations(answers, rename))
    assert any(failure.endswith("is broken") for failure in failures)


def test_citations_swapped_between_answers_from_two_articles(answers: dict[str, Answer], baseline: Run) -> None:
    """Each quote stands where it says; it is only the wrong one."""
    swapped = dict(answers)
    cited = [case for case, answer in answers.items() if answer.citations]
    for one, other in pairwise(cited):
        first, second = swapped[one], swapped[other]
        if first.citations[0].article_id != second.citations[0].article_id:
            swapped[one], swapped[other] = _citing(first, second), _citing(second, first)
    failures = _failures(baseline, lambda case: swapped[case.id])
    assert {"right is worse", "citation precision is worse"} <= set(failures)
    assert not any(failure.endswith("is broken") for failure in failures)


def test_a_changed_case_is_not_compared(answers: dict[str, Answer], baseline: Run) -> None:
    now = _run(lambda case: answers[case.id])
    changed = replace(now, scores=tuple(replace(score, digest="another", right=False) for score in now.scores))
    report = Report(changed, Comparison("the baseline", baseline, changed))
    assert [] == report.failures


def _run(ask: Asks, first: int | None = None) -> Run:
    def scores() -> Iterator[object]:
        for suite in SUITES:
            yield from ask_all(replace(suite, cases=suite.cases[:first]), ask, WORDS)
            if first:
                return

    return Run(tuple(scores()), "now", {}, {})  # type: ignore[arg-type]


def _failures(baseline: Run, ask: Asks, first: int | None = None) -> list[str]:
    now = _run(ask, first)
    return Report(now, Comparison("the baseline", baseline, now)).failures


def _with_errors(assistant: Assistant, most_wrong: float) -> Assistant:
    scorer = SentenceScorer(Reader())
    return Assistant(assistant.library, assistant.retriever, ExtractiveAnswerer(scorer, Calibration.load(), most_wrong))


def _shifted(passage: Passage) -> Passage:
    sentences = tuple(Sentence(s.start + 1, s.end + 1, s.text, s.heading) for s in passage.sentences)
    return replace(passage, sentences=sentences)


def _with_citations(answers: dict[str, Answer], change: Callable[[Citation], Citation]) -> Asks:
    def ask(case: Case) -> Answer:
        answer = answers[case.id]
        return replace(answer, citations=tuple(map(change, answer.citations)))

    return ask


def _citing(answer: Answer, other: Answer) -> Answer:
    """`answer` with the citations of the other one, as far as its text reaches."""
    citations = tuple(_forged(citation, answer_span=Span(0, 1)) for citation in other.citations)
    return replace(answer, citations=citations)


def _forged(citation: Citation, **changes: object) -> Citation:
    """A citation with other fields, past the check that keeps newsqa from making such a one."""
    forged: Citation = object.__new__(Citation)
    names = Citation.__slots__
    for name in names:
        object.__setattr__(forged, name, changes.get(name, getattr(citation, name)))
    return forged

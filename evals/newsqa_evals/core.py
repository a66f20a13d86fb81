"""Asks the core suites over the shipped corpus: is the first citation the right sentence, is the rest refused?

python -m newsqa_evals.core [SUITE.yaml …] [--misses]
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from newsqa import Answer, open_assistant
from newsqa.assistant import Assistant
from newsqa.loading import load
from newsqa_evals.cases import SUITES, Case, load_suite

CORPUS = Path(__file__).parents[2] / "corpus"


@dataclass(frozen=True)
class Result:
    """A case and what became of it."""

    case: Case
    answer: Answer

    @property
    def answered(self) -> bool:
        """Whether the assistant gave an answer at all."""
        return self.answer.status == "answered"

    def cited(self, first: int) -> bool:
        """Whether one of the `first` citations overlaps a sentence that answers the case."""
        return any(
            citation.article_id == item.article and (item.quote in citation.quote or citation.quote in item.quote)
            for citation in self.answer.citations[:first]
            for item in self.case.evidence
        )

    @property
    def right(self) -> bool:
        """Whether the first citation is right, or the refusal is."""
        return self.answered and self.cited(1) if self.case.answerable else not self.answered


def ask_all(assistant: Assistant, cases: Sequence[Case]) -> list[Result]:
    """The result of every case."""
    return [Result(case, assistant.ask(case.question, history=case.history)) for case in cases]


def main() -> None:
    """Prints a table for each suite and, if asked, the cases that went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", type=Path, default=sorted(SUITES.glob("*.yaml")))
    parser.add_argument("--misses", action="store_true", help="list the cases that went wrong")
    parser.add_argument("--threshold", type=float, help="abstain under this confidence instead of the default")
    arguments = parser.parse_args()
    console = Console(width=140)
    chosen = {} if arguments.threshold is None else {"answer_threshold": arguments.threshold}
    with tempfile.TemporaryDirectory() as folder, open_assistant(folder, **chosen) as assistant:
        articles = load(CORPUS)
        assistant.library.add(articles)
        for suite in arguments.suites:
            results = ask_all(assistant, load_suite(suite, articles))
            console.print(_table(suite.stem, results))
            if arguments.misses:
                _print_misses(console, results)


def _table(name: str, results: Sequence[Result]) -> Table:
    table = Table("cases", "n", "right", "share", title=name)
    answerable = [result for result in results if result.case.answerable]
    rest = [result for result in results if not result.case.answerable]
    rows = {
        "answerable: first citation is right": [result.right for result in answerable],
        "answerable: one of the citations is right": [result.answered and result.cited(3) for result in answerable],
        "answerable: right sentence first, answered or not": [result.cited(1) for result in answerable],
        "answerable: not refused": [result.answered for result in answerable],
        "unanswerable: refused": [result.right for result in rest],
    }
    for kind in ("unanswerable_near", "unanswerable_far", "follow_up"):
        rows[f"{kind}: right"] = [result.right for result in results if kind in result.case.tags]
    for label, values in rows.items():
        table.add_row(label, str(len(values)), str(sum(values)), f"{sum(values) / max(1, len(values)):.3f}")
    return table


def _print_misses(console: Console, results: Sequence[Result]) -> None:
    for result in results:
        if not result.right:
            case, answer = result.case, result.answer
            console.print(f"\n[bold]{case.id}[/] {answer.status} {answer.confidence:.2f}", highlight=False)
            console.print(f"  asked     {answer.standalone_question}", markup=False, highlight=False)
            for item in case.evidence[:1]:
                console.print(f"  expected  {item.article}: {item.quote}", markup=False, highlight=False)
            for citation in answer.citations[:2]:
                console.print(f"  cited     {citation.article_id}: {citation.quote}", markup=False, highlight=False)


if __name__ == "__main__":
    main()

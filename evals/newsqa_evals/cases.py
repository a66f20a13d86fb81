"""Cases and suites: questions with the sentences that answer them, read from YAML and checked against the articles."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from newsqa import Article, Turn
from newsqa.errors import NewsqaError

SUITES = Path(__file__).parents[1] / "suites"


class SuiteError(NewsqaError):
    """A suite that can't be scored; the message names file, case and field."""


@dataclass(frozen=True)
class Evidence:
    """A sentence that answers a case by itself."""

    article: str
    quote: str


@dataclass(frozen=True)
class Case:
    """One question and what a right answer to it rests on."""

    id: str
    question: str
    answerable: bool
    history: tuple[Turn, ...] = ()
    expected: tuple[str, ...] = ()
    """Any of these strings is right."""
    evidence: tuple[Evidence, ...] = ()
    """Any of these sentences is the right one to cite."""
    tags: tuple[str, ...] = ()
    note: str = ""


def load_suite(file: Path, articles: Iterable[Article]) -> list[Case]:
    """The cases of a YAML file, checked against the articles they speak of.

    Raises:
        SuiteError: a key is missing or unknown, an id is used twice, an article is not there, a quote is not
            in its article, or an expected answer in none of the quotes.
    """
    texts = {article.id: article.text for article in articles}
    cases: list[Case] = []
    for values in yaml.safe_load(file.read_text(encoding="utf-8"))["cases"]:
        case = _case(file, values)
        _check(file, case, texts)
        if case.id in {other.id for other in cases}:
            raise SuiteError(f"{file.name}: {case.id}: the id is used twice; give one of the cases another")
        cases.append(case)
    return cases


def _case(file: Path, values: Mapping[str, Any]) -> Case:
    known = {**values}
    try:
        known["history"] = tuple(Turn(**turn) for turn in values.get("history") or ())
        known["evidence"] = tuple(Evidence(**item) for item in values.get("evidence") or ())
        known["expected"], known["tags"] = tuple(values.get("expected") or ()), tuple(values.get("tags") or ())
        return Case(**known)
    except TypeError as error:
        raise SuiteError(f"{file.name}: {values.get('id', 'a case without id')}: {error}") from error


def _check(file: Path, case: Case, texts: Mapping[str, str]) -> None:
    where = f"{file.name}: {case.id}"
    for item in case.evidence:
        if item.article not in texts:
            raise SuiteError(f"{where}: there is no article {item.article!r}")
        if item.quote not in texts[item.article]:
            raise SuiteError(f"{where}: the quote does not stand in {item.article}: {item.quote!r}")
    if case.answerable != bool(case.evidence):
        raise SuiteError(f"{where}: answerable cases have evidence, the others none")
    for answer in case.expected:
        if not any(answer in item.quote for item in case.evidence):
            raise SuiteError(f"{where}: {answer!r} stands in none of the quotes")

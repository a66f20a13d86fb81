"""Asks the cases of suites, each over a throw-away library of its articles, and keeps the scores."""

import platform
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from newsqa import Answer, Article, Assistant
from newsqa.errors import NewsqaError
from newsqa.passages import split_passages
from newsqa.settings import Settings
from newsqa.wiring import assemble, read_settings
from newsqa_evals.cases import EVALS, Case, Suite
from newsqa_evals.scores import Score, failed, score

Answerer = Literal["extractive", "generative"]
Asks = Callable[[Case], Answer]
"""Answers a case."""
NOT_ANSWERING = {"data_dir", "fetch_allow"}
"""Settings that no answer depends on."""


@dataclass(frozen=True)
class Run:
    """The scores of one run and what was run."""

    scores: tuple[Score, ...]
    commit: str
    versions: Mapping[str, str]
    settings: Mapping[str, Any]


def run(
    suites: Sequence[Suite],
    settings: Mapping[str, Any] | None = None,
    on_case: Callable[[str], None] = lambda _: None,
    answerer: Answerer = "extractive",
) -> Run:
    """The scores of all cases, suite by suite.

    Args:
        suites: what to ask; those over the same articles share a library.
        settings: fields of `newsqa.settings.Settings`, over the environment's.
        on_case: told the suite of each case that is done.
        answerer: who is asked.

    Raises:
        SettingsError: a setting is unknown or out of bounds.
    """
    chosen = read_settings(**(settings or {}))
    scores: dict[str, list[Score]] = {}
    for corpus in dict.fromkeys(suite.corpus for suite in suites):
        members = [suite for suite in suites if suite.corpus == corpus]
        with indexed(members[0].articles.values(), chosen) as assistant:
            for suite in members:
                found = scores[suite.name] = []
                for outcome in ask_all(suite, ask_of(assistant, answerer), chosen.passage_words):
                    found.append(outcome)
                    on_case(suite.name)
    ordered = tuple(outcome for suite in suites for outcome in scores[suite.name])
    return Run(ordered, commit(), versions(), chosen.model_dump(mode="json", exclude=NOT_ANSWERING))


@contextmanager
def indexed(articles: Iterable[Article], settings: Settings) -> Iterator[Assistant]:
    """An assistant over these articles, in a folder that goes away."""
    with (
        tempfile.TemporaryDirectory() as folder,
        assemble(settings.model_copy(update={"data_dir": Path(folder)})) as assistant,
    ):
        assistant.library.add(articles)
        yield assistant


def ask_of(assistant: Assistant, answerer: Answerer = "extractive") -> Asks:
    """Asks an assistant a case with its history and filters, over articles as its attack left them."""

    def ask(case: Case) -> Answer:
        if case.attack is None:
            return assistant.ask(case.question, history=case.history, filters=case.filters, answerer=answerer)
        honest = assistant.library.get(case.attack.article)
        assistant.library.add([case.attack.on(honest)])
        try:
            return ask(case.model_copy(update={"attack": None}))
        finally:
            assistant.library.add([honest])

    return ask


def ask_all(suite: Suite, ask: Asks, passage_words: int) -> Iterator[Score]:
    """The score of every case of a suite, as they come. A refusal of newsqa's own is a score, a crash is not."""
    honest = {id: split_passages(article, passage_words) for id, article in suite.articles.items()}
    for case in suite.cases:
        articles, passages = case.over(suite.articles), honest
        if case.attack:
            id = case.attack.article
            passages = {**honest, id: split_passages(articles[id], passage_words)}
        try:
            answer = ask(case)
        except NewsqaError as error:
            yield failed(suite.name, case, error)
        else:
            yield score(suite.name, case, answer, articles, passages)


def changed_settings() -> dict[str, Any]:
    """The settings of the environment that are not the defaults, but for the library's folder."""
    chosen = read_settings().model_dump()
    return {
        f"NEWSQA_{name.upper()}": chosen[name]
        for name, field in Settings.model_fields.items()
        if name not in NOT_ANSWERING and chosen[name] != field.default
    }


def commit() -> str:
    """The commit that is checked out, with a + when files were changed since; "unknown" outside a checkout."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=+"],
            cwd=EVALS,
            check=True,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def versions() -> dict[str, str]:
    """The versions that figures may hang on."""
    names = ("newsqa", "chromadb", "langchain-core", "numpy", "onnxruntime", "sentencex", "tokenizers")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}

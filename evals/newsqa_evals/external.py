"""Public question sets by adapter, scored strictly, beside chance and the tutorial pipeline in the same run.

Nothing of these sets is shipped: whoever has the files names them. A passage or sentence counts when it is of a right
article and holds an answer; case, punctuation and articles (a, an, the) aside.
"""

import gzip
import json
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from newsqa import Answer, Article, Assistant, Filters
from newsqa.cli import progress
from newsqa.embedding import OnnxEmbeddings
from newsqa.errors import NewsqaError
from newsqa.passages import split_passages
from newsqa.reader.check import f1
from newsqa.wiring import read_settings
from newsqa_evals import statistics
from newsqa_evals.matching import matches
from newsqa_evals.report import finite
from newsqa_evals.runner import indexed
from newsqa_evals.statistics import Difference, Estimate
from newsqa_evals.tutorial import TutorialPipeline

_COVERAGE = statistics.coverage_at(0.8)
FEW = 1000
"""Articles up to which every question is also asked with its own article left out."""


class ExternalError(NewsqaError):
    """A public set that can't be read; the message names the file."""


@dataclass(frozen=True)
class Question:
    """A question of a public set. No answers: the articles don't say."""

    text: str
    article_ids: tuple[str, ...]
    """The articles that are right to cite."""
    answers: tuple[str, ...]
    """Any of these is right."""

    def held_by(self, article_id: str, text: str) -> bool:
        """Whether `text` of this article holds one of the answers."""
        return article_id in self.article_ids and any(matches(text, answer) for answer in self.answers)


@dataclass(frozen=True)
class Row:
    """A line of the result."""

    label: str
    estimate: Estimate
    values: list[float]
    """One for each question that it applies to, where it is their mean."""


def _mean(label: str, values: Sequence[float], articles: Sequence[str]) -> Iterator[Row]:
    """A row for the mean, where there is a value; with the article of each."""
    if values:
        yield Row(label, statistics.mean(values, articles), list(values))


Set = tuple[list[Article], list[Question]]


def read_squad(rows: Sequence[Mapping[str, Any]]) -> Set:
    """SQuAD 2.0: an article for each title, of its paragraphs. Columns `title, context, question, answers`."""
    paragraphs: dict[str, dict[str, None]] = {}
    for row in rows:
        paragraphs.setdefault(row["title"], {})[row["context"]] = None
    articles = [
        Article(id=title, title=title.replace("_", " "), text="\n\n".join(texts)) for title, texts in paragraphs.items()
    ]
    return articles, [Question(row["question"], (row["title"],), _texts(row["answers"])) for row in rows]


def read_newsqa(rows: Sequence[Mapping[str, Any]]) -> Set:
    """NewsQA: articles with `id, text`, and questions with `article_id, question, answers`."""
    articles = [
        Article(id=row["id"], title=row["text"].strip().split("\n")[0][:80], text=row["text"])
        for row in rows
        if "text" in row
    ]
    asked = [row for row in rows if "question" in row]
    return articles, [Question(row["question"], (row["article_id"],), _texts(row["answers"])) for row in asked]


def read_realtimeqa(rows: Sequence[Mapping[str, Any]]) -> Set:
    """RealTimeQA: articles with `id, title, text`, and questions with `answer, gold_docs, answer_in_docs`.

    Only questions whose answer stands in one of these articles are asked.
    """
    articles = [
        Article(id=row["id"], title=row["title"], text=row["text"], url=row.get("url", ""))
        for row in rows
        if row.get("text", "").strip()
    ]
    known = {article.id for article in articles}
    asked = [row for row in rows if known.intersection(row.get("answer_in_docs", ()))]
    return articles, [
        Question(row["question"], tuple(dict.fromkeys(row["gold_docs"] + row["answer_in_docs"])), (row["answer"],))
        for row in asked
    ]


READERS: Mapping[str, Callable[[Sequence[Mapping[str, Any]]], Set]] = {
    "squad": read_squad,
    "newsqa": read_newsqa,
    "realtimeqa": read_realtimeqa,
}


def measure(name: str, files: Sequence[Path], limit: int = 0, *, as_json: bool = False) -> None:
    """Indexes a set's articles both ways, asks its questions and prints the shares.

    Args:
        name: one of `READERS`.
        files: JSON lines, gzipped or not; articles and questions in any order.
        limit: at most so many questions, drawn with a fixed seed; 0: all.
        as_json: print the rows as JSON.

    Raises:
        ExternalError: a file can't be read, or the articles or questions are missing.
    """
    articles, questions = read(name, files)
    if 0 < limit < len(questions):
        questions = random.Random(0).sample(questions, limit)
    rows = [*_floor(articles, questions), *_tutorial(articles, questions), *_newsqa(articles, questions)]
    estimates = {row.label: row.estimate for row in rows}
    by_label = {row.label: row.values for row in rows}
    beside = statistics.compare({_FIRST: (by_label[_TUTORIAL_FIRST], by_label[_FIRST])})
    if as_json:
        values = {"rows": _plain(estimates), "beside the tutorial pipeline": _plain(beside)}
        print(json.dumps(finite(values), indent=1))
        return
    title = f"{name}: {len(questions)} questions over {len(articles)} articles"
    table = Table("", "n", "share", "95% interval", title=title, box=None)
    for label, found in estimates.items():
        table.add_row(label, str(found.n), f"{found.value:.3f}", found.bounds(3))
    console = Console(width=120, highlight=False)
    console.print(table)
    for label, better in beside.items():
        console.print(f"{label}, beside the tutorial pipeline’s: {better.verdict}, {better.chance}")


def read(name: str, files: Sequence[Path]) -> Set:
    """The articles and questions of a set's files. Raises as `measure` does."""
    rows = [row for file in files for row in read_lines(file)]
    try:
        articles, questions = READERS[name](rows)
    except (KeyError, TypeError, AttributeError) as error:
        named = ", ".join(map(str, files))
        raise ExternalError(f"{named}: these are not the files of {name}: {error!r} is missing or odd") from error
    for what, found in (("articles", articles), ("questions", questions)):
        if not found:
            raise ExternalError(f"{name} needs its {what}: give the path of that file too")
    return articles, questions


def read_lines(file: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON lines file, gzipped or not.

    Raises:
        ExternalError: the file can't be read; the message names the line.
    """
    number = 0
    try:
        with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
            for line in lines:
                number += 1
                yield dict(json.loads(line))
    except (OSError, EOFError, ValueError, TypeError) as error:
        place = f"{file}:{number}" if number else str(file)
        raise ExternalError(f"{place}: {error}; JSON lines are needed, gzipped or not") from error


_FIRST = "newsqa: first passage holds the answer"
_TUTORIAL_FIRST = "tutorial pipeline: first chunk holds the answer"


def _floor(articles: Sequence[Article], questions: Sequence[Question]) -> Iterator[Row]:
    """What a passage drawn at random would give: the share of all passages that hold the answer."""
    passages = {article.id: [passage.text for passage in split_passages(article)] for article in articles}
    total = sum(map(len, passages.values()))
    asked = _answerable(questions)
    shares = [
        sum(question.held_by(id, text) for id in question.article_ids for text in passages.get(id, ())) / total
        for question in asked
    ]
    yield from _mean("a random passage holds the answer", shares, _clusters(asked))


def _tutorial(articles: Sequence[Article], questions: Sequence[Question]) -> Iterator[Row]:
    asked = _answerable(questions)
    with tempfile.TemporaryDirectory() as folder, progress(len(articles) + len(asked)) as advance:
        pipeline = TutorialPipeline.open(Path(folder), OnnxEmbeddings())
        for article in articles:
            pipeline.add([article])
            advance("tutorial pipeline: indexing")
        found = []
        for question in asked:
            chunks = pipeline.search(question.text)
            found.append([question.held_by(chunk.metadata["article_id"], chunk.page_content) for chunk in chunks])
            advance("tutorial pipeline: searching")
    yield from _mean(_TUTORIAL_FIRST, [float(any(row[:1])) for row in found], _clusters(asked))
    yield from _mean(
        "tutorial pipeline: one of the first 4 chunks", [float(any(row)) for row in found], _clusters(asked)
    )


def _newsqa(articles: Sequence[Article], questions: Sequence[Question]) -> Iterator[Row]:
    with progress(len(questions)) as advance, indexed(articles, read_settings()) as assistant:
        answers = []
        for question in questions:
            answers.append(assistant.ask(question.text))
            advance("newsqa")
        pairs = [pair for pair in zip(questions, answers, strict=True) if pair[0].answers]
        others = [pair for pair in zip(questions, answers, strict=True) if not pair[0].answers]
        yield from _passages(pairs)
        yield from _answers(pairs)
        if others:
            refused = [float(answer.status == "abstained") for _, answer in others]
            yield from _mean(
                "newsqa: refused, of the unanswerable", refused, _clusters([question for question, _ in others])
            )
        elif len(articles) <= FEW:
            yield from _left_out(assistant, articles, pairs)


def _passages(pairs: Sequence[tuple[Question, Answer]]) -> Iterator[Row]:
    found = [
        [question.held_by(scored.passage.article_id, scored.passage.text) for scored in answer.passages]
        for question, answer in pairs
    ]
    labels = {1: _FIRST, 4: "newsqa: one of the first 4 passages", 8: "newsqa: one of the first 8 passages"}
    for depth, label in labels.items():
        yield from _mean(
            label, [float(any(row[:depth])) for row in found], _clusters([question for question, _ in pairs])
        )


def _answers(pairs: Sequence[tuple[Question, Answer]]) -> Iterator[Row]:
    cited = [any(question.held_by(c.article_id, c.quote) for c in answer.citations[:1]) for question, answer in pairs]
    given = [answer.status == "answered" for _, answer in pairs]
    clusters = _clusters([question for question, _ in pairs])
    both = [float(right and answered) for right, answered in zip(cited, given, strict=True)]
    yield from _mean("newsqa: answered, and the first cited sentence holds the answer", both, clusters)
    yield from _mean("newsqa: the first sentence holds it, answered or not", list(map(float, cited)), clusters)
    shorts = [f1(answer.short, question.answers) if answer.short else 0.0 for question, answer in pairs]
    yield from _mean("newsqa: F1 of the short answer, 0 where there is none", shorts, clusters)
    yield from _mean("newsqa: answered", list(map(float, given)), clusters)
    of_given = [(value, cluster) for value, cluster, answered in zip(both, clusters, given, strict=True) if answered]
    yield from _mean("newsqa: right, of the answered", [pair[0] for pair in of_given], [pair[1] for pair in of_given])
    sure = [answer.confidence for _, answer in pairs]
    for label, of in (("AUROC, right against wrong", statistics.auroc), ("coverage at 80% precision", _COVERAGE)):
        yield Row(f"newsqa: confidence, {label}", statistics.estimate(of, sure, cited, clusters), [])


def _left_out(
    assistant: Assistant, articles: Sequence[Article], pairs: Sequence[tuple[Question, Answer]]
) -> Iterator[Row]:
    """Every question with the articles that answer it left out of the search, beside the same with them."""
    asked = [pair for pair in pairs if not {article.id for article in articles} <= {*pair[0].article_ids}]
    without = []
    for question, _ in asked:
        others = tuple(article.id for article in articles if article.id not in question.article_ids)
        without.append(assistant.ask(question.text, filters=Filters(article_ids=others)))
    if not asked:
        return
    clusters = _clusters([question for question, _ in asked])
    refused = [float(answer.status == "abstained") for answer in without]
    yield from _mean("newsqa: refused, with the article left out", refused, clusters)
    sure, unsure = [answer.confidence for _, answer in asked], [answer.confidence for answer in without]
    there = [True] * len(asked) + [False] * len(asked)
    auroc = statistics.estimate(statistics.auroc, sure + unsure, there, clusters * 2)
    yield Row("newsqa: confidence, AUROC, article there or left out", auroc, [])
    kept = "newsqa: refused with the article left out, where 90% of the others are kept"
    yield from _mean(kept, [float(each < np.quantile(sure, 0.1)) for each in unsure], clusters)


def _plain(found: Mapping[str, Estimate | Difference]) -> dict[str, Any]:
    return {label: asdict(each) for label, each in found.items()}


def _answerable(questions: Sequence[Question]) -> list[Question]:
    return [question for question in questions if question.answers]


def _clusters(questions: Sequence[Question]) -> list[str]:
    return [question.article_ids[0] for question in questions]


def _texts(answers: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(answer["text"] for answer in answers))

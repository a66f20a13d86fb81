"""Retrieval of newsqa beside the tutorial pipeline, on the stand-alone NewsQA questions.

    python -m newsqa_evals.retrieval DATA

All articles are indexed. A passage counts when it is of the right article and holds a gold answer (case, white
space and punctuation aside); a citation counts when its sentence does.
"""

import argparse
import gzip
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from newsqa import Answer, Article, Assistant, Filters, HybridRetriever, Library, Settings
from newsqa.answering.extractive import ExtractiveAnswerer
from newsqa.answering.sentences import SentenceScorer
from newsqa.embedding import PACKAGED_MODEL, OnnxEmbeddings
from newsqa_evals.tutorial import TutorialPipeline

RESAMPLES = 2000


@dataclass(frozen=True)
class Question:
    """A question, the article that answers it, and answers that count."""

    text: str
    article_id: str
    answers: tuple[str, ...]

    def held_by(self, article_id: str, text: str) -> bool:
        """Whether `text` of this article holds one of the answers."""
        return article_id == self.article_id and any(_normal(answer) in _normal(text) for answer in self.answers)


def read_newsqa(data: Path) -> tuple[list[Article], list[Question]]:
    """The articles and stand-alone questions of the development half."""
    articles = [
        Article(id=row["id"], title=row["text"].strip().split("\n")[0][:80], text=row["text"])
        for row in _rows(data / "dev" / "newsqa-articles-a.jsonl.gz")
    ]
    questions = [
        Question(row["question"], row["article_id"], tuple(answer["text"] for answer in row["answers"]))
        for row in _rows(data / "dev" / "newsqa-standalone-a.jsonl.gz")
    ]
    return articles, questions


def main() -> None:
    """Indexes the articles both ways, asks every question and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--onnx", type=Path, default=PACKAGED_MODEL, help="folder of another export of the model")
    arguments = parser.parse_args()
    articles, questions = read_newsqa(arguments.data)
    with tempfile.TemporaryDirectory() as folder:
        rows = _tutorial(Path(folder, "tutorial"), articles, questions)
        rows |= _newsqa(Path(folder, "newsqa"), articles, questions, OnnxEmbeddings(arguments.onnx))
    print_shares("stand-alone NewsQA questions", rows)


def _tutorial(folder: Path, articles: list[Article], questions: list[Question]) -> dict[str, list[bool]]:
    pipeline = TutorialPipeline.open(folder)
    pipeline.add(articles)
    found = [
        [question.held_by(chunk.metadata["article_id"], chunk.page_content) for chunk in pipeline.search(question.text)]
        for question in questions
    ]
    return {
        "tutorial pipeline: first chunk holds the answer": [row[0] for row in found],
        "tutorial pipeline: one of the first 4": [any(row) for row in found],
    }


def _newsqa(
    folder: Path, articles: list[Article], questions: list[Question], embedding: OnnxEmbeddings
) -> dict[str, list[bool]]:
    with Library(folder, embedding, embedding.identity) as library:
        library.add(articles)
        retriever = HybridRetriever(library=library, embedding=embedding)
        answerer = ExtractiveAnswerer(SentenceScorer(embedding, library.rarity), Settings().answer_threshold)
        assistant = Assistant(library, retriever, answerer)
        found = [
            [
                question.held_by(scored.passage.article_id, scored.passage.text)
                for scored in retriever.find(question.text)
            ]
            for question in questions
        ]
        rows = {f"newsqa: one of the first {k} passages": [any(row[:k]) for row in found] for k in (4, 5, 8)}
        answers = [assistant.ask(question.text) for question in questions]
        cited = [_cited(question, answer) for question, answer in zip(questions, answers, strict=True)]
        others = [_without(assistant, articles, question) for question in questions]
    given = [answer.status == "answered" for answer in answers]
    return {
        "newsqa: first passage holds the answer": [row[0] for row in found],
        **rows,
        "newsqa: first sentence holds the answer, answered or not": cited,
        "newsqa: answered": given,
        "newsqa: first citation holds the answer, of the answered": [
            right for right, answered in zip(cited, given, strict=True) if answered
        ],
        "newsqa: refused, with the article left out": [answer.status == "abstained" for answer in others],
    }


def _without(assistant: Assistant, articles: list[Article], question: Question) -> Answer:
    others = tuple(article.id for article in articles if article.id != question.article_id)
    return assistant.ask(question.text, filters=Filters(article_ids=others))


def print_shares(title: str, rows: dict[str, list[bool]]) -> None:
    """A table of shares with their 95% bootstrap intervals."""
    table = Table("", "n", "share", "95% interval", title=title)
    for label, values in rows.items():
        low, high = _interval(values)
        table.add_row(label, str(len(values)), f"{np.mean(values):.3f}", f"{low:.3f} to {high:.3f}")
    Console(width=120).print(table)


def _cited(question: Question, answer: Answer) -> bool:
    first = answer.citations[:1]
    return any(question.held_by(citation.article_id, citation.quote) for citation in first)


def _interval(values: Sequence[bool]) -> tuple[float, float]:
    chance = np.random.default_rng(0)
    means = chance.choice(np.array(values, float), (RESAMPLES, len(values))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _normal(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _rows(file: Path) -> list[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


if __name__ == "__main__":
    main()

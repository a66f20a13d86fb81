"""Fits what weighs the reader's scores: the sentence scorer's weights, and the confidence with its curve.

    python -m newsqa_evals.fit_answerer DATA [--check ARTICLES QUESTIONS]

DATA is the folder with the `train/*.jsonl.gz` sets (SQuAD 1.1 and 2.0, SQuADShifts, Natural Questions by QED). Only
questions that the reader was not trained on are asked, over their paragraphs and as many others; of three in ten the
paragraph with the answer is then left out, so that "none" is right. Three fifths of them fit the weights, by the
maximum likelihood of a softmax over the sentences of the passages found and "none"; the others fit the confidence,
by logistic regression, together with the suites' own cases but those held out. What is printed is of questions not
used for it: a part of the paragraphs', the cases held out, and those of a news set where one is given.
"""

import argparse
import hashlib
import json
import math
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import optimize

from newsqa import Article, Filters, HybridRetriever, Library
from newsqa.answering.confidence import PACKAGED_CALIBRATION, SIGNALS, Calibration, signals
from newsqa.answering.sentences import FEATURES, PACKAGED_WEIGHTS, Candidate, SentenceScorer, Weights, features
from newsqa.dialogue import standalone_question
from newsqa.domain import Span
from newsqa.embedding import OnnxEmbeddings
from newsqa.reader import Reader
from newsqa.reader.examples import held_out
from newsqa_evals import statistics
from newsqa_evals.cases import load_suites, spans_of
from newsqa_evals.external import Question, read, read_lines
from newsqa_evals.scores import overlaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

SETS = (
    "squad_v1.1_train_sample",
    "squad_v2_train_10articles",
    "squad_v2_dev_a_part",
    "squadshifts_new_wiki",
    "qed_nq_dev",
)
LEFT_OUT = 0.3
"""Share of the answerable questions whose paragraph is left out."""
WEIGHT_DECAY = 1e-3
READ = 8
"""Passages a question."""
_UNFITTED = Weights(np.zeros(len(FEATURES)), 0.0)  # the packaged ones may be of other features
Searches = Callable[..., list[Candidate]]


@dataclass(frozen=True)
class Asked:
    """The sentences in the running for a question, and which of them answer it."""

    candidates: list[Candidate]
    right: "NDArray[np.bool_]"
    group: str
    """What is kept together when the questions are split: the paragraph or article."""

    def within(self, share: float) -> bool:
        """Whether its group is among the first so many of all groups, 0 to 1."""
        return hashlib.sha256(self.group.encode()).digest()[0] < 256 * share


def wikipedia(data: Path, seed: int) -> Iterator[Asked]:
    """The held-out questions of the training sets."""
    rows = [row for name in SETS for row in read_lines(data / "train" / f"{name}.jsonl.gz")]
    asked = [row for row in rows if held_out(row["question"])]
    contexts = {_article_id(row): _article(row) for row in asked}
    others = {_article_id(row): _article(row) for row in random.Random(seed).sample(rows, len(rows))}
    most = min(len(others), 2 * len(contexts))
    for id in others.keys() - contexts.keys():
        if len(contexts) < most:
            contexts[id] = others[id]
    chance = random.Random(seed)
    questions = []
    for row in asked:
        out = (_article_id(row),) if chance.random() < LEFT_OUT else ()
        starts = [answer["answer_start"] for answer in row["answers"]]
        questions.append((row["question"], _article_id(row), starts, out))
    with _searched(contexts.values()) as candidates_of:
        for question, id, starts, out in questions:
            candidates = candidates_of(question, out)
            right = [
                each.scored.passage.article_id == id
                and any(each.sentence.start <= start < each.sentence.end for start in starts)
                for each in candidates
            ]
            if candidates:
                yield Asked(candidates, np.array(right), id)


def news(articles: Sequence[Article], questions: Sequence[Question], seed: int) -> Iterator[Asked]:
    """The questions of a news set; of three in ten the article is left out."""
    chance = random.Random(seed)
    with _searched(articles) as candidates_of:
        for question in questions:
            out = question.article_ids if chance.random() < LEFT_OUT else ()
            candidates = candidates_of(question.text, out)
            right = [question.held_by(each.scored.passage.article_id, each.sentence.text) for each in candidates]
            if candidates:
                yield Asked(candidates, np.array(right), question.article_ids[0])


def cases(*, held: bool) -> Iterator[Asked]:
    """The suites' own cases that are held out, or the others; summaries and small talk are no questions."""
    suites = [suite for suite in load_suites() if suite.name != "summaries"]
    for corpus in dict.fromkeys(suite.corpus for suite in suites):
        members = [suite for suite in suites if suite.corpus == corpus]
        articles = members[0].articles
        with _searched(articles.values()) as candidates_of:
            for case in (case for suite in members for case in suite.cases if held == ("held_out" in case.tags)):
                question = standalone_question(case.question, case.history)
                candidates = candidates_of(question, (), case.filters)
                spans = spans_of(case.evidence, articles)
                right = [
                    overlaps(each.scored.passage.article_id, Span(each.sentence.start, each.sentence.end), spans)
                    for each in candidates
                ]
                if candidates:
                    yield Asked(candidates, np.array(right), case.article)


@contextmanager
def _searched(articles: Iterable[Article]) -> Iterator[Searches]:
    """What finds and reads the sentences in the running for a question, in a library of these articles that goes away.

    It takes the question, ids of articles to leave out, and filters.
    """
    embedding, scorer = OnnxEmbeddings(), SentenceScorer(Reader(), _UNFITTED)
    with (
        tempfile.TemporaryDirectory() as folder,
        Library(Path(folder), embedding, embedding.identity) as library,
    ):
        library.add(articles)
        retriever = HybridRetriever(library=library, embedding=embedding)

        def candidates(question: str, left_out: Sequence[str] = (), filters: Filters | None = None) -> list[Candidate]:
            found = retriever.find(question, filters, top_k=READ + 12)
            return scorer.read(question, [s for s in found if s.passage.article_id not in left_out][:READ])

        yield candidates


def fit(training: Sequence[Asked]) -> Weights:
    """The weights of greatest likelihood, by L-BFGS over all questions at once, with a little decay."""
    stacked = np.concatenate([features(asked.candidates) for asked in training])
    mean, scale = stacked.mean(0), stacked.std(0)
    values, right = (stacked - mean) / scale, np.concatenate([asked.right for asked in training])
    owner = np.repeat(np.arange(len(training)), [len(asked.right) for asked in training])
    answerable = np.array([asked.right.any() for asked in training])

    def loss(parameters: "NDArray[np.float64]") -> float:
        odds, none = np.exp(np.clip(values @ parameters[:-1], -30, 30)), math.exp(parameters[-1])
        total = np.bincount(owner, odds) + none
        wanted = np.where(answerable, np.bincount(owner, odds * right), none)
        return float((np.log(total) - np.log(wanted + 1e-12)).mean() + WEIGHT_DECAY * (parameters**2).sum())

    *found, none = optimize.minimize(loss, np.zeros(len(FEATURES) + 1), method="L-BFGS-B").x
    weights = np.array(found) / scale
    return Weights(weights, float(none + mean @ weights))


def judged(weights: Weights, asked: Sequence[Asked]) -> tuple["NDArray[np.float64]", "NDArray[np.bool_]"]:
    """The signals of each question's best sentence, [questions, signals], and whether it answers."""
    rows, right = [], []
    for each in asked:
        ranked = weights.ranked(each.candidates)
        rows.append(signals(ranked))
        place = next(i for i, one in enumerate(each.candidates) if one.sentence is ranked[0].sentence)
        right.append(bool(each.right[place]))
    return np.array(rows), np.array(right)


def calibrated(values: "NDArray[np.float64]", right: "NDArray[np.bool_]", steps: int = 2000) -> Calibration:
    """Logistic regression by gradient descent with a little decay, and the curve of these questions."""
    found = Calibration(values.mean(0), values.std(0) + 1e-6, np.zeros(len(SIGNALS)), 0.0, ())
    scaled = (values - found.mean) / found.scale
    for _ in range(steps):
        error = found.of(values) - right
        weights = found.weights - 0.5 * (scaled.T @ error / len(right) + WEIGHT_DECAY * found.weights)
        found = replace(found, weights=weights, bias=found.bias - 0.5 * float(error.mean()))
    return replace(found, curve=curve(found.of(values), right))


def curve(sure: "NDArray[np.float64]", right: "NDArray[np.bool_]") -> tuple[tuple[float, float, float], ...]:
    """For each share of wrong answers in steps of 1% the least confidence and the share answered."""
    least = np.unique(sure)[::-1]
    covered, risk = statistics.risk_coverage(sure, right)
    points = []
    for most in range(1, 101):
        fit = np.flatnonzero(risk <= most / 100)
        if len(fit):
            points.append((most / 100, round(float(least[fit[-1]]), 4), round(float(covered[fit[-1]]), 4)))
    return tuple(points)


def main() -> None:
    """Fits both, prints the figures on questions not used for it, and writes both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--check", type=Path, nargs=2, help="articles and questions of NewsQA")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    wiki = list(wikipedia(arguments.data, arguments.seed))
    own = {held: list(cases(held=held)) for held in (False, True)}
    press = list(news(*read("newsqa", arguments.check), arguments.seed)) if arguments.check else []
    weights, calibration = fitted(wiki, own[False], {"cases held out": own[True], "news": press})
    PACKAGED_WEIGHTS.write_text(json.dumps(_as_json(weights)) + "\n", encoding="utf-8")
    PACKAGED_CALIBRATION.write_text(json.dumps(_plain(calibration)) + "\n", encoding="utf-8")


def fitted(
    wiki: Sequence[Asked], own: Sequence[Asked], checks: Mapping[str, Sequence[Asked]]
) -> tuple[Weights, Calibration]:
    """Both, and their figures on what was not used for them on stdout."""
    weights = fit([each for each in wiki if each.within(0.6)])
    rest = [each for each in wiki if not each.within(0.6)]
    calibration = calibrated(*judged(weights, [*(each for each in rest if each.within(0.9)), *own]))
    for name, asked in {"paragraphs": [each for each in rest if not each.within(0.9)], **checks}.items():
        if asked:
            print(json.dumps({"not used for fitting": name, **figures(calibration, *judged(weights, asked))}, indent=1))
    return weights, calibration


def figures(calibration: Calibration, values: "NDArray[np.float64]", right: "NDArray[np.bool_]") -> dict[str, float]:
    """What a confidence is worth on these questions."""
    sure = calibration.of(values)
    return {
        "questions": len(right),
        "first sentence right": float(right.mean()),
        "AUROC right against wrong": statistics.auroc(sure, right),
        "expected calibration error": statistics.calibration_error(sure, right),
        "coverage at 80% precision": statistics.coverage_at(0.8)(sure, right),
    }


def _article_id(row: dict[str, Any]) -> str:
    return hashlib.sha256(row["context"].encode()).hexdigest()[:16]


def _article(row: dict[str, Any]) -> Article:
    title = row["title"].replace("_", " ") or row["context"].split(".")[0][:80]
    return Article(id=_article_id(row), title=title, text=row["context"])


def _as_json(weights: Weights) -> dict[str, Any]:
    return {"features": FEATURES, "weights": np.round(weights.weights, 4).tolist(), "none": round(weights.none, 4)}


def _plain(calibration: Calibration) -> dict[str, Any]:
    rounded = {name: np.round(getattr(calibration, name), 5).tolist() for name in ("mean", "scale", "weights")}
    return {"signals": SIGNALS, **rounded, "bias": round(calibration.bias, 5), "curve": calibration.curve}


if __name__ == "__main__":
    main()

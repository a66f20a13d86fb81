"""Fits what weighs the reader's scores: the sentence scorer's weights, and the confidence with its curve.

    python -m newsqa_evals.fit_answerer DATA [--check ARTICLES QUESTIONS] [--limit N] [--dry-run]

DATA is the folder with `train/reader_style_*.jsonl.gz`. Only questions on the articles that the reader was not trained
on are asked, over all articles of the set; of one in five the article is left out, so that "none" is right, beside the
near misses that were written as such. The questions on a third of these articles are used for nothing but the figures
that are printed, with the suites' cases that are held out, and a news set where one is given. The others and the
suites' other cases fit the weights, by the maximum likelihood of a softmax over the sentences of the passages found and
"none", and then the confidence, by logistic regression. The curve is that of a mixture of which half is unanswerable.
"""

import argparse
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

from newsqa import Article, Filters, Turn
from newsqa.answering.confidence import PACKAGED_CALIBRATION, SIGNALS, Calibration, signals
from newsqa.answering.sentences import FEATURES, PACKAGED_WEIGHTS, Candidate, SentenceScorer, Weights, features
from newsqa.dialogue import Understood, understood
from newsqa.domain import ScoredPassage, Span
from newsqa.embedding import OnnxEmbeddings
from newsqa.library import Library
from newsqa.reader import Reader
from newsqa.reader.examples import ReaderStyle
from newsqa.retrieval import HybridRetriever
from newsqa.settings import Settings
from newsqa_evals import statistics
from newsqa_evals.cases import load_suites, spans_of
from newsqa_evals.external import Question, read
from newsqa_evals.remembering import Remembering
from newsqa_evals.scores import overlaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEFT_OUT = 0.2
"""Share of the answerable questions whose article is left out."""
WEIGHT_DECAY = 1e-3
READ = 4
"""Passages a question."""
OWN = 2
"""Times that each of the suites' cases counts: they are few, and worded less like their answers."""
MOST_WRONG = Settings.model_fields["most_wrong"].default
CHECKED = 3
"""Every so many-th of the articles is only checked with."""
_UNFITTED = Weights(np.zeros(len(FEATURES)), 0.0)  # the packaged ones may be of other features
_Spans = Mapping[str, Sequence[Span]]


@dataclass(frozen=True)
class Asked:
    """A question, what was found for it, and what answers it."""

    question: Understood
    passages: Sequence[ScoredPassage]
    right: Callable[[Candidate], bool]
    group: str
    """What is kept together when the questions are split: the article."""
    answerable: bool
    """Whether the articles answer it, found or not."""
    kind: str = ""

    def candidates(self, reader: Remembering) -> tuple[list[Candidate], "NDArray[np.bool_]"]:
        """All sentences, and which of them answer."""
        found = SentenceScorer(reader, _UNFITTED).read(
            self.question.question, self.passages, self.question.conversation
        )
        return found, np.array([self.right(each) for each in found], bool)

    def ranked(self, reader: Remembering, weights: Weights) -> list[Candidate]:
        """The sentences as newsqa ranks them."""
        scorer = SentenceScorer(reader, weights, READ)
        return scorer.rank(self.question.question, self.passages, self.question.conversation)


def style(data: Path, reader: Remembering, seed: int, limit: int = 0) -> list[Asked]:
    """The questions on the articles that were held out, over a library of all of them; those not found are left out."""
    chance = random.Random(seed)
    held, others = (ReaderStyle(data, random.Random(seed), held_out=out) for out in (True, False))
    rows = chance.sample(held.asked, min(limit or len(held.asked), len(held.asked)))
    asked = []
    with _searched([*held.articles.values(), *others.articles.values()]) as find:
        for row in rows:
            id = row["article"]
            history = [Turn(*turn) for turn in row.get("history", ())]
            question = understood(row["question"], history, reader.leans)
            narrow = Filters(article_ids=(id,)) if row.get("needs_article") else None
            out = (id,) if row["evidence"] and not narrow and chance.random() < LEFT_OUT else ()
            spans = {id: [Span(*span) for span in row["evidence"]]}
            kind = "left out" if out else row["kind"]
            found = find(question.searched, out, narrow)
            asked.append(Asked(question, found, _holds(spans), id, bool(row["evidence"]) and not out, kind))
    return [each for each in asked if each.passages]


def news(articles: Sequence[Article], questions: Sequence[Question], seed: int) -> list[Asked]:
    """The questions of a news set; of one in five the article is left out."""
    chance = random.Random(seed)
    asked = []
    with _searched(articles) as find:
        for question in questions:
            out = question.article_ids if chance.random() < LEFT_OUT else ()
            found = find(question.text, out, None)
            asked.append(Asked(Understood(question.text), found, _held_by(question), question.article_ids[0], not out))
    return asked


def _held_by(question: Question) -> Callable[[Candidate], bool]:
    return lambda each: question.held_by(each.scored.passage.article_id, each.sentence.text)


def cases(reader: Remembering) -> dict[bool, list[Asked]]:
    """The suites' own cases, by whether they are held out; summaries and small talk are no questions."""
    suites = [suite for suite in load_suites() if suite.name != "summaries"]
    found: dict[bool, list[Asked]] = {True: [], False: []}
    for corpus in dict.fromkeys(suite.corpus for suite in suites):
        members = [suite for suite in suites if suite.corpus == corpus]
        articles = members[0].articles
        with _searched(articles.values()) as find:
            for case in (case for suite in members for case in suite.cases if not case.attack):
                question = understood(case.question, case.history, reader.leans)
                passages = find(question.searched, (), case.filters)
                right = _holds(spans_of(case.evidence, articles))
                asked = Asked(question, passages, right, case.article, case.answerable)
                found["held_out" in case.tags] += [asked] if passages else []
    return found


def _holds(spans: _Spans) -> Callable[[Candidate], bool]:
    return lambda each: overlaps(each.scored.passage.article_id, Span(each.sentence.start, each.sentence.end), spans)


Finds = Callable[[str, Sequence[str], Filters | None], list[ScoredPassage]]
"""The passages for a question, without those of some articles, and of those that pass the filters."""


@contextmanager
def _searched(articles: Iterable[Article]) -> Iterator[Finds]:
    """What finds passages in a library of these articles that goes away."""
    embedding = OnnxEmbeddings()
    with (
        tempfile.TemporaryDirectory() as folder,
        Library(Path(folder), embedding, embedding.identity) as library,
    ):
        library.add(articles)
        retriever = HybridRetriever(library=library, embedding=embedding)

        def find(question: str, left_out: Sequence[str], filters: Filters | None = None) -> list[ScoredPassage]:
            found = retriever.find(question, filters, top_k=READ + 12)
            return [scored for scored in found if scored.passage.article_id not in left_out][:READ]

        yield find


def fit(reader: Remembering, training: Sequence[Asked]) -> Weights:
    """The weights of greatest likelihood, by L-BFGS over all questions at once, with a little decay."""
    read_all = [asked.candidates(reader) for asked in training]
    stacked = np.concatenate([features(candidates) for candidates, _ in read_all])
    mean, scale = stacked.mean(0), stacked.std(0) + 1e-9
    values, right = (stacked - mean) / scale, np.concatenate([each for _, each in read_all])
    owner = np.repeat(np.arange(len(read_all)), [len(each) for _, each in read_all])
    answerable = np.array([each.any() for _, each in read_all])

    def loss(parameters: "NDArray[np.float64]") -> float:
        odds, none = np.exp(np.clip(values @ parameters[:-1], -30, 30)), math.exp(parameters[-1])
        total = np.bincount(owner, odds) + none
        wanted = np.where(answerable, np.bincount(owner, odds * right), none)
        return float((np.log(total) - np.log(wanted + 1e-12)).mean() + WEIGHT_DECAY * (parameters**2).sum())

    *found, none = optimize.minimize(loss, np.zeros(len(FEATURES) + 1), method="L-BFGS-B").x
    weights = np.array(found) / scale
    return Weights(weights, float(none + mean @ weights))


@dataclass(frozen=True)
class Judged:
    """What became of questions: the signals of each one's best sentence, and whether it answers."""

    values: "NDArray[np.float64]"
    """[questions, signals]"""
    right: "NDArray[np.bool_]"
    among: "NDArray[np.bool_]"
    """Whether one of the first three answers."""
    found: "NDArray[np.bool_]"
    """Whether one of the sentences of the passages found does."""
    answerable: "NDArray[np.bool_]"
    kinds: "NDArray[np.str_]"


def judged(reader: Remembering, weights: Weights, asked: Sequence[Asked]) -> Judged:
    """Each question as newsqa reads it."""
    rows, right, among, found = [], [], [], []
    for each in asked:
        ranked = each.ranked(reader, weights)
        rows.append(signals(each.question.question, ranked))
        holds = [each.right(candidate) for candidate in ranked[:3]]
        right.append(holds[0])
        among.append(any(holds))
        found.append(bool(each.candidates(reader)[1].any()))
    answerable, kinds = ([getattr(each, name) for each in asked] for name in ("answerable", "kind"))
    return Judged(*map(np.array, (rows, right, among, found, answerable, kinds)))


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
    parser.add_argument("--limit", type=int, default=0, help="at most so many of the questions; 0: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dry-run", action="store_true", help="print the figures and keep the files")
    arguments = parser.parse_args()
    reader = Remembering(Reader())
    asked = style(arguments.data, reader, arguments.seed, arguments.limit)
    press = news(*read("newsqa", arguments.check), arguments.seed) if arguments.check else []
    weights, calibration = fitted(reader, asked, cases(reader), press)
    if not arguments.dry_run:
        PACKAGED_WEIGHTS.write_text(json.dumps(_as_json(weights)) + "\n", encoding="utf-8")
        PACKAGED_CALIBRATION.write_text(json.dumps(_plain(calibration)) + "\n", encoding="utf-8")


def fitted(
    reader: Remembering, asked: Sequence[Asked], own: Mapping[bool, Sequence[Asked]], press: Sequence[Asked]
) -> tuple[Weights, Calibration]:
    """Both, and their figures on what was not used for them on stdout."""
    groups = sorted({each.group for each in asked})
    checked = set(groups[::CHECKED])
    training = [each for each in asked if each.group not in checked]
    used = [*training, *(each for each in own[False] for _ in range(OWN))]
    weights = fit(reader, used)
    found = judged(reader, weights, used)
    calibration = calibrated(found.values, found.right)
    calibration = replace(calibration, curve=curve(*_evened(calibration.of(found.values), found)))
    checks = {"reader style": [each for each in asked if each.group in checked], "held out": own[True], "news": press}
    for name, questions in checks.items():
        if questions:
            print(
                json.dumps(
                    {"not used for fitting": name, **figures(calibration, judged(reader, weights, questions))}, indent=1
                )
            )
    return weights, calibration


def _evened(sure: "NDArray[np.float64]", found: Judged) -> tuple["NDArray[np.float64]", "NDArray[np.bool_]"]:
    """Confidences, and what was right, with the unanswerable questions repeated until they are half of all."""
    times = np.where(found.answerable, 1, max(1, round(found.answerable.sum() / max(1, (~found.answerable).sum()))))
    return np.repeat(sure, times), np.repeat(found.right, times)


def figures(calibration: Calibration, found: Judged) -> dict[str, Any]:
    """What ranking and confidence are worth on these questions."""
    sure = calibration.of(found.values)
    kinds = {}
    for kind in sorted(set(found.kinds.tolist()) - {""}):
        of = found.kinds == kind
        kinds[kind] = [int(of.sum()), float(found.right[of].mean()), float(sure[of].mean())]
    there = found.answerable
    given = sure >= calibration.threshold(MOST_WRONG)
    return {
        "questions": len(sure),
        "answerable": int(there.sum()),
        "found, of the answerable": float(found.found[there].mean()),
        "first sentence right, of the answerable": float(found.right[there].mean()),
        "one of the first three": float(found.among[there].mean()),
        "AUROC answerable or not": statistics.auroc(sure, there) if not there.all() else None,
        "AUROC right against wrong": statistics.auroc(sure, found.right),
        "expected calibration error": statistics.calibration_error(sure, found.right),
        "answered and right, of the answerable": float((found.right & given)[there].mean()),
        "refused, of the answerable": float((~given)[there].mean()),
        "answered, of the others": float(given[~there].mean()) if not there.all() else None,
        "right, of the answered": float(found.right[given].mean()),
        "by kind: questions, right, mean confidence": kinds,
    }


def _as_json(weights: Weights) -> dict[str, Any]:
    return {"features": FEATURES, "weights": np.round(weights.weights, 4).tolist(), "none": round(weights.none, 4)}


def _plain(calibration: Calibration) -> dict[str, Any]:
    rounded = {name: np.round(getattr(calibration, name), 5).tolist() for name in ("mean", "scale", "weights")}
    return {"signals": SIGNALS, **rounded, "bias": round(calibration.bias, 5), "curve": calibration.curve}


if __name__ == "__main__":
    main()

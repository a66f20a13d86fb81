"""How well the reader reads: F1 of its spans on questions of SQuAD's kind, and how well it knows when there is none.

    python -m newsqa.reader.check FILE… [--reader DIRECTORY]

FILE has JSON lines, gzipped or not, with `question, context, answers`; without answers, the context has none.
"""

import argparse
import gzip
import json
import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from newsqa.domain import Span
from newsqa.passages import split_sentences
from newsqa.reader.asking import Given
from newsqa.reader.reading import PACKAGED_READER, Reader, Reads

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


@dataclass(frozen=True)
class Checked:
    """The figures of a reader, F1 in 0 to 1."""

    questions: int
    forced: float
    """Mean F1 of the best span of the answerable questions, as if there were always one."""
    best: float
    """Mean F1 of all questions at the best threshold of "no answer": a question without one is then worth 1."""
    auroc: float
    """Chance that an answerable question scores above one that is not; NaN where all are of one kind."""


def f1(answer: str, right: Sequence[str]) -> float:
    """The best F1 of the tokens in common with one of the right answers (Rajpurkar et al. 2016)."""
    return max(_f1(_tokens(answer), _tokens(each)) for each in right)


def check(reader: Reads, rows: Sequence[dict[str, Any]]) -> Checked:
    """Reads each row's context once."""
    scores, worth = np.full(len(rows), -np.inf), np.zeros(len(rows))
    answerable = np.array([bool(row["answers"]) for row in rows])
    for index, row in enumerate(rows):
        sentences = tuple(Span(each.start, each.end) for each in split_sentences(row["context"]))
        (reading,) = reader.read(row["question"], [Given(row["context"], sentences)])
        found = reading.best(Span(0, len(row["context"])))
        if found:
            score, span, _ = found
            scores[index] = score - reading.none + 2 * reading.here  # of weights 0 to 8, the best by a little
            right = [answer["text"] for answer in row["answers"]]
            worth[index] = f1(span.of(row["context"]), right) if right else 0.0
    thresholds = [*np.quantile(scores, np.linspace(0, 1, 200), method="nearest"), np.inf]
    best = max(float(np.where(scores >= least, worth, ~answerable).mean()) for least in thresholds)
    pairs = scores[answerable][:, None] > scores[~answerable][None]
    return Checked(len(rows), float(worth[answerable].mean()), best, float(pairs.mean()) if pairs.size else np.nan)


def read_rows(files: Sequence[Path]) -> list[dict[str, Any]]:
    """The objects of JSON lines files, gzipped or not."""
    rows = []
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
            rows += [json.loads(line) for line in lines]
    return rows


def _tokens(text: str) -> Counter[str]:
    bare = "".join(char for char in text.lower() if char not in string.punctuation)
    return Counter(_ARTICLES.sub(" ", bare).split())


def _f1(one: Counter[str], other: Counter[str]) -> float:
    common = (one & other).total()
    return 2 * common / (one.total() + other.total()) if common else float(not one and not other)


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--reader", type=Path, default=PACKAGED_READER)
    arguments = parser.parse_args()
    print(check(Reader(arguments.reader), read_rows(arguments.files)))


if __name__ == "__main__":
    main()

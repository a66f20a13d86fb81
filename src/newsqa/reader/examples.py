"""Makes the reader's training set: questions with passages that answer them, and with passages that don't.

    python -m newsqa.reader.examples DATA examples.jsonl.gz

DATA is the folder with the `train/*.jsonl.gz` sets (fields `title, context, question, answers, is_impossible`). About
half of the examples have no answer. Those are the hard part, so they are mined: the passage that BM25 finds for the
question and that lacks the answer; the question's own passage without the sentence that answers it; the question with
a name or number of another question put into it; and the questions of SQuAD 2.0 that were written to have none.
"""

import argparse
import gzip
import json
import random
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from newsqa.english import content_words
from newsqa.passages import split_sentences
from newsqa.reader.check import read_rows

SETS: Mapping[str, int] = {
    "squad_v1.1_train_sample": 100_000,
    "squad_v2_train_10articles": 100_000,
    "squad_v2_dev_a_part": 100_000,
    "squadshifts_new_wiki": 100_000,
    "squadshifts_reddit": 6000,
    "squadshifts_amazon_reviews": 4000,
    "qed_nq_dev": 100_000,
    "qamr_wikinews": 4000,
    "qamr_wikipedia": 2000,
    "policyqa": 1000,
}
"""At most so many questions of each set: reviews and policies are far from news, one-sentence contexts too easy."""
WINDOW = 150
"""Words of a passage cut from a longer context; newsqa serves passages of 120 to 180."""
FOUND = 6
"""Best passages by BM25 of which one without the answer is taken."""
COPY = 0.6
"""Share of words in common from which two contexts are the same text."""
KINDS = (("found", 0.6), ("deleted", 0.2), ("swapped", 0.2))
"""What a question's negative example is, and how often."""
NEGATIVE = 0.85
"""Share of the answerable questions that get a negative example, too."""
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)*")
_NUMBER = re.compile(r"\b\d[\d,.]*\d\b|\b\d\b")


@dataclass(frozen=True)
class Example:
    """A question and a passage; `answers` are spans (start, end) of the passage in characters, none if it has none."""

    question: str
    passage: str
    answers: tuple[tuple[int, int], ...]
    kind: str
    """The set it is from, and after a # what was done to it."""


def make(data: Path, seed: int = 0) -> list[Example]:
    """All examples, shuffled. The same seed makes the same list."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    examples: list[Example] = []
    for name, most in SETS.items():
        own = [example for example in _answered(name, data, chance) if not held_out(example.question)]
        own = chance.sample(own, min(most, len(own)))
        examples += own + _negatives(own, chance)
    chance.shuffle(examples)
    return examples


def held_out(question: str) -> bool:
    """Whether a question is kept from the training: one in twelve, for fitting what weighs the reader's scores."""
    return sha256(question.encode()).digest()[0] < 256 / 12


def write(examples: Sequence[Example], file: Path) -> None:
    """Keeps examples as gzipped JSON lines."""
    with gzip.open(file, "wt", encoding="utf-8") as lines:
        for example in examples:
            lines.write(json.dumps(asdict(example), ensure_ascii=False) + "\n")


def read(file: Path) -> list[Example]:
    """The examples that `write` kept."""
    return [Example(**{**row, "answers": tuple(map(tuple, row["answers"]))}) for row in read_rows([file])]


def _answered(name: str, data: Path, chance: random.Random) -> Iterator[Example]:
    """A set's questions with their passages."""
    rows = read_rows([data / "train" / f"{name}.jsonl.gz"])
    for row in _joined(rows, chance) if name.startswith("qamr") else rows:
        spans = [(item["answer_start"], item["answer_start"] + len(item["text"])) for item in row["answers"]]
        window = _window(row["context"], spans[0] if spans else None, chance)
        inside = [(start - window[0], end - window[0]) for start, end in spans if _within((start, end), window)]
        if inside or not spans:
            yield Example(row["question"], row["context"][window[0] : window[1]], tuple(inside), name)


def _joined(rows: Sequence[dict[str, Any]], chance: random.Random) -> Iterator[dict[str, Any]]:
    """QAMR's one-sentence contexts with the neighbouring sentences of their text; up to three questions of each."""
    texts: dict[str, dict[tuple[int, int], list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        _, _, text, paragraph, sentence, *_ = row["id"].split(":")
        texts[text][int(paragraph), int(sentence)].append(row)
    for places in texts.values():
        ordered = [places[place] for place in sorted(places)]
        for index, asked in enumerate(ordered):
            around = ordered[max(0, index - chance.randint(0, 4)) : index]
            before = "".join(other[0]["context"] + " " for other in around)
            after = "".join(
                " " + other[0]["context"] for other in ordered[index + 1 : index + 1 + chance.randint(0, 4)]
            )
            for row in chance.sample(asked, min(3, len(asked))):
                moved = [{**item, "answer_start": item["answer_start"] + len(before)} for item in row["answers"]]
                yield {**row, "context": before + row["context"] + after, "answers": moved}


def _window(text: str, span: tuple[int, int] | None, chance: random.Random) -> tuple[int, int]:
    """Whole sentences of `text`, about `WINDOW` words, with `span` somewhere in them."""
    if len(text.split()) <= WINDOW * 1.2:
        return 0, len(text)
    sentences = split_sentences(text)
    first = next((i for i, s in enumerate(sentences) if span and s.end > span[0]), chance.randrange(len(sentences)))
    last = next((i for i, s in enumerate(sentences) if span and s.end >= span[1]), first)
    while (first, last) != (0, len(sentences) - 1):
        before = last == len(sentences) - 1 or (first > 0 and chance.random() < 0.5)
        start, end = (first - 1, last) if before else (first, last + 1)
        if len(text[sentences[start].start : sentences[end].end].split()) > WINDOW:
            break
        first, last = start, end
    return sentences[first].start, sentences[last].end


def _within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _negatives(own: Sequence[Example], chance: random.Random) -> list[Example]:
    """A negative example for most of the answerable questions of a set."""
    search = _Search([example.passage for example in own])
    pool = {pattern: [m for e in own for m in pattern.findall(e.question)] for pattern in (_NAME, _NUMBER)}
    made = []
    for example in own:
        if not example.answers or chance.random() > NEGATIVE:
            continue
        wanted = chance.choices([kind for kind, _ in KINDS], [share for _, share in KINDS])[0]
        tries = {
            "deleted": _deleted(example) if wanted == "deleted" else None,
            "swapped": _swapped(example, pool, chance) if wanted == "swapped" else None,
        }
        negative = tries.get(wanted) or search.negative(example, chance)
        if negative:
            made.append(negative)
    return made


def _deleted(example: Example) -> Example | None:
    """The passage without the sentences that overlap an answer; None where the answer still stands in the rest."""
    kept = [
        sentence.text
        for sentence in split_sentences(example.passage)
        if not any(start < sentence.end and sentence.start < end for start, end in example.answers)
    ]
    rest = " ".join(kept)
    if len(kept) < 2 or _holds_answer(rest, example):
        return None
    return replace(example, passage=rest, answers=(), kind=f"{example.kind}#deleted")


def _swapped(example: Example, pool: Mapping[re.Pattern[str], Sequence[str]], chance: random.Random) -> Example | None:
    """The question with one of its names or numbers replaced by one that the passage does not hold."""
    for pattern in chance.sample([_NAME, _NUMBER], 2):
        found = [match for match in pattern.finditer(example.question) if match.group() in example.passage]
        if found and pool[pattern]:
            match, other = chance.choice(found), chance.choice(pool[pattern])
            if other not in example.passage:
                question = example.question[: match.start()] + other + example.question[match.end() :]
                return replace(example, question=question, answers=(), kind=f"{example.kind}#swapped")
    return None


def _holds_answer(text: str, example: Example) -> bool:
    lower = text.lower()
    return any(example.passage[start:end].lower() in lower for start, end in example.answers)


class _Search:
    """Finds passages by BM25."""

    def __init__(self, passages: Sequence[str]) -> None:
        self._passages = sorted(set(passages))
        self._database = sqlite3.connect(":memory:")
        self._database.execute("CREATE VIRTUAL TABLE passages USING fts5(text, tokenize='porter')")
        self._database.executemany("INSERT INTO passages(rowid, text) VALUES (?, ?)", enumerate(self._passages))

    def negative(self, example: Example, chance: random.Random) -> Example | None:
        """The question with one of the best passages that lack its answer and aren't its own."""
        terms = " OR ".join(f'"{word}"' for word in content_words(example.question) if word.isalnum())
        if not terms:
            return None
        own = set(example.passage.split())
        query = "SELECT rowid FROM passages WHERE passages MATCH ? ORDER BY bm25(passages) LIMIT ?"
        found = [self._passages[row] for (row,) in self._database.execute(query, (terms, FOUND))]
        fit = [
            text
            for text in found
            if len(own & set(text.split())) < COPY * min(len(own), len(set(text.split())))
            and not _holds_answer(text, example)
        ]
        return replace(example, passage=chance.choice(fit), answers=(), kind=f"{example.kind}#found") if fit else None


def main() -> None:
    """Makes and keeps the examples, and counts them by kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    examples = make(arguments.data, arguments.seed)
    write(examples, arguments.file)
    counts: dict[str, int] = defaultdict(int)
    for example in examples:
        counts[example.kind.partition("#")[2] or ("answered" if example.answers else "impossible")] += 1
    print(f"{len(examples)} examples:", ", ".join(f"{counts[kind]} {kind}" for kind in sorted(counts)))


if __name__ == "__main__":
    main()

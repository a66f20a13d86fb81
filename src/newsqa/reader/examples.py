"""Makes the reader's training set: questions and statements with passages that bear them out, and with others.

    python -m newsqa.reader.examples DATA examples.jsonl.gz [--seed 0]

DATA is the folder with the `train/*.jsonl.gz` sets. Two thirds come from the questions and claims that were written by
hand on news texts (`reader_style_*`), every sixth article of which is held out; the rest from sets of SQuAD's kind, for
spans, and from NLI sets, for verdicts. What a passage lacks is as important as what it has: each question is also read
with its misleading sentences, with another passage of its article, and with the passage of another article that BM25
finds for it.
"""

import argparse
import gzip
import json
import random
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from newsqa.domain import Article, Passage, Sentence, Span, Turn
from newsqa.english import content_words
from newsqa.passages import split_passages, split_sentences
from newsqa.reader.asking import introduction, with_conversation
from newsqa.reader.check import read_rows

SETS: Mapping[str, int] = {
    "squad1_train_exact_new": 3000,
    "squad_v1.1_train_sample": 2000,
    "squad_v2_train_10articles": 1200,
    "squad_v2_dev_a_part": 1500,
    "squad2_train_exact_unanswerable": 4000,
    "squad_paraphrased_questions": 3000,
    "disflqa_train_articles": 1000,
    "squadshifts_new_wiki": 1000,
    "squadshifts_reddit": 800,
    "qamr_wikinews": 600,
    "quoref_part": 500,
    "qed_nq_dev": 400,
    "nq_swap": 300,
}
"""At most so many questions of each set of SQuAD's kind."""
STATEMENTS: Mapping[str, int] = {
    "nli_semiauto_wiki": 4000,
    "nli_fever_3way": 4000,
    "nli_fever_binary": 3000,
    "nli_mnli_dev": 6000,
    "nli_snli_dev": 2000,
    "nli_scitail_dev": 600,
}
"""At most so many of each set of statements and texts."""
DECISIONS = 1500
"""Of BoolQ's questions."""
YES, NO, NEITHER, NOT_YES = range(4)
"""Verdicts; the last is of statements that are wrong, without its being known whether the passage contradicts them."""
HELD_OUT = 6
"""Every so many-th article, in the order of their ids, is not trained on."""
CROPPED = 0.5
"""Share of the passages of which only some sentences are read: more questions for the same time."""
FOUND = 6
"""Best passages by BM25 of which one is taken."""
NEGATIVE = 0.3
"""Share of the answerable questions of SQuAD's kind that are also read with a passage that BM25 finds."""
SIDEWAYS = 0.12
"""Share of the questions that stand alone and are read behind a conversation about something else."""
SEARCHES, UNRELATED = ("qed_nq_dev", "nq_swap", "boolq_yesno"), 3000
"""Sets of questions that stand alone, and how many of them are read behind a conversation about something else."""
FOLLOW_UPS = 3
"""Times that a follow-up tells of itself that it is one: there are few."""
TITLED = 0.7
"""Share of the encyclopedia's passages that are read with their title."""
COPY = 0.6
"""Share of words in common from which two contexts are the same text."""
_CAUSES = {"cause", "scope", "attribution", "invented"}
"""Ways in which a claim is wrong that its passage may pass over."""
_DECIDING = re.compile(
    r"(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might|must)(?:n['’]t)?\b",
    re.IGNORECASE,
)
"""How questions begin that want a yes or a no."""
_LABELS = {"entailment": YES, "contradiction": NO, "neutral": NEITHER, "not_entailment": NOT_YES}


@dataclass(frozen=True)
class Example:
    """A question or statement, and a passage; what is None is not known and teaches nothing."""

    question: str
    """With the conversation before it, where it is read with one."""
    passage: str
    """With its introduction; empty where only the question is looked at."""
    sentences: tuple[tuple[int, int], ...] = ()
    """Where they stand in the passage, (start, end)."""
    evidence: tuple[int, ...] | None = None
    """Which of the sentences belong to a good answer."""
    answers: tuple[tuple[int, int], ...] | None = None
    """Where the short answer stands, none if it does not."""
    here: bool | None = None
    """Whether the passage answers."""
    verdict: int | None = None
    leans: bool | None = None
    """Whether the question needs the conversation."""
    kind: str = ""
    """The set it is from, and after a # what it is."""


def make(data: Path, seed: int = 0) -> list[Example]:
    """All examples, shuffled. The same seed makes the same list."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    style = ReaderStyle(data, chance)
    examples = [*style.questions(), *style.claims(), *style.claims(), *style.leaning(_searches(data, chance))]
    for name, most in SETS.items():
        own = list(_answered(name, most, data, chance))
        examples += own + _negatives(own, chance)
    for name, most in STATEMENTS.items():
        rows = read_rows([data / "train" / f"{name}.jsonl.gz"])
        examples += [
            Example(row["hypothesis"], row["premise"], verdict=_LABELS[row["label"]], kind=name)
            for row in chance.sample(rows, min(most, len(rows)))
            if row["label"] in _LABELS
        ]
    examples += _decisions(data, chance)
    chance.shuffle(examples)
    return examples


def write(examples: Sequence[Example], file: Path) -> None:
    """Keeps examples as gzipped JSON lines."""
    with gzip.open(file, "wt", encoding="utf-8") as lines:
        for example in examples:
            lines.write(json.dumps(asdict(example), ensure_ascii=False) + "\n")


def read(file: Path) -> list[Example]:
    """The examples that `write` kept.

    Raises:
        SystemExit: there are none.
    """
    examples = [Example(**{name: _frozen(value) for name, value in row.items()}) for row in read_rows([file])]
    if not examples:
        raise SystemExit(f"{file} has no examples: make it with python -m newsqa.reader.examples")
    return examples


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


class ReaderStyle:
    """The questions and claims that were written by hand on news articles."""

    def __init__(self, data: Path, chance: random.Random, *, held_out: bool = False) -> None:
        """Reads them.

        Args:
            data: the folder with `train/`.
            chance: what is left to chance.
            held_out: those that are kept from the training, in the place of the others.
        """
        rows, self.asked, self.claimed = (
            read_rows([data / "train" / f"reader_style_{name}.jsonl.gz"])
            for name in ("articles", "questions", "claims")
        )
        kept = set(sorted(row["id"] for row in rows)[::HELD_OUT])
        wanted = [row for row in rows if (row["id"] in kept) == held_out]
        self.articles = {row["id"]: _article(row) for row in wanted}
        self.asked = [row for row in self.asked if row["article"] in self.articles]
        self.claimed = [row for row in self.claimed if row["article"] in self.articles]
        self.passages = {id: split_passages(article) for id, article in self.articles.items()}
        self._chance = chance

    def questions(self) -> Iterator[Example]:
        """Each with the passages that answer it, and with some that don't."""
        for row in self.asked:
            for question, conversation in self._wordings(row):
                asked = with_conversation(question, conversation)
                for passage in self._read_with(row, question):
                    yield self._example(row, asked, passage)

    def _wordings(self, row: Mapping[str, Any]) -> list[tuple[str, list[Turn]]]:
        """The question with the conversation it is read behind; a follow-up also as it stands alone."""
        if row["kind"] == "follow":
            alone: tuple[str, list[Turn]] = (row["standalone_question"], [])
            return [(row["question"], self._turns(row))] + [alone] * (self._chance.random() < 0.5)
        sideways = not row.get("needs_article") and self._chance.random() < SIDEWAYS
        return [(row["question"], self._turn_before(row) if sideways else [])]

    def _turn_before(self, row: Mapping[str, Any]) -> list[Turn]:
        """Another question, of the same article or of any, and what answers it."""
        others = self._by_article[row["article"]] if self._chance.random() < 0.5 else self.asked
        followed = [other for other in others if other["kind"] == "follow"]
        if followed and self._chance.random() < 0.5:
            return self._turns(self._chance.choice(followed))
        other = self._chance.choice(others)
        told = [self.articles[other["article"]].text[start:end] for start, end in other["evidence"][:1]]
        answer = self._chance.choice([*other.get("short", [])[:1], *told, "The articles don’t say."])
        return [Turn(other.get("standalone_question", other["question"]), answer)]

    def _turns(self, row: Mapping[str, Any]) -> list[Turn]:
        """The turns before a follow-up; half of them are answered by a whole sentence, as newsqa answers."""
        sentences = [each.text for passage in self.passages[row["article"]] for each in passage.sentences]
        return [
            Turn(question, f"{self._chance.choice(sentences)} [1]" if self._chance.random() < 0.5 else answer)
            for question, answer in row["history"]
        ]

    @cached_property
    def _by_article(self) -> dict[str, list[dict[str, Any]]]:
        grouped: dict[str, list[dict[str, Any]]] = {}
        for row in self.asked:
            grouped.setdefault(row["article"], []).append(row)
        return grouped

    def _read_with(self, row: Mapping[str, Any], question: str) -> list[Passage]:
        """The passages of its evidence, of its misleading sentences, one of the same article, one of another."""
        own = self.passages[row["article"]]
        has, near = (_holding(own, row.get(name, [])) for name in ("evidence", "misleading"))
        near = [passage for passage in near if passage not in has]
        rest = [passage for passage in own if passage not in has and passage not in near]
        chosen = [*has[:2], *near[:2]]
        if rest and self._chance.random() < (0.5 if has else 0.8):
            chosen.append(self._chance.choice(rest))
        if not row.get("needs_article") and self._chance.random() < (0.45 if has else 0.2):
            chosen += self._search.found(question, self._chance, row["article"])
        return chosen

    def _example(self, row: Mapping[str, Any], asked: str, passage: Passage) -> Example:
        evidence = row["evidence"] if passage.article_id == row["article"] else []
        spans = [Span(*span) for span in evidence]
        sentences = [sentence for sentence in passage.sentences if not sentence.heading]
        if self._chance.random() < CROPPED:
            sentences = _cropped(sentences, spans, self._chance)
        if not sentences:
            sentences = list(passage.sentences)
        article = self.articles[passage.article_id]
        first, last = sentences[0].start, sentences[-1].end
        before = introduction(article.title, article.published_at)
        shift = len(before) - first
        good = tuple(index for index, sentence in enumerate(sentences) if _touches(sentence, spans))
        return Example(
            asked,
            before + article.text[first:last],
            tuple((sentence.start + shift, sentence.end + shift) for sentence in sentences),
            good,
            _short(row, article.text, spans, (first, last), shift) if good else (),
            bool(good),
            _verdict(row, bool(good)),
            kind=f"reader_style#{row['kind']}",
        )

    def claims(self) -> Iterator[Example]:
        """Each claim with the passage of its evidence, and with another one of the article."""
        for row in self.claimed:
            own = self.passages[row["article"]]
            has = _holding(own, row["evidence"])
            rest = [passage for passage in own if passage not in has]
            others = [self._chance.choice(rest)] if rest and self._chance.random() < 0.35 else []
            for passage in [*has[:1], *others]:
                example = self._example({**row, "kind": "claim", "question": row["claim"]}, row["claim"], passage)
                wrong = NOT_YES if row["way"] in _CAUSES else NO
                verdict = {"true": YES, "false": wrong}[row["verdict"]] if example.here else NEITHER
                yield replace(example, here=None, answers=None, verdict=verdict, kind="reader_style_claims")

    def leaning(self, others: Sequence[str]) -> Iterator[Example]:
        """Questions behind a conversation, which they need or not; `others` stand alone, and are about anything."""
        for question in others:
            asked = with_conversation(question, self._turn_before(self._chance.choice(self.asked)))
            yield Example(asked, "", leans=False, kind="leans")
        for row in self.asked:
            if row["kind"] == "follow":
                alone = row["standalone_question"]
                for _ in range(FOLLOW_UPS):
                    asked = with_conversation(row["question"], self._turns(row))
                    yield Example(asked, "", leans=row["question"] != alone, kind="leans")
                yield Example(with_conversation(alone, self._turns(row)), "", leans=False, kind="leans")
            elif not row.get("needs_article") and self._chance.random() < 0.35:
                asked = with_conversation(row["question"], self._turn_before(row))
                yield Example(asked, "", leans=False, kind="leans")

    @cached_property
    def _search(self) -> "_Search":
        return _Search([passage for passages in self.passages.values() for passage in passages])


def _article(row: Mapping[str, Any]) -> Article:
    day = date.fromisoformat(row["date"][:10]) if len(row.get("date") or "") >= len("2025-05-12") else None
    return Article(row["title"], row["text"], id=row["id"], published_at=day)


def _holding(passages: Sequence[Passage], spans: Sequence[Sequence[int]]) -> list[Passage]:
    """The passages that hold one of the spans whole, those of the first span first."""
    found = [passage for start, end in spans for passage in passages if passage.start <= start and end <= passage.end]
    return list(dict.fromkeys(found))


def _touches(sentence: Sentence, spans: Sequence[Span]) -> bool:
    return any(sentence.start < span.end and span.start < sentence.end for span in spans)


def _cropped(sentences: list[Sentence], spans: Sequence[Span], chance: random.Random) -> list[Sentence]:
    """Three or more neighbouring sentences, those of the evidence among them."""
    good = [index for index, sentence in enumerate(sentences) if _touches(sentence, spans)]
    if not good and sentences:
        good = [chance.randrange(len(sentences))]
    first, last = (good[0], good[-1]) if good else (0, 0)
    first = max(0, min(first, len(sentences) - 3) - chance.randint(0, 2))
    return sentences[first : max(last, first + 2) + chance.randint(0, 2) + 1]


def _short(
    row: Mapping[str, Any], text: str, spans: Sequence[Span], seen: tuple[int, int], shift: int
) -> tuple[tuple[int, int], ...] | None:
    """Where the short answer stands in the passage; None where there is none, or several make it."""
    if len(row.get("short", [])) != 1:
        return None
    short = row["short"][0]
    places = [text.find(short, span.start, span.end) for span in spans]
    found = [(at + shift, at + len(short) + shift) for at in places if seen[0] <= at and at + len(short) <= seen[1]]
    return tuple(found) or None


def _verdict(row: Mapping[str, Any], here: bool) -> int | None:  # noqa: FBT001  # called by position once
    """Of a question; None where it asks for yes or no and which is not known."""
    if row["kind"] in {"yes", "no"} and here:
        return YES if row["kind"] == "yes" else NO
    return None if here and _DECIDING.match(row["question"]) else NEITHER


def _answered(name: str, most: int, data: Path, chance: random.Random) -> Iterator[Example]:
    """A set of SQuAD's kind, with whole contexts."""
    rows = [row for row in read_rows([data / "train" / f"{name}.jsonl.gz"]) if 40 < len(row["context"]) < 1300]
    for row in chance.sample(rows, min(most, len(rows))):
        title = row.get("title", "").replace("_", " ") if chance.random() < TITLED else ""
        before = introduction(title, None)
        starts = [(answer.get("start", answer.get("answer_start")), answer["text"]) for answer in row["answers"]]
        spans = tuple((start + len(before), start + len(before) + len(text)) for start, text in starts)
        sentences = tuple(
            (sentence.start + len(before), sentence.end + len(before)) for sentence in split_sentences(row["context"])
        )
        good = tuple(
            index
            for index, (first, last) in enumerate(sentences)
            if any(first < end and start < last for start, end in spans)
        )
        verdict = None if spans and _DECIDING.match(row["question"]) else NEITHER
        yield Example(row["question"], before + row["context"], sentences, good, spans, bool(spans), verdict, kind=name)


def _negatives(own: Sequence[Example], chance: random.Random) -> list[Example]:
    """Questions of a set with a passage of it that BM25 finds for them and that lacks their answer."""
    passages = {example.passage: example for example in own}
    search = _Search([_as_passage(example) for example in passages.values()])
    made = []
    for example in own:
        if not example.answers or chance.random() > NEGATIVE:
            continue
        words = set(example.passage.split())
        wanted = [example.passage[start:end].lower() for start, end in example.answers]
        for passage in search.found(example.question, chance):
            common = len(words & set(passage.text.split())) / min(len(words), len(set(passage.text.split())))
            if common < COPY and not any(answer in passage.text.lower() for answer in wanted):
                other = passages[passage.text]
                lacking = replace(other, question=example.question, evidence=(), answers=(), here=False)
                made.append(replace(lacking, verdict=NEITHER, kind=f"{example.kind}#found"))
    return made


def _as_passage(example: Example) -> Passage:
    return Passage("", "", 0, len(example.passage), example.passage, ())


def _searches(data: Path, chance: random.Random) -> list[str]:
    """Questions as people type them into a search box, half of them as they would write them down."""
    rows = [row for name in SEARCHES for row in read_rows([data / "train" / f"{name}.jsonl.gz"])]
    questions = [row.get("question") or row["text"].partition("\n")[0].removeprefix("question: ") for row in rows]
    drawn = chance.sample(questions, min(UNRELATED, len(questions)))
    return [f"{each[0].upper()}{each[1:]}?" if chance.random() < 0.5 else each for each in drawn]


def _decisions(data: Path, chance: random.Random) -> Iterator[Example]:
    """BoolQ's questions, each with its paragraph."""
    rows = read_rows([data / "train" / "boolq_yesno.jsonl.gz"])
    for row in chance.sample(rows, min(DECISIONS, len(rows))):
        question, _, passage = row["text"].removeprefix("question: ").partition("\npassage: ")
        if len(passage) < 1000:
            yield Example(question, passage, here=True, verdict=YES if row["label"] == "True" else NO, kind="boolq")


class _Search:
    """Finds passages by BM25."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        self._database = sqlite3.connect(":memory:")
        self._database.execute("CREATE VIRTUAL TABLE passages USING fts5(text, tokenize='porter')")
        self._database.executemany(
            "INSERT INTO passages(rowid, text) VALUES (?, ?)", ((i, p.text) for i, p in enumerate(passages))
        )

    def found(self, question: str, chance: random.Random, but: str = "") -> list[Passage]:
        """One of the best passages that are not of the article `but`; none where no word is found."""
        terms = " OR ".join(f'"{word}"' for word in content_words(question) if word.isalnum())
        if not terms:
            return []
        query = "SELECT rowid FROM passages WHERE passages MATCH ? ORDER BY bm25(passages) LIMIT ?"
        rows = self._database.execute(query, (terms, 3 * FOUND))
        fit = [self._passages[row] for (row,) in rows if not but or self._passages[row].article_id != but][:FOUND]
        return [chance.choice(fit)] if fit else []


def main() -> None:
    """Makes and keeps the examples, and counts them by kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    examples = make(arguments.data, arguments.seed)
    write(examples, arguments.file)
    counts = Counter(example.kind for example in examples)
    print(f"{len(examples)} examples:", ", ".join(f"{counts[kind]} {kind}" for kind in sorted(counts)))


if __name__ == "__main__":
    main()

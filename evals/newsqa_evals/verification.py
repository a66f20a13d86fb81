"""How surely a chat model's false statements are told from true ones, on statements made from articles by rule.

No chat model is asked. `evals/statements.yaml` holds statements on the corpus, worded as chat models word them. Of
other articles they are made by rule: true ones are an article's own sentences, whole, abridged, reworded in front or
joined; false ones are the same with a number, a name or a "not" changed, with the marker of another passage, of another
article, or with a quotation that is stitched or altered. A true one should be kept, a false one should not.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from newsqa import Article, Passage, ScoredPassage, load
from newsqa.cli import progress
from newsqa.domain import Sentence
from newsqa.english import name_runs, words
from newsqa.grounding import Evidence, verify
from newsqa.passages import split_passages
from newsqa.reader import Reader
from newsqa_evals import statistics
from newsqa_evals.cases import CORPUS, EVALS
from newsqa_evals.external import READERS, ExternalError, read_lines
from newsqa_evals.remembering import Remembering
from newsqa_evals.statistics import Estimate

STATEMENTS = EVALS / "statements.yaml"
GIVEN = 4
"""Passages of an article that a statement may name."""
SHORTEST, LONGEST = 8, 40
"""Words of a sentence that statements are made of."""
_NUMBER = re.compile(r"(?<![\d.,])\d{1,3}(?![\d.,])")
_VERB = re.compile(r"\b(is|are|was|were|has|have|had|will|would|can|could)\b(?! not|n)")


@dataclass(frozen=True)
class Made:
    """A statement made of a sentence."""

    text: str
    true: bool
    other: bool = False
    """Whether it names another passage than the one it was made of."""


@dataclass(frozen=True)
class Place:
    """Where a sentence stands, and what there is to spoil it with."""

    sentence: Sentence
    following: Sentence | None
    """The next one of its passage."""
    elsewhere: Sequence[str]
    """Sentences of other articles."""
    names: Sequence[str]
    """Names that stand nowhere in its article."""


def _abridged(place: Place) -> Iterator[Made]:
    head, comma, tail = place.sentence.text.rpartition(", ")
    if comma and len(words(head)) >= SHORTEST and len(words(tail)) <= 12 and "“" not in head and '"' not in head:
        yield Made(f"{head}.", true=True)


def _joined(place: Place) -> Iterator[Made]:
    if place.following and place.following.text[:1].isupper():
        yield Made(f"{place.sentence.text.rstrip('.')}, and {place.following.text}", true=True)


def _renumbered(place: Place) -> Iterator[Made]:
    changed = _NUMBER.sub(lambda found: str(int(found.group()) * 7 + 13), place.sentence.text, count=1)
    if changed != place.sentence.text:
        yield Made(changed, true=False)


def _renamed(place: Place) -> Iterator[Made]:
    text = place.sentence.text
    runs = [run for run in name_runs(text) if run.start]
    if runs and place.names:
        yield Made(f"{text[: runs[-1].start]}{place.names[0]}{text[runs[-1].end :]}", true=False)


def _negated(place: Place) -> Iterator[Made]:
    if not re.search(r"\b(?:not|no|never|none)\b|n[’']t", place.sentence.text):
        changed = _VERB.sub(r"\1 not", place.sentence.text, count=1)
        if changed != place.sentence.text:
            yield Made(changed, true=False)


def _stitched(place: Place) -> Iterator[Made]:
    first, second = words(place.sentence.text), words(place.following.text) if place.following else []
    if len(second) >= SHORTEST:
        yield Made(f"It was said: “{' '.join([*first[:6], *second[-6:]])}.”", true=False)


def _misquoted(place: Place) -> Iterator[Made]:
    said = place.sentence.text.split()
    yield Made(f"It was said: “{' '.join([*said[:4], 'allegedly', *said[4:8]])}.”", true=False)


WAYS: dict[str, Callable[[Place], Iterator[Made]]] = {
    "true: word for word": lambda place: iter([Made(place.sentence.text, true=True)]),
    "true: reworded in front": lambda place: iter(
        [Made(f"According to the article, {place.sentence.text}", true=True)]
    ),
    "true: its end left out": _abridged,
    "true: two sentences in one": _joined,
    "false: names another passage": lambda place: iter([Made(place.sentence.text, true=False, other=True)]),
    "false: of another article": lambda place: iter([Made(text, true=False) for text in place.elsewhere[:1]]),
    "false: another number": _renumbered,
    "false: another name": _renamed,
    "false: “not” put in": _negated,
    "false: stitched quotation": _stitched,
    "false: altered quotation": _misquoted,
}


Result = tuple[Estimate, dict[str, int]]
"""The share that was judged rightly, and how many were judged as what."""


def measure(files: Sequence[Path], limit: int = 0, *, as_json: bool = False) -> None:
    """Prints for each way of making a statement how many were judged rightly, and as what the false ones were.

    Args:
        files: JSON lines of articles, as NewsQA's are read; none: the statements that ship.
        limit: at most so many articles; 0: all.
        as_json: print JSON.

    Raises:
        ExternalError: a file can't be read or holds no articles.
    """
    try:
        articles, _ = READERS["newsqa"]([row for file in files for row in read_lines(file)])
    except KeyError as error:
        raise ExternalError(f"{', '.join(map(str, files))}: these are no articles: no {error}") from error
    found = _judged(articles[:limit] if limit else articles) if files else shipped()
    if as_json:
        print(
            json.dumps({way: {**asdict(right), "judged": judged} for way, (right, judged) in found.items()}, indent=1)
        )
        return
    table = Table("statement", "n", "judged rightly", "95% interval", "as", title="verification", box=None)
    for way, (right, judged) in found.items():
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(judged.items(), key=lambda each: -each[1]))
        table.add_row(way, str(right.n), f"{right.value:.3f}", right.bounds(3), kinds)
    Console(width=150, highlight=False).print(table)


def shipped(file: Path = STATEMENTS) -> dict[str, Result]:
    """The results of the statements in `evals/statements.yaml`, by truth and kind, and of all together."""
    articles = {article.id: article for article in load(CORPUS)}
    given = {id: _evidence(article, split_passages(article)) for id, article in articles.items()}
    found, reader = _Found(), Remembering(Reader())
    for each in yaml.safe_load(file.read_text(encoding="utf-8")):
        id, true = each["article"], each["true"]
        judged = [verify(each["statement"], [passage], given[id], reader).failure for passage in given[id]]
        failure = None if None in judged else judged[0]
        for way in (f"{'true' if true else 'false'}: {each['kind']}", f"all {'true' if true else 'false'} ones"):
            found.note(way, (failure is None) == true, failure, id)
    return found.results()


def _evidence(article: Article, passages: Sequence[Passage]) -> list[Evidence]:
    facts = (article.title, article.publisher, article.url, article.published_at, 0.0)
    return [Evidence(ScoredPassage(passage, *facts)) for passage in passages]


class _Found:
    """What was judged, by way."""

    def __init__(self) -> None:
        self._right: dict[str, list[tuple[float, str]]] = {}
        self._kinds: dict[str, Counter[str]] = {}

    def note(self, way: str, right: bool, failure: str | None, article: str) -> None:  # noqa: FBT001  # as it was
        """Notes how a statement was judged."""
        self._right.setdefault(way, []).append((float(right), article))
        self._kinds.setdefault(way, Counter())[failure or "supported"] += 1

    def results(self) -> dict[str, Result]:
        """The share that was judged rightly and the judgements, by way."""
        return {
            way: (statistics.mean(*map(list, zip(*values, strict=True))), dict(self._kinds[way]))
            for way, values in sorted(self._right.items())
        }


def _judged(articles: Sequence[Article]) -> dict[str, Result]:
    found, chance, reader = _Found(), random.Random(0), Remembering(Reader())
    with progress(len(articles)) as advance:
        for article in articles:
            others = [other for other in chance.sample(articles, min(len(articles), 4)) if other.id != article.id]
            given = _evidence(article, split_passages(article)[:GIVEN])
            for at, place in _places(article, [each.scored for each in given], others):
                for way, make in WAYS.items():
                    for made in make(place):
                        named = [given[at - 1 if at else -1]] if made.other else [given[at]]
                        if made.other and (len(given) < 2 or place.sentence.text in named[0].text):
                            continue
                        failure = verify(made.text, named, given, reader).failure
                        found.note(way, (failure is None) == made.true, failure, article.id)
            advance("verification")
    return found.results()


def _places(
    article: Article, passages: Sequence[ScoredPassage], others: Sequence[Article]
) -> Iterator[tuple[int, Place]]:
    """One sentence of each passage, with the passage's index."""
    elsewhere = [each.text for other in others for passage in split_passages(other)[1:2] for each in passage.sentences]
    names = [run.of(text) for text in elsewhere for run in name_runs(text) if run.start]
    strange = [name for name in names if name not in article.text and len(name) > 3]
    for at, scored in enumerate(passages):
        told = [each for each in scored.passage.sentences if not each.heading]
        for index, sentence in enumerate(told):
            if SHORTEST <= len(words(sentence.text)) <= LONGEST:
                following = told[index + 1] if index + 1 < len(told) else None
                fit = [text for text in elsewhere if SHORTEST <= len(words(text)) <= LONGEST]
                yield at, Place(sentence, following, fit, strange)
                break

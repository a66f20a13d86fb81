"""What is searched, in memory: words and vectors of all passages, in step with the catalogue.

Chroma finds the nearest of many vectors quickly; what it can't do is here, exactly: BM25, cosines, search among the
passages that pass a filter, and search while its index is behind or is rebuilt.
"""

import math
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Self

import numpy as np

from newsqa import english
from newsqa.domain import Filters
from newsqa.library.postings import MOST_ROWS, Postings
from newsqa.library.words import term

if TYPE_CHECKING:
    from numpy.typing import NDArray

K1, B = 1.2, 0.75
"""Of BM25 (Robertson and Zaragoza: "The Probabilistic Relevance Framework", 2009), as SQLite's FTS5 has them."""
_LEAST_IDF = 1e-6
"""Of a word that more than half of the passages hold."""
_MOST_DEAD = 0.25
"""Share of a segment's passages that are gone, before it is made anew."""


@dataclass(frozen=True)
class Row:
    """A passage as it is searched."""

    id: str
    article_id: str
    publisher: str
    """Of its article."""
    published_at: str
    """Of its article (ISO 8601), empty when not known."""
    words: bytes
    """As `words.terms` gives them."""
    vector: bytes
    """Of float16, little endian."""


@dataclass(frozen=True)
class _Articles:
    """The articles of a segment, each once: [articles]."""

    ids: tuple[str, ...]
    publishers: tuple[str, ...]
    days: "NDArray[np.int32]"
    """Of publication, as 20250512; 0 when not known."""

    def passing(self, filters: Filters) -> "NDArray[np.bool_]":
        """Which of them pass."""
        passing = np.ones(len(self.ids), bool)
        if filters.article_ids:
            passing &= [id in filters.article_ids for id in self.ids]
        if filters.publisher:
            passing &= [publisher == filters.publisher for publisher in self.publishers]
        if filters.published_from:
            passing &= self.days >= _day(filters.published_from.isoformat())
        if filters.published_to:
            passing &= (self.days <= _day(filters.published_to.isoformat())) & (self.days > 0)
        return passing


@dataclass(frozen=True)
class Segment:
    """Passages that came together. Only `alive` differs between two versions of one."""

    ids: tuple[str, ...]
    articles: _Articles
    article: "NDArray[np.int32]"
    """Which article each passage is of: [passages]."""
    vectors: "NDArray[np.float32]"
    """[passages, dimensions], of length 1."""
    postings: Postings
    alive: "NDArray[np.bool_]"
    """Which passages are still there: [passages]."""
    row_of: dict[str, int]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """The segment of these passages."""
        vectors = np.frombuffer(b"".join(row.vector for row in rows), "<f2").reshape(len(rows), -1)
        postings = Postings.of([row.words for row in rows])
        articles = [(row.article_id, row.publisher, _day(row.published_at)) for row in rows]
        return cls._of([row.id for row in rows], articles, vectors.astype(np.float32), postings)

    @classmethod
    def joined(cls, parts: "Sequence[Segment]") -> Self:
        """One segment of what is still there of several."""
        ids = [id for part in parts for id, kept in zip(part.ids, part.alive, strict=True) if kept]
        articles = [each for part in parts for each in part._of_passages()]  # noqa: SLF001  # they are of its kind
        vectors = np.concatenate([part.vectors[part.alive] for part in parts])
        return cls._of(ids, articles, vectors, Postings.joined([(part.postings, part.alive) for part in parts]))

    @classmethod
    def _of(
        cls,
        ids: Sequence[str],
        articles: Sequence[tuple[str, str, int]],
        vectors: "NDArray[np.float32]",
        postings: Postings,
    ) -> Self:
        code = {each: at for at, each in enumerate(dict.fromkeys(articles))}
        article = np.fromiter((code[each] for each in articles), np.int32, len(articles))
        article_ids, publishers, days = zip(*code, strict=True)
        once = _Articles(article_ids, publishers, np.array(days, np.int32))
        row_of = {id: at for at, id in enumerate(ids)}
        return cls(tuple(ids), once, article, vectors, postings, np.ones(len(ids), bool), row_of)

    def _of_passages(self) -> list[tuple[str, str, int]]:
        """Id, publisher and day of the article of each passage that is there."""
        articles = self.articles
        each = list(zip(articles.ids, articles.publishers, articles.days.tolist(), strict=True))
        return [each[at] for at in self.article[self.alive]]

    def among(self, filters: Filters) -> "NDArray[np.bool_]":
        """Which passages are there and pass: [passages]."""
        passing: NDArray[np.bool_] = (
            self.alive & self.articles.passing(filters)[self.article] if filters else self.alive
        )
        return passing

    def without(self, article_ids: Collection[str]) -> "Segment":
        """The same where the passages of these articles are gone."""
        gone = np.fromiter((id in article_ids for id in self.articles.ids), bool, len(self.articles.ids))
        return replace(self, alive=self.alive & ~gone[self.article]) if gone.any() else self


@dataclass(frozen=True)
class View:
    """All passages as they were at one change of the catalogue; searching it needs no lock."""

    change: int = 0
    """The last change of the catalogue that is in it."""
    segments: tuple[Segment, ...] = ()

    @cached_property
    def _size(self) -> tuple[int, float]:
        """Number of passages, and their mean length in words."""
        alive = sum(int(each.alive.sum()) for each in self.segments)
        total = sum(int(each.postings.lengths[each.alive].sum()) for each in self.segments)
        return alive, total / max(alive, 1)

    def __len__(self) -> int:
        return self._size[0]

    def search(self, words: Sequence[str], k: int, filters: Filters) -> dict[str, float]:
        """The `k` best passage ids by BM25 with their scores (above 0), best first.

        Args:
            words: any; a word that stands there twice counts twice.
            k: how many at the most.
            filters: only passages that pass; how rare a word is is told by all.
        """
        number, mean = self._size
        scores = [np.zeros(len(each.ids)) for each in self.segments]
        norms = [K1 * (1 - B + B * each.postings.lengths / max(mean, 1)) for each in self.segments]
        for wanted in (term(each) for word in words for each in english.words(word)):
            found = [each.postings.holding(wanted) for each in self.segments]
            holding = sum(int(each.alive[rows].sum()) for each, (rows, _) in zip(self.segments, found, strict=True))
            idf = max(math.log((number - holding + 0.5) / (holding + 0.5)), _LEAST_IDF) if holding else 0.0
            for (rows, counts), score, norm in zip(found, scores, norms, strict=True):
                score[rows] += idf * counts * (K1 + 1) / (counts + norm[rows])
        return self._best(
            [np.where(each.among(filters), score, 0) for each, score in zip(self.segments, scores, strict=True)],
            k,
            above=0.0,
        )

    def nearest(self, vector: Sequence[float], k: int, filters: Filters) -> dict[str, float]:
        """The `k` nearest passage ids with their cosines (-1 to 1), nearest first; exact. Arguments as of `search`."""
        wanted = np.asarray(vector, np.float32)
        scores = [np.where(each.among(filters), each.vectors @ wanted, -np.inf) for each in self.segments]
        return self._best(scores, k, above=-np.inf)

    def cosines(self, vector: Sequence[float], passage_ids: Iterable[str]) -> dict[str, float]:
        """The exact cosine of `vector` with each of these passages; those that are not there are left out."""
        wanted, found = np.asarray(vector, np.float32), dict[str, float]()
        for each in self.segments:
            rows = [at for id in passage_ids if (at := each.row_of.get(id)) is not None and each.alive[at]]
            if rows:
                products = (each.vectors[rows] @ wanted).tolist()
                found.update(zip((each.ids[at] for at in rows), products, strict=True))
        return found

    def _best(self, scores: "Sequence[NDArray[np.floating]]", k: int, above: float) -> dict[str, float]:
        """The ids of the best scores above a bound, best first; equal ones by their ids."""
        best: list[tuple[float, str]] = []
        for each, score in zip(self.segments, scores, strict=True):
            least = np.partition(score, -k)[-k] if k < len(score) else -np.inf
            rows = np.flatnonzero((score >= least) & (score > above))
            best += [(-float(score[at]), each.ids[at]) for at in rows]
        return {id: -score for score, id in sorted(best)[:k]}

    def without(self, article_ids: Collection[str]) -> "View":
        """The same where the passages of these articles are gone."""
        left = (each.without(article_ids) for each in self.segments)
        return View(self.change, tuple(each for each in left if each.alive.any()))

    def with_rows(self, rows: Sequence[Row], change: int) -> "View":
        """The same with these passages, as of a change."""
        return View(change, (*self.segments, *([Segment.of(rows)] if rows else [])))

    def tidied(self) -> "View":
        """The same in few segments: none with much that is gone, and no small one beside one as small."""
        segments: list[Segment] = []
        for each in self.segments:
            segments.append(each if each.alive.mean() > 1 - _MOST_DEAD else Segment.joined([each]))
            while len(segments) > 1 and _worth_joining(*segments[-2:]):
                segments[-2:] = [Segment.joined(segments[-2:])]
        return View(self.change, tuple(segments))


def _worth_joining(one: Segment, other: Segment) -> bool:
    return len(one.ids) <= 2 * len(other.ids) and len(one.ids) + len(other.ids) <= MOST_ROWS


@lru_cache(maxsize=20_000)
def _day(moment: str) -> int:
    """20250512 of 2025-05-12T10:00; 0 of nothing."""
    return int(moment[:10].replace("-", "") or 0)


Changed = tuple[int, Collection[str], Iterable[Sequence[Row]]]
"""Of one moment, the number of the catalogue's last change, the articles that changed since another, and their
passages, some thousands at a time."""
Read = Callable[[int], AbstractContextManager[Changed]]


@dataclass
class Mirror:
    """The newest view, read from the catalogue when something has changed there."""

    read: Read
    _view: View = field(default_factory=View)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def view(self, change: int) -> View:
        """A view that has at least this change of the catalogue in it."""
        if self._view.change < change:
            with self._lock:
                if self._view.change < change:
                    self._view = self._renewed()
                    self._view = self._view.tidied()
        return self._view

    def _renewed(self) -> View:
        with self.read(self._view.change) as (change, article_ids, parts):
            view = self._view.without(article_ids)
            for rows in parts:
                view = view.with_rows(rows, change)
        return replace(view, change=change)

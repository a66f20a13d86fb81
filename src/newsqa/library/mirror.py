"""What is searched, in memory: words and vectors of all passages, in step with the catalogue.

Chroma finds the nearest of many vectors quickly; what it can't do is here, exactly: BM25, cosines, search among the
passages that pass a filter, and search while its index is behind or is rebuilt.
"""

import math
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from newsqa import english
from newsqa.library.postings import Postings
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
    words: bytes
    """As `words.terms` gives them."""
    vector: "NDArray[np.float32]"


@dataclass(frozen=True)
class Segment:
    """Passages that came together. Only `alive` differs between two versions of one."""

    ids: tuple[str, ...]
    article_ids: tuple[str, ...]
    """Each once."""
    article: "NDArray[np.int32]"
    """Which of them each passage is of: [passages]."""
    vectors: "NDArray[np.float32]"
    """[passages, dimensions], of length 1."""
    postings: Postings
    alive: "NDArray[np.bool_]"
    """Which passages are still there: [passages]."""
    row_of: dict[str, int]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """The segment of these passages."""
        vectors = np.stack([row.vector for row in rows])
        postings = Postings.of([row.words for row in rows])
        return cls._of([row.id for row in rows], [row.article_id for row in rows], vectors, postings)

    @classmethod
    def joined(cls, parts: "Sequence[Segment]") -> Self:
        """One segment of what is still there of several."""
        ids = [id for part in parts for id, kept in zip(part.ids, part.alive, strict=True) if kept]
        articles = [part.article_ids[at] for part in parts for at in part.article[part.alive]]
        vectors = np.concatenate([part.vectors[part.alive] for part in parts])
        return cls._of(ids, articles, vectors, Postings.joined([(part.postings, part.alive) for part in parts]))

    @classmethod
    def _of(
        cls, ids: Sequence[str], articles: Sequence[str], vectors: "NDArray[np.float32]", postings: Postings
    ) -> Self:
        code = {id: at for at, id in enumerate(dict.fromkeys(articles))}
        article = np.fromiter((code[id] for id in articles), np.int32, len(articles))
        row_of = {id: at for at, id in enumerate(ids)}
        return cls(tuple(ids), tuple(code), article, vectors, postings, np.ones(len(ids), bool), row_of)

    def among(self, article_ids: Collection[str] | None) -> "NDArray[np.bool_]":
        """Which passages are there and of these articles: [passages]."""
        if article_ids is None:
            return self.alive
        chosen = np.fromiter((id in article_ids for id in self.article_ids), bool, len(self.article_ids))
        passing: NDArray[np.bool_] = self.alive & chosen[self.article]
        return passing

    def without(self, article_ids: Collection[str]) -> "Segment":
        """The same where the passages of these articles are gone."""
        if not any(id in article_ids for id in self.article_ids):
            return self
        gone = np.fromiter((id in article_ids for id in self.article_ids), bool, len(self.article_ids))
        return replace(self, alive=self.alive & ~gone[self.article])


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

    def __contains__(self, id: object) -> bool:
        return any(id in each.row_of and each.alive[each.row_of[id]] for each in self.segments)

    def search(self, words: Sequence[str], k: int, article_ids: Collection[str] | None = None) -> dict[str, float]:
        """The `k` best passage ids by BM25 with their scores (above 0), best first.

        Args:
            words: any; a word that stands there twice counts twice.
            k: how many at the most.
            article_ids: only passages of these articles, where given; how rare a word is is told by all.
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
            [np.where(each.among(article_ids), score, 0) for each, score in zip(self.segments, scores, strict=True)],
            k,
            above=0.0,
        )

    def nearest(self, vector: Sequence[float], k: int, article_ids: Collection[str] | None = None) -> dict[str, float]:
        """The `k` nearest passage ids with their cosines (-1 to 1), nearest first; exact. Arguments as of `search`."""
        wanted = np.asarray(vector, np.float32)
        scores = [np.where(each.among(article_ids), each.vectors @ wanted, -np.inf) for each in self.segments]
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

    def changed(self, change: int, article_ids: Collection[str], rows: Sequence[Row]) -> "View":
        """What it is after a change: the passages of these articles are gone, these rows are there."""
        segments = [left for each in self.segments if (left := each.without(article_ids)).alive.any()]
        return View(change, (*segments, *([Segment.of(rows)] if rows else [])))

    def tidied(self) -> "View":
        """The same in few segments: each more than twice as large as the next one, and none with much that is gone."""
        segments: list[Segment] = []
        for each in self.segments:
            segments.append(each if each.alive.mean() > 1 - _MOST_DEAD else Segment.joined([each]))
            while len(segments) > 1 and len(segments[-2].ids) <= 2 * len(segments[-1].ids):
                segments[-2:] = [Segment.joined(segments[-2:])]
        return View(self.change, tuple(segments))


Read = Callable[[int], tuple[int, Collection[str], Sequence[Row]]]
"""Gives the number of the catalogue's last change, the articles that changed since a number, and their rows."""


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
                    self._view = self._view.changed(*self.read(self._view.change))
                    self._view = self._view.tidied()
        return self._view

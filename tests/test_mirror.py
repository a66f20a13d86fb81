"""What is searched in memory: BM25 as SQLite's full text search has it, exact cosines, filters, changes."""

import random
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray

from newsqa import Filters
from newsqa.library.mirror import Mirror, Row, Segment, View
from newsqa.library.postings import Postings
from newsqa.library.words import term, terms

WORDS = ("ferry", "bridge", "mayor", "noon", "storm", "sails", "sailing", "closed", "June", "council", "the", "of", "a")
DIMENSIONS = 16


def _texts(number: int, seed: int = 1) -> list[str]:
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=chance.randint(1, 40))) for _ in range(number)]


def _vector(seed: int) -> NDArray[np.float16]:
    vector = np.random.default_rng(seed).standard_normal(DIMENSIONS)
    return (vector / np.linalg.norm(vector)).astype("<f2")


def _rows(texts: Sequence[str], article: str = "article", published_at: str = "", publisher: str = "") -> list[Row]:
    return [
        Row(f"{article}-{at}", article, publisher, published_at, terms(text), _vector(hash_of(article) + at).tobytes())
        for at, text in enumerate(texts)
    ]


def hash_of(article: str) -> int:
    return sum(map(ord, article)) * 1000


def _view(*articles: Sequence[Row]) -> View:
    view = View()
    for change, rows in enumerate(articles, 1):
        view = view.with_rows(rows, change)
    return view


def _by_sqlite(texts: Sequence[str], words: Sequence[str]) -> dict[int, float]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE t USING fts5(text, tokenize='porter unicode61 remove_diacritics 2')")
    connection.executemany("INSERT INTO t(rowid, text) VALUES (?, ?)", enumerate(texts))
    match = " OR ".join(f'"{word}"' for word in words)
    found = connection.execute("SELECT rowid, -bm25(t) FROM t WHERE t MATCH ?", [match]).fetchall()
    connection.close()
    return dict(found)


@pytest.mark.parametrize("words", [["ferry"], ["sail", "mayor"], ["the", "Junes"], ["Ferries", "ferry", "closing"]])
def test_scores_are_those_of_sqlites_full_text_search(words: list[str]) -> None:
    texts = _texts(300)
    expected = {f"article-{at}": score for at, score in _by_sqlite(texts, words).items()}
    for cuts in ([300], [10, 200, 300]):
        starts = [0, *cuts[:-1]]
        parts = [_rows(texts)[start:end] for start, end in zip(starts, cuts, strict=True)]
        assert pytest.approx(expected) == _view(*parts).search(words, 1000, Filters())


def test_the_best_come_first_and_equal_ones_by_their_ids() -> None:
    view = _view(_rows(["ferry", "the ferry", "ferry", "bridge"]))
    assert ["article-0", "article-2", "article-1"] == list(view.search(["ferry"], 10, Filters()))
    assert ["article-0"] == list(view.search(["ferry"], 1, Filters()))
    assert {} == view.search(["nothing"], 10, Filters())
    assert {} == View().search(["ferry"], 10, Filters())


def test_words_that_hold_no_letter_and_accents_do_no_harm() -> None:
    view = _view(_rows(["Škvorec pays €12.45", "…"]))
    assert ["article-0"] == list(view.search(["skvorec", "…", ""], 10, Filters()))
    assert ["article-0"] == list(view.search(["12.45"], 10, Filters()))


def test_the_nearest_are_those_of_a_plain_comparison() -> None:
    rows = _rows(_texts(500))
    vectors = np.stack([np.frombuffer(row.vector, "<f2").astype(np.float32) for row in rows])
    wanted = _vector(77).astype(np.float32)
    order = np.argsort(-(vectors @ wanted))[:10]
    found = _view(rows[:100], rows[100:]).nearest(wanted.tolist(), 10, Filters())
    assert [rows[at].id for at in order] == list(found)
    assert pytest.approx((vectors @ wanted)[order].tolist(), abs=1e-6) == list(found.values())


def test_filters_let_pass_what_they_name() -> None:
    view = _view(
        _rows(["ferry"], "old", "2025-05-11", "Herald"),
        _rows(["ferry"], "new", "2025-05-12T23:30:00+02:00", "Post"),
        _rows(["ferry"], "undated", "", "Herald"),
    )
    day = date(2025, 5, 12)
    for filters, expected in [
        (Filters(), {"old-0", "new-0", "undated-0"}),
        (Filters(publisher="Herald"), {"old-0", "undated-0"}),
        (Filters(publisher="Her"), set()),
        (Filters(published_from=day), {"new-0"}),
        (Filters(published_to=day), {"old-0", "new-0"}),
        (Filters(published_from=day, published_to=date(2025, 5, 11)), set()),
        (Filters(("old", "undated"), publisher="Herald", published_to=day), {"old-0"}),
        (Filters(preferred_publisher="Post"), {"old-0", "new-0", "undated-0"}),
    ]:
        assert expected == set(view.search(["ferry"], 10, filters))
        assert expected == set(view.nearest(_vector(1).astype(float).tolist(), 10, filters))


def test_what_is_gone_is_not_found_and_not_counted() -> None:
    texts = _texts(200)
    rows = _rows(texts[:100], "one") + _rows(texts[100:], "other")
    left = _view(rows).without({"one"})
    assert 100 == len(left)
    expected = {f"other-{at}": score for at, score in _by_sqlite(texts[100:], ["ferry"]).items()}
    assert pytest.approx(expected) == left.search(["ferry"], 1000, Filters())
    assert {"other-0"} == set(left.cosines(_vector(1).astype(float).tolist(), ["one-0", "other-0", "none"]))
    assert 0 == len(left.without({"other"}).segments)


def test_many_small_changes_become_few_segments_that_hold_the_same() -> None:
    texts = _texts(400)
    view, kept = View(), {}
    for at in range(200):
        view = view.with_rows(_rows(texts[2 * at : 2 * at + 2], f"a{at}"), at)
        kept[f"a{at}"] = texts[2 * at : 2 * at + 2]
        if at % 3 == 0:
            view = view.without({f"a{at // 2}"})
            kept.pop(f"a{at // 2}", None)
        view = view.tidied()
        assert len(view.segments) < 12
    order = [(id, text) for id, pair in kept.items() for text in pair]
    expected = {f"{order[at][0]}-{at % 2}": score for at, score in _by_sqlite([t for _, t in order], ["mayor"]).items()}
    assert pytest.approx(expected) == view.search(["mayor"], 1000, Filters())


def test_postings_that_are_joined_are_those_made_at_once() -> None:
    words = [terms(text) for text in _texts(60)]
    kept = np.array([at % 4 != 0 for at in range(60)])
    parts = [(Postings.of(words[:25]), kept[:25]), (Postings.of(words[25:]), kept[25:])]
    joined, once = (
        Postings.joined(parts),
        Postings.of([each for each, chosen in zip(words, kept, strict=True) if chosen]),
    )
    for name in ("terms", "starts", "rows", "counts", "lengths"):
        assert np.array_equal(getattr(once, name), getattr(joined, name)), name
    assert [[], []] == [part.tolist() for part in once.holding(term("zeppelin"))]


def test_rows_without_words_make_a_segment() -> None:
    segment = Segment.of(_rows(["", ""]))
    assert (2, 0) == (len(segment.ids), len(segment.postings.terms))


@dataclass
class _Read:
    """A catalogue that is asked what has changed."""

    moments: list[tuple[int, set[str], list[Row]]]
    asked: list[int] = field(default_factory=list)

    @contextmanager
    def __call__(self, since: int) -> Iterator[tuple[int, Collection[str], Iterator[Sequence[Row]]]]:
        self.asked.append(since)
        change, ids, rows = self.moments[len(self.asked) - 1]
        yield change, ids, iter([rows[:1], rows[1:]])


def test_the_mirror_reads_only_what_has_changed_and_only_when_asked_for_it() -> None:
    read = _Read(
        [(3, {"ferry"}, _rows(["noon", "one"], "ferry")), (5, {"ferry"}, _rows(["two"], "ferry")), (6, {"ferry"}, [])]
    )
    mirror = Mirror(read)
    assert (0, []) == (len(mirror.view(0)), read.asked)
    early = mirror.view(3)
    assert (2, {"ferry-0"}) == (len(early), set(early.search(["noon"], 9, Filters())))
    assert early is mirror.view(2)
    late = mirror.view(4)
    assert (1, 5, {"ferry-0"}, set()) == (
        len(late),
        late.change,
        set(late.search(["two"], 9, Filters())),
        set(late.search(["noon"], 9, Filters())),
    )
    assert 0 == len(mirror.view(6))
    assert [0, 3, 5] == read.asked
    assert 2 == len(early)

"""What is stored is all there or not at all."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from newsqa import Article, Filters, Library, Passage
from newsqa.domain import now
from newsqa.errors import (
    ArticleError,
    ArticleNotFoundError,
    IndexMismatchError,
    LibraryError,
    LibraryLockedError,
)
from newsqa.library import Health
from newsqa.library.catalogue import Catalogue, Entry
from tests.conftest import ROOT, open_library

FERRY = Article(
    id="ferry",
    title="The ferry",
    text="The ferry sails at noon. It carries forty cars.\n\n## Fares\nA car pays three crowns. Walkers go free.",
    publisher="Courier",
    published_at=date(2025, 3, 1),
)
BRIDGE = Article(
    id="bridge",
    title="The bridge",
    text="The bridge opens in June. It cost twelve million crowns.",
    publisher="Herald",
    published_at=date(2025, 4, 2),
)
UNDATED = Article(id="undated", title="No date", text="Crowns are coins. Nobody dated this.", publisher="Herald")


def _found(library: Library, words: str, filters: Filters | None = None) -> set[str]:
    ids = library.search_text(words.split(), 10, filters or Filters())
    return {scored.passage.article_id for scored in library.passages({id: (0.0, {}) for id in ids})}


def test_what_was_added_comes_back_as_it_was(library: Library) -> None:
    library.add(FERRY)
    stored = library.get("ferry")
    assert stored.added_at is not None
    assert FERRY == replace(stored, added_at=None)


def test_title_and_text_are_enough(library: Library) -> None:
    article = Article(title="Short", text="One sentence.")
    library.add(article)
    stored = library.get(article.id)
    assert ("Short", "One sentence.", None, "") == (stored.title, stored.text, stored.published_at, stored.publisher)


def test_adding_again_changes_nothing(library: Library) -> None:
    assert {"ferry": "added"} == library.add(FERRY).outcomes
    before = library.get("ferry")
    assert {"ferry": "unchanged"} == library.add(FERRY).outcomes
    assert before == library.get("ferry")
    assert Health(1, 2, 0, 0) == library.health()


def test_a_changed_text_replaces_exactly_its_own_passages(library: Library) -> None:
    library.add([FERRY, BRIDGE])
    assert {"ferry": "replaced"} == library.add(replace(FERRY, text="The ferry was sold.")).outcomes
    assert (set(), {"ferry"}, {"bridge"}) == (_found(library, "noon"), _found(library, "sold"), _found(library, "June"))
    assert library.health().agree


def test_a_changed_date_is_a_change(library: Library) -> None:
    library.add(FERRY)
    library.add(replace(FERRY, published_at=date(2025, 3, 2)))
    assert date(2025, 3, 2) == library.get("ferry").published_at


def test_removed_articles_are_not_found(library: Library) -> None:
    library.add([FERRY, BRIDGE])
    library.remove("ferry")
    assert (set(), {"bridge"}) == (_found(library, "ferry noon"), _found(library, "bridge"))
    with pytest.raises(ArticleNotFoundError, match="ferry"):
        library.get("ferry")
    assert Health(1, 1, 0, 0) == library.health()


def test_an_article_of_more_passages_than_a_statement_takes_values_can_be_removed(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "catalogue.sqlite3")
    with closing(catalogue._engine.raw_connection()) as connection:  # SQLite's own limit is 32,766 or more
        connection.driver_connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 40)  # type: ignore[union-attr]
    passages = tuple(Passage(f"p{number}", "ferry", 0, 1, "T", ()) for number in range(50))
    catalogue.store([Entry(replace(FERRY, added_at=now()), passages, np.zeros((50, 4), np.float32))])
    catalogue.remove(["ferry"])
    assert 50 == len(catalogue.unsettled())
    catalogue.settle(catalogue.unsettled())
    assert {} == catalogue.unsettled()
    catalogue.close()


def test_removing_one_that_is_not_there_removes_none(library: Library) -> None:
    library.add(FERRY)
    with pytest.raises(ArticleNotFoundError, match="nothing"):
        library.remove("ferry", "nothing")
    assert 1 == len(library)


def test_articles_are_listed_newest_first_and_undated_last(library: Library) -> None:
    library.add([UNDATED, FERRY, BRIDGE])
    assert ["bridge", "ferry", "undated"] == [article.id for article in library.articles()]


def test_articles_are_searched_by_what_stands_above_their_text(library: Library) -> None:
    library.add(
        [
            Article("Otters return", "Their number is 73.", id="otters", publisher="Quorn Post", place="Lake Quorn"),
            Article(
                "Owls, 100%", "Otters are not in the title.", id="owls", publisher="Brenn Herald", author="O. Tter"
            ),
        ]
    )
    for search, expected in (
        ("", ["otters", "owls"]),
        ("OTTERS", ["otters"]),
        ("post otter", ["otters"]),
        ("quorn lake", ["otters"]),
        ("tter", ["otters", "owls"]),
        ("0%", ["owls"]),
        ("o_ls", []),
        ("73", []),
    ):
        assert expected == [article.id for article in library.articles(search=search)], search
    assert ["otters"] == [article.id for article in library.articles(Filters(publisher="Quorn Post"), search="o")]
    assert ["Brenn Herald", "Quorn Post"] == library.publishers()


def test_one_id_in_two_folders_with_other_words_is_two_articles(library: Library) -> None:
    one, two = replace(FERRY, origin="/a/ferry.md"), replace(BRIDGE, id="ferry", origin="/b/ferry.md")
    library.add([one, two])
    assert {"The ferry", "The bridge"} == {article.title for article in library.articles()}
    assert ["unchanged", "unchanged"] == [*library.add(one).outcomes.values(), *library.add(two).outcomes.values()]


def test_a_moved_file_is_the_same_article(library: Library) -> None:
    library.add(replace(FERRY, origin="/a/ferry.md"))
    assert {"ferry": "unchanged"} == library.add(replace(FERRY, origin="/b/ferry.md")).outcomes


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (replace(FERRY, title=" "), "title"),
        (replace(FERRY, text="\n \n"), "text"),
        (replace(FERRY, text="…!?"), "text"),
        (replace(FERRY, text="x" * 2_000_001), "text"),
        (replace(FERRY, title="x" * 1001), "title"),
        (replace(FERRY, url="x" * 1001), "url"),
        (replace(FERRY, url=None), "url"),  # type: ignore[arg-type]
        (replace(FERRY, text="half a \ud83d character"), "text"),
    ],
    ids=["no title", "no text", "no words", "long text", "long title", "long url", "no string", "surrogate"],
)
def test_an_article_that_cannot_be_stored_is_refused_by_field(library: Library, broken: Article, field: str) -> None:
    with pytest.raises(ArticleError, match=field):
        library.add(broken)
    assert Health(0, 0, 0, 0) == library.health()


def test_one_bad_article_stops_no_other(library: Library) -> None:
    errors: list[str] = []
    bad = replace(FERRY, id="bad", title="")
    report = library.add([FERRY, bad, BRIDGE], on_error=lambda article, error: errors.append(article.id))
    assert (["bad"], ["ferry", "bridge"]) == (errors, list(report.outcomes))


def test_without_a_handler_what_came_before_the_bad_one_stays(library: Library) -> None:
    with pytest.raises(ArticleError):
        library.add([FERRY, replace(FERRY, id="bad", title=""), BRIDGE])
    assert ["ferry"] == [article.id for article in library.articles()]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), {"ferry", "bridge", "undated"}),
        (Filters(publisher="Herald"), {"bridge", "undated"}),
        (Filters(article_ids=("ferry", "undated")), {"ferry", "undated"}),
        (Filters(published_from=date(2025, 3, 1)), {"ferry", "bridge"}),
        (Filters(published_from=date(2025, 3, 2)), {"bridge"}),
        (Filters(published_to=date(2025, 3, 1)), {"ferry"}),
        (Filters(publisher="Herald", published_to=date(2025, 12, 31)), {"bridge"}),
        (Filters(publisher="herald"), set()),
        (Filters(article_ids=("none",)), set()),
    ],
)
def test_filters_are_exact_in_both_searches(library: Library, filters: Filters, expected: set[str]) -> None:
    library.add([FERRY, BRIDGE, UNDATED])
    near = library.search_vectors([1.0] * 256, 10, filters)
    by_vectors = {scored.passage.article_id for scored in library.passages({id: (0.0, {}) for id in near})}
    assert expected == by_vectors == _found(library, "crowns", filters)


def test_a_filter_finds_the_best_of_those_that_pass_however_far_down(library: Library) -> None:
    many = [Article(id=f"n{i}", title="Fares", text=f"A car pays {i} crowns.", publisher="Many") for i in range(60)]
    library.add([*many, FERRY])
    found = library.search_vectors([1.0] * 256, 1, Filters(publisher="Courier"))
    assert 1 == len(found)


def test_a_second_owner_is_told_who_the_first_is(tmp_path: Path) -> None:
    with open_library(tmp_path), pytest.raises(LibraryLockedError, match="this process"):
        open_library(tmp_path)
    with open_library(tmp_path):
        script = (
            f"from tests.conftest import open_library; from pathlib import Path; open_library(Path({str(tmp_path)!r}))"
        )
        second = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert f"the process with pid {os.getpid()}" in second.stderr
    assert "LibraryLockedError" in second.stderr
    open_library(tmp_path).close()


def test_another_index_identity_is_refused_and_reindexing_mends_it(tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        library.add([FERRY, BRIDGE])
    with pytest.raises(IndexMismatchError, match="newsqa doctor --reindex"):
        open_library(tmp_path, passage_words=60)
    with open_library(tmp_path, passage_words=60, reindex=True) as library:
        assert library.health().agree
        assert {"ferry"} == _found(library, "noon")
        assert FERRY == replace(library.get("ferry"), added_at=None)
    open_library(tmp_path, passage_words=60).close()


def test_a_process_killed_while_reindexing_leaves_a_library_that_asks_for_it_again(tmp_path: Path) -> None:
    with open_library(tmp_path) as library:
        library.add([FERRY, BRIDGE])
    script = _KILL.replace("on_write=kill)", "on_write=kill, reindex=True)")
    killed = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), "add: committed", "add"], cwd=ROOT, check=False
    )
    assert -signal.SIGKILL == killed.returncode
    with pytest.raises(IndexMismatchError, match="half re-indexed"):
        open_library(tmp_path)
    with open_library(tmp_path, reindex=True) as library:
        assert Health(2, 3, 0, 0) == library.health()


def test_what_is_no_library_is_refused(tmp_path: Path) -> None:
    (tmp_path / "catalogue.sqlite3").write_bytes(b"this is not a database, not even remotely" * 100)
    with pytest.raises(LibraryError, match="not a newsqa catalogue"):
        open_library(tmp_path)
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(LibraryError, match="NEWSQA_DATA_DIR"):
        open_library(file)


SETTLING = ["settle: removed", "settle: vectors written", "settle: noted"]
_KILL = """
import os, signal, sys
from pathlib import Path
from dataclasses import replace
from tests.conftest import open_library
from tests.test_library import BRIDGE, FERRY
point = sys.argv[2]
def kill(passed):
    if passed == point:
        os.kill(os.getpid(), signal.SIGKILL)
library = open_library(Path(sys.argv[1]), on_write=kill)
if sys.argv[3] == "add":
    library.add([replace(FERRY, text="The ferry was sold. Nobody knows why."), replace(BRIDGE, id="second")])
else:
    library.remove("ferry", "bridge")
library.close()
"""


@pytest.mark.parametrize(
    ("change", "point"),
    [
        *(("add", point) for point in ("add: embedded", "add: committed", *SETTLING)),
        *(("remove", point) for point in ("remove: checked", "remove: committed", *SETTLING)),
    ],
)
def test_a_process_killed_at_any_write_point_leaves_old_or_new(tmp_path: Path, change: str, point: str) -> None:
    with open_library(tmp_path) as library:
        library.add([FERRY, BRIDGE])
        library.health()  # so that Chroma is up to date
    killed = subprocess.run([sys.executable, "-c", _KILL, str(tmp_path), point, change], cwd=ROOT, check=False)
    assert -signal.SIGKILL == killed.returncode
    happened = point not in {"add: embedded", "remove: checked"}
    with open_library(tmp_path) as library:
        assert library.health().agree
        if change == "add":
            sold, noon = _found(library, "sold"), _found(library, "noon")
            assert ({"ferry"}, set()) == (sold, noon) if happened else (set(), {"ferry"}) == (sold, noon)
            assert (3 if happened else 2) == len(library)
        else:
            assert (0 if happened else 2) == len(library)
        library.add([FERRY, BRIDGE])
        assert {"ferry"} == _found(library, "noon")
        assert library.health().agree


def test_an_earlier_revision_can_be_read_until_its_article_is_removed(library: Library) -> None:
    library.add(FERRY)
    library.add(replace(FERRY, text="The ferry sails at one."))
    assert (FERRY.text, "The ferry sails at one.") == (
        library.get("ferry", FERRY.revision).text,
        library.get("ferry").text,
    )
    with pytest.raises(ArticleNotFoundError, match="revision 'none'"):
        library.get("ferry", "none")
    library.remove("ferry")
    with pytest.raises(ArticleNotFoundError):
        library.get("ferry", FERRY.revision)


def test_the_list_goes_on_behind_a_place(library: Library) -> None:
    library.add([UNDATED, FERRY, BRIDGE])
    assert ["bridge"] == [article.id for article in library.articles(limit=1)]
    assert ["ferry", "undated"] == [article.id for article in library.articles(after=("2025-04-02", "bridge"))]
    assert [] == library.articles(after=("", "undated"))


def test_the_passages_of_an_article_are_those_of_its_current_revision(library: Library) -> None:
    library.add([FERRY, BRIDGE])
    library.add(replace(FERRY, text="The ferry sails at one."))
    article, passages = library.whole("ferry")
    assert (article.text, ["The ferry sails at one."]) == (passages[0].text, [passage.text for passage in passages])
    with pytest.raises(ArticleNotFoundError):
        library.whole("none")


class Enough(Exception):  # noqa: N818
    """What stops an addition."""


def test_an_addition_that_is_stopped_leaves_articles_whole_or_as_they_were(library: Library) -> None:
    library.add(FERRY)
    long = "\n\n".join(f"The ferry number {n} sails. " + "It carries cars and walkers. " * 20 for n in range(600))
    told: list[int] = []

    def stop(passages: int) -> None:
        told.append(passages)
        if len(told) == 2:
            raise Enough

    with pytest.raises(Enough):
        library.add([BRIDGE, replace(FERRY, text=long)], on_passages=stop)
    assert (FERRY.text, 2) == (library.get("ferry").text, len(told))
    assert {"ferry"} == _found(library, "forty cars")
    assert library.health().agree
    library.add(replace(FERRY, text=long))
    assert library.health().agree

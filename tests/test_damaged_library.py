"""A library with a damaged value opens, says what is damaged, and lets it be removed."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from newsqa import Filters
from newsqa.errors import LibraryError
from newsqa.library import Health
from tests.conftest import open_library
from tests.test_library import BRIDGE, FERRY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A closed library with two articles."""
    with open_library(tmp_path) as library:
        library.add([FERRY, BRIDGE])
        library.health()
    return tmp_path


def _change(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "catalogue.sqlite3")) as connection:
        assert 0 < connection.execute(statement).rowcount
        connection.commit()


def _change_schema(folder: Path, statement: str, values: tuple[object, ...] = ()) -> None:
    with closing(sqlite3.connect(folder / "catalogue.sqlite3")) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        assert 1 == connection.execute(statement, values).rowcount
        connection.commit()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE revisions SET published_at = '202u-05-12' WHERE article_id = 'bridge'",
        "UPDATE revisions SET updated_at = '202u-05-12' WHERE article_id = 'bridge'",
        "UPDATE articles SET added_at = 'nine' WHERE id = 'bridge'",
    ],
)
def test_an_article_with_a_damaged_date_is_named_and_can_be_removed(folder: Path, statement: str) -> None:
    _change(folder, statement)
    with open_library(folder) as library:
        assert ("bridge",) == library.damage().articles
        with pytest.raises(LibraryError, match="'bridge' is damaged on the disk: remove it, and add it again"):
            library.get("bridge")
        if "published_at" in statement:
            with pytest.raises(LibraryError, match="'bridge' is damaged on the disk: remove it"):
                library.search_text(["ferry"], 3, Filters())
        library.remove("bridge")
        library.add(BRIDGE)
        assert not library.damage()
        assert BRIDGE == replace(library.get("bridge"), added_at=None)
        assert library.search_text(["ferry"], 3, Filters())


def test_a_passage_of_no_article_is_named_and_repaired(folder: Path) -> None:
    _change(folder, "UPDATE passages SET article_id = 'brudge' WHERE article_id = 'bridge'")
    with open_library(folder) as library:
        with pytest.raises(LibraryError, match="passage of article 'brudge' is damaged on the disk"):
            library.search_text(["ferry"], 3, Filters())
        assert ("brudge",) == library.repair().passages
        assert not library.damage()
        assert library.search_text(["ferry"], 3, Filters())
        assert library.health().agree


def test_a_value_that_its_index_does_not_know_is_damage(folder: Path) -> None:
    index = "name = 'ix_articles_origin'"
    with closing(sqlite3.connect(folder / "catalogue.sqlite3")) as connection:
        known = connection.execute(f"SELECT * FROM sqlite_master WHERE {index}").fetchone()  # noqa: S608  # ours
    _change_schema(folder, f"DELETE FROM sqlite_master WHERE {index}")  # noqa: S608  # likewise
    _change(folder, "UPDATE articles SET origin = 'flipped' WHERE id = 'bridge'")
    _change_schema(folder, "INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", known)
    with open_library(folder) as library:
        assert "ix_articles_origin" in library.damage().file


@pytest.mark.parametrize("reindex", [True, False])
def test_one_damaged_article_does_not_lock_a_library_that_is_embedded_anew(folder: Path, *, reindex: bool) -> None:
    _change(folder, "UPDATE revisions SET text = replace(text, 'e', 'f') WHERE article_id = 'bridge'")
    if not reindex:
        _change(folder, "UPDATE passages SET vector = NULL")  # as an earlier newsqa left them
    with open_library(folder, reindex=reindex) as library:
        assert library.search_text(["ferry"], 3, Filters())
        assert ("bridge",) == library.damage().articles
        library.remove("bridge")
    with open_library(folder) as library:
        library.add(BRIDGE)
        assert not library.damage()
        assert Health(2, 3, 0, 0) == library.health()


@pytest.mark.parametrize("left", [b"\xff\xfe", b"[1, []]", b""])
def test_a_damaged_note_of_closing_is_none(folder: Path, left: bytes) -> None:
    (folder / "vectors.closed").write_bytes(left)
    with open_library(folder) as library:
        assert library.health().agree

"""Libraries of every schema that was released open in this newsqa, and say what they said; newer ones are refused."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from newsqa import Filters, open_assistant
from newsqa.errors import LibraryError
from newsqa.library import Health, Library
from newsqa.library.catalogue import TABLES, Catalogue
from newsqa.library.database import WRITING, open_file, open_url
from newsqa.library.migrations import NEWEST, bring_up
from tests.conftest import ROOT, open_library
from tests.postgresql import postgresql
from tests.serving import ON_LOOPBACK

RELEASED = sorted((ROOT / "tests" / "libraries").glob("*.sql"))
CHANGED = "hollin-bridge-delay"
BEFORE = "a991e8327ed2047c"


def library_of(dump: Path, folder: Path) -> Path:
    """A folder with a library as an earlier newsqa left it; gives the catalogue's file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "catalogue.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
    return file


def _found(library: Library, words: str) -> set[str]:
    ids = library.search_text(words.split(), 3, Filters())
    return {scored.passage.article_id for scored in library.passages({id: (0.0, {}) for id in ids})}


def _described(engine: sql.Engine) -> dict[str, Any]:
    """Tables with their columns, keys and indexes."""
    there = sql.inspect(engine)
    return {
        name: (
            [(each["name"], str(each["type"]), each["nullable"]) for each in there.get_columns(name)],
            there.get_pk_constraint(name)["constrained_columns"],
            sorted((each["constrained_columns"], str(each["options"])) for each in there.get_foreign_keys(name)),
            sorted((each["name"] or "", each["column_names"]) for each in there.get_indexes(name)),
            sorted(each["column_names"] for each in there.get_unique_constraints(name)),
        )
        for name in there.get_table_names()
    }


@pytest.mark.parametrize("dump", RELEASED, ids=lambda path: path.stem)
def test_a_library_of_every_released_schema_has_what_it_had(tmp_path: Path, dump: Path) -> None:
    library_of(dump, tmp_path)
    for _ in range(2):
        with open_library(tmp_path) as library:
            assert Health(3, 19, 0, 0) == library.health()
            assert not library.damage()
            assert {CHANGED, "hollin-bridge-on-track"} == _found(library, "bridge")
            assert not library.get(CHANGED, BEFORE).text.endswith("Monday.")
            assert library.get(CHANGED).text.endswith("The council meets again on Monday.")
            conversation = library.conversations.get("c0ffee", "anybody")
            assert ["answered", "abstained"] == [turn.answer["status"] for turn in conversation.turns]
            assert [("up", "Right, and quick.")] == [
                (each.verdict, each.reason) for each in library.conversations.feedback()
            ]
            assert ["/srv/news"] == [origin.address for origin in library.origins.named()]
            assert {"/srv/news/hollin-bridge-delay.md"} == library.origins.holders(CHANGED)
            assert "/srv/news/lagoon-bird-count.md" in library.origins.left_out()


def test_it_answers_with_the_same_citation(tmp_path: Path) -> None:
    library_of(RELEASED[0], tmp_path)
    with open_assistant(tmp_path, reindex=True) as assistant:
        kept = assistant.library.conversations.get("c0ffee", None).turns[0].answer
        answer = assistant.ask(kept["question"])
    assert kept["text"] == answer.text
    assert kept["citations"][0]["quote"] == answer.citations[0].quote


@pytest.mark.parametrize("dump", [*RELEASED, None], ids=lambda path: path.stem if path else "nothing")
def test_the_steps_lead_to_the_schema_of_a_new_library(tmp_path: Path, dump: Path | None) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    if dump:
        library_of(dump, old)
    else:
        old.mkdir()
        with closing(sqlite3.connect(old / "catalogue.sqlite3")) as connection:
            connection.execute("CREATE TABLE settings (name VARCHAR NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name))")
    open_library(old).close()
    open_library(new).close()
    described = [_described(open_file(folder / "catalogue.sqlite3")) for folder in (old, new)]
    assert described[1] == described[0]
    assert {"alembic_version", "passages", "changes"} < described[0].keys()


@ON_LOOPBACK
def test_they_lead_there_in_postgresql_too() -> None:
    described = []
    with postgresql() as server:
        for first in (
            'CREATE TABLE settings (name VARCHAR COLLATE "C" PRIMARY KEY, value TEXT COLLATE "C" NOT NULL)',
            "",
        ):
            engine = open_url(server.database())
            with engine.execution_options(**WRITING).begin() as connection:
                connection.exec_driver_sql(first or "SELECT 1")
            bring_up(engine, TABLES, "it")
            described.append(_described(engine))
            engine.dispose()
    assert described[1] == described[0]


def test_tables_that_came_later_are_made_too(tmp_path: Path) -> None:
    file = library_of(RELEASED[0], tmp_path)
    with closing(sqlite3.connect(file)) as connection:
        for table in ("origins", "held", "left_out", "fingerprints", "bands", "stories", "addresses", "turns"):
            connection.execute(f"DROP TABLE {table}")
        connection.commit()
    with open_library(tmp_path) as library:
        assert {"/srv/news/hollin-bridge-delay.md"} == library.origins.holders(CHANGED)
        assert [] == library.origins.named()
        library.origins.note([])
        assert Health(3, 19, 0, 0) == library.health()


def test_the_file_as_it_was_is_kept_beside_it(tmp_path: Path) -> None:
    library_of(RELEASED[0], tmp_path)
    open_library(tmp_path).close()
    kept = tmp_path / f"catalogue.sqlite3.before-{NEWEST}"
    with closing(sqlite3.connect(kept)) as connection:
        assert 19 == connection.execute("SELECT count(*) FROM full_text").fetchone()[0]
    kept.unlink()
    open_library(tmp_path).close()
    assert not kept.exists()


def test_where_the_copy_can_not_be_written_nothing_is_changed_and_the_room_told(tmp_path: Path) -> None:
    file = library_of(RELEASED[0], tmp_path)
    file.with_name(f"{file.name}.before-{NEWEST}").mkdir()
    with pytest.raises(LibraryError, match=r"before-0002 can't be written \(.*\): see to room for 0 MB there"):
        open_library(tmp_path)
    with closing(sqlite3.connect(file)) as connection:
        assert 19 == connection.execute("SELECT count(*) FROM full_text").fetchone()[0]
    assert not file.with_name(f"{file.name}.part").exists()


def test_a_library_of_a_newer_newsqa_is_refused_and_not_touched(tmp_path: Path) -> None:
    open_library(tmp_path).close()
    file = tmp_path / "catalogue.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0815'")
        connection.execute("DROP TABLE changes")
        connection.commit()
    before = file.read_bytes()
    with pytest.raises(LibraryError, match=rf"schema 0815 of a newer newsqa.*up to {NEWEST}.*NEWSQA_DATA_DIR"):
        open_library(tmp_path)
    assert before == file.read_bytes()


@ON_LOOPBACK
def test_a_newer_schema_in_postgresql_is_refused_with_what_helps_there() -> None:
    with postgresql() as server:
        engine = open_url(server.database())
        bring_up(engine, TABLES, "it")
        with engine.execution_options(**WRITING).begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0815'")
        with pytest.raises(
            LibraryError, match="install that newsqa, or point NEWSQA_DATABASE_URL at an empty database"
        ):
            bring_up(engine, TABLES, "it")
        engine.dispose()


def test_alembic_is_imported_only_where_a_step_is_taken(tmp_path: Path) -> None:
    library_of(RELEASED[0], tmp_path / "old")
    script = """
import sys
from pathlib import Path
from newsqa.library.catalogue import Catalogue
for folder in ("new", "new", "old"):
    file = Path(sys.argv[1]) / folder / "catalogue.sqlite3"
    file.parent.mkdir(exist_ok=True)
    Catalogue(file).close()
    print("alembic" in sys.modules)
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert ["False", "False", "True"] == told.split()


_KILLS = """
import os, shutil, signal, sqlite3, sys
from contextlib import closing
from pathlib import Path
import sqlalchemy as sql
from newsqa.library.catalogue import Catalogue
import alembic.command
folder = Path(sys.argv[1])
passed = point = 0

def count(*_):
    global passed
    passed += 1
    if passed == point:
        os.kill(os.getpid(), signal.SIGKILL)

killed = True
while killed:
    point += 1
    shutil.rmtree(folder / "again", ignore_errors=True)
    shutil.copytree(folder / "old", folder / "again")
    file = folder / "again" / "catalogue.sqlite3"
    child = os.fork()
    if not child:
        for event in ("before_cursor_execute", "commit"):
            sql.event.listen(sql.Engine, event, count)
        Catalogue(file).close()
        os._exit(0)
    killed = os.waitpid(child, 0)[1] == signal.SIGKILL
    with closing(sqlite3.connect(file)) as found:
        tables = {name for name, in found.execute("SELECT name FROM sqlite_master")}
        columns = {row[1] for row in found.execute("PRAGMA table_info(passages)")}
    old = ("full_text" in tables, "changes" not in tables, "words" not in columns, "alembic_version" not in tables)
    assert len(set(old)) == 1, (point, old)
    Catalogue(file).close()
    with closing(sqlite3.connect(file)) as found:
        assert found.execute("SELECT count(*) FROM passages WHERE vector IS NULL").fetchone() == (19,)
        assert found.execute("SELECT count(*) FROM changes").fetchone() == (3,)
    print(point, old[0])
"""


def test_a_process_killed_at_any_statement_of_a_step_leaves_the_old_library_or_the_new(tmp_path: Path) -> None:
    library_of(RELEASED[0], tmp_path / "old")
    command = [sys.executable, "-c", _KILLS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    points = [line.split() for line in done.stdout.splitlines()]
    assert len(points) > 10
    assert ["True", "False"] == [points[0][1], points[-1][1]]


def test_a_copy_that_a_killed_process_left_half_written_is_no_copy(tmp_path: Path) -> None:
    file = library_of(RELEASED[0], tmp_path)
    file.with_name("catalogue.sqlite3.part").write_bytes(b"half" * 1000)
    open_library(tmp_path).close()
    assert not file.with_name("catalogue.sqlite3.part").exists()
    shutil.copy(file.with_name(f"catalogue.sqlite3.before-{NEWEST}"), tmp_path / "copy")
    catalogue = Catalogue(tmp_path / "copy")
    assert 3 == catalogue.counts()["articles"]
    catalogue.close()


def test_a_file_that_is_up_to_date_is_only_read(tmp_path: Path) -> None:
    engine, statements = open_file(tmp_path / "catalogue.sqlite3"), list[str]()
    bring_up(engine, TABLES, "it")
    sql.event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2].split()[0]))
    bring_up(engine, TABLES, "it")
    engine.dispose()
    assert {"BEGIN", "PRAGMA", "SELECT"} == set(statements)

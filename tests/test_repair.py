"""What is damaged on the disk is found and named, and made anew where that can be."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from newsqa import Article, Filters, Library
from newsqa.errors import LibraryError
from newsqa.library import Health
from newsqa.library.checking import Damage
from tests.conftest import CORPUS, ROOT, open_library
from tests.test_library import BRIDGE, FERRY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A closed library with two articles, one of which has an earlier revision."""
    with open_library(tmp_path) as library:
        library.add([FERRY, BRIDGE])
        library.add(replace(FERRY, text=f"{FERRY.text} Dogs pay half."))
        library.health()
    return tmp_path


@contextmanager
def _raw(folder: Path) -> Iterator[sqlite3.Connection]:
    """The catalogue's file, past newsqa."""
    with closing(sqlite3.connect(folder / "catalogue.sqlite3")) as connection:
        yield connection
        connection.commit()


def _flip(folder: Path, table: str, column: str, article_id: str, *, at: int, bit: int = 0) -> None:
    """Turns one bit of a value over, as a bad disk does."""
    with _raw(folder) as connection:
        query = f"SELECT rowid, CAST({column} AS BLOB), typeof({column}) FROM {table} WHERE article_id = ?"  # noqa: S608  # ours
        row, found, kind = connection.execute(query, (article_id,)).fetchone()
        flipped = bytearray(found)
        flipped[at] ^= 1 << bit
        change = f"UPDATE {table} SET {column} = CAST(? AS {kind}) WHERE rowid = ?"  # noqa: S608  # likewise
        connection.execute(change, (bytes(flipped), row))


@pytest.mark.parametrize(
    ("column", "at", "bit"),
    [
        ("words", 3, 5),
        ("vector", 100, 7),
        ("sentences", 2, 0),
        ("sentences", 0, 7),
        ("start", 0, 0),
        ("checksum", 0, 0),
    ],
)
def test_a_damaged_passage_is_made_anew(folder: Path, column: str, at: int, bit: int) -> None:
    with open_library(folder) as library:
        before = [library.whole(id) for id in ("ferry", "bridge")]
    _flip(folder, "passages", column, "ferry", at=at, bit=bit)
    with open_library(folder) as library:
        assert Damage(passages=("ferry",)) == library.damage()
        assert Damage(passages=("ferry",)) == library.repair()
        assert not library.damage()
        assert before == [library.whole(id) for id in ("ferry", "bridge")]
        assert Health(2, 3, 0, 0) == library.health()
        assert _cited(library) == {"ferry"}


def _cited(library: Library) -> set[str]:
    ids = library.search_text(["noon"], 5, Filters())
    return {scored.passage.article_id for scored in library.passages({id: (0.0, {}) for id in ids})}


@pytest.mark.parametrize(
    ("column", "at", "bit"),
    [
        ("text", 4, 0),
        ("text", 4, 7),
        ("title", 0, 1),
        ("publisher", 2, 6),
        ("published_at", 3, 1),
        ("published_at", 3, 6),
    ],
)
def test_a_damaged_text_is_named_and_left_alone(folder: Path, column: str, at: int, bit: int) -> None:
    _flip(folder, "revisions", column, "bridge", at=at, bit=bit)
    with open_library(folder) as library:
        assert Damage(articles=("bridge",)) == library.damage()
        library.repair()
        assert Damage(articles=("bridge",)) == library.damage()
        if column != "published_at":
            library.remove("bridge")
            library.add(BRIDGE)
            assert not library.damage()
            assert BRIDGE == replace(library.get("bridge"), added_at=None)


def test_a_damaged_earlier_revision_is_found_too(folder: Path) -> None:
    with open_library(folder) as library:
        assert FERRY.text == library.get("ferry", FERRY.revision).text
    with _raw(folder) as connection:
        changed = "UPDATE revisions SET text = replace(text, 'noon', 'nine') WHERE revision = ?"
        assert 1 == connection.execute(changed, (FERRY.revision,)).rowcount
    with open_library(folder) as library:
        assert Damage(articles=("ferry",)) == library.damage()


def test_passages_are_not_made_of_a_damaged_text(folder: Path) -> None:
    _flip(folder, "revisions", "text", "bridge", at=4)
    _flip(folder, "passages", "vector", "bridge", at=4)
    with open_library(folder) as library:
        assert Damage(("bridge",), ("bridge",)) == library.repair()
        assert Damage(("bridge",), ("bridge",)) == library.damage()


def test_chromas_folder_is_made_anew_and_the_progress_told(folder: Path) -> None:
    (folder / "vectors" / "chroma.sqlite3").write_bytes(b"no database" * 1000)
    (folder / "vectors.closed").unlink()
    told = list[tuple[str, int, int]]()
    with open_library(folder) as library:
        library.repair(lambda *progress: told.append(progress))
        assert "" == library.trouble
        assert Health(2, 3, 0, 0) == library.health()
    assert [("articles", done, 6) for done in range(1, 7)] == [each for each in told if each[0] == "articles"]
    assert all(0 <= done <= total == 3 for what, done, total in told if what == "vectors")
    assert {"articles", "vectors"} >= {what for what, *_ in told}


def test_an_index_is_made_anew_once_most_of_what_it_holds_is_gone(tmp_path: Path) -> None:
    passed: list[str] = []
    versions = [Article("Ferry", "\n\n".join(f"{one} {n}." for n in range(2000)), id="ferry") for one in range(4)]
    with open_library(tmp_path, passage_words=1, on_write=passed.append) as library:
        library.add([BRIDGE])
        for version in versions[:-1]:
            library.add(version)
        assert library.health().agree
        assert "rebuild: set aside" not in passed
        library.add(versions[-1])
        while "rebuild: set aside" not in passed:
            time.sleep(0.01)
        assert Health(2, 2002, 0, 0) == library.health()
        assert library.search_text(["3"], 3, Filters())
    assert 1 == passed.count("rebuild: set aside")
    assert not (tmp_path / "vectors.damaged").exists()


def test_a_file_that_sqlite_finds_damaged_is_told_to_be_so(folder: Path) -> None:
    _damage_file(folder)
    with open_library(folder) as library:
        assert library.damage().file
        assert library.repair().file


def _damage_file(folder: Path) -> None:
    with _raw(folder) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_feedback_given_at'").fetchone()[
            0
        ]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with (folder / "catalogue.sqlite3").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 64)


_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.conftest import open_library
from tests.test_library import BRIDGE
library = open_library(Path(sys.argv[1]))
library.remove("bridge")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("how", ["lost", "damaged", "README"])
def test_a_copy_takes_the_place_of_what_a_killed_process_left_as_the_advice_says(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, how: str
) -> None:
    kept = tmp_path_factory.mktemp("kept") / "catalogue.sqlite3"
    shutil.copy(folder / "catalogue.sqlite3", kept)
    subprocess.run([sys.executable, "-c", _KILLED, str(folder)], cwd=ROOT, check=False)
    assert (folder / "catalogue.sqlite3-wal").stat().st_size
    for name in set(re.findall(r"catalogue\.sqlite3(?:-\w+)?(?!\w|\.)", _advice(folder, kept.with_name("other"), how))):
        (folder / name).unlink(missing_ok=True)
    shutil.copy(kept, folder)
    with open_library(folder) as library:
        assert {"ferry", "bridge"} == {article.id for article in library.articles()}
        assert not library.damage()


def _advice(folder: Path, other: Path, how: str) -> str:
    """What the document says, or who opens another folder like this one, in this state."""
    if how == "README":
        (told,) = re.findall(r"^- \*\*Damage\*\*.*\n(?:  .*\n)+", (ROOT / "README.md").read_text(), re.MULTILINE)
        return str(told)
    shutil.copytree(folder, other)
    file = other / "catalogue.sqlite3"
    file.unlink() if how == "lost" else file.write_bytes(b"no database" * 10_000)
    with pytest.raises(LibraryError) as refused:
        open_library(other)
    return str(refused.value)


# The command


def _doctor(*arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "newsqa.cli", *arguments]
    environment = {**os.environ, "NEWSQA_DATA_DIR": str(data)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_doctor_names_what_is_damaged_and_repairs_it(tmp_path: Path) -> None:
    one, other = "hollin-bridge-delay", "lagoon-bird-count"
    added = _doctor("add", *(str(CORPUS / f"{id}.md") for id in (one, other)), data=tmp_path)
    assert 0 == added.returncode, added.stderr
    _flip(tmp_path, "passages", "vector", one, at=4)
    _flip(tmp_path, "revisions", "text", other, at=4)
    told = _doctor("doctor", "--json", data=tmp_path)
    facts = json.loads(told.stdout)
    assert (1, "0002", "Chroma") == (told.returncode, facts["schema"], facts["passages are found by"])
    assert (1, 1) == (facts["damaged articles"], facts["articles with damaged passages"])
    assert f"passages are damaged in {one}: run `newsqa doctor --repair`" in told.stderr
    repaired = _doctor("doctor", "--repair", data=tmp_path)
    assert 1 == repaired.returncode
    assert f"newsqa: made anew: Chroma's folder, the passages of {one}\n" in repaired.stderr
    assert f"text or fields are damaged in {other}: remove them and add them again, or import" in repaired.stderr
    assert "passages are damaged" not in repaired.stderr
    assert 0 == _doctor("remove", other, data=tmp_path).returncode
    assert 0 == _doctor("add", str(CORPUS / f"{other}.md"), data=tmp_path).returncode
    assert 0 == _doctor("doctor", data=tmp_path).returncode


def test_ids_of_what_is_damaged_steer_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    from newsqa.cli.repairing import tell

    tell(Damage(articles=("\x1b[2J",), passages=("\x9b2J\r",)))
    said = capsys.readouterr().err
    assert [True, True] == [line.isprintable() for line in said.splitlines()]
    assert "import an archive of before into a new folder or database" in said


def test_nothing_is_said_to_be_mended_where_the_file_is_damaged(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from newsqa.cli.repairing import repair

    _damage_file(folder)
    with open_library(folder) as library, pytest.raises(LibraryError, match="the catalogue's file is damaged"):
        repair(library)
    assert "made anew" not in capsys.readouterr().err


def test_doctor_refuses_a_file_that_cannot_be_repaired() -> None:
    from newsqa.cli.repairing import check_file

    with pytest.raises(LibraryError, match=r"catalogue's file is damaged \(row 7\).*NEWSQA_DATA_DIR"):
        check_file(Damage(file="row 7"))

"""Nothing is lost and nothing wrong is said, whatever happens to the process, the disk and the files.

What takes hours is in `tests/faults`; here is a little of each.
"""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from newsqa import Filters, Library
from newsqa.api.problems import as_problem
from newsqa.domain import now
from newsqa.errors import LibraryError
from tests.conftest import ROOT, open_library
from tests.fakes import BagOfWordsEmbeddings
from tests.faults.damage import CRASHED, is_good
from tests.faults.deeds import POINTS, article, inbox, take_inbox, written
from tests.faults.journal import Journal, Story
from tests.faults.soundness import Soundness

WORDS = 120
_TRACED = ["strace", "-o", "/dev/null"]
_OWN_DISK = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=6m tmpfs "$0" && exec "$@"']
"""Runs a command with a small disk at the place that is named first."""


def _may(*command: str) -> bool:
    """Whether this user may run something with this in front of it."""
    return bool(shutil.which(command[0])) and not subprocess.run([*command, "true"], check=False, stderr=-3).returncode


def _run(*command: str) -> str:
    """What a module of `tests.faults` prints; it finds no fault."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def _script(script: str, *arguments: object, before: tuple[str, ...] = ()) -> list[str]:
    """The lines that a script prints, with what comes `before` it in front of its command."""
    command = [*before, sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return done.stdout.splitlines()


def _versions(folder: Path, *versions: tuple[str, str]) -> Library:
    """An open library with these versions of articles, of which Chroma knows."""
    library = open_library(folder)
    library.add([article(id, version) for id, version in versions])
    assert library.health().agree
    return library


def _faults(library: Library, folder: Path, **versions: str | None) -> list[str]:
    """What is wrong with a library that should have these versions."""
    journal = Journal(folder.parent / "journal.jsonl")
    journal.found(versions)
    story = Story.read(folder.parent / "journal.jsonl")
    return Soundness(library, folder, BagOfWordsEmbeddings(), WORDS, story, Random(1)).faults()


def _near(library: Library, id: str) -> set[str]:
    """The articles of what is nearest to an article's title, once Chroma is ready."""
    library.health()
    vector = BagOfWordsEmbeddings().embed_query(library.get(id).title)
    ids = library._follower.nearest(vector, 3) or []
    return {each.passage.article_id for each in library.passages(dict.fromkeys(ids, (0.0, {})))}


@pytest.mark.timeout(400)
def test_a_process_killed_at_every_write_point_and_at_random_loses_nothing() -> None:
    printed = _run("tests.faults.campaign", "--kills", "12")
    for point in POINTS:
        assert f"| point {point} | 1 |" in printed
    assert "| point at random | 3 |" in printed


@pytest.mark.skipif(not _may(*_TRACED), reason="strace, which records what is written, is not there or may not trace")
@pytest.mark.timeout(400)
def test_a_power_cut_loses_nothing_that_was_acknowledged() -> None:
    assert "6 cuts, 0 faults\n" == _run("tests.faults.powercut", "--cuts", "6")


@pytest.mark.parametrize(
    "broken",
    [
        "DELETE FROM passages WHERE number = 1",
        "DELETE FROM articles WHERE id = 'piece1'",
        "UPDATE passages SET words = zeroblob(8)",
        "DELETE FROM fingerprints",
        "DELETE FROM bands",
        "INSERT INTO held VALUES ('there', 'none', 0)",
    ],
)
def test_what_the_campaign_looks_for_is_found(tmp_path: Path, broken: str) -> None:
    folder = tmp_path / "library"
    with _versions(folder, ("piece1", "a"), ("piece2", "a")) as library:
        assert [] == _faults(library, folder, piece1="a", piece2="a")
        assert ["piece2 is a, not one of {None}"] == _faults(library, folder, piece1="a", piece2=None)
        with closing(sqlite3.connect(folder / "catalogue.sqlite3")) as connection:
            connection.executescript(broken)
        assert _faults(library, folder, piece1="a", piece2="a")


@pytest.mark.timeout(400)
def test_a_damaged_file_of_chroma_is_noticed_and_made_anew() -> None:
    printed = _run("tests.faults.damage", "--only", "vectors/", "--kinds", "halve", "flip")
    for file in (
        "chroma.sqlite3",
        "data_level0.bin",
        "header.bin",
        "index_metadata.pickle",
        "length.bin",
        "link_lists.bin",
    ):
        assert f"| {file} | halve | right | right | 1 |" in printed
        assert f"| {file} | flip | " in printed


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("first", "good"), [("right", True), (f"{CRASHED} -11", True), (f"{CRASHED} 1", False)])
def test_a_damaged_file_may_crash_who_opens_it_but_not_by_an_error_of_ours(first: str, *, good: bool) -> None:
    assert good == is_good("flip", first, "right")
    assert not is_good("flip", first, f"{CRASHED} -11")


def test_a_damaged_catalogue_is_refused_and_never_wrong() -> None:
    printed = _run("tests.faults.damage", "--only", "catalogue", "--rounds", "3")
    assert "| catalogue.sqlite3 | empty | refused | refused | 3 |" in printed
    assert "| catalogue.sqlite3 | halve | refused | refused | 3 |" in printed


@pytest.mark.parametrize(
    ("column", "value", "remedy"),
    [
        ("text", "replace(text, 'berths', 'births')", "remove it, and add it again"),
        ("publisher", "'Another one'", "remove it, and add it again"),
        ("published_at", "'2001-01-01'", "remove it, and add it again"),
        ("published_at", "'never'", "remove it, and add it again"),
        ("title", "''", "remove it, and add it again"),
        ("text", "cast(x'ff' || text AS TEXT)", "remove it, and add it again"),
    ],
)
def test_an_article_that_is_not_what_was_stored_is_not_shown(
    tmp_path: Path, column: str, value: str, remedy: str
) -> None:
    with _versions(tmp_path, ("piece1", "a"), ("piece2", "a")) as library:
        ids = library.search_text(["harbour"], 5, Filters())
        with closing(sqlite3.connect(tmp_path / "catalogue.sqlite3")) as connection:
            connection.executescript(f"UPDATE revisions SET {column} = {value} WHERE article_id = 'piece1'")  # noqa: S608  # ours
        for shown in (
            lambda: library.get("piece1"),
            lambda: library.whole("piece1"),
            lambda: library.passages(dict.fromkeys(ids, (0.0, {}))),
        ):
            with pytest.raises(LibraryError, match=remedy):
                shown()
        assert "piece2" == library.get("piece2").id


@pytest.mark.parametrize(
    "change",
    ["start = start + 1", '"end" = "end" - 1', "sentences = replace(sentences, ',0]', '1,0]')", "sentences = '['"],
)
def test_a_passage_that_is_not_what_was_stored_is_not_shown_and_can_be_made_anew(tmp_path: Path, change: str) -> None:
    with _versions(tmp_path, ("piece1", "a")) as library:
        ids = library.search_text(["harbour"], 5, Filters())
        with closing(sqlite3.connect(tmp_path / "catalogue.sqlite3")) as connection:
            connection.executescript(f"UPDATE passages SET {change}")  # noqa: S608  # likewise
        with pytest.raises(LibraryError, match="'piece1' is damaged on the disk: `newsqa doctor --repair`"):
            library.passages(dict.fromkeys(ids, (0.0, {})))
        with pytest.raises(LibraryError, match="doctor --repair"):
            library.whole("piece1")


def test_a_damaged_article_can_be_removed_and_added_again(tmp_path: Path) -> None:
    with _versions(tmp_path, ("piece1", "a")) as library:
        with closing(sqlite3.connect(tmp_path / "catalogue.sqlite3")) as connection:
            connection.executescript("UPDATE revisions SET text = 'It is all lies.'")
        library.remove("piece1")
        library.add(article("piece1", "a"))
        assert article("piece1", "a").text == library.get("piece1").text


@pytest.mark.parametrize("noted", [True, False], ids=["with its note", "alone"])
def test_an_older_copy_of_chroma_is_noticed(tmp_path: Path, noted: bool) -> None:
    folder, kept = tmp_path / "library", tmp_path / "kept"
    _versions(folder, ("piece1", "a")).close()
    shutil.copytree(folder, kept)
    _versions(folder, ("piece2", "a"), ("piece1", "b")).close()
    shutil.rmtree(folder / "vectors")
    shutil.copytree(kept / "vectors", folder / "vectors")
    if noted:
        shutil.copy2(kept / "vectors.closed", folder)
    with open_library(folder) as library:
        assert [] == _faults(library, folder, piece1="b", piece2="a")
        assert "piece2" in _near(library, "piece2")


def test_an_older_copy_of_the_catalogue_is_what_counts(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    _versions(folder, ("piece1", "a")).close()
    shutil.copy2(folder / "catalogue.sqlite3", tmp_path)
    _versions(folder, ("piece2", "a"), ("piece1", "b")).close()
    shutil.copy2(tmp_path / "catalogue.sqlite3", folder)
    with open_library(folder) as library:
        assert [] == _faults(library, folder, piece1="a")


@pytest.mark.parametrize("lost", ["emptied", "gone"])
def test_a_lost_catalogue_is_not_taken_for_an_empty_library(tmp_path: Path, lost: str) -> None:
    _versions(tmp_path, ("piece1", "a")).close()
    catalogue = tmp_path / "catalogue.sqlite3"
    catalogue.write_bytes(b"") if lost == "emptied" else catalogue.unlink()
    with pytest.raises(LibraryError, match=r"catalogue.sqlite3 is lost: put a copy in its place, or move \S+vectors"):
        open_library(tmp_path)


_FILL = """
import resource, sys
from pathlib import Path
from newsqa.errors import LibraryError
from tests.conftest import open_library
from tests.faults.deeds import article
folder, limit = Path(sys.argv[1]), int(sys.argv[2])
ballast = folder / "ballast"
ballast.write_bytes(bytes(3_000_000))
with open_library(folder / "library") as library:
    library.add(article("piece1", "a"))
    library.health()
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    stored = ["piece1"]
    try:
        for number in range(60):
            library.add(article(f"long{number}", "a"))
            stored.append(f"long{number}")
    except LibraryError as error:
        print(error)
    print(sorted(stored) == sorted(each.id for each in library.articles()))
    library.health()
    ballast.unlink()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    library.add(article("piece2", "a"))
    print(library.health().agree)
with open_library(folder / "library") as library:
    print(sorted([*stored, "piece2"]) == sorted(each.id for each in library.articles()), library.health().agree)
"""


@pytest.mark.parametrize("limit", [0, 3_000_000], ids=["a full disk", "a bound on files"])
def test_what_finds_no_room_is_refused_and_goes_on_when_there_is_some(tmp_path: Path, limit: int) -> None:
    if not limit and not _may(*_OWN_DISK, str(tmp_path)):
        pytest.skip("this user may not mount a small disk of their own")
    before = () if limit else (*_OWN_DISK, str(tmp_path))
    refusal, *rest = _script(_FILL, tmp_path, limit, before=before)
    said = (
        "disk I/O error; see that the disk is sound and has room" if limit else "disk is full; what was to be written"
    )
    assert f"{tmp_path / 'library' / 'catalogue.sqlite3'}: " in refusal
    assert said in refusal
    assert ["True", "True", "True True"] == rest


_AS_ANOTHER_USER = """
import os, sys
from pathlib import Path
import chromadb, langchain_chroma, rensa
from newsqa import Filters
from newsqa.errors import LibraryError
from tests.conftest import open_library
if not os.getuid():
    os.setgid(65534)
    os.setuid(65534)
try:
    with open_library(Path(sys.argv[1])) as library:
        print(len(library.search_text(["harbour"], 5, Filters())), library._follower.nearest([1.0] * 256, 1))
except LibraryError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("closed", "said"),
    [
        (".", "/library can't hold a library (Permission denied): set NEWSQA_DATA_DIR"),
        (
            "catalogue.sqlite3",
            "/library/catalogue.sqlite3: attempt to write a readonly database; let this user write it",
        ),
        ("vectors", "1 None"),
    ],
)
def test_what_may_not_be_written_is_named(closed: str, said: str) -> None:
    with TemporaryDirectory() as place:  # pytest's own are no other user's
        folder = Path(place, "library")
        _versions(folder, ("piece1", "a")).close()
        for each in (*folder.rglob("*"), folder, folder.parent):
            each.chmod(0o777)
        (folder / closed).chmod(0o555)
        assert said in _script(_AS_ANOTHER_USER, folder)[-1]


_A_YEAR_AGO = """
import sys
from datetime import datetime, timedelta
from pathlib import Path
import newsqa.domain
class Clock(datetime):
    @classmethod
    def now(cls, zone):
        return datetime.now(zone) - timedelta(days=365)
newsqa.domain.datetime = Clock
from tests.conftest import open_library
from tests.faults.deeds import article, take_inbox
folder = Path(sys.argv[1])
with open_library(folder) as library:
    library.add([article("piece1", "b"), article("piece2", "b")])
    take_inbox(library, folder)
    library.conversations.append("c", {"id": "second", "question": "And then?"})
    print(library.get("piece2").added_at.isoformat())
"""


def test_a_clock_that_was_set_back_changes_no_order(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    inbox(folder).mkdir(parents=True)
    file = inbox(folder) / "file1.md"
    file.write_text(written("file1", "a"), "utf-8")
    with _versions(folder, ("piece1", "a")) as library:
        take_inbox(library, folder)
        library.conversations.create("c", "")
        library.conversations.append("c", {"id": "first", "question": "What?"})
    file.write_text(written("file1", "b"), "utf-8")
    (added,) = _script(_A_YEAR_AGO, folder)
    assert datetime.fromisoformat(added) < now() - timedelta(days=300)
    with open_library(folder) as library:
        assert [] == _faults(library, folder, piece1="b", piece2="b", file1="b")
        turns = library.conversations.get("c", None).turns
        assert ["first", "second"] == [turn.answer["id"] for turn in turns]
        file.write_text(written("file1", "c"), "utf-8")
        take_inbox(library, folder)
        assert [] == _faults(library, folder, piece1="b", piece2="b", file1="c")


def test_over_http_a_library_that_cannot_be_used_is_told_as_such() -> None:
    problem = as_problem(LibraryError("/secret/place/catalogue.sqlite3: database or disk is full"))
    assert (503, "library-unusable", "Have the server's log read: it names it.") == (
        problem.kind.status,
        problem.kind.name,
        problem.detail,
    )

"""A library in a file: exported while it is used, imported elsewhere with the same answers, and never half."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import sqlalchemy as sql

from newsqa import Article, Filters, Library, Turn, open_assistant
from newsqa.assistant import Assistant
from newsqa.domain import Origin, to_json
from newsqa.errors import IndexMismatchError, LibraryError, LibraryLockedError
from newsqa.library import Health, take
from newsqa.library.archive import MAX_MANIFEST_BYTES, Manifest, export
from newsqa.library.catalogue import TABLES
from newsqa.library.conversations import Feedback
from newsqa.library.database import Servers, open_file, open_url
from newsqa.library.intake import sync
from newsqa.library.migrations import NEWEST
from newsqa.library.origins import Noted
from newsqa.loading import Loader
from tests.conftest import ROOT, open_library
from tests.fakes import ScriptedFetcher
from tests.making import zipped_raw
from tests.postgresql import postgresql
from tests.serving import ON_LOOPBACK, serving
from tests.test_library import BRIDGE, FERRY

QUESTIONS = (
    ("How much of Ukraine's territory does Russia control?", Filters()),
    ("Why is the Hollin Bridge late?", Filters()),
    ("How many people marched?", Filters(publisher="Dunmarrow Post")),
    ("What will cars pay on the Hollin Bridge?", Filters(published_to=datetime(2025, 6, 1, tzinfo=UTC).date())),
    ("What was the verdict on the chapel bell?", Filters()),
    ("Summarise the article on the St Orlan flood.", Filters()),
    ("What is the boiling point of tungsten?", Filters()),
)
_HALVES = b"\0\x3c\0\0"
_UNIT = b64encode(_HALVES).decode()
"""A vector of two dimensions."""
_OTHER = b64encode(_HALVES + bytes(508)).decode()
"""One of 256."""
NEVER_MOVED = {"replies", "unsettled", "settings", "alembic_version"}


def _exported(folder: Path, file: Path, **options: Any) -> Manifest:
    """What `newsqa export` does with the library in a folder, whoever has it open."""
    engine = open_file(folder / "catalogue.sqlite3")
    try:
        return export(engine, file, {}, **options)
    finally:
        engine.dispose()


def _rows(folder: Path) -> dict[str, list[Any]]:
    """All that is moved, by table."""
    engine, found = open_file(folder / "catalogue.sqlite3"), {}
    with engine.begin() as connection:
        for each in TABLES:
            for name, table in each.tables.items():
                if name not in NEVER_MOVED:
                    columns = [column for column in table.c if column is not table.autoincrement_column]
                    query = sql.select(*columns).order_by(*columns)
                    found[name] = [tuple(row) for row in connection.execute(query)]
    engine.dispose()
    return found


def _filled(folder: Path) -> None:
    """A small library with something in every table."""
    with open_library(folder) as library:
        library.add(
            [replace(FERRY, origin="/news/ferry.md"), BRIDGE, replace(BRIDGE, id="copy", url="https://e.org/c")]
        )
        library.add(replace(FERRY, text=FERRY.text + " Dogs pay half.", origin="/news/ferry.md"))
        library.add(Article("Gone", "It went away.", id="gone", origin="/news/gone.md"))
        holds = frozenset({("/news/ferry.md", "ferry"), ("/news/gone.md", "gone")})
        library.origins.note([Noted(Origin("/news", "folder", stamp="s", patterns=("*.md",)), holds=holds)])
        library.remove("gone")
        kept = library.conversations
        kept.create("talk", "somebody")
        kept.append("talk", {"id": "a1", "question": "When?", "text": "At noon…"})
        feedback = Feedback("a1", "down", "Not what I asked.", {"id": "a1"}, datetime(2026, 1, 2, tzinfo=UTC))
        kept.give_feedback("somebody", feedback)
        kept.keep_reply("somebody", "key", {"status": 200})


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive of the small library."""
    _filled(tmp_path / "here")
    _exported(tmp_path / "here", tmp_path / "library.zip")
    return tmp_path / "library.zip"


# There and back


def test_another_machine_gives_the_same_answers(assistant: Assistant, tmp_path: Path) -> None:
    with assistant.library._catalogue.reading() as connection:
        export(connection.engine, tmp_path / "library.zip", {})
    with open_assistant(tmp_path / "there") as other:
        other.library.restore(tmp_path / "library.zip")
        for question, filters in QUESTIONS:
            assert _told(assistant, question, filters) == _told(other, question, filters)
        history = [Turn("What will cars pay on the Hollin Bridge?", "€2.90.")]
        assert _told(assistant, "And lorries?", history=history) == _told(other, "And lorries?", history=history)
        assert other.library.health().agree
        assert _told(assistant, QUESTIONS[0][0]) == _told(other, QUESTIONS[0][0])  # now that Chroma has it, too


def _told(assistant: Assistant, question: str, filters: Filters | None = None, **options: Any) -> dict[str, Any]:
    answer = to_json(assistant.ask(question, filters=filters or Filters(), **options))
    del answer["timings"]
    return dict(answer)


def test_every_row_comes_back_but_replies_to_repeated_requests(archive: Path, tmp_path: Path) -> None:
    with open_library(tmp_path / "there") as library:
        manifest = library.restore(archive)
        assert Health(3, 4, 0, 0) == library.health()
        assert not library.damage()
        assert "At noon…" == library.conversations.get("talk", "somebody").turns[0].answer["text"]
        assert FERRY.text == library.get("ferry", FERRY.revision).text
        assert None is library.conversations.reply("somebody", "key")
    here = _rows(tmp_path / "here")
    assert here == _rows(tmp_path / "there")
    assert [] == [name for name, rows in here.items() if not rows]
    counts = {"articles": 3, "revisions": 4, "passages": 4, "conversations": 1, "feedback": 1, "origins": 1}
    assert counts == manifest.counts()


def test_what_is_added_after_an_import_is_found_beside_what_was_there(archive: Path, tmp_path: Path) -> None:
    with open_library(tmp_path / "there") as library:
        library.search_text(["ferry"], 3, Filters())  # so that something is in memory before
        library.restore(archive)
        library.add(Article("The tram", "The tram runs at noon.", id="tram"))
        found = library.passages({id: (0.0, {}) for id in library.search_text(["noon"], 5, Filters())})
        assert {"tram", "ferry"} == {each.passage.article_id for each in found}
        assert library.health().agree


@ON_LOOPBACK
def test_a_library_moves_into_postgresql_and_out_again(archive: Path, tmp_path: Path) -> None:
    with postgresql() as server:
        servers = Servers(server.database(), "")
        with open_library(tmp_path / "shared", servers=servers) as library:
            library.restore(archive)
            assert Health(3, 4, 0, 0) == library.health()
            engine = open_url(servers.database_url)
            export(engine, tmp_path / "again.zip", {})
            engine.dispose()
            library.add(Article("The tram", "The tram runs at noon.", id="tram"))
            assert Health(4, 5, 0, 0) == library.health()
            with pytest.raises(LibraryError, match="already: point NEWSQA_DATABASE_URL at an empty database to import"):
                library.restore(archive)
    with open_library(tmp_path / "there") as library:
        library.restore(tmp_path / "again.zip")
    assert _rows(tmp_path / "here") == _rows(tmp_path / "there")


def test_sync_goes_on_where_it_was(tmp_path: Path) -> None:
    news = tmp_path / "news"
    news.mkdir()
    for name in ("one", "two", "three"):
        (news / f"{name}.md").write_text(f"# {name}\n\nThis is the story number {name}.")
    with Loader(ScriptedFetcher({})) as loader:
        with open_library(tmp_path / "here") as library:
            outcomes = take(library, loader, [Origin(str(news), "folder")]).outcomes
            library.remove(next(id for id in outcomes if library.get(id).title == "two"))
        _exported(tmp_path / "here", tmp_path / "library.zip")
        (news / "three.md").write_text("# three\n\nThis is another story.")
        with open_library(tmp_path / "there") as library:
            library.restore(tmp_path / "library.zip")
            assert ["replaced", "unchanged"] == sorted(sync(library, loader).outcomes.values())
            assert {"one", "three"} == {article.title for article in library.articles()}


def test_the_commands_export_and_import(tmp_path: Path) -> None:
    file, secrets = tmp_path / "library.zip", ("sk-very-secret", "nqa-also-secret", "secret-file", "10.9.8.7")
    (tmp_path / secrets[2]).write_text(secrets[0])
    environment = {
        "NEWSQA_CHAT_KEY": secrets[0],
        "NEWSQA_API_KEYS": secrets[1],
        "NEWSQA_CHAT_KEY_FILE": str(tmp_path / secrets[2]),
        "NEWSQA_CHAT_BASE_URL": f"http://{secrets[3]}/v1",
        "NEWSQA_TOP_K": "5",
    }
    added = _run("add", str(ROOT / "corpus" / "hollin-bridge-delay.md"), data=tmp_path / "here", **environment)
    assert 0 == added.returncode, added.stderr
    exported = _run("export", str(file), data=tmp_path / "here", **environment)
    counts = r"1 articles, 1 revisions, \d+ passages, 0 conversations, 0 feedback, 1 origins"
    assert re.fullmatch(f"{counts} exported to {re.escape(str(file))}\n", exported.stdout), exported.stderr
    assert 0 == file.stat().st_mode & 0o077  # conversations are nobody else's business
    with zipfile.ZipFile(file) as written:
        content = b"".join(written.read(name) for name in written.namelist())
    assert [] == [secret for secret in secrets if secret.encode() in content]
    imported = _run("import", str(file), "--json", data=tmp_path / "there")
    assert (0, 1) == (imported.returncode, json.loads(imported.stdout)["articles"])
    assert "newsqa: for the same answers set what was set there: NEWSQA_TOP_K=5\n" == imported.stderr
    other = _run("import", str(file), data=tmp_path / "other", NEWSQA_PASSAGE_WORDS="90")
    assert "set NEWSQA_PASSAGE_WORDS=120 as it was there, or" in other.stderr
    again = _run("import", str(file), data=tmp_path / "there")
    assert (1, "") == (again.returncode, again.stdout)
    assert "the library holds" in again.stderr
    assert "NEWSQA_DATA_DIR" in again.stderr


def test_what_a_stranger_wrote_into_an_archive_steers_no_terminal_and_sets_nothing_unseen(
    tmp_path: Path,
) -> None:
    settings = {
        "chat_base_url": "http://evil.example/v1",
        "top_k": 5,
        "chat_model": "openai:$(touch_it)",
        "unverified": "\x1b]0;owned\x07",
        "embedding_model": "all\x1b[2J",
        "pool": 10**9,
        "x; touch it; ": "1",
    }

    with open_library(tmp_path / "here") as library:
        library.add(replace(BRIDGE, id="\x1b[2J$(touch it)"))
    _exported(tmp_path / "here", tmp_path / "library.zip")
    file, data = _changed(tmp_path / "library.zip", tmp_path, _manifest_with(settings=settings)), tmp_path / "there"
    imported = _run("import", str(file), "--reindex", data=data)
    assert 0 == imported.returncode, imported.stderr
    told = "NEWSQA_TOP_K=5 NEWSQA_CHAT_MODEL='openai:$(touch_it)'"
    assert f"newsqa: for the same answers set what was set there: {told}" == imported.stderr.splitlines()[-1]
    said = _run("ask", "What will cars pay on the bridge?", data=data).stdout
    assert "newsqa show ' [2J$(touch it)' --at" in said
    said += _run("articles", data=data).stdout
    assert [] == [char for char in said if not char.isprintable() and char != "\n"]


def _run(*arguments: str, data: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NEWSQA_DATA_DIR": str(data), **settings}
    command = [sys.executable, "-m", "newsqa.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


# Exporting


@ON_LOOPBACK
def test_an_export_while_a_server_adds_holds_whole_articles_and_all_that_were_acknowledged(tmp_path: Path) -> None:
    folder, acknowledged, stopped = tmp_path / "served", list[str](), threading.Event()
    text = " ".join(["The ferry number {0} sails at {0}."] * 40)
    with serving(folder) as server, server.client() as client:

        def add() -> None:
            for number in range(500):
                if stopped.is_set():
                    break
                article = {"id": f"n{number}", "title": f"Ferry {number}", "text": text.format(number)}
                client.post("/v1/articles", json=article).raise_for_status()
                acknowledged.append(article["id"])

        adding = threading.Thread(target=add)
        adding.start()
        held = []
        for number in range(3):
            while len(acknowledged) < 4 * (number + 1):
                assert adding.is_alive()
            before = set(acknowledged)
            _exported(folder, tmp_path / f"{number}.zip")
            held.append((before, len(acknowledged)))
        stopped.set()
        adding.join()
    for number, (before, after) in enumerate(held):
        there = tmp_path / f"there{number}"
        with open_assistant(there) as assistant:
            assistant.library.restore(tmp_path / f"{number}.zip")
            ids = {article.id for article in assistant.library.articles()}
            assert before <= ids
            assert len(ids) <= after + 1
            assert assistant.library.health().agree
            for id in ids:
                article, passages = assistant.library.whole(id)
                assert (0, len(article.text)) == (passages[0].start, passages[-1].end)


def test_a_file_that_is_there_is_replaced_only_when_told(archive: Path, tmp_path: Path) -> None:
    archive.write_bytes(b"something else")
    with pytest.raises(LibraryError, match=r"library\.zip is there already.*--force"):
        _exported(tmp_path / "here", archive)
    assert b"something else" == archive.read_bytes()
    _exported(tmp_path / "here", archive, force=True)
    assert zipfile.is_zipfile(archive)
    assert {"here", "library.zip"} == {path.name for path in tmp_path.iterdir()}


def test_where_no_file_can_be_written_the_folder_is_named(tmp_path: Path) -> None:
    _filled(tmp_path / "here")
    with pytest.raises(LibraryError, match=r"nowhere/library\.zip can't be written \(No such file or directory\)"):
        _exported(tmp_path / "here", tmp_path / "nowhere" / "library.zip")


def test_a_library_that_is_not_there_is_not_made_by_exporting_it(tmp_path: Path) -> None:
    refused = _run("export", str(tmp_path / "library.zip"), data=tmp_path / "none")
    assert (1, "") == (refused.returncode, refused.stdout)
    assert f"there is no library in {tmp_path / 'none'}" in refused.stderr
    assert [] == list(tmp_path.iterdir())


def test_a_damaged_library_is_mended_before_it_is_exported(tmp_path: Path) -> None:
    _filled(tmp_path)
    engine = open_file(tmp_path / "catalogue.sqlite3")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE passages SET checksum = checksum + 1 WHERE article_id = 'bridge'")
    engine.dispose()
    with pytest.raises(LibraryError, match=r"passages of bridge are damaged.*newsqa doctor --repair"):
        _exported(tmp_path, tmp_path / "library.zip")
    assert not [path for path in tmp_path.iterdir() if "zip" in path.name]


def test_where_a_text_is_damaged_the_export_says_what_helps(tmp_path: Path) -> None:
    _filled(tmp_path)
    engine = open_file(tmp_path / "catalogue.sqlite3")
    with engine.begin() as connection:
        changed = f"UPDATE revisions SET text = 'For sale.' WHERE revision = '{FERRY.revision}'"  # noqa: S608  # ours
        assert 1 == connection.exec_driver_sql(changed).rowcount
    engine.dispose()
    with pytest.raises(LibraryError, match=r"text or fields of ferry are damaged: remove these .*newsqa remove.* add"):
        _exported(tmp_path, tmp_path / "library.zip")
    with open_library(tmp_path) as library:
        library.remove("ferry")
        library.add(FERRY)
    _exported(tmp_path, tmp_path / "library.zip")


def test_an_old_library_is_to_be_opened_once_before_it_is_exported(tmp_path: Path) -> None:
    engine = open_file(tmp_path / "catalogue.sqlite3")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE settings (name, value)")
    engine.dispose()
    with pytest.raises(LibraryError, match=rf"schema 0001, schema {NEWEST} is exported.*newsqa doctor"):
        _exported(tmp_path, tmp_path / "library.zip")


# Importing what is no good


def test_a_library_that_holds_something_is_left_as_it_is(archive: Path, tmp_path: Path) -> None:
    with open_library(tmp_path / "there") as library:
        library.conversations.create("talk", "me")
        before = _rows(tmp_path / "there")
        with pytest.raises(LibraryError, match="holds conversations already: point NEWSQA_DATA_DIR at a new folder"):
            library.restore(archive)
    assert before == _rows(tmp_path / "there")


def test_a_library_that_another_process_has_is_not_imported_into(archive: Path, tmp_path: Path) -> None:
    del archive
    with open_library(tmp_path / "there"), pytest.raises(LibraryLockedError), open_library(tmp_path / "there"):
        pass


def test_another_index_is_refused_or_made_anew(archive: Path, tmp_path: Path) -> None:
    with open_library(tmp_path / "there", passage_words=30) as library:
        with pytest.raises(IndexMismatchError, match=r"passage_words '120', here it is '30'.*--reindex"):
            library.restore(archive)
        assert 0 == len(library)
        library.restore(archive, reindex=True)
        assert (3, True) == (len(library), library.health().agree)
    open_library(tmp_path / "there", passage_words=30).close()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive, not to be changed."""
    folder = tmp_path_factory.mktemp("good")
    _filled(folder / "here")
    _exported(folder / "here", folder / "library.zip")
    return folder / "library.zip"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """A library that what is refused leaves empty."""
    with open_library(tmp_path_factory.mktemp("empty")) as library:
        yield library


def _refused(file: Path, library: Library, match: str) -> None:
    with pytest.raises(LibraryError, match=match) as refused:
        library.restore(file)
    assert str(file) in str(refused.value)
    assert str(refused.value).isprintable()
    with library._catalogue.reading() as connection:
        tables = [table for each in TABLES for table in each.sorted_tables if table.name != "settings"]
        assert [] == [table.name for table in tables if connection.execute(sql.select(table)).first()]


def test_a_file_that_is_cut_off_or_no_archive_is_refused(good: Path, tmp_path: Path, empty: Library) -> None:
    content, bad = good.read_bytes(), tmp_path / "bad.zip"
    for part in (b"", b"no archive", content[:-1], content[: len(content) // 2], content[100:]):
        bad.write_bytes(part)
        _refused(bad, empty, "can't be imported, and nothing was changed: .+; export it again")
    _refused(tmp_path / "missing.zip", empty, "No such file")
    _refused(tmp_path, empty, "directory")


def test_no_flipped_bit_gets_in(good: Path, tmp_path: Path, empty: Library) -> None:
    chance, content, bad, harmless = random.Random(7), good.read_bytes(), tmp_path / "bad.zip", 0
    for _ in range(80):
        flipped = bytearray(content)
        flipped[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        bad.write_bytes(flipped)
        if _says_the_same(good, bad):  # it is in a date of the list of members, say
            harmless += 1
        else:
            _refused(bad, empty, "nothing was changed")
    assert harmless < 20


def _says_the_same(one: Path, other: Path) -> bool:
    try:
        with zipfile.ZipFile(one) as good, zipfile.ZipFile(other) as bad:
            return {name: good.read(name) for name in good.namelist()} == {
                name: bad.read(name) for name in bad.namelist()
            }
    except Exception:  # noqa: BLE001  # whatever zipfile makes of it
        return False


Members = dict[str, bytes]


def _changed(archive: Path, folder: Path, change: Callable[[Members], None], *, honest: bool = True) -> Path:
    """The archive with other members; an honest manifest has their hashes."""
    with zipfile.ZipFile(archive) as read:
        members = {name: read.read(name) for name in read.namelist()}
    change(members)
    if honest:
        manifest = json.loads(members["manifest.json"])
        for name, member in manifest["members"].items():
            content = members.get(name, b"")
            told = {"rows": content.count(b"\n"), "bytes": len(content), "sha256": sha256(content).hexdigest()}
            member.update(told)
        members["manifest.json"] = json.dumps(manifest).encode()
    bad = folder / "bad.zip"
    with zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in members.items():
            written.writestr(name, content)
    return bad


def _with(table: str, **values: Any) -> Callable[[Members], None]:
    """Changes the first row of a table; None takes the column away."""

    def change(members: Members) -> None:
        first, _, others = members[f"{table}.jsonl"].partition(b"\n")
        row = {**json.loads(first), **values}
        line = json.dumps({name: value for name, value in row.items() if value is not ...})
        members[f"{table}.jsonl"] = line.encode() + b"\n" + others

    return change


def _manifest_with(**values: Any) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        members["manifest.json"] = json.dumps({**json.loads(members["manifest.json"]), **values}).encode()

    return change


def _with_a_damaged_text_of_an_evil_id(members: Members) -> None:
    for name in members:
        members[name] = members[name].replace(b'"bridge"', b'"\\u001b[2J"')
    _with("revisions", text="The bridge is for sale.")(members)


def _twice(table: str) -> Callable[[Members], None]:
    return lambda members: members.update({f"{table}.jsonl": members[f"{table}.jsonl"] * 2})


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda members: members.update({"../../evil.sh": b"rm"}), "each table once and nothing else"),
        (lambda members: members.pop("held.jsonl"), "each table once and nothing else"),
        (lambda members: members.pop("manifest.json"), "no manifest"),
        (lambda members: members.update({"manifest.json": b" " * (MAX_MANIFEST_BYTES + 1)}), "no manifest"),
        (lambda members: members.update({"manifest.json": b"[1]"}), "Manifest"),
        (lambda members: members.update({"manifest.json": b"["}), "Expecting value"),
        (lambda members: members.update({"manifest.json": b"[" * 100_000}), "recursion"),
        (_manifest_with(format="a recipe"), "newsqa library"),
        (
            _manifest_with(schema_version="0815", newsqa="9.9"),
            r"schema 0815 of newsqa 9\.9, this newsqa imports schema",
        ),
        (_manifest_with(schema_version="\x1b[2J", newsqa="\r" * 999), r"schema \[2J of newsqa…, this newsqa"),
        (
            _manifest_with(index={"embedding_model": "\x1b"}, settings={"embedding_model": "$(rm)\x9b2J"}),
            r"set NEWSQA_EMBEDDING_MODEL='\$\(rm\) 2J' as it was there",
        ),
        (_manifest_with(index={}), "set NEWSQA_EMBEDDING_MODEL as it was there"),
        (_manifest_with(members={}), "each table once"),
        (lambda members: members.update({"held.jsonl": b""}), "held are not what was written"),
        (_with("articles", added_at="2001-01-01"), "articles are not what was written"),
    ],
)
def test_an_archive_that_is_not_as_newsqa_writes_it_is_refused(
    good: Path, tmp_path: Path, empty: Library, change: Callable[[Members], None], match: str
) -> None:
    _refused(_changed(good, tmp_path, change, honest=False), empty, match)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (_with("articles", added_at=7), "no str as added_at"),
        (_with("articles", added_at="yesterday"), "yesterday"),
        (_with("articles", id=None), "no str as id"),
        (_with("articles", id=...), "articles has other columns"),
        (_with("articles", command="ls"), "articles has other columns"),
        (_with("articles", revision="0000000000000000"), "database refuses.*FOREIGN KEY"),
        (_with("held", lost=1), "no bool as lost"),
        (_with("changes", number=2**70), "too large"),
        (_with("changes", number=True), "no int as number"),
        (_with("passages", vector="*"), "base64"),
        (_with("passages", vector=_OTHER), "passages of bridge are damaged"),
        (_with("passages", vector=_UNIT, words="", checksum=crc32(_HALVES)), r"vectors have \[2, 256\] dimensions"),
        (_with("passages", vector=b64encode(bytes(512)).decode()), "passages has a vector that newsqa never makes"),
        (_with("passages", vector=b64encode(b"\0\x7e" * 256).decode()), "passages has a vector that newsqa never"),
        (_with("passages", words="YWJj"), "passages has a words that newsqa never makes"),
        (_with("fingerprints", value="YWJj"), "fingerprints has a value that newsqa never makes"),
        (_with("passages", start=1), "passages of .+ are damaged"),
        (_with("passages", sentences="{"), "passages of .+ are damaged"),
        (_with("passages", sentences="[]"), "passages of .+ are damaged"),
        (_with("passages", article_id="nobody"), "database refuses.*FOREIGN KEY"),
        (_with("revisions", text="The bridge is for sale."), "text or fields of bridge are damaged"),
        (_with("revisions", published_at="soon"), "text or fields of bridge are damaged"),
        (_with_a_damaged_text_of_an_evil_id, r"text or fields of \[2J are damaged"),
        (_with("revisions", title="half a \ud83d"), "surrogates"),
        (_with("turns", answer="[]x"), "Extra data"),
        (_with("turns", answer="[1]"), "sequence"),
        (_with("feedback", given_at="then"), "then"),
        (_twice("articles"), "database refuses.*UNIQUE"),
        (lambda members: members.update({"changes.jsonl": b"[" * 100_000 + b"\n"}), "recursion"),
        (lambda members: members.update({"changes.jsonl": b"\xff\n"}), "utf-8"),
        (lambda members: members.update({"changes.jsonl": b"{}\n"}), "other columns"),
        (
            lambda members: members.update({"changes.jsonl": b" " * 100_000_001}),
            "a row has more than 100,000,000 bytes",
        ),
    ],
)
def test_an_archive_that_lies_with_the_right_hashes_is_refused(
    good: Path, tmp_path: Path, empty: Library, change: Callable[[Members], None], match: str
) -> None:
    _refused(_changed(good, tmp_path, change), empty, match)


def test_an_archive_settles_nothing_of_this_place(good: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(good) as read:
        index = json.loads(read.read("manifest.json"))["index"]
    file = _changed(good, tmp_path, _manifest_with(index={**index, "library": "another's"}))
    with open_library(tmp_path / "there") as library:
        library.restore(file)
        assert index.items() <= library._catalogue.settings().items()
        assert "another's" not in library._catalogue.settings().values()


@pytest.mark.parametrize(
    ("lies", "match"),
    [
        ({"size": 2_000_000_000}, "packed more than 200 to 1"),
        ({"flags": 0x801}, "packed in an unusual way"),
        ({"method": 12}, "packed in an unusual way"),
    ],
    ids=["bomb", "encrypted", "bzip2"],
)
def test_an_archive_that_is_packed_to_harm_is_refused(
    good: Path, tmp_path: Path, empty: Library, lies: dict[str, int], match: str
) -> None:
    bad = tmp_path / "bad.zip"
    bad.write_bytes(zipped_raw(_members(good), **lies))
    _refused(bad, empty, match)


def test_a_member_that_is_there_twice_is_refused(good: Path, tmp_path: Path, empty: Library) -> None:
    bad, members = tmp_path / "bad.zip", _members(good)
    bad.write_bytes(zipped_raw([*members, members[0]]))
    _refused(bad, empty, "each table once and nothing else")


def _members(archive: Path) -> list[tuple[bytes, bytes]]:
    with zipfile.ZipFile(archive) as read:
        return [(name.encode(), read.read(name)) for name in read.namelist()]


_KILLED = """
import os, signal, sys
from pathlib import Path
import sqlalchemy as sql
from tests.conftest import open_library
library = open_library(Path(sys.argv[1]))
def kill(*args):
    if args[2].startswith(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
sql.event.listen(sql.Engine, "before_cursor_execute", kill)
library.restore(Path(sys.argv[2]))
"""


@pytest.mark.parametrize("statement", ["INSERT INTO changes", "INSERT INTO passages", "INSERT INTO unsettled"])
def test_an_import_that_is_killed_has_not_happened(archive: Path, tmp_path: Path, statement: str) -> None:
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "there"), str(archive), statement]
    assert -signal.SIGKILL == subprocess.run(command, cwd=ROOT, check=False).returncode
    with open_library(tmp_path / "there") as library:
        assert Health(0, 0, 0, 0) == library.health()
        library.restore(archive)
        assert Health(3, 4, 0, 0) == library.health()


@pytest.fixture(autouse=True)
def _no_leftovers(tmp_path: Path) -> Iterator[None]:
    yield
    assert [] == list(tmp_path.glob(".*"))

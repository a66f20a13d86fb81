"""`newsqa add`, `sync` and `origins` as a user types them, watching and interruption included."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from newsqa.cli.printing import IntakeProgress, intake_progress
from newsqa.domain import Article

STORY = "The ferry to Vårsund sails again from Monday. A ticket costs 4 crowns, and children sail free."


def _environment(data: Path) -> Mapping[str, str]:
    return {**os.environ, "NEWSQA_DATA_DIR": str(data), "COLUMNS": "120", "PYTHONUNBUFFERED": "1"}


def _run(*arguments: str, data: Path, at: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "newsqa.cli", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=_environment(data), check=False, cwd=at, timeout=100
    )


@contextmanager
def _running(*arguments: str, data: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "newsqa.cli", *arguments]
    log = (data.parent / "log").open("w")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what is ignored here is ignored there, too
    with log, subprocess.Popen(command, stdout=log, stderr=log, text=True, env=_environment(data)) as process:
        signal.signal(signal.SIGINT, before)
        try:
            yield process
        finally:
            process.kill()


def _said(data: Path, words: str) -> str:
    """What a running command has said, once it has said this."""
    deadline = monotonic() + 60
    while words not in (told := (data.parent / "log").read_text("utf-8")):
        assert monotonic() < deadline, told
        sleep(0.05)
    return told


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of a library."""
    return tmp_path / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an article, one that is none, and a page under another name."""
    made = tmp_path / "in"
    made.mkdir()
    (made / "ferry.md").write_text(STORY, "utf-8")
    (made / "empty.md").write_text("", "utf-8")
    paragraphs = "".join(f"<p>Sentence {number} of the bell, which was found in the mud.</p>" for number in range(9))
    page = f"<html><head><title>Bell</title></head><body><article>{paragraphs}</article></body></html>"
    (made / "bell.txt").write_text(page, "utf-8")
    return made


def test_what_was_added_is_counted_and_what_failed_is_named_and_ends_in_1(data: Path, folder: Path) -> None:
    added = _run("add", "in", data=data, at=folder.parent)
    assert (1, "2 added, 0 replaced, 0 unchanged, 1 failed\n") == (added.returncode, added.stdout)
    assert "newsqa: in/empty.md: is empty; write the article into it\n" == added.stderr


def test_the_report_as_json(data: Path, folder: Path) -> None:
    told = json.loads(_run("add", str(folder), "--json", data=data).stdout)
    assert {
        "articles": {"bell": "added", "ferry": "added"},
        "duplicates": {},
        "gone": [],
        "removed": [],
        "left": 0,
    } == {name: value for name, value in told.items() if name != "failed"}
    assert [True] == [str(folder / "empty.md") in message for message in told["failed"]]


def test_a_sync_brings_what_is_new_and_tells_what_is_gone(data: Path, folder: Path) -> None:
    (folder / "empty.md").unlink()
    _run("add", str(folder), data=data)
    (folder / "ferry.md").unlink()
    (folder / "storm.md").write_text("The storm took the roof of the chapel at Ézelle.", "utf-8")
    synced = _run("sync", data=data)
    assert [0, "1 added, 0 replaced, 1 unchanged, 1 gone"] == [synced.returncode, synced.stdout.splitlines()[0]]
    assert "gone: ferry is not at its origin any longer (kept; --prune removes it)" in synced.stdout
    listed = _run("articles", data=data).stdout
    assert str(folder) in " ".join(listed.split())
    assert "last news" in listed


def test_a_pruned_article_is_removed(data: Path, folder: Path) -> None:
    _run("add", str(folder), data=data)
    (folder / "ferry.md").unlink()
    assert ["ferry"] == json.loads(_run("add", str(folder), "--prune", "--json", data=data).stdout)["removed"]
    assert ["bell"] == [each["id"] for each in json.loads(_run("articles", "--json", data=data).stdout)]


def test_origins_are_listed_and_forgotten(data: Path, folder: Path) -> None:
    _run("add", str(folder), data=data)
    (first, second) = json.loads(_run("origins", "--json", data=data).stdout)
    assert [str(folder), "folder", ""] == [first["address"], first["kind"], first["trouble"]]
    assert [str(folder / "empty.md"), True] == [second["address"], "is empty" in second["trouble"]]
    assert [] == json.loads(_run("origins", "--forget", str(folder), "--json", data=data).stdout)
    refused = _run("origins", "--forget", "nowhere", data=data)
    assert (1, "newsqa: nowhere: is no origin; `newsqa origins` lists them\n") == (refused.returncode, refused.stderr)
    assert 2 == len(json.loads(_run("articles", "--json", data=data).stdout))


def test_watching_keeps_in_step_until_it_is_interrupted(data: Path, folder: Path) -> None:
    with _running("add", "--watch", "--prune", str(folder), data=data) as process:
        _said(data, "watching")
        (folder / "storm.md").write_text("The storm took the roof of the chapel at Ézelle.", "utf-8")
        _said(data, "1 added, 0 replaced, 2 unchanged")
        (folder / "ferry.md").unlink()
        told = _said(data, "gone: ferry")
        assert "(removed)" in told
        process.send_signal(signal.SIGINT)
        assert 0 == process.wait(20)
    assert ["bell", "storm"] == sorted(each["id"] for each in json.loads(_run("articles", "--json", data=data).stdout))


def test_only_folders_are_watched(data: Path, folder: Path) -> None:
    refused = _run("add", "--watch", str(folder / "ferry.md"), data=data)
    assert (2, True) == (refused.returncode, "is no folder" in refused.stderr)


def test_an_interruption_says_how_far_it_was_and_the_same_command_goes_on(data: Path, tmp_path: Path) -> None:
    many = tmp_path / "many.jsonl"
    many.write_text("".join(json.dumps({"id": f"a{number}", "text": STORY * 40}) + "\n" for number in range(200)))
    with _running("add", str(many), data=data) as process:
        deadline = monotonic() + 60
        while (
            not (data / "catalogue.sqlite3-wal").exists() or (data / "catalogue.sqlite3-wal").stat().st_size < 500_000
        ):
            assert process.poll() is None
            assert monotonic() < deadline
            sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert 130 == process.wait(60)
    assert "goes on from there" in _said(data, "interrupted after")
    stored = len(json.loads(_run("articles", "--json", data=data).stdout))
    assert 0 < stored < 200
    again = json.loads(_run("add", str(many), "--json", data=data).stdout)["articles"]
    assert (200, stored) == (len(again), list(again.values()).count("unchanged"))


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with intake_progress() as progress:
        _tell(progress)
        assert "" == capsys.readouterr().err
        progress.started, progress.said = monotonic() - 600, monotonic() - 60
        progress.passages(256)
    line = capsys.readouterr().err
    assert line.startswith("newsqa: 3 of 1,000; 256 passages, 0 a second, about ")
    assert 1 == line.count("\n")


def test_an_interruption_that_python_dropped_is_noticed_at_the_next_step() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with intake_progress() as progress:
            with suppress(KeyboardInterrupt):  # as where it falls into a finalizer
                signal.raise_signal(signal.SIGINT)
            with pytest.raises(KeyboardInterrupt):
                progress.passages(1)
        assert signal.default_int_handler == signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def _tell(progress: IntakeProgress) -> None:
    progress.expected(1000)
    for title in ("Ferry", "Bell"):
        progress.article(Article(title, STORY), "added")
    progress.failed("empty.md: is empty")

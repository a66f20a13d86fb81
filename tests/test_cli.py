"""The commands as a user types them, in a process of their own where start-up counts."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner

from newsqa import cli
from newsqa.api.access import read_keys
from tests.conftest import CORPUS

LIBRARY = ("add", "sync", "origins", "ask", "chat", "articles", "show", "remove", "export", "import")
COMMANDS = (*LIBRARY, "serve", "mcp", "doctor")
TERRITORY = "How much of Ukraine's territory does Russia control?"


def _run(*arguments: str, data: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NEWSQA_DATA_DIR": str(data), "COLUMNS": "100"}
    command = [sys.executable, "-m", "newsqa.cli", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with the shipped corpus, made by the command."""
    folder = tmp_path_factory.mktemp("cli")
    added = _run("add", str(CORPUS), data=folder)
    copies = ("chapel-bell-verdict-gazette", "chapel-bell-verdict-courier")
    double = "  duplicate: {} tells the story of {} in nearly the same words".format(*copies)
    assert (0, ["18 added, 0 replaced, 0 unchanged, 1 duplicate", double]) == (
        added.returncode,
        added.stdout.splitlines(),
    )
    return folder


def test_adding_again_changes_nothing(data: Path) -> None:
    again = _run("add", str(CORPUS), "--json", data=data)
    assert {"unchanged"} == set(json.loads(again.stdout)["articles"].values())


def test_ask_shows_sentence_title_publisher_date_and_where_to_look(data: Path) -> None:
    asked = _run("ask", TERRITORY, data=data)
    assert 0 == asked.returncode
    shown = " ".join(asked.stdout.split())
    for expected in (
        "Russia controls 18% of Ukrainian territory, including Crimea and parts of Donbas. [1]",
        "Ukraine-Russia Talks in Turkey: Hope or Stalemate?",
        "Ongoing Now 24, 12 May 2025",
        "newsqa show istanbul-talks-2025-05 --at ",
    ):
        assert expected in shown
    assert "" == asked.stderr


def test_show_at_lights_the_cited_sentence(data: Path) -> None:
    answer = json.loads(_run("ask", TERRITORY, "--json", data=data).stdout)
    citation = answer["citations"][0]
    shown = _run("show", citation["article_id"], "--at", str(citation["source_span"]["start"]), data=data)
    assert citation["quote"] in " ".join(shown.stdout.split())
    assert "Stay sharp" not in shown.stdout


def test_the_offsets_of_json_reproduce_the_quote(data: Path) -> None:
    citation = json.loads(_run("ask", TERRITORY, "--json", data=data).stdout)["citations"][0]
    text = json.loads(_run("show", citation["article_id"], "--json", data=data).stdout)["text"]
    assert citation["quote"] == text[citation["source_span"]["start"] : citation["source_span"]["end"]]


def test_an_abstained_answer_exits_0(data: Path) -> None:
    asked = _run("ask", "What is the boiling point of tungsten?", data=data)
    assert 0 == asked.returncode
    assert asked.stdout.startswith("The articles don’t say.")


def test_chat_answers_a_line_each_and_follows_up(data: Path) -> None:
    talked = _run("chat", data=data, stdin="What will cars pay on the Hollin Bridge?\n\nAnd lorries?\n" + "x" * 3000)
    assert 0 == talked.returncode
    assert "> And lorries?" in talked.stdout
    assert "understood as: What will cars pay on the Hollin Bridge? And lorries?" in talked.stdout
    assert "newsqa: question has 3,000 characters" in talked.stderr


def test_articles_lists_all(data: Path) -> None:
    listed = json.loads(_run("articles", "--json", data=data).stdout)
    assert 18 == len(listed)
    assert {"id": "interview-mayor-varsund", "published_at": "2025-06-17"}.items() <= listed[0].items()
    assert "istanbul-talks-2025-05" in _run("articles", data=data).stdout


def test_doctor_reports_that_all_agree(data: Path) -> None:
    checked = _run("doctor", "--json", data=data)
    facts = json.loads(checked.stdout)
    assert (0, 18, True) == (checked.returncode, facts["articles"], facts["catalogue and vectors agree"])


def test_vectors_that_are_missing_are_there_again_when_doctor_looks(tmp_path: Path) -> None:
    article = tmp_path / "ferry.md"
    article.write_text("The ferry sails at noon.", encoding="utf-8")
    _run("add", str(article), data=tmp_path)
    script = "import chromadb, sys; chromadb.PersistentClient(sys.argv[1]).delete_collection('passages')"
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "vectors")], check=True)
    for arguments in ((), ("--reindex",), ("--repair",)):
        checked = _run("doctor", *arguments, "--json", data=tmp_path)
        assert (0, True) == (checked.returncode, json.loads(checked.stdout)["catalogue and vectors agree"])


def test_remove_takes_articles_out(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.txt").write_text(f"This is article {name}.", encoding="utf-8")
    _run("add", str(tmp_path / "one.txt"), str(tmp_path / "two.txt"), data=tmp_path)
    assert "1 removed\n" == _run("remove", "one", data=tmp_path).stdout
    gone = _run("remove", "one", "two", data=tmp_path)
    assert (1, True) == (gone.returncode, "'one'" in gone.stderr)
    assert ["two"] == [each["id"] for each in json.loads(_run("articles", "--json", data=tmp_path).stdout)]


def test_one_bad_file_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("A good article.", encoding="utf-8")
    (tmp_path / "empty.md").touch()
    (tmp_path / "broken.md").write_bytes(b"\xff\xfe\x00")
    added = _run(
        "add", *(str(tmp_path / name) for name in ("empty.md", "good.md", "broken.md", "none.md")), data=tmp_path
    )
    assert (1, "1 added, 0 replaced, 0 unchanged, 3 failed\n") == (added.returncode, added.stdout)
    for name in ("empty.md", "broken.md", "none.md"):
        assert name in added.stderr
    assert "Traceback" not in added.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ask", ""], 1, "question is empty"),
        (["ask", "x" * 10_000], 1, "10,000 characters"),
        (["show", "nothing"], 1, "'nothing'"),
        (["ask", "when?", "--from", "yesterday"], 2, "2025-05-12"),
        (["dance"], 2, "dance"),
        (["serve", "--host", "0.0.0.0"], 1, "newsqa keys new"),
        (["serve", "--log-level", "loud"], 2, "'loud'"),
        (["keys", "new", "--scope", "all"], 2, "'all'"),
    ],
    ids=["empty", "long", "unknown article", "bad date", "unknown command", "open to all", "loud", "unknown scope"],
)
def test_what_cannot_be_done_is_one_clear_line(data: Path, arguments: list[str], code: int, message: str) -> None:
    ran = _run(*arguments, data=data)
    assert code == ran.returncode
    assert message in " ".join(ran.stderr.split())
    assert "Traceback" not in ran.stderr


def test_a_setting_out_of_bounds_names_its_variable(tmp_path: Path) -> None:
    environment = {**os.environ, "NEWSQA_DATA_DIR": str(tmp_path), "NEWSQA_TOP_K": "0"}
    command = [sys.executable, "-m", "newsqa.cli", "articles"]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (1, True) == (ran.returncode, ran.stderr.startswith("newsqa: NEWSQA_TOP_K: "))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_an_example(command: str) -> None:
    helped = CliRunner().invoke(cli.app, [command, "--help"])
    assert 0 == helped.exit_code
    assert f"newsqa {command}" in helped.output


def test_a_new_key_is_printed_with_the_entry_that_lets_it_in(tmp_path: Path) -> None:
    made = json.loads(_run("keys", "new", "--scope", "write", "--json", data=tmp_path).stdout)
    assert {sha256(made["key"].encode()).hexdigest(): "write"} == read_keys(made["entry"])


def test_help_imports_nothing_heavy() -> None:
    script = "import sys; from newsqa import cli; print([m for m in ('chromadb', 'onnxruntime', 'langchain_core', "
    script += "'numpy', 'sqlalchemy', 'fastapi', 'mcp') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "[]" == ran.stdout.strip()


def test_text_that_would_steer_the_terminal_is_printed_plain(tmp_path: Path) -> None:
    (tmp_path / "evil.md").write_text(
        '---\ntitle: "Evil \\e[31m[bold]red"\n---\nThe tower \x1b[2J fell on Monday.', encoding="utf-8"
    )
    _run("add", str(tmp_path / "evil.md"), data=tmp_path)
    for arguments in (["articles"], ["show", "evil"], ["ask", "When did the tower fall?"]):
        assert "\x1b" not in _run(*arguments, data=tmp_path).stdout

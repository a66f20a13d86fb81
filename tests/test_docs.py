"""What the documents say is what the program does."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

import newsqa
from newsqa.assistant import Assistant
from newsqa.cli import app
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
API = ROOT / "src" / "newsqa" / "api" / "README.md"
DOCUMENTS = [
    API,
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "evals" / "README.md",
    ROOT / "corpus" / "README.md",
    ROOT / "deploy" / "README.md",
    ROOT / "tests" / "faults" / "README.md",
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_named_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    commands = set(re.findall(r"(?:`|\$ )newsqa ([a-z]+)\b", text))
    assert commands <= set(get_command(app).commands), commands  # type: ignore[attr-defined]
    targets = set(re.findall(r"\bmake ([a-z-]+)", text))
    made = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert targets <= made


def test_every_command_is_named_in_the_readme() -> None:
    for command in get_command(app).commands:  # type: ignore[attr-defined]
        assert f"newsqa {command}" in README


def test_the_transcript_is_what_the_program_says(assistant: Assistant) -> None:
    for question, sentence in re.findall(r"^\$ newsqa ask \"(.+?)\"\n((?:.+\n)+)", README, re.MULTILINE):
        answer = assistant.ask(question)
        assert " ".join(answer.text.split()) == " ".join(sentence.split())
    assert README.count("$ newsqa ask") >= 2


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(example.replace('"my-library"', repr(str(tmp_path))), {})  # noqa: S102  # our own document


def test_the_file_table_names_every_module() -> None:
    source = Path(newsqa.__file__).parent
    rooms = {path.name for path in source.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    for room in rooms - {"__init__.py"}:
        assert f"`{room}`" in README or f"`{room}/`" in README, room


def test_every_test_that_the_security_page_names_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", (ROOT / "SECURITY.md").read_text(encoding="utf-8")))
    assert len(named) > 20
    assert [] == sorted(name for name in named if not (ROOT / name).exists())


def test_every_setting_is_documented() -> None:
    from newsqa.settings import ServerSettings, Settings

    for name in (*Settings.model_fields, *ServerSettings.model_fields):
        assert f"NEWSQA_{name.upper()}" in README


def test_the_table_of_problems_is_that_of_the_program() -> None:
    from newsqa.api.problems import KINDS

    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \| (.+?) \| (.+?) \|$", API.read_text(encoding="utf-8"), re.MULTILINE)
    assert [(kind.name, str(kind.status), kind.title, kind.remedy) for kind in KINDS.values()] == rows


def test_every_route_is_in_the_table_of_routes(assistant: Assistant) -> None:
    from newsqa.api.app import create_app
    from newsqa.wiring import read_server_settings

    text = API.read_text(encoding="utf-8")
    for path, operations in create_app(assistant, read_server_settings()).openapi()["paths"].items():
        for method in operations:
            assert f"`{method.upper()} {path}`" in text

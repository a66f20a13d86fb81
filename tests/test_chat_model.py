"""A chat model over HTTP: the API, OpenAI's clients, the command line; and its key, which nobody gets to see."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from newsqa import Article, open_assistant
from newsqa.errors import ModelError, SettingsError
from newsqa.wiring import open_chat, read_settings
from tests.chat_serving import ChatServer, chatting
from tests.serving import ON_LOOPBACK, Server, serving

TERRITORY = "How much of Ukraine's territory does Russia control?"
KEY = "sk-secret-1234567890"
TRUE, FALSE = "Russia controls 18% of Ukrainian territory", "It controls 77% of Belgium"


def _script(prompt: str) -> list[str | float] | int:
    if "Hollin" in prompt.rpartition("Question:")[2]:
        return 401
    return [f"{TRUE} [1", "]. ", f"{FALSE} [1]."]


@pytest.fixture(scope="module")
def served() -> Iterator[ChatServer]:
    """A chat model's server that refuses the key where the question is about Hollin."""
    with chatting(_script) as running:
        yield running


@pytest.fixture(scope="module")
def api(served: ChatServer, tmp_path_factory: pytest.TempPathFactory, corpus: list[Article]) -> Iterator[Server]:
    """The API with that chat model."""
    folder = tmp_path_factory.mktemp("chatting") / "library"
    with open_assistant(folder) as opened:
        opened.library.add(corpus)
    settings = {"NEWSQA_CHAT_BASE_URL": served.url, "NEWSQA_CHAT_KEY": KEY, "NEWSQA_CHAT_SECONDS": "55"}
    with serving(folder, settings) as running:
        yield running


@ON_LOOPBACK
def test_the_api_streams_what_is_said_cited_and_withdrawn(api: Server, served: ChatServer) -> None:
    with api.client() as client:
        reply = client.post("/v1/ask/stream", json={"question": TERRITORY})
    events = [json.loads(line.removeprefix("data: ")) for line in reply.text.splitlines() if line.startswith("data: ")]
    kinds = [event["type"] for event in events]
    assert kinds.index("citation") < kinds.index("withdrawn") < kinds.index("done")
    text = ""
    for event in events:
        text = text + event["text"] if event["type"] == "delta" else text
        text = text[: event["start"]] if event["type"] == "withdrawn" else text
    answer = events[-1]["answer"]
    assert f"{TRUE}. [1]" == text == answer["text"]
    assert ("generative", "") == (answer["answerer"], answer["fallback"])
    assert {"supported": 1, "unsupported": 1} == answer["grounding"]
    assert [("unsupported", f"{FALSE}.", None)] == [
        (each["kind"], each["text"], each["answer_span"]) for each in answer["unverified"]
    ]
    assert 900 == answer["timings"]["input_tokens"]
    assert f"Bearer {KEY}" == served.keys[-1]


@ON_LOOPBACK
def test_the_reader_can_be_asked_instead(api: Server) -> None:
    with api.client() as client:
        answer = client.post("/v1/ask", json={"question": TERRITORY, "answerer": "extractive"}).json()
    assert ("extractive", {}) == (answer["answerer"], answer["grounding"])


@ON_LOOPBACK
def test_openais_clients_get_only_what_was_verified_and_the_tokens(api: Server) -> None:
    import openai

    client = openai.OpenAI(base_url=f"{api.url}/v1", api_key="none")
    asked: Any = [{"role": "user", "content": TERRITORY}]
    whole = client.chat.completions.create(model="newsqa", messages=asked)
    assert f"{TRUE}. [1]" == whole.choices[0].message.content
    assert whole.usage
    assert 920 == whole.usage.total_tokens
    streamed = client.chat.completions.create(
        model="newsqa", messages=asked, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(streamed)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert f"{TRUE}. [1]" == text
    assert chunks[-1].usage
    assert 20 == chunks[-1].usage.completion_tokens


@ON_LOOPBACK
def test_a_refused_key_is_told_and_shown_nowhere(api: Server) -> None:
    with api.client() as client:
        answer = client.post("/v1/ask", json={"question": "When does the Hollin Bridge open?"}).json()
        assert "refused the key (HTTP 401)" in answer["fallback"]
        assert "extractive" == answer["answerer"]
        told = [json.dumps(answer), client.get("/metrics").text, client.get("/openapi.json").text]
    told.append(api.log_file.read_text(encoding="utf-8"))
    assert "newsqa_chat_fallbacks_total 1.0" in told[1]
    assert 'newsqa_chat_statements_total{outcome="supported"}' in told[1]
    assert 'stage="input_tokens"' not in told[1]
    assert not any("secret" in each for each in told)


# Settings and the command line


def _doctor(*options: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    given = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    command = [sys.executable, "-m", "newsqa.cli", "doctor", "--chat-model", *options]
    return subprocess.run(command, env={**given, **variables}, capture_output=True, text=True, check=False)


@ON_LOOPBACK
def test_the_doctor_asks_the_chat_model_and_shows_no_key(served: ChatServer, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}-of-the-file\n", encoding="utf-8")
    told = _doctor("--json", NEWSQA_CHAT_BASE_URL=served.url, NEWSQA_CHAT_KEY_FILE=str(file), OPENAI_API_KEY="other")
    assert (0, "") == (told.returncode, told.stderr)
    facts = json.loads(told.stdout)
    assert (True, f"in {file}", served.url) == (facts["answers"], facts["key"], facts["address"])
    assert f"Bearer {KEY}-of-the-file" == served.keys[-1]
    assert "secret" not in told.stdout
    plain = _doctor(NEWSQA_CHAT_BASE_URL=served.url, NEWSQA_CHAT_KEY=KEY)
    assert "in NEWSQA_CHAT_KEY" in plain.stdout
    assert "secret" not in plain.stdout
    _doctor(NEWSQA_CHAT_BASE_URL=served.url, OPENAI_API_KEY=KEY)
    assert "Bearer none" == served.keys[-1], "another server got the provider's key"


@ON_LOOPBACK
@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "set NEWSQA_CHAT_MODEL to openai:NAME"),
        ({"NEWSQA_CHAT_MODEL": "openai:x"}, "give the key in OPENAI_API_KEY, NEWSQA_CHAT_KEY or"),
        ({"NEWSQA_CHAT_MODEL": "nobody:x"}, "name the model as openai:NAME"),
        ({"NEWSQA_CHAT_BASE_URL": "http://127.0.0.1:1/v1", "NEWSQA_CHAT_KEY": KEY}, "can't be reached"),
        ({"NEWSQA_CHAT_BASE_URL": "https://host/v1?api-key=secret"}, "NEWSQA_CHAT_BASE_URL"),
        ({"NEWSQA_CHAT_BASE_URL": "ftp://x"}, "NEWSQA_CHAT_BASE_URL"),
        ({"NEWSQA_CHAT_BASE_URL": "http://me:secret@host/v1"}, "NEWSQA_CHAT_BASE_URL"),
        ({"NEWSQA_CHAT_MODEL": "openai:x", "NEWSQA_CHAT_KEY_FILE": "/nowhere"}, "NEWSQA_CHAT_KEY_FILE: /nowhere"),
    ],
)
def test_the_doctor_says_what_to_set(variables: dict[str, str], told: str) -> None:
    found = _doctor(**variables)
    assert 1 == found.returncode
    assert told in found.stderr
    assert 1 == found.stderr.count("\n")
    assert "secret" not in found.stderr


@ON_LOOPBACK
def test_the_doctor_tells_of_a_refused_key() -> None:
    with chatting(lambda _: 401) as refusing:
        found = _doctor(NEWSQA_CHAT_BASE_URL=refusing.url, NEWSQA_CHAT_KEY=KEY)
    assert 1 == found.returncode
    assert "refused the key" in found.stderr
    assert "secret" not in found.stderr


@pytest.mark.parametrize("name", ["openai:small", "small", "gpt-5-mini"])
def test_a_server_of_ones_own_needs_no_key(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    chat = open_chat(read_settings(chat_model=name, chat_base_url="http://127.0.0.1:9/v1"))
    assert chat
    assert chat.name.startswith("openai:")


@ON_LOOPBACK
def test_chat_models_that_are_opened_again_share_their_connections(served: ChatServer) -> None:
    settings = read_settings(chat_base_url=served.url)
    for _ in range(3):
        with open_chat(settings) as one, open_chat(settings) as other:  # type: ignore[union-attr]  # one is named
            for chat in (one, other, one):
                assert f"{TRUE} [1]. {FALSE} [1]." == "".join(chat.write([("human", "Say it.")]))


def test_no_chat_model_is_opened_unless_one_is_named() -> None:
    assert open_chat(read_settings()) is None
    with pytest.raises(SettingsError, match="CHAT_KEY_FILE"):
        open_chat(read_settings(chat_model="openai:x", chat_key_file=Path("/nowhere")))
    with pytest.raises(ModelError):
        open_chat(read_settings(chat_model="nobody:x"))
    with pytest.raises(SettingsError) as caught:
        read_settings(chat_api_key="sk-secret")
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)
    with pytest.raises(ModelError, match=r"pip install 'newsqa\[anthropic\]'"):
        open_chat(read_settings(chat_model="anthropic:x"))


@ON_LOOPBACK
def test_the_command_line_tells_what_was_withdrawn(served: ChatServer, tmp_path: Path, corpus: list[Article]) -> None:
    with open_assistant(tmp_path / "library") as opened:
        opened.library.add(corpus)
    given = {"NEWSQA_CHAT_BASE_URL": served.url, "NEWSQA_DATA_DIR": str(tmp_path / "library"), "NEWSQA_CHAT_KEY": KEY}
    for question, told in (
        (TERRITORY, [f"{TRUE}. [1]", f"withdrawn, unsupported: {FALSE}."]),
        ("When does the Hollin Bridge open?", ["without the chat model: openai:default refused the key"]),
    ):
        command = [sys.executable, "-m", "newsqa.cli", "ask", question]
        found = subprocess.run(command, env={**os.environ, **given}, capture_output=True, text=True, check=True)
        for each in told:
            assert each in " ".join(found.stdout.split())


@ON_LOOPBACK
def test_the_suites_are_asked_of_both_answerers_and_compared(served: ChatServer, tmp_path: Path) -> None:
    suite = tmp_path / "territory.yaml"
    corpus = Path(__file__).parents[1] / "corpus"
    suite.write_text(
        f"""suite: territory
about: One case.
corpus: [{corpus}]
cases:
  - id: share
    question: "{TERRITORY}"
    answerable: true
    expected: ["18%"]
    evidence:
      - article: istanbul-talks-2025-05
        quote: "Russia controls 18% of Ukrainian territory, including Crimea and parts of Donbas."
""",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "newsqa.cli", "eval", str(suite), "--answerer", "generative"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (1, True) == (refused.returncode, "set NEWSQA_CHAT_MODEL" in refused.stderr)
    given = {"NEWSQA_CHAT_BASE_URL": served.url, "NEWSQA_CHAT_KEY": KEY}
    found = subprocess.run(
        [*command, "--out", str(tmp_path / "report")],
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "the chat model's statements: supported 1, unsupported 1" in found.stdout
    assert "citation support" in found.stdout
    assert "extractive" in found.stdout
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert {"supported": 1, "unsupported": 1} == report["grounding"]
    assert "supported 1, unsupported 1" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "secret" not in json.dumps(report)

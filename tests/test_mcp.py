"""The tools as other assistants call them: the protocol's own client, over stdio and over real HTTP."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from subprocess import PIPE
from typing import Any

import httpx2
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import MCPError, StdioServerParameters
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent
from mcp_types import Tool as Listed

from newsqa import Article, open_assistant
from newsqa.api import mcp, tools
from newsqa.api.access import Caller, new_key
from tests.serving import ON_LOOPBACK, Server, serving

pytestmark = ON_LOOPBACK
READING = ["ask", "search", "list_articles", "get_article"]
WRITING = ["add_article", "remove_article"]
TERRITORY = "How much of Ukraine's territory does Russia control?"
TUNGSTEN = "What is the boiling point of tungsten?"
FERRY = {
    "id": "ferry",
    "title": "Ferry sails again",
    "text": "The ferry to Varsund sails again from Monday. A ticket costs 4 crowns.",
    "publisher": "Ferry Gazette",
    "published_at": "2025-06-02",
}
ABOUT_FERRY = {"question": "How much is a ticket for the ferry to Varsund?", "article_ids": ["ferry"]}
MCP = [sys.executable, "-m", "newsqa.cli", "mcp"]


@dataclass
class Peer:
    """A connected client, for tests that don't wait."""

    portal: BlockingPortal
    client: Client

    def tools(self) -> list[Listed]:
        """The tools that it sees."""
        return self.portal.call(self.client.list_tools).tools

    def call(self, name: str, **arguments: Any) -> CallToolResult:
        """What a tool gives, refusals too."""
        result: CallToolResult = self.portal.call(self.client.call_tool, name, arguments)
        return result

    def get(self, name: str, **arguments: Any) -> dict[str, Any]:
        """What a tool gives to programs."""
        result = self.call(name, **arguments)
        assert not result.is_error, _text(result)
        found: dict[str, Any] = result.structured_content
        return found


def _text(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


@asynccontextmanager
async def _over_http(url: str, key: str, mode: str = "auto") -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    """An event loop beside the tests."""
    with start_blocking_portal() as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, corpus: list[Article]) -> Path:
    """A closed library of the shipped corpus."""
    made = tmp_path_factory.mktemp("mcp") / "library"
    with open_assistant(made) as opened:
        opened.library.add(corpus)
    return made


@pytest.fixture(scope="module")
def keys() -> dict[str, tuple[str, str]]:
    """Keys and their entries by scope."""
    return {scope: new_key(scope) for scope in ("ask", "write")}


@pytest.fixture(scope="module")
def server(folder: Path, keys: dict[str, tuple[str, str]]) -> Iterator[Server]:
    """A real server over a copy of the library, with keys."""
    entries = " ".join(entry for _, entry in keys.values())
    with serving(copytree(folder, folder.parent / "served"), {"NEWSQA_API_KEYS": entries}) as running:
        yield running


@pytest.fixture(scope="module")
def reader(portal: BlockingPortal, server: Server, keys: dict[str, tuple[str, str]]) -> Iterator[Peer]:
    """A client over HTTP that may ask."""
    with portal.wrap_async_context_manager(_over_http(server.url, keys["ask"][0])) as client:
        yield Peer(portal, client)


@pytest.fixture(scope="module")
def writer(portal: BlockingPortal, server: Server, keys: dict[str, tuple[str, str]]) -> Iterator[Peer]:
    """A client over HTTP that may write."""
    with portal.wrap_async_context_manager(_over_http(server.url, keys["write"][0])) as client:
        yield Peer(portal, client)


@pytest.fixture(scope="module")
def piped(portal: BlockingPortal, folder: Path) -> Iterator[Peer]:
    """A client of a process of its own, over stdio."""
    parameters = StdioServerParameters(command=MCP[0], args=MCP[1:], env={"NEWSQA_DATA_DIR": str(folder)})
    with portal.wrap_async_context_manager(Client(parameters)) as client:
        yield Peer(portal, client)


@pytest.fixture(params=["piped", "reader"])
def peer(request: pytest.FixtureRequest) -> Peer:
    """A client that may ask, over stdio and over HTTP."""
    found: Peer = request.getfixturevalue(request.param)
    return found


def test_readers_see_the_reading_tools_and_writers_all(peer: Peer, writer: Peer) -> None:
    assert READING == [tool.name for tool in peer.tools()]
    assert READING + WRITING == [tool.name for tool in writer.tools()]


def test_every_tool_tells_what_it_does_and_takes_and_gives(writer: Peer) -> None:
    for tool in writer.tools():
        assert tool.description
        assert all("description" in field for field in tool.input_schema["properties"].values()), tool.name
        assert tool.output_schema
        assert tool.annotations
        assert (tool.name in READING) == tool.annotations.read_only_hint
        assert (tool.name == "remove_article") == tool.annotations.destructive_hint


def test_an_answers_quotes_stand_in_their_articles(peer: Peer) -> None:
    answer = peer.get("ask", question=TERRITORY)
    assert "answered" == answer["status"]
    assert answer["citations"]
    for citation in answer["citations"]:
        span = citation["source_span"]
        article = peer.get("get_article", article_id=citation["article_id"], revision=citation["revision"])
        assert citation["quote"] == article["text"][span["start"] : span["end"]]


def test_the_text_of_an_answer_has_its_quotes_with_title_publisher_and_date(peer: Peer) -> None:
    result = peer.call("ask", question=TERRITORY)
    text, quotes = _text(result).split("\n\n")
    assert result.structured_content["text"] == text
    quote = "Russia controls 18% of Ukrainian territory, including Crimea and parts of Donbas."
    where = "Ukraine-Russia Talks in Turkey: Hope or Stalemate?, Ongoing Now 24, 2025-05-12 (istanbul-talks-2025-05)"
    assert f"[1] “{quote}” — {where}" == quotes.splitlines()[0]


def test_an_abstention_is_an_answer(peer: Peer) -> None:
    result = peer.call("ask", question=TUNGSTEN)
    assert (False, "abstained", None) == (
        result.is_error,
        result.structured_content["status"],
        result.structured_content["short"],
    )
    assert _text(result).startswith("The articles don’t say.")


def test_a_follow_up_leans_on_its_history(peer: Peer) -> None:
    history = [{"question": "What will cars pay on the Hollin Bridge?", "answer": "Three crowns."}]
    answer = peer.get("ask", question="And lorries?", history=history)
    assert "What will cars pay on the Hollin Bridge? And lorries?" == answer["standalone_question"]


def test_filters_narrow_and_null_stands_for_what_is_left_out(peer: Peer) -> None:
    given = {"publisher": "Ongoing Now 24", "published_from": "2025-05-01", "published_to": None, "article_ids": None}
    found = peer.get("search", query="territory", top_k=2, **given)["passages"]
    assert ["Ongoing Now 24"] * 2 == [passage["publisher"] for passage in found]
    answer = peer.get("ask", question=TERRITORY, article_ids=["hollin-bridge-delay"], top_k=None)
    assert {"hollin-bridge-delay"} == {each["passage"]["article_id"] for each in answer["passages"]}
    assert "Nothing was found." == _text(peer.call("search", query="territory", published_to="1999-12-31"))


def test_pages_of_articles_follow_each_other(peer: Peer, corpus: list[Article]) -> None:
    found, cursor = [], ""
    while cursor is not None:
        page = peer.get("list_articles", limit=7, cursor=cursor)
        found += [article["id"] for article in page["articles"]]
        cursor = page["next_cursor"]
    assert sorted(article.id for article in corpus) == sorted(found)


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("get_article", {"article_id": "nothing"}, "no article has the id 'nothing'"),
        ("get_article", {"article_id": "hollin-bridge-delay", "revision": "none"}, "revision"),
        ("ask", {"question": "  "}, "question: "),
        ("ask", {}, "question: Field required"),
        ("ask", {"question": "x" * 3000}, "question has 3,000 characters"),
        ("ask", {"question": "when?", "colour": "red"}, "colour: "),
        ("ask", {"question": "when?", "top_k": 0}, "top_k: "),
        ("search", {"query": ""}, "query: "),
        ("search", {"query": "x", "published_from": "yesterday"}, "published_from: "),
        ("list_articles", {"cursor": "none"}, "cursor: "),
        ("add_article", FERRY, "add_article needs a key of scope write"),
        ("remove_article", {"article_id": "hollin-bridge-delay"}, "remove_article needs a key of scope write"),
    ],
)
def test_what_cannot_be_done_is_said(peer: Peer, tool: str, arguments: dict[str, Any], message: str) -> None:
    result = peer.call(tool, **arguments)
    assert (True, None) == (result.is_error, result.structured_content)
    assert message in _text(result)
    assert "pydantic" not in _text(result)


def test_an_unknown_tool_is_an_error_of_the_protocol(peer: Peer) -> None:
    with pytest.raises(MCPError, match="'dance'"):
        peer.call("dance")


def test_a_writer_adds_an_article_asks_about_it_and_removes_it(writer: Peer) -> None:
    added = writer.call("add_article", **FERRY)
    assert "added: Ferry sails again, Ferry Gazette, 2025-06-02 (ferry)" == _text(added)
    assert FERRY["title"] == added.structured_content["title"]
    (citation, *_) = writer.get("ask", **ABOUT_FERRY)["citations"]
    assert added.structured_content["revision"] == citation["revision"]
    assert {"id": "ferry", "outcome": "removed"} == writer.get("remove_article", article_id="ferry")
    assert [] == writer.get("ask", **ABOUT_FERRY)["citations"]
    assert writer.call("remove_article", article_id="ferry").is_error


def test_adding_again_changes_nothing_and_another_of_its_id_is_refused(writer: Peer) -> None:
    writer.get("add_article", **FERRY)
    assert _text(writer.call("add_article", **FERRY)).startswith("unchanged: ")
    assert "differs" in _text(writer.call("add_article", **{**FERRY, "text": "The ferry sank."}))
    assert FERRY["text"] == writer.get("get_article", article_id="ferry")["text"]
    writer.get("remove_article", article_id="ferry")


def test_clients_of_the_protocols_older_version_are_served(
    portal: BlockingPortal, server: Server, keys: dict[str, tuple[str, str]]
) -> None:
    with portal.wrap_async_context_manager(_over_http(server.url, keys["ask"][0], "legacy")) as client:
        old = Peer(portal, client)
        assert READING == [tool.name for tool in old.tools()]
        assert "answered" == old.get("ask", question=TERRITORY)["status"]


def test_the_address_is_exactly_mcp_and_takes_a_post_with_a_key(
    server: Server, keys: dict[str, tuple[str, str]]
) -> None:
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accepted = {"Accept": "application/json, text/event-stream", "Host": "news.example.org"}
    with server.client(keys["ask"][0]) as client, server.client() as stranger:
        listed = client.post("/mcp", json=listing, headers=accepted)
        assert (200, "application/json") == (listed.status_code, listed.headers["content-type"])
        assert 405 == client.get("/mcp").status_code
        assert 401 == stranger.post("/mcp", json=listing, headers=accepted).status_code
        foreign = client.post("/mcp", json=listing, headers={**accepted, "Origin": "https://evil.example"})
        assert 403 == foreign.status_code


def test_the_process_prints_the_protocol_only_and_ends_with_its_stdin(tmp_path: Path) -> None:
    known = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    requests = [("initialize", known), ("tools/list", {})]
    lines = [
        {"jsonrpc": "2.0", "id": number, "method": name, "params": given}
        for number, (name, given) in enumerate(requests)
    ]
    environment = {**os.environ, "NEWSQA_DATA_DIR": str(tmp_path)}
    with subprocess.Popen(
        [*MCP, "--write"], stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True, env=environment, bufsize=1
    ) as process:
        assert process.stdin
        assert process.stdout
        replies = []
        for line in lines:
            process.stdin.write(json.dumps(line) + "\n")
            replies.append(json.loads(process.stdout.readline()))
        rest, log = process.communicate(timeout=30)
    assert READING + WRITING == [tool["name"] for tool in replies[1]["result"]["tools"]]
    assert (0, "", False) == (process.returncode, rest, "Traceback" in log)


def test_what_nobody_foresaw_is_not_told() -> None:
    async def broken(*_: Any) -> tools.Reply:
        raise RuntimeError("/srv/secret.py")

    tool = tools.Tool(broken, tools.Named, tools.Named)
    result = asyncio.run(mcp._called(tool, None, Caller("", "ask"), {"article_id": "x"}))  # type: ignore[arg-type]
    assert (True, "Something went wrong here") == (result.is_error, _text(result))


def test_the_command_line_does_not_load_the_protocol() -> None:
    script = "import sys; from newsqa import cli; print('mcp' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "False" == ran.stdout.strip()

"""Questions over real HTTP: the same answers as the library's own, with citations that can be checked."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from newsqa import Turn
from newsqa.assistant import Assistant
from newsqa.domain import to_json
from tests.serving import ON_LOOPBACK, Server, events

pytestmark = ON_LOOPBACK
TERRITORY = "How much of Ukraine's territory does Russia control?"
BRIDGE = "What will cars pay on the Hollin Bridge?"


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    """A client of the shared server."""
    with server.client() as opened:
        yield opened


def _ask(client: httpx.Client, question: str = TERRITORY, **more: Any) -> dict[str, Any]:
    response = client.post("/v1/ask", json={"question": question, **more})
    assert 200 == response.status_code, response.text
    return response.json()  # type: ignore[no-any-return]


def _same(answer: dict[str, Any]) -> dict[str, Any]:
    """What does not differ from one asking to the next; int8 scores vary a little with their batch."""
    kept = ("question", "standalone_question", "text", "short", "status", "citations", "answerer")
    return {name: answer[name] for name in kept}


@pytest.mark.parametrize("question", [TERRITORY, BRIDGE, "What is the boiling point of tungsten?", "Hello!"])
def test_the_answer_is_the_librarys_own(client: httpx.Client, assistant: Assistant, question: str) -> None:
    assert _same(to_json(assistant.ask(question))) == _same(_ask(client, question))


def test_every_citation_reproduces_its_quote_and_supports_its_place_in_the_answer(client: httpx.Client) -> None:
    answer = _ask(client)
    assert answer["citations"]
    for citation in answer["citations"]:
        article = client.get(f"/v1/articles/{citation['article_id']}", params={"revision": citation["revision"]}).json()
        source, said = citation["source_span"], citation["answer_span"]
        assert citation["quote"] == article["text"][source["start"] : source["end"]]
        assert f" [{citation['number']}]" == answer["text"][said["end"] :][:4]


def test_an_abstention_is_an_answer(client: httpx.Client) -> None:
    answer = _ask(client, "What is the boiling point of tungsten?")
    assert ("abstained", None) == (answer["status"], answer["short"])
    assert answer["text"].startswith("The articles don’t say.")


def test_history_makes_a_follow_up_stand_alone(client: httpx.Client) -> None:
    answer = _ask(client, "And lorries?", history=[{"question": BRIDGE, "answer": "Three crowns."}])
    assert f"{BRIDGE} And lorries?" == answer["standalone_question"]


def test_filters_and_top_k_narrow_what_is_read(client: httpx.Client) -> None:
    filters = {"publisher": "Ongoing Now 24", "published_from": "2025-05-01", "published_to": "2025-05-31"}
    answer = _ask(client, filters=filters, top_k=2)
    assert 2 == len(answer["passages"])
    assert {"istanbul-talks-2025-05"} == {each["passage"]["article_id"] for each in answer["passages"]}
    elsewhere = _ask(client, filters={"article_ids": ["hollin-bridge-delay"]})
    assert {"hollin-bridge-delay"} == {each["passage"]["article_id"] for each in elsewhere["passages"]}
    assert [] == _ask(client, filters={"published_to": "1999-12-31"})["passages"]


def test_the_stream_is_the_answer_piece_by_piece(client: httpx.Client) -> None:
    with client.stream("POST", "/v1/ask/stream", json={"question": TERRITORY}) as response:
        assert "text/event-stream" in response.headers["content-type"]
        found = list(events(response))
    kinds = [event["type"] for event in found]
    assert ["start", "passages"] == kinds[:2]
    assert "done" == kinds[-1]
    assert {"delta", "citation"} == set(kinds[2:-1])
    whole = found[-1]["answer"]
    assert whole["text"] == "".join(event["text"] for event in found if event["type"] == "delta")
    assert whole["citations"] == [event["citation"] for event in found if event["type"] == "citation"]
    assert (whole["id"], whole["standalone_question"]) == (found[0]["answer_id"], found[0]["standalone_question"])
    assert _same(_ask(client)) == _same(whole)


@pytest.mark.parametrize("route", ["/v1/ask", "/v1/ask/stream"])
@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "question"),
        ({"question": "  "}, 422, "question"),
        ({"question": 7}, 422, "question"),
        ({"question": "x" * 3000}, 422, ""),
        ({"question": "when?", "top_k": 0}, 422, "top_k"),
        ({"question": "when?", "filters": {"published_from": "yesterday"}}, 422, "filters.published_from"),
        ({"question": "when?", "colour": "red"}, 422, "colour"),
        ({"question": "when?", "answerer": "oracle"}, 422, "answerer"),
        ({"question": "when?", "history": [{"answer": "x"}]}, 422, "history.0.question"),
        ({"question": "when?", "history": [{"question": "x"}], "conversation_id": "c"}, 422, "body"),
        ({"question": "when?", "conversation_id": "none"}, 404, ""),
        ({"question": "\ud800"}, 422, "question"),
    ],
)
def test_what_cannot_be_asked_names_the_field(
    client: httpx.Client, route: str, body: dict[str, Any], status: int, field: str
) -> None:
    import json

    response = client.post(route, content=json.dumps(body), headers={"Content-Type": "application/json"})
    problem = response.json()
    assert (status, "application/problem+json") == (response.status_code, response.headers["content-type"])
    assert field in [error["field"] for error in problem["errors"]] or not field
    assert problem["request_id"] == response.headers["x-request-id"]
    assert route == problem["instance"]


@pytest.mark.parametrize(
    "body",
    [
        {"question": "x", "history": [0] * 200_000},
        {"question": "x", "filters": {"article_ids": [""] * 200_000}},
        {"question": "x", **{f"a{number}": 0 for number in range(50_000)}},
    ],
    ids=["history", "ids", "names"],
)
def test_a_thousand_faults_are_told_as_one(client: httpx.Client, body: dict[str, Any]) -> None:
    refused = client.post("/v1/ask", json=body)
    assert (422, 1) == (refused.status_code, len(refused.json()["errors"]))


def test_search_finds_passages_that_stand_in_their_article(client: httpx.Client) -> None:
    found = client.post("/v1/search", json={"query": "territory under Russian control", "top_k": 3}).json()["passages"]
    assert 3 == len(found)
    passage = found[0]["passage"]
    text = client.get(f"/v1/articles/{passage['article_id']}").json()["text"]
    assert passage["text"] == text[passage["start"] : passage["end"]]


def test_a_kept_conversation_gives_its_history_and_keeps_its_citations(client: httpx.Client) -> None:
    conversation = client.post("/v1/conversations").json()["id"]
    first = _ask(client, BRIDGE, conversation_id=conversation)
    with client.stream(
        "POST", "/v1/ask/stream", json={"question": "And lorries?", "conversation_id": conversation}
    ) as response:
        second = list(events(response))[-1]["answer"]
    assert f"{BRIDGE} And lorries?" == second["standalone_question"]
    kept = client.get(f"/v1/conversations/{conversation}").json()
    assert (BRIDGE, [1, 2]) == (kept["title"], [turn["number"] for turn in kept["turns"]])
    assert [first, second] == [turn["answer"] for turn in kept["turns"]]
    assert 204 == client.delete(f"/v1/conversations/{conversation}").status_code


def test_turns_and_history_are_worth_the_same(client: httpx.Client, assistant: Assistant) -> None:
    first = assistant.ask(BRIDGE)
    own = assistant.ask("And lorries?", history=[Turn(first.question, first.text)])
    conversation = client.post("/v1/conversations").json()["id"]
    _ask(client, BRIDGE, conversation_id=conversation)
    assert own.text == _ask(client, "And lorries?", conversation_id=conversation)["text"]


def test_questions_of_clients_that_left_are_not_answered(client: httpx.Client, server: Server) -> None:
    def answered() -> float:
        lines = client.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("newsqa_answers_total{"))

    before, asked = answered(), 30
    for _ in range(asked):
        with server.client() as leaving, pytest.raises(httpx.ReadTimeout):
            leaving.post("/v1/ask", json={"question": TERRITORY}, timeout=httpx.Timeout(30, read=0.001))
    _ask(client)
    assert answered() - before < asked
    assert "newsqa_questions_waiting 0.0" in client.get("/metrics").text

"""What those who run the server need: probes, figures, logs, and an end that loses nothing."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Any

import httpx
import pytest

from newsqa import Article, open_assistant
from tests.serving import ON_LOOPBACK, Server, events, serving

pytestmark = ON_LOOPBACK
TERRITORY = "How much of Ukraine's territory does Russia control?"


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    """A client of the shared server."""
    with server.client() as opened:
        yield opened


def _figures(client: httpx.Client) -> dict[str, float]:
    lines = [line for line in client.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_probes_say_that_it_lives_and_what_it_holds(client: httpx.Client) -> None:
    assert "alive" == client.get("/healthz").json()["status"]
    assert 1 == _figures(client)["newsqa_chroma_usable"]
    ready = client.get("/readyz").json()
    assert ("ready", True) == (ready["status"], ready["articles"] >= 18 and ready["passages"] > ready["articles"])


def test_an_answer_is_counted_with_its_stages(client: httpx.Client) -> None:
    before = _figures(client)
    for question in (TERRITORY, "What is the boiling point of tungsten?"):
        client.post("/v1/ask", json={"question": question})
    after = _figures(client)
    for name in (
        'newsqa_answers_total{answerer="extractive",status="answered"}',
        'newsqa_answers_total{answerer="extractive",status="abstained"}',
    ):
        assert 1 == after[name] - before.get(name, 0)
    stage = 'newsqa_answer_seconds_count{stage="read"}'
    assert 2 == after[stage] - before.get(stage, 0)
    route = 'newsqa_requests_total{method="POST",route="/v1/ask",status="200"}'
    assert 2 == after[route] - before.get(route, 0)
    assert (0, 0) == (after["newsqa_questions_running"], after["newsqa_questions_waiting"])
    assert after["newsqa_passages"] > after["newsqa_articles"] >= 18


def test_addresses_that_are_not_there_make_no_new_figures(client: httpx.Client) -> None:
    for number in range(3):
        client.get(f"/nothing/{number}")
    assert not [name for name in _figures(client) if "nothing" in name]


def test_words_that_are_no_methods_make_no_new_figures(client: httpx.Client) -> None:
    for word in ("EVIL", "BREW"):
        assert 405 == client.request(word, "/healthz").status_code
    assert not [name for name in _figures(client) if "EVIL" in name or "BREW" in name]


def test_a_request_is_logged_under_its_id_and_without_its_question(client: httpx.Client, server: Server) -> None:
    asked = client.post("/v1/ask", json={"question": "Who sings in Lodrava?"}, headers={"X-Request-ID": "trace-7"})
    assert "trace-7" == asked.headers["x-request-id"]
    (line,) = [line for line in server.log() if line.get("request_id") == "trace-7"]
    assert ("POST", "/v1/ask", 200) == (line["method"], line["route"], line["status"])
    assert "Lodrava" not in server.log_file.read_text(encoding="utf-8")


@pytest.mark.parametrize("given", ["a b", "x" * 65, "<script>", ""])
def test_a_request_id_that_is_none_is_replaced(client: httpx.Client, given: str) -> None:
    assert re.fullmatch(
        r"[0-9a-f]{32}", client.get("/healthz", headers={"X-Request-ID": given}).headers["x-request-id"]
    )


def test_questions_are_logged_when_that_is_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path / "library", {"NEWSQA_LOG_QUESTIONS": "true"}) as talkative, talkative.client() as client:
        client.post("/v1/ask", json={"question": "Who sings in Lodrava?"})
        assert "Who sings in Lodrava?" in [line.get("question") for line in talkative.log()]


def test_running_answers_are_finished_when_it_is_told_to_stop(tmp_path: Path, corpus: list[Article]) -> None:
    folder = tmp_path / "library"
    with open_assistant(folder) as opened:
        opened.library.add(corpus)
    with serving(folder) as stopping:
        ends: list[str] = []
        threads = [threading.Thread(target=_ask, args=(stopping, ends)) for _ in range(6)]
        for thread in threads:
            thread.start()
        while ends.count("start") < 6:
            sleep(0.001)
        assert 0 == stopping.stop()
        for thread in threads:
            thread.join(30)
        assert ["done"] * 6 + ["start"] * 6 == sorted(ends)
    with open_assistant(folder) as again:
        assert len(corpus) == len(again.library)


def _ask(server: Server, ends: list[str]) -> None:
    with server.client() as client, client.stream("POST", "/v1/ask/stream", json={"question": TERRITORY}) as response:
        found: Iterator[dict[str, Any]] = events(response)
        ends.append(next(found)["type"])
        ends.append(list(found)[-1]["type"])


def test_a_second_server_on_the_same_library_is_told_the_first_ones_pid(server: Server) -> None:
    import os
    import subprocess
    import sys

    folder = server.log_file.parent / "library"
    environment = {**os.environ, "NEWSQA_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "newsqa.cli", "serve", "--port", "0"]
    second = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (1, True) == (second.returncode, f"pid {server.process.pid}" in second.stderr)


def test_the_documentation_page_asks_nothing_of_the_web(client: httpx.Client) -> None:
    page = client.get("/docs").text
    addresses = re.findall(r"""(?:src|href|url)\s*[=:]\s*["']([^"']+)""", page)
    assert len(addresses) >= 4
    for address in addresses:
        assert address.startswith("/"), address
        assert 200 == client.get(address).status_code
    assert '"validatorUrl": null' in page

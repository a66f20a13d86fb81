"""Articles over real HTTP: two editors never overwrite each other unseen, and nothing is added twice or lost."""

import json
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import httpx
import pytest

from newsqa import Article
from tests.serving import ON_LOOPBACK, Server, serving

pytestmark = ON_LOOPBACK
FERRY = {
    "title": "Ferry sails again",
    "text": "The ferry to Varsund sails again from Monday. A ticket costs 4 crowns.",
    "publisher": "Ferry Gazette",
    "published_at": "2025-06-02",
}


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    """A client of the shared server."""
    with server.client() as opened:
        yield opened


@pytest.fixture
def ferry(client: httpx.Client) -> Iterator[dict[str, Any]]:
    """An article that was added, and is removed at the end."""
    created = client.post("/v1/articles", json=FERRY)
    assert 201 == created.status_code, created.text
    yield {**created.json(), "etag": created.headers["etag"], "location": created.headers["location"]}
    client.delete(created.headers["location"])


def _long(sentences: int) -> str:
    return " ".join(f"Boat number {number} left the harbour of Varsund at dawn." for number in range(sentences))


def _finished(client: httpx.Client, job: str) -> dict[str, Any]:
    deadline = monotonic() + 60
    while monotonic() < deadline:
        found = client.get(f"/v1/jobs/{job}").json()
        if found["state"] not in ("queued", "running"):
            return found  # type: ignore[no-any-return]
        sleep(0.05)
    raise AssertionError(f"the job goes on: {found}")


def test_an_added_article_is_cited_and_a_removed_one_is_not(client: httpx.Client, ferry: dict[str, Any]) -> None:
    question = {"question": "How much is a ticket for the ferry to Varsund?", "filters": {"article_ids": [ferry["id"]]}}
    citation = client.post("/v1/ask", json=question).json()["citations"][0]
    assert (ferry["id"], ferry["revision"]) == (citation["article_id"], citation["revision"])
    assert 204 == client.delete(ferry["location"]).status_code
    assert [] == client.post("/v1/ask", json=question).json()["citations"]
    assert 404 == client.get(ferry["location"]).status_code


def test_an_article_comes_back_with_its_text_and_passages(client: httpx.Client, ferry: dict[str, Any]) -> None:
    response = client.get(ferry["location"])
    article = response.json()
    assert ferry["etag"] == response.headers["etag"] == f'"{article["revision"]}"'
    assert {**FERRY, "characters": len(FERRY["text"])}.items() <= article.items()
    assert [FERRY["text"]] == [passage["text"] for passage in article["passages"]]
    assert 304 == client.get(ferry["location"], headers={"If-None-Match": ferry["etag"]}).status_code


def test_no_path_of_the_server_is_shown(client: httpx.Client) -> None:
    article = client.get("/v1/articles/istanbul-talks-2025-05")
    assert "origin" not in article.json()
    assert "/corpus/" not in article.text


def test_the_same_article_again_changes_nothing_and_another_of_its_id_is_refused(
    client: httpx.Client, ferry: dict[str, Any]
) -> None:
    again = client.post("/v1/articles", json={**FERRY, "id": ferry["id"]})
    assert (200, ferry["etag"]) == (again.status_code, again.headers["etag"])
    other = client.post("/v1/articles", json={**FERRY, "id": ferry["id"], "text": "The ferry sank."})
    assert (409, ferry["etag"]) == (other.status_code, other.headers["etag"])
    assert FERRY["text"] == client.get(ferry["location"]).json()["text"]


def test_the_second_of_two_editors_is_told_that_the_article_changed(
    client: httpx.Client, ferry: dict[str, Any]
) -> None:
    def replace(text: str, **headers: str) -> httpx.Response:
        return client.put(ferry["location"], json={**FERRY, "text": text}, headers=headers)

    assert 428 == replace("Nobody knows which.").status_code
    first = replace("A ticket costs 5 crowns.", **{"If-Match": ferry["etag"]})
    assert 200 == first.status_code
    second = replace("A ticket costs 6 crowns.", **{"If-Match": ferry["etag"]})
    assert (412, first.headers["etag"]) == (second.status_code, second.headers["etag"])
    assert "A ticket costs 5 crowns." == client.get(ferry["location"]).json()["text"]
    assert 412 == client.delete(ferry["location"], headers={"If-Match": ferry["etag"]}).status_code


def test_a_citation_of_the_old_text_can_still_be_checked(client: httpx.Client, ferry: dict[str, Any]) -> None:
    question = {"question": "How much is a ticket for the ferry to Varsund?", "filters": {"article_ids": [ferry["id"]]}}
    citation = client.post("/v1/ask", json=question).json()["citations"][0]
    client.put(ferry["location"], json={**FERRY, "text": "A ticket is free."}, headers={"If-Match": "*"})
    old = client.get(ferry["location"], params={"revision": citation["revision"]}).json()
    span = citation["source_span"]
    assert citation["quote"] == old["text"][span["start"] : span["end"]]


def test_what_is_not_there_cannot_be_replaced_or_removed(client: httpx.Client) -> None:
    assert 404 == client.put("/v1/articles/none", json=FERRY, headers={"If-Match": "*"}).status_code
    assert 404 == client.delete("/v1/articles/none").status_code


def test_any_id_can_be_reached(client: httpx.Client) -> None:
    for id in ("a/b", "ünïcode ✓", "50%", "?q=1#x", "jobs"):
        created = client.post("/v1/articles", json={**FERRY, "id": id})
        assert 201 == created.status_code
        assert id == client.get(created.headers["location"]).json()["id"]
        assert 204 == client.delete(created.headers["location"]).status_code


def test_pages_together_list_every_article_once(client: httpx.Client, corpus: list[Article]) -> None:
    listed, cursor = list[dict[str, Any]](), ""
    while cursor is not None:
        found = client.get("/v1/articles", params={"limit": 5, "cursor": cursor}).json()
        listed, cursor = listed + found["articles"], found["next_cursor"]
    assert sorted(article.id for article in corpus) == sorted(article["id"] for article in listed)
    days = [article["published_at"] or "" for article in listed]
    assert sorted(days, reverse=True) == days


def test_the_list_is_filtered(client: httpx.Client) -> None:
    found = client.get("/v1/articles", params={"publisher": "Ongoing Now 24"}).json()["articles"]
    assert ["istanbul-talks-2025-05"] == [article["id"] for article in found]
    later = client.get("/v1/articles", params={"published_from": "2025-06-17"}).json()["articles"]
    assert all(article["published_at"] >= "2025-06-17" for article in later)
    for bent in ("bent", "WzEsMl0=", "W1sxXSxbMl1d", "WyJhIl0=", "bnVsbA=="):  # [1,2], [[1],[2]], ["a"], null
        assert 422 == client.get("/v1/articles", params={"cursor": bent}).status_code


def test_a_repeated_request_gets_its_first_reply_and_adds_nothing(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    first, second = (client.post("/v1/articles", json={**FERRY, "id": "once"}, headers=headers) for _ in range(2))
    assert (201, first.status_code, first.json()) == (201, second.status_code, second.json())
    assert first.headers["location"] == second.headers["location"]
    assert ("true", None) == (second.headers["idempotency-replayed"], first.headers.get("idempotency-replayed"))
    other = client.post("/v1/articles", json={**FERRY, "id": "twice"}, headers=headers)
    assert (422, "urn:newsqa:problem:key-reused") == (other.status_code, other.json()["type"])
    client.delete("/v1/articles/once")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"text": "..."}, "text"),
        ({"text": "half \ud800"}, "text"),
        ({"published_at": "last week"}, "published_at"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"author": "x" * 1001}, "author"),
        ({"origin": "/etc/passwd"}, "origin"),
    ],
)
def test_what_cannot_be_stored_names_its_field(client: httpx.Client, change: dict[str, str], field: str) -> None:
    content = json.dumps({**FERRY, **change})
    refused = client.post("/v1/articles", content=content, headers={"Content-Type": "application/json"})
    assert (422, [field]) == (refused.status_code, [error["field"] for error in refused.json()["errors"]])


def test_files_are_added_and_a_bad_one_stops_no_other(client: httpx.Client) -> None:
    files = [
        (
            "files",
            ("harbour.md", b"---\ntitle: Harbour\npublished: 2025-06-03\n---\nThe harbour froze.", "text/markdown"),
        ),
        ("files", ("../../evil.txt", b"A file from nowhere.", "text/plain")),
        ("files", ("picture.png", b"\x89PNG\0\0", "image/png")),
    ]
    done = client.post("/v1/articles/upload", files=files)
    job = done.json()
    assert (200, "done", 3) == (done.status_code, job["state"], job["articles_done"])
    assert {"harbour": "added", "evil": "added"} == {each["id"]: each["outcome"] for each in job["articles"]}
    assert ["picture.png"] == [each["title"] for each in job["failed"]]
    assert "2025-06-03" == client.get("/v1/articles/harbour").json()["published_at"]
    for id in ("harbour", "evil"):
        client.delete(f"/v1/articles/{id}")


def test_an_import_refuses_what_differs_unless_it_is_told_to_replace(
    client: httpx.Client, ferry: dict[str, Any]
) -> None:
    body = {"articles": [{**FERRY, "id": ferry["id"], "text": "The ferry sank."}, {**FERRY, "id": "second"}]}
    job = client.post("/v1/articles/import", json=body).json()
    assert (["second"], [FERRY["title"]]) == (
        [each["id"] for each in job["articles"]],
        [each["title"] for each in job["failed"]],
    )
    assert FERRY["text"] == client.get(ferry["location"]).json()["text"]
    job = client.post("/v1/articles/import", json=body, params={"replace": "yes"}).json()
    assert {ferry["id"]: "replaced", "second": "unchanged"} == {each["id"]: each["outcome"] for each in job["articles"]}
    client.delete("/v1/articles/second")


def test_a_long_addition_goes_on_without_its_client_and_tells_how_far_it_is(
    client: httpx.Client, server: Server
) -> None:
    body = {"articles": [{"title": f"Boats {n}", "id": f"boats-{n}", "text": _long(100 + n)} for n in range(12)]}
    with server.client() as leaving:
        begun = leaving.post("/v1/articles/import", json=body, headers={"Prefer": "respond-async"})
    assert (202, "add", 12) == (begun.status_code, begun.json()["kind"], begun.json()["articles_total"])
    assert begun.headers["location"] == f"/v1/jobs/{begun.json()['id']}"
    job = _finished(client, begun.json()["id"])
    assert ("done", 12) == (job["state"], job["articles_done"])
    assert job["passages_done"] > 100
    assert job["id"] in [each["id"] for each in client.get("/v1/jobs").json()["jobs"]]
    for each in job["articles"]:
        client.delete(f"/v1/articles/{each['id']}")


def test_a_cancelled_addition_leaves_whole_articles_only(client: httpx.Client) -> None:
    body = {"title": "All the boats", "id": "all-boats", "text": _long(20_000)}
    begun = client.post("/v1/articles", json=body, headers={"Prefer": "respond-async"}).json()
    while client.get(f"/v1/jobs/{begun['id']}").json()["passages_done"] == 0:
        sleep(0.05)
    client.delete(f"/v1/jobs/{begun['id']}")
    job = _finished(client, begun["id"])
    assert ("cancelled", []) == (job["state"], job["articles"])
    assert 404 == client.get("/v1/articles/all-boats").status_code
    found = client.post("/v1/search", json={"query": "boats left the harbour of Varsund at dawn"}).json()["passages"]
    assert "all-boats" not in {each["passage"]["article_id"] for each in found}


def test_questions_are_answered_while_articles_are_added(client: httpx.Client) -> None:
    body = {"articles": [{"title": f"Boats {n}", "id": f"boats-{n}", "text": _long(200 + n)} for n in range(8)]}
    begun = client.post("/v1/articles/import", json=body, headers={"Prefer": "respond-async"}).json()
    states = []
    while client.get(f"/v1/jobs/{begun['id']}").json()["state"] in ("queued", "running"):
        answer = client.post("/v1/ask", json={"question": "How much of Ukraine's territory does Russia control?"})
        states.append((answer.status_code, answer.json()["short"]))
    assert {(200, "18%")} == set(states)
    for each in _finished(client, begun["id"])["articles"]:
        client.delete(f"/v1/articles/{each['id']}")


def test_what_can_not_be_loaded_is_a_problem_that_says_why(client: httpx.Client) -> None:
    for url in ("http://127.0.0.1:9/story", "http://[::ffff:10.0.0.1]/", "http://user:word@example.org/"):
        refused = client.post("/v1/articles/from-url", json={"url": url})
        assert (422, "urn:newsqa:problem:not-loadable") == (refused.status_code, refused.json()["type"])
        assert refused.json()["detail"]


def test_files_of_every_kind_are_uploaded_together(client: httpx.Client) -> None:
    page = "<html><head><title>Bell found</title></head><body><article>" + "<p>The bell was found in the mud.</p>" * 9
    files = [
        ("files", ("bell.pdf", f"{page}</article></body></html>".encode(), "application/pdf")),
        ("files", ("many.jsonl", b'{"id": "ferry-a", "text": "It sails."}\n{"id": "ferry-b"}\n', "text/plain")),
        ("files", ("feed.xml", b"<opml><body><outline xmlUrl='https://h.example/f'/></body></opml>", "text/xml")),
    ]
    done = client.post("/v1/articles/upload", files=files, headers={"Prefer": "wait=60"}).json()
    assert ["bell", "ferry-a"] == [each["id"] for each in done["articles"]]
    assert ["many.jsonl", "feed.xml"] == [each["title"] for each in done["failed"]]
    assert "add each by its address" in done["failed"][1]["detail"]
    for each in done["articles"]:
        client.delete(f"/v1/articles/{each['id']}")


def test_an_address_belongs_to_one_article(client: httpx.Client) -> None:
    url = "https://gazette.example/ferry"
    first = client.post("/v1/articles", json={**FERRY, "id": "ferry-1", "url": url}).json()
    other = {**FERRY, "id": "ferry-2", "text": "The ferry sank.", "url": f"{url}?utm_source=mail"}
    refused = client.post("/v1/articles", json=other)
    assert (409, True) == (refused.status_code, "'ferry-1'" in refused.json()["detail"])
    both = {"articles": [{**FERRY, "id": each, "text": f"Ferry {each} sails.", "url": f"{url}/x"} for each in "ab"]}
    done = client.post("/v1/articles/import", json=both).json()
    assert (["a"], ["b"]) == (
        [each["id"] for each in done["articles"]],
        [each["title"][:0] + "b" for each in done["failed"]],
    )
    client.delete("/v1/articles/a")
    client.post("/v1/articles", json={**FERRY, "id": "ferry-3"})
    refused = client.put("/v1/articles/ferry-3", json={**FERRY, "url": url}, headers={"If-Match": "*"})
    assert (409, True) == (refused.status_code, "'ferry-1'" in refused.json()["detail"])
    moved = client.put("/v1/articles/ferry-1", json={**FERRY, "url": f"{url}/new"}, headers={"If-Match": "*"})
    assert (200, "ferry-1") == (moved.status_code, moved.json()["id"])
    for id in (first["id"], "ferry-3"):
        client.delete(f"/v1/articles/{id}")


def test_a_key_repeats_what_a_restart_cut_short(tmp_path: Path) -> None:
    headers = {"Prefer": "respond-async", "Idempotency-Key": uuid4().hex}
    long = {"articles": [{"title": "All the boats", "id": "all-boats", "text": _long(20_000)}]}
    with serving(tmp_path / "library") as first, first.client() as client:
        client.post("/v1/articles/import", json=long, headers={"Prefer": "respond-async"})
        assert 202 == client.post("/v1/articles", json={**FERRY, "id": "cut"}, headers=headers).status_code
        first.stop()
    with serving(tmp_path / "library") as second, second.client() as client:
        assert 404 == client.get("/v1/articles/cut").status_code
        again = client.post("/v1/articles", json={**FERRY, "id": "cut"}, headers=headers)
        assert "idempotency-replayed" not in again.headers
        assert 201 == again.status_code or "done" == _finished(client, again.json()["id"])["state"]
        assert 200 == client.get("/v1/articles/cut").status_code

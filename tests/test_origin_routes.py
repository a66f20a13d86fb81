"""Pages and feeds over the API: loaded, looked at again, and shown with how fresh they are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fetch_serving import Site, answer, site
from tests.serving import ON_LOOPBACK, events, serving

pytestmark = ON_LOOPBACK
NOW = {"Prefer": "wait=60"}


def _page(title: str, text: str) -> bytes:
    told = "The harbour master of Vårsund told the paper so on Monday, and nobody at the pier was surprised."
    more = "Last year the crossing had been closed for eleven weeks, until a new engine came from the south."
    body = f"<article><h1>{title}</h1><p>{text}</p><p>{told}</p><p>{more}</p></article>"
    return answer(f"<html lang=en><head><title>{title}</title></head><body>{body}</body></html>".encode())


def _feed(*links: str) -> bytes:
    items = "".join(f"<item><title>{link[-5:]}</title><link>{link}</link></item>" for link in links)
    feed = f"<rss version='2.0'><channel><title>Herald</title>{items}</channel></rss>"
    return answer(feed.encode(), content_type="application/rss+xml")


@pytest.fixture(scope="module")
def pages() -> dict[str, bytes]:
    """What the web holds; tests change it."""
    return {}


@pytest.fixture(scope="module")
def web(pages: dict[str, bytes]) -> Iterator[Site]:
    """A web on loopback."""
    with site(pages) as running:
        yield running


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, web: Site) -> Iterator[httpx.Client]:
    """A client of a server that may fetch from that web."""
    folder: Path = tmp_path_factory.mktemp("origins") / "library"
    with serving(folder, {"NEWSQA_FETCH_ALLOW": f"127.0.0.1:{web.port}"}) as server, server.client() as opened:
        yield opened


def _load(client: httpx.Client, url: str) -> Any:
    return client.post("/v1/articles/from-url", json={"url": url}, headers=NOW, timeout=90)


def test_a_page_is_an_article_and_is_cited(client: httpx.Client, web: Site, pages: dict[str, bytes]) -> None:
    pages["/fare"] = _page("Fares", "A ticket for the ferry to Vårsund costs 4 crowns.")
    added = _load(client, web.url("/fare"))
    assert (201, "Fares") == (added.status_code, added.json()["title"])
    assert 200 == _load(client, web.url("/fare")).status_code
    asked = client.post("/v1/ask", json={"question": "How much is a ticket for the ferry to Vårsund?"}).json()
    assert ["4 crowns", web.url("/fare")] == [asked["short"], asked["citations"][0]["url"]]


def test_a_feed_is_a_job_with_events_and_a_sync_finds_its_news(
    client: httpx.Client, web: Site, pages: dict[str, bytes]
) -> None:
    pages |= {f"/a{number}": _page(f"Story {number}", f"Boat {number} came home.") for number in range(3)}
    pages["/feed"] = _feed(web.url("/a0"), web.url("/a1"))
    begun = client.post("/v1/articles/from-url", json={"url": web.url("/feed")}, headers={"Prefer": "respond-async"})
    with client.stream("GET", f"{begun.headers['location']}/events") as response:
        told = list(events(response))
    assert ["done"] == [event["type"] for event in told if event["type"] != "progress"]
    assert [["added"] * 2, 3] == [
        [each["outcome"] for each in told[-1]["job"]["articles"]],
        told[-1]["job"]["articles_total"],
    ]
    pages["/feed"] = _feed(web.url("/a0"), web.url("/a1"), web.url("/a2"))
    synced = client.post("/v1/sync", headers=NOW, timeout=90).json()
    assert "done" == synced["state"]
    assert 1 == [each["outcome"] for each in synced["articles"]].count("added")


def test_what_is_wrong_with_an_origin_is_shown_and_it_can_be_forgotten(
    client: httpx.Client, web: Site, pages: dict[str, bytes]
) -> None:
    pages["/gone"] = _page("Soon gone", "It is here today.")
    id = _load(client, web.url("/gone")).json()["id"]
    del pages["/gone"]
    synced = client.post("/v1/sync", headers=NOW, timeout=90).json()
    assert [id] == synced["gone"]
    assert 200 == client.get(f"/v1/articles/{id}").status_code

    def troubles() -> dict[str, str]:
        return {each["address"]: each["trouble"] for each in client.get("/v1/origins").json()["origins"]}

    assert "nothing any longer" in troubles()[web.url("/gone")]
    client.post("/v1/sync?prune=yes", headers=NOW, timeout=90)
    assert 404 == client.get(f"/v1/articles/{id}").status_code
    assert 204 == client.delete("/v1/origins", params={"address": web.url("/gone")}).status_code
    assert web.url("/gone") not in troubles()


def test_a_job_of_another_is_not_told_of(client: httpx.Client) -> None:
    assert 404 == client.get("/v1/jobs/job_none/events").status_code

"""A server over a library that is damaged: it gets ready, says what is damaged, and has it removed or read anew."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from newsqa import open_assistant
from newsqa.answering.confidence import Calibration
from newsqa.answering.extractive import ExtractiveAnswerer
from newsqa.answering.sentences import SentenceScorer
from newsqa.api.access import new_key
from newsqa.api.app import create_app
from newsqa.assistant import Assistant
from newsqa.errors import ModelError
from newsqa.library import sync, take
from newsqa.loading import Loader, origin_of
from newsqa.reader import Reader
from newsqa.retrieval import HybridRetriever
from newsqa.wiring import read_server_settings
from newsqa_ui.mounting import mount
from tests.conftest import open_library
from tests.fakes import BagOfWordsEmbeddings, ScriptedFetcher
from tests.serving import ON_LOOPBACK, Server, serving

pytestmark = ON_LOOPBACK
STORIES = {
    "ferry": "The ferry to Vårsund sails again from Monday. A ticket costs 4 crowns, and children sail free.",
    "bell": "The bell of Lodrava was found in the mud of the harbour by a diver.",
    "storm": "The storm took the roof of the chapel. The mason wants 900 crowns for a new one.",
}
TICKET = "What does a ticket to Vårsund cost?"
LOST = "article 'ferry' is damaged on the disk: remove it, and add it again"
KEY, ENTRY = new_key("admin")


def _damage_text(data: Path) -> None:
    with closing(sqlite3.connect(data / "catalogue.sqlite3")) as connection:
        damaged = "UPDATE revisions SET text = replace(text, 'ticket', 'tickat') WHERE article_id = 'ferry'"
        assert 0 < connection.execute(damaged).rowcount
        connection.commit()


def _damage_passage(data: Path) -> None:
    with closing(sqlite3.connect(data / "catalogue.sqlite3")) as connection:
        (vector,) = connection.execute("SELECT vector FROM passages WHERE article_id = 'ferry'").fetchone()
        flipped = bytes([vector[0] ^ 1]) + vector[1:]
        connection.execute("UPDATE passages SET vector = ? WHERE article_id = 'ferry'", (flipped,))
        connection.commit()


def _newsqa(*arguments: str, data: Path) -> tuple[int, str, str]:
    environment = {**os.environ, "NEWSQA_DATA_DIR": str(data), "COLUMNS": "120"}
    command = [sys.executable, "-m", "newsqa.cli", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=100)
    return ran.returncode, ran.stdout, ran.stderr


def _kind(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, str(response.json()["type"]).rpartition(":")[2]


def _written(folder: Path) -> Path:
    folder.mkdir()
    for id, text in STORIES.items():
        (folder / f"{id}.md").write_text(f"# {id.title()}\n\n{text}", "utf-8")
    return folder


def _filled(folder: Path, stories: Path) -> Path:
    """A closed library with these articles."""
    with open_assistant(folder) as assistant, Loader(ScriptedFetcher({})) as loader:
        take(assistant.library, loader, [origin_of(stories)])
    return folder


# Passages


def test_a_damaged_passage_keeps_no_server_from_getting_ready_and_is_named_to_the_owner_alone(tmp_path: Path) -> None:
    data = _filled(tmp_path / "library", _written(tmp_path / "in"))
    _damage_passage(data)
    damaged = "a passage of article 'ferry' is damaged on the disk: `newsqa doctor --repair` makes it anew"
    alone = _newsqa("ask", TICKET, data=data)
    assert (1, "", f"newsqa: {damaged}\n") == alone
    with serving(data, {"NEWSQA_API_KEYS": ENTRY}) as server, server.client(KEY) as client:
        assert {"status": "ready", "articles": 3}.items() <= client.get("/readyz").json().items()
        asked = client.post("/v1/ask", json={"question": TICKET})
        assert (503, "library-unusable") == _kind(asked)
        assert "Have the server's log read: it names it." == asked.json()["detail"]
        assert damaged in [line.get("why") for line in server.log()]
        assert STORIES["bell"] in client.get("/v1/articles/bell").json()["text"]
        assert alone == _newsqa("ask", TICKET, data=data)
        assert (0, "1 removed\n", "") == _newsqa("remove", "ferry", data=data)
        answer = client.post("/v1/ask", json={"question": "What does the mason want for a new roof?"}).json()
        assert "The mason wants 900 crowns" in answer["text"]


# Texts


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the folder `in` with the articles is, and the library that the server has."""
    return tmp_path_factory.mktemp("damaged")


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Server]:
    """A server over the library, with keys; each test that damages an article removes it, or has it read anew."""
    data = _filled(place / "library", _written(place / "in"))
    with serving(data, {"NEWSQA_API_KEYS": ENTRY}) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """An admin's client."""
    with server.client(KEY) as opened:
        yield opened


@pytest.fixture
def data(server: Server, place: Path) -> Path:
    """The served library, in which one article is damaged."""
    assert 0 == _newsqa("add", str(place / "in"), data=place / "library")[0], server.log()
    _damage_text(place / "library")
    return place / "library"


def test_a_damaged_article_is_named_to_the_owner_and_to_nobody_else(data: Path, client: httpx.Client) -> None:
    for arguments in (["ask", TICKET], ["show", "ferry"]):
        assert (1, "", f"newsqa: {LOST}\n") == _newsqa(*arguments, data=data)
    assert 0 == _newsqa("show", "bell", data=data)[0]
    for response in (client.get("/v1/articles/ferry"), client.post("/v1/ask", json={"question": TICKET})):
        assert (503, "library-unusable") == _kind(response)
        assert "ferry" not in response.json()["detail"]


@pytest.mark.parametrize("if_match", ["the revision", "*", None])
def test_a_damaged_article_can_be_removed_over_http(data: Path, client: httpx.Client, if_match: str | None) -> None:
    with closing(sqlite3.connect(data / "catalogue.sqlite3")) as connection:
        (revision,) = connection.execute("SELECT revision FROM articles WHERE id = 'ferry'").fetchone()
    stale = client.delete("/v1/articles/ferry", headers={"If-Match": '"of before"'})
    assert (412, f'"{revision}"') == (stale.status_code, stale.headers["etag"])
    named = {"If-Match": if_match.replace("the revision", f'"{revision}"')} if if_match else {}
    assert 204 == client.delete("/v1/articles/ferry", headers=named).status_code
    assert 404 == client.delete("/v1/articles/ferry").status_code
    assert ["bell", "storm"] == sorted(each["id"] for each in client.get("/v1/articles").json()["articles"])


@pytest.mark.usefixtures("data")
def test_an_import_goes_on_past_a_damaged_article(client: httpx.Client) -> None:
    articles = [{"id": id, "title": "New", "text": f"There is news of the {id}."} for id in ("ferry", "hail")]
    job = client.post("/v1/articles/import?replace=yes", json={"articles": articles}).json()
    assert ("done", [{"id": "hail", "outcome": "added"}]) == (job["state"], job["articles"])
    assert [{"title": "New", "detail": LOST}] == job["failed"]
    assert [204, 204] == [client.delete(f"/v1/articles/{id}").status_code for id in ("ferry", "hail")]


def test_commands_have_a_damaged_article_removed_or_read_anew_and_the_server_keeps_no_list_of_it(
    data: Path, place: Path, client: httpx.Client
) -> None:
    (place / "in" / "storm.md").write_text("# Storm\n\nThe storm is over.", "utf-8")
    assert (0, "0 added, 2 replaced, 1 unchanged\n", "") == _newsqa("sync", data=data)
    assert STORIES["ferry"] in client.get("/v1/articles/ferry").json()["text"]
    _damage_text(data)
    assert (0, "1 removed\n", "") == _newsqa("remove", "ferry", data=data)
    jobs = [client.get(f"/v1/jobs/{job['id']}").json() for job in client.get("/v1/jobs").json()["jobs"][:2]]
    told = [(job["kind"], job["state"], job["articles_done"], job["articles"]) for job in jobs]
    assert [("remove", "done", 1, []), ("sync", "done", 3, [])] == told


# A model that can't be loaded, a file that can't be read


class _NoModel(BagOfWordsEmbeddings):
    """Embeds no question."""

    def embed_query(self, text: str) -> list[float]:
        raise ModelError(f"/srv/model.onnx is damaged: {text}")


def _assistant(folder: Path, embedding: BagOfWordsEmbeddings) -> Assistant:
    library = open_library(folder)
    answerer = ExtractiveAnswerer(SentenceScorer(Reader()), Calibration.load())
    return Assistant(library, HybridRetriever(library=library, embedding=embedding), answerer)


def _asked(assistant: Assistant, *, page: bool) -> list[httpx.Response]:
    """What is said once it was tried to load the models: whether it is ready, to a question, and by the page."""

    async def asked() -> list[httpx.Response]:
        app = create_app(assistant, read_server_settings())
        if page:
            mount(app, read_server_settings())
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
        ):
            await app.state.service.warmed.wait()
            asked = await client.post("/v1/ask", json={"question": TICKET})
            return [await client.get("/readyz"), asked, await client.get("/")]

    return asyncio.run(asked())


def test_where_a_model_cannot_be_loaded_the_log_is_pointed_to(tmp_path: Path) -> None:
    trouble = "the models can't be loaded; the server's log tells why"
    with _assistant(tmp_path, _NoModel()) as assistant:
        ready, asked, page = _asked(assistant, page=True)
    assert (503, "not ready", trouble) == (ready.status_code, ready.json()["status"], ready.json()["trouble"])
    assert (503, "not-ready") == _kind(asked)
    assert trouble == asked.json()["detail"]
    assert (503, True) == (page.status_code, "The page could not be made" in page.text)


def _damage_file(catalogue: Path) -> None:
    """Overwrites the first page of the table of passages, and of each of its indexes."""
    with closing(sqlite3.connect(catalogue)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        pages = connection.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name = 'passages'").fetchall()
        with catalogue.open("r+b") as file:
            for (page,) in pages:
                file.seek((page - 1) * size)
                file.write(b"\xff" * 64)
        connection.execute("UPDATE settings SET value = value")  # or other connections would trust what they remember
        connection.commit()


def test_where_the_file_of_the_library_cannot_be_read_the_log_is_pointed_to(tmp_path: Path) -> None:
    with _assistant(tmp_path, BagOfWordsEmbeddings()) as assistant:
        _damage_file(tmp_path / "catalogue.sqlite3")
        ready, *_ = _asked(assistant, page=False)
    trouble = "the library can't be read; the server's log tells why"
    assert (503, trouble) == (ready.status_code, ready.json()["trouble"])


# Without a server


@pytest.fixture
def stories(tmp_path: Path) -> Path:
    """A folder with some articles."""
    return _written(tmp_path / "in")


@pytest.fixture
def loader() -> Iterator[Loader]:
    """Loads files, and nothing else."""
    with Loader(ScriptedFetcher({})) as opened:
        yield opened


def test_a_damaged_article_is_read_anew_from_its_file(tmp_path: Path, stories: Path, loader: Loader) -> None:
    with open_library(tmp_path / "library") as library:
        take(library, loader, [origin_of(stories)])
        whole = library.get("ferry")
        _damage_text(tmp_path / "library")
        intake = sync(library, loader)
        assert {"ferry": "replaced", "bell": "unchanged", "storm": "unchanged"} == intake.outcomes
        assert not intake.failed
        assert (whole.text, False) == (library.get("ferry").text, bool(library.damage()))
        assert {"unchanged"} == set(sync(library, loader).outcomes.values())


def test_a_damaged_article_that_its_file_holds_no_longer_stops_no_other(
    tmp_path: Path, stories: Path, loader: Loader
) -> None:
    with open_library(tmp_path / "library") as library:
        take(library, loader, [origin_of(stories)])
        _damage_text(tmp_path / "library")
        (stories / "ferry.md").unlink()
        (stories / "hail.md").write_text("It hailed.", "utf-8")
        intake = sync(library, loader)
        assert (["ferry"], "added") == (list(intake.gone), intake.outcomes["hail"])
        assert ["ferry"] == list(sync(library, loader, prune=True).gone)
        assert not library.damage()


def test_nothing_takes_the_place_of_a_damaged_article_but_its_own_file(
    tmp_path: Path, stories: Path, loader: Loader
) -> None:
    other = tmp_path / "other" / "ferry.md"
    other.parent.mkdir()
    other.write_text("Another ferry.", "utf-8")
    with open_library(tmp_path / "library") as library:
        take(library, loader, [origin_of(stories)])
        _damage_text(tmp_path / "library")
        intake = take(library, loader, [origin_of(other), origin_of(stories / "bell.md")])
        assert [f"{other}: {LOST}"] == list(intake.failed)
        assert {"bell": "unchanged"} == intake.outcomes
        assert ("ferry",) == library.damage().articles
        library.remove("ferry")
        assert {"ferry": "added"} == take(library, loader, [origin_of(other)]).outcomes

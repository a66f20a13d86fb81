"""One library that several processes share: PostgreSQL and a Chroma server, both real, killed and started again."""

import http.server
import inspect
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import httpx
import pytest
from chromadb.api.shared_system_client import SharedSystemClient

from newsqa import Article, Library, open_assistant
from newsqa.domain import Filters, Passage
from newsqa.errors import ArticleError, IndexMismatchError, LibraryError, LibraryUnreachableError, SettingsError
from newsqa.library import Health, Servers
from newsqa.library.archive import export
from newsqa.library.catalogue import Catalogue
from newsqa.library.chroma_server import ChromaServer
from newsqa.wiring import open_catalogue, read_settings
from newsqa_evals.cases import load_suites
from tests import test_conversations, test_copies, test_intake, test_library
from tests.chroma_serving import Chroma, chroma
from tests.conftest import ROOT, open_library
from tests.fakes import DIMENSIONS, BagOfWordsEmbeddings
from tests.postgresql import PostgreSQL, postgresql
from tests.serving import ON_LOOPBACK, Server, serving
from tests.test_intake import add, loader, web

__all__ = ["add", "loader", "web"]
pytestmark = ON_LOOPBACK
FERRY = Article("The ferry", "The ferry to Vårsund leaves at noon. It carries forty cars.", id="ferry")
BRIDGE = Article("The bridge", "The bridge was closed on Monday. A ship had struck its third pillar.", id="bridge")
NOON = "When does the ferry to Vårsund leave?"
SECRET = "se:cret"  # noqa: S105  # of databases that live as long as a test
PATIENCE_SECONDS = 40
Clients = tuple[httpx.Client, httpx.Client]


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    """A PostgreSQL server."""
    with postgresql() as running:
        yield running


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chroma]:
    """A Chroma server."""
    with chroma(tmp_path_factory.mktemp("chroma")) as running:
        yield running


@pytest.fixture(scope="module")
def url(database: PostgreSQL) -> str:
    """The address of a database."""
    return database.database()


@pytest.fixture
def servers(database: PostgreSQL, url: str, vectors: Chroma) -> Servers:
    """Where a new library is."""
    database.empty(url)
    return Servers(url, vectors.url)


@pytest.fixture
def library(servers: Servers) -> Iterator[Library]:
    """An empty library that is shared, in the place of the one in a folder."""
    with _shared(servers) as opened:
        yield opened


@pytest.fixture(scope="module")
def pair(
    database: PostgreSQL, vectors: Chroma, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server]]:
    """Two API processes over one library."""
    settings = {"NEWSQA_DATABASE_URL": database.database(), "NEWSQA_CHROMA_URL": vectors.url}
    folder = tmp_path_factory.mktemp("pair")
    with serving(folder / "one", settings) as one, serving(folder / "two", settings) as two:
        yield one, two


@pytest.fixture
def clients(pair: tuple[Server, Server]) -> Iterator[Clients]:
    """A client of each."""
    with pair[0].client() as one, pair[1].client() as two:
        yield one, two


def _shared(servers: Servers, **options: object) -> Library:
    return open_library(Path("/nothing/is/written/here"), servers=servers, **options)


def _until(true: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE_SECONDS
    while not true():
        assert monotonic() < deadline, "it did not become so"
        sleep(0.1)


def _ready(client: httpx.Client) -> bool:
    return client.get("/readyz").is_success


def _sent(article: Article, **others: Any) -> dict[str, Any]:
    return {"id": article.id, "title": article.title, "text": article.text, **others}


# What holds of a library in a folder holds of a shared one: their own tests, with the fixture of this module


def _own_tests() -> Iterator[tuple[str, Callable[..., None]]]:
    for module in (test_library, test_conversations, test_copies, test_intake):
        for name, test in vars(module).items():
            if name.startswith("test_") and "library" in inspect.signature(test).parameters:
                yield name, test


globals().update(_own_tests())


# Two libraries, as two processes have them


def test_what_one_changes_the_other_finds_at_once(servers: Servers) -> None:
    with _shared(servers) as one, _shared(servers) as two:
        one.add([FERRY, BRIDGE])
        assert {"ferry", "bridge"} == _found(two, "noon pillar")
        two.remove("ferry")
        assert {"bridge"} == _found(one, "noon pillar")
        assert one.health().agree
        assert two.health().agree


def test_what_is_added_while_its_health_is_looked_at_is_no_disagreement(servers: Servers) -> None:
    with _shared(servers) as one, _shared(servers) as two:
        one.add(FERRY)
        assert two.health().agree
        two._catalogue.unsettle()
        told = list[int]()

        def add(done: int, total: int) -> None:
            told.append(total - done)
            one.add(BRIDGE)

        assert Health(2, 2, 0, 0) == two.health(add)
        assert told


def test_two_that_add_the_same_at_once_have_it_once(servers: Servers) -> None:
    articles = [
        Article(f"Piece {n}", f"The text of piece {n} is short.", url=f"https://x.example/{n}") for n in range(60)
    ]
    with _shared(servers) as one, _shared(servers) as two, ThreadPoolExecutor() as pool:
        reports = list(pool.map(lambda each: each.add(articles), (one, two)))
        outcomes = sorted(outcome for report in reports for outcome in report.outcomes.values())
        assert ["added"] * 60 + ["unchanged"] * 60 == outcomes
        assert (60, 60, True) == (len(one), two.counts()["passages"], two.health().agree)


def test_numbers_of_changes_are_seen_in_their_order(servers: Servers) -> None:
    """A change that is seen later than a higher number would never be read."""
    with _shared(servers) as one, _shared(servers) as two, ThreadPoolExecutor() as pool:
        adding = [
            pool.submit(_add_each, library, [Article(f"{n} of {name}", f"It says {name}{n} here.") for n in range(25)])
            for name, library in (("one", one), ("two", two))
        ]
        while not all(each.done() for each in adding):
            _found(one, "here")
        assert 50 == len(one.search_text(["here"], 100, Filters()))
        assert 50 == len(two.search_text(["here"], 100, Filters()))


def test_the_lock_of_a_killed_process_is_free_again(servers: Servers) -> None:
    program = f"""
import sys, time
from pathlib import Path
from tests.conftest import open_library
from newsqa.library import Servers
with open_library(Path("/nothing"), servers=Servers({servers.database_url!r}, {servers.chroma_url!r})) as library:
    with library.changing():
        print("held", flush=True)
        time.sleep(600)
"""
    holder = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    with holder, _shared_later(holder, servers) as library, ThreadPoolExecutor() as pool:
        adding = pool.submit(library.add, FERRY)
        sleep(0.3)
        assert not adding.done()
        holder.kill()
        assert {"ferry": "added"} == adding.result(30).outcomes


def _shared_later(holder: "subprocess.Popen[str]", servers: Servers) -> Library:
    library = _shared(servers)
    assert holder.stdout
    assert "held\n" == holder.stdout.readline()
    return library


def test_a_change_is_refused_where_its_lock_went_with_its_connection(servers: Servers, database: PostgreSQL) -> None:
    with _shared(servers) as library:
        library.add(BRIDGE)

        def cut(_: int) -> None:
            database.cut_connections()

        with pytest.raises(LibraryUnreachableError):
            library.add(FERRY, on_passages=cut)
        assert 1 == len(library)
        library.add(FERRY)
        assert {"ferry"} == _found(library, "noon")


def _found(library: Library, words: str) -> set[str]:
    scores = library.search_text(words.split(), 20, Filters())
    return {each.passage.article_id for each in library.passages({id: (score, {}) for id, score in scores.items()})}


def _add_each(library: Library, articles: Sequence[Article]) -> None:
    for article in articles:
        library.add(article)


# Text and addresses that need care


def test_text_is_ordered_by_its_code_points_whatever_the_database_prefers(library: Library) -> None:
    ids = ["b", "B", "a", "Z", "ä", "-a", "10", "9"]
    library.add(Article(f"Title {id}", f"Text of {id}.", id=id, publisher=id) for id in ids)
    assert sorted(ids) == [article.id for article in library.articles()]
    assert sorted(ids) == library.publishers()


def test_what_holds_a_nul_is_refused_or_found_nowhere(library: Library) -> None:
    with pytest.raises(ArticleError, match="text holds a NUL character at 4"):
        library.add(Article("Title", "Half\0 a text."))
    assert [] == library.articles(Filters(publisher="a\0b"))
    library.conversations.create("talk", "me")
    library.conversations.append("talk", {"id": "answer", "question": "Why\0?", "text": "Because."})
    assert "Why\ufffd?" == library.conversations.get("talk", "me").title


def test_a_database_of_another_encoding_is_refused(database: PostgreSQL, vectors: Chroma) -> None:
    latin = database.database("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    with pytest.raises(LibraryError, match="encoding LATIN1"):
        _shared(Servers(latin, vectors.url))


def test_a_password_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSQA_DATABASE_URL", f"postgresql://me:{SECRET}@127.0.0.1:1/news")
    settings = read_settings(chroma_url="http://127.0.0.1:1")
    with pytest.raises(LibraryUnreachableError, match=r"the database 'news' at 127\.0\.0\.1:1 can't be") as refusal:
        open_assistant(chroma_url="http://127.0.0.1:1")
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()} {refusal.value}"


@pytest.mark.parametrize(("name", "kind"), [("DATABASE", "mysql"), ("CHROMA", "http"), ("CHROMA", "ftp")])
def test_an_address_that_is_none_is_refused_without_what_it_holds(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"NEWSQA_{name}_URL", f"{kind}://me:{SECRET}@host/news")
    with pytest.raises(SettingsError, match=rf"^NEWSQA_{name}_URL: ") as refusal:
        read_settings()
    assert SECRET not in str(refusal.value)


def test_a_database_without_a_chroma_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSQA_DATABASE_URL", "postgresql://me@127.0.0.1:1/news")
    with pytest.raises(SettingsError, match="NEWSQA_DATABASE_URL needs NEWSQA_CHROMA_URL"):
        open_assistant()


# Chroma's server


def test_a_chroma_server_that_lost_everything_is_filled_again(
    servers: Servers, vectors: Chroma, tmp_path: Path
) -> None:
    with _shared(servers) as library:
        library.add([FERRY, BRIDGE])
        assert library.health().agree
        vectors.kill()
        vectors.start(tmp_path / "empty")
        try:
            _until(lambda: _in_chroma(library) == 2)
        finally:
            vectors.kill()
            vectors.start()


def test_who_has_another_chroma_server_than_the_library_is_in_says_so_and_finds_all_the_same(
    servers: Servers, tmp_path: Path
) -> None:
    with chroma(tmp_path / "other") as other, _shared(servers) as one:
        one.add(FERRY)
        assert one.health().agree
        with _shared(replace(servers, chroma_url=other.url)) as two:
            _until(lambda: "set NEWSQA_CHROMA_URL to the same server on every machine" in two.trouble)
            two.add(BRIDGE)
            two.remove("ferry")
            assert one.health().agree
            pillar = BagOfWordsEmbeddings().embed_query("a ship had struck its third pillar")
            for each in (one, two):
                assert {"bridge"} == {each.article_id for each in _nearest(each, pillar)}
            assert "" == one.trouble
            assert two.trouble


def test_a_library_moves_to_another_chroma_server_once_no_process_uses_the_first(
    servers: Servers, tmp_path: Path
) -> None:
    with chroma(tmp_path / "other") as other:
        elsewhere = replace(servers, chroma_url=other.url)
        with _shared(servers) as library, _shared(elsewhere) as waiting:
            library.add(FERRY)
            assert library.health().agree
            _until(lambda: bool(waiting.trouble))
            library.close()
            _until(lambda: not waiting.trouble)
            assert Health(1, 1, 0, 0) == waiting.health()
            waiting.add(BRIDGE)
            waiting.remove("ferry")
        with _shared(servers) as library:  # what it had before is not taken for what it should have
            assert Health(1, 1, 0, 0) == library.health()
            assert {"bridge"} == {each.article_id for each in _nearest(library, [1.0] * DIMENSIONS)}


def test_the_right_to_use_chroma_is_taken_anew_where_it_went_with_its_connection(
    servers: Servers, database: PostgreSQL
) -> None:
    def holders(library: Library) -> set[int]:
        query = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'"
        with library._catalogue.reading() as connection:
            return set(connection.exec_driver_sql(query).scalars())

    with _shared(servers) as library:
        library.add(FERRY)
        assert library.health().agree
        before = holders(library)
        database.cut_connections()
        _until(lambda: len(before) == len(holders(library) - before) == 1)
        assert library.health().agree


def test_what_is_brought_to_chroma_is_not_noted_without_the_lock(servers: Servers, database: PostgreSQL) -> None:
    """Another process may have moved the library to another server meanwhile, and noted what that one lacks."""
    passed: list[str] = []

    def cut_once(point: str) -> None:
        passed.append(point)
        if passed.count("settle: vectors written") == 1 == (point == "settle: vectors written"):
            database.cut_connections()

    with _shared(servers, on_write=cut_once) as library:
        library.add(FERRY)
        _until(lambda: "settle: noted" in passed)
        assert library.health().agree
    assert 2 == passed.count("settle: vectors written")
    assert 1 == passed.count("settle: noted")


def test_chromas_collection_is_made_anew_while_another_process_uses_it(servers: Servers) -> None:
    with _shared(servers) as one, _shared(servers) as two:
        one.add([FERRY, BRIDGE])
        assert two.health().agree
        two.repair()
        assert Health(2, 2, 0, 0) == two.health()
        _until(lambda: one.health() == Health(2, 2, 0, 0))
        assert "" == two.trouble


@pytest.mark.parametrize(
    "answered", [("healthcheck",), ("healthcheck", "identity", "default_tenant", "default_database")]
)
def test_a_chroma_server_that_fails_halfway_is_told_and_leaves_nothing_open(
    answered: tuple[str, ...], tmp_path: Path
) -> None:
    class Halfway(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            user = {"user_id": "", "tenant": "default_tenant", "databases": ["default_database"]}
            named = {"id": str(uuid4()), "name": "default", "tenant": "default_tenant"}
            body = json.dumps(user if self.path.endswith("identity") else named).encode()
            self.send_response(200 if self.path.endswith(answered) else 500)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    def left() -> tuple[int, int]:
        links = [str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
        return len(SharedSystemClient._identifier_to_system), sum(link.startswith("socket:") for link in links)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Halfway) as half:
        threading.Thread(target=half.serve_forever, daemon=True).start()
        catalogue = Catalogue(tmp_path / "catalogue.sqlite3")
        server, before = ChromaServer(f"http://127.0.0.1:{half.server_port}", catalogue), left()
        for _ in range(5):
            with pytest.raises(
                Exception, match=r"Internal Server Error|default_tenant"
            ):  # Chroma's errors share no class
                server.open(alone=True)
            with pytest.raises(LibraryError, match="start it, or correct NEWSQA_CHROMA_URL"):
                server.forget()
        _until(lambda: before == left())
        catalogue.close()
        half.shutdown()


def test_a_library_in_a_folder_may_have_its_vectors_on_a_server(tmp_path: Path, vectors: Chroma) -> None:
    for _ in range(2):
        with open_library(tmp_path / "library", servers=Servers(chroma_url=vectors.url)) as library:
            library.add([FERRY, BRIDGE])
            assert library.health().agree
    assert not (tmp_path / "library" / "vectors").exists()


def test_a_server_that_is_not_chromas_rust_server_is_refused(tmp_path: Path) -> None:
    class Python(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Python) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{other.server_port}"
        with open_library(tmp_path / "library", servers=Servers(chroma_url=url)) as library:
            library.add(FERRY)
            _until(lambda: bool(library.trouble))
            assert "not the server that `chroma run` starts" in library.trouble
            assert library.search_vectors(BagOfWordsEmbeddings().embed_query("noon"), 1, Filters())
        other.shutdown()


def test_vectors_of_another_length_are_made_anew_on_a_server(servers: Servers) -> None:
    with _shared(servers) as library:
        library.add(FERRY)
        assert library.health().agree
    with Library(Path("/nothing"), _ShortEmbeddings(), "short", servers=servers, reindex=True) as library:
        assert library.health().agree


class _ShortEmbeddings(BagOfWordsEmbeddings):
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[1.0, float(len(text))] for text in texts]


def _nearest(library: Library, vector: Sequence[float]) -> list[Passage]:
    cosines = library.search_vectors(vector, 1, Filters())
    return [each.passage for each in library.passages({id: (cosine, {}) for id, cosine in cosines.items()})]


def _in_chroma(library: Library) -> int:
    return 0 if library.trouble else library.health().passages - library.health().missing_vectors


# Two API processes


def test_an_article_added_through_one_is_answered_by_the_other_at_once(clients: Clients) -> None:
    one, two = clients
    assert 201 == one.post("/v1/articles", json=_sent(FERRY)).status_code
    answer = two.post("/v1/ask", json={"question": NOON}).json()
    assert ("answered", ["ferry"]) == (answer["status"], [each["article_id"] for each in answer["citations"]])
    assert 204 == two.delete("/v1/articles/ferry").status_code
    again = one.post("/v1/ask", json={"question": NOON}).json()
    assert [] == again["citations"]


def test_fifty_additions_over_both_make_no_duplicates(clients: Clients) -> None:
    pieces = [_sent(Article(f"Piece {n}", f"Piece {n} tells of the {n}th storm."), id=f"piece-{n}") for n in range(25)]

    def post(each: int) -> int:
        reply = clients[each % 2].post("/v1/articles", json=pieces[each // 2], headers={"Prefer": "wait=60"})
        return reply.status_code

    with ThreadPoolExecutor(10) as pool:
        statuses = sorted(pool.map(post, range(50)))
    assert [200] * 25 + [201] * 25 == statuses
    for client in clients:
        listed = client.get("/v1/articles", params={"limit": 100}).json()["articles"]
        assert sorted(each["id"] for each in pieces) == sorted(each["id"] for each in listed)
    for each in pieces:
        clients[0].delete(f"/v1/articles/{each['id']}")


def test_of_two_that_replace_the_same_revision_one_is_told(clients: Clients) -> None:
    tag = clients[0].post("/v1/articles", json=_sent(BRIDGE)).headers["ETag"]

    def put(client: httpx.Client) -> int:
        text = f"The bridge is open again, says {client.base_url}."
        body = {"title": BRIDGE.title, "text": text}
        return client.put("/v1/articles/bridge", json=body, headers={"If-Match": tag}).status_code

    with ThreadPoolExecutor() as pool:
        assert [200, 412] == sorted(pool.map(put, clients))
    clients[0].delete("/v1/articles/bridge")


def test_while_the_database_is_away_all_say_so_and_go_on_by_themselves(
    pair: tuple[Server, Server], clients: Clients, database: PostgreSQL
) -> None:
    one, two = clients
    one.post("/v1/articles", json=_sent(FERRY))
    database.kill()
    try:
        for client in (one, two):
            for reply in (
                client.post("/v1/ask", json={"question": NOON}),
                client.post("/v1/articles", json=_sent(BRIDGE)),
            ):
                assert (503, "urn:newsqa:problem:library-unreachable") == (reply.status_code, reply.json()["type"])
            ready = client.get("/readyz")
            assert (503, "the library's database does not answer") == (ready.status_code, ready.json()["trouble"])
            assert client.get("/healthz").is_success
            assert client.get("/metrics").is_success
    finally:
        database.start()
    for client in (one, two):
        _until(lambda client=client: _ready(client))  # type: ignore[misc]
        assert "noon" in client.post("/v1/ask", json={"question": NOON}).json()["text"]
    assert 404 == one.get("/v1/articles/bridge").status_code
    assert not any(SECRET in server.log_file.read_text("utf-8") for server in pair)


def test_while_chroma_is_away_answers_go_on_and_it_catches_up_by_itself(
    pair: tuple[Server, Server], clients: Clients, vectors: Chroma
) -> None:
    one, two = clients
    vectors.kill()
    try:
        _until(lambda: not _ready(one) and not _ready(two))
        assert "Chroma can't be used" in two.get("/readyz").json()["trouble"]
        assert 201 == one.post("/v1/articles", json=_sent(BRIDGE)).status_code
        answer = two.post("/v1/ask", json={"question": "What had struck the bridge?"}).json()
        assert ["bridge"] == [each["article_id"] for each in answer["citations"]]
    finally:
        vectors.start()
    _until(lambda: _ready(one) and _ready(two))
    told = [line.get("why") for line in pair[0].log() if "vectors can't be used" in line["message"]]
    assert 1 == len(told), told
    one.delete("/v1/articles/bridge")


def test_a_command_works_in_the_shared_library(pair: tuple[Server, Server], clients: Clients, tmp_path: Path) -> None:
    settings = {name: value for name, value in _environment(pair[0]).items() if name.startswith("NEWSQA_")}
    file = tmp_path / "mill.md"
    file.write_text("# The mill\n\nThe mill grinds rye from Monday to Friday.", "utf-8")

    def newsqa(*command: str) -> str:
        whole = [sys.executable, "-m", "newsqa.cli", *command]
        return subprocess.run(whole, env={**os.environ, **settings}, check=True, capture_output=True, text=True).stdout

    newsqa("add", str(file))
    told = json.loads(newsqa("doctor", "--json"))
    assert (True, "Chroma") == (told["catalogue and vectors agree"], told["passages are found by"])
    assert SECRET not in json.dumps(told)
    titles = [each["title"] for each in clients[1].get("/v1/articles").json()["articles"]]
    assert "The mill" in titles


def _environment(server: Server) -> dict[str, str]:
    text = Path(f"/proc/{server.process.pid}/environ").read_text("utf-8")
    return dict(line.split("=", 1) for line in text.split("\0") if "=" in line)


def test_a_shared_library_can_be_taken_to_a_folder(library: Library, servers: Servers, tmp_path: Path) -> None:
    library.add([FERRY, BRIDGE])
    with open_catalogue(read_settings(database_url=servers.database_url)) as engine:
        export(engine, tmp_path / "library.zip", {})
    with open_library(tmp_path / "library") as taken:
        taken.restore(tmp_path / "library.zip")
        assert library.articles() == taken.articles()
        assert {"ferry"} == _found(taken, "noon")


# The same answers


def test_answers_are_the_same_as_from_a_folder(servers: Servers, tmp_path: Path, corpus: list[Article]) -> None:
    questions = [case.question for suite in load_suites() for case in suite.cases][::6]
    elsewhere = {"database_url": servers.database_url, "chroma_url": servers.chroma_url}
    with open_assistant(tmp_path / "here") as here, open_assistant(**elsewhere) as there:  # type: ignore[arg-type]  # any settings
        for each in (here, there):
            each.library.add(corpus)
            assert each.library.health().agree
        for question in questions:
            assert here.retriever.find(question) == there.retriever.find(question)
        for question in questions[::8]:
            assert _told(here.ask(question)) == _told(there.ask(question))


def _told(answer: Any) -> tuple[Any, ...]:
    return answer.text, answer.status, answer.confidence, answer.citations, answer.passages


def test_a_server_refuses_once_another_process_has_indexed_the_library_anew(servers: Servers) -> None:
    with _shared(servers) as forgotten:
        forgotten.add([FERRY, BRIDGE])
        assert forgotten.search_text(["ferry"], 3, Filters())
        with _shared(servers, passage_words=60, reindex=True) as other:
            assert other.health().agree
        for use in (
            lambda: forgotten.search_text(["ferry"], 3, Filters()),
            lambda: forgotten.add(replace(FERRY, id="quay")),
        ):
            with pytest.raises(IndexMismatchError, match="passage_words '60', now it is '120'"):
                use()
    with _shared(servers, passage_words=60) as other:
        assert 2 == len(other)
        assert other.health().agree


def test_what_the_database_refuses_is_no_database_that_is_away(servers: Servers) -> None:
    with _shared(servers) as library:
        library.add([FERRY])
        with library._catalogue.reading() as connection:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 50")
            with pytest.raises(LibraryError, match=r"refuses .*statement timeout.*do it again later") as refused:
                connection.exec_driver_sql("SELECT pg_sleep(5)")
        assert not isinstance(refused.value, LibraryUnreachableError)
        assert 1 == len(library)


def test_what_names_an_article_fits_into_an_index(library: Library) -> None:
    words = "".join(chr(0x4E00 + number * 37 % 20000) for number in range(433))  # hard to compress
    library.add(replace(FERRY, id=words, origin=words, url=f"https://a.example/{words[:420]}"))
    assert words == library.get(words).id
    with pytest.raises(ArticleError, match="origin has 1,302 bytes, more than 1,300"):
        library.add(replace(BRIDGE, origin=words + "一"))

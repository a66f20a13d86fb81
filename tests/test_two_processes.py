"""One library and two processes: commands while a server has it, and who is refused."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from filelock import FileLock

from newsqa import cli
from newsqa.api.access import new_key
from newsqa.api.server import bound, local_address
from newsqa.cli.through import Through, running_server
from newsqa.errors import LibraryError, LibraryLockedError, NewsqaError
from newsqa.library.ownership import Owner, Ownership, server_of
from tests.serving import ON_LOOPBACK, Server, serving

pytestmark = ON_LOOPBACK
STORY = "The ferry to Vårsund sails again from Monday. A ticket costs 4 crowns, and children sail free."
KEY, ENTRY = new_key("admin")
REMOTE = {"X-Forwarded-For": "203.0.113.9"}
INTAKE = {"origins": [], "prune": False, "standpoint": "/"}
SCRIPT = [
    ["add", "in", "missing.md", "/proc/1/mem", "ftp://nowhere", "--skip", "*.txt"],
    ["add", "in", "--json"],
    ["add", os.fsdecode(b"in/\xff.md")],
    ["ask", "What does a ticket to Vårsund cost?", "--json"],
    ["ask", "What does a ticket cost?", "--from", "2025-01-01"],
    ["ask", ""],
    ["articles", "--json"],
    ["show", "ferry", "--at", "50"],
    ["show", "ferry", "--json"],
    ["show", "nothing"],
    ["chat"],
    ["remove", "bell", "nothing"],
    ["remove", "bell"],
    ["sync", "--prune", "--json"],
    ["origins", "--json"],
    ["origins", "--forget", "nowhere"],
    ["articles"],
]
"""What is done to two libraries: to one alone, to the other through a server."""
CHANGING = re.compile(r'("(?:\w+_at|understand|retrieve|read|total)": )[^,\n]+|\d+ minutes? ago|just now')
"""The times in what is printed."""
NOISE = re.compile(r"(\.\d{4})\d+")
"""Behind the fourth digit a score depends on whether Chroma has the passage yet."""


def _environment(data: Path) -> dict[str, str]:
    return {**os.environ, "NEWSQA_DATA_DIR": str(data), "COLUMNS": "120", "PYTHONUNBUFFERED": "1"}


def _run(*arguments: str, data: Path, at: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "newsqa.cli", *arguments]
    given = {"input": "What does a ticket cost?\nAnd for children?\n", "env": _environment(data), "cwd": at}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100, **given)  # type: ignore[call-overload,no-any-return]  # as it is called


@contextmanager
def _running(*arguments: str, data: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "newsqa.cli", *arguments]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what is ignored here is ignored there, too
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=_environment(data)) as process:
        signal.signal(signal.SIGINT, before)
        try:
            yield process
        finally:
            process.kill()


def _owner(data: Path) -> Any:
    return json.loads((data / "owner.json").read_text("utf-8"))


def _jobs(server: Server) -> Any:
    with server.client(KEY) as client:
        return client.get("/v1/jobs").json()["jobs"]


def _begun(server: Server) -> bool:
    """Whether the last job is under way: its command has heard of it."""
    jobs = _jobs(server)
    return bool(jobs) and jobs[0]["state"] == "running" and jobs[0]["articles_total"] > 0


def _await(happened: Callable[[], Any]) -> None:
    deadline = monotonic() + 60
    while not happened():
        assert monotonic() < deadline
        sleep(0.05)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the library that the server has."""
    return tmp_path_factory.mktemp("two") / "library"


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[Server]:
    """A server with keys, behind a proxy on this machine."""
    with serving(data, {"NEWSQA_API_KEYS": ENTRY, "NEWSQA_TRUSTED_PROXIES": "127.0.0.1"}) as running:
        yield running


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder to stand in, with articles below it, and files that are none."""
    made = tmp_path / "in"
    made.mkdir()
    (made / "ferry.md").write_text(STORY, "utf-8")
    (made / "empty.md").touch()
    (made / "bell [x] #1?%20ü.md").write_text(
        "---\nid: bell\ntitle: Bell\n---\nThe bell was found in the mud.", "utf-8"
    )
    (made / "left-out.txt").write_text("The storm took the roof of the chapel.", "utf-8")
    (made / os.fsdecode(b"\xff.md")).write_text("Nobody can write this name.", "utf-8")
    return tmp_path


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A file with so many articles that they take seconds."""
    file = tmp_path / "many.jsonl"
    file.write_text("".join(json.dumps({"id": f"a{number}", "text": STORY * 20}) + "\n" for number in range(300)))
    return file


def test_every_command_says_through_a_server_what_it_says_alone(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path_factory: Any
) -> None:
    alone, served = tmp_path_factory.mktemp("alone"), tmp_path_factory.mktemp("served")
    monkeypatch.chdir(here)
    for name, value in _environment(alone).items():
        monkeypatch.setenv(name, value)
    with serving(served):
        for arguments in SCRIPT:
            monkeypatch.setattr(sys, "argv", ["newsqa", *arguments])
            monkeypatch.setattr(sys, "stdin", StringIO("What does a ticket cost?\nAnd for children?\n"))
            with pytest.raises(SystemExit) as ended:
                cli.main()
            expected = ended.value.code or 0, *map(_timeless, capsys.readouterr())
            through = _run(*arguments, data=served, at=here)
            assert expected == (through.returncode, _timeless(through.stdout), _timeless(through.stderr)), arguments


def _timeless(printed: str) -> str:
    return NOISE.sub(r"\1", CHANGING.sub(r"\1", printed))


def test_two_additions_at_once_both_succeed_where_a_server_has_the_library(
    server: Server, data: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.md").write_text(f"{STORY} Ship {name}.", "utf-8")
    with (
        _running("add", str(tmp_path / "one.md"), data=data) as one,
        _running("add", str(tmp_path / "two.md"), data=data) as two,
    ):
        assert [(0, ""), (0, "")] == [(each.wait(60), each.communicate()[1]) for each in (one, two)]
    with server.client(KEY) as client:
        assert {"one", "two"} <= {each["id"] for each in client.get("/v1/articles").json()["articles"]}


def test_an_interrupted_addition_is_cancelled_at_the_server(server: Server, data: Path, many: Path) -> None:
    with _running("add", str(many), data=data) as process:
        _await(lambda: _begun(server))
        process.send_signal(signal.SIGINT)
        told = process.communicate(timeout=60)
    assert (130, "") == (process.returncode, told[0])
    assert re.search(
        r"^newsqa: interrupted after \d+ of 300: what was stored stays; the same command goes", told[1], re.MULTILINE
    )
    _await(lambda: _jobs(server)[0]["finished_at"])
    assert "cancelled" == _jobs(server)[0]["state"]


def test_an_addition_whose_command_is_killed_is_cancelled(server: Server, data: Path, many: Path) -> None:
    with _running("add", str(many), data=data) as process:
        _await(lambda: _begun(server))
        process.kill()
        _await(lambda: _jobs(server)[0]["finished_at"])
    assert "cancelled" == _jobs(server)[0]["state"]


def test_a_server_that_stops_ends_the_command_with_the_way_on(tmp_path: Path, many: Path) -> None:
    data = tmp_path / "data"
    with serving(data, {"NEWSQA_API_KEYS": ENTRY}) as server, _running("add", str(many), data=data) as process:
        _await(lambda: _begun(server))
        server.stop()
        told = process.communicate(timeout=60)[1]
    assert (1, True) == (process.returncode, told.endswith("the same command goes on from there\n")), told


@pytest.mark.usefixtures("server")
def test_a_folder_is_watched_through_the_server(data: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "first.md").write_text("The clerk lost his hat at the quay.", "utf-8")
    with _running("add", "--watch", str(tmp_path / "in"), data=data) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("1 added")
        (tmp_path / "in" / "second.md").write_text("The baker found a coin in the flour.", "utf-8")
        assert process.stdout.readline().startswith("1 added, 0 replaced, 1 unchanged")
        process.send_signal(signal.SIGINT)
        assert 0 == process.wait(20)


def test_doctor_names_the_server_and_its_counts_and_reindexes_nothing(server: Server, data: Path) -> None:
    facts = json.loads(_run("doctor", "--json", data=data).stdout)
    assert {"open in": f"the server with pid {server.process.pid}", "address": server.url}.items() <= facts.items()
    assert facts["passages"] >= facts["articles"]
    refused = _run("doctor", "--reindex", data=data)
    assert (1, True) == (refused.returncode, f"pid {server.process.pid}" in refused.stderr)


@pytest.mark.usefixtures("server")
def test_a_command_that_goes_through_a_server_loads_no_library(data: Path) -> None:
    script = "import sys; from newsqa import cli; sys.argv = ['newsqa', 'articles', '--json']\ntry: cli.main()\n"
    script += "finally: print([m for m in ('chromadb', 'onnxruntime', 'langchain_core', 'numpy', 'sqlalchemy', "
    script += "'fastapi') if m in sys.modules], file=sys.stderr)"
    ran = subprocess.run(
        [sys.executable, "-c", script], env=_environment(data), capture_output=True, text=True, check=True
    )
    assert "[]" == ran.stderr.strip()


# Who is let in


def _statuses(url: str, **headers: str) -> list[int]:
    given = {"headers": headers, "trust_env": False}
    paths = [("/v1/errands/intake", INTAKE), ("/v1/errands/articles", {}), ("/v1/feedback", None)]
    return [
        httpx.request("POST" if body is not None else "GET", f"{url}{path}", json=body, **given).status_code  # type: ignore[arg-type]  # as it is called
        for path, body in paths
    ]


def test_errands_are_for_the_owner_alone_on_this_machine(server: Server, data: Path) -> None:
    secret = f"Bearer {_owner(data)['secret']}"
    assert [200, 200, 200] == _statuses(server.url, Authorization=secret)
    assert [401, 401, 401] == _statuses(server.url, Authorization=secret, **REMOTE)
    assert [403, 403, 200] == _statuses(server.url, Authorization=f"Bearer {KEY}")
    assert [401, 401, 401] == _statuses(server.url, Authorization=secret[:-1])
    assert [401, 401, 401] == _statuses(server.url)


def test_without_keys_errands_are_for_the_owner_alone_too(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as open_to_all:
        secret = f"Bearer {_owner(tmp_path / 'data')['secret']}"
        assert [200, 200, 200] == _statuses(open_to_all.url, Authorization=secret)
        assert [403, 403, 200] == _statuses(open_to_all.url)
        assert [403, 403, 200] == _statuses(open_to_all.url, Authorization="Bearer no")


def test_the_secret_is_in_no_log_no_document_and_no_other_users_sight(server: Server, data: Path) -> None:
    secret = _owner(data)["secret"]
    assert 0o600 == (data / "owner.json").stat().st_mode & 0o777
    _statuses(server.url, Authorization=f"Bearer {secret}")
    logged = server.log_file.read_text("utf-8")
    assert ("owner", False) == (server.log()[-1]["key"], secret in logged)
    documents = [httpx.get(f"{server.url}{path}", trust_env=False).text for path in ("/docs", "/openapi.json")]
    assert not [text for text in documents if secret in text or "errands" in text]
    assert secret not in repr(server_of(data))


# Who has the library


def test_a_killed_servers_file_misleads_nobody(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data) as server:
        server.process.kill()
        server.process.wait()
    assert server.url == _owner(data)["url"]
    assert server_of(data) is None
    with FileLock(data / "owner.lock"), pytest.raises(LibraryLockedError, match="has not said which"):
        Ownership(data)
    listed = _run("articles", "--json", data=data)
    assert (0, "[]\n") == (listed.returncode, listed.stdout)
    assert not (data / "owner.json").exists()


def test_a_living_process_that_has_let_go_is_not_believed_to_have_it(tmp_path: Path) -> None:
    left_behind = {"pid": os.getpid(), "url": "http://127.0.0.1:9", "secret": "s"}
    (tmp_path / "owner.json").write_text(json.dumps(left_behind))
    assert server_of(tmp_path) is None
    Ownership(tmp_path).release()


@pytest.mark.parametrize("written", ["", "[]", "{}", '{"pid": "x"}', '{"pid": 1, "more": 2}'])
def test_a_file_that_tells_nothing_is_as_good_as_none(tmp_path: Path, written: str) -> None:
    (tmp_path / "owner.json").write_text(written)
    with FileLock(tmp_path / "owner.lock"):
        assert server_of(tmp_path) is None


def test_without_a_server_the_second_command_is_told_the_firsts_pid(tmp_path: Path) -> None:
    first = Ownership(tmp_path)
    refused = _run("add", __file__, data=tmp_path)
    first.release()
    assert (1, "") == (refused.returncode, refused.stdout)
    assert f"belongs to the process with pid {os.getpid()}: " in refused.stderr


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with bound("127.0.0.1", 0) as closed:
        url = local_address(closed)
    owner = Ownership(tmp_path)
    owner.announce(url, "se-cret")
    refused = _run("articles", data=tmp_path)
    owner.release()
    assert (1, "", 1) == (refused.returncode, refused.stdout, len(refused.stderr.splitlines()))
    assert f"the server with pid {os.getpid()} at {url}, " in refused.stderr
    assert "se-cret" not in refused.stderr


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", "http://127.0.0.1:{}"), ("0.0.0.0", "http://127.0.0.1:{}"), ("::1", "http://[::1]:{}")],
)
def test_commands_reach_a_server_at_this_machines_own_address(host: str, expected: str) -> None:
    with bound(host, 0) as listening:
        assert expected.format(listening.getsockname()[1]) == local_address(listening)


class _Elsewhere(socket.socket):
    """A socket bound to an address of the network, which no machine needs to have."""

    def getsockname(self) -> Any:
        return ("192.0.2.7", 8000)


def test_no_command_goes_to_an_address_of_the_network() -> None:
    with _Elsewhere() as listening:
        assert "" == local_address(listening)


# A server that is not ready, or is another


@contextmanager
def _saying(*replies: tuple[int, Any]) -> Iterator[str]:
    """Where a server says these one after another, the last one again and again."""
    left = list(replies)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as stub:
        thread = threading.Thread(target=stub.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{stub.server_port}"
        stub.shutdown()
        thread.join()


def _through(url: str, data: Path) -> Through:
    return Through(Owner(os.getpid(), url, "s"), data)


def test_a_command_waits_for_a_server_that_starts(tmp_path: Path) -> None:
    busy = {"type": "urn:newsqa:problem:not-ready", "detail": "Wait."}
    with _saying((503, busy), (503, busy), (200, {"id": "rain"})) as url:
        assert {"id": "rain"} == _through(url, tmp_path).article("rain")


def test_a_server_that_does_not_get_ready_is_named_with_what_it_says(tmp_path: Path) -> None:
    starting = {"type": "urn:newsqa:problem:not-ready", "detail": "the models can't be loaded"}
    with _saying((503, starting)) as url:
        waiting = Through(Owner(os.getpid(), url, "s"), tmp_path, ready_seconds=0.1)
        with pytest.raises(
            LibraryLockedError, match=rf"pid {os.getpid()} at {url}, .* \(the models can't be loaded\): "
        ):
            waiting.article("rain")


def test_a_refusal_that_will_not_pass_is_told_at_once(tmp_path: Path) -> None:
    damaged = {"type": "urn:newsqa:problem:library-unusable", "detail": "article 'rain' is damaged"}
    with _saying((503, damaged), (200, {"id": "rain"})) as url, pytest.raises(NewsqaError, match="'rain' is damaged"):
        _through(url, tmp_path).article("rain")


def test_a_server_of_another_version_is_to_be_started_anew(tmp_path: Path) -> None:
    unknown = {"type": "urn:newsqa:problem:not-found", "detail": "Look the address up in `/docs`."}
    with _saying((404, unknown)) as url, pytest.raises(LibraryLockedError, match=f"pid {os.getpid()} .* start it anew"):
        _through(url, tmp_path).article("rain")


def test_a_server_that_fails_is_named_with_its_request(tmp_path: Path) -> None:
    failed = {"type": "urn:newsqa:problem:internal-error", "detail": "Report it.", "request_id": "r-17"}
    with _saying((500, failed)) as url, pytest.raises(LibraryError, match="its log tells more of r-17"):
        _through(url, tmp_path).article("rain")


@pytest.mark.parametrize(
    ("name", "value"), [("NEWSQA_TOP_K", "0"), ("NEWSQA_DATABASE_URL", "postgresql://newsqa@127.0.0.1/newsqa")]
)
def test_where_a_setting_is_wrong_or_names_a_database_no_server_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.setenv("NEWSQA_DATA_DIR", str(tmp_path))
    owner = Ownership(tmp_path)
    owner.announce("http://127.0.0.1:9", "s")
    assert running_server()
    monkeypatch.setenv(name, value)
    assert running_server() is None
    owner.release()

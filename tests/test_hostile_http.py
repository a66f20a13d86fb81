"""Attacks over real connections: each is refused or harmless, and the server goes on answering in bounded memory."""

import json
import re
import select
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from newsqa.api.guard import PART_SECONDS
from newsqa.api.server import CONNECTIONS, HEADER_BYTES
from tests.serving import ON_LOOPBACK, Server, serving

pytestmark = ON_LOOPBACK
ARTICLE = {"id": "ferry", "title": "Ferry sails again", "text": "The ferry sails again. A ticket costs 4 crowns."}
ASKED = {"question": "What does a ticket cost?"}
LIMITS = {"NEWSQA_RATE_LIMIT": "900/minute", "NEWSQA_MAX_BODY_BYTES": "1000000", "NEWSQA_MAX_UPLOAD_BYTES": "4000000"}
MOST_MORE_MEMORY = 100
"""MB that one attack may take for a moment, and all of them for good."""
INSIDES = re.compile(rb"starlette|fastapi|pydantic|sqlalchemy|uvicorn|Traceback|site-packages|\.py\b|function-|<class")
HOST = b"Host: localhost\r\n"
JSON = HOST + b"Content-Type: application/json\r\n"
ASK = b"POST /v1/ask HTTP/1.1\r\n" + JSON
CHUNKED = ASK + b"Transfer-Encoding: chunked\r\n"
CHAT = "/v1/chat/completions"
FORM = "multipart/form-data; boundary=X"
PART = b'--X\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n\r\n%s'


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own, over one article."""
    with serving(tmp_path_factory.mktemp("attacked") / "library", LIMITS) as running:
        with running.client() as client:
            client.post("/v1/articles", json=ARTICLE).raise_for_status()
        _answers(running)
        yield running


@pytest.fixture(scope="module")
def resident(attacked: Server) -> float:
    """Its memory before all attacks, in MB."""
    return _memory(attacked, "VmRSS")


@pytest.fixture(autouse=True)
def _goes_on(attacked: Server, resident: float) -> Iterator[None]:
    """After each test the server answers, nothing went wrong inside, and it took and kept little memory."""
    errors, peak = _errors(attacked), _memory(attacked, "VmHWM")
    yield
    _answers(attacked)
    assert errors == _errors(attacked)
    assert _memory(attacked, "VmHWM") < peak + MOST_MORE_MEMORY
    assert _memory(attacked, "VmRSS") < resident + MOST_MORE_MEMORY


def _answers(server: Server) -> None:
    with server.client() as client:
        assert "alive" == client.get("/healthz").json()["status"]
        assert "4 crowns" == client.post("/v1/ask", json=ASKED).json()["short"]


def _errors(server: Server) -> list[dict[str, Any]]:
    return [line for line in server.log() if line["level"] == "ERROR"]


def _memory(server: Server, field: str) -> float:
    """MB of the server's memory that are resident (VmRSS), or ever were (VmHWM)."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return int(status.split(f"{field}:")[1].split()[0]) / 1000


@contextmanager
def _connected(server: Server, first: bytes = b"", seconds: float = 10) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port or 0), timeout=seconds) as connection:
        connection.sendall(first)
        yield connection


def _rest(connection: socket.socket) -> bytes:
    """Everything that comes until the server hangs up; a TimeoutError where it does not."""
    received = b""
    with suppress(ConnectionError):  # it may hang up before it has read everything
        while part := connection.recv(65_536):
            received += part
    return received


def _exchange(server: Server, sent: bytes, seconds: float = 10) -> bytes:
    with _connected(server, seconds=seconds) as connection:
        with suppress(ConnectionError):  # it may be refused before its end
            connection.sendall(sent)
        return _rest(connection)


def _request(path: str, body: bytes | str, content_type: str = "application/json", more: str = "") -> bytes:
    content = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {content_type}\r\n{more}"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def _status(reply: bytes) -> int:
    """The status of the first reply; 400 where the server hung up without a word."""
    assert not INSIDES.search(reply), reply
    assert reply.startswith(b"HTTP/1.1 ") or not reply
    return int(reply[9:12]) if reply else 400


def _check_refused(reply: bytes) -> None:
    assert 400 <= _status(reply) < 500, reply
    head, _, body = reply.partition(b"\r\n\r\n")
    if b"x-request-id: " in head and not body.startswith((b'{"error":', b'{"jsonrpc":')):  # OpenAI's and MCP's own
        assert b"content-type: application/problem+json" in head
        assert _status(reply) == json.loads(body)["status"]


def _cases(**attacks: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    names = [name.replace("_", " ") for name in attacks]
    return pytest.mark.parametrize("attack", list(attacks.values()), ids=names)


def _get(path: str, more: bytes = b"") -> bytes:
    return b"GET " + path.encode("latin-1") + b" HTTP/1.1\r\nConnection: close\r\n" + (more or HOST) + b"\r\n"


@_cases(
    HTTP_0_9=b"GET /healthz\r\n\r\n",
    no_host=b"GET /healthz HTTP/1.1\r\n\r\n",
    two_hosts=_get("/healthz", HOST + b"Host: 127.0.0.1\r\n"),
    TLS=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300),
    NUL_in_a_header=_get("/v1/jobs", HOST + b"X: a\0b\r\n"),
    bare_CR_in_a_header=_get("/v1/jobs", HOST + b"X: a\rY: b\r\n"),
    space_before_the_colon=_get("/v1/jobs", HOST + b"X : a\r\n"),
    raw_bytes_in_the_path=_get("/v1/articles/\xff"),
    many_headers=_get("/v1/jobs", HOST + b"X: y\r\n" * HEADER_BYTES),
    giant_header=_get("/v1/jobs", HOST + b"X: " + b"y" * 5_000_000 + b"\r\n"),
    giant_request_line=_get("/" + "a" * 5_000_000),
    both_lengths=CHUNKED + b"Content-Length: 4\r\n\r\n0\r\n\r\nGET /v1/jobs HTTP/1.1\r\n" + HOST + b"\r\n",
    chunks_in_HTTP_1_0=CHUNKED.replace(b"1.1", b"1.0") + b"\r\n0\r\n\r\n",
    two_lengths=ASK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    negative_length=ASK + b"Content-Length: -1\r\n\r\n",
    endless_length=ASK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    hidden_coding=ASK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    chunk_size_of_no_number=CHUNKED + b"\r\nzz\r\nabcde\r\n0\r\n\r\n",
    giant_chunk_size=CHUNKED + b"\r\n" + b"f" * 40 + b"\r\nabcde\r\n0\r\n\r\n",
    chunk_longer_than_it_says=CHUNKED + b"\r\n5\r\nabcdefgh\r\n0\r\n\r\n",
)
def test_malformed_http_is_refused(attacked: Server, attack: bytes) -> None:
    _check_refused(_exchange(attacked, attack))


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PATCH", "PROPFIND", "post", "A" * 1000])
def test_unknown_methods_are_refused(attacked: Server, method: str) -> None:
    reply = _exchange(attacked, _get("/v1/ask", HOST + b"X-Secret: s3cret\r\n").replace(b"GET", method.encode(), 1))
    assert 405 == _status(reply)
    assert b"s3cret" not in reply


@_cases(
    other_host=_get("/v1/articles", b"Host: evil.example\r\n"),
    host_that_begins_like_ours=_get("/v1/articles", b"Host: localhost.evil.example\r\n"),
    no_host_in_HTTP_1_0=b"GET /v1/articles HTTP/1.0\r\n\r\n",
    broken_host=_get("/v1/articles", b"Host: [::1\r\n"),
    other_origin=_get("/v1/articles", HOST + b"Origin: https://evil.example\r\n"),
    null_origin=_get("/v1/articles", HOST + b"Origin: null\r\n"),
    broken_origin=_get("/v1/articles", HOST + b"Origin: http://[\r\n"),
)
def test_foreign_pages_and_rebound_names_are_turned_away(attacked: Server, attack: bytes) -> None:
    reply = _exchange(attacked, attack)
    _check_refused(reply)
    assert b"foreign-origin" in reply


def _form(*files: tuple[str, bytes]) -> bytes:
    return b"".join(PART % (name.encode(), content) + b"\r\n" for name, content in files) + b"--X--\r\n"


def test_a_foreign_page_adds_nothing_by_a_form(attacked: Server) -> None:
    form = _request("/v1/articles/upload", _form(("x.md", b"Evil words.")), FORM, "Origin: https://evil.example\r\n")
    assert 403 == _status(_exchange(attacked, form))
    with attacked.client() as client:
        assert ["ferry"] == [article["id"] for article in client.get("/v1/articles").json()["articles"]]


DEEP = "[" * 100_000


@_cases(
    nested=DEEP,
    nested_unknown_field='{"question":"x","a":' + DEEP + "]" * 100_000 + "}",
    infinite_number='{"question":"x","top_k":1e400}',
    number_of_5000_digits='{"question":"x","top_k":' + "9" * 5000 + "}",
    NaN='{"question":"x","top_k":NaN}',
    date_that_is_a_number='{"question":"x","filters":{"published_from":1e30}}',
    array="[]",
    nothing="",
    number_as_question='{"question":5}',
    unknown_field='{"question":"x","__proto__":{}}',
    unknown_half_a_name='{"question":"x","\\ud800":1}',
    bad_UTF_8=b'{"question":"\xff\xfe"}',
    surrogates_in_UTF_8='{"question":"\ud800"}',
    raw_NUL='{"question":"a\0b"}',
    many_ids=json.dumps({"question": "x", "filters": {"article_ids": ["a"] * 200_000}}),
    many_faults=json.dumps({"question": "x", "filters": {"article_ids": [1] * 300_000}}),
)
def test_questions_that_are_none_are_refused(attacked: Server, attack: str | bytes) -> None:
    for path in ("/v1/ask", "/v1/ask/stream"):
        _check_refused(_exchange(attacked, _request(path, attack)))


@_cases(
    fields=("/v1/articles", "{" + ",".join(f'"{number}":1' for number in range(300_000)) + "}"),
    faults=("/v1/articles/import", '{"articles":[' + "1," * 1_900_000 + "1]}"),
    empty_articles=("/v1/articles/import", '{"articles":[' + "{}," * 1_300_000 + "{}]}"),
    messages=(CHAT, '{"model":"newsqa","messages":[' + "1," * 400_000 + "1]}"),
    parts=(CHAT, '{"messages":[{"role":"user","content":[' + "1," * 400_000 + "1]}]}"),
)
def test_many_faults_cost_little(attacked: Server, attack: tuple[str, str]) -> None:
    _check_refused(_exchange(attacked, _request(*attack), seconds=30))


@pytest.mark.parametrize(
    ("type_", "status"),
    [
        ("text/plain", 415),
        ("multipart/form-data; boundary=X", 415),
        ("", 422),
        ("json, text", 422),
        ("a" * 20_000, 415),
    ],
)
def test_a_question_of_another_content_type_is_refused(attacked: Server, type_: str, status: int) -> None:
    reply = _exchange(attacked, _request("/v1/ask", json.dumps(ASKED), type_))
    _check_refused(reply)
    assert status == _status(reply)


FILTERS = {"article_ids": ["a"], "publisher": "p", "published_from": "2025-01-01", "published_to": "2025-01-02"}
HALF_A_PART = [{"role": "user", "content": [{"type": "text", "text": "\ud800"}]}]
TEXTS = ("url", "publisher", "author", "subtitle", "place", "language")
BODIES: dict[str, dict[str, Any]] = {
    "/v1/ask": ASKED | {"history": [{"question": "q", "answer": "a"}], "answerer": "x", "filters": FILTERS},
    "/v1/ask/stream": ASKED | {"conversation_id": "c"},
    "/v1/search": {"query": "q", "filters": FILTERS},
    "/v1/articles": ARTICLE | dict.fromkeys(TEXTS, "x") | {"published_at": "2025-01-01", "updated_at": "2025-01-01"},
    "/v1/articles/import": {"articles": [ARTICLE]},
    "/v1/articles/from-url": {"url": "https://example.org/a"},
    "/v1/feedback": {"answer_id": "a", "verdict": "up", "reason": "r"},
    CHAT: {"model": "newsqa", "messages": [{"role": "user", "content": "x"}]},
    "/mcp": {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "ask", "arguments": ASKED}},
}
HALVED = [
    (path, (text := json.dumps(body))[: found.start(1)] + '"\\ud800"' + text[found.end(1) :])
    for path, body in BODIES.items()
    for found in re.finditer(r'(?:: |\[)("[^"]*")', json.dumps(body))
]


@pytest.mark.parametrize(("path", "body"), HALVED, ids=[f"{path} {n}" for n, (path, _) in enumerate(HALVED)])
def test_half_a_character_is_refused_in_every_text(attacked: Server, path: str, body: str) -> None:
    _check_refused(_exchange(attacked, _request(path, body)))


@_cases(
    no_boundary=(_form(("a.md", b"A.")), "multipart/form-data"),
    giant_boundary=(b"--" + b"b" * 20_000 + b"\r\n", "multipart/form-data; boundary=" + "b" * 20_000),
    other_boundary=(_form(("a.md", b"A.")), "multipart/form-data; boundary=Y"),
    unterminated=(PART % (b"a.md", b"A."), FORM),
    no_disposition=(b"--X\r\nContent-Type: text/plain\r\n\r\nA.\r\n--X--\r\n", FORM),
    no_file=(b'--X\r\nContent-Disposition: form-data; name="files"\r\n\r\nA.\r\n--X--\r\n', FORM),
    thousands_of_files=(_form(*((f"{number}.md", b"A.") for number in range(5000))), FORM),
    thousands_of_fields=(b'--X\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 50_000 + b"--X--\r\n", FORM),
    giant_file_name=(_form(("a" * 3_000_000, b"A.")), FORM),
    odd_charset=(_form(("a-b-c.md", b"A.")), FORM + "; charset=punycode"),
    no_form=(json.dumps(ASKED).encode(), "application/json"),
)
def test_broken_forms_are_refused(attacked: Server, attack: tuple[bytes, str]) -> None:
    _check_refused(_exchange(attacked, _request("/v1/articles/upload", *attack)))


@_cases(
    half_a_character=b'---\ntitle: "\\ud800"\n---\nWords.',
    nested=b"---\ntitle: " + b"[" * 19_000 + b"\n---\nWords.",
    aliases=b"---\na: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\ntitle: [*b,*b,*b,*b]\n---\nWords.",
    code=b'---\ntitle: !!python/object/apply:os.system ["id"]\n---\nWords.',
    NUL=b"a\0b",
    no_UTF_8=b"\xff\xfe",
    nothing=b"",
)
def test_a_bad_file_is_named_and_stops_nothing(attacked: Server, attack: bytes) -> None:
    with attacked.client() as client:
        reply = client.post("/v1/articles/upload", files=[("files", ("bad.md", attack))])
        assert 200 == reply.status_code
        assert [] == reply.json()["articles"]
        assert 1 == len(reply.json()["failed"])
        assert 200 == client.get("/v1/jobs").status_code
    _status(b"HTTP/1.1 200 " + reply.content)


@pytest.mark.parametrize("name", ["../../escaped.md", "..\\\\..\\\\escaped.md", "/srv/escaped.md", "C:\\\\escaped.md"])
def test_a_file_name_leads_nowhere(attacked: Server, name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    reply = _exchange(attacked, _request("/v1/articles/upload?replace=yes", _form((name, b"Words.")), FORM))
    assert ["escaped"] == [article["id"] for article in json.loads(reply.partition(b"\r\n\r\n")[2])["articles"]]
    assert [] == list(tmp_path_factory.getbasetemp().rglob("escaped*"))
    with attacked.client() as client:
        client.delete("/v1/articles/escaped").raise_for_status()


@_cases(
    bad_UTF_8="/v1/articles/%ff%fe",
    surrogate="/v1/articles/%ed%a0%80?revision=%ed%a0%80",
    NUL="/v1/articles/%00",
    line_break="/v1/articles/a%0d%0aSet-Cookie:%20a=b",
    climbing="/v1/articles/..%2f..%2f..%2fetc%2fpasswd",
    climbing_from_the_documentation="/static-offline-docs/..%2f..%2f..%2f..%2fetc/passwd",
    other_machine="http://evil.example/v1/articles",
    bad_cursor="/v1/articles?cursor=%ff",
    nested_cursor="/v1/articles?cursor=" + "W1tb" * 700,
    half_a_cursor="/v1/articles?cursor=WyJcdWQ4MDAiLCIiXQ==",
    endless_limit="/v1/articles?limit=" + "9" * 5000,
    unknown_model="/v1/models/%00",
    unknown_conversation="/v1/conversations/%ed%a0%80/export",
)
def test_addresses_that_lead_nowhere_are_refused(attacked: Server, attack: str) -> None:
    _check_refused(_exchange(attacked, _get(attack)))


@_cases(
    publisher_of_bad_UTF_8=_get("/v1/articles?publisher=%ff%ed%a0%80%00"),
    thousands_of_parameters=_get("/v1/articles?" + "&".join("a=1" for _ in range(5000))),
    NUL_in_the_question=_request("/v1/ask", '{"question":"a\\u0000b"}'),
    two_questions=_request("/v1/ask", '{"question":"x","question":"What does a ticket cost?"}'),
    half_a_character_in_a_part=_request(CHAT, json.dumps({"model": "newsqa", "messages": HALF_A_PART})),
    upgrade=_get("/v1/articles", HOST + b"Upgrade: websocket\r\n").replace(b"close", b"close, Upgrade"),
)
def test_odd_requests_are_answered_like_others(attacked: Server, attack: bytes) -> None:
    assert 200 == _status(_exchange(attacked, attack))


@pytest.mark.parametrize("id", ["a%0d%0aEvil: 1", "a\r\n Evil: 1", "a\nEvil: 1", "é", "a" * 65, '"><script>'])
def test_a_request_id_injects_nothing(attacked: Server, id: str) -> None:
    head = _exchange(attacked, _get("/v1/nothing", HOST + f"X-Request-ID: {id}\r\n".encode())).partition(b"\r\n\r\n")[0]
    assert re.search(rb"\r\nx-request-id: (?:[0-9a-f]{32}|a)\r\n", head)
    assert b"evil" not in head.lower()


def test_a_length_that_is_too_large_is_refused_before_the_body(attacked: Server) -> None:
    for path, size in (("/v1/ask", 1_000_001), ("/v1/articles", 4_000_001), ("/mcp", 4_000_001), ("/v1/ask", 10**18)):
        reply = _exchange(attacked, f"POST {path} HTTP/1.1\r\n".encode() + JSON + b"Content-Length: %d\r\n\r\n" % size)
        assert 413 == _status(reply)
        _check_refused(reply)


@pytest.mark.parametrize(("path", "limit"), [("/v1/ask", 1_000_000), ("/v1/articles/upload", 4_000_000)])
def test_chunks_are_refused_as_soon_as_they_are_too_many(attacked: Server, path: str, limit: int) -> None:
    chunk, sent = b"10000\r\n" + b"a" * 65_536 + b"\r\n", 0
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: {FORM}\r\n\r\n"
    with _connected(attacked, head.encode() + b"%x\r\n%s\r\n" % (len(PART), PART)) as connection:
        while sent < 10 * limit and not select.select([connection], [], [], 0.005)[0]:
            sent += connection.send(chunk)
        assert 413 == _status(_rest(connection))
    assert sent < limit + 1_000_000


def test_a_caller_can_not_choose_its_address(attacked: Server) -> None:
    transport = httpx.HTTPTransport(local_address="127.0.0.2", trust_env=False)
    with httpx.Client(base_url=attacked.url, transport=transport) as client:
        for number in range(1000):
            named = f"10.0.{number // 250}.{number % 250}"
            headers = {"X-Forwarded-For": named, "Forwarded": f"for={named}", "X-Real-IP": named}
            if (reply := client.get("/v1/jobs/none", headers=headers)).status_code == 429:
                break
    assert 429 == reply.status_code
    assert 1 <= int(reply.headers["Retry-After"]) <= 60


def test_requests_in_one_go_are_answered_in_order(attacked: Server) -> None:
    paths = [f"/v1/jobs/number-{number}" for number in range(100)]
    several = b"".join(f"GET {path} HTTP/1.1\r\n".encode() + HOST + b"\r\n" for path in paths)
    reply = _exchange(attacked, several + b"nonsense\r\n\r\n")
    assert paths == re.findall(r'"instance":"(.*?)"', reply.decode())
    assert b"Invalid HTTP request received." in reply


SLOW = {
    "nothing": (b"", b""),
    "half a head": (b"GET /healthz HTTP/1.1\r\n", b""),
    "a trickling line": (b"GET /", b"a"),
    "trickling headers": (b"GET / HTTP/1.1\r\n", b"X: y\r\n"),
    "no body": (ASK + b"Content-Length: 50\r\n\r\n", b""),
    "no body after all": (ASK + b"Expect: 100-continue\r\nContent-Length: 50\r\n\r\n", b""),
    "half a body": (ASK + b'Content-Length: 50\r\n\r\n{"question":', b""),
    "half a chunk": (CHUNKED + b"\r\n10\r\nabc", b""),
    "half a form": (_request("/v1/articles/upload", PART, FORM)[:-9], b""),
    "a body that nobody reads": (b"GET /healthz HTTP/1.1\r\n" + JSON + b"Content-Length: 5000\r\n\r\n", b"a"),
    "a body for nothing": (b"POST /nothing HTTP/1.1\r\n" + JSON + b"Content-Length: 5000\r\n\r\n", b"a"),
    "half a second request": (_get("/healthz").replace(b"close", b"keep-alive") + b"GET /", b""),
    "a trickling second request": (_get("/healthz").replace(b"close", b"keep-alive"), b"G"),
}


def _dally(server: Server, first: bytes, piece: bytes) -> bytes:
    """What comes back until the server hangs up, where the pieces come one by one."""
    received, deadline = b"", monotonic() + PART_SECONDS + 5
    with _connected(server, first, seconds=0.5) as connection, suppress(ConnectionError):
        while monotonic() < deadline:
            try:
                received += (part := connection.recv(65_536))
                if not part:
                    return received
            except TimeoutError:
                connection.sendall(piece)
        raise AssertionError(f"it is still connected after {first!r}")
    return received


def test_those_who_dally_are_hung_up_on_and_hold_up_nobody(attacked: Server) -> None:
    with ThreadPoolExecutor(len(SLOW)) as pool:
        replies = [pool.submit(_dally, attacked, *attack) for attack in SLOW.values()]
        while not all(reply.done() for reply in replies):
            _answers(attacked)
            sleep(0.5)
    assert {100, 200, 404, 408} >= {_status(reply.result()) for reply in replies}
    assert b"too-slow" in replies[list(SLOW).index("half a body")].result()


def test_more_connections_than_there_is_room_for_are_refused(attacked: Server) -> None:
    with ExitStack() as held:
        connections = [held.enter_context(_connected(attacked)) for _ in range(CONNECTIONS + 50)]
        assert [b""] * 50 == [_rest(connection) for connection in connections[CONNECTIONS:]]
    sleep(0.5)  # until the server has seen them go

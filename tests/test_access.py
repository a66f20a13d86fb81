"""Keys, scopes, limits, hosts and origins."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from newsqa import Article, open_assistant
from newsqa.api.access import Access, Caller, is_loopback, new_key, read_keys
from newsqa.api.problems import ProblemError
from newsqa.api.server import bound, check_address
from newsqa.errors import SettingsError
from newsqa.wiring import read_server_settings
from tests.serving import ON_LOOPBACK, Server, serving

pytestmark = ON_LOOPBACK
ARTICLE = {"title": "Rain", "text": "It rained in Varsund on Monday.", "id": "rain"}
ASKED = {"question": "Where did it rain?"}


def test_a_new_key_is_known_by_its_entry_alone() -> None:
    key, entry = new_key("write")
    assert key not in entry
    assert key != new_key("write")[0]
    access = Access(read_keys(f" {entry}\n"), "9/minute")
    assert "write" == access.caller(f"Bearer {key}", "here").scope


@pytest.mark.parametrize(
    "entries", ["nqa_secret", "ask:short", "read:" + "0" * 64, "owner:" + "0" * 64, "ask:" + "g" * 64]
)
def test_what_is_no_entry_is_refused_without_showing_it(entries: str) -> None:
    with pytest.raises(SettingsError, match="NEWSQA_API_KEYS: number 1") as caught:
        read_keys(entries)
    assert entries not in str(caught.value)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer  ", "Basic abc", "Bearer nqa_other", "Bearer \ud800"])
def test_without_a_known_key_nobody_is_let_in(header: str) -> None:
    access = Access(read_keys(new_key("ask")[1]), "9/minute")
    with pytest.raises(ProblemError, match="key") as caught:
        access.caller(header, "here")
    assert 'Bearer realm="newsqa"' == (caught.value.headers or {})["WWW-Authenticate"]


def test_a_scope_includes_those_before_it() -> None:
    scopes = ("ask", "write", "admin", "owner")
    may = {scope: [Caller("id", scope).may(other) for other in scopes] for scope in ("ask", "admin", "owner")}
    assert {"ask": [True, False, False, False], "admin": [True, True, True, False], "owner": [True] * 4} == may


@pytest.mark.parametrize("keys", [{}, read_keys(new_key("admin")[1])], ids=["without keys", "with keys"])
def test_the_owners_secret_is_known_on_this_machine_alone_and_never_too_often(keys: dict[str, str]) -> None:
    access = Access(keys, "1/minute", (), "of this run")
    for address in ("127.0.0.1", "127.0.0.1", "::1"):
        assert Caller("owner", "owner") == access.caller("Bearer of this run", address)
    for header, address in (("Bearer of this run", "192.0.2.7"), ("Bearer of that run", "127.0.0.1"), ("", "::1")):
        assert "owner" != _scope(access, header, address)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer "])
def test_without_a_secret_there_is_no_owner(header: str) -> None:
    assert "admin" == _scope(Access({}, "9/minute"), header, "127.0.0.1")


def _scope(access: Access, header: str, address: str) -> str:
    try:
        return access.caller(header, address).scope
    except ProblemError as problem:
        return problem.kind.name


def test_a_key_and_an_address_have_their_own_limits() -> None:
    (one, first), (other, second) = new_key("ask"), new_key("ask")
    access = Access(read_keys(f"{first} {second}"), "3/minute")
    for number in range(3):
        access.caller(f"Bearer {one}", f"address {number}")
    with pytest.raises(ProblemError, match="of one key") as caught:
        access.caller(f"Bearer {one}", "address 3")
    assert 1 <= int((caught.value.headers or {})["Retry-After"]) <= 60
    access.caller(f"Bearer {other}", "address 3")
    access.caller(f"Bearer {other}", "address 3")
    with pytest.raises(ProblemError, match="of one address"):
        access.caller(f"Bearer {other}", "address 3")


def test_addresses_of_one_ipv6_network_share_their_limit() -> None:
    access = Access({}, "3/minute")
    for number in range(3):
        access.caller("", f"2001:db8::{number + 1}")
    with pytest.raises(ProblemError, match="of one address"):
        access.caller("", "2001:db8::ffff")
    access.caller("", "2001:db8:0:1::1")


def test_guessing_keys_is_counted_too() -> None:
    access = Access(read_keys(new_key("ask")[1]), "3/minute")
    kinds = []
    for number in range(4):
        with pytest.raises(ProblemError) as caught:
            access.caller(f"Bearer guess{number}", "here")
        kinds.append(caught.value.kind.name)
    assert ["unknown-key"] * 3 + ["too-many-requests"] == kinds


@pytest.mark.parametrize(
    ("headers", "keys", "refused"),
    [
        ({"host": "127.0.0.1:8000"}, False, False),
        ({"host": "localhost"}, False, False),
        ({"host": "[::1]:8000"}, False, False),
        ({"host": "evil.example"}, False, True),
        ({"host": ""}, False, True),
        ({"host": "127.0.0.1.evil.example"}, False, True),
        ({"host": "news.example"}, True, False),
        ({"host": "localhost:8000", "origin": "http://localhost:8000"}, False, False),
        ({"host": "localhost:8000", "origin": "https://evil.example"}, False, True),
        ({"host": "localhost:8000", "origin": "null"}, False, True),
        ({"host": "localhost:8000", "origin": "https://friend.example"}, False, False),
        ({"host": "news.example", "origin": "https://evil.example"}, True, True),
        ({"host": "evil.example@localhost"}, False, True),
        ({"host": "localhost/evil"}, False, True),
        ({"host": "localhost", "origin": "http://["}, False, True),
        ({"host": "localhost", "origin": "http://localhost, https://evil.example"}, False, True),
    ],
)
def test_foreign_hosts_and_pages_are_refused(headers: dict[str, str], keys: bool, refused: bool) -> None:
    known = read_keys(new_key("ask")[1]) if keys else {}
    access = Access(known, "9/minute", ["https://friend.example"])
    if refused:
        with pytest.raises(ProblemError, match=r"may not call|only this machine"):
            access.check_origin(headers["host"], headers.get("origin", ""))
    else:
        access.check_origin(headers["host"], headers.get("origin", ""))


def test_without_keys_only_this_machine_is_served() -> None:
    check_address("127.0.0.1", read_server_settings())
    check_address("::1", read_server_settings())
    with pytest.raises(SettingsError, match="newsqa keys new"):
        check_address("0.0.0.0", read_server_settings())
    check_address("0.0.0.0", read_server_settings(api_keys=new_key("ask")[1]))
    assert [True, True, True, False, False] == [
        is_loopback(host) for host in ("127.8.9.1", "::1", "localhost", "0.0.0.0", "example.org")
    ]


def test_a_port_that_is_taken_is_refused_with_a_way_out() -> None:
    with bound("127.0.0.1", 0) as taken, pytest.raises(SettingsError, match="another --port"):
        bound("127.0.0.1", taken.getsockname()[1])


# On a real server with keys

KEYS = {scope: new_key(scope) for scope in ("ask", "write", "admin")}
OTHER = new_key("ask")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a key of each scope, and another one to ask with."""
    folder = tmp_path_factory.mktemp("guarded") / "library"
    with open_assistant(folder) as opened:
        opened.library.add(Article(ARTICLE["title"], ARTICLE["text"], id=ARTICLE["id"]))
    entries = " ".join(entry for _, entry in (*KEYS.values(), OTHER))
    with serving(folder, {"NEWSQA_API_KEYS": entries, "NEWSQA_CORS_ORIGINS": "https://friend.example"}) as running:
        yield running


def _statuses(guarded: Server, requests: list[tuple[str, str, Any]]) -> dict[str, list[int]]:
    found = {}
    for scope in ("", *KEYS):
        with guarded.client(KEYS[scope][0] if scope else "") as client:
            found[scope] = [client.request(method, path, json=body).status_code for method, path, body in requests]
    return found


def test_each_scope_may_do_what_it_is_for(guarded: Server) -> None:
    requests = [
        ("POST", "/v1/ask", ASKED),
        ("GET", "/v1/articles/rain", None),
        ("POST", "/v1/articles", ARTICLE),
        ("GET", "/metrics", None),
        ("GET", "/v1/feedback", None),
        ("GET", "/v1/models", None),
    ]
    assert {
        "": [401] * 6,
        "ask": [200, 200, 403, 403, 403, 200],
        "write": [200, 200, 200, 403, 403, 200],
        "admin": [200, 200, 200, 200, 200, 200],
    } == _statuses(guarded, requests)


def test_the_pages_cookie_is_as_good_as_the_header_and_no_better(guarded: Server) -> None:
    request: dict[str, Any] = {"params": {"limit": 1}, "trust_env": False}
    url = f"{guarded.url}/v1/articles"
    assert 200 == httpx.get(url, cookies={"newsqa_key": KEYS["ask"][0]}, **request).status_code
    assert 401 == httpx.get(url, cookies={"newsqa_key": "nqa_other"}, **request).status_code
    wrong = {"Authorization": "Bearer nqa_other"}
    assert 401 == httpx.get(url, cookies={"newsqa_key": KEYS["ask"][0]}, headers=wrong, **request).status_code
    foreign = {"Origin": "https://evil.example"}
    assert 403 == httpx.get(url, cookies={"newsqa_key": KEYS["ask"][0]}, headers=foreign, **request).status_code


def test_every_reply_keeps_a_page_from_asking_other_machines(guarded: Server) -> None:
    for path in ("/docs", "/healthz", "/v1/articles"):
        policy = httpx.get(f"{guarded.url}{path}", trust_env=False).headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "//" not in policy


def test_probes_and_documentation_need_no_key(guarded: Server) -> None:
    requests = [("GET", path, None) for path in ("/healthz", "/readyz", "/docs", "/openapi.json")]
    assert [200] * 4 == _statuses(guarded, requests)[""]


def test_conversations_are_seen_by_their_own_key_and_by_an_admin(guarded: Server) -> None:
    with (
        guarded.client(KEYS["ask"][0]) as mine,
        guarded.client(OTHER[0]) as others,
        guarded.client(KEYS["admin"][0]) as admin,
    ):
        conversation = mine.post("/v1/conversations").json()["id"]
        answer = mine.post("/v1/ask", json={**ASKED, "conversation_id": conversation}).json()
        path = f"/v1/conversations/{conversation}"
        assert [200, 404, 200] == [client.get(path).status_code for client in (mine, others, admin)]
        assert [1, 0, 1] == [
            len(client.get("/v1/conversations").json()["conversations"]) for client in (mine, others, admin)
        ]
        liked = {"answer_id": answer["id"], "verdict": "up"}
        assert [404, 201] == [client.post("/v1/feedback", json=liked).status_code for client in (others, mine)]
        assert 404 == others.post("/v1/ask", json={**ASKED, "conversation_id": conversation}).status_code
        assert [404, 204] == [client.delete(path).status_code for client in (others, mine)]


def test_openais_client_gets_its_own_kind_of_error(guarded: Server) -> None:
    import openai

    with (
        openai.OpenAI(base_url=f"{guarded.url}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.models.list()
    assert "unknown_key" == caught.value.code


def test_a_friendly_page_may_call_and_read_refusals(guarded: Server) -> None:
    asked = {"Origin": "https://friend.example", "Access-Control-Request-Method": "POST"}
    with guarded.client() as client:
        preflight = client.options("/v1/ask", headers={**asked, "Access-Control-Request-Headers": "authorization"})
        assert (200, "https://friend.example") == (
            preflight.status_code,
            preflight.headers["access-control-allow-origin"],
        )
        refused = client.post("/v1/ask", json=ASKED, headers={"Origin": "https://friend.example"})
        assert (401, "https://friend.example") == (refused.status_code, refused.headers["access-control-allow-origin"])
        foreign = client.get("/readyz", headers={"Origin": "https://evil.example"})
        assert (403, None) == (foreign.status_code, foreign.headers.get("access-control-allow-origin"))


def test_a_forwarded_address_is_not_believed(tmp_path: Path) -> None:
    with serving(tmp_path / "library", {"NEWSQA_RATE_LIMIT": "5/minute"}) as limited, limited.client() as client:
        statuses = [
            client.get("/v1/articles", headers={"X-Forwarded-For": f"10.0.0.{number}"}).status_code
            for number in range(6)
        ]
        assert [200] * 5 + [429] == statuses
        assert int(client.get("/v1/articles").headers["retry-after"]) >= 1


def test_a_body_of_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path / "library", {"NEWSQA_MAX_BODY_BYTES": "2000"}) as limited, limited.client() as client:
        refused = client.post("/v1/ask", json={"question": "x" * 3000})
        assert (413, "urn:newsqa:problem:too-large") == (refused.status_code, refused.json()["type"])
        assert 201 == client.post("/v1/articles", json={**ARTICLE, "text": "Rain fell. " * 1000}).status_code
        chunked: Iterator[bytes] = (b"x" * 500 for _ in range(10))
        headers = {"Content-Type": "application/json"}
        assert 413 == client.post("/v1/search", content=chunked, headers=headers).status_code

"""Fetching over real connections on loopback: what a page brings, and what hostile servers and names do not."""

import gzip
import socket
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread
from time import sleep
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_socket import SocketConnectBlockedError

from newsqa import __version__
from newsqa.errors import LoadError, NewsqaError, SettingsError
from newsqa.loading.fetching import Fetched, Fetcher, Limits
from newsqa.loading.fetching.courtesy import Turns, asked_pause
from tests.fetch_serving import Answer, Site, answer, certified, moved, site
from tests.serving import ON_LOOPBACK

pytestmark = ON_LOOPBACK
PAGE = b"<p>It rained in V\xc3\xa5rsund."
QUICK = Limits(most_bytes=100_000, connect_seconds=2, read_seconds=0.5, total_seconds=1.5, pause_seconds=0)
HOST = "herald.example"


def fetcher(*sites: Site, limits: Limits = QUICK, **options: Any) -> Fetcher:
    """One that may speak with these servers, and with nothing else on this machine."""
    return Fetcher(allow=" ".join(f"127.0.0.1:{each.port}" for each in sites), limits=limits, **options)


def got(reply: Answer, limits: Limits = QUICK, **options: Any) -> Fetched:
    """What is made of an answer."""
    with site({"/": reply}) as server:
        return fetcher(server, limits=limits).get(server.url(), **options)


def refused(call: Callable[[], object]) -> str:
    """The message of the LoadError that it ends with; one line, and nothing that a server wrote."""
    with pytest.raises(LoadError) as raised:
        call()
    message = str(raised.value)
    assert message.isprintable(), message
    assert "; " in message
    assert len(message) < 1000
    assert "EVIL" not in message
    return message


class Names:
    """Answers of the name service: each name's in turn, the last again and again."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.names = names
        self.asked: list[str] = []

    def __call__(self, host: str, _port: int) -> list[str]:
        """The addresses of a host."""
        self.asked.append(host)
        answers = self.names.get(host.partition(".")[0], [[]])
        return answers.pop(0) if len(answers) > 1 else answers[0]


# --- a page ---


def test_a_page_comes_with_what_the_next_request_needs() -> None:
    reply = answer(
        PAGE, content_type="text/html; charset=utf-8", etag='"v1"', last_modified="Mon, 12 May 2025 08:00:00 GMT"
    )
    with site({"/a?b=c": reply}) as server:
        url = server.url("/a?b=c")
        expected = Fetched(url, "ok", PAGE, "text/html; charset=utf-8", '"v1"', "Mon, 12 May 2025 08:00:00 GMT")
        assert expected == fetcher(server).get(f"{url}#top")


def test_a_request_says_who_asks_and_nothing_of_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    replies = {"/": answer(status="302 Found", location="/next", set_cookie="a=b; Path=/"), "/next": answer(PAGE)}
    with site(replies) as server:
        fetcher(server).get(server.url())
        first, second = (request.split("\r\n")[1:-1] for request in server.requests)
    assert first == second
    assert [f"Host: 127.0.0.1:{server.port}", f"User-Agent: newsqa/{__version__}"] == first[:2]
    assert "Accept-Encoding: gzip, deflate" in first
    assert {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"} == {line.split(":")[0] for line in first}


def test_a_connection_goes_to_the_checked_address_and_names_the_host() -> None:
    names = Names(herald=[["127.0.0.1"], ["127.0.0.9"]])
    with site({"/": answer(PAGE)}) as server:
        assert PAGE == fetcher(server, resolve=names).get(server.url(host=HOST)).content
        assert f"Host: {HOST}:{server.port}\r\n" in server.requests[0]
    assert [HOST] == names.asked


def test_an_ip_address_is_asked_of_no_name_service() -> None:
    names = Names()
    with site({"/": answer(PAGE)}) as server:
        assert PAGE == fetcher(server, resolve=names).get(server.url()).content
    assert [] == names.asked


@pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2"])
def test_another_address_of_the_host_is_tried_where_one_does_not_answer() -> None:
    with site({"/": answer(PAGE)}) as server:
        both = Fetcher(allow="127.0.0.0/8", limits=QUICK, resolve=Names(herald=[["127.0.0.2", "127.0.0.1"]]))
        assert PAGE == both.get(server.url(host=HOST)).content


def test_a_host_may_be_allowed_by_its_name() -> None:
    with site({"/": answer(PAGE)}) as server:
        named = Fetcher(allow=f"{HOST}:{server.port}", limits=QUICK, resolve=Names(herald=[["127.0.0.1"]]))
        assert PAGE == named.get(server.url(host=HOST)).content
        refused(lambda: named.get(server.url()))


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
def test_a_page_that_is_gone_is_gone(status: str) -> None:
    fetched = got(answer(b"EVIL", status=status))
    assert ("gone", b"") == (fetched.status, fetched.content)


def test_a_page_is_unchanged_where_the_server_says_so() -> None:
    with site({"/": answer(status="304 Not Modified", etag='"v1"', length=0)}) as server:
        fetched = fetcher(server).get(server.url(), etag='"v1"', last_modified="Mon, 12 May 2025 08:00:00 GMT")
        # What the server does not say again stands.
        assert Fetched(server.url(), "unchanged", b"", "", '"v1"', "Mon, 12 May 2025 08:00:00 GMT") == fetched
        assert 'If-None-Match: "v1"\r\n' in server.requests[0]
        assert "If-Modified-Since: Mon, 12 May 2025 08:00:00 GMT\r\n" in server.requests[0]


@pytest.mark.parametrize("tag", ['"v1"\r\nX-Evil: 1', "v\0", "vå", "v" * 1001, "\n"])
def test_a_tag_that_is_no_header_is_not_sent(tag: str) -> None:
    with site({"/": answer(PAGE)}) as server:
        fetcher(server).get(server.url(), etag=tag, last_modified=tag)
        assert "If-" not in server.requests[0]
        assert "Evil" not in server.requests[0]


@pytest.mark.parametrize(
    "kind",
    [
        *(
            "",
            "text/html",
            "TEXT/HTML; charset=x",
            "text/plain",
            "application/rss+xml",
            "application/atom+xml;type=feed",
        ),
        *("application/ld+json", "application/json", "application/pdf", "application/octet-stream", "application/zip"),
    ],
)
def test_pages_feeds_and_documents_are_taken(kind: str) -> None:
    assert kind == got(answer(PAGE, content_type=kind)).content_type


PACKED = {
    "gzip": ("gzip", gzip.compress(PAGE)),
    "x-gzip": ("X-GZip", gzip.compress(PAGE)),
    "gzip of two members": ("gzip", gzip.compress(PAGE[:9]) + gzip.compress(PAGE[9:])),
    "gzip with something behind it": ("gzip", gzip.compress(PAGE) + b"\0" * 99),
    "deflate": ("deflate", zlib.compress(PAGE)),
    "bare deflate": ("deflate", zlib.compress(PAGE, wbits=-15)),
    "bare deflate, stored": ("deflate", zlib.compress(PAGE, 0, wbits=-15)),
    "deflate with something behind it": ("deflate", zlib.compress(PAGE) + b"\0" * 99),
    "identity": ("identity", PAGE),
}


@pytest.mark.parametrize(("packing", "body"), PACKED.values(), ids=PACKED)
def test_what_is_packed_is_unpacked(packing: str, body: bytes) -> None:
    assert PAGE == got(answer(body, content_encoding=packing)).content


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_what_is_packed_may_come_byte_by_byte(packing: str) -> None:
    body = gzip.compress(PAGE) if packing == "gzip" else zlib.compress(PAGE)
    head = answer(length=len(body), content_encoding=packing)
    assert PAGE == got(lambda: [head, *(piece for byte in body for piece in (bytes([byte]), 0.001))]).content


def test_a_page_may_come_in_chunks_or_end_with_the_connection() -> None:
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + PAGE[:5] + b"\r\n1;x=y\r\n" + PAGE[5:6]
    assert PAGE[:6] == got(chunks + b"\r\n0\r\nX-Late: EVIL\r\n\r\n").content
    assert PAGE == got(b"HTTP/1.0 200 OK\r\n\r\n" + PAGE).content


def test_a_file_may_be_larger_where_the_caller_says_so() -> None:
    body = b"x" * 200_000
    assert body == got(answer(body), most_bytes=200_000).content
    assert "100,000 bytes" in refused(lambda: got(answer(body)))


def test_redirects_are_followed_five_times() -> None:
    ways = {"/0": "/1", "/1": "2", "/2": "?b", "/2?b": "/4", "/4": "./5"}
    statuses = ["301 x", "302 x", "303 x", "307 x", "308 x"]
    replies = {path: moved(to, status) for (path, to), status in zip(ways.items(), statuses, strict=True)}
    with site({**replies, "/5": answer(PAGE), "/-1": moved("/0")}) as server:
        assert server.url("/5") == fetcher(server).get(server.url("/0")).url
        assert "redirected too often" in refused(lambda: fetcher(server).get(server.url("/-1")))
        assert ["/-1", *ways] == server.paths[len(ways) + 1 :]


def test_a_redirect_may_name_its_target_in_utf_8() -> None:
    with site({"/": moved("/vårsund hamn"), "/v%C3%A5rsund%20hamn": answer(PAGE)}) as server:
        assert PAGE == fetcher(server).get(server.url()).content


# --- hostile addresses ---

LEADS_AWAY = {
    "a file": ("file:///etc/passwd", "no web address"),
    "ftp": ("ftp://127.0.0.1/", "no web address"),
    "gopher": ("gopher://127.0.0.1:6379/_INFO", "no web address"),
    "data": ("data:text/html,EVIL"[:15], "no web address"),
    "the cloud's own data": ("http://169.254.169.254/latest/meta-data/", "link-local"),
    "the cloud's own data in IPv6": ("http://[fd00:ec2::254]/", "private network"),
    "this machine": ("http://127.0.0.1/", "this machine"),
    "this machine by another number": ("http://127.9.9.9:PORT/", "this machine"),
    "this machine in IPv6": ("http://[::1]:PORT/", "this machine"),
    "this machine as mapped": ("http://[::ffff:127.0.0.1]:PORT/", "IPv4-mapped"),
    "this machine as translated": ("http://[64:ff9b::127.0.0.1]:PORT/", "this machine"),
    "no address": ("http://0.0.0.0:PORT/", "this machine"),
    "a private network": ("http://10.0.0.1/", "private network"),
    "one number": ("http://2130706433:PORT/", "plain name"),
    "hexadecimal": ("http://0x7f.1:PORT/", "plain name"),
    "octal": ("http://0177.0.0.1:PORT/", "plain name"),
    "two numbers": ("http://127.1:PORT/", "plain name"),
    "circled digits": ("http://①②⑦.0.0.1:PORT/", "plain name"),
    "a trailing dot": ("http://127.0.0.1.:PORT/", "plain name"),
    "another port": ("http://127.0.0.1:OTHER/", "this machine"),
    "another port without a scheme": ("//127.0.0.1:OTHER/", "this machine"),
    "a port of no web server": ("http://127.0.0.1:22/", "port 22"),
    "a user": ("http://a:secret@127.0.0.1:PORT/", "names a user"),
    "a backslash": ("http://127.0.0.1:PORT\\@herald.example/", "no web address"),
    "two backslashes": ("\\\\127.0.0.1:PORT\\", "no web address"),
    "a tab": ("ht\ttp://127.0.0.1:PORT/", "no web address"),
    "an open bracket": ("http://[::1:PORT/", "no web address"),
    "a long way": ("/" + "a" * 5000, "4,000 characters"),
    "a name of this machine": ("http://private.example:PORT/", "this machine"),
    "a name of nobody": ("http://nobody.example/", "no such host"),
    "nowhere": ("", "does not say where"),
    "itself": ("/", "in a circle"),
    "itself by another name": ("HTTP://127.0.0.1:PORT/#x", "in a circle"),
}


@pytest.mark.parametrize(("location", "reason"), LEADS_AWAY.values(), ids=LEADS_AWAY)
def test_a_redirect_leads_nowhere_that_may_not_be_asked_for(location: str, reason: str) -> None:
    replies: dict[str, Answer] = {}
    with site({"/": answer(PAGE)}) as other, site(replies) as server:
        replies["/"] = moved(location.replace("PORT", str(server.port)).replace("OTHER", str(other.port)))
        names = Names(private=[["127.0.0.1", "127.0.0.2"]])
        message = refused(lambda: fetcher(server, resolve=names).get(server.url()))
        assert reason in message
        assert message.startswith(f"{server.url()}: ")
        assert "secret" not in message
        assert (["/"], []) == (server.paths, other.paths)


# What the name service says, in turn; the first answer is what is checked and connected to.
RESOLVED = {
    "this machine": ["127.0.0.2"],
    "this machine in IPv6": ["::1"],
    "a private network": ["10.1.2.3"],
    "the cloud's own data": ["169.254.169.254"],
    "one public and one private": ["8.8.8.8", "192.168.1.1"],
    "one allowed and one private": ["127.0.0.1", "127.0.0.2"],
    "one private and one allowed": ["192.168.1.1", "127.0.0.1"],
    "many public and one private": [*["8.8.8.8"] * 50, "10.0.0.1"],
    "mapped": ["::ffff:127.0.0.1"],
    "translated": ["64:ff9b::7f00:1"],
    "with a zone": ["fe80::1%1"],
    "a number": ["2130706433"],
    "something else": ["EVIL"],
    "nothing said": [""],
}


@pytest.mark.parametrize("answers", RESOLVED.values(), ids=RESOLVED)
@pytest.mark.parametrize("host", [HOST, "127.0.0.1.nip.example", "localhost", "metadata.internal.example"])
def test_a_name_that_stands_for_something_private_is_refused(host: str, answers: list[str]) -> None:
    with site({"/": answer(PAGE)}) as server:
        asking = fetcher(server, resolve=lambda name, port: answers)
        message = refused(lambda: asking.get(server.url(host=host)))
        assert f"http://{host}:{server.port}/: is not on the public internet" in message
        assert "NEWSQA_FETCH_ALLOW" in message
        told = message.replace(host, "")
        assert not any(len(each) > 4 and each in told for each in answers), "what a network looks like is told"
        assert [] == server.requests


def test_a_name_that_changes_between_check_and_connection_is_connected_to_as_checked() -> None:
    names = Names(herald=[["8.8.8.8"], ["127.0.0.1"]])
    with site({"/": answer(PAGE)}) as server:
        # The tests let nothing through to there.
        with pytest.warns(UserWarning, match=r"8\.8\.8\.8"), pytest.raises(SocketConnectBlockedError):
            fetcher(server, resolve=names).get(server.url(host=HOST))
        assert [] == server.requests
    assert [HOST] == names.asked


def test_a_name_that_changes_between_two_requests_is_checked_again() -> None:
    names = Names(herald=[["127.0.0.1"], ["127.0.0.2"]])
    with site({"/": moved("/next"), "/next": answer(PAGE)}) as server:
        message = refused(lambda: fetcher(server, resolve=names).get(server.url(host=HOST)))
        assert "is not on the public internet" in message
        assert ["/"] == server.paths
    assert [HOST, HOST] == names.asked


@pytest.mark.parametrize("error", [OSError(), UnicodeError(), PermissionError(1, "EVIL")])
def test_a_name_that_can_not_be_asked_for_is_no_host(error: Exception) -> None:
    def failing(_host: str, _port: int) -> list[str]:
        raise error

    assert "no such host" in refused(lambda: Fetcher(resolve=failing).get(f"http://{HOST}/"))


def test_a_name_service_that_does_not_answer_is_not_waited_for() -> None:
    done = Event()

    def waiting(_host: str, _port: int) -> list[str]:
        done.wait(60)
        return ["8.8.8.8"]

    slow = Fetcher(limits=Limits(connect_seconds=0.1, pause_seconds=0), resolve=waiting)
    assert "took too long" in refused(lambda: slow.get(f"http://{HOST}/"))
    done.set()


# --- hostile servers ---


def _endless(*first: bytes, piece: bytes, pause: float = 0) -> Callable[[], Iterator[bytes | float]]:
    def pieces() -> Iterator[bytes | float]:
        yield from first
        while True:
            yield piece
            yield pause

    return pieces


def _bomb(megabytes: int, packing: str = "gzip") -> bytes:
    packer = zlib.compressobj(9, wbits={"gzip": 31, "deflate": 15, "bare": -15}[packing])
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(megabytes)) + packer.flush()


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
BOMB = _bomb(50)
BROKEN, LARGE, SLOW, UNPACKED, KIND = (
    "broke off",
    "100,000 bytes",
    "took too long",
    "not packed as it says",
    "of the kind",
)
HOSTILE: dict[str, tuple[Answer, str]] = {
    "nothing": (b"", BROKEN),
    "a line feed": (b"\n", BROKEN),
    "NULs": (bytes(1000), BROKEN),
    "no HTTP": (b"EVIL\r\n\r\n" + PAGE, BROKEN),
    "HTTP/0.9": (PAGE, BROKEN),
    "HTTP/2": (b"\0\0\x12\4\0\0\0\0\0" + bytes(18), BROKEN),
    "another protocol": (b"220 mail.example ESMTP EVIL\r\n", BROKEN),
    "a status of letters": (b"HTTP/1.1 abc EVIL\r\n\r\n", BROKEN),
    "a status of four digits": (b"HTTP/1.1 2000 OK\r\n\r\n", BROKEN),
    "a header without a name": (OK + b": EVIL\r\n\r\n", BROKEN),
    "a header with a NUL": (OK + b"X: EVIL\0\r\n\r\n", BROKEN),
    "a header with a space in its name": (OK + b"X EVIL: a\r\n\r\n", BROKEN),
    "half of the headers": (OK + b"X: EVIL", BROKEN),
    "endless headers": (_endless(OK, piece=b"X: EVIL\r\n" * 1000), BROKEN),
    "an endless header": (_endless(OK + b"X: ", piece=b"EVIL" * 1000), BROKEN),
    "an endless status": (_endless(b"HTTP/1.1 200 ", piece=b"EVIL" * 1000), BROKEN),
    "endless empty lines": (_endless(piece=b"\r\n" * 1000), BROKEN),
    "a flood of 100": (_endless(piece=b"HTTP/1.1 100 Continue\r\n\r\n" * 100), BROKEN),
    "a flood of 103": (_endless(piece=b"HTTP/1.1 103 Early Hints\r\nLink: </EVIL>\r\n\r\n" * 100), BROKEN),
    "drips of 103": (_endless(piece=b"HTTP/1.1 103 Early Hints\r\n\r\n", pause=0.2), SLOW),
    "another protocol taken up": (b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\nEVIL", BROKEN),
    "silence": (lambda: [9.0], SLOW),
    "silence behind the headers": (lambda: [answer(length=9), 9.0], SLOW),
    "headers that drip": (_endless(OK + b"X: ", piece=b"x", pause=0.2), SLOW),
    "content that drips": (_endless(answer(length=9999), piece=b"x", pause=0.2), SLOW),
    "chunks that drip": (_endless(CHUNKED, piece=b"1\r\nx\r\n", pause=0.2), SLOW),
    "a length beyond the limit": (answer(length=100_001), LARGE),
    "an enormous length": (answer(length=10**19), LARGE),
    "a length of too many digits": (answer(length=10**30), BROKEN),
    "a negative length": (answer(length=-1), BROKEN),
    "a length of letters": (OK + b"Content-Length: EVIL\r\n\r\n", BROKEN),
    "two lengths": (OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", BROKEN),
    "content without end": (_endless(OK + b"\r\n", piece=b"x" * 10_000), LARGE),
    "chunks without end": (_endless(CHUNKED, piece=b"3e8\r\n" + b"x" * 1000 + b"\r\n"), LARGE),
    "one enormous chunk": (_endless(CHUNKED + b"ffffffffff\r\n", piece=b"x" * 10_000), LARGE),
    "a chunk of a length beyond reason": (CHUNKED + b"f" * 30 + b"\r\n", BROKEN),
    "a chunk of no length": (CHUNKED + b"EVIL\r\n", BROKEN),
    "a negative chunk": (CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n", BROKEN),
    "a chunk that is longer than it says": (CHUNKED + b"3\r\nhello\r\n0\r\n\r\n", BROKEN),
    "an endless chunk header": (_endless(CHUNKED + b"1;", piece=b"EVIL" * 1000), BROKEN),
    "much beside the chunks": (_endless(CHUNKED, piece=b"1;" + b"x" * 5000 + b"\r\nx\r\n"), BROKEN),
    "endless lines behind the chunks": (_endless(CHUNKED + b"0\r\n", piece=b"X: EVIL\r\n" * 100), BROKEN),
    "chunks without an end": (CHUNKED + b"5\r\nhello\r\n", BROKEN),
    "another transfer coding": (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", BROKEN),
    "less than the length": (answer(PAGE, length=99), BROKEN),
    "a gzip bomb": (answer(BOMB, content_encoding="gzip"), LARGE),
    "a deflate bomb": (answer(_bomb(50, "deflate"), content_encoding="deflate"), LARGE),
    "a bare deflate bomb": (answer(_bomb(50, "bare"), content_encoding="deflate"), LARGE),
    "a bomb in chunks": (
        lambda: [CHUNKED[:-2] + b"Content-Encoding: gzip\r\n\r\n", b"%x\r\n" % len(BOMB), BOMB],
        LARGE,
    ),
    "a bomb in a bomb": (answer(gzip.compress(BOMB), content_encoding="gzip, gzip"), "not asked for"),
    "packed twice in two headers": (
        OK + b"Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(BOMB),
        "not asked for",
    ),
    "endless bytes behind a gzip": (
        _endless(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(PAGE), piece=bytes(10_000)),
        LARGE,
    ),
    "many little members": (answer(gzip.compress(b"") * 1001, content_encoding="gzip"), UNPACKED),
    "brotli": (answer(PAGE, content_encoding="br"), "not asked for"),
    "zstandard": (answer(PAGE, content_encoding="zstd"), "not asked for"),
    "an unknown packing": (answer(PAGE, content_encoding="EVIL"), "not asked for"),
    "gzip that is none": (answer(PAGE, content_encoding="gzip"), UNPACKED),
    "deflate that is none": (answer(b"\xff" + PAGE, content_encoding="deflate"), UNPACKED),
    "gzip that is broken": (answer(gzip.compress(PAGE)[:-9] + bytes(9), content_encoding="gzip"), UNPACKED),
    "half of a gzip": (answer(gzip.compress(PAGE)[:20], content_encoding="gzip"), UNPACKED),
    "gzip without its last byte": (answer(gzip.compress(PAGE)[:-1], content_encoding="gzip"), UNPACKED),
    "half of a deflate": (answer(zlib.compress(PAGE)[:9], content_encoding="deflate"), UNPACKED),
    "an image": (answer(PAGE, content_type="image/png"), KIND),
    "an image as XML": (answer(PAGE, content_type="image/svg+xml"), KIND),
    "sound": (answer(PAGE, content_type="audio/mpeg"), KIND),
    "an endless video": (_endless(OK[:-25] + b"Content-Type: video/mp4\r\n\r\n", piece=bytes(9999)), KIND),
    "a font": (answer(PAGE, content_type="font/woff2"), KIND),
    "a program": (answer(PAGE, content_type="application/x-msdownload"), KIND),
    "a kind that is none": (answer(PAGE, content_type="page"), "of no known kind"),
    "a kind beyond ASCII": (answer(PAGE, content_type="\xff/\x85"), "of no known kind"),
    "a very long kind": (answer(PAGE, content_type="a" * 50_000), "of no known kind"),
    "a kind with more in it": (answer(PAGE, content_type="image/png EVIL"), "of no known kind"),
    "several kinds": (answer(PAGE, content_type="multipart/mixed; boundary=EVIL"), KIND),
    "unchanged though not asked": (answer(status="304 Not Modified", length=0), "status 304"),
    "no content": (answer(status="204 No Content", length=0), "status 204"),
    "a part": (answer(PAGE, status="206 Partial Content"), "status 206"),
    "a choice": (answer(PAGE, status="300 Multiple Choices", location="/EVIL"), "status 300"),
    "a proxy": (answer(PAGE, status="305 Use Proxy", location="http://127.0.0.1/EVIL"), "status 305"),
    "a redirect without a target": (answer(status="302 Found"), "does not say where"),
    "a redirect with two targets": (
        b"HTTP/1.1 302 Found\r\nLocation: /EVIL\r\nLocation: /good\r\n\r\n",
        "does not say where",
    ),
    "a login": (answer(PAGE, status="401 EVIL", www_authenticate='Basic realm="EVIL"'), "login"),
    "no entry": (answer(PAGE, status="403 EVIL"), "login"),
    "a proxy that wants a login": (answer(PAGE, status="407 EVIL"), "status 407"),
    "a failure": (answer(PAGE, status="500 EVIL"), "status 500"),
    "a status of its own": (answer(PAGE, status="999 EVIL"), "status 999"),
    "too many requests": (answer(PAGE, status="429 EVIL", retry_after="7"), "try again in 7 s"),
    "maintenance": (answer(PAGE, status="503 EVIL", retry_after="EVIL"), "status 503"),
}


@pytest.mark.parametrize(("reply", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_answer_ends_in_one_line_and_in_time(reply: Answer, reason: str) -> None:
    with site({"/": reply}) as server:
        message = refused(lambda: fetcher(server).get(server.url()))
    assert reason in message
    assert message.startswith(server.url())


def test_a_refresh_is_not_followed() -> None:
    with site({"/": answer(PAGE, refresh="0; url=/evil")}) as server:
        assert PAGE == fetcher(server).get(server.url()).content
        assert ["/"] == server.paths


def test_redirects_that_drip_end_in_time() -> None:
    replies = {f"/{number}": _slowly(moved(f"/{number + 1}")) for number in range(9)}
    limits = Limits(read_seconds=5, total_seconds=0.5, pause_seconds=0)
    with site(replies) as server:
        assert "took too long" in refused(lambda: fetcher(server, limits=limits).get(server.url("/0")))


@pytest.mark.parametrize("seconds", [0, 0.3])
def test_no_step_takes_longer_than_all_may(seconds: float) -> None:
    limits = Limits(connect_seconds=60, read_seconds=60, total_seconds=seconds, pause_seconds=0)
    with site({"/": lambda: [9.0]}) as server:
        assert SLOW in refused(lambda: fetcher(server, limits=limits).get(server.url()))


def _slowly(reply: bytes) -> Callable[[], list[bytes | float]]:
    return lambda: [0.2, reply]


def test_a_bomb_takes_no_more_memory_than_the_limit() -> None:
    with site({"/": answer(_bomb(300), content_encoding="gzip")}) as server:
        tracemalloc.start()
        refused(lambda: fetcher(server, limits=Limits(most_bytes=5_000_000, pause_seconds=0)).get(server.url()))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 12_000_000


def test_a_page_that_comes_in_crumbs_is_refused() -> None:
    limits = Limits(most_bytes=50_000_000, pause_seconds=0)
    reply = _endless(CHUNKED, piece=b"1\r\nx\r\n" * 10_000)
    with site({"/": reply}) as server:
        assert "crumbs" in refused(lambda: fetcher(server, limits=limits).get(server.url()))


def test_a_host_that_does_not_listen_is_told() -> None:
    with site({}) as server:
        pass
    assert "can't be reached (Connection refused)" in refused(lambda: fetcher(server).get(server.url()))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.sampled_from([b"", OK, OK + b"\r\n", CHUNKED, b"HTTP/1.1 302 x\r\nLocation: "]))
def test_any_answer_is_a_page_or_refused(tail: bytes, head: bytes) -> None:
    with site({"/": head + tail}) as server:
        try:
            fetched = fetcher(server).get(server.url())
        except LoadError as error:
            fetched = Fetched(str(error), "ok")
    assert fetched.url.startswith(server.url())
    assert fetched.url.isprintable()


# --- TLS ---


def test_https_is_spoken_with_the_host_that_is_named(tmp_path: Path) -> None:
    tls, names = certified(tmp_path, HOST), Names(herald=[["127.0.0.1"]], other=[["127.0.0.1"]])
    with site({"/": answer(PAGE)}, tls) as server:
        url = server.url(host=HOST, scheme="https")
        trusting = fetcher(server, resolve=names, authorities=tmp_path / "authority.pem")
        assert PAGE == trusting.get(url).content
        assert "certificate" in refused(lambda: trusting.get(server.url(host="other.example", scheme="https")))
        assert "certificate" in refused(lambda: trusting.get(server.url(scheme="https")))
        assert "certificate" in refused(lambda: fetcher(server, resolve=names).get(url))
        assert 1 == len(server.requests)


def test_https_leads_to_no_page_without_it(tmp_path: Path) -> None:
    with site({"/": answer(PAGE)}) as plain:
        with site({"/": moved(plain.url())}, certified(tmp_path, HOST)) as server:
            names = Names(herald=[["127.0.0.1"]])
            trusting = fetcher(server, plain, resolve=names, authorities=tmp_path / "authority.pem")
            message = refused(lambda: trusting.get(server.url(host=HOST, scheme="https")))
        assert "not encrypted" in message
        assert [] == plain.requests


def test_a_server_without_tls_is_told() -> None:
    with site({"/": answer(PAGE)}) as server:
        assert "https" in refused(lambda: fetcher(server).get(server.url(scheme="https")))


def test_a_server_that_says_nothing_to_tls_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = Site(silent.getsockname()[1])
        waiting = fetcher(server, limits=Limits(connect_seconds=0.2, pause_seconds=0))
        assert "took too long" in refused(lambda: waiting.get(server.url(scheme="https")))


def test_a_file_that_holds_no_authorities_is_a_settings_error(tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("EVIL")
    with site({}) as server:
        for name in ("none.pem", "missing.pem"):
            trusting = fetcher(server, authorities=tmp_path / name)
            with pytest.raises(SettingsError, match=rf"{name}: is no file of certificates"):
                trusting.get(server.url(scheme="https"))


# --- robots.txt ---

RULES = b"User-agent: *\nDisallow: /private\nUser-agent: other\nDisallow: /\nCrawl-delay: 3\n"
PAGES: dict[str, Answer] = {"/private": answer(PAGE), "/open": answer(PAGE)}


def test_a_page_is_read_by_robots_only_where_its_site_lets_them() -> None:
    with site({**PAGES, "/robots.txt": answer(RULES, content_type="text/plain")}) as server:
        asking = fetcher(server)
        assert PAGE == asking.get(server.url("/open"), robots=True).content
        assert "robots.txt" in refused(lambda: asking.get(server.url("/private"), robots=True))
        assert PAGE == asking.get(server.url("/private")).content
        assert ["/robots.txt", "/open", "/private"] == server.paths


@pytest.mark.parametrize(
    ("rules", "lets"),
    [
        (b"User-agent: newsqa\nDisallow: /\n", False),
        (b"User-agent: NewsQA/0.1\nDisallow: /\n", False),
        (b"User-agent: newsqa\nDisallow:\n\nUser-agent: *\nDisallow: /\n", True),
        (b"\xef\xbb\xbfUser-agent: *\r\nDisallow: /\r\n", False),
        (b"User-agent: a\nUser-agent: *\nUser-agent: b\nDisallow: /pri*e$\n", False),
        (b"User-agent: *\nDisallow: /\nAllow: /private\n", True),
        (b"User-agent: news\nDisallow: /\n", True),
        (b"User-agent: *\nCrawl-delay: EVIL\nCrawl-delay: inf\nSitemap: file:///etc/passwd\n", True),
        (b"<html>It rained.", True),
        (b"", True),
        (bytes(999), True),
    ],
)
def test_the_rules_are_those_for_this_program_or_for_all(rules: bytes, lets: bool) -> None:
    with site({**PAGES, "/robots.txt": answer(rules)}) as server:
        try:
            fetched = fetcher(server).get(server.url("/private"), robots=True).content
        except LoadError:
            fetched = b""
    assert lets == bool(fetched)


@pytest.mark.parametrize(
    ("reply", "lets"),
    [
        (answer(status="404 Not Found"), True),
        (answer(status="410 Gone"), True),
        (answer(status="401 Unauthorized"), True),
        (answer(status="403 Forbidden"), True),
        (answer(status="429 Too Many Requests"), False),
        (answer(status="500 Failed"), False),
        (answer(status="503 Busy"), False),
        (b"", False),
        (answer(length=600_000), False),
        (answer(BOMB, content_encoding="gzip"), False),
        (answer(RULES, content_type="image/png"), False),
        (moved("/open"), True),
        (moved("/robots.txt"), False),
        (moved("http://169.254.169.254/"), False),
        (lambda: [9.0], False),
    ],
)
def test_rules_that_are_not_there_allow_all_and_rules_that_fail_nothing(reply: Answer, lets: bool) -> None:
    with site({**PAGES, "/robots.txt": reply}) as server:
        asking = fetcher(server)
        for _ in range(2):
            try:
                fetched = asking.get(server.url("/private"), robots=True).content
            except LoadError as error:
                assert f"{server.url('/private')}: its site's robots.txt" in str(error)  # noqa: PT017
                fetched = b""
            assert lets == bool(fetched)
        assert 1 == server.paths.count("/robots.txt")


def test_the_target_of_a_redirect_has_rules_too() -> None:
    rules = {"/robots.txt": answer(RULES)}
    with site({"/private": answer(PAGE), **rules}) as server, site({"/": moved(server.url("/private"))}) as first:
        asking = fetcher(first, server)
        assert "robots.txt" in refused(lambda: asking.get(first.url(), robots=True))
        assert ["/robots.txt"] == server.paths


def test_rules_are_read_again_the_next_day_and_failures_earlier() -> None:
    now = [0.0]
    replies: dict[str, Answer] = {**PAGES, "/robots.txt": answer(status="500 Failed")}
    with site(replies) as server:
        asking = fetcher(server, clock=lambda: now[0])
        refused(lambda: asking.get(server.url("/open"), robots=True))
        replies["/robots.txt"] = answer(b"")
        now[0] += 601
        assert asking.get(server.url("/open"), robots=True).content
        replies["/robots.txt"] = answer(b"User-agent: *\nDisallow: /")
        now[0] += 86_000
        assert asking.get(server.url("/open"), robots=True).content
        now[0] += 401
        refused(lambda: asking.get(server.url("/open"), robots=True))


def test_hostile_rules_take_no_time() -> None:
    agents = b"".join(b"User-agent: a%d\n" % number for number in range(12_000))
    rules = b"".join(b"Disallow: /*%d*$\n" % number for number in range(12_000))
    wild = b"Disallow: /" + b"*a" * 20_000 + b"\n"
    with site({**PAGES, "/robots.txt": answer(b"User-agent: *\n" + agents + rules + wild)}) as server:
        limits = Limits(total_seconds=20, pause_seconds=0)
        assert PAGE == fetcher(server, limits=limits).get(server.url("/open"), robots=True).content


# --- pauses ---


def test_a_host_gets_its_pause_between_two_requests() -> None:
    slept: list[float] = []
    replies = {**PAGES, "/": moved("/open"), "/robots.txt": answer(b"User-agent: *\nCrawl-delay: 4")}
    with site(replies) as server, site(PAGES) as other:
        names = Names(herald=[["127.0.0.1"]], other=[["127.0.0.1"]])
        options: dict[str, Any] = {"clock": lambda: sum(slept), "sleep": slept.append, "resolve": names}
        asking = fetcher(server, other, limits=Limits(pause_seconds=1), **options)
        asking.get(server.url(host=HOST))
        assert [1] == slept
        asking.get(other.url("/open", host="other.example"))
        assert [1] == slept
        asking.get(server.url("/open", host=HOST), robots=True)
        assert [1, 1, 4] == slept
        asking.get(server.url("/open", host=HOST))
        assert [1, 1, 4, 1] == slept


def test_a_crawl_delay_is_kept_up_to_ten_seconds() -> None:
    slept: list[float] = []
    with site({**PAGES, "/robots.txt": answer(b"User-agent: newsqa\nCrawl-delay: 9999")}) as server:
        fetcher(server, clock=lambda: sum(slept), sleep=slept.append).get(server.url("/open"), robots=True)
    assert [10] == slept


def test_pauses_do_not_count_as_the_servers_time() -> None:
    limits = Limits(total_seconds=0.5, pause_seconds=0.4)
    with site({"/": moved("/1"), "/1": moved("/2"), "/2": answer(PAGE)}) as server:
        assert PAGE == fetcher(server, limits=limits).get(server.url()).content


def test_threads_take_turns() -> None:
    slept: list[float] = []
    turns = Turns(lambda: 100.0, slept.append)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: turns.wait(HOST, 2), range(8)))
    assert [2.0 * number for number in range(1, 8)] == sorted(slept)


def test_only_so_many_hosts_are_remembered() -> None:
    turns = Turns(lambda: 0.0, lambda seconds: None)
    assert [0.0, 1.0] == [turns.wait(HOST, 1), turns.wait(HOST, 1)]
    assert {0.0} == {turns.wait(f"{number}.example", 1) for number in range(5000)}
    assert 0.0 == turns.wait(HOST, 1)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_a_host_that_asks_for_time_gets_it(status: str) -> None:
    now = [0.0]
    replies: dict[str, Answer] = {"/": answer(status=status, retry_after="120"), "/next": answer(PAGE)}
    with site(replies) as server:
        asking = fetcher(server, clock=lambda: now[0])
        assert "try again in 120 s" in refused(lambda: asking.get(server.url()))
        now[0] += 20
        assert "try again in 100 s" in refused(lambda: asking.get(server.url("/next")))
        assert ["/"] == server.paths
        now[0] += 101
        assert PAGE == asking.get(server.url("/next")).content


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *[("120", 120), ("0", 0), ("", 0), ("soon", 0), ("-5", 0), ("1e9", 0), ("9" * 500, 86_400), ("nan", 0)],
        *[("Mon, 12 May 2025 08:00:00 GMT", 0), ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400), ("Fri, 99 Dec 2025", 0)],
        *[("Fri, 31 Dec 9999 23:59:59", 86_400), ("Fri, 31 Dec 9999 23:59:59 +9999", 0)],
    ],
)
def test_a_pause_is_asked_for_in_seconds_or_by_a_date(header: str, seconds: float) -> None:
    assert seconds == asked_pause(header)


def test_threads_share_the_rules_and_the_pauses() -> None:
    replies = {"/robots.txt": answer(RULES), **{f"/{number}": answer(PAGE) for number in range(24)}}
    slept: list[float] = []
    with site(replies) as server, ThreadPoolExecutor(8) as pool:
        asking = fetcher(server, limits=Limits(pause_seconds=2), sleep=slept.append)
        pages = pool.map(lambda number: asking.get(server.url(f"/{number}"), robots=True).content, range(24))
        assert [PAGE] * 24 == list(pages)
        assert 1 == server.paths.count("/robots.txt")
        assert 24 == len(slept)


# --- its end ---


def test_a_closed_fetcher_fetches_nothing() -> None:
    with site({"/": answer(PAGE)}) as server:
        with fetcher(server) as asking:
            assert PAGE == asking.get(server.url()).content
        refused(lambda: asking.get(server.url()))
        assert 1 == len(server.requests)


def test_closing_ends_what_another_thread_fetches() -> None:
    ended: list[NewsqaError] = []
    with site({"/": _endless(OK + b"\r\n", piece=b"x", pause=0.05)}) as server:
        asking = fetcher(server, limits=Limits(pause_seconds=0))

        def fetch() -> None:
            try:
                asking.get(server.url())
            except NewsqaError as error:
                ended.append(error)

        thread = Thread(target=fetch)
        thread.start()
        while not server.requests:
            sleep(0.01)
        asking.close()
        thread.join(20)
    assert 1 == len(ended)


def test_a_bad_allowance_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="NEWSQA_FETCH_ALLOW"):
        Fetcher(allow="10.0.0.0/99")


def test_what_is_found_to_be_a_feed_may_be_asked_for_afterwards() -> None:
    robots = answer(b"User-agent: *\nDisallow: /feed", content_type="text/plain")
    with site({"/robots.txt": robots}) as server:
        asking = fetcher(server)
        asking.check_robots(server.url("/news"))
        assert "robots.txt" in refused(lambda: asking.check_robots(server.url("/feed")))
    assert ["/robots.txt"] == server.paths

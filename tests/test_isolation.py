"""Parsers that hang, crash, eat memory or are taken over harm one file, and no other."""

import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from newsqa.domain import Article
from newsqa.errors import LoadError
from newsqa.loading.apart import wire
from newsqa.loading.apart.workshop import Workshop
from newsqa.loading.given import Given, Link, Parsed
from tests import evil_parsers, making

EVIL = {"evil": "tests.evil_parsers"}
ROOT = Path(__file__).parents[1]


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    with Workshop(seconds=2, most_seconds=4, memory_bytes=500_000_000, parsers=EVIL) as opened:
        yield opened


def _parse(workshop: Workshop, act: str) -> list[Parsed | LoadError]:
    return list(workshop.parse(Given("bridge.evil", act.encode()), "evil"))


def _texts(workshop: Workshop, act: str) -> list[str]:
    return [item.text if isinstance(item, Article) else str(item) for item in _parse(workshop, act)]


def _problem(workshop: Workshop, act: str) -> str:
    with pytest.raises(LoadError) as raised:
        _parse(workshop, act)
    return str(raised.value)


def _pid(workshop: Workshop) -> int:
    (text,) = _texts(workshop, "pid")
    return int(text)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text() if Path("/proc/self").exists() else True


def _ends(pid: int) -> bool:
    for _ in range(100):
        if not _lives(pid):
            return True
        time.sleep(0.1)
    return False


def test_a_file_is_parsed_and_the_worker_is_kept_for_the_next(workshop: Workshop) -> None:
    (article,) = workshop.parse(Given("bridge.docx", making.docx()), "docx")
    assert isinstance(article, Article)
    assert (making.TITLE, making.TEXT, "bridge") == (article.title, article.text, article.id)
    assert _pid(workshop) == _pid(workshop)


def test_links_come_as_they_are(workshop: Workshop) -> None:
    short = Article(title="Said", text="short", language="")
    expected = [
        Link("https://herald.example/a", "page", "2025", short, whole=True),
        Link("https://herald.example/b", "feed"),
    ]
    assert expected == _parse(workshop, "link")


def test_articles_come_one_by_one_and_none_is_waited_for(workshop: Workshop) -> None:
    items = workshop.parse(Given("bridge.evil", b"sleep"), "evil")
    first = next(items)
    assert isinstance(first, Article)
    assert "first" == first.text
    with pytest.raises(LoadError, match="took longer"):
        next(items)


def test_many_articles_come_whole_to_a_slow_reader(workshop: Workshop) -> None:
    titles = []
    for number, item in enumerate(workshop.parse(Given("bridge.evil", b"many 5000"), "evil")):
        assert isinstance(item, Article)
        assert evil_parsers.making_text(number) == item.text
        titles.append(item.title)
        if number in (0, 2500):
            time.sleep(2.5)  # longer than both waits may take: the reader's own time does not count
    assert 5000 == len(titles)


def test_an_error_of_a_part_is_given_and_that_of_the_whole_is_raised(workshop: Workshop) -> None:
    items = workshop.parse(Given("bridge.evil", b"refuse"), "evil")
    assert isinstance(next(items), Article)
    assert "bridge.evil: its second part is torn; mend it" == str(next(items))
    with pytest.raises(LoadError, match=r"^bridge\.evil: is torn; mend it$"):
        next(items)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        ("loop", "bridge.evil: took longer than 2 s to parse; split it, or save it in another format"),
        ("drip", "bridge.evil: took longer than 4 s to parse; split it, or save it in another format"),
        ("eat", "bridge.evil: needs more memory than 500 MB to parse; split it, or save it in another format"),
        ("crash", "bridge.evil: its parser crashed (signal 11); save it in another format"),
        ("leave 3", "bridge.evil: its parser ended by itself (exit 3); save it in another format"),
        ("raise", "bridge.evil: can't be parsed (RuntimeError); save it in another format"),
        ("recurse", "bridge.evil: can't be parsed (RecursionError); save it in another format"),
        ("half", "bridge.evil: it holds half a character; correct it"),
    ],
)
def test_a_parser_that_fails_says_how_and_the_next_file_is_parsed(workshop: Workshop, act: str, expected: str) -> None:
    assert expected == _problem(workshop, act)
    (article,) = workshop.parse(Given("bridge.docx", making.docx()), "docx")
    assert isinstance(article, Article)
    assert making.TEXT == article.text


def test_what_a_parser_prints_and_reads_goes_beside_the_answers(workshop: Workshop) -> None:
    assert ["printed, and read ''"] == _texts(workshop, "print lies")


def test_a_parser_can_not_write_files(workshop: Workshop, tmp_path: Path) -> None:
    assert "bridge.evil: can't be parsed (OSError); save it in another format" == _problem(
        workshop, f"write {tmp_path}/harm.txt"
    )
    assert not (tmp_path / "harm.txt").exists() or b"" == (tmp_path / "harm.txt").read_bytes()


def test_a_parser_sees_no_keys(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("NEWSQA_API_TOKEN", "secret")
    (text,) = _texts(workshop, "environment")
    assert "KEY" not in text
    assert "NEWSQA" not in text
    assert text.endswith(" /")


@pytest.mark.skipif(os.geteuid() != 0, reason="the kernel refuses children to all but root")
def test_what_a_parser_started_ends_with_it(workshop: Workshop) -> None:
    items = workshop.parse(Given("bridge.evil", b"fork 1000"), "evil")
    article = next(items)
    assert isinstance(article, Article)
    child = int(article.text)
    assert _lives(child)
    with pytest.raises(LoadError, match="took longer"):
        next(items)
    assert _ends(child)


def _message(value: object) -> str:
    body = json.dumps(value).encode()
    return (struct.pack(">I", len(body)) + body).hex()


ARTICLE: dict[str, Any] = wire.message_of(Article(title="a", text="b"))["article"]


@pytest.mark.parametrize(
    "answer",
    [
        struct.pack(">I", 0xFFFFFFFF).hex(),
        (struct.pack(">I", 4) + b"\x80\4K\1").hex(),
        (struct.pack(">I", 100_000) + b"[" * 100_000).hex(),
        _message([]),
        _message({}),
        _message({"article": {}}),
        _message({"article": {**ARTICLE, "text": 7}}),
        _message({"article": {**ARTICLE, "text": "  "}}),
        _message({"article": {**ARTICLE, "title": "\ud800"}}),
        _message({"article": {**ARTICLE, "published_at": "soon"}}),
        _message({"article": {**ARTICLE, "added_at": "2025-05-12T10:00:00Z"}}),
        _message({"article": {**ARTICLE, "__class__": "os.system"}}),
        _message({"link": {"address": "x", "kind": "program", "stamp": "", "article": None, "whole": False}}),
        _message({"error": ["a"]}),
        _message({"failed": None}),
    ],
)
def test_what_a_parser_that_is_taken_over_sends_is_not_believed(workshop: Workshop, answer: str) -> None:
    expected = "bridge.evil: its parser gave what it should not; save it in another format"
    assert expected == _problem(workshop, f"garbage {answer}")


def test_an_error_of_a_parser_is_one_line_that_begins_with_the_name(workshop: Workshop) -> None:
    answer = _message({"failed": "other.txt: \x1b[31m\nis torn"})
    assert "bridge.evil: other.txt: [31m is torn" == _problem(workshop, f"garbage {answer}")


def test_every_field_of_an_article_goes_through_and_back() -> None:
    moment = datetime(2025, 5, 12, 10, 30, tzinfo=UTC)
    article = Article(
        title="a", text="b", id="c", url="d", publisher="e", author="f", published_at=date(2025, 5, 12),
        updated_at=moment, subtitle="g", place="h", language="", fictional=True, origin="!/i",
    )  # fmt: skip
    for item in (article, Link("a", "sitemap", "b", article, whole=True), Link("a", "page")):
        packed = wire.packed(wire.message_of(item))
        assert item == wire.item_of(wire.unpacked(packed[wire.LENGTH.size :]), "name")


def test_a_worker_that_is_let_go_in_the_middle_is_ended(workshop: Workshop) -> None:
    pid = _pid(workshop)
    items = workshop.parse(Given("bridge.evil", b"many 5000"), "evil")
    next(items)
    items.close()  # type: ignore[attr-defined]  # it is a generator
    assert _ends(pid)
    assert pid != _pid(workshop)


def test_a_worker_that_died_while_idle_is_replaced(workshop: Workshop) -> None:
    pid = _pid(workshop)
    os.kill(pid, signal.SIGKILL)
    workshop._idle[0]._process.wait(20)
    assert pid != _pid(workshop)


def test_a_worker_that_is_worn_is_replaced(workshop: Workshop) -> None:
    pids = [_pid(workshop) for _ in range(201)]
    assert (pids[0], True) == (pids[199], pids[0] != pids[200])


def test_no_worker_is_left_when_the_workshop_closes() -> None:
    with Workshop(parsers=EVIL) as workshop:
        pid = _pid(workshop)
        assert _lives(pid)
    assert not _lives(pid)


def test_no_worker_is_left_when_the_program_is_killed() -> None:
    program = (
        "from newsqa.loading.apart.workshop import Workshop; from newsqa.loading.given import Given\n"
        "items = Workshop(parsers={'evil': 'tests.evil_parsers'}).parse(Given('a', b'spin'), 'evil')\n"
        "print(next(items).text, flush=True)\n"
        "next(items)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        assert _lives(pid)
        process.kill()
    assert _ends(pid)


def test_several_threads_parse_at_once_and_calls_stand_within_each_other(workshop: Workshop) -> None:
    texts: list[str] = []
    threads = [threading.Thread(target=lambda: texts.extend(_texts(workshop, "pid"))) for _ in range(3)]
    outer = workshop.parse(Given("bridge.evil", b"many 3"), "evil")
    next(outer)
    for thread in threads:
        thread.start()
    assert _texts(workshop, "pid")
    assert 2 == len(list(outer))
    for thread in threads:
        thread.join()
    assert 3 == len(texts)


def test_the_members_of_an_archive_are_parsed_each_by_its_kind(workshop: Workshop) -> None:
    content = making.zipped(
        {
            "2025/bridge.docx": making.docx(),
            "2025/tolls.pdf": making.pdf(title="Tolls"),
            "torn.pdf": b"%PDF-1.7",
            "2024/bridge.md": "# An older bridge\n\nIt fell.",
            "photo.png": b"\x89PNG\r\n\x1a\n\0",
            "../evil.txt": "x",
        }
    )
    items = list(workshop.parse(Given("herald.zip", content), "zip"))
    found = [(item.id, item.origin) if isinstance(item, Article) else str(item)[:45] for item in items]
    assert [
        ("bridge", "!/2025/bridge.docx"),
        ("tolls", "!/2025/tolls.pdf"),
        "herald.zip!/torn.pdf: is damaged or no PDF; o",
        ("2024-bridge.md", "!/2024/bridge.md"),
        "herald.zip!/photo.png: is a picture; add the ",
        "herald.zip!/../evil.txt: has a name that lead",
    ] == found


def test_an_unknown_kind_is_refused(workshop: Workshop) -> None:
    with pytest.raises(LoadError, match=r"^a: is of an unknown kind \(scroll\); save the article as text$"):
        list(workshop.parse(Given("a", b"x"), "scroll"))

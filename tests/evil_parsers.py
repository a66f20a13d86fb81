"""Parsers that misbehave, each in the way that the name of its file says."""

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from newsqa.domain import Article
from newsqa.errors import LoadError
from newsqa.loading.given import Given, Link, Parsed


def articles(given: Given) -> Iterator[Parsed | LoadError]:
    """Does what the first word of the content says; the rest of the content is said in the article."""
    act, _, rest = given.content.decode().partition(" ")
    if act == "many":
        for number in range(int(rest)):
            yield Article(title=f"Number {number}", text=making_text(number), language="")
        return
    yield from _ACTS[act](given, rest)


def making_text(number: int) -> str:
    return f"The bridge of Vårsund opened for the {number}. time. " * 20


def _said(text: str) -> Article:
    return Article(title="Said", text=text, language="")


def _loop(_given: Given, _rest: str) -> Iterator[Article]:
    yield _said("first")
    while True:
        pass


def _sleep(_given: Given, _rest: str) -> Iterator[Article]:
    yield _said("first")
    time.sleep(1000)


def _drip(_given: Given, _rest: str) -> Iterator[Article]:
    for number in range(1000):
        time.sleep(0.2)
        yield _said(f"{number}")


def _eat(_given: Given, _rest: str) -> Iterator[Article]:
    eaten = []
    while True:
        eaten.append(bytearray(50_000_000))
    yield _said(f"{len(eaten)}")


def _crash(_given: Given, _rest: str) -> Iterator[Article]:
    yield _said("first")
    ctypes.string_at(0)


def _leave(_given: Given, rest: str) -> Iterator[Article]:
    os._exit(int(rest))
    yield _said("never")


def _print(_given: Given, rest: str) -> Iterator[Article]:
    print(rest, flush=True)
    print(rest, file=sys.stderr, flush=True)
    os.write(1, b"\0\0\0\4lies")
    yield _said(f"printed, and read {sys.stdin.read()!r}")


def _write(_given: Given, rest: str) -> Iterator[Article]:
    with Path(rest).open("w") as stream:
        stream.write("harm")
    yield _said("written")


def _fork(_given: Given, rest: str) -> Iterator[Article]:
    child = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({rest})"], start_new_session=False)
    yield _said(f"{child.pid}")
    time.sleep(1000)


def _environment(_given: Given, _rest: str) -> Iterator[Article]:
    yield _said(f"{sorted(os.environ)} {Path.cwd()}")


def _refuse(given: Given, _rest: str) -> Iterator[Article | LoadError]:
    yield _said("first")
    yield LoadError(f"{given.name}: its second part is torn; mend it")
    raise LoadError(f"{given.name}: is torn; mend it")


def _raise(_given: Given, _rest: str) -> Iterator[Article]:
    yield _said("first")
    raise RuntimeError("secret")


def _recurse(given: Given, rest: str) -> Iterator[Article]:
    yield from _recurse(given, rest)


def _half(_given: Given, _rest: str) -> Iterator[Article]:
    yield _said("half a \ud800 character")


def _link(_given: Given, _rest: str) -> Iterator[Link]:
    yield Link("https://herald.example/a", "page", "2025", _said("short"), whole=True)
    yield Link("https://herald.example/b", "feed")


def _pid(_given: Given, _rest: str) -> Iterator[Article]:
    yield _said(f"{os.getpid()}")


def _spin(_given: Given, _rest: str) -> Iterator[Article]:
    yield _said(f"{os.getpid()}")
    while True:
        pass


def _garbage(_given: Given, rest: str) -> Iterator[Article]:
    """Taken over: writes what it likes where the answers go."""
    body = bytes.fromhex(rest)
    for number in range(3, 20):
        try:
            os.write(number, body)
        except OSError:
            continue
    time.sleep(1000)
    yield _said("never")


_ACTS: dict[str, Callable[[Given, str], Iterator[Parsed | LoadError]]] = {
    "loop": _loop, "sleep": _sleep, "drip": _drip, "eat": _eat, "crash": _crash, "leave": _leave, "print": _print,
    "write": _write, "fork": _fork, "environment": _environment, "refuse": _refuse, "raise": _raise,
    "recurse": _recurse, "half": _half, "link": _link, "pid": _pid, "spin": _spin, "garbage": _garbage,
}  # fmt: skip

"""The process that parsers run in: bounded in memory, without files, keys or children; `python -m` starts it."""

import json
import os
import resource
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from newsqa.domain import Article
from newsqa.errors import LoadError
from newsqa.loading.apart import wire
from newsqa.loading.archives import members
from newsqa.loading.given import Given, Parsed
from newsqa.loading.kinds import kind_of

PARSERS: Mapping[str, str] = {
    "text": "newsqa.loading.text",
    "markdown": "newsqa.loading.text",
    "html": "newsqa.loading.pages",
    "pdf": "newsqa.loading.pdf",
    "docx": "newsqa.loading.word",
    "epub": "newsqa.loading.epub",
    "json": "newsqa.loading.records",
    "jsonl": "newsqa.loading.records",
    "feed": "newsqa.loading.feeds",
    "sitemap": "newsqa.loading.lists",
    "opml": "newsqa.loading.lists",
}
"""The module whose `articles(given)` reads a kind. A zip is opened here, and each file in it goes its own way."""
_MAX_OPEN_FILES = 64


def parsed(given: Given, kind: str, parsers: Mapping[str, str] = PARSERS) -> Iterator[Parsed | LoadError]:
    """Every article and link of a file, and an error for each member of an archive that can't be read.

    Raises:
        LoadError: the file as a whole can't be read.
    """
    if kind == "zip":
        yield from _unzipped(given, parsers)
    elif kind in parsers:
        yield from import_module(parsers[kind]).articles(given)
    else:
        raise LoadError(f"{given.name}: is of an unknown kind ({kind}); save the article as text")


def _unzipped(given: Given, parsers: Mapping[str, str]) -> Iterator[Parsed | LoadError]:
    taken = set[str]()
    for member in members(given):
        try:
            if isinstance(member, LoadError):
                raise member
            for item in parsed(member, kind_of(member), parsers):
                yield _of_member(item, member, taken) if isinstance(item, Article) else item
        except LoadError as error:
            yield error


def _of_member(article: Article, member: Given, taken: set[str]) -> Article:
    """The article with the member it came from; where two members have one name, the second's id is its path."""
    path = member.name.rpartition("!/")[2]
    article = replace(article, origin=f"!/{path}{article.origin if article.origin.startswith('!/') else ''}")
    if article.id in taken:
        article = replace(article, id=path.replace("/", "-"))
    taken.add(article.id)
    return article


def main() -> None:
    """Reads files from stdin until it ends; what they hold goes to what stdout was at the start."""
    settings = json.loads(sys.argv[1])
    incoming, outgoing = _apart(0, "rb"), _apart(1, "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    _limit(settings["memory"])
    _send(outgoing, {"ready": os.getpid()})
    while length := incoming.read(wire.LENGTH.size):
        header = json.loads(incoming.read(*wire.LENGTH.unpack(length)))
        content = incoming.read(header["bytes"])
        given = Given(header["name"], content, header["url"], header["content_type"])
        del content
        _limit_seconds(settings["seconds"])
        _answer(outgoing, given, header["kind"], {**PARSERS, **settings["parsers"]})
        del given


def _answer(outgoing: IO[bytes], given: Given, kind: str, parsers: Mapping[str, str]) -> None:
    last: dict[str, Any] = {"done": 0}
    try:
        for item in parsed(given, kind, parsers):
            _send(outgoing, wire.message_of(item))
    except LoadError as error:
        last = {"failed": str(error)}
    except MemoryError:
        last = {"short": 0}
    except wire.WireError as error:
        last = {"failed": f"{given.name}: {error}"}
    except Exception as error:  # noqa: BLE001  # a parser of others met what it was not made for
        last = {"failed": f"{given.name}: can't be parsed ({type(error).__name__}); save it in another format"}
    if "done" in last:
        last = {"done": _resident_bytes()}
    _send(outgoing, last)


def _resident_bytes() -> int:
    """What this process holds in memory; 0 where the system does not tell. `getrusage` would count its parent's."""
    try:
        with Path("/proc/self/statm").open(encoding="ascii") as told:
            return int(told.read().split()[1]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        return 0


def _send(outgoing: IO[bytes], message: dict[str, Any]) -> None:
    outgoing.write(wire.packed(message))
    outgoing.flush()


def _apart(number: int, mode: str) -> IO[bytes]:
    """The pipe that a standard stream was; what libraries print goes nowhere, and what they ask for is empty."""
    pipe = os.fdopen(os.dup(number), mode)
    os.dup2(os.open(os.devnull, os.O_RDWR), number)
    return pipe


def _end_with(parent: int) -> None:
    """Ends this process when the one that started it is no more; a signal of the kernel would come with its thread."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _limit(memory: int) -> None:
    limits = {"AS": memory, "FSIZE": 0, "CORE": 0, "NOFILE": _MAX_OPEN_FILES, "NPROC": 0}
    for name, most in limits.items():
        with suppress(AttributeError, ValueError, OSError):  # not every system has or sets each
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def _limit_seconds(seconds: int) -> None:
    """Of computing, for the next file: the end even where the parent is gone and Python can't run."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + seconds, most))


if __name__ == "__main__":
    main()

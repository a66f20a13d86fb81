"""Turns files and folders of text and Markdown into articles."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path, PurePath
from typing import Any

import yaml

from newsqa.domain import Article, as_date, normalised
from newsqa.errors import ArticleError, LoadError

SUFFIXES = frozenset({".md", ".markdown", ".txt", ".text"})
"""What is taken from a folder; a file named by itself may have any suffix. A README is never taken."""
MAX_FILE_BYTES = 10_000_000
_FRONT_MATTER = re.compile(r"---[^\S\n]*\n(.*?\n|)---[^\S\n]*(?:\n|$)", re.DOTALL)
_OPENED = re.compile(r"---[^\S\n]*\n[A-Za-z_]+:(?:\s|$)")
_MAX_FRONT_MATTER = 20_000
_TEXT_FIELDS = ("title", "subtitle", "url", "publisher", "author", "place", "language", "id")
_DATE_FIELDS = {"published": "published_at", "updated": "updated_at"}
_MISSING = ("", "~", "null")
_ZONE_GAP = re.compile(r" (?=[+-]\d)")  # "10:00:00 +0200", as some programs write it


def load(*paths: str | Path, on_error: Callable[[LoadError], None] | None = None) -> list[Article]:
    """The articles of files and of folders, in the order of their names.

    Args:
        paths: UTF-8 text or Markdown files, with or without YAML front matter, and folders of such.
        on_error: is told of each file that can't be loaded, and the others go on. Without it the first
            error is raised.

    Raises:
        LoadError: a path does not exist, or is not an article; the message names it.
    """
    articles = []
    for path in map(Path, paths):
        try:
            files = _files(path)
        except LoadError as error:
            _report(error, on_error)
            continue
        for file in files:
            try:
                articles.append(load_file(file))
            except LoadError as error:
                _report(error, on_error)
    return articles


def load_file(file: Path) -> Article:
    """The article of one file; its stem is the id unless the front matter gives one.

    Raises:
        LoadError: the file can't be read, is not UTF-8 text, or its front matter does not parse.
    """
    return article_of(file, _content(file), str(file.resolve()))


def article_of(file: PurePath, content: bytes, origin: str = "") -> Article:
    """The article in the content of a file of this name. Raises as `load_file` does."""
    values, body = _front_matter(file, _decoded(file, content))
    body = body.strip("\n")
    if not body.strip():
        raise LoadError(f"{file}: has no text; write the article below its front matter")
    values.setdefault("id", file.stem)
    values.setdefault("title", _first_line(body) or file.stem.replace("-", " ").replace("_", " "))
    try:
        return Article(text=body, origin=origin, **values)
    except ArticleError as error:
        raise LoadError(f"{file}: {error}") from error


def _report(error: LoadError, on_error: Callable[[LoadError], None] | None) -> None:
    if on_error is None:
        raise error
    on_error(error)


def _files(path: Path) -> list[Path]:
    if str(path).startswith(("http:/", "https:/")):
        raise LoadError(f"{path}: pages can't be loaded from the web yet; save the article as text and add the file")
    try:
        files = _articles_in(path) if path.is_dir() else [path]
        path.stat()
    except FileNotFoundError as error:
        raise LoadError(f"{path}: there is no such file or folder; check the path") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LoadError(f"{path}: can't be read ({reason}); check the path and its permissions") from error
    if not files:
        raise LoadError(f"{path}: holds no articles; put {', '.join(sorted(SUFFIXES))} files there")
    return files


def _articles_in(folder: Path) -> list[Path]:
    files = (file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    return sorted(file for file in files if file.stem.upper() != "README")


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise LoadError(f"{file}: can't be read ({error.strerror}); check its permissions") from error


def _decoded(file: PurePath, content: bytes) -> str:
    if len(content) > MAX_FILE_BYTES:
        raise LoadError(f"{file}: has more than {MAX_FILE_BYTES:,} bytes; split it")
    if b"\0" in content:
        raise LoadError(f"{file}: is not text; save the article as UTF-8 text or Markdown")
    try:
        text = normalised(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise LoadError(f"{file}: is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    if not text.strip():
        raise LoadError(f"{file}: is empty; write the article into it")
    return text


def _front_matter(file: PurePath, text: str) -> tuple[dict[str, Any], str]:
    """The fields of the front matter, if there is one, and the text below it."""
    found = _FRONT_MATTER.match(text)
    if not found:
        if _OPENED.match(text):
            raise LoadError(f"{file}: its front matter is not closed; write a line of --- below it")
        return {}, text
    if len(found[1]) > _MAX_FRONT_MATTER:
        raise LoadError(f"{file}: its front matter has more than {_MAX_FRONT_MATTER:,} characters; shorten it")
    try:
        # Every value as it is written: no `no` that means false, no 012 that means ten, no `<<` that multiplies.
        values = yaml.load(found[1], yaml.CBaseLoader) or {}  # noqa: S506  # it makes texts, lists and mappings only
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 2}" if mark else ""
        raise LoadError(f"{file}: its front matter does not parse{line} ({reason}); correct it") from error
    if not isinstance(values, Mapping):
        raise LoadError(f"{file}: its front matter is no list of `field: value`; correct it")
    return _fields(file, values), text[found.end() :]


def _fields(file: PurePath, values: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in _TEXT_FIELDS:
        if value := _one_text(file, values, name):
            fields[name] = value
    for name, field in _DATE_FIELDS.items():
        if value := _one_text(file, values, name) or _one_text(file, values, field):
            fields[field] = _date(file, name, value)
    if _one_text(file, values, "fictional").lower() in ("true", "yes"):
        fields["fictional"] = True
    return fields


def _one_text(file: PurePath, values: Mapping[str, Any], name: str) -> str:
    """The value of a field on one line; empty where it is missing."""
    value = values.get(name, "")
    if not isinstance(value, str):
        raise LoadError(f"{file}: front matter field {name!r} is not one text; write it on one line in quotes")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise LoadError(f"{file}: front matter field {name!r} holds half a character; write it whole") from error
    line = " ".join(value.split())
    return "" if line in _MISSING else line


def _date(file: PurePath, name: str, value: str) -> date:
    try:
        return as_date(_ZONE_GAP.sub("", value))
    except ValueError as error:
        message = f"{file}: front matter field {name!r} is no date ({value!r}); write it as 2025-05-12"
        raise LoadError(message) from error


def _first_line(body: str) -> str:
    line = body.lstrip().split("\n", 1)[0].lstrip("# ").strip()
    return line if len(line) <= 150 else ""

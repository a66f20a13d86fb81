"""Text and Markdown, with or without YAML front matter, to an article."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import yaml

from newsqa.domain import Article, as_date, normalised
from newsqa.errors import ArticleError, LoadError
from newsqa.loading.given import Given
from newsqa.loading.titles import first_line, named

MAX_BYTES = 10_000_000
_FRONT_MATTER = re.compile(r"---[^\S\n]*\n(.*?\n|)---[^\S\n]*(?:\n|$)", re.DOTALL)
_OPENED = re.compile(r"---[^\S\n]*\n[A-Za-z_]+:(?:\s|$)")
_MAX_FRONT_MATTER = 20_000
_TEXT_FIELDS = ("title", "subtitle", "url", "publisher", "author", "place", "language", "id")
_DATE_FIELDS = {"published": "published_at", "updated": "updated_at"}
_MISSING = ("", "~", "null")
_ZONE_GAP = re.compile(r" (?=[+-]\d)")  # "10:00:00 +0200", as some programs write it


def articles(given: Given) -> Iterator[Article]:
    """The one article of a file; its stem is the id unless the front matter gives one.

    Raises:
        LoadError: it is not UTF-8 text, holds none, or its front matter does not parse.
    """
    values, body = _front_matter(given.name, _decoded(given.name, given.content))
    body = body.strip("\n")
    if not body.strip():
        raise LoadError(f"{given.name}: has no text; write the article below its front matter")
    values.setdefault("id", given.stem)
    values.setdefault("language", "")
    values.setdefault("title", first_line(body) or named(given))
    try:
        yield Article(text=body, **values)
    except ArticleError as error:
        raise LoadError(f"{given.name}: {error}") from error


def _decoded(name: str, content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise LoadError(f"{name}: has more than {MAX_BYTES:,} bytes; split it")
    if b"\0" in content:
        raise LoadError(f"{name}: is not text; save the article as UTF-8 text or Markdown")
    try:
        text = normalised(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise LoadError(f"{name}: is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    if not text.strip():
        raise LoadError(f"{name}: is empty; write the article into it")
    return text


def _front_matter(name: str, text: str) -> tuple[dict[str, Any], str]:
    """The fields of the front matter, if there is one, and the text below it."""
    found = _FRONT_MATTER.match(text)
    if not found:
        if _OPENED.match(text):
            raise LoadError(f"{name}: its front matter is not closed; write a line of --- below it")
        return {}, text
    if len(found[1]) > _MAX_FRONT_MATTER:
        raise LoadError(f"{name}: its front matter has more than {_MAX_FRONT_MATTER:,} characters; shorten it")
    try:
        # Every value as it is written: no `no` that means false, no 012 that means ten, no `<<` that multiplies.
        values = yaml.load(found[1], yaml.CBaseLoader) or {}  # noqa: S506  # it makes texts, lists and mappings only
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 2}" if mark else ""
        raise LoadError(f"{name}: its front matter does not parse{line} ({reason}); correct it") from error
    if not isinstance(values, Mapping):
        raise LoadError(f"{name}: its front matter is no list of `field: value`; correct it")
    return _fields(name, values), text[found.end() :]


def _fields(file: str, values: Mapping[str, Any]) -> dict[str, Any]:
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


def _one_text(file: str, values: Mapping[str, Any], name: str) -> str:
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


def _date(file: str, name: str, value: str) -> date:
    try:
        return as_date(_ZONE_GAP.sub("", value))
    except ValueError as error:
        message = f"{file}: front matter field {name!r} is no date ({value!r}); write it as 2025-05-12"
        raise LoadError(message) from error

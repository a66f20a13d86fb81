"""JSON lines and JSON, one article a record, in the field names that are met: our own, schema.org's and scrapers'."""

import ast
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from newsqa.domain import Article
from newsqa.errors import ArticleError, LoadError
from newsqa.loading.given import Given, moment, one_line

MAX_LINE_BYTES = 10_000_000
_MAX_LIST = 5000  # characters of a list that is written as a text
_NAMES: dict[str, tuple[str, ...]] = {
    "title": ("title", "headline", "name"),
    "text": ("text", "body", "articleBody", "content", "maintext"),
    "subtitle": ("subtitle", "alternativeHeadline"),
    "url": ("url", "link", "canonical_url", "mainEntityOfPage", "@id"),
    "publisher": ("publisher", "source", "site_name", "outlet"),
    "author": ("author", "authors", "byline", "creator"),
    "place": ("place", "dateline", "locationCreated"),
    "language": ("language", "inLanguage", "lang"),
    "published_at": ("published_at", "published", "datePublished", "publish_date", "date_published", "date"),
    "updated_at": ("updated_at", "updated", "dateModified", "date_modified", "modified"),
}
"""The names of each field, the first one that says something counts."""


def articles(given: Given) -> Iterator[Article | LoadError]:
    """The articles of JSON lines, of a JSON list, of one record, or of schema.org's `@graph`.

    A record that is no article is given as its error, and the others go on.

    Raises:
        LoadError: it is neither JSON nor JSON lines, or not UTF-8.
    """
    try:
        text = given.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LoadError(f"{given.name}: is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        first = text.lstrip().partition("\n")[0].rstrip()
        if not _is_record(first):
            why = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deep"
            raise LoadError(f"{given.name}: is not JSON ({why}); correct it, or write one record a line") from error
        yield from lines(given.name, text.encode("utf-8").splitlines())
        return
    found = list(_records(whole))
    if not found:
        raise LoadError(
            f"{given.name}: holds no record with a text; give each article as an object with title and text"
        )
    for number, record in enumerate(found, start=1):
        yield _article(f"{given.name}!/{number}" if len(found) > 1 else given.name, record, given.stem)


def lines(name: str, content: Iterable[bytes]) -> Iterator[Article | LoadError]:
    """The articles of JSON lines, as they are read; an error in the place of each line that is none."""
    for number, line in enumerate(content, start=1):
        if not line.strip():
            continue
        place = f"{name}!/{number}"
        if len(line) > MAX_LINE_BYTES:
            yield LoadError(f"{place}: has more than {MAX_LINE_BYTES:,} bytes; split it")
            continue
        try:
            record = json.loads(line.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            why = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
            yield LoadError(f"{place}: this line is not JSON ({why}); correct it")
            continue
        yield _article(place, record, Given(name, b"").stem)


def _is_record(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _records(whole: Any) -> Iterator[Mapping[str, Any]]:
    """The records with a text in a list, under `@graph`, under a name such as `articles`, or the one that this is."""
    if isinstance(whole, list):
        yield from (record for record in whole if isinstance(record, dict))
    elif isinstance(whole, dict):
        if any(isinstance(whole.get(name), str) for name in _NAMES["text"]):
            yield whole
            return
        for value in whole.values():
            if isinstance(value, list):
                yield from (record for record in value if isinstance(record, dict) and _value(record, "text", str))


def _article(place: str, record: Any, stem: str) -> Article | LoadError:
    if not isinstance(record, dict):
        return LoadError(f"{place}: is no object; give each article as an object with title and text")
    try:
        article = Article(**_fields(place, record, stem))
    except LoadError as error:
        return error
    except ArticleError as error:
        return LoadError(f"{place}: {error}")
    return replace(article, origin=f"!/{article.id}") if "!/" in place else article


def _fields(place: str, record: Mapping[str, Any], stem: str) -> dict[str, Any]:
    text = _value(record, "text", lambda value: value if isinstance(value, str) else "").strip("\n")
    if not text.strip():
        names = ", ".join(_NAMES["text"])
        raise LoadError(f"{place}: has no text; write it into one of the fields {names}")
    fields: dict[str, Any] = {name: _value(record, name, _named) for name in _NAMES if name not in _READ}
    fields |= {name: _value(record, name, moment) or None for name in ("published_at", "updated_at")}
    fields["url"] = _value(record, "url", _address)
    fields["title"] = fields["title"] or one_line(text.lstrip().partition("\n")[0])[:150] or stem
    if isinstance(record.get("id"), str | int) and (id := one_line(str(record["id"]))):
        fields["id"] = id
    return {**fields, "text": text, "fictional": record.get("fictional") is True}


_READ = ("text", "url", "published_at", "updated_at")


def _value(record: Mapping[str, Any], field: str, read: Callable[[Any], Any]) -> Any:
    """The first value of the field that says something, as it is read; else an empty text."""
    return next((value for name in _NAMES[field] if name in record and (value := read(record[name]))), "")


def _address(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("@id") or value.get("url")
    line = one_line(value)
    return line if line.startswith(("http://", "https://")) else ""


def _named(value: Any) -> str:
    """A name, the names of a list, or the name of an object of schema.org; a list may have been printed by Python."""
    if isinstance(value, str) and value.startswith("[") and len(value) < _MAX_LIST:
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return one_line(value)
    if isinstance(value, list):
        return one_line(", ".join(filter(None, map(_one_name, value[:50]))))
    return _one_name(value)


def _one_name(value: Any) -> str:
    return one_line(value.get("name") if isinstance(value, dict) else value)

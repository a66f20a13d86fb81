"""What goes between a parser's process and ours: JSON with a length before it, and nothing in it is believed."""

import json
import struct
from dataclasses import fields
from datetime import date
from typing import Any

from newsqa.domain import Article, as_date
from newsqa.errors import LoadError
from newsqa.loading.given import Link, Parsed, one_line

LENGTH = struct.Struct(">I")
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_DATES = frozenset({"published_at", "updated_at"})
_TEXTS = frozenset(field.name for field in fields(Article) if field.type is str)
_GARBAGE = "its parser gave what it should not; save it in another format"
_KINDS = ("page", "feed", "sitemap")


class WireError(Exception):
    """A parser's process that did not do its part, or what can't go through; the message says the next step."""


def packed(message: dict[str, Any], most_bytes: int = MAX_MESSAGE_BYTES) -> bytes:
    """A message with its length before it.

    Raises:
        WireError: it is too long, or holds half a character.
    """
    try:
        body = json.dumps(message, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise WireError("it holds half a character; correct it") from error
    if len(body) > most_bytes:
        raise WireError(f"one article in it has more than {most_bytes:,} bytes; split it")
    return LENGTH.pack(len(body)) + body


def unpacked(body: bytes) -> dict[str, Any]:
    """The message in bytes that came. Raises WireError where there is none."""
    try:
        message = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise WireError(_GARBAGE) from error
    if not isinstance(message, dict) or len(message) != 1:
        raise WireError(_GARBAGE)
    return message


def message_of(item: Parsed | LoadError) -> dict[str, Any]:
    """An article, a link or an error as a message."""
    if isinstance(item, LoadError):
        return {"error": str(item)}
    if isinstance(item, Article):
        return {"article": _plain(item)}
    return {"link": {**_plain(item), "article": _plain(item.article) if item.article else None}}


def item_of(message: dict[str, Any], name: str) -> Parsed | LoadError | None:
    """What a message says of the file of this name; None where it is of another kind.

    Raises:
        WireError: a value is not of its type.
    """
    ((kind, value),) = message.items()
    if kind == "article":
        return _article(value)
    if kind == "link":
        return _link(value)
    return error_of(value, name) if kind == "error" else None


def error_of(value: object, name: str) -> LoadError:
    """An error in one line that begins with the name of the file."""
    line = "".join(char if char.isprintable() else " " for char in _text(value)[:2_000])
    return LoadError(line if line.startswith(name) else f"{name}: {one_line(line)}")


def _plain(item: Article | Link) -> dict[str, Any]:
    values = {field.name: getattr(item, field.name) for field in fields(item) if field.name != "article"}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def _article(value: object) -> Article:
    given = _mapping(value, Article)
    values: dict[str, Any] = {name: _text(given[name]) for name in _TEXTS}
    if given["added_at"] is not None or not values["text"].strip():
        raise WireError(_GARBAGE)
    values |= {name: _date(given[name]) for name in _DATES}
    return Article(**values, fictional=given["fictional"] is True)


def _link(value: object) -> Link:
    given = _mapping(value, Link)
    if given["kind"] not in _KINDS:
        raise WireError(_GARBAGE)
    article = _article(given["article"]) if given["article"] is not None else None
    return Link(
        address=_text(given["address"]),
        kind=given["kind"],
        stamp=_text(given["stamp"]),
        article=article,
        whole=given["whole"] is True,
    )


def _mapping(value: object, cls: type) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != {field.name for field in fields(cls)}:
        raise WireError(_GARBAGE)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise WireError(_GARBAGE)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise WireError(_GARBAGE) from error
    return value


def _date(value: object) -> date | None:
    if value is None:
        return None
    try:
        return as_date(_text(value))
    except ValueError as error:
        raise WireError(_GARBAGE) from error

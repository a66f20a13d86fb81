"""Cursors: where a page of a list ends, as text that callers give back unread."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from newsqa.api.problems import ProblemError
from newsqa.api.wire import FieldProblem

Item = TypeVar("Item")
Place = tuple[str, str]
Limit = Annotated[int, Query(ge=1, le=100, description="Entries of one page.")]
Cursor = Annotated[str, Query(max_length=3000, description="`next_cursor` of the page before; empty for the first.")]


def place_of(cursor: str) -> Place | None:
    """The place that a cursor stands for; None for the empty one.

    Raises:
        ProblemError: it is none of ours.
    """
    if not cursor:
        return None
    try:
        first, second = map(_text, json.loads(urlsafe_b64decode(cursor.encode("ascii"))))
    except (ValueError, TypeError, RecursionError) as error:
        fault = FieldProblem(field="cursor", message="is no cursor of this list")
        raise ProblemError(
            "invalid-request", "cursor: give `next_cursor` of the page before", errors=[fault]
        ) from error
    return first, second


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    value.encode()
    return value


def page(found: Sequence[Item], limit: int, place: Callable[[Item], Place]) -> tuple[Sequence[Item], str | None]:
    """The first `limit` of what was found, and the cursor of the next page where more was found."""
    if len(found) <= limit:
        return found, None
    shown = found[:limit]
    return shown, urlsafe_b64encode(json.dumps(place(shown[-1])).encode()).decode()

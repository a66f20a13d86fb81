"""Where the articles came from, and how fresh each origin is: files, folders, pages, feeds."""

import json
from collections.abc import Collection, Iterable
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sql
from sqlalchemy import Column, String, Text

from newsqa.domain import Article, Origin, now
from newsqa.library.conversations import WRITING
from newsqa.library.identity import address_key

MAX_ERROR_CHARS = 500
origin_tables = sql.MetaData()
_MOMENTS = ("seen_at", "changed_at", "failed_at")
_origins = sql.Table(
    "origins",
    origin_tables,
    Column("address", String, primary_key=True),
    *(
        Column(each.name, Text, nullable=each.name in _MOMENTS, index=each.name == "parent")
        for each in fields(Origin)
        if each.name != "address"
    ),
)
_left_out = sql.Table("left_out", origin_tables, Column("mark", String, primary_key=True))


class Origins:
    """What is noted of every origin. Times are in UTC."""

    def __init__(self, engine: sql.Engine) -> None:
        """Over the catalogue's engine."""
        self._engine, self._writing = engine, engine.execution_options(**WRITING)

    def get(self, address: str) -> Origin | None:
        """What is noted of an address."""
        return next(iter(self._select(_origins.c.address == address)), None)

    def named(self) -> list[Origin]:
        """The origins that somebody named, by their addresses: what a sync goes through."""
        return self._select(_origins.c.parent == "")

    def shown(self) -> list[Origin]:
        """Those that were named, and of the others those that could last not be read."""
        return self._select((_origins.c.parent == "") | _origins.c.failed_at.is_not(None))

    def below(self, parent: str) -> list[Origin]:
        """The origins that this one lists."""
        return self._select(_origins.c.parent == parent)

    def note(self, visited: Iterable[tuple[Origin, bool, str]]) -> None:
        """Notes how origins were found: each with whether something in it was new, and why it can't be read, if so.

        What was known of one that can't be read stays.
        """
        moment = now()
        with self._writing.begin() as connection:
            for origin, changed, error in visited:
                prior = next(iter(_rows(connection, _origins.c.address == origin.address)), None)
                noted = _seen(origin, prior, moment, changed=changed)
                if error and prior is None and not origin.parent:
                    continue  # it was named by mistake; whoever did was told
                if error:
                    noted = prior or replace(origin, stamp="", etag="", last_modified="")
                    noted = replace(noted, failed_at=moment, error=error[:MAX_ERROR_CHARS])
                connection.execute(_origins.insert().prefix_with("OR REPLACE").values(**_values(noted)))

    def forget(self, addresses: Collection[str]) -> None:
        """Forgets origins and what they list."""
        with self._writing.begin() as connection:
            for address in addresses:
                chosen = (_origins.c.address == address) | (_origins.c.parent == address)
                connection.execute(_origins.delete().where(chosen))

    def leave_out(self, connection: sql.Connection, articles: Iterable[Article]) -> None:
        """Notes that these articles were removed: a sync does not bring them back, naming them does."""
        for mark in (mark for article in articles if article.origin for mark in marks(article)):
            connection.execute(_left_out.insert().prefix_with("OR IGNORE").values(mark=mark))

    def left_out(self) -> set[str]:
        """The marks of articles that were removed."""
        with self._engine.begin() as connection:
            return set(connection.scalars(sql.select(_left_out.c.mark)))

    def take_in(self, marks: Collection[str]) -> None:
        """Forgets that what has these marks was removed."""
        with self._writing.begin() as connection:
            for mark in marks:
                connection.execute(_left_out.delete().where(_left_out.c.mark == mark))

    def _select(self, condition: Any) -> list[Origin]:
        with self._engine.begin() as connection:
            return _rows(connection, condition)


def marks(article: Article) -> tuple[str, ...]:
    """What an article that was removed is known by when it comes again: where from, its address, what it says."""
    key = address_key(article.url)
    return (article.origin, f"revision {article.revision}", *([f"address {key}"] if key else []))


def _rows(connection: sql.Connection, condition: Any) -> list[Origin]:
    return [
        _origin(row) for row in connection.execute(sql.select(_origins).where(condition).order_by(_origins.c.address))
    ]


def _seen(origin: Origin, prior: Origin | None, moment: datetime, *, changed: bool) -> Origin:
    """The origin as it was read; one that was named stays so when something lists it too."""
    since = moment if changed or prior is None else prior.changed_at
    parent = "" if prior and not prior.parent else origin.parent
    return replace(origin, parent=parent, seen_at=moment, changed_at=since, failed_at=None, error="")


def _values(origin: Origin) -> dict[str, Any]:
    values = {each.name: getattr(origin, each.name) for each in fields(Origin)}
    moments = {name: values[name].isoformat() if values[name] else None for name in _MOMENTS}
    return {**values, **moments, "patterns": json.dumps(values["patterns"])}


def _origin(row: Any) -> Origin:
    values = dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's documented name
    moments = {name: datetime.fromisoformat(values[name]) if values[name] else None for name in _MOMENTS}
    return Origin(**{**values, **moments, "patterns": tuple(json.loads(values["patterns"]))})

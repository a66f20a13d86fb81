"""Where the articles came from, and how fresh each origin is: files, folders, pages, feeds."""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sql
from sqlalchemy import Column

from newsqa.domain import Article, Origin, now
from newsqa.library.database import WRITING, String, Text, insert_or_replace
from newsqa.library.identity import address_key
from newsqa.loading.visits import STAND_IN

MAX_ERROR_CHARS = 500
_PART = 1000  # values of one statement
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
_held = sql.Table(
    "held",
    origin_tables,
    Column("origin", String, primary_key=True),
    Column("article_id", String, primary_key=True, index=True),
    Column("lost", sql.Boolean, nullable=False),
)
"""Which origin holds which article; lost: it did. An article whose origins have all lost it is gone."""
_left_out = sql.Table(
    "left_out",
    origin_tables,
    Column("mark", String, primary_key=True),
    Column("article_id", String, nullable=False, index=True),
)
_MOST_STAMPS = 4
"""Of one page: several lists may name it, each with a stamp of its own."""


@dataclass(frozen=True)
class Noted:
    """How an origin was found."""

    origin: Origin
    changed: bool = False
    """Whether something in it was new."""
    error: str = ""
    """Why it can't be read, if so: then what was known of it stays."""
    holds: frozenset[tuple[str, str]] = frozenset()
    """Origins (its own, or of its members) and ids of the articles that were found in it."""
    whole: bool = False
    """Whether these are all that it holds."""
    lost: tuple[str, ...] = ()
    """Addresses of what is not there any longer: it, or files in it."""


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

    def parents(self, addresses: Collection[str]) -> set[str]:
        """The addresses of what lists these."""
        found, chosen = set[str](), list(addresses)
        with self._engine.begin() as connection:
            for start in range(0, len(chosen), _PART):
                among = _origins.c.address.in_(chosen[start : start + _PART])
                found.update(connection.scalars(sql.select(_origins.c.parent).where(among)))
        return found

    def below(self, parent: str) -> list[Origin]:
        """The origins that this one lists."""
        return self._select(_origins.c.parent == parent)

    def note(self, visited: Iterable[Noted]) -> None:
        """Notes how origins were found, and what each holds or has lost."""
        moment = now()
        with self._writing.begin() as connection:
            for noted in visited:
                origin, error = noted.origin, noted.error
                prior = next(iter(_rows(connection, _origins.c.address == origin.address)), None)
                _hold(connection, noted)
                if error and prior is None and not origin.parent:
                    continue  # it was named by mistake; whoever did was told
                kept = _seen(origin, prior, moment, changed=noted.changed)
                if error:
                    kept = prior or replace(origin, stamp="", etag="", last_modified="")
                    kept = replace(kept, failed_at=moment, error=error[:MAX_ERROR_CHARS])
                insert_or_replace(connection, _origins, [_values(kept)])

    def ids_of(self, address: str) -> list[str]:
        """The ids of the articles that an origin or its members hold."""
        chosen = sql.select(_held.c.article_id).where(_inside(address) & ~_held.c.lost).distinct()
        with self._engine.begin() as connection:
            return list(connection.scalars(chosen.order_by(_held.c.article_id)))

    def holders(self, article_id: str) -> set[str]:
        """The origins that hold an article."""
        chosen = sql.select(_held.c.origin).where((_held.c.article_id == article_id) & ~_held.c.lost)
        with self._engine.begin() as connection:
            return set(connection.scalars(chosen))

    def gone(self, addresses: Collection[str] | None = None) -> list[str]:
        """The ids of the articles that no origin holds any longer, though one did; only those of these addresses."""
        lost = sql.func.min(sql.cast(_held.c.lost, sql.Integer)) == 1
        gone = sql.select(_held.c.article_id).group_by(_held.c.article_id).having(lost)
        with self._engine.begin() as connection:
            rows = connection.execute(sql.select(_held).where(_held.c.article_id.in_(gone))).all()
        chosen = (row for row in rows if addresses is None or any(part in addresses for part in prefixes(row.origin)))
        return sorted({row.article_id for row in chosen})

    def adopt(self, connection: sql.Connection, held: sql.Select[Any]) -> None:
        """Notes these origins and ids of articles as held, where nothing is: of a library that did not note it."""
        if connection.execute(sql.select(_held.c.origin).limit(1)).first() is None:
            columns = ["origin", "article_id", "lost"]
            connection.execute(_held.insert().from_select(columns, held.add_columns(sql.false())))

    def drop(self, connection: sql.Connection, article_ids: Collection[str]) -> None:
        """Forgets who held these articles."""
        connection.execute(_held.delete().where(_held.c.article_id.in_(article_ids)))

    def forget(self, addresses: Collection[str]) -> None:
        """Forgets origins and what they list."""
        with self._writing.begin() as connection:
            for address in addresses:
                chosen = (_origins.c.address == address) | (_origins.c.parent == address)
                connection.execute(_origins.delete().where(chosen))

    def leave_out(self, connection: sql.Connection, articles: Iterable[Article]) -> None:
        """Notes that these articles were removed: a sync does not bring them back, naming them does."""
        for article in articles:
            if article.origin:
                rows = [{"mark": mark, "article_id": article.id} for mark in marks(article)]
                insert_or_replace(connection, _left_out, rows)

    def left_out(self) -> set[str]:
        """The marks of articles that were removed."""
        with self._engine.begin() as connection:
            return set(connection.scalars(sql.select(_left_out.c.mark)))

    def take_in(self, marks: Collection[str]) -> None:
        """Forgets that what has one of these marks was removed."""
        ids = sql.select(_left_out.c.article_id).where(_left_out.c.mark.in_(marks))
        with self._writing.begin() as connection:
            connection.execute(_left_out.delete().where(_left_out.c.article_id.in_(ids)))

    def _select(self, condition: Any) -> list[Origin]:
        with self._engine.begin() as connection:
            return _rows(connection, condition)


def marks(article: Article) -> tuple[str, ...]:
    """What an article that was removed is known by when it comes again: where from, its address, what it says."""
    key = address_key(article.url)
    return (article.origin, f"revision {article.revision}", *([f"address {key}"] if key else []))


def prefixes(origin: str) -> Iterator[str]:
    """The origin, and every address that may be the file that it is a member of."""
    yield origin
    at = origin.find("!/")
    while at >= 0:
        yield origin[:at]
        at = origin.find("!/", at + 1)


def _inside(address: str) -> Any:
    column = _held.c.origin
    return (column == address) | ((column > f"{address}!/") & (column < f"{address}!0"))  # "0" comes after "/"


def _hold(connection: sql.Connection, noted: Noted) -> None:
    pairs = [{"origin": origin, "article_id": id, "lost": False} for origin, id in sorted(noted.holds)]
    insert_or_replace(connection, _held, pairs)
    if noted.whole:
        rows = connection.execute(sql.select(_held).where(_inside(noted.origin.address) & ~_held.c.lost)).all()
        for row in rows:
            if (row.origin, row.article_id) not in noted.holds:
                pair = (_held.c.origin == row.origin) & (_held.c.article_id == row.article_id)
                connection.execute(_held.update().where(pair).values(lost=True))
    for address in noted.lost:
        connection.execute(_held.update().where(_inside(address)).values(lost=True))


def _rows(connection: sql.Connection, condition: Any) -> list[Origin]:
    return [
        _origin(row) for row in connection.execute(sql.select(_origins).where(condition).order_by(_origins.c.address))
    ]


def _seen(origin: Origin, prior: Origin | None, moment: datetime, *, changed: bool) -> Origin:
    """The origin as it was read; one that was named stays so when something lists it too."""
    since = moment if changed or prior is None else prior.changed_at
    parent, stamp = "" if prior and not prior.parent else origin.parent, origin.stamp
    if origin.parent and prior and stamp != STAND_IN:
        stamps = dict.fromkeys([*stamp.split(), *(each for each in prior.stamp.split() if each != STAND_IN)])
        stamp = " ".join(list(stamps)[:_MOST_STAMPS])
    return replace(origin, parent=parent, stamp=stamp, seen_at=moment, changed_at=since, failed_at=None, error="")


def _values(origin: Origin) -> dict[str, Any]:
    values = {each.name: getattr(origin, each.name) for each in fields(Origin)}
    moments = {name: values[name].isoformat() if values[name] else None for name in _MOMENTS}
    return {**values, **moments, "patterns": json.dumps(values["patterns"])}


def _origin(row: Any) -> Origin:
    values = dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's documented name
    moments = {name: datetime.fromisoformat(values[name]) if values[name] else None for name in _MOMENTS}
    return Origin(**{**values, **moments, "patterns": tuple(json.loads(values["patterns"]))})

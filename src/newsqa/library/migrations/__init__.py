"""Versions of the catalogue's schema, and the steps from each to the next.

A new library gets the newest tables at once; alembic, which takes the steps, is imported only where there are any.
"""

import logging
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import sqlalchemy as sql

from newsqa.errors import LibraryError
from newsqa.library.database import WRITING, elsewhere

LOG = logging.getLogger("newsqa.library")
NEWEST = "0002"
_FIRST = "0001"
_KNOWN = (_FIRST, NEWEST)
_version = sql.Table(
    "alembic_version", sql.MetaData(), sql.Column("version_num", sql.String(32), nullable=False, primary_key=True)
)
"""Alembic's own table."""


def version(connection: sql.Connection) -> str:
    """The version of the schema; empty where there are no tables yet."""
    there = sql.inspect(connection)
    if there.has_table(_version.name):
        return connection.scalar(sql.select(_version.c.version_num)) or _FIRST
    return _FIRST if there.has_table("settings") else ""  # the first newsqa noted no version


def bring_up(engine: sql.Engine, tables: Iterable[sql.MetaData], name: str) -> None:
    """Gives a database the newest schema, in one transaction; a SQLite file is copied before it is changed.

    Args:
        engine: of the database.
        tables: of the newest schema.
        name: of the database, for messages.

    Raises:
        LibraryError: a newer newsqa made it; then nothing is touched.
    """
    with engine.begin() as connection:
        found = version(connection)
    if found and found not in _KNOWN:
        raise LibraryError(
            f"{name} has schema {found} of a newer newsqa, this one knows schemas up to {NEWEST}: "
            f"install that newsqa, or {elsewhere(engine.dialect)}"
        )
    if found not in {"", NEWEST}:
        _copy(engine, found)
    if found != NEWEST:
        with engine.execution_options(**WRITING).begin() as connection:
            if version(connection):
                _take_steps(connection)
            else:
                _make(connection, tables)


def _make(connection: sql.Connection, tables: Iterable[sql.MetaData]) -> None:
    for each in (*tables, _version.metadata):
        each.create_all(connection)
    connection.execute(_version.insert().values(version_num=NEWEST))


def _take_steps(connection: sql.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "newsqa.library:migrations")
    command.upgrade(config, NEWEST)


def _copy(engine: sql.Engine, found: str) -> None:
    """Keeps a SQLite file as it is beside itself, whole or not at all, for whoever goes back to the older newsqa."""
    if engine.dialect.name != "sqlite":
        return
    file = Path(str(engine.url.database))
    kept, part = (file.with_name(f"{file.name}.{end}") for end in (f"before-{NEWEST}", "part"))
    part.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(file)) as old, closing(sqlite3.connect(part)) as new:
            old.backup(new)
        part.replace(kept)
    except (sqlite3.Error, OSError) as error:
        room = f"room for {file.stat().st_size / 1e6:,.0f} MB"
        raise LibraryError(f"{kept} can't be written ({error}): see to {room} there, and open it again") from error
    finally:
        part.unlink(missing_ok=True)
    LOG.warning("the library has schema %s and gets %s; its file as it was is kept: %s", found, NEWEST, kept)

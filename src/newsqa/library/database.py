"""The database underneath the catalogue: how it is opened, how its transactions begin, and what dialects differ in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

WRITING = {"writes": True}
"""Execution option of the transactions that write."""


def open_file(file: Path) -> sql.Engine:
    """An engine over a SQLite file, which is made when missing.

    A commit is on the disk when it returns (`synchronous=FULL`); readers see the state of their first statement.
    """
    engine = sql.create_engine(f"sqlite:///{file}", connect_args={"timeout": 30})
    sql.event.listen(engine, "connect", _configure)
    sql.event.listen(engine, "begin", _begin)
    return engine


def insert_or_keep(connection: sql.Connection, table: sql.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows; where one of the same key is there, that one stays."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), list(rows))


def insert_or_replace(connection: sql.Connection, table: sql.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows, in the place of those of the same key. They name all columns."""
    if rows:
        statement = _insert(connection, table)
        others = {column.name: statement.excluded[column.name] for column in table.c if not column.primary_key}
        keys = list(table.primary_key)
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=others), list(rows))


def _insert(connection: sql.Connection, table: sql.Table) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _begin(connection: sql.Connection) -> None:
    """Begins a transaction; one that writes takes its turn at once: SQLite gives none to who has read already."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy begins transactions; sqlite3 would begin them too late
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")

"""The database underneath the catalogue: a SQLite file of one process, or a PostgreSQL database of several."""

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from newsqa.errors import LibraryError, LibraryUnreachableError

_ELSEWHERE = "or point NEWSQA_DATA_DIR at another folder"
_COPY = (
    "end what has it open, move catalogue.sqlite3, catalogue.sqlite3-wal and catalogue.sqlite3-shm away, as far as "
    "they are there, and put a copy in their place or add again"
)
"""SQLite would write what is in the -wal of the one into the other."""
_REMEDIES = {
    "FULL": "what was to be written is left out, all else is as it was: make room there, and do it again",
    "IOERR": f"see that the disk is sound and has room, {_ELSEWHERE}",
    "READONLY": f"let this user write it and its folder, {_ELSEWHERE}",
    "CANTOPEN": f"let this user read and write it and its folder, {_ELSEWHERE}",
    "BUSY": "another program is writing to it: close that one, and do it again",
    "NOTADB": f"it is not a newsqa catalogue, or is damaged: {_COPY}",
    "CORRUPT": f"it is damaged: {_COPY}",
}
"""The next step, by the names of SQLite's errors."""
WRITING = {"writes": True}
"""Execution option of the transactions that write: one after another, in all processes."""
_SHARED = "postgresql"
_CONNECT_SECONDS = 5
_STATEMENT_SECONDS = 300
"""Longest time of a statement, one that waits for its turn included."""
_AWAY = ("08", "28", "3D", "53300", "57P")
"""How the SQLSTATE begins where nothing can be asked: no connection, not let in, no such database, full, stopping."""
_SAID = {
    "57014": "something else holds it up, such as a long import: do it again later",
    "53100": "make room on its disk, and do it again",
}
"""The next step, by other SQLSTATEs."""
_CLASS = 0x6E657773
"""Of the advisory locks, so that they are no other program's."""
_WRITING_LOCK = 0
_OPTIONS = {
    "statement_timeout": f"{_STATEMENT_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{_STATEMENT_SECONDS}s",
    "tcp_keepalives_idle": "30",  # so that a machine which vanished holds no lock for hours
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
_CONNECTING = {
    "connect_timeout": _CONNECT_SECONDS,
    "application_name": "newsqa",
    "options": " ".join(f"-c {name}={value}" for name, value in _OPTIONS.items()),
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}
BigNumber = sql.Integer().with_variant(sql.BigInteger(), _SHARED)
"""A whole number of 64 bits."""


@dataclass(frozen=True)
class Servers:
    """What of a library is not in its folder; processes that share the catalogue have to share the vectors."""

    database_url: str = field(default="", repr=False)
    """Of PostgreSQL, which has the catalogue then."""
    chroma_url: str = ""
    """Of Chroma, which has the vectors then."""


class Text(sql.TypeDecorator[str]):
    """Text. PostgreSQL orders it by code points, as SQLite does, and gets no NUL, which it can't store."""

    impl: Any = sql.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sql.Dialect) -> Any:
        """The column's type there."""
        kind: Any = type(self.impl_instance)
        return kind(collation="C") if _shared(dialect) else self.impl_instance

    def process_bind_param(self, value: str | None, dialect: sql.Dialect) -> str | None:
        """What is sent."""
        return value.replace("\0", "\ufffd") if value and _shared(dialect) else value


class String(Text):
    """Short text."""

    impl: Any = sql.String
    cache_ok = True


def open_file(file: Path) -> sql.Engine:
    """An engine over a SQLite file, which is made when missing.

    A commit is on the disk when it returns (`synchronous=FULL`); readers see the state of their first statement.
    What the disk or the file is to blame for is raised as a LibraryError.
    """
    engine = sql.create_engine(f"sqlite:///{file}", connect_args={"timeout": 30})
    sql.event.listen(engine, "connect", _configure)
    sql.event.listen(engine, "begin", _begin)
    sql.event.listen(engine, "handle_error", partial(_blame, file))
    return engine


def open_url(url: str) -> sql.Engine:
    """An engine over a PostgreSQL database, in the transactions of which the same is seen as in a file's.

    Raises:
        LibraryError: its driver is missing.
    """
    address = sql.make_url(url).set(drivername="postgresql+psycopg")
    try:
        engine = sql.create_engine(address, pool_pre_ping=True, pool_timeout=_CONNECT_SECONDS, connect_args=_CONNECTING)
    except ModuleNotFoundError as error:
        raise LibraryError("NEWSQA_DATABASE_URL needs a driver: make install EXTRAS=postgresql") from error
    sql.event.listen(engine, "connect", _check_encoding)
    sql.event.listen(engine, "begin", _begin_shared)
    sql.event.listen(engine, "handle_error", _explain)
    return engine


def place_of(url: str) -> str:
    """A database as it is named to people: without user and password."""
    address = sql.make_url(url)
    return f"the database {address.database or ''!r} at {address.host or 'this machine'}:{address.port or 5432}"


def elsewhere(dialect: sql.Dialect) -> str:
    """What to do for an empty library, in words."""
    if _shared(dialect):
        return "point NEWSQA_DATABASE_URL at an empty database"
    return "point NEWSQA_DATA_DIR at a new folder"


class Lock:
    """A right that one process has at a time; of a file it is its owner's anyway. It goes with the process."""

    def __init__(self, engine: sql.Engine, number: int) -> None:
        """Takes nothing yet; `number` is 1 and up."""
        self._engine, self._key = engine.execution_options(isolation_level="AUTOCOMMIT"), (_CLASS, number)
        self._held = threading.local()

    @contextmanager
    def held(self, *, wait: bool = True) -> Iterator[bool]:
        """Whether this process has it, which is true but where another has it and `wait` is not."""
        if not _shared(self._engine.dialect):
            yield True
            return
        take = sql.func.pg_advisory_lock if wait else sql.func.pg_try_advisory_lock
        with self._engine.connect() as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")  # who has it may index a library anew
            taken = connection.scalar(sql.select(take(*self._key))) is not False
            connection.exec_driver_sql("RESET statement_timeout")
            self._held.connection = connection
            try:
                yield taken
            finally:
                self._held.connection = None
                if taken and not connection.invalidated:
                    with suppress(LibraryUnreachableError):  # else it went with its connection
                        connection.execute(sql.select(sql.func.pg_advisory_unlock(*self._key)))

    @contextmanager
    def tried(self, *, alone: bool) -> Iterator[sql.Connection | None]:
        """A connection that goes with the right, which others may have at the same time unless it is `alone`.

        None where another process's right forbids it.
        """
        take = sql.func.pg_try_advisory_lock if alone else sql.func.pg_try_advisory_lock_shared
        with self._engine.connect() as connection:
            connection.detach()  # so that the lock ends with it
            free = not _shared(self._engine.dialect) or connection.scalar(sql.select(take(*self._key)))
            connection.commit()
            yield connection if free else None

    def check(self) -> None:
        """Makes sure that this thread still has it, if it took it.

        Raises:
            LibraryUnreachableError: its connection broke, and the lock went with it.
        """
        if connection := getattr(self._held, "connection", None):
            connection.execute(sql.select(1))


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
    return (postgresql if _shared(connection.dialect) else sqlite).insert(table)


def _shared(dialect: sql.Dialect) -> bool:
    return dialect.name == _SHARED


def _blame(file: Path, context: sql.ExceptionContext) -> None:
    """Raises what SQLite says of the disk or the file; other errors are mistakes of a statement."""
    error = context.original_exception
    name = getattr(error, "sqlite_errorname", "").removeprefix("SQLITE_").split("_")[0]
    if isinstance(error, sqlite3.DatabaseError) and name in _REMEDIES:
        raise LibraryError(f"{file}: {error}; {_REMEDIES[name]}") from error


def _begin(connection: sql.Connection) -> None:
    """Begins a transaction; one that writes takes its turn at once: SQLite gives none to who has read already."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _begin_shared(connection: sql.Connection) -> None:
    """Prepares a transaction: one that writes takes its turn and sees what is newest, one that reads sees one moment.

    So the numbers of changes rise in the order in which they are seen.
    """
    from psycopg import IsolationLevel

    raw: Any = connection.connection.dbapi_connection
    writes = bool(connection.get_execution_options().get("writes"))
    raw.read_only = not writes
    raw.isolation_level = IsolationLevel.READ_COMMITTED if writes else IsolationLevel.REPEATABLE_READ
    if writes:
        connection.execute(sql.select(sql.func.pg_advisory_xact_lock(_CLASS, _WRITING_LOCK)))


def _check_encoding(connection: Any, _record: Any) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        name = connection.info.dbname
        raise LibraryError(f"the database {name!r} has the encoding {encoding}: make it anew with ENCODING 'UTF8'")


def _explain(context: sql.ExceptionContext) -> None:
    """Raises what is wrong with the database, not with a statement; what its driver says of that holds no password."""
    from psycopg import InterfaceError, OperationalError

    error = context.original_exception
    if context.engine and not context.is_pre_ping and isinstance(error, OperationalError | InterfaceError):
        why = str(error).strip().partition("\n")[0][:200] or type(error).__name__
        place, state = place_of(context.engine.url.render_as_string()), error.sqlstate or ""
        if context.is_disconnect or not state or state.startswith(_AWAY):
            raise LibraryUnreachableError(f"{place} can't be reached ({why}): start it, or correct NEWSQA_DATABASE_URL")
        raise LibraryError(f"{place} refuses ({why}): {_SAID.get(state, 'its log tells more')}")


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy begins transactions; sqlite3 would begin them too late
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")  # what is damaged is found by its hash
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")

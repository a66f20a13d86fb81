"""One file with all that a library has, of one moment, to be kept or taken elsewhere: written, and read with care."""

import json
import os
import shlex
import tempfile
import zipfile
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from importlib.metadata import version as version_of
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import sqlalchemy as sql
from pydantic import BaseModel

from newsqa.domain import as_date, now
from newsqa.errors import IndexMismatchError, LibraryError
from newsqa.library.catalogue import TABLES
from newsqa.library.checking import Damage, damage
from newsqa.library.copies import FINGERPRINT_BYTES
from newsqa.library.database import elsewhere, insert_or_replace
from newsqa.library.migrations import NEWEST, version
from newsqa.library.vectors import from_stored

# A zip with a member for each table, in which each line is a row as JSON, and the manifest, which comes last. No name
# in it becomes the name of a file.
_MANIFEST = "manifest.json"
_AT_ONCE = 500
"""Rows that are read and stored together."""
MAX_ROW_BYTES = 100_000_000
MAX_MANIFEST_BYTES = 1_000_000
_MOST_SHOWN = 300
_MAX_RATIO, _RATIO_FROM = 200, 1_000_000_000
"""A library that is not small packs 3 to 1."""
_ROUNDED = 0.01
"""How far from 1 the length of a vector of float16 may be."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LEFT_OUT = ("settings", "replies", "unsettled")
"""Of this place alone: what was indexed with what is in the manifest."""
_NAMES = ("embedding_model", "passage_words", "fingerprints")
_tables = {table.name: table for each in TABLES for table in each.sorted_tables}
_moved = {f"{name}.jsonl": table for name, table in _tables.items() if name not in _LEFT_OUT}
"""By the names of their members; what others refer to comes before them."""
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, OverflowError, TypeError)
_READ: Mapping[str, Callable[[str], object]] = {
    "answer": lambda text: dict(json.loads(text)),
    "patterns": lambda text: list(json.loads(text)),
    "published_on": as_date,
    **dict.fromkeys(("added_at", "asked_at", "created_at", "updated_at", "given_at"), as_date),
    **dict.fromkeys(("seen_at", "changed_at", "failed_at"), datetime.fromisoformat),
}
"""How text is read that is more than text; what can't be read so is refused."""
_SOUND: Mapping[str, Callable[[bytes], bool]] = {
    "words": lambda value: len(value) % 4 == 0,
    "vector": lambda value: abs(float(np.linalg.norm(from_stored(value))) - 1) < _ROUNDED,
    "value": lambda value: len(value) == FINGERPRINT_BYTES,
}
"""Whether bytes are as newsqa writes them: whole numbers, a finite vector of length 1, a fingerprint."""


class Member(BaseModel, frozen=True):
    """A table in the archive."""

    rows: int
    bytes: int
    sha256: str


class Manifest(BaseModel, frozen=True):
    """What an archive says of itself."""

    format: Literal["newsqa library"] = "newsqa library"
    newsqa: str
    """The version that wrote it."""
    schema_version: str
    created_at: datetime
    index: dict[str, str]
    """What the vectors, passages and fingerprints were made with."""
    settings: dict[str, str | int | float]
    """Those that shape the answers: they are the environment's, to be set where the archive is taken to."""
    members: dict[str, Member]
    """By their names."""

    def counts(self) -> dict[str, int]:
        """Number of what readers know of."""
        names = ("articles", "revisions", "passages", "conversations", "feedback", "origins")
        return {name: self.members[f"{name}.jsonl"].rows for name in names}


# Writing


def export(
    engine: sql.Engine, file: Path, settings: Mapping[str, str | int | float], *, force: bool = False
) -> Manifest:
    """Writes all that the library has at this moment, whoever else has it open; the file is whole or not there.

    Args:
        engine: of the catalogue.
        file: is made.
        settings: are noted in it; no secrets.
        force: replace a file of this name.

    Raises:
        LibraryError: the file is there already or can't be written, or the library can't be read or is damaged.
    """
    if file.exists() and not force:
        raise LibraryError(f"{file} is there already: name another file, or replace it with --force")
    try:
        handle, name = tempfile.mkstemp(".part", f".{file.name}.", file.parent)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream, engine.begin() as connection:
                manifest = _write(connection, stream, settings)
                stream.flush()
                os.fsync(handle)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise LibraryError(f"{file} can't be written ({error.strerror}): name a file elsewhere") from error
    return manifest


def _write(connection: sql.Connection, stream: IO[bytes], settings: Mapping[str, str | int | float]) -> Manifest:
    _check(connection)
    own = {row.name: row.value for row in connection.execute(sql.select(_tables["settings"]))}
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        members = {name: _write_table(connection, archive, name) for name in _moved}
        manifest = Manifest(
            newsqa=version_of("newsqa"),
            schema_version=NEWEST,
            created_at=now(),
            index={name: own[name] for name in _NAMES if name in own},
            settings=dict(settings),
            members=members,
        )
        archive.writestr(_MANIFEST, manifest.model_dump_json(indent=1))
    return manifest


def _check(connection: sql.Connection) -> None:
    """Refuses what could not be imported again."""
    found = version(connection)
    if found != NEWEST:
        told = f"has schema {found}" if found else "is empty"
        raise LibraryError(f"the library {told}, schema {NEWEST} is exported: open it once with `newsqa doctor`")
    if wrong := damage(connection):
        raise LibraryError(f"{_shown(str(wrong))}: {_remedy(wrong)}")


def _remedy(wrong: Damage) -> str:
    if wrong.file:
        return "import an archive of before into a new folder, or add its articles again"
    if wrong.articles:
        return "remove these articles (`newsqa remove`), add them again, then export"
    return "mend that first with `newsqa doctor --repair`"


def _write_table(connection: sql.Connection, archive: zipfile.ZipFile, name: str) -> Member:
    columns, rows, size, digest = _columns(_moved[name]), 0, 0, sha256()
    query = sql.select(*columns).order_by(*_moved[name].primary_key)
    with archive.open(name, "w", force_zip64=True) as member:
        for row in connection.execute(query, execution_options={"yield_per": _AT_ONCE}):
            line = json.dumps(dict(zip(row._fields, map(_plain, row), strict=True)), ensure_ascii=False) + "\n"
            size += member.write(line.encode())
            digest.update(line.encode())
            rows += 1
    return Member(rows=rows, bytes=size, sha256=digest.hexdigest())


def _plain(value: Any) -> Any:
    return b64encode(value).decode("ascii") if isinstance(value, bytes) else value


def _columns(table: sql.Table) -> list[sql.Column[Any]]:
    """Those that mean the same in another library: not a number that the database counts up."""
    return [column for column in table.c if column is not table.autoincrement_column]


# Reading


def restore(
    connection: sql.Connection, file: Path, index: Mapping[str, str] | None, dimensions: int | None
) -> Manifest:
    """Takes an archive into an empty library; what it raises is to undo the transaction, and so all of it.

    Args:
        connection: in a transaction that writes.
        file: the archive.
        index: what the library is indexed with; the archive's passages have to be, too. None where they need not.
        dimensions: of the library's vectors; the archive's have as many. None where they need not.

    Raises:
        LibraryError: the library is not empty, or the archive is damaged, or of a newer newsqa.
        IndexMismatchError: it was indexed with another model or passage size.
    """
    for table in _moved.values():
        if connection.execute(sql.select(table).limit(1)).first():
            raise LibraryError(
                f"the library holds {table.name} already: {elsewhere(connection.dialect)} to import {file}"
            )
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = _manifest(archive, file, index or {})
            for name, table in _moved.items():
                _read_table(connection, archive.open(name), table, manifest.members[name])
        _check_all(connection, dimensions)
    except sql.exc.DBAPIError as error:
        raise _refused(file, f"the database refuses what it holds ({error.orig})") from error
    except _BROKEN as error:
        raise _refused(file, str(error) or type(error).__name__) from error
    lacking = [name for name in _NAMES if name in manifest.index and name not in (index or {})]
    noted = [{"name": name, "value": manifest.index[name]} for name in lacking]
    insert_or_replace(connection, _tables["settings"], noted)
    unsettled = _tables["unsettled"]
    connection.execute(unsettled.insert().from_select(["passage_id"], sql.select(_tables["passages"].c.id)))
    return manifest


def _refused(file: Path, why: str) -> LibraryError:
    told = f"can't be imported, and nothing was changed: {_shown(why)}"
    return LibraryError(f"{file} {told}; export it again where it came from")


def _shown(text: str) -> str:
    """What an archive says, as messages have it: not endless, and without what would steer a terminal."""
    line = "".join(char if char.isprintable() else " " for char in text[:_MOST_SHOWN])
    return " ".join(line.split()) + ("…" if len(text) > _MOST_SHOWN else "")


def _manifest(archive: zipfile.ZipFile, file: Path, index: Mapping[str, str]) -> Manifest:
    """What the archive says of itself, once its list of members is sound and this newsqa can read them."""
    infos = archive.infolist()
    if sum(info.file_size for info in infos) > max(_RATIO_FROM, _MAX_RATIO * file.stat().st_size):
        raise ValueError(f"it is packed more than {_MAX_RATIO} to 1, as a zip bomb is")
    if strange := [info.filename for info in infos if info.compress_type not in _METHODS or info.flag_bits & 1]:
        raise ValueError(f"{strange[0]!r} is packed in an unusual way")
    if _MANIFEST not in archive.namelist() or archive.getinfo(_MANIFEST).file_size > MAX_MANIFEST_BYTES:
        raise ValueError("it has no manifest as newsqa writes it")
    told = json.loads(archive.read(_MANIFEST))
    if isinstance(told, dict) and str(told.get("schema_version", NEWEST)) != NEWEST:
        theirs = _shown(f"schema {told['schema_version']} of newsqa {told.get('newsqa')}")
        raise LibraryError(f"{file} has {theirs}, this newsqa imports schema {NEWEST}: import it with that newsqa")
    manifest = Manifest.model_validate(told)
    if sorted(archive.namelist()) != sorted([*_moved, _MANIFEST]) or manifest.members.keys() != _moved.keys():
        raise ValueError("it does not hold each table once and nothing else")
    for name, value in index.items():
        if (found := manifest.index.get(name)) != value:
            there = f"={shlex.quote(_shown(str(manifest.settings[name])))}" if name in manifest.settings else ""
            raise IndexMismatchError(
                f"{file} was indexed with {name} {_shown(repr(found))}, here it is {value!r}: set "
                f"NEWSQA_{name.upper()}{there} as it was there, or let its articles be indexed anew with --reindex"
            )
    return manifest


def _read_table(connection: sql.Connection, stream: IO[bytes], table: sql.Table, member: Member) -> None:
    rows, count, digest = list[dict[str, Any]](), 0, sha256()
    with stream:
        for line in _lines(stream):
            digest.update(line)
            rows.append(_values(table, json.loads(line)))
            count += 1
            if len(rows) == _AT_ONCE:
                connection.execute(table.insert(), rows)
                rows.clear()
    if rows:
        connection.execute(table.insert(), rows)
    if (count, digest.hexdigest()) != (member.rows, member.sha256):
        raise ValueError(f"its {table.name} are not what was written")


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    while line := stream.readline(MAX_ROW_BYTES + 1):
        if len(line) > MAX_ROW_BYTES:
            raise ValueError(f"a row has more than {MAX_ROW_BYTES:,} bytes")
        yield line


def _values(table: sql.Table, row: Any) -> dict[str, Any]:
    """A row as it is stored, once it is of the table's columns and types."""
    columns = _columns(table)
    if not isinstance(row, dict) or row.keys() != {column.name for column in columns}:
        raise ValueError(f"a row of its {table.name} has other columns")
    return {column.name: _value(column, row[column.name]) for column in columns}


def _value(column: sql.Column[Any], value: Any) -> Any:
    kind = getattr(column.type, "impl_instance", column.type).python_type
    if value is None and column.nullable:
        return None
    if type(value) is not (str if kind is bytes else kind):
        raise ValueError(f"a row of its {column.table.name} has no {kind.__name__} as {column.name}")
    if kind is bytes:
        value = b64decode(value, validate=True)
        if not _SOUND[column.name](value):
            raise ValueError(f"a row of its {column.table.name} has a {column.name} that newsqa never makes")
    if column.name in _READ:
        _READ[column.name](value)
    return value


def _check_all(connection: sql.Connection, dimensions: int | None) -> None:
    """Refuses rows that are whole but say what newsqa never wrote."""
    vector = _tables["passages"].c.vector
    found = set(connection.scalars(sql.select(sql.func.length(vector)).where(vector.is_not(None)).distinct()))
    if len(found) > 1 or (dimensions and found - {2 * dimensions}):
        raise ValueError(f"its vectors have {sorted(size // 2 for size in found)} dimensions")
    if wrong := damage(connection):
        raise ValueError(str(wrong))

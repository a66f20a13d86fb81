"""Whether the catalogue still has what was stored: texts by the hash of their revision, passages by their checksum."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sqlalchemy as sql

from newsqa.errors import LibraryError
from newsqa.library.catalogue import TABLES, article_in, check_searched, passage_in

_tables = {name: table for each in TABLES for name, table in each.tables.items()}
_articles, _revisions, _passages = (_tables[name] for name in ("articles", "revisions", "passages"))
_REVISIONS = sql.select(
    _revisions.c.article_id.label("id"), *list(_revisions.c)[1:], _articles.c.origin, _articles.c.added_at
).outerjoin(_articles, (_articles.c.id == _revisions.c.article_id) & (_articles.c.revision == _revisions.c.revision))
_TEXTS = sql.select(_articles.c.id, _articles.c.revision, _revisions.c.text).join(_revisions)
_STREAMED = {"yield_per": 100}
Progress = Callable[[int, int], None]
"""Is told how much is done, and of how much."""


@dataclass(frozen=True)
class Damage:
    """What is not as it was stored, by the ids of the articles."""

    articles: tuple[str, ...] = ()
    """Text or fields differ in a revision, so that they can't be made anew."""
    passages: tuple[str, ...] = ()
    """A passage's place, words or vector differ."""
    file: str = ""
    """What SQLite says is wrong with its file; then nothing more is known."""

    def __bool__(self) -> bool:
        return bool(self.articles or self.passages or self.file)

    def __str__(self) -> str:
        kinds = (("text or fields", self.articles), ("passages", self.passages))
        told = [f"the {kind} of {', '.join(ids)} are damaged" for kind, ids in kinds if ids]
        return "; ".join([*told, *([f"the catalogue's file is damaged ({self.file})"] if self.file else [])])


def damage(connection: sql.Connection, on_progress: Progress = lambda done, total: None) -> Damage:
    """What is damaged in the library of this connection; reads all of it."""
    if connection.dialect.name == "sqlite":
        told = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()  # indexes too
        if told != "ok":
            return Damage(file=told)
    counts = [sql.select(sql.func.count()).select_from(table) for table in (_revisions, _passages)]
    total, done = sum(connection.scalar(count) or 0 for count in counts), 0
    articles, passages = set[str](), set[str]()
    for damaged, ids in ((articles, _of_revisions(connection)), (passages, _of_passages(connection))):
        for id in ids:
            damaged.update(filter(None, [id]))
            done += 1
            on_progress(done, total)
    return Damage(tuple(sorted(articles)), tuple(sorted(passages)))


def _of_revisions(connection: sql.Connection) -> Iterator[str]:
    """For each revision its article's id if it is damaged, else nothing."""
    for row in connection.execute(_REVISIONS, execution_options=_STREAMED):
        try:
            article_in(row)
        except LibraryError:
            yield row.id
        else:
            yield ""


def _of_passages(connection: sql.Connection) -> Iterator[str]:
    """For each passage its article's id if it is damaged, else nothing."""
    for rows in connection.execute(sql.select(_passages), execution_options=_STREAMED).partitions():
        among = _articles.c.id.in_({row.article_id for row in rows})
        texts = {row.id: row for row in connection.execute(_TEXTS.where(among))}
        for row in rows:
            try:
                passage_in(row, texts[row.article_id])
                if row.vector is not None:
                    check_searched(row)
            except (LibraryError, KeyError):
                yield row.article_id
            else:
                yield ""

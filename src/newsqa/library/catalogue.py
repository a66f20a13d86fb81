"""The truth about what is stored: articles, revisions, passages with their words and vectors, in a SQL database."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zlib import crc32

import numpy as np
import sqlalchemy as sql
from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, Table

from newsqa.domain import Article, Copy, Filters, Passage, ScoredPassage, Sentence, as_date
from newsqa.errors import ArticleDamagedError, ArticleError, LibraryError
from newsqa.library import copies, identity
from newsqa.library.conversations import Conversations, conversation_tables
from newsqa.library.database import (
    WRITING,
    BigNumber,
    Lock,
    String,
    Text,
    insert_or_keep,
    insert_or_replace,
    open_file,
    open_url,
    place_of,
)
from newsqa.library.migrations import bring_up
from newsqa.library.mirror import Row
from newsqa.library.origins import Origins, origin_tables
from newsqa.library.postings import MOST_ROWS
from newsqa.library.words import headline, terms
from newsqa.passages import passage_id

if TYPE_CHECKING:
    from numpy.typing import NDArray

_schema = sql.MetaData()
_settings = Table("settings", _schema, Column("name", String, primary_key=True), Column("value", Text, nullable=False))
_revisions = Table(
    "revisions",
    _schema,
    Column("article_id", String, primary_key=True),
    Column("revision", String, primary_key=True),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("subtitle", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("publisher", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("fictional", sql.Boolean, nullable=False),
    Column("published_at", Text),
    Column("updated_at", Text),
)
_articles = Table(
    "articles",
    _schema,
    Column("id", String, primary_key=True),
    Column("revision", String, nullable=False),
    Column("origin", Text, nullable=False, index=True),
    Column("added_at", Text, nullable=False),
    sql.ForeignKeyConstraint(["id", "revision"], ["revisions.article_id", "revisions.revision"]),
)
_passages = Table(
    "passages",
    _schema,
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("article_id", ForeignKey("articles.id"), nullable=False, index=True),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("sentences", Text, nullable=False),
    Column("words", LargeBinary),
    Column("vector", LargeBinary),
    Column("checksum", BigNumber),
)
"""`vector` is float16, which costs half the disk of float32 and moves no cosine by more than 0.0005."""
_changes = Table(
    "changes",
    _schema,
    Column("article_id", String, primary_key=True),
    Column("number", Integer, nullable=False, index=True),
)
"""The number of the last change of every article that was ever stored; numbers rise by one a change."""
_LAST_CHANGE = sql.select(sql.func.max(_changes.c.number))
TABLES = (_schema, conversation_tables, origin_tables, copies.copy_tables, identity.identity_tables)
_unsettled = Table("unsettled", _schema, Column("passage_id", String, primary_key=True))
_CURRENT = _articles.join(
    _revisions, (_revisions.c.article_id == _articles.c.id) & (_revisions.c.revision == _articles.c.revision)
)
_METADATA = tuple(column.name for column in _revisions.c if column.name not in ("article_id", "revision"))


_SELECTED = sql.select(*_articles.c, *(_revisions.c[name] for name in _METADATA)).select_from(_CURRENT)
_ABOVE = sum(
    (_revisions.c[name] + " " for name in ("title", "subtitle", "publisher", "author", "place")), sql.literal("")
)
_SHOWN = [column for column in _passages.c if column.name not in {"words", "vector", "checksum"}]
_SEARCHED = [_passages.c[name] for name in ("id", "article_id", "words", "vector", "checksum")]
_BEHIND = _unsettled.outerjoin(_passages, _passages.c.id == _unsettled.c.passage_id)
_KNOWN = _passages.c.id.is_(None) | _passages.c.vector.is_not(None)
"""Of what Chroma may disagree about, what can be brought to it: it is gone, or its vector is made."""
_AGREED = _unsettled.delete().where(_unsettled.c.passage_id == sql.bindparam("settled"))
_STILL_THERE = sql.exists().where(_passages.c.id == sql.bindparam("settled"))
_PASSAGE_IDS = sql.select(_passages.c.id).order_by(_passages.c.number)
_GONE = "vectors gone from Chroma"
"""A setting of the catalogue's own."""
_GONE_SO_FAR = sql.select(_settings.c.value).where(_settings.c.name == _GONE)
MOST_BEHIND = 300
"""Passages that Chroma may disagree about before it is not asked any longer: they are all compared exactly."""
Place = tuple[str, str]
"""Where an article stands in the list of all: its published date (ISO 8601, empty without one) and its id."""


@dataclass(frozen=True)
class Entry:
    """An article with its passages, ready to be stored."""

    article: Article
    passages: tuple[Passage, ...]
    vectors: "NDArray[np.float32]"
    """Of the passages, in their order: [passages, dimensions]."""
    fingerprint: bytes = b""
    """Of its text: `copies.fingerprint`."""


class Catalogue:
    """One database. Every method is one transaction: readers see all of a change or none of it."""

    def __init__(self, place: Path | str) -> None:
        """Opens a SQLite file, which is made when missing, or the PostgreSQL database at an address.

        Raises:
            LibraryError: it is no catalogue, or one that a newer newsqa made, or it can't be reached.
        """
        self._engine = open_url(place) if isinstance(place, str) else open_file(place)
        self.name = place_of(place) if isinstance(place, str) else str(place)
        """For messages."""
        self.changing = Lock(self._engine, 1)
        """Whoever changes articles after what was read has it meanwhile."""
        self.following = Lock(self._engine, 2)
        """Whoever changes what Chroma has."""
        self.using = Lock(self._engine, 3)
        """Whoever uses a Chroma server."""
        self.conversations = Conversations(self._engine)
        self.origins = Origins(self._engine)
        self._writing = self._engine.execution_options(**WRITING)
        try:
            bring_up(self._engine, TABLES, self.name)
        except sql.exc.DatabaseError as error:
            self.close()
            remedy = "name one that its user owns" if isinstance(place, str) else "move it away and add again"
            raise LibraryError(f"{self.name} is not a newsqa catalogue ({error.orig}): {remedy}") from error
        except LibraryError:
            self.close()
            raise

    def close(self) -> None:
        """Lets go of the database."""
        self._engine.dispose()

    def reading(self) -> AbstractContextManager[sql.Connection]:
        """A transaction that reads all tables as they are at one moment."""
        return self._engine.begin()

    def writing(self) -> AbstractContextManager[sql.Connection]:
        """A transaction that changes any of them; what is raised in it undoes it."""
        return self._writing.begin()

    # What it was indexed with

    def settings(self) -> dict[str, str]:
        """What was stored by `set_settings`."""
        with self._engine.begin() as connection:
            return {row.name: row.value for row in connection.execute(sql.select(_settings))}

    def id(self) -> str:
        """What no other library is called, and this one ever after."""
        with self._writing.begin() as connection:
            insert_or_keep(connection, _settings, [{"name": "library", "value": uuid4().hex}])
        return self.settings()["library"]

    def set_settings(self, settings: Mapping[str, str]) -> None:
        """Stores or overwrites these settings."""
        with self._writing.begin() as connection:
            insert_or_replace(connection, _settings, [{"name": name, "value": settings[name]} for name in settings])

    # Articles

    def article(self, article_id: str) -> Article | None:
        """The current revision of an article."""
        return next(iter(self._select_articles(_articles.c.id == article_id)), None)

    def has(self, article_id: str) -> bool:
        """Whether there is an article of this id, be it damaged."""
        return self.current(article_id) is not None

    def current(self, article_id: str) -> str | None:
        """The current revision of an article by its name, be it damaged."""
        with self._engine.begin() as connection:
            return connection.scalar(sql.select(_articles.c.revision).where(_articles.c.id == article_id))

    def revision(self, article_id: str, revision: str) -> Article | None:
        """A revision of an article, the current one or an earlier one."""
        columns = (_revisions.c.article_id.label("id"), *(_revisions.c[name] for name in ("revision", *_METADATA)))
        chosen = (_revisions.c.article_id == article_id) & (_revisions.c.revision == revision)
        with self._engine.begin() as connection:
            row = connection.execute(sql.select(*columns).where(chosen)).one_or_none()
        return article_in(row) if row else None

    def article_of(self, origin: str) -> Article | None:
        """The article that was loaded from `origin`."""
        return next(iter(self._select_articles(_articles.c.origin == origin)), None) if origin else None

    def article_at(self, url: str) -> Article | None:
        """The article that was published at this address."""
        at = identity.at(url)
        return next(iter(self._select_articles(_articles.c.id.in_(at))), None) if at is not None else None

    def stories(self, article_ids: Collection[str], filters: Filters) -> dict[str, list[Copy]]:
        """For each of these articles that has copies: the articles of its story that pass, the earliest first."""
        named = (_revisions.c[name] for name in ("title", "publisher", "url", "published_at"))
        with self._engine.begin() as connection:
            found = copies.stories(connection, article_ids)
            if not found:
                return {}
            chosen = _articles.c.id.in_(set().union(*found.values())) & _condition(filters)
            rows = connection.execute(sql.select(_articles.c.id, *named).select_from(_CURRENT).where(chosen)).all()
        members = [Copy(row.id, row.title, row.publisher, row.url, _date(row.published_at)) for row in rows]
        members.sort(key=lambda each: (each.published_at is None, _in_utc(each.published_at), each.article_id))
        return {id: [each for each in members if each.article_id in story] for id, story in found.items()}

    def articles(
        self, filters: Filters, limit: int | None = None, after: Place | None = None, search: str = ""
    ) -> list[Article]:
        """The articles that pass and have all words of `search` in what stands above their text.

        Newest first, those without a date last; at most `limit`, those behind `after`.
        """
        published, condition = sql.func.coalesce(_revisions.c.published_at, ""), _condition(filters)
        for word in search.split():
            condition &= _ABOVE.icontains(word, autoescape=True)
        if after:
            day, id = after
            condition &= (published < day) | ((published == day) & (_articles.c.id > id))
        return self._select_articles(condition, published.desc(), _articles.c.id, limit=limit)

    def publishers(self) -> list[str]:
        """The publishers that are known, by their names."""
        publisher = _revisions.c.publisher
        with self._engine.begin() as connection:
            query = sql.select(publisher).select_from(_CURRENT).where(publisher != "").distinct().order_by(publisher)
            return list(connection.scalars(query))

    def whole(self, article_id: str) -> tuple[Article, list[Passage]] | None:
        """The current revision of an article with its passages in its order."""
        query = sql.select(*_SHOWN).where(_passages.c.article_id == article_id).order_by(_passages.c.start)
        with self._engine.begin() as connection:
            found = connection.execute(_SELECTED.where(_articles.c.id == article_id)).one_or_none()
            if found is None:
                return None
            return article_in(found), [passage_in(row, found) for row in connection.execute(query)]

    def counts(self) -> dict[str, int]:
        """Number of `articles` and `passages`."""
        with self._engine.begin() as connection:
            count = {table: sql.select(sql.func.count()).select_from(table) for table in (_articles, _passages)}
            return {table.name: connection.scalar(query) or 0 for table, query in count.items()}

    def _select_articles(self, condition: Any, *order: Any, limit: int | None = None) -> list[Article]:
        with self._engine.begin() as connection:
            query = _SELECTED.where(condition).order_by(*order).limit(limit)
            return [article_in(row) for row in connection.execute(query)]

    # Writing

    def store(self, entries: Iterable[Entry]) -> None:
        """Puts articles and their passages in the place of what was stored under their ids.

        The passages that go and those that come are noted as unsettled: Chroma does not know of it yet.
        """
        self.changing.check()
        with self._writing.begin() as connection:
            for entry in entries:
                self._drop_passages(connection, [entry.article.id])
                self._insert(connection, entry)

    def move(self, article_id: str, origin: str) -> None:
        """Notes that an article is found at another origin now."""
        with self._writing.begin() as connection:
            connection.execute(_articles.update().where(_articles.c.id == article_id).values(origin=origin))

    def remove(self, article_ids: Sequence[str], *, leave_out: bool = True) -> None:
        """Removes articles with all their revisions; notes their vectors as unsettled, and not to bring them back."""
        self.changing.check()
        with self._writing.begin() as connection:
            self._drop_passages(connection, article_ids)
            if leave_out:
                rows = connection.execute(_SELECTED.where(_articles.c.id.in_(article_ids))).all()
                self.origins.leave_out(connection, (_article(row, dated=False) for row in rows))
            self.origins.drop(connection, article_ids)
            copies.drop(connection, article_ids)
            identity.drop(connection, article_ids)
            connection.execute(_articles.delete().where(_articles.c.id.in_(article_ids)))
            connection.execute(_revisions.delete().where(_revisions.c.article_id.in_(article_ids)))

    def _drop_passages(self, connection: sql.Connection, article_ids: Sequence[str]) -> None:
        chosen = _passages.c.article_id.in_(article_ids)
        ids = connection.scalars(sql.select(_passages.c.id).where(chosen)).all()
        connection.execute(_passages.delete().where(chosen))
        _unsettle(connection, ids)
        number = (connection.scalar(_LAST_CHANGE) or 0) + 1
        insert_or_replace(connection, _changes, [{"article_id": id, "number": number} for id in article_ids])

    def _insert(self, connection: sql.Connection, entry: Entry) -> None:
        article = entry.article
        values = {name: _stored(getattr(article, name)) for name in _METADATA}
        key = {"article_id": article.id, "revision": article.revision}
        insert_or_replace(connection, _revisions, [{**key, **values}])  # one that was damaged, too
        current = {"revision": article.revision, "origin": article.origin, "added_at": _stored(article.added_at)}
        insert_or_replace(connection, _articles, [{"id": article.id, **current}])
        copies.store(connection, article.id, entry.fingerprint, article.published_at)
        identity.store(connection, article.id, article.url)
        above = terms(headline(article))
        rows = [_passage_row(*each, above) for each in zip(entry.passages, entry.vectors, strict=True)]
        if rows:
            connection.execute(_passages.insert(), rows)
            _unsettle(connection, [passage.id for passage in entry.passages])

    def complete(self, made: Callable[[str], bytes]) -> None:
        """Notes what an earlier newsqa did not: fingerprint and address of every article, and which origin holds it."""
        version = copies.version()
        renewed = self.settings().get("fingerprints") != version
        with self._writing.begin() as connection:
            held = sql.select(_articles.c.origin, _articles.c.id).where(_articles.c.origin != "")
            self.origins.adopt(connection, held)
            if renewed:
                copies.clear(connection)
            wanted = sql.select(_articles.c.id).where(_articles.c.id.not_in(copies.known())).order_by(_articles.c.id)
            for id in connection.scalars(wanted).all():
                for row in connection.execute(_SELECTED.where(_articles.c.id == id)).all():
                    with suppress(LibraryError):  # which whoever reads that article is told
                        article = article_in(row)
                        copies.store(connection, id, made(article.text), article.published_at)
                        identity.store(connection, id, article.url)
        if renewed:
            self.set_settings({"fingerprints": version})

    def forget_vectors(self) -> None:
        """Forgets all vectors: they are to be made anew."""
        with self._writing.begin() as connection:
            connection.execute(_passages.update().values(vector=None))

    def incomplete(self) -> list[str]:
        """The ids of articles that have a passage without a vector."""
        lacking = sql.select(_passages.c.article_id).where(_passages.c.vector.is_(None)).distinct()
        with self._engine.begin() as connection:
            return list(connection.scalars(lacking.order_by(_passages.c.article_id)))

    # What is searched

    def last_change(self) -> tuple[int, list[str]]:
        """The number of the last change, and passages that Chroma may disagree about; at most `MOST_BEHIND` + 1."""
        unsettled = sql.select(_unsettled.c.passage_id).limit(MOST_BEHIND + 1)
        with self._engine.begin() as connection:
            return connection.scalar(_LAST_CHANGE) or 0, list(connection.scalars(unsettled))

    @contextmanager
    def changed(self, since: int) -> Iterator[tuple[int, Collection[str], Iterator[Sequence[Row]]]]:
        """The number of the last change, the ids of the articles that changed after `since`, and their passages.

        These come some thousands at a time, while the context is open; all is of one moment.

        Raises:
            LibraryError: a passage is damaged.
        """
        newer = sql.select(_changes.c.article_id).where(_changes.c.number > since)
        query = sql.select(*_SEARCHED).where(_passages.c.vector.is_not(None)).order_by(_passages.c.number)
        above = sql.select(_articles.c.id, _revisions.c.publisher, _revisions.c.published_at).select_from(_CURRENT)
        if since:
            query, above = query.where(_passages.c.article_id.in_(newer)), above.where(_articles.c.id.in_(newer))
        with self._engine.begin() as connection:
            last, ids = connection.scalar(_LAST_CHANGE) or 0, set(connection.scalars(newer))
            articles = {row.id: _above(row) for row in connection.execute(above)}
            parts = connection.execute(query.execution_options(yield_per=MOST_ROWS)).partitions()
            yield last, ids, ([_row(row, articles) for row in part] for part in parts)

    # Chroma, which follows

    def unsettle(self, passage_ids: Collection[str] | None = None) -> None:
        """Notes that Chroma may disagree about these passages; about all when none are named."""
        with self._writing.begin() as connection:
            if passage_ids is None:
                insert_or_replace(connection, _settings, [{"name": _GONE, "value": "0"}])
                passage_ids = connection.scalars(_PASSAGE_IDS).all()
            _unsettle(connection, passage_ids)

    def unsettled(self, limit: int | None = None) -> dict[str, bytes | None]:
        """The ids of passages that Chroma may disagree about, with the vectors of those that are there (float16)."""
        query = sql.select(_unsettled.c.passage_id, _passages.c.vector).select_from(_BEHIND).where(_KNOWN).limit(limit)
        with self._engine.begin() as connection:
            return {row.passage_id: row.vector for row in connection.execute(query)}

    def vectors(self, sample: int) -> dict[str, bytes]:
        """The vectors (float16) of some passages, by their ids; of others each time."""
        chosen = _passages.c.id.in_(sql.select(_passages.c.id).order_by(sql.func.random()).limit(sample))
        query = sql.select(_passages.c.id, _passages.c.vector).where(chosen & _passages.c.vector.is_not(None))
        with self._engine.begin() as connection:
            return {row.id: row.vector for row in connection.execute(query)}

    def count_unsettled(self) -> int:
        """How many passages Chroma may disagree about."""
        with self._engine.begin() as connection:
            return connection.scalar(sql.select(sql.func.count()).select_from(_BEHIND).where(_KNOWN)) or 0

    def settle(self, passages: Mapping[str, bytes | None]) -> None:
        """Notes that Chroma agrees about these passages, as `unsettled` gave them; those that changed since stay."""
        with self._writing.begin() as connection:
            for there in (True, False):
                rows = [{"settled": id} for id, vector in passages.items() if (vector is not None) == there]
                if rows:
                    connection.execute(_AGREED.where(_STILL_THERE if there else ~_STILL_THERE), rows)
                if rows and not there:
                    gone = connection.scalar(_GONE_SO_FAR) or "0"
                    insert_or_replace(connection, _settings, [{"name": _GONE, "value": str(int(gone) + len(rows))}])

    def count_gone(self) -> int:
        """How many vectors Chroma was told to forget since all were brought to it."""
        with self._engine.begin() as connection:
            return int(connection.scalar(_GONE_SO_FAR) or "0")

    def passage_ids(self) -> list[str]:
        """The ids of all passages."""
        with self._engine.begin() as connection:
            return list(connection.scalars(_PASSAGE_IDS))

    def passages(self, scores: Mapping[str, tuple[float, Mapping[str, float]]]) -> list[ScoredPassage]:
        """The passages of these ids with their scores, in the order given; ids that are not stored are left out."""
        with self._engine.begin() as connection:
            rows = connection.execute(sql.select(*_SHOWN).where(_passages.c.id.in_(list(scores)))).all()
            articles = _texts(connection, {row.article_id for row in rows})
        found = {row.id: _scored(row, articles[row.article_id], *scores[row.id]) for row in rows}
        return [found[id] for id in scores if id in found]


def _texts(connection: sql.Connection, article_ids: set[str]) -> dict[str, Any]:
    """The row of each article, by its id; each text is read once, however many passages it has.

    Raises:
        LibraryError: one of them is not what was stored.
    """
    rows = connection.execute(_SELECTED.where(_articles.c.id.in_(article_ids))).all()
    found = {article_in(row).id: row for row in rows}
    if missing := article_ids - found.keys():
        raise ArticleDamagedError(min(missing))
    return found


def _condition(filters: Filters) -> Any:
    published = sql.func.substr(_revisions.c.published_at, 1, 10)
    conditions: list[sql.ColumnElement[bool]] = []
    if filters.article_ids:
        conditions.append(_articles.c.id.in_(filters.article_ids))
    if filters.publisher:
        conditions.append(_revisions.c.publisher == filters.publisher)
    if filters.published_from:
        conditions.append(published >= filters.published_from.isoformat()[:10])
    if filters.published_to:
        conditions.append(published <= filters.published_to.isoformat()[:10])
    return sql.and_(sql.true(), *conditions)


def _stored(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _date(text: str | None) -> date | None:
    return as_date(text) if text else None


def _in_utc(moment: date | None) -> datetime:
    """A moment to sort by; a day is its beginning, and what names no zone is taken for UTC."""
    if moment is None:
        return datetime.max.replace(tzinfo=UTC)
    if not isinstance(moment, datetime):
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _article(row: Any, *, dated: bool = True) -> Article:
    values = dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's documented name
    names = ("published_at", "updated_at", "added_at")
    dates = {name: _date(values.get(name)) if dated else None for name in names}
    del values["revision"]
    return Article(**{**values, **dates})


def article_in(row: Any) -> Article:
    """The article of a row.

    Raises:
        LibraryError: it is not what was stored.
    """
    with suppress(ArticleError, ValueError, TypeError):
        article = _article(row)
        if article.revision == row.revision:
            return article
    raise ArticleDamagedError(row.id)


def _unsettle(connection: sql.Connection, passage_ids: Collection[str]) -> None:
    insert_or_keep(connection, _unsettled, [{"passage_id": id} for id in passage_ids])


def _passage_row(passage: Passage, vector: "NDArray[np.float32]", above: bytes) -> dict[str, Any]:
    spans = [[sentence.start, sentence.end, int(sentence.heading)] for sentence in passage.sentences]
    words, stored = above + terms(passage.text), vector.astype("<f2").tobytes()
    return {
        "id": passage.id,
        "article_id": passage.article_id,
        "start": passage.start,
        "end": passage.end,
        "sentences": json.dumps(spans, separators=(",", ":")),
        "words": words,
        "vector": stored,
        "checksum": crc32(stored, crc32(words)),
    }


def check_searched(row: Any) -> None:
    """Makes sure of a passage's words and vector.

    Raises:
        LibraryError: they are not what was stored.
    """
    with suppress(TypeError):
        if crc32(row.vector, crc32(row.words)) == row.checksum:
            return
    raise LibraryError(_damaged(row.article_id))


def _above(row: Any) -> tuple[str, str]:
    """Publisher and date of publication of an article, which is searched by them."""
    with suppress(ValueError):
        day = _date(row.published_at)
        return row.publisher, day.isoformat() if day else ""
    raise ArticleDamagedError(row.id)


def _row(row: Any, articles: Mapping[str, tuple[str, str]]) -> Row:
    check_searched(row)
    if row.article_id not in articles:
        raise LibraryError(_damaged(row.article_id))
    return Row(row.id, row.article_id, *articles[row.article_id], row.words, row.vector)


def passage_in(row: Any, article: Any) -> Passage:
    """The passage of a row, and of that of its article.

    Raises:
        LibraryError: it is not what was stored.
    """
    text = article.text
    with suppress(ValueError, TypeError, IndexError):
        sentences = tuple(
            Sentence(start, end, text[start:end], bool(heading)) for start, end, heading in json.loads(row.sentences)
        )
        known = passage_id(article.id, article.revision, row.start, row.end) == row.id
        if known and (sentences[0].start, sentences[-1].end) == (row.start, row.end) and _adjoin(sentences, text):
            return Passage(row.id, row.article_id, row.start, row.end, text[row.start : row.end], sentences)
    raise LibraryError(_damaged(row.article_id))


def _adjoin(sentences: Sequence[Sentence], text: str) -> bool:
    """Whether nothing but white space is between sentences."""
    return all(one.end <= other.start and not text[one.end : other.start].strip() for one, other in pairwise(sentences))


def _damaged(article_id: str) -> str:
    return f"a passage of article {article_id!r} is damaged on the disk: `newsqa doctor --repair` makes it anew"


def _scored(row: Any, article: Any, score: float, scores: Mapping[str, float]) -> ScoredPassage:
    passage, published = passage_in(row, article), _date(article.published_at)
    return ScoredPassage(passage, article.title, article.publisher, article.url, published, score, scores)

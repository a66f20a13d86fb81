"""Which articles are near-identical, by MinHash: one story in several outlets is no several witnesses."""

import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import numpy as np
import sqlalchemy as sql
from sqlalchemy import Column, LargeBinary

from newsqa.library.database import BigNumber, String, Text

WORDS = 3
"""Of a shingle."""
PERMUTATIONS, BANDS, ROWS = 128, 25, 5
"""Two articles are compared when one of 25 bands of 5 rows is the same: 0.999 of those alike by 0.75 are."""
FINGERPRINT_BYTES = 4 * PERMUTATIONS
ALIKE, THE_SAME = 0.75, 0.9
"""Jaccard similarity of the shingles: as alike and of the same days, or the same whenever it appeared.

Measured on 4,720 news articles: below 0.75 stand an outlet's own updates, with other figures, and its yearly pieces."""
MOST_COMPARED = 200
"""Stories that share a band with an article: texts made by one template may share it with thousands."""
DAYS = 3
"""Syndicated stories appear within them."""
_SEED = 1
_WORD = re.compile(r"\w+")

copy_tables = sql.MetaData()
_fingerprints = sql.Table(
    "fingerprints",
    copy_tables,
    Column("article_id", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("published_on", Text),
)
_bands = sql.Table(
    "bands",
    copy_tables,
    Column("band", BigNumber, primary_key=True),
    Column("article_id", String, primary_key=True, index=True),
)
_stories = sql.Table(
    "stories",
    copy_tables,
    Column("article_id", String, primary_key=True),
    Column("first_id", String, nullable=False, index=True),
)
"""Every article with the one whose copy it is: the first of its story that came, which alone has bands."""


def fingerprint(text: str) -> bytes:
    """The MinHash of a text's shingles of three words: 128 unsigned numbers of 32 bits, little endian.

    Broder: "On the resemblance and containment of documents", 1997; the share of equal numbers in two of them
    estimates the Jaccard similarity of their shingles, with a standard error of 0.04 at 0.8.
    """
    from rensa import RMinHash

    words = _WORD.findall(text.casefold())
    shingles = {" ".join(words[start : start + WORDS]) for start in range(max(1, len(words) - WORDS + 1))}
    made = RMinHash(PERMUTATIONS, _SEED)
    made.update(sorted(shingles))
    return np.asarray(made.digest(), "<u4").tobytes()


def version() -> str:
    """Names what made a fingerprint; those of another version can't be compared with it."""
    from rensa import RMinHash

    return f"rensa {RMinHash.ALGORITHM_VERSION}, {WORDS} words, {PERMUTATIONS}"


def similarity(one: bytes, other: bytes) -> float:
    """The estimated Jaccard similarity of what two fingerprints were made of, 0 to 1."""
    return float((np.frombuffer(one, "<u4") == np.frombuffer(other, "<u4")).mean())


def store(connection: sql.Connection, article_id: str, value: bytes, published: date | None) -> None:
    """Notes the fingerprint of an article, in the place of an earlier one, and whose copy it is, if it is one.

    It is compared with the first articles of stories only, so that a thousand copies cost a thousand comparisons.
    """
    drop(connection, [article_id])
    day, keys = published.isoformat()[:10] if published else None, _keys(value)
    near = sql.select(_bands.c.article_id).where(_bands.c.band.in_(keys)).distinct().limit(MOST_COMPARED)
    found = connection.execute(sql.select(_fingerprints).where(_fingerprints.c.article_id.in_(near))).all()
    shares = {row.article_id: similarity(value, row.value) for row in found}
    firsts = [row.article_id for row in found if _alike(shares[row.article_id], day, row.published_on)]
    first = max(firsts, key=lambda id: (shares[id], id), default=article_id)
    connection.execute(_fingerprints.insert().values(article_id=article_id, value=value, published_on=day))
    connection.execute(_stories.insert().values(article_id=article_id, first_id=first))
    if first == article_id:
        _show(connection, article_id, value)


def drop(connection: sql.Connection, article_ids: Collection[str]) -> None:
    """Forgets the fingerprints of articles, and of what they were copies."""
    for column in (_fingerprints.c.article_id, _bands.c.article_id, _stories.c.article_id):
        connection.execute(column.table.delete().where(column.in_(article_ids)))
    left = sql.select(_stories.c.article_id).where(_stories.c.first_id.in_(article_ids)).order_by(_stories.c.article_id)
    for id in connection.scalars(left).all():  # of a story whose first article goes, the others are compared anew
        row = connection.execute(sql.select(_fingerprints).where(_fingerprints.c.article_id == id)).one()
        store(connection, id, row.value, date.fromisoformat(row.published_on) if row.published_on else None)


def _show(connection: sql.Connection, article_id: str, value: bytes) -> None:
    """Lets an article be found by its bands."""
    connection.execute(_bands.insert(), [{"band": key, "article_id": article_id} for key in _keys(value)])


def clear(connection: sql.Connection) -> None:
    """Forgets all."""
    for table in (_fingerprints, _bands, _stories):
        connection.execute(table.delete())


def known() -> sql.Select[tuple[str]]:
    """Selects the ids of the articles whose fingerprints are noted."""
    return sql.select(_fingerprints.c.article_id)


def stories(connection: sql.Connection, article_ids: Collection[str]) -> Mapping[str, frozenset[str]]:
    """For each of these articles that has copies, the ids of its whole story, itself too."""
    own = sql.select(_stories).where(_stories.c.article_id.in_(article_ids))
    first = {row.article_id: row.first_id for row in connection.execute(own)}
    members: dict[str, set[str]] = {}
    for row in connection.execute(sql.select(_stories).where(_stories.c.first_id.in_(set(first.values())))):
        members.setdefault(row.first_id, set()).add(row.article_id)
    whole = {first_id: frozenset(ids) for first_id, ids in members.items()}
    return {id: whole[first[id]] for id in first if len(whole[first[id]]) > 1}


def _alike(share: float, one: Any, other: Any) -> bool:
    days = abs((date.fromisoformat(one) - date.fromisoformat(other)).days) if one and other else 0
    return share >= THE_SAME or (share >= ALIKE and days <= DAYS)


def _keys(value: bytes) -> list[int]:
    """One number of 63 bits a band: its place and its rows."""
    from hashlib import blake2b

    width = ROWS * 4
    parts = (bytes([band]) + value[band * width : (band + 1) * width] for band in range(BANDS))
    return [int.from_bytes(blake2b(part, digest_size=8).digest(), "little") >> 1 for part in parts]

"""Schema 0001: what the first newsqa stored, the tables that came while it was the only one included.

Its full text search was a virtual table of SQLite's, which 0002 drops.
"""

import sqlalchemy as sql
from alembic import op
from sqlalchemy import Boolean, Column, ForeignKey, Integer, LargeBinary, Table

from newsqa.library.database import BigNumber, String, Text

revision = "0001"
down_revision = None

_schema = sql.MetaData()
Table("settings", _schema, Column("name", String, primary_key=True), Column("value", Text, nullable=False))
Table(
    "revisions",
    _schema,
    Column("article_id", String, primary_key=True),
    Column("revision", String, primary_key=True),
    *(
        Column(name, Text, nullable=False)
        for name in ("title", "text", "subtitle", "url", "publisher", "author", "place", "language")
    ),
    Column("fictional", Boolean, nullable=False),
    Column("published_at", Text),
    Column("updated_at", Text),
)
Table(
    "articles",
    _schema,
    Column("id", String, primary_key=True),
    Column("revision", String, nullable=False),
    Column("origin", Text, nullable=False, index=True),
    Column("added_at", Text, nullable=False),
    sql.ForeignKeyConstraint(["id", "revision"], ["revisions.article_id", "revisions.revision"]),
)
Table(
    "passages",
    _schema,
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("article_id", ForeignKey("articles.id"), nullable=False, index=True),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("sentences", Text, nullable=False),
)
Table("unsettled", _schema, Column("passage_id", String, primary_key=True))
Table(
    "conversations",
    _schema,
    Column("id", String, primary_key=True),
    Column("owner", String, nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("created_at", String, nullable=False),
    Column("updated_at", String, nullable=False),
)
Table(
    "turns",
    _schema,
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("answer_id", String, nullable=False, unique=True),
    Column("answer", Text, nullable=False),
    Column("asked_at", String, nullable=False),
)
Table(
    "feedback",
    _schema,
    Column("answer_id", String, primary_key=True),
    Column("owner", String, primary_key=True),
    Column("verdict", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("given_at", String, nullable=False, index=True),
)
Table(
    "replies",
    _schema,
    Column("owner", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("reply", Text, nullable=False),
    Column("given_at", String, nullable=False, index=True),
)
Table(
    "origins",
    _schema,
    Column("address", String, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("parent", Text, nullable=False, index=True),
    *(Column(name, Text, nullable=False) for name in ("stamp", "etag", "last_modified")),
    *(Column(name, Text) for name in ("seen_at", "changed_at", "failed_at")),
    Column("error", Text, nullable=False),
    Column("patterns", Text, nullable=False),
)
Table(
    "held",
    _schema,
    Column("origin", String, primary_key=True),
    Column("article_id", String, primary_key=True, index=True),
    Column("lost", Boolean, nullable=False),
)
Table(
    "left_out",
    _schema,
    Column("mark", String, primary_key=True),
    Column("article_id", String, nullable=False, index=True),
)
Table(
    "fingerprints",
    _schema,
    Column("article_id", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("published_on", Text),
)
Table(
    "bands",
    _schema,
    Column("band", BigNumber, primary_key=True),
    Column("article_id", String, primary_key=True, index=True),
)
Table(
    "stories",
    _schema,
    Column("article_id", String, primary_key=True),
    Column("first_id", String, nullable=False, index=True),
)
Table(
    "addresses",
    _schema,
    Column("article_id", String, primary_key=True),
    Column("address", Text, nullable=False, index=True),
)


def upgrade() -> None:
    """Makes the tables that are missing: the first newsqa noted no version, so there may be some or all."""
    _schema.create_all(op.get_bind())

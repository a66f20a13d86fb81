"""Schema 0002: the catalogue has the words and vectors of passages, made at the opening, and numbers its changes."""

from alembic import op
from sqlalchemy import Column, Integer, LargeBinary

from newsqa.library.database import BigNumber, String

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Words and vectors are empty at first, and every article has changed once."""
    for column in (Column("words", LargeBinary), Column("vector", LargeBinary), Column("checksum", BigNumber)):
        op.add_column("passages", column)
    op.create_table(
        "changes",
        Column("article_id", String, primary_key=True),
        Column("number", Integer, nullable=False, index=True),
    )
    op.execute("INSERT INTO changes (article_id, number) SELECT id, 1 FROM articles")
    op.execute("DROP TABLE IF EXISTS full_text")

"""What makes two articles one: their address, as it is without what does not tell pages apart."""

from collections.abc import Collection
from urllib.parse import urlsplit

import sqlalchemy as sql
from sqlalchemy import Column, String, Text

identity_tables = sql.MetaData()
_addresses = sql.Table(
    "addresses",
    identity_tables,
    Column("article_id", String, primary_key=True),
    Column("address", Text, nullable=False, index=True),
)


def address_key(url: str) -> str:
    """An address without scheme, `www.`, trailing slash, fragment and the parameters that trackers add; empty for none.

    Two addresses of one key are one page.
    """
    from courlan import normalize_url

    try:
        parts = urlsplit(normalize_url(url, trailing_slash=False))
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not host:
        return ""
    port = f":{parts.port}" if parts.port not in {None, 80, 443} else ""
    return f"{host}{port}{parts.path.rstrip('/')}{'?' if parts.query else ''}{parts.query}"


def store(connection: sql.Connection, article_id: str, url: str) -> None:
    """Notes the address of an article, in the place of an earlier one."""
    drop(connection, [article_id])
    if key := address_key(url):
        connection.execute(_addresses.insert().values(article_id=article_id, address=key))


def drop(connection: sql.Connection, article_ids: Collection[str]) -> None:
    """Forgets the addresses of articles."""
    connection.execute(_addresses.delete().where(_addresses.c.article_id.in_(article_ids)))


def at(url: str) -> sql.Select[tuple[str]] | None:
    """Selects the ids of the articles at an address; None where it is no address."""
    key = address_key(url)
    return sql.select(_addresses.c.article_id).where(_addresses.c.address == key) if key else None

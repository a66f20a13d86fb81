"""What makes two articles one: their address, as it is without what does not tell pages apart."""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

import sqlalchemy as sql
from sqlalchemy import Column

from newsqa.library.database import String, Text

_TRACKING = re.compile(
    r"(?:utm_|at_|mtm_|pk_|hsa_)\w*=|(?:fbclid|gclid|dclid|msclkid|yclid|twclid|igshid|mc_[ce]id|_ga|_gl|ref_src|guccounter)=",
    re.IGNORECASE,
)
"""What campaigns and trackers add to a query; other parameters may name the article."""

identity_tables = sql.MetaData()
_addresses = sql.Table(
    "addresses",
    identity_tables,
    Column("article_id", String, primary_key=True),
    Column("address", Text, nullable=False, index=True),
)


def address_key(url: str) -> str:
    """An address without scheme, `www.`, trailing slash and the parameters that trackers add; empty for none.

    Two addresses of one key are one article. A fragment tells articles apart: where a whole page is one, its loader
    leaves it out.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").removeprefix("www."), parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not host:
        return ""
    kept = [each for each in parts.query.split("&") if each and not _TRACKING.match(each)]
    place = f"{host}{f':{port}' if port not in {None, 80, 443} else ''}{parts.path.rstrip('/')}"
    return f"{place}{'?' if kept else ''}{'&'.join(kept)}{'#' if parts.fragment else ''}{parts.fragment}"


def same_address(one: str, other: str) -> bool:
    """Whether two addresses may be one article's: they are one, or one of them is not known."""
    keys = address_key(one), address_key(other)
    return not all(keys) or keys[0] == keys[1]


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

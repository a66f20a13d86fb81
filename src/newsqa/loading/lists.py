"""Lists of addresses: sitemaps name pages or more sitemaps, OPML names feeds."""

from collections.abc import Iterator
from typing import Any

from newsqa.errors import LoadError
from newsqa.loading.given import Given, Link, one_line
from newsqa.loading.xml_safely import local, tree

MOST_LINKS = 50_000
"""As many addresses as the sitemap protocol allows (sitemaps.org)."""


def articles(given: Given) -> Iterator[Link]:
    """The addresses that are listed, those of a sitemap with the last change it names, the last changed first.

    Raises:
        LoadError: it is neither, does not parse, or lists nothing.
    """
    root = tree(given.name, given.content)
    kind = local(root).lower()
    if kind not in {"urlset", "sitemapindex", "opml"}:
        raise LoadError(f"{given.name}: is neither a sitemap nor OPML; give the address of one")
    found = _feeds(root) if kind == "opml" else _places(root, "page" if kind == "urlset" else "sitemap")
    links = list(dict.fromkeys(link for link in found if link.address.startswith(("http://", "https://"))))[:MOST_LINKS]
    if not links:
        raise LoadError(f"{given.name}: lists no address; try again when it does")
    yield from sorted(links, key=lambda link: link.stamp, reverse=True)


def _places(root: Any, kind: Any) -> Iterator[Link]:
    for place in root:
        values = {local(child).lower(): one_line(child.text) for child in place}
        yield Link(values.get("loc", ""), kind, values.get("lastmod", ""))


def _feeds(root: Any) -> Iterator[Link]:
    for outline in root.iter():
        if local(outline).lower() == "outline":
            yield Link(one_line(outline.get("xmlUrl") or outline.get("xmlurl")), "feed")

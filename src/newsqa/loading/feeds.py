"""RSS and Atom feeds: every entry a link to its page, with the feed's own text of it."""

import io
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from newsqa.domain import Article
from newsqa.errors import ArticleError, LoadError
from newsqa.loading.given import Given, Link, Parsed, moment, one_line
from newsqa.loading.markup import plain

MOST_ENTRIES = 5000
WHOLE_WORDS = 150
"""A description of as many words is taken for the whole article; `content` is one in any case."""
_ENTITY = b"<!ENTITY"


def articles(given: Given) -> Iterator[Parsed]:
    """The entries of a feed, in its order: links, or articles where an entry has no address.

    What a feed says of itself stands for all its entries: title (publisher), language. Nothing is asked of the network.

    Raises:
        LoadError: it is no feed, has no entries, or declares entities.
    """
    import feedparser

    if _ENTITY in given.content.replace(b"\0", b"").upper():
        raise LoadError(f"{given.name}: its XML declares entities; save it without a DOCTYPE")
    headers = {"content-type": given.content_type, "content-location": given.url}
    headers = {name: value for name, value in headers.items() if value}
    try:  # its text would be taken for an address, a stream never
        feed = feedparser.parse(io.BytesIO(given.content), response_headers=headers, sanitize_html=False)
    except Exception as error:  # whatever a damaged feed makes of its parsers
        raise LoadError(f"{given.name}: is a damaged feed ({type(error).__name__}); look at its address") from error
    if not feed.get("version") and not feed.entries:
        raise LoadError(f"{given.name}: is no feed; give the address of RSS or Atom")
    if not feed.entries:
        raise LoadError(f"{given.name}: has no entries; try again when the feed has some")
    for entry in feed.entries[:MOST_ENTRIES]:
        yield from _entry(given, feed.feed, entry)


def _entry(given: Given, feed: Any, entry: Any) -> Iterator[Parsed]:
    address = one_line(entry.get("link"))
    address = address if address.startswith(("http://", "https://")) else ""
    article, whole = _article(given, feed, entry, address)
    if address:
        told = (dict.get(entry, name, "") for name in ("title", "updated", "published", "summary"))
        stamp = sha256("\x1f".join((*map(str, told), article.text if article else "")).encode("utf-8", "replace"))
        yield Link(address, "page", stamp.hexdigest()[:32], article, whole)
    elif article:
        yield article


def _article(given: Given, feed: Any, entry: Any, address: str) -> tuple[Article | None, bool]:
    """The entry's own text as an article, and whether it is all of it."""
    contents = [str(content.get("value", "")) for content in entry.get("content", ())[:10]]
    texts = [_text(html) for html in (*contents, str(entry.get("summary", ""))) if html]
    text = max(texts, key=len, default="")
    title = _line(entry.get("title")) or one_line(text.partition("\n")[0])[:150]
    if not title or not any(map(str.isalnum, text)):
        return None, False
    try:
        article = Article(
            title=title,
            text=text,
            url=address,
            origin="" if address else f"!/{one_line(entry.get('id')) or title}",
            publisher=_publisher(feed, entry),
            author=_author(entry),
            published_at=moment(entry.get("published")),
            updated_at=moment(dict.get(entry, "updated")),  # its own `get` gives `published` in its place
            language=one_line(entry.get("language") or feed.get("language")),
        )
    except ArticleError as error:
        raise LoadError(f"{given.name}: {error}") from error
    return article, bool(contents) or not address or len(text.split()) >= WHOLE_WORDS


def _publisher(feed: Any, entry: Any) -> str:
    """Where the entry was taken over from, else who publishes the feed, else its title."""
    source = entry.get("source") or {}
    return _line(source.get("title")) or _line(feed.get("publisher")) or _line(feed.get("title"))


def _author(entry: Any) -> str:
    names = [_line(author.get("name")) for author in entry.get("authors", ())[:20]]
    return one_line(", ".join(filter(None, names)))


def _text(html: str) -> str:
    from lxml import etree
    from lxml import html as markup

    if not html.strip():
        return ""
    try:
        return plain(markup.fromstring(f"<div>{html.replace(chr(0), '')}</div>"))
    except (etree.LxmlError, ValueError, AssertionError):
        return ""


def _line(html: Any) -> str:
    """A title or name on one line; some feeds write markup into it."""
    line = one_line(html)
    return one_line(_text(line)) if "<" in line or "&" in line else line

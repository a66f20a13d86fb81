"""What a page's JSON-LD says of its article, read as leniently as real pages need.

The vocabulary is schema.org's (https://schema.org/NewsArticle). Articles are looked for where publishers put the one
that the page is about: at the top, in lists, in `@graph` and as another thing's `mainEntity`; not among a list's items
or a live blog's updates, which are other articles.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from typing import Any

Node = Mapping[str, Any]

MAX_CHARS = 2_000_000
"""Of all JSON-LD of a page; more is not read."""
MAX_NODES = 1000
_HOLDERS = ("@graph", "mainEntity", "mainEntityOfPage")
_ARTICLE = re.compile(r"(?:^|[/:])(?:\w*Article|\w*Posting|Report|Review|OpinionPiece)$")
_WRAPPING = re.compile(r"<!--|-->|(?://|/\*)?\s?(?:<!\[CDATA\[|\]\]>)(?:\*/)?")
_TRAILING_COMMA = re.compile(r",(?=\s*[}\]])")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,500}>")


def nodes_of(tree: Any) -> list[Node]:
    """Every thing that the page's JSON-LD describes at a place where its article may be."""
    left = MAX_CHARS
    found: list[Node] = []
    for script in tree.iter("script"):
        text = script.text or ""
        if "ld+json" in script.get("type", "").lower() and len(text) <= left:
            left -= len(text)
            found += _nodes(_parsed(text))
    return found[:MAX_NODES]


def article_among(nodes: Sequence[Node], urls: Sequence[str]) -> Node:
    """The article that has one of these addresses, else the first; empty where there is none."""
    articles = [node for node in nodes if any(_ARTICLE.search(kind) for kind in texts(node.get("@type")))]
    wanted = {_bare(url) for url in urls if url}
    for article in articles:
        named = [*texts(article.get("url")), *texts(article.get("@id")), *texts(article.get("mainEntityOfPage"), "@id")]
        if wanted.intersection(map(_bare, named)):
            return article
    return articles[0] if articles else {}


def texts(value: Any, key: str = "name", nodes: Sequence[Node] = ()) -> list[str]:
    """The texts of a value: one, several, or things whose text stands under `key`, here or where their `@id` is."""
    found = []
    for each in value[:100] if isinstance(value, list) else [value]:
        thing = each
        if isinstance(thing, Mapping) and key not in thing and isinstance(thing.get("@id"), str):
            thing = next((node for node in nodes if node.get("@id") == thing["@id"] and key in node), thing)
        if isinstance(thing, Mapping):
            thing = thing.get(key)
        found += [text for text in (thing if isinstance(thing, list) else [thing]) if isinstance(text, str)]
    return [cleaned for text in found if (cleaned := _TAG.sub("", unescape(text)).strip())]


def body_of(article: Node) -> str:
    """The article's text as its JSON-LD gives it; empty where it does not."""
    found = article.get("articleBody")
    if not isinstance(found, str):
        return ""
    text = unescape(found).replace("\0", "")
    if _TAG.search(text):
        return _of_markup(text)
    return "\n\n".join(filter(None, (" ".join(line.split()) for line in text.splitlines())))


def _of_markup(text: str) -> str:
    from lxml import etree, html

    from newsqa.loading.markup import plain

    try:
        return plain(
            html.document_fromstring(f"<div>{text}</div>".encode("utf-8", "replace"), html.HTMLParser(encoding="utf-8"))
        )
    except (etree.LxmlError, ValueError):
        return ""


def _parsed(text: str) -> Any:
    """The first value in a text; None where it is past mending. Raw line ends and trailing commas are mended."""
    reader = json.JSONDecoder(strict=False)
    unwrapped = _WRAPPING.sub("", text).strip()
    for attempt in (text.strip(), unwrapped, _TRAILING_COMMA.sub("", unwrapped)):
        try:
            return reader.raw_decode(attempt)[0]
        except (ValueError, RecursionError):
            continue
    return None


def _nodes(value: Any) -> Iterator[Node]:
    stack = [value]
    count = 0
    while stack and count < MAX_NODES:
        each = stack.pop()
        if isinstance(each, list):
            stack += reversed(each[:MAX_NODES])
        elif isinstance(each, dict):
            count += 1
            yield each
            stack += [each[holder] for holder in reversed(_HOLDERS) if isinstance(each.get(holder), dict | list)]


def _bare(url: str) -> str:
    """An address without what does not tell articles apart."""
    return re.sub(r"[?#].*", "", url, count=1, flags=re.DOTALL).partition("://")[2].removeprefix("www.").rstrip("/")

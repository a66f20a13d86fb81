"""What a page says of itself: title, author, dates and such, each from the source that is trusted most.

The order of trust: JSON-LD (made for machines, by the publishing system), OpenGraph and `article:` properties,
microdata, Twitter cards, then the many kinds of `meta` (Dublin Core, Parse.ly, Sailthru, plain); `title`, `html lang`
and a `time` in the article's header come last. `_SOURCES` holds it. Nothing is guessed: not from the text, not from
the address.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

from newsqa.domain import now
from newsqa.loading.given import moment, one_line
from newsqa.loading.pages import jsonld

MAX_URL_CHARS = 2000
_SOURCES: Mapping[str, tuple[str, ...]] = {
    "title": (
        "json:headline", "json:name", "og:title", "item:headline", "twitter:title", "parsely-title", "sailthru.title",
        "dcterms.title", "dc.title", "head:title", "head:h1",
    ),
    "subtitle": (
        "json:alternativeHeadline", "json:description", "og:description", "item:alternativeHeadline",
        "twitter:description", "sailthru.description", "dcterms.description", "dc.description", "description",
    ),
    "publisher": (
        "json:publisher", "og:site_name", "item:publisher", "dcterms.publisher", "dc.publisher", "application-name",
    ),
    "author": (
        "json:author", "article:author", "og:article:author", "item:author", "parsely-author", "sailthru.author",
        "dcterms.creator", "dc.creator", "author", "byl", "head:author",
    ),
    "language": ("json:inLanguage", "head:lang", "og:locale", "dcterms.language", "dc.language", "content-language"),
    "published_at": (
        "json:datePublished", "article:published_time", "og:article:published_time", "item:datePublished",
        "parsely-pub-date", "sailthru.date", "dcterms.issued", "dcterms.created", "dcterms.date", "dc.date.issued",
        "dc.date", "pubdate", "publish-date", "publishdate", "date", "head:time",
    ),
    "updated_at": (
        "json:dateModified", "article:modified_time", "og:article:modified_time", "og:updated_time",
        "item:dateModified", "dcterms.modified", "dc.date.modified", "last-modified",
    ),
    "url": ("head:canonical", "og:url", "json:url", "json:mainEntityOfPage"),
}  # fmt: skip
"""For each field its sources, the most trusted first. Without `json:`, `item:` (microdata), `head:`: a `meta`."""
_SEPARATORS = ("|", "-", "–", "—", "·", "•", "»", "«", "::", ":")
_HOST_PREFIXES = ("www.", "m.", "amp.", "mobile.")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://|www\.|[\w.-]+\.(?:com|org|net)/", re.IGNORECASE)
_MOST_VALUES = 20

Said = Callable[[str], list[str]]


@dataclass(frozen=True)
class Metadata:
    """What is known of an article besides its text; what is not known is empty."""

    title: str = ""
    subtitle: str = ""
    publisher: str = ""
    author: str = ""
    """Several apart by commas."""
    url: str = ""
    """The canonical address."""
    language: str = ""
    published_at: date | None = None
    updated_at: date | None = None
    titles: tuple[str, ...] = ()
    """Everything that the page calls itself, from whatever source."""
    body: str = ""
    """The text as the JSON-LD has it."""


def of(tree: Any, url: str = "") -> Metadata:
    """What the page that lxml parsed says of itself; `url` is where it was found, empty for files."""
    nodes = jsonld.nodes_of(tree)
    metas = _metas(tree)
    article = jsonld.article_among(nodes, [url, *_canonical(tree), *metas.get("og:url", ())])
    said = _reader(tree, metas, article, nodes)
    publisher = next((name for name in _values("publisher", said) if not _ADDRESS.match(name)), "")
    titles = [_without_site(title, {publisher, *metas.get("og:site_name", ())}) for title in _values("title", said)]
    published, updated = (_date(_values(field, said)) for field in ("published_at", "updated_at"))
    return Metadata(
        title=next(filter(None, titles), ""),
        subtitle=next(_values("subtitle", said), ""),
        publisher=publisher,
        author=_authors(said),
        url=_believed((text.strip() for source in _SOURCES["url"] for text in said(source)), url),
        language=next((tag for text in _values("language", said) if (tag := _language(text))), ""),
        published_at=published,
        updated_at=updated,
        titles=tuple(dict.fromkeys([*titles, *_values("title", said)])),
        body=jsonld.body_of(article),
    )


def same_site(one: str, other: str) -> bool:
    """Whether two addresses are of one site: equal hosts but for `www.` and such, or one a sub-domain of the other."""
    first, second = sorted(map(_host, (one, other)), key=len)
    return "." in first and (second == first or second.endswith(f".{first}"))


def _reader(tree: Any, metas: Mapping[str, list[str]], article: jsonld.Node, nodes: list[jsonld.Node]) -> Said:
    items = _items(tree)

    def said(source: str) -> list[str]:
        kind, _, name = source.partition(":")
        if kind == "json":
            return jsonld.texts(article.get(name), "@id" if name == "mainEntityOfPage" else "name", nodes)
        if kind == "item":
            return items.get(name, [])
        return _HEAD[name](tree) if kind == "head" else metas.get(source, [])

    return said


def _values(field: str, said: Said) -> Iterator[str]:
    """What is said of a field, the most trusted first."""
    return (line for source in _SOURCES[field] for text in said(source) if (line := one_line(text)))


def _metas(tree: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for meta in tree.iter("meta"):
        if meta.get("itemprop"):
            continue
        for attribute in ("property", "name", "http-equiv"):
            name = meta.get(attribute, "").strip().lower()
            values = found.setdefault(name, [])
            if name and len(values) < _MOST_VALUES:
                values.append(meta.get("content", ""))
    return found


def _items(tree: Any) -> dict[str, list[str]]:
    """Microdata of articles: what the elements with an `itemprop` say."""
    found: dict[str, list[str]] = {}
    for element in tree.xpath("//*[@itemprop]"):
        for name in element.get("itemprop").split()[:_MOST_VALUES]:
            values = found.setdefault(name, [])
            if len(values) < _MOST_VALUES and _of_article(element):
                values.append(_item(element))
    return found


def _of_article(element: Any) -> bool:
    """Whether the thing that has this property is an article, or of no kind."""
    scope = next((each for each in element.iterancestors() if each.get("itemscope") is not None), None)
    kind = "" if scope is None else scope.get("itemtype", "")
    return not kind or kind.rstrip("/").endswith(("Article", "Posting", "WebPage", "CreativeWork", "Review"))


def _item(element: Any) -> str:
    inner = element.find(".//*[@itemprop='name']") if element.get("itemscope") is not None else None
    element = element if inner is None else inner
    return element.get("content") or element.get("datetime") or _text(element)


def _text(element: Any) -> str:
    return "".join(element.itertext())[:10_000]


def _header_times(tree: Any) -> list[str]:
    found = tree.xpath("//time[@datetime][@pubdate or ancestor::header[ancestor::article or ancestor::main]]")
    return [time.get("datetime") for time in found[:1]]


def _canonical(tree: Any) -> list[str]:
    links = (link for link in tree.iter("link") if "canonical" in link.get("rel", "").lower().split())
    return [link.get("href", "") for link in links][:1]


def _first_of(tag: str) -> Callable[[Any], list[str]]:
    return lambda tree: [_text(element) for _, element in zip(range(1), tree.iter(tag), strict=False)]


_HEAD: Mapping[str, Callable[[Any], list[str]]] = {
    "title": _first_of("title"),
    "h1": _first_of("h1"),
    "author": lambda tree: [_text(link) for link in tree.xpath("//article//*[@rel='author']")[:_MOST_VALUES]],
    "lang": lambda tree: [tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang") or ""],
    "time": _header_times,
    "canonical": _canonical,
}


def _authors(said: Said) -> str:
    """The names of the first source that gives some; addresses are no names."""
    for source in _SOURCES["author"]:
        lines = (re.sub(r"^by:?\s+", "", one_line(text), flags=re.IGNORECASE) for text in said(source))
        if names := [line for line in lines if line and not _ADDRESS.match(line)]:
            return one_line(", ".join(dict.fromkeys(names)))
    return ""


def _without_site(title: str, sites: set[str]) -> str:
    """`Headline | Site` without the site."""
    for site in filter(None, sites):
        for separator in _SEPARATORS:
            head, found, tail = title.rpartition(f" {separator} " if separator != ":" else ": ")
            if found and tail.strip().casefold() == site.casefold():
                return head.strip()
            head, found, tail = title.partition(f" {separator} ")
            if found and head.strip().casefold() == site.casefold():
                return tail.strip()
    return title


def _date(texts: Iterator[str]) -> date | None:
    """The first of these dates that can be one: not in the future, not the zero of a clock."""
    for text in texts:
        value = moment(text)
        if value and date(1970, 1, 2) <= date(value.year, value.month, value.day) <= now().date() + timedelta(days=2):
            return value
        if value and value.year < 1970:
            return value
    return None


def _language(text: str) -> str:
    tag = text.replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else ""


def _believed(canonical: Iterator[str], url: str) -> str:
    """The first address that may be this page's own, else `url`."""
    for text in canonical:
        if not 0 < len(text) <= MAX_URL_CHARS or not text.isprintable() or " " in text:
            continue
        try:
            address = urldefrag(urljoin(url, text)).url
            parts = urlsplit(address)
        except ValueError:
            continue
        if parts.scheme not in {"http", "https"} or not _host(address) or parts.username:
            continue
        home = not parts.path.strip("/") and not parts.query
        if not url or (same_site(address, url) and not (home and urlsplit(url).path.strip("/"))):
            return address
    return url


def _host(url: str) -> str:
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""
    while prefix := next((each for each in _HOST_PREFIXES if host.startswith(each) and host.count(".") > 1), ""):
        host = host.removeprefix(prefix)
    return host

"""Clears a page of what is strewn into its article: captions, teasers, sign-ups, and what its title repeats.

Only structure, class names and where links lead are looked at, no words of the text: pages of any language are
treated alike.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from newsqa.loading.pages.metadata import same_site

_NEVER = (
    "audio", "button", "canvas", "dialog", "embed", "figcaption", "iframe", "input", "menu", "nav", "noscript",
    "object", "script", "select", "style", "svg", "template", "textarea", "video", "amp-ad", "amp-consent", "amp-embed",
    "amp-sidebar", "amp-social-share", "amp-user-notification",
)  # fmt: skip
_CLUTTER = frozenset({
    "advert", "advertisement", "adslot", "breadcrumb", "breadcrumbs", "byline", "caption", "captions", "comments",
    "consent", "cookie", "cookies", "credit", "disqus", "donate", "donation", "gdpr", "login", "newsletter",
    "newsletters", "onetrust", "outbrain", "paywall", "popular", "promo", "promos", "readmore", "recirc",
    "recommendation", "recommendations", "recommended", "related", "share", "sharing", "signin", "signup", "social",
    "sponsored", "subscribe", "subscription", "taboola", "teaser", "teasers", "trending",
})  # fmt: skip
"""Words of class names and ids whose element is no part of the article, if it holds little of the prose."""
_MAY_BE_CLUTTER = ("aside", "div", "figure", "form", "h2", "h3", "h4", "h5", "li", "ol", "p", "section", "span", "ul")
_NAME_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_MAX_NAMES = 1000
_BLOCKS = frozenset({
    "article", "blockquote", "body", "div", "dl", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "pre",
    "section", "table", "td", "th", "ul",
})  # fmt: skip
_PARAGRAPHS = ("p", "li", "h1", "h2", "h3", "blockquote", "table")
CAPTION_WORDS = 40
TEASER_WORDS = 3
"""A link of fewer is no headline of another article."""
PROSE_CHARS = 80
"""A paragraph of at least so many characters, links aside, is prose."""


def clear(page: Any, titles: Iterable[str], url: str) -> None:
    """Drops the clutter from a page.

    Args:
        page: an lxml tree, which is changed.
        titles: what the page calls itself, as `words` makes them.
        url: its address, to tell links to the same site from others.
    """
    from lxml.etree import strip_elements

    strip_elements(page, *_NEVER, with_tail=False)
    for heading in [*page.iter("h1")]:
        found = words(text_in(heading))
        if any(found in title or title in found for title in titles):
            _drop(heading)
    _drop_named(page)
    _drop_captions(page)
    strip_elements(page, "img", "picture", "source", with_tail=False)
    _drop_teasers(page, url)


def prose(page: Any) -> int:
    """Characters of all paragraphs that read as prose."""
    return sum(_prose_chars(paragraph) for paragraph in page.iter("p"))


def text_in(element: Any) -> str:
    """All text in an element, as it stands."""
    return "".join(element.itertext())


def words(text: str) -> str:
    """The words of a text, to be compared without case and punctuation."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def _prose_chars(paragraph: Any) -> int:
    chars = len(text_in(paragraph)) - sum(len(text_in(link)) for link in paragraph.iter("a"))
    return chars if chars >= PROSE_CHARS else 0


def _drop_named(page: Any) -> None:
    chars = {paragraph: _prose_chars(paragraph) for paragraph in page.iter("p")}
    most = 0.2 * sum(chars.values())
    for element in [*page.iter(*_MAY_BE_CLUTTER)]:
        names = _NAME_PART.findall(f"{element.get('class', '')} {element.get('id', '')}"[:_MAX_NAMES])
        named = not _CLUTTER.isdisjoint(name.lower() for name in names)
        if named and sum(chars.get(paragraph, 0) for paragraph in element.iter("p")) <= most:
            _drop(element)


def _drop_captions(page: Any) -> None:
    """Drops what stands in one box with a picture, if that is but a few words and no paragraph."""
    holders = dict.fromkeys(image.getparent() for image in page.iter("img", "amp-img"))
    for box in dict.fromkeys(map(_box, holders)):
        boxed = box is not None and next(box.iter(*_PARAGRAPHS), None) is None
        if boxed and len(text_in(box).split()) <= CAPTION_WORDS:
            _drop(box)


def _box(holder: Any) -> Any:
    """The box that a picture shares with other things; None where that is a paragraph or the like."""
    box = holder
    while box is not None and (box.tag in {"a", "picture", "span"} or (box.tag == "div" and _is_bare(box))):
        box = box.getparent()
    return box if box is not None and box.tag in {"center", "div", "figure"} else None


def _is_bare(box: Any) -> bool:
    return len(box) <= 1 and not text_in(box).strip()


def _drop_teasers(page: Any, url: str) -> None:
    """Drops lines and lists that are but links to other pages of the same site, with a word or two before them."""
    links: dict[Any, list[Any]] = {}
    texts = {paragraph.getparent() for paragraph in page.iter("p")}
    for link in page.iter("a"):
        if _leads_on(link, url):
            links.setdefault(link if _stands_alone(link, texts) else _block(link), []).append(link)
    items = {block for block, inside in links.items() if block.tag == "li" and _is_linked(block, inside, 0.8)}
    for block, inside in links.items():
        if block.tag != "li" and _is_linked(block, inside, 0.7):
            _drop(block)
    for whole in [*page.iter("ul", "ol")]:
        of_list = whole.findall("li")
        if sum(item in items for item in of_list) >= max(2, 0.8 * len(of_list)):
            _drop(whole)


def _is_linked(block: Any, links: Sequence[Any], share: float) -> bool:
    """Whether so much of a block is links, each of some words."""
    linked = [len(text_in(link).split()) for link in links]
    return min(linked) >= TEASER_WORDS and sum(linked) >= share * len(text_in(block).split())


def _block(link: Any) -> Any:
    parents: Iterator[Any] = link.iterancestors()
    return next((parent for parent in parents if parent.tag in _BLOCKS), link)


def _stands_alone(link: Any, texts: set[Any]) -> bool:
    """Whether a link stands between paragraphs, in none itself; `texts` are all elements that hold paragraphs."""
    parent, before = link.getparent(), link.getprevious()
    if parent not in texts or (link.tail or "").strip():
        return False
    return not ((parent.text if before is None else before.tail) or "").strip()


def _leads_on(link: Any, url: str) -> bool:
    """Whether it leads to another page of the site."""
    address = link.get("href", "").strip()
    if address.startswith(("http:", "https:", "//")):
        return same_site(f"https:{address}" if address.startswith("//") else address, url)
    return not re.match(r"[a-z]{2,20}:|#|$", address, re.IGNORECASE)


def _drop(element: Any) -> None:
    if element.getparent() is not None:
        element.drop_tree()

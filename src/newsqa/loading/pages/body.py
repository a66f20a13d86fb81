"""Finds the article in a page and gives its text, without its title.

The library trafilatura finds it, in its strict mode unless that leaves out prose that the other finds; before, the page
is cleared of what the library would take for text (clutter.py), and kept from losing what it would take for clutter.
"""

from collections.abc import Sequence
from copy import deepcopy
from itertools import islice
from typing import Any

from newsqa.loading.markup import plain
from newsqa.loading.pages.clutter import clear, prose, text_in, words

_MARKS = {"lb": "br", "list": "ul", "item": "li", "quote": "blockquote", "row": "tr", "cell": "td", "code": "pre"}
"""What trafilatura calls things, and what HTML does."""
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_WRAPPED = 5
"""A wrapper of a quotation holds at most so many elements."""


def text_of(tree: Any, titles: Sequence[str], url: str, said: str = "") -> str:
    """The article's text, without its title; empty where the page holds none.

    Args:
        tree: the page as lxml parsed it; it is not changed.
        titles: what the page calls itself, in any wording it uses.
        url: its address, to tell links to the same site from others.
        said: the body as its JSON-LD gives it, taken where the page shows far less.
    """
    page = deepcopy(tree)
    known = {title for title in map(words, titles) if title}
    clear(page, known, url)
    _keep_moments(page)
    _keep_quotations(page)
    found = _without_title(_best(page), known)
    return said if len(said) > 2 * len(found) else found


def _keep_moments(page: Any) -> None:
    """Makes `time` plain text: trafilatura drops it, and a sentence its day."""
    for element in page.iter("time"):
        element.tag = "span"


def _keep_quotations(page: Any) -> None:
    """Makes the marks of `q` text, as browsers show them, and keeps posts that are quoted from counting as widgets."""
    for element in page.iter("q"):
        element.tag = "span"
        element.text = f"“{element.text or ''}"
        if len(element):
            element[-1].tail = f"{element[-1].tail or ''}”"
        else:
            element.text += "”"
    for quotation in page.iter("blockquote"):
        size = 1.3 * len(text_in(quotation))
        for wrapper in (quotation, *quotation.iterancestors()):
            many = next(islice(wrapper, _WRAPPED, None), None) is not None
            if many or len(text_in(wrapper)) > size:
                break
            for name in ("class", "id"):
                wrapper.attrib.pop(name, None)


def _best(page: Any) -> str:
    """What the strict mode finds, or the other one where the strict one leaves out some of the prose."""
    found = _extracted(page, precise=True)
    if len(found) >= 0.9 * prose(page):
        return found
    more = _extracted(page, precise=False)
    return more if len(more) > 1.1 * len(found) else found


def _extracted(page: Any, *, precise: bool) -> str:
    import trafilatura

    # It changes what it is given; it copies a tree, but only one of lxml.html.
    found: Any = trafilatura.bare_extraction(
        page, include_comments=False, include_tables=True, favor_precision=precise, with_metadata=False
    )
    if found is None:
        return ""
    for element in found.body.iter("*"):
        rend = element.get("rend", "")
        if element.tag == "head":
            element.tag = rend if rend in _HEADINGS else "h2"
        elif element.tag == "list" and rend == "ol":
            element.tag = "ol"
        else:
            element.tag = _MARKS.get(element.tag, element.tag)
    return plain(found.body)


def _without_title(text: str, known: set[str]) -> str:
    """The text without its title at the beginning, and without headings of nothing at its end."""
    blocks = text.split("\n\n")
    start, end = 0, len(blocks)
    while start < end and _is_title(blocks[start], known):
        start += 1
    while end > start and blocks[end - 1].startswith("#"):
        end -= 1
    return "\n\n".join(blocks[start:end])


def _is_title(block: str, known: set[str]) -> bool:
    found = words(block)
    if found in known or not block.startswith("#"):
        return found in known
    parts = set(found.split())
    return any(len(parts.intersection(title.split())) >= 0.8 * len(parts) for title in known)

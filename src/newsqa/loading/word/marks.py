"""How the paragraphs of a Word file are meant: as headings, as items of lists, by their styles in any language."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from newsqa.loading.xml_safely import local

_DEPTHS = frozenset("012345678")


@dataclass
class _Style:
    """What a style, or a paragraph by itself, says of how its paragraphs are meant."""

    name: str = ""
    parent: str = ""
    outline: int | None = None
    number: str = ""
    depth: str = ""


@dataclass
class Book:
    """What stands beside the text in the file: its styles, and the kinds of its lists with how far each has counted."""

    styles: dict[str, _Style]
    formats: dict[str, dict[str, str]]
    """By list and depth: `bullet`, `decimal` or another."""
    counts: dict[str, dict[int, int]] = field(default_factory=dict)


def book_of(styles: Any, numbering: Any) -> Book:
    """What the roots of the parts `styles` and `numbering` say; both may be missing."""
    return Book(_styles(styles), _formats(numbering))


def role_and_mark(paragraph: Any, book: Book) -> tuple[str, str]:
    """A paragraph's role (title, subtitle, toc, heading, item, or empty) and what stands before its text."""
    chain = list(_chain(paragraph, book))
    name = next((style.name for style in chain if style.name), "")
    if name == "subtitle" or name.startswith("toc "):
        return name[:8].partition(" ")[0], ""
    if name == "title":
        return "title", "## "
    if marks := _heading_marks(chain):
        return "heading", marks
    mark = _item_mark(chain, book)
    return ("item" if mark else ""), mark


def _heading_marks(chain: list[_Style]) -> str:
    for style in chain:
        level = style.outline if style.outline is not None else _level(style.name)
        if level is not None:
            return "#" * max(2, level + 1) + " " if level < 9 else ""  # nine is body text
    return ""


def _level(name: str) -> int | None:
    """By its name, which is English for the built-in styles of a Word of any language."""
    level = name.removeprefix("heading ")
    return int(level) - 1 if name != level and level in set("123456789") else None


def _item_mark(chain: list[_Style], book: Book) -> str:
    number = next((style.number for style in chain if style.number), "0")
    depth = next((style.depth for style in chain if style.depth), "0")
    return _item(number, depth, book) if number != "0" else ""


def _item(number: str, depth: str, book: Book) -> str:
    """The mark of a list's next item. A list goes on behind the text in it; its inner lists begin anew."""
    form = book.formats.get(number, {}).get(depth, "bullet")
    if form in {"bullet", "none"} or depth not in _DEPTHS:
        return "- "
    counts = book.counts.setdefault(number, {})
    level = int(depth)
    counts[level] = counts.get(level, 0) + 1
    for deeper in [each for each in counts if each > level]:
        del counts[deeper]
    return f"{counts[level]}. "


def _chain(element: Any, book: Book) -> Iterator[_Style]:
    """What is said of a paragraph, nearest first: by itself, by its style, by the styles that this one is based on."""
    style = _style(element)
    for _ in range(12):
        yield style
        if style.parent not in book.styles:
            return
        style = book.styles[style.parent]


def _styles(root: Any) -> dict[str, _Style]:
    styles = (each for each in (root if root is not None else ()) if local(each) == "style")
    return {value(each, "styleId"): _style(each, below(each, "name"), below(each, "basedOn")) for each in styles}


def _style(element: Any, name: str = "", parent: str = "") -> _Style:
    """What the paragraph properties below an element say."""
    properties = child(element, "pPr")
    outline = below(properties, "outlineLvl")
    numbering = child(properties, "numPr")
    return _Style(
        name=name.lower(),
        parent=parent or below(properties, "pStyle"),
        outline=int(outline) if outline.isdecimal() and len(outline) == 1 else None,
        number=below(numbering, "numId"),
        depth=below(numbering, "ilvl"),
    )


def _formats(root: Any) -> dict[str, dict[str, str]]:
    abstract: dict[str, dict[str, str]] = {}
    formats: dict[str, dict[str, str]] = {}
    for each in root if root is not None else ():
        if local(each) == "abstractNum":
            levels = (level for level in each if local(level) == "lvl")
            abstract[value(each, "abstractNumId")] = {value(lvl, "ilvl"): below(lvl, "numFmt") for lvl in levels}
        elif local(each) == "num":
            formats[value(each, "numId")] = abstract.get(below(each, "abstractNumId"), {})
    return formats


def child(element: Any, name: str) -> Any:
    """The first child of that name, or None."""
    return next((each for each in element if local(each) == name), None) if element is not None else None


def below(element: Any, name: str) -> str:
    """The attribute `val` of the first child of that name; else empty."""
    found = child(element, name)
    return value(found, "val") if found is not None else ""


def value(element: Any, name: str) -> str:
    """The attribute of that name, in whatever namespace; else empty."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")

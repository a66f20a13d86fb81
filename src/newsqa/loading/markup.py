"""HTML elements to plain text in which headings, lists and paragraphs stay recognisable."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from newsqa.loading.xml_safely import local

_SKIPPED = frozenset({
    "audio", "button", "canvas", "head", "iframe", "math", "nav", "noscript", "object", "script", "select", "style",
    "svg", "template", "textarea", "video",
})  # fmt: skip
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "main",
    "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul",
})  # fmt: skip
_BREAK = "\x1e"
_SPACES = re.compile(rf"[^\S{_BREAK}]+")
_MOST = 200_000
"""Elements that are read; a page of more is cut there."""


def plain(element: Any) -> str:
    """The text of an lxml element: blocks apart by an empty line, `## ` before headings, `- ` or `1. ` before items.

    Every run of white space becomes one space; `br` ends a line. Cells of a table's row stand apart by ` | `.
    """
    writing = _Writing()
    for opens, tag, node in _steps(element):
        if opens:
            writing.open(tag, node)
        else:
            writing.close(tag)
            if node is not element:
                writing.say(node.tail)
    return _joined(writing.written())


class _Writing:
    """Blocks of text as they are written."""

    def __init__(self) -> None:
        self._blocks, self._prefix = [""], ""
        self._numbers: Counter[Any] = Counter()

    def open(self, tag: str, node: Any) -> None:
        if tag == "br":
            self.say(_BREAK)
        elif tag in {"td", "th"} and self._blocks[-1].strip() and node.getprevious() is not None:
            self.say(" | ")
        elif tag in _BLOCKS:
            self._end(_prefix(tag, node, self._numbers))
        self.say(node.text)

    def close(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._end()
            self._prefix = ""

    def say(self, text: str | None) -> None:
        if text and (text.strip() or self._blocks[-1]):
            if self._prefix and text.strip():
                self._blocks[-1], self._prefix = self._prefix, ""
            self._blocks[-1] += _SPACES.sub(" ", text)

    def written(self) -> list[str]:
        """The blocks that say something, each line without white space around it."""
        cleaned = (
            "\n".join(filter(None, (" ".join(line.split()) for line in block.split(_BREAK)))) for block in self._blocks
        )
        return [block for block in cleaned if block]

    def _end(self, following: str = "") -> None:
        if self._blocks[-1].strip():
            self._blocks.append("")
        self._prefix = following or self._prefix  # of `<li><p>` the item's


def _steps(element: Any) -> Iterator[tuple[bool, str, Any]]:
    """Every element when it opens and when it closes, without recursion: (opens, tag, element)."""
    stack: list[tuple[bool, Any]] = [(True, element)]
    count = 0
    while stack:
        opens, node = stack.pop()
        tag = local(node).lower()
        if opens and tag and tag not in _SKIPPED and count < _MOST:
            count += 1
            yield True, tag, node
            stack.append((False, node))
            stack += [(True, child) for child in reversed(node)]
        elif not opens:
            yield False, tag, node
        elif node is not element and node.tail:  # a comment, or what is skipped: its tail is text all the same
            yield False, "", node


def _prefix(tag: str, node: Any, numbers: Counter[Any]) -> str:
    if tag in {"h1", "h2", "h3", "h4", "h5", "h6"}:
        return "#" * max(2, int(tag[1])) + " "
    if tag != "li":
        return ""
    parent = node.getparent()
    if parent is None or local(parent).lower() != "ol":
        return "- "
    numbers[parent] += 1
    return f"{numbers[parent]}. "


def _joined(blocks: list[str]) -> str:
    """Blocks with an empty line between them; items of one list on lines that follow each other."""
    text = ""
    for block in blocks:
        item = re.match(r"- |\d+\. ", block)
        close = item and re.match(r"- |\d+\. ", text.rpartition("\n")[2])
        text += ("\n" if close else "\n\n" if text else "") + block
    return text

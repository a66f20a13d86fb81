"""The title of a file that is not text: the one that its program noted, unless that is nonsense, else the largest."""

import re

from newsqa.loading.given import Given, one_line

_OF_PROGRAMS = re.compile(
    r"^(?:microsoft (?:word|powerpoint)|untitled|\(?anonymous\)?$|unspecified$|document\d*$|dokument\d*$|slide \d|"
    r"powerpoint presentation|print|layout|about:blank|https?://|title$)"
    r"|\.(?:docx?|docm|dotx?|pdf|indd|qx[dp]|pages|odt|tex|dvi|rtf|pptx?|xlsx?|html?|txt|md|ai|eps|ps)$",
    re.IGNORECASE,
)
_MOST = 150
_WORDS = re.compile(r"[\W_]+")


def believable(noted: object, stem: str) -> str:
    """The title (or author) that a program noted in a file; empty where it is a file's name or a default."""
    line = one_line(noted)
    if _OF_PROGRAMS.search(line) or _bare(line) == _bare(stem) or (" " not in line and re.search(r"[\d_]", line)):
        return ""
    return line if _bare(line) else ""


def named(given: Given) -> str:
    """The title of an article that has none: the name of its file."""
    return given.stem.replace("-", " ").replace("_", " ") or given.name


def first_line(text: str) -> str:
    """The first line of a text, without what marks a heading; empty where it is too long for a title."""
    line = text.lstrip().split("\n", 1)[0].lstrip("# ").strip()
    return line if len(line) <= _MOST else ""


def opening(blocks: list[str], *, most: int = _MOST) -> str:
    """The first heading of a text, else its first line where that is short enough for a title; else empty."""
    headings = (block for block in blocks if block.startswith("##"))
    line = one_line(next(headings, blocks[0] if blocks else "").partition("\n")[0].lstrip("# "))
    return line if len(line) <= most else ""


def without(title: str, blocks: list[str], *, within: int = 1) -> list[str]:
    """The blocks of a text, less that one of the first `within` which only repeats the title."""
    same = (number for number, block in enumerate(blocks[:within]) if _bare(block) == _bare(title))
    place = next(same, -1) if len(blocks) > 1 else -1
    return [block for number, block in enumerate(blocks) if number != place]


def _bare(text: str) -> str:
    return _WORDS.sub(" ", text).strip().casefold()

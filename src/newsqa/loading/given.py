"""What a parser is given and what it gives: the content of one file or page becomes articles, or links to more."""

import re
from dataclasses import dataclass
from datetime import date
from email.utils import parsedate_to_datetime
from pathlib import PurePath
from typing import Literal

from newsqa.domain import Article, as_date

MAX_FIELD_CHARS = 1000
"""Of a title, author and such; longer ones are cut by the parsers."""
_STEERS = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_ZONE_GAP = re.compile(r"\s+(?=[+-]\d{2}:?\d{2}$)")  # "10:00:00 +0200", as some programs write it
_OFFSET = re.compile(r"(?:GMT|UTC)(?=[+-]\d)")  # "10:00:00 GMT+0200", as browsers write it
_BEHIND_HOUR = re.compile(r"\d:\d{2}(?::\d{2}(?:\.\d+)?)?(.*)$")
_KNOWN_ZONE = re.compile(r"(?:[+-]\d{2}:?\d{2}|GMT|UTC?|Z|[ECMP][SD]T|\d{4})?(?:\s*\([^)]*\))?")
_SPACED = re.compile(r"^(\d{4}-\d{2}-\d{2}) (\d)")
_YEAR_FIRST = re.compile(r"^(\d{4})[/.](\d{1,2})[/.](\d{1,2})$")


@dataclass(frozen=True)
class Given:
    """The content of a file or page, with what is known of it from outside."""

    name: str
    """How messages call it: a path, an address, or `archive.zip!/member.html`."""
    content: bytes
    url: str = ""
    """The address it came from, after redirects; empty for files."""
    content_type: str = ""
    """As the server said it, `text/html; charset=utf-8`; empty for files."""

    @property
    def stem(self) -> str:
        """The name without folders and ending: the id of an article that has no other."""
        return PurePath(self.name.rpartition("!/")[2]).stem


@dataclass(frozen=True)
class Link:
    """What a feed, a sitemap or a list of feeds names, to be loaded from there."""

    address: str
    kind: Literal["page", "feed", "sitemap"]
    stamp: str = ""
    """Changes when the entry does; empty where the list does not say."""
    article: Article | None = None
    """The feed's own text of it, where it has one."""
    whole: bool = False
    """Whether that is all of it, and no summary: then its page is not loaded."""


Parsed = Article | Link


def one_line(text: object) -> str:
    """`text` as one line of at most 1,000 characters, without what is not shown or steers its direction."""
    if not isinstance(text, str):
        return ""
    shown = "".join(char if char.isprintable() else " " for char in _STEERS.sub("", text))
    return " ".join(shown.split())[:MAX_FIELD_CHARS].strip()


def moment(text: object) -> date | None:
    """The day of a text, or the moment with its zone where it names an hour: ISO 8601, RFC 2822, 2025/05/12.

    None where it is none of these: dates are never guessed.
    """
    line = _SPACED.sub(r"\1T\2", _ZONE_GAP.sub("", _OFFSET.sub("", one_line(text))))
    if found := _YEAR_FIRST.match(line):
        line = f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}"
    for read in (as_date, _mail_date):
        try:
            value = read(line)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return value if 1500 <= value.year <= 2200 else None
    return None


def _mail_date(line: str) -> date:
    """The moment of a date as mail has it; only its day where half of the day or an unknown zone stands behind it."""
    value, told = parsedate_to_datetime(line), _BEHIND_HOUR.search(line)
    return value if told and _KNOWN_ZONE.fullmatch(told[1].strip()) else value.date()

"""The lines of a PDF's pages as PDFium finds them, in the order in which they are drawn, which is that of reading."""

import ctypes
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

HYPHEN = "\x02"
"""What PDFium makes of a hyphen at the end of a line."""
_READ_AS = str.maketrans({
    **dict.fromkeys([*range(32), 0x7F, 0xFFFE, 0xFFFF]), HYPHEN: HYPHEN, "\t": " ", "\xa0": " ", "\xad": HYPHEN,
    "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st",
})  # fmt: skip
_SPACES = re.compile(r"\s+")
_SAMPLED = 8
_WIDE_GAP = 3
"""Times the size of the letters: between the cells of a table."""
_APART = 1.8
_AT_MARGIN = 2
"""Lines at the top and at the bottom of a page that may be its head or foot."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page; lengths in points, from the lower left corner."""

    text: str
    page: int
    left: float
    right: float
    bottom: float
    size: float
    upright: bool = True


def lines_of(page: int, textpage: Any) -> list[Line]:
    """The lines of a page that has this number, from 0; text that stands at an angle only where there is no other."""
    chars = _Chars(textpage)
    lines = [_line(page, chars, run) for run in _runs(chars)]
    lines = [line for line in lines if line.text]
    return [line for line in lines if line.upright] or lines


def without_margins(lines: Sequence[Line]) -> list[Line]:
    """The lines, less the running heads, feet and page numbers: those that pages have in common but for numbers."""
    pages: dict[int, list[Line]] = {}
    for line in lines:
        pages.setdefault(line.page, []).append(line)
    margins = {page: _margin(each) for page, each in pages.items()}
    counts = Counter(form for each in margins.values() for form in {_form(line) for line in each})
    most = 2 if len(pages) < 10 else 3
    return [line for line in lines if counts[_form(line)] < most or line not in margins[line.page]]


def _margin(lines: list[Line]) -> set[Line]:
    """The outermost lines that stand apart from the text."""
    heights = sorted({round(line.bottom) for line in lines})
    apart = _APART * median(line.size for line in lines)
    outer = {*_outer(heights, apart), *_outer(heights[::-1], apart)}
    return {line for line in lines if round(line.bottom) in outer}


def _outer(heights: list[int], apart: float) -> list[int]:
    """From the edge of the page inwards, up to the last wide gap among the first."""
    gaps = [abs(inner - outer) > apart for outer, inner in pairwise(heights[: _AT_MARGIN + 1])]
    return heights[: max((number for number, wide in enumerate(gaps, 1) if wide), default=0)]


def _form(line: Line) -> str:
    return re.sub(r"\d+|\b[ivxl]{1,6}\b", "#", line.text.casefold())


class _Chars:
    """The characters of a page by their index."""

    def __init__(self, textpage: Any) -> None:
        from pypdfium2 import raw

        self._raw, self._page = raw, textpage.raw
        self.count = raw.FPDFText_CountChars(textpage.raw)
        self._doubles = [ctypes.c_double() for _ in range(4)]
        self._matrix = raw.FS_MATRIX()

    def char(self, index: int) -> str:
        code = self._raw.FPDFText_GetUnicode(self._page, index)
        return chr(code) if code <= 0x10FFFF else ""

    def is_added(self, index: int) -> bool:
        """Whether PDFium put it between words that stand apart."""
        return bool(self._raw.FPDFText_IsGenerated(self._page, index) == 1)

    def sides(self, index: int) -> tuple[float, float]:
        """Where it begins and ends."""
        self._raw.FPDFText_GetCharBox(self._page, index, *self._doubles)
        return self._doubles[0].value, self._doubles[1].value

    def bottom(self, index: int) -> float:
        """Its base line."""
        self._raw.FPDFText_GetCharOrigin(self._page, index, *self._doubles[:2])
        return self._doubles[1].value

    def size(self, index: int) -> tuple[float, bool]:
        """Its size on the page, and whether it stands upright."""
        matrix = self._matrix
        self._raw.FPDFText_GetMatrix(self._page, index, matrix)
        height = float((matrix.c**2 + matrix.d**2) ** 0.5)
        upright = matrix.d > 0 and abs(matrix.c) <= matrix.d
        return self._raw.FPDFText_GetFontSize(self._page, index) * height, upright


def _runs(chars: _Chars) -> Iterator[list[tuple[int, str]]]:
    """The characters of each line with their indices."""
    run: list[tuple[int, str]] = []
    for index in range(chars.count):
        char = chars.char(index)
        if char not in "\r\n":
            run.append((index, char))
        if char in f"\r\n{HYPHEN}" and run:
            yield run
            run = []
    if run:
        yield run


def _line(page: int, chars: _Chars, run: list[tuple[int, str]]) -> Line:
    drawn = [index for index, char in run if not char.isspace()] or [run[0][0]]
    sizes = [chars.size(index) for index in drawn[::_SAMPLED]]
    size = round(median(size for size, _ in sizes), 1)
    said = ""
    for place, (index, char) in enumerate(run):
        gap = char == " " and 0 < place < len(run) - 1 and chars.is_added(index)
        wide = gap and chars.sides(index + 1)[0] - chars.sides(index - 1)[1] > _WIDE_GAP * size
        said += " | " if wide else char
    whole = said.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")  # halves of characters are put together
    return Line(
        text=_SPACES.sub(" ", whole.translate(_READ_AS)).strip(),
        page=page,
        left=chars.sides(drawn[0])[0],
        right=chars.sides(drawn[-1])[1],
        bottom=chars.bottom(drawn[0]),
        size=size,
        upright=sum(upright for _, upright in sizes) * 2 >= len(sizes),
    )

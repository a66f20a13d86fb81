"""The lines of a PDF become the blocks that they were broken from: paragraphs, headings, items of lists."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median

from newsqa.loading.pdf.lines import HYPHEN, Line, without_margins

_LARGER = 1.15
"""Times the size of most letters: a heading."""
_MOST_OF_HEADING = 200
_MOST_OF_WORD = 60
_BULLET = re.compile(r"[•◦▪▫■□●○‣⁃∙➢➤✓·]\s*(?=\S)")
_NUMBER = re.compile(r"(\d{1,3})[.)]\s+(?=\S)")
_ENDS = re.compile(r"[.!?:…][\"'”’»)\]]*$")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LAST = re.compile(r"[^\W_]+$")
_FIRST = re.compile(r"[^\W_]+")
_WITHOUT_SPACES = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uff60]")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, or `## heading`, or items on lines that follow each other."""

    text: str
    page: int
    size: float


@dataclass(frozen=True, slots=True)
class _Measure:
    """What is usual in a file."""

    size: float
    """Of the letters."""
    leading: float
    """From one line to the next, times the size."""
    words: frozenset[str]


def blocks_of(lines: Sequence[Line]) -> list[Block]:
    """The blocks of all pages, in the order of their lines; running heads, feet and page numbers are left out."""
    lines = without_margins(lines)
    if not lines:
        return []
    measure = _measure(lines)
    groups: list[list[Line]] = []
    for line in lines:
        if groups and _continues(groups[-1], line, measure):
            groups[-1].append(line)
        else:
            groups.append([line])
    return _items_together([_block(group, measure) for group in groups])


def _measure(lines: Sequence[Line]) -> _Measure:
    letters: Counter[float] = Counter()
    for line in lines:
        letters[line.size] += len(line.text)
    size = letters.most_common(1)[0][0] or 1.0
    drops = [
        (above.bottom - below.bottom) / size
        for above, below in pairwise(lines)
        if above.page == below.page and above.size == below.size == size and 0 < above.bottom - below.bottom < 3 * size
    ]
    return _Measure(size, median(drops) if drops else 1.2, frozenset(_whole_words(lines)))


def _whole_words(lines: Sequence[Line]) -> set[str]:
    """The words of a text, without those that a hyphen parted."""
    words = set[str]()
    parted = False
    for line in lines:
        found = _WORD.findall(line.text)
        ends = line.text.endswith((HYPHEN, "-"))
        words.update(word.casefold() for word in found[parted : len(found) - ends])
        parted = ends
    return words


def _continues(group: list[Line], line: Line, measure: _Measure) -> bool:
    """Whether a line belongs to the block of the lines before it."""
    first, above = group[0], group[-1]
    drop = above.bottom - line.bottom
    if abs(above.size - line.size) > 0.1 * measure.size or _begins_item(first, above, line):
        return False
    if above.text.endswith(HYPHEN):
        return True
    if above.page != line.page or drop < -0.5 * line.size:  # the next column or page
        return not _is_large(line, measure) and not _ends(group)
    if drop > max(1.3 * measure.leading, 1.3) * line.size:
        return False
    indented = line.left - above.left > 0.8 * line.size and drop > 0.5 * line.size
    return not indented or _is_large(line, measure) or (len(group) == 1 and _mark(first) is not None)


def _ends(group: list[Line]) -> bool:
    """Whether its last line ends a paragraph: with a sentence, and before the margin that the other lines keep."""
    last = group[-1]
    near = [line for line in group[-9:-1] if line.page == last.page and abs(line.left - last.left) < 0.5 * last.size]
    full = len(near) > 1 and last.right >= max(line.right for line in near) - 0.4 * last.size
    return not full and _ENDS.search(last.text[-20:]) is not None


def _begins_item(first: Line, above: Line, line: Line) -> bool:
    """A bullet, or the next number of a list: a line of a paragraph may begin with a number, too."""
    mark = _mark(line)
    if mark is None or not mark.isdecimal():
        return mark is not None
    before = _mark(first)
    follows = before is not None and before.isdecimal() and int(mark) == int(before) + 1
    return follows or bool(_ENDS.search(above.text[-20:]))


def _mark(line: Line) -> str | None:
    if _BULLET.match(line.text):
        return ""
    number = _NUMBER.match(line.text)
    return number[1] if number else None


def _block(group: list[Line], measure: _Measure) -> Block:
    joints = [_joint(above.text, below.text, measure.words) for above, below in pairwise(group)]
    text = "".join(joints) + group[-1].text.replace(HYPHEN, "-")
    first = group[0]
    if _is_large(first, measure) and len(text) <= _MOST_OF_HEADING and any(map(str.isalpha, text)):
        return Block(f"## {text}", first.page, first.size)
    text = _NUMBER.sub(r"\1. ", text, count=1) if _NUMBER.match(text) else text
    return Block(_BULLET.sub("- ", text, count=1) if _BULLET.match(text) else text, first.page, first.size)


def _is_large(line: Line, measure: _Measure) -> bool:
    return line.size >= _LARGER * measure.size


def _joint(above: str, below: str, words: frozenset[str]) -> str:
    """A line with what stands between it and the next. A hyphen goes where it only parted a word."""
    if above.endswith((HYPHEN, "-")):
        return above[:-1] + ("" if _parted(above[-_MOST_OF_WORD:-1], below[:_MOST_OF_WORD], words) else "-")
    close = _WITHOUT_SPACES.match(above[-1:]) and _WITHOUT_SPACES.match(below)
    return above if close else above + " "


def _parted(above: str, below: str, words: frozenset[str]) -> bool:
    """Whether a word was parted at the end of a line; what the text writes elsewhere decides where it can."""
    last, first = _LAST.search(above), _FIRST.match(below)
    if last is None or first is None or not (last[0][-1].isalpha() and first[0][0].islower()):
        return False
    one, other = last[0].casefold(), first[0].casefold()
    if one + other in words:
        return True
    return f"{one}-{other}" not in words and not {one, other} <= words


def _items_together(blocks: list[Block]) -> list[Block]:
    """Items that follow each other as one block, a line each."""
    together: list[Block] = []
    for items, group in groupby(blocks, _is_item):
        same = list(group)
        text = "\n".join(block.text for block in same)
        together += [Block(text, same[0].page, same[0].size)] if items else same
    return together


def _is_item(block: Block) -> bool:
    return block.text.startswith("- ") or _NUMBER.match(block.text) is not None

"""Cuts an article into sentences, and sentences into passages, with exact offsets."""

import math
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import pairwise, zip_longest

from newsqa.domain import Article, Passage, Sentence, Span

MAX_SENTENCE_CHARS = 1200
"""What is longer (tables, whole speeches in one quotation) is cut after a sentence end, else at white space."""

_BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")
_LIST_ITEM = re.compile(r"\s*(?:[-*•–]|\d{1,3}[.)])\s")
_MARKDOWN_HEADING = re.compile(r"\s{0,3}#{1,6}\s")
_SENTENCE_END = re.compile(r"[.!?…][”’\"')\]]*(?=\s)")
_MAX_HEADING_WORDS = 14
_MIN_WIDTH, _MAX_WIDTH = 50, 110  # characters of a line in text that was broken at a fixed width
_MAX_UNIT_CHARS = 20_000  # sentencex takes time by the square of what it is given
_TAIL = 40  # characters that are enough to see how a piece ends

_WEEKDAYS = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_MONTHS = (
    "(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|"
    "Nov(?:ember)?|Dec(?:ember)?)"
)
_NO_ZONE = r"(?!(?:The|This|That|Last|Next|Each|Every|Some|Any|Half|Full|Extra)\b)"
_TITLES = "Abp|Adm|Ald|Amb|Atty|Bp|Cdr|Cllr|Cpt|Ft|Gen|Mmes|Ms|Mts|Mx|Pte|Ste"

# Where sentencex cuts and should not: (end of the left piece, start of the right one).
_GLUE = tuple(
    (re.compile(left), re.compile(right))
    for left, right in (
        (r"\b[ap]\.m\.\s*$", rf"{_NO_ZONE}(?:[A-Z]\w+\s){{1,3}}[Tt]ime\b"),  # "2 a.m. Moscow time"
        (r"\b[ap]\.m\.\s*$", r"(?:[ECMP]T|[A-Z]{2,3}T|UTC|local)\b"),
        (r"\b[ap]\.m\.\s*$", rf"{_WEEKDAYS}\b|{_MONTHS}\.?\s\d"),  # "9 a.m. Monday"
        (r"^\s*\d{1,3}[.)]\s*$", r""),  # the number of a list item
        (r"(?:^|\s)[^\W\d_a-zA-Z]\.\s*$", r"[^\W\d_]"),  # a non-ASCII initial: "Ł. Nowak"
        (r"\b(?i:approx|ca|ch|eq|est|figs|nos|tel)\.\s*$", r"\d"),
        (rf"\b(?:{_TITLES})\.\s*$", r"[^\W\d_a-z]"),
    )
)


def split_sentences(text: str, language: str = "en", headings: Iterable[str] = ()) -> list[Sentence]:
    """The sentences of `text` in order; between them lies nothing but white space.

    Args:
        text: any string; a line is a unit of its own unless it is visibly wrapped.
        language: BCP 47 code; English where it is not known.
        headings: lines known to be headings, such as the title.
    """
    known = {heading.strip() for heading in headings if heading.strip()}
    blocks = [[line for line in _lines(text, block) if line.start < line.end] for block in _blocks(text)]
    width = _wrap_width(text, blocks)
    units = [unit for lines in blocks for unit in _units(text, lines, known, width)]
    sentences = []
    for position, unit in enumerate(units):
        heading = _is_heading(text, unit, known, last=position == len(units) - 1)
        spans = [unit] if heading else _sentence_spans(text, unit, language)
        pieces = (piece for span in spans for piece in _bounded(text, span, MAX_SENTENCE_CHARS))
        sentences += [Sentence(piece.start, piece.end, piece.of(text), heading) for piece in pieces]
    return sentences


def split_passages(article: Article, words: int = 120, overlap_words: int = 30) -> list[Passage]:
    """The passages of `article` in order: whole sentences, never across a heading.

    Args:
        article: its text is cut as it stands; `article.text[start:end] == passage.text`.
        words: size aimed at; a section is cut into equal parts of about this size.
        overlap_words: the last sentence of a passage also opens the next one, where it is no longer than this.
    """
    sentences = split_sentences(article.text, article.language, (article.title, article.subtitle))
    passages, revision = [], article.revision
    for section in _sections(sentences):
        for run in _runs(section, words, overlap_words):
            start, end = run[0].start, run[-1].end
            id = passage_id(article.id, revision, start, end)
            passages.append(Passage(id, article.id, start, end, article.text[start:end], tuple(run)))
    return passages


def passage_id(article_id: str, revision: str, start: int, end: int) -> str:
    """The id of the passage that stands there in a revision of an article."""
    return sha256(f"{article_id}\x1f{revision}\x1f{start}\x1f{end}".encode()).hexdigest()[:24]


def _blocks(text: str) -> Iterator[Span]:
    """Runs of text between blank lines."""
    start = 0
    for blank in _BLANK_LINES.finditer(text):
        yield Span(start, blank.start())
        start = blank.end()
    yield Span(start, len(text))


def _units(text: str, lines: list[Span], headings: set[str], width: int) -> Iterator[Span]:
    """The lines of a block, wrapped ones joined, each without the white space around it."""
    wrapped = _looks_wrapped([line for line in lines if line.of(text) not in headings])
    start = 0
    for index, line in enumerate(lines):
        both = lines[index : index + 2]
        apart = len(both) < 2 or any(either.of(text) in headings for either in both)
        if apart or not _continues(text, both[0], both[1], width, wrapped=wrapped):
            yield Span(lines[start].start, line.end)
            start = index + 1


def _lines(text: str, block: Span) -> Iterator[Span]:
    start = block.start
    for line in block.of(text).split("\n"):
        yield _trimmed(text, Span(start, start + len(line)))
        start += len(line) + 1


def _trimmed(text: str, span: Span) -> Span:
    piece = span.of(text)
    start = span.start + len(piece) - len(piece.lstrip())
    return Span(start, max(start, span.start + len(piece.rstrip())))


def _looks_wrapped(lines: list[Span]) -> bool:
    """Whether lines were broken at a fixed width: all but the last are about equally long."""
    lengths = [line.end - line.start for line in lines[:-1]]
    if len(lengths) < 2:
        return False
    return min(lengths) >= _MIN_WIDTH and max(lengths) <= min(_MAX_WIDTH, min(lengths) + 24)


def _wrap_width(text: str, blocks: list[list[Span]]) -> int:
    """The width in characters at which the lines of `text` were broken; 0 where they were not."""
    lengths = [line.end - line.start for lines in blocks for line in lines]
    width = max((length for length in lengths if length <= _MAX_WIDTH), default=0)
    neighbours = [pair for lines in blocks for pair in pairwise(lines)]
    full = sum(_is_full(text, line, following, width) for line, following in neighbours)
    return width if width >= _MIN_WIDTH and full > 1 and full >= len(neighbours) / 2 else 0


def _is_full(text: str, line: Span, following: Span, width: int) -> bool:
    """Whether the first word of the following line had no room at the end of this one."""
    room = width - (line.end - line.start)
    head = text[following.start : min(following.end, following.start + room)]
    return 0 <= room == len(head) and not any(map(str.isspace, head))


def _continues(text: str, line: Span, following: Span, width: int, *, wrapped: bool) -> bool:
    if any(_MARKDOWN_HEADING.match(either.of(text)) for either in (line, following)):
        return False
    full, ending, opening = _is_full(text, line, following, width), text[line.end - 1], text[following.start]
    if _LIST_ITEM.match(following.of(text)):
        return full and opening.isdigit() and ending not in ".!?:;"  # "by 27 votes to / 18. Then" is no list
    return wrapped or full or (opening.islower() and ending not in '.!?”"')


def _is_heading(text: str, unit: Span, known: set[str], *, last: bool) -> bool:
    line = unit.of(text)
    if _MARKDOWN_HEADING.match(line) or line in known:
        return True
    short = len(line.split()) <= _MAX_HEADING_WORDS and len(line) <= 100 and "\n" not in line
    bare = line[-1] not in ".!?:;,…”’\"'。)" and line[0] not in "“‘\"'" and not _LIST_ITEM.match(line)
    return short and bare and not last and any(char.isalpha() for char in line)


def _sentence_spans(text: str, unit: Span, language: str) -> Iterator[Span]:
    for part in _bounded(text, unit, _MAX_UNIT_CHARS):
        start = end = part.start
        pieces = _pieces(part.of(text), language)
        for piece, following in zip_longest(pieces, pieces[1:], fillvalue=""):
            end += len(piece)
            if following.strip() and _glued(text[start], text[max(start, end - _TAIL) : end], following):
                continue
            span = _trimmed(text, Span(start, end))
            if span.start < span.end:
                yield span
            start = end


def _pieces(text: str, language: str) -> list[str]:
    """`text` as sentencex cuts it; joined together they give it back."""
    import sentencex

    # A line break inside a wrapped sentence must not end it; same length, so the offsets hold.
    flat = text.replace("\n", " ")
    pieces = [boundary["text"] for boundary in sentencex.get_sentence_boundaries(language or "en", flat)]
    return pieces if "".join(pieces) == flat else [flat]


def _glued(first: str, tail: str, right: str) -> bool:
    """Whether a piece that begins with the character `first` and ends in `tail` goes on with `right`."""
    if any(before.search(tail) and after.match(right) for before, after in _GLUE):
        return True
    # A lower-case word goes on ("3.7 per cent. to"), unless the text does without capitals anyway.
    return tail.rstrip().endswith(".") and right.split(maxsplit=1)[0].islower() and not first.islower()


def _bounded(text: str, span: Span, limit: int) -> Iterator[Span]:
    """`span`, cut where it is longer than `limit`: after a sentence if there is one, else at white space."""
    while span.end - span.start > limit:
        window = text[span.start : span.start + limit]
        ends = [end.end() for end in _SENTENCE_END.finditer(window)]
        cut = ends[-1] if ends else max(window.rfind(" "), window.rfind("\n"), window.rfind("\t"))
        middle = span.start + (cut if cut > 0 else limit)
        head = _trimmed(text, Span(span.start, middle))
        if head.start < head.end:
            yield head
        span = _trimmed(text, Span(middle, span.end))
    if span.start < span.end:
        yield span


def _sections(sentences: list[Sentence]) -> Iterator[list[Sentence]]:
    """Runs of sentences that each begin with their headings, if any."""
    section: list[Sentence] = []
    for sentence in sentences:
        if sentence.heading and section and not section[-1].heading:
            yield section
            section = []
        section.append(sentence)
    if section:
        yield section


def _runs(section: list[Sentence], words: int, overlap_words: int) -> Iterator[list[Sentence]]:
    """Cuts a section into runs of about equal size, neighbours sharing one short sentence."""
    sizes = [len(sentence.text.split()) for sentence in section]
    total = sum(sizes)
    parts = max(1, round(total / words))
    start, done, part = 0, 0, 1
    for index, size in enumerate(sizes[:-1]):
        done += size
        if done + sizes[index + 1] / 2 >= total * part / parts and not section[index].heading:
            yield section[start : index + 1]
            start = index if size <= overlap_words and index > start else index + 1
            part = 1 + math.floor((done + sizes[index + 1] / 2) * parts / total)
    yield section[start:]

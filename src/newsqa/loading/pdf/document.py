"""PDF files become articles: their text layer in reading order, and what they say of title, author and publication."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from newsqa.domain import Article
from newsqa.errors import LoadError
from newsqa.loading.given import Given, Parsed
from newsqa.loading.pdf.blocks import blocks_of
from newsqa.loading.pdf.lines import Line, lines_of
from newsqa.loading.pdf.xmp import published
from newsqa.loading.titles import believable, named, opening, without

MAX_BYTES = 50_000_000
MAX_PAGES = 2_000
MAX_CHARS = 10_000_000
_DAMAGED = "is damaged or no PDF; open it in a reader and print it to PDF again"
_LOCKED = "needs a password; save a copy without one"
_PROBLEMS = {4: _LOCKED, 5: "is protected in an unknown way; save a copy without protection"}


def articles(given: Given) -> Iterator[Parsed]:
    """The one article of a PDF. Its text is what a reader sees; no script, form, link or attached file is touched.

    When the file was made is not when the article was published: `published_at` is what its XMP says of that.

    Raises:
        LoadError: it needs a password, is damaged, too large, or has no text layer.
    """
    if len(given.content) > MAX_BYTES:
        raise LoadError(f"{given.name}: has more than {MAX_BYTES:,} bytes; split it")
    lines, noted = _read(given)
    blocks = blocks_of(lines)
    if not any(char.isalpha() for block in blocks for char in block.text):
        raise LoadError(f"{given.name}: has no text layer (a scan?); put it through OCR first")
    texts = [block.text for block in blocks]
    first = sorted((block for block in blocks if block.page == blocks[0].page), key=lambda block: -block.size)
    headings = [block.text for block in first if block.text.startswith("#")]
    title = believable(noted["Title"], given.stem) or opening(headings or texts) or named(given)
    yield Article(
        title=title,
        text="\n\n".join(without(title, texts, within=5)),
        id="" if given.url else given.stem,
        url=given.url,
        author=believable(noted["Author"], given.stem),
        published_at=published(given.content),
        language="",
    )


def _read(given: Given) -> tuple[list[Line], dict[str, str]]:
    """All lines, and what the file notes of itself. PDFium is not thread-safe: one at a time in a process."""
    import pypdfium2

    try:
        with closing(pypdfium2.PdfDocument(given.content)) as document:
            if len(document) > MAX_PAGES:
                raise LoadError(f"{given.name}: has more than {MAX_PAGES:,} pages; split it")
            noted = {key: _noted(document, key) for key in ("Title", "Author")}
            return list(_lines(given, document)), noted
    except (pypdfium2.PdfiumError, ValueError, MemoryError) as error:
        problem = _PROBLEMS.get(getattr(error, "err_code", None) or 0, _DAMAGED)
        raise LoadError(f"{given.name}: {problem}") from error


def _noted(document: Any, key: str) -> str:
    try:
        return str(document.get_metadata_value(key))
    except UnicodeError:
        return ""


def _lines(given: Given, document: Any) -> Iterator[Line]:
    import pypdfium2

    chars = 0
    for number in range(len(document)):
        try:
            page = document[number]
        except pypdfium2.PdfiumError:
            continue  # a damaged page; the others can be read
        with closing(page), closing(page.get_textpage()) as textpage:
            chars += textpage.count_chars()
            if chars > MAX_CHARS:
                raise LoadError(f"{given.name}: has more than {MAX_CHARS:,} characters; split it")
            yield from lines_of(number, textpage)

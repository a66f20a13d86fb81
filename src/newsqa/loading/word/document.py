"""Word files (DOCX) become articles: what a reader sees of the text, with its headings, lists and tables."""

import zipfile
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from newsqa.domain import Article
from newsqa.errors import LoadError
from newsqa.loading.archives import MAX_MEMBER_BYTES, content_of, opened
from newsqa.loading.given import Given, Parsed, one_line
from newsqa.loading.titles import believable, named, opening, without
from newsqa.loading.word.marks import Book, below, book_of, child, role_and_mark, value
from newsqa.loading.xml_safely import local, tree

_GONE = frozenset({"del", "moveFrom", "Fallback", "txbxContent", "pPr", "rPr", "sdtPr", "instrText", "rt"})
"""What is deleted, said twice, set apart, or says how and not what."""
_AS_TEXT = {"tab": " ", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": " "}
_OFF = frozenset({"0", "false", "off", "none"})


def articles(given: Given) -> Iterator[Parsed]:
    """The one article of a Word file.

    Its text is as a reader sees it with all changes accepted: insertions stay, deletions go, and so do headers,
    footers, notes, comments and hidden text. The dates in the file are the file's, so the article has none.

    Raises:
        LoadError: it is encrypted, damaged, larger than it looks, or holds no text.
    """
    with opened(given) as archive:
        parts = _parts(given, archive)
    if "document" not in parts:
        raise LoadError(f"{given.name}: has no text in it; save it again as .docx")
    book = book_of(parts.get("styles"), parts.get("numbering"))
    noted = {local(each): each.text for each in parts.get("core", ())}
    found = [(role, text) for each in _blocks(parts["document"]) for role, text in [_block(each, book)] if text]
    first = dict(reversed(found))
    blocks = _joined([each for each in found if each[0] != "toc" and each != ("subtitle", first.get("subtitle"))])
    titled = one_line(first.get("title", "").lstrip("# "))
    title = believable(noted.get("title"), given.stem) or titled or opening(blocks) or named(given)
    text = "\n\n".join(without(title, blocks))
    if not text:
        raise LoadError(f"{given.name}: has no text; write the article into it")
    yield Article(
        title=title,
        text=text,
        id="" if given.url else given.stem,
        url=given.url,
        subtitle=one_line(first.get("subtitle")),
        author=believable(noted.get("creator"), given.stem),
        language=one_line(noted.get("language")),
    )


def _parts(given: Given, archive: zipfile.ZipFile) -> dict[str, Any]:
    """The roots of the parts that are read, by what they are: document, styles, numbering, core."""
    infos = {info.orig_filename: info for info in archive.infolist()}

    def read(path: str) -> Any:
        content = content_of(given, archive, infos[path])
        return tree(f"{given.name}!/{path}", content, most_bytes=MAX_MEMBER_BYTES)

    def related(folder: str, relations: str) -> dict[str, str]:
        each = read(relations) if relations in infos else ()
        targets = {value(one, "Type").rpartition("/")[2]: value(one, "Target") for one in each}
        return {name: target[1:] if target.startswith("/") else folder + target for name, target in targets.items()}

    paths = related("", "_rels/.rels")
    document = paths.get("officeDocument", "word/document.xml")
    folder, _, name = document.rpartition("/")
    beside = related(f"{folder}/", f"{folder}/_rels/{name}.rels")
    chosen = {
        "document": document,
        "core": paths.get("core-properties", "docProps/core.xml"),
        "styles": beside.get("styles", "word/styles.xml"),
        "numbering": beside.get("numbering", "word/numbering.xml"),
    }
    return {name: read(path) for name, path in chosen.items() if path in infos}


def _blocks(document: Any) -> Iterator[Any]:
    """The paragraphs and the rows of tables, in order; a row of a single cell is only a frame around its content."""
    stack = [document]
    while stack:
        element = stack.pop()
        kind = local(element)
        cells = [each for each in element if local(each) == "tc"] if kind == "tr" else []
        if kind in _GONE or (kind in {"sdt", "tr"} and _passed_over(element)):
            continue
        if kind == "p" or len(cells) > 1:
            yield element
        else:
            stack += reversed(element)


def _passed_over(element: Any) -> bool:
    """A table of contents, or a row that is deleted."""
    gallery = below(child(child(element, "sdtPr"), "docPartObj"), "docPartGallery")
    return gallery == "Table of Contents" or child(child(element, "trPr"), "del") is not None


def _block(element: Any, book: Book) -> tuple[str, str]:
    """A paragraph's or row's role and text: title, subtitle, toc, heading, item, row, or empty."""
    if local(element) == "tr":
        cells = [" ".join(_text(cell).split()) for cell in element if local(cell) == "tc"]
        return "row", " | ".join(cells) if any(cells) else ""
    lines = (" ".join(line.split()) for line in _text(element).split("\n"))
    text = "\n".join(line for line in lines if line)
    if not text:
        return "", ""
    role, mark = role_and_mark(element, book)
    return role, mark + (" ".join(text.split()) if mark.startswith("#") else text)


def _text(element: Any) -> str:
    """What is written in an element and below it, without what is hidden."""
    said: list[str] = []
    stack = [element]
    while stack:
        each = stack.pop()
        kind = local(each)
        if kind == "t":
            said.append(each.text or "")
        elif kind in _AS_TEXT:
            said.append(_AS_TEXT[kind])
        elif kind not in _GONE and not (kind == "r" and _hidden(each)):
            said += ["\n"] if kind == "p" and said else []
            stack += reversed(each)
    return "".join(said)


def _hidden(run: Any) -> bool:
    vanish = child(child(run, "rPr"), "vanish")
    return vanish is not None and value(vanish, "val") not in _OFF


def _joined(found: list[tuple[str, str]]) -> list[str]:
    """The blocks; items of a list, and rows of a table, on lines of one block."""
    blocks: list[str] = []
    for role, group in groupby(found, lambda each: each[0]):
        texts = [text for _, text in group]
        blocks += ["\n".join(texts)] if role in {"item", "row"} else texts
    return blocks

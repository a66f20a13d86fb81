"""Books (EPUB) become articles: one a book, its chapters in the order in which they are read."""

import posixpath
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from newsqa.domain import Article
from newsqa.errors import LoadError
from newsqa.loading.archives import content_of, opened
from newsqa.loading.given import Given, Parsed, moment, one_line
from newsqa.loading.markup import plain
from newsqa.loading.titles import named, without
from newsqa.loading.xml_safely import local, tree

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_OF_FONTS = frozenset({"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"})
_CHAPTERS = frozenset({"application/xhtml+xml", "text/html", "application/xml"})
_ASIDE = frozenset({"cover", "cover-page", "coverpage", "toc", "nav", "title-page", "titlepage"})
_MAX_CHAPTERS = 2_000
_MAX_CHARS = 20_000_000


def articles(given: Given) -> Iterator[Parsed]:
    """The one article of a book; its `publisher` and `published_at` are the book's, where it says them.

    Raises:
        LoadError: it is encrypted, damaged, larger than it looks, or holds no text.
    """
    with opened(given) as archive:
        book = _Book(given, archive)
        chapters = list(book.texts())
    said = book.said
    title = one_line(said.get("title", [""])[0]) or named(given)
    text = "\n\n".join(without(title, "\n\n".join(chapters).split("\n\n")))
    if not text.strip():
        raise LoadError(f"{given.name}: has no text; it may be a book of pictures: add its text")
    yield Article(
        title=title,
        text=text,
        id="" if given.url else given.stem,
        url=given.url,
        author=one_line(", ".join(said.get("creator", []))),
        publisher=one_line(said.get("publisher", [""])[0]),
        published_at=moment(said.get("date", [""])[0]),
        language=one_line(said.get("language", [""])[0]),
    )


class _Book:
    """An opened EPUB: what its package says of it, and its chapters."""

    def __init__(self, given: Given, archive: zipfile.ZipFile) -> None:
        self._given, self._archive = given, archive
        self._infos = {info.orig_filename: info for info in archive.infolist()}
        self._refuse_encryption()
        roots = [each.get("full-path", "") for each in _all(self._tree(_CONTAINER), "rootfile")]
        self._path = roots[0] if roots else ""
        self._package = self._tree(self._path)
        self.said: dict[str, list[str]] = {}
        for each in self._package.iterdescendants("{http://purl.org/dc/elements/1.1/}*"):
            if each.text and each.text.strip() and not _dates_the_file(each):
                self.said.setdefault(local(each), []).append(each.text)

    def chapters(self) -> list[str]:
        """The paths of the chapters in reading order, without cover and contents."""
        items = {each.get("id", ""): each for each in _all(self._package, "item")}
        spine = [each for each in _all(self._package, "itemref") if each.get("linear") != "no"]
        chosen = (items[each.get("idref")] for each in spine[:_MAX_CHAPTERS] if each.get("idref") in items)
        aside = {reference.get("href", "") for reference in _all(self._package, "reference") if _is_aside(reference)}
        hrefs = (
            item.get("href", "")
            for item in chosen
            if item.get("media-type") in _CHAPTERS
            and "nav" not in item.get("properties", "").split()
            and item.get("href", "") not in aside
            and item.get("id", "").lower() not in _ASIDE
        )
        folder = posixpath.dirname(self._path)
        return list(dict.fromkeys(posixpath.normpath(posixpath.join(folder, unquote(href))) for href in hrefs))

    def texts(self) -> Iterator[str]:
        """The text of each chapter that has one."""
        chars = 0
        for path in self.chapters():
            body = next(_all(self._tree(path), "body"), None) if path in self._infos else None
            text = plain(body) if body is not None else ""
            chars += len(text)
            if chars > _MAX_CHARS:
                raise LoadError(f"{self._given.name}: has more than {_MAX_CHARS:,} characters; split it")
            if text:
                yield text

    def _tree(self, path: str) -> Any:
        if path not in self._infos:
            raise LoadError(f"{self._given.name}: is a damaged EPUB (no {path or 'package'!r}); save it again")
        return tree(f"{self._given.name}!/{path}", content_of(self._given, self._archive, self._infos[path]))

    def _refuse_encryption(self) -> None:
        """Fonts may be obfuscated, by one of two ways that the standards name; text may not."""
        if _ENCRYPTION in self._infos:
            methods = {each.get("Algorithm") for each in _all(self._tree(_ENCRYPTION), "EncryptionMethod")}
            if not methods <= _OF_FONTS:
                raise LoadError(f"{self._given.name}: is protected against copying; add a copy without protection")


def _dates_the_file(element: Any) -> bool:
    """Whether it says when the file was made or changed, and not when the book was published."""
    event = next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == "event"), "publication")
    return local(element) == "date" and event not in {"publication", "original-publication"}


def _is_aside(reference: Any) -> bool:
    return reference.get("type", "").lower() in _ASIDE


def _all(root: Any, name: str) -> Iterator[Any]:
    """Every element of that name, in whatever namespace."""
    return (each for each in root.iter() if local(each) == name)

"""Tells by its content, not by its name, which parser a file or page needs."""

import codecs
import re
from pathlib import PurePath
from typing import Literal, get_args

from newsqa.errors import LoadError
from newsqa.loading.archives import content_of, opened
from newsqa.loading.given import Given

Kind = Literal[
    "text", "markdown", "html", "pdf", "docx", "epub", "jsonl", "json", "feed", "sitemap", "opml", "zip",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
_PREFIX = 16_384
_BINARY = re.compile(rb"[\0-\x08\x0b\x0e-\x1a\x1c-\x1f]")  # https://mimesniff.spec.whatwg.org/#binary-data-byte
_IMAGE = "is a picture; add the article as text"
_SOUND = "is sound or film; add its transcript as text"
_PACKED = "is packed in a way that can't be read; unpack it and add what is in it"
_UNREADABLE = (
    (rb"\x89PNG\r\n|GIF8[79]a|\xff\xd8\xff|BM.{4}\0\0\0\0|II\*\0|MM\0\*|\0\0\x01\0|8BPS|RIFF....WEBP", _IMAGE),
    (rb"....ftyp(?:avif|heic|heix|mif1|msf1)|\xff\x0a|\0\0\0\x0cJXL |\0\0\0\x0cjP", _IMAGE),
    (rb"ID3|\xff[\xe2-\xfb]|OggS|fLaC|RIFF....(?:WAVE|AVI )|\x1aE\xdf\xa3|FORM....AIF|....ftyp", _SOUND),
    (rb"\0\0\x01[\xb3\xba]|FLV\x01|0&\xb2u\x8ef\xcf\x11", _SOUND),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old or encrypted office file; save it as .docx without a password"),
    (rb"\x1f\x8b|BZh[1-9]|\xfd7zXZ\0|7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|\x28\xb5\x2f\xfd|\x1f\x9d|.{257}ustar", _PACKED),
    (rb"\x7fELF|MZ|\xca\xfe\xba\xbe|[\xcf\xce]\xfa\xed\xfe|\0asm|dex\n|!<arch>\n", "is a program; add an article"),
    (rb"SQLite format 3\0", "is a database; export its articles as JSON lines"),
    (rb"\{\\rtf", "is rich text; save it as .docx or text"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "is PostScript; save it as PDF"),
    (rb"From: <Saved by|MIME-Version: 1\.0\r?\n", "is a web archive; save the page as HTML only"),
)
_UNREADABLE_PATTERNS = tuple((re.compile(pattern, re.DOTALL), problem) for pattern, problem in _UNREADABLE)
_PDF = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,1024}%PDF-\d")
_WIDE = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be", b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
_ROOTS: dict[str, Kind] = {
    "rss": "feed", "feed": "feed", "rdf": "feed", "urlset": "sitemap", "sitemapindex": "sitemap", "opml": "opml",
    "html": "html",
}  # fmt: skip
_ASIDE = re.compile(r"\s+|<\?[^>]*>|<!--.*?-->", re.DOTALL)
_DOCTYPE = re.compile(r"<!doctype\s+([a-z:]+)[^>]*>\s*", re.IGNORECASE)
_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)(?=[\s/>])")
_HTML = frozenset({
    "a", "article", "b", "body", "br", "div", "font", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "iframe",
    "img", "link", "main", "meta", "nav", "p", "script", "section", "span", "style", "table", "title", "ul",
})  # fmt: skip
_JSON = re.compile(r'\{\s*["}]|\[\s*[\[{\]]')
_NAMED: dict[str, Kind] = {
    ".html": "html", ".htm": "html", ".xhtml": "html", ".md": "markdown", ".markdown": "markdown", ".txt": "text",
    ".text": "text", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", "text/html": "html",
    "application/xhtml+xml": "html", "text/markdown": "markdown", "application/json": "json",
    "application/x-ndjson": "jsonl", "application/jsonl": "jsonl",
}  # fmt: skip
_MARKDOWN = re.compile(r"\s*(?:#{1,6} \S|---[^\S\n]*\n)")


def kind_of(given: Given) -> Kind:
    """Which parser reads this content; of its bytes the first are looked at, of a zip the list of members.

    Raises:
        LoadError: no parser does: pictures, sound, old office files, programs and the like.
    """
    start = given.content[:_PREFIX]
    if not start.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise LoadError(f"{given.name}: is empty; write the article into it")
    if _PDF.match(start):
        return "pdf"
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(given)
    text = _text(given, start)
    return _written(given, text) or _named(given) or ("markdown" if _MARKDOWN.match(text) else "text")


def _text(given: Given, start: bytes) -> str:
    """The first characters, as far as they show what this is; bytes that are no text are refused by what they are."""
    encoding = _WIDE.get(start[:2], "utf-8-sig")
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(start)
        binary = "\0" in text or (encoding == "utf-8-sig" and _BINARY.search(start) is not None)
    except UnicodeDecodeError:
        text, binary = start.decode("latin-1"), _BINARY.search(start) is not None
    if binary or start.startswith((b"{\\rtf", b"%!PS", b"From: <Saved by", b"MIME-Version:")):
        problems = (problem for pattern, problem in _UNREADABLE_PATTERNS if pattern.match(start))
        raise LoadError(f"{given.name}: {next(problems, 'is not text; save the article as UTF-8 text or Markdown')}")
    return text.removeprefix("\ufeff")


def _written(given: Given, text: str) -> Kind | None:
    """The kind that its first characters show."""
    at = 0
    while found := _ASIDE.match(text, at) or _DOCTYPE.match(text, at):
        if found.re is _DOCTYPE and found[1].lower() == "html":
            return "html"
        at = found.end()
    if _JSON.match(text, at):
        return _records(given)
    root = _ROOT.match(text, at)
    if root is None:
        return None
    name = root[1].lower()
    if name in _ROOTS:
        return _ROOTS[name]
    if name in _HTML:
        return _named(given) or "html"
    if text.lstrip().startswith("<?xml") or name == "svg":
        raise LoadError(f"{given.name}: is XML of an unknown kind (<{root[1][:40]}>); save the article as HTML or text")
    return None


def _records(given: Given) -> Kind:
    """Whether one object a line or one for all: a line that ends an object before a line that begins one."""
    first, line_end, rest = given.content.partition(b"\n")
    lines = line_end and first.rstrip().endswith(b"}") and rest[:_PREFIX].lstrip().startswith(b"{")
    return "jsonl" if lines or _named(given) == "jsonl" else "json"


def _named(given: Given) -> Kind | None:
    """The kind that the name or the content type says, where the content leaves it open."""
    suffix = PurePath(given.name.rpartition("!/")[2]).suffix.lower()
    return _NAMED.get(suffix) or _NAMED.get(given.content_type.partition(";")[0].strip().lower())


def _zipped(given: Given) -> Kind:
    with opened(given) as archive:
        names = {info.orig_filename: info for info in archive.infolist()}
        stated = names.get("mimetype")
        mimetype = content_of(given, archive, stated)[:200] if stated and stated.file_size < _PREFIX else b""
    if b"application/epub+zip" in mimetype or "META-INF/container.xml" in names:
        return "epub"
    if b"opendocument" in mimetype:
        raise LoadError(f"{given.name}: is an OpenDocument file; save it as .docx")
    if "[Content_Types].xml" not in names:
        return "zip"
    if any(name.startswith("word/") for name in names):
        return "docx"
    raise LoadError(f"{given.name}: is an Office file without an article (a table, slides); save its text as .docx")

"""Turns an HTML page into its article."""

import re
from collections.abc import Iterator
from typing import Any

from newsqa.domain import Article
from newsqa.errors import LoadError
from newsqa.loading.given import Given, Parsed, one_line
from newsqa.loading.pages import body, metadata
from newsqa.loading.titles import first_line, named

MAX_BYTES = 10_000_000
MAX_ELEMENTS = 50_000
MAX_CHILDREN = 10_000
MAX_ATTRIBUTES = 2000
"""Of one element: the time that libxml2 takes for them grows with their square."""
MIN_WORDS = 25
"""A text of fewer is no article."""
_CHARSETS = re.compile(
    r"utf-?8|utf-?16(?:[lb]e)?|iso-?8859-\d{1,2}|latin-?1|us-ascii|windows-?125\d|cp125\d|koi8-[ru]|gb2312|gbk|gb18030|"
    r"big5(?:-hkscs)?|euc-(?:jp|kr)|shift[_-]jis|iso-2022-jp|tis-620|windows-874|ibm866|macintosh",
    re.IGNORECASE,
)
_SUPERSETS = {
    "iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "us-ascii": "cp1252", "iso-8859-9": "cp1254",
    "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "shift-jis": "cp932", "euc-kr": "cp949",
    "tis-620": "cp874", "windows-874": "cp874",
}  # fmt: skip
"""What browsers read where a page names the smaller set (https://encoding.spec.whatwg.org/#names-and-labels)."""
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_DECLARED = re.compile(
    rb"<(?:meta|\?xml)[^>]{0,500}?(?:charset|encoding)\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w-]{2,30})", re.IGNORECASE
)
_LONG_TAG_CHARS = 2 * MAX_ATTRIBUTES
_TAG = re.compile(r"""<[a-zA-Z](?:[^>"'=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+|["'])*+""")
_VALUE = re.compile(r"""=\s*+(?:"[^"]*+"|'[^']*+')|/""")
_NO_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"  # Thai, Lao, Burmese, Khmer, Kana, Han
_WORD = re.compile(rf"[{_NO_SPACES}]{{2}}|[^\W{_NO_SPACES}]+")


def articles(given: Given) -> Iterator[Parsed]:
    """The one article of an HTML page.

    Raises:
        LoadError: the page is too large, can't be read, or holds no article.
    """
    yield _article(given)


def _article(given: Given) -> Article:
    tree = _tree(given)
    try:
        said = metadata.of(tree, given.url)
        text = body.text_of(tree, said.titles, said.url, said.body)
    except Exception as error:  # whatever a library trips over, it is the page that can't be read
        raise LoadError(f"{given.name}: its HTML can't be read; save the article as text and add that") from error
    if len(_WORD.findall(text)) < MIN_WORDS:
        raise LoadError(
            f"{given.name}: holds no article (fewer than {MIN_WORDS} words of text); "
            "give the address of a single article, or save its text and add that"
        )
    title = said.title or first_line(text) or one_line(named(given))
    return Article(
        title=title,
        text=text,
        subtitle=_subtitle(said.subtitle, text, title),
        publisher=said.publisher,
        author=said.author,
        language=said.language,
        published_at=said.published_at,
        updated_at=said.updated_at,
        url=said.url,
        id="" if said.url else given.stem,
    )


def _tree(given: Given) -> Any:
    from lxml import etree, html

    if len(given.content) > MAX_BYTES:
        raise LoadError(f"{given.name}: has more than {MAX_BYTES:,} bytes; save the article as text and add that")
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=False)
    text = decoded(given.content, given.content_type)
    if any(map(_is_overloaded, _TAG.finditer(text))):
        raise LoadError(
            f"{given.name}: an element has more than {MAX_ATTRIBUTES:,} attributes; save the text and add that"
        )
    try:
        # The parser takes no text that declares an encoding, so it is given bytes.
        tree = html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError, RecursionError, MemoryError) as error:
        raise LoadError(f"{given.name}: holds no HTML; check that it is a web page") from error
    if _is_too_large(tree):
        raise LoadError(f"{given.name}: has more elements than articles have; save the article as text and add that")
    return tree


def _is_too_large(tree: Any) -> bool:
    """Whether reading would take too long: many elements or attributes, or very many in one element."""
    elements = [*tree.iter()]
    weight = len(elements) + sum(len(element.attrib) for element in elements) / 10
    return weight > MAX_ELEMENTS or max(map(len, elements)) > MAX_CHILDREN


def _is_overloaded(tag: re.Match[str]) -> bool:
    if tag.end() - tag.start() < _LONG_TAG_CHARS:
        return False
    return len(_VALUE.sub(" ", tag.group()).split()) > MAX_ATTRIBUTES


def decoded(content: bytes, content_type: str = "") -> str:
    """The text of a page: by its byte order mark, what the server said, what the page says, UTF-8, windows-1252."""
    said = re.search(r"charset\s{0,9}=\s{0,9}[\"']?([\w-]{2,30})", content_type, re.IGNORECASE)
    declared = _DECLARED.search(content[:4096])
    names = [
        *(name for mark, name in _BOMS.items() if content.startswith(mark)),
        *([said[1]] if said else []),
        # A declaration that can be read as ASCII is not UTF-16, whatever it says.
        *([re.sub(r"utf-?16.*", "utf-8", declared[1].decode("ascii", "replace").lower())] if declared else []),
        "utf-8",
    ]
    for name in names:
        if name in _BOMS.values() or _CHARSETS.fullmatch(name):
            try:
                return content.decode(_SUPERSETS.get(name.lower(), name)).replace("\0", "")
            except (UnicodeError, LookupError):
                continue
    return content.decode("cp1252", "replace").replace("\0", "")


def _subtitle(subtitle: str, text: str, title: str) -> str:
    """The page's description, unless it is but the beginning of the text or the title again."""
    start = subtitle.rstrip(".… ")
    return "" if start.casefold() in " ".join(text[:5000].split()).casefold() or subtitle == title else subtitle

"""XML of strangers becomes an lxml tree, or is refused before it can grow, nest without end or reach elsewhere."""

import codecs
import re
from html import escape
from html.entities import html5
from typing import Any

from newsqa.errors import LoadError

MAX_BYTES = 10_000_000
MAX_DEPTH = 200
_ENCODINGS = frozenset({
    "ascii", "big5", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "euc_jp",
    "euc_kr", "gb18030", "gb2312", "gbk", "iso8859-1", "iso8859-2", "iso8859-5", "iso8859-7", "iso8859-9",
    "iso8859-15", "koi8-r", "koi8-u", "shift_jis", "utf-16", "utf-16-be", "utf-16-le", "utf-8",
})  # fmt: skip
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_DECLARED = re.compile(rb"""<\?xml[^>]{1,100}?encoding\s{0,9}=\s{0,9}["']([A-Za-z0-9._-]{1,40})["']""")
_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,30};)")
_OF_XML = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})
_SPACE = re.compile(r"\s*")
_DOCTYPE = re.compile(r"""<!DOCTYPE(?:[^"'\[>]|"[^"]*"|'[^']*')*+""")


def tree(given_name: str, content: bytes, *, most_bytes: int = MAX_BYTES) -> Any:
    """The root element of an XML text; HTML's named characters (`&nbsp;`) are read as what they name.

    Args:
        given_name: how messages call it.
        content: in the encoding that its mark or its declaration names, else UTF-8.
        most_bytes: that are read.

    Raises:
        LoadError: it declares entities or a grammar of its own, nests deeper than 200, is too large or no XML.
    """
    from lxml import etree

    if len(content) > most_bytes:
        raise LoadError(f"{given_name}: has more than {most_bytes:,} bytes of XML; split it")
    text = _decoded(given_name, content)
    if _declares(text):
        raise LoadError(f"{given_name}: its XML declares entities or a grammar; save it without a DOCTYPE")
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        root = etree.fromstring(_NAMED.sub(_character, text).encode(), parser)
    except (etree.LxmlError, ValueError, MemoryError) as error:
        reason = " ".join(str(error).split())[:200]
        raise LoadError(f"{given_name}: its XML does not parse ({reason}); correct it") from error
    if root is None:
        raise LoadError(f"{given_name}: its XML has no element; save it again")
    if root.getroottree().xpath(f"boolean({'/*' * (MAX_DEPTH + 1)})"):
        raise LoadError(f"{given_name}: its XML nests deeper than {MAX_DEPTH}; flatten it")
    return root


def local(element: Any) -> str:
    """The name of an element without its namespace; empty for a comment."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _decoded(name: str, content: bytes) -> str:
    """What is checked and what is parsed is one text: no encoding hides a declaration from the check."""
    encoding = next((encoding for bom, encoding in _BOMS.items() if content.startswith(bom)), "")
    if not encoding:
        wide = {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}.get(content[:2], "")
        declared = _DECLARED.match(content.lstrip())
        encoding = wide or (declared[1].decode() if declared else "utf-8")
    try:
        known = codecs.lookup(encoding).name in _ENCODINGS
    except LookupError:
        known = False
    if not known:
        raise LoadError(f"{name}: is XML of an unknown encoding ({encoding}); save it as UTF-8")
    try:
        return content.decode(encoding).lstrip("\ufeff \t\r\n")
    except UnicodeDecodeError as error:
        raise LoadError(f"{name}: is not {encoding} (byte {error.start}); save it as UTF-8") from error


def _declares(text: str) -> bool:
    """Whether a DOCTYPE with declarations in it, or one that does not end, stands before the first element."""
    at = 0
    while text.startswith(("<?", "<!--"), at):
        closing = "-->" if text.startswith("<!--", at) else "?>"
        end = text.find(closing, at + len(closing))
        if end < 0:
            return False  # that does not parse either
        at = _SPACE.match(text, end + len(closing)).end()  # type: ignore[union-attr]  # it matches everywhere
    doctype = _DOCTYPE.match(text, at)
    return doctype is not None and not text.startswith(">", doctype.end())


def _character(found: re.Match[str]) -> str:
    known = found[1] in html5 and found[1] not in _OF_XML
    return escape(html5[found[1]]) if known else found[0]

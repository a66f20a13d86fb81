"""The publication date in a file's XMP, which is not the date on which the file was made."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from newsqa.errors import LoadError
from newsqa.loading.given import moment
from newsqa.loading.xml_safely import tree

_OPENS, _CLOSES = b"<x:xmpmeta", b"</x:xmpmeta>"
_MAX_BYTES = 200_000
_MOST = 20
_PRISM, _DUBLIN_CORE, _FILE = "prismstandard.org/namespaces/", "purl.org/dc/elements/", "ns.adobe.com/xap/1.0/"


def published(content: bytes) -> date | None:
    """When the content was published: what PRISM says, else Dublin Core where that is not when the file was made.

    None where that is not said, or where two packets (of pictures, say) name two days.
    """
    found = {day for packet in _packets(content) if (day := _day(packet)) is not None}
    return found.pop() if len(found) == 1 else None


def _packets(content: bytes) -> Iterator[bytes]:
    end = 0
    for _ in range(_MOST):
        start = content.find(_OPENS, end)
        end = content.find(_CLOSES, start) + len(_CLOSES)
        if start < 0 or end < len(_CLOSES):
            return
        if end - start <= _MAX_BYTES:
            yield content[start:end]


def _day(packet: bytes) -> date | None:
    try:
        said = list(_said(tree("XMP", packet)))
    except LoadError:
        return None
    of_file = {text for name, text in said if _FILE in name and name.endswith("Date")}
    prism = (text for name, text in said if _PRISM in name and name.endswith(("}publicationDate", "}coverDate")))
    dublin = (text for name, text in said if _DUBLIN_CORE in name and name.endswith("}date") and text not in of_file)
    return moment(next(prism, None) or next(dublin, None))


def _said(root: Any) -> Iterator[tuple[str, str]]:
    """Every property and its value, which may be an attribute, an element's text, or the first item of its list."""
    for element in root.iter("*"):
        yield from element.attrib.items()
        items = (each.text for each in element.iterdescendants("{*}li") if each.text)
        text = (element.text or "").strip() or next(items, "")
        if text:
            yield element.tag, text

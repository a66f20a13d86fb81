"""Files for the tests, made in memory: PDF, DOCX, EPUB, zip; all they say is invented."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from html import escape

from reportlab.lib.enums import TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Paragraph

TITLE = "Vårsund reopens its tidal bridge"
INTRODUCTION = (
    "The tidal bridge of Vårsund opened again on Tuesday after four years of repairs, the ministry of transport of "
    "Haldermarch said. The works cost 41.5 million crowns, a third more than the council of the town had planned, and "
    "the first fish lorries crossed it before six in the morning."
)
FERRIES = (
    "Two ferries that had carried commuters to Ézelle since the closure will stop on Friday. Their crews, forty-one "
    "people, are offered posts at the harbour office, where nine pilots retire this year. The office declined to say "
    "what becomes of the ships themselves."
)
TOLLS = (
    "Crossing is free until the end of the year. After that a car pays two crowns and a lorry nine; buses, the fire "
    "brigade and people who live on the northern bank pay nothing. Revenue goes into a fund for the upkeep of the "
    "hinges, which gave way in the winter storm."
)
SECTIONS = (("", INTRODUCTION), ("The ferries", FERRIES), ("Tolls from January", TOLLS))
TEXT = f"{INTRODUCTION}\n\n## The ferries\n\n{FERRIES}\n\n## Tolls from January\n\n{TOLLS}"
"""What a parser should make of the title and the sections."""


# PDF


def pdf(
    *,
    title: str = TITLE,
    sections: Sequence[tuple[str, str]] = SECTIONS,
    columns: int = 1,
    head: str = "",
    items: Sequence[str] = (),
    noted: Mapping[str, str] | None = None,
    locked: bool = False,
) -> bytes:
    """A PDF as a program for printing makes it: a large title, headings, justified columns, heads and page numbers."""
    stream = io.BytesIO()
    width = (A4[0] - 100 - 20 * (columns - 1)) / columns
    frames = [Frame(50 + (width + 20) * number, 60, width, A4[1] - 130, 0, 0, 0, 0) for number in range(columns)]

    def stamp(canvas: Canvas, template: BaseDocTemplate) -> None:
        canvas.setFont("Helvetica", 8)
        if head:
            canvas.drawString(50, A4[1] - 40, head)
            canvas.drawCentredString(A4[0] / 2, 30, f"Page {template.page} of 9")

    encrypt = StandardEncryption("hinge", canPrint=0) if locked else None
    template = BaseDocTemplate(stream, pagesize=A4, invariant=True, encrypt=encrypt, **(noted or {}))
    template.addPageTemplates([PageTemplate("all", frames, onPage=stamp)])
    template.build(_flow(title, sections, items))
    return stream.getvalue()


def _flow(title: str, sections: Sequence[tuple[str, str]], items: Sequence[str]) -> list[Flowable]:
    body = ParagraphStyle("body", fontName="Times-Roman", fontSize=10, leading=12, spaceAfter=8, alignment=TA_JUSTIFY)
    large = ParagraphStyle("large", parent=body, fontName="Helvetica-Bold", fontSize=20, leading=24, alignment=0)
    middle = ParagraphStyle("middle", parent=large, fontSize=13, leading=16)
    flow: list[Flowable] = [Paragraph(escape(title), large)] if title else []
    for heading, text in sections:
        flow += [Paragraph(escape(heading), middle)] if heading else []
        flow.append(Paragraph(escape(text), body))
    item = ParagraphStyle("item", parent=body, leftIndent=14, bulletIndent=4, spaceAfter=2)
    return flow + [Paragraph(escape(text), item, bulletText="•") for text in items]


def pdf_of_lines(lines: Sequence[str], *, left: float = 50, size: float = 10) -> bytes:
    """A PDF of one page with these lines as they are."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4, invariant=True)
    canvas.setFont("Times-Roman", size)
    for number, line in enumerate(lines):
        canvas.drawString(left, 760 - 1.2 * size * number, line)
    canvas.save()
    return stream.getvalue()


def pdf_of_objects(objects: Sequence[bytes], *, trailer: bytes = b"") -> bytes:
    """A PDF of these objects, the first of which is the catalogue, numbered from 1."""
    content = bytearray(b"%PDF-1.7\n")
    places = []
    for number, each in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    start = len(content)
    content += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    content += b"".join(b"%010d 00000 n \n" % place for place in places)
    content += b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    return bytes(content)


def pdf_with(
    catalogue: bytes = b"", page: bytes = b"", more: Sequence[bytes] = (), drawn: bytes | None = None
) -> bytes:
    """A PDF of one page with additions to its catalogue and page, and objects numbered from 6."""
    content = drawn or b"BT /F1 12 Tf 50 700 Td (" + INTRODUCTION[:78].encode("latin-1") + b") Tj ET"
    return pdf_of_objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R " + catalogue + b" >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 5 0 R >> >> "
            b"/Contents 4 0 R " + page + b" >>",
            stream_object(content),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
            *more,
        ]
    )


def stream_object(content: bytes, entries: bytes = b"") -> bytes:
    """A stream of a PDF."""
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), entries, content)


# Zip, and what is made of it


def zipped(members: Mapping[str, str | bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of these members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return stream.getvalue()


def zipped_raw(members: Sequence[tuple[bytes, bytes]], **lies: int) -> bytes:
    """A zip archive whose names are written as they are, and whose headers say of each member what `lies` say."""
    content, central = bytearray(), bytearray()
    for name, said in members:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(said) + packer.flush()
        fields = {"flags": 0x800, "method": 8, "crc": zlib.crc32(said), "packed": len(packed), "size": len(said)}
        fields |= {"at": len(content), "mode": 0, **lies}
        sizes = (fields["crc"], fields["packed"], fields["size"], len(name), 0)
        central += struct.pack("<IHHHHHHIIIHH", 0x02014B50, 20, 20, fields["flags"], fields["method"], 0, 33, *sizes)
        central += struct.pack("<HHHII", 0, 0, 0, fields["mode"] << 16, fields["at"]) + name
        content += struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, fields["flags"], fields["method"], 0, 33, *sizes)
        content += name + packed
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, len(members), len(members), len(central), len(content), 0)
    return bytes(content + central + end)


_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
_NUMBERING = f"""<w:numbering {_W}>
  <w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>
  <w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/></w:lvl>
    <w:lvl w:ilvl="1"><w:numFmt w:val="decimal"/></w:lvl></w:abstractNum>
  <w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>
</w:numbering>"""
_STYLES = f"""<w:styles {_W}>
  <w:style w:type="paragraph" w:styleId="Standard"><w:name w:val="Normal"/></w:style>
  <w:style w:type="paragraph" w:styleId="Titel"><w:name w:val="Title"/><w:basedOn w:val="Standard"/></w:style>
  <w:style w:type="paragraph" w:styleId="Untertitel"><w:name w:val="Subtitle"/></w:style>
  <w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
  <w:style w:type="paragraph" w:styleId="berschrift3"><w:name w:val="heading 3"/></w:style>
  <w:style w:type="paragraph" w:styleId="Eigen"><w:name w:val="Eigener"/><w:basedOn w:val="berschrift1"/></w:style>
  <w:style w:type="paragraph" w:styleId="Verzeichnis1"><w:name w:val="toc 1"/></w:style>
  <w:style w:type="paragraph" w:styleId="Liste"><w:name w:val="List Bullet"/>
    <w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>
</w:styles>"""
_CORE = """<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
  xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/">
  <dc:title>{title}</dc:title><dc:creator>{author}</dc:creator><dcterms:created>2025-05-12T10:00:00Z</dcterms:created>
</cp:coreProperties>"""


def docx(body: str = "", *, title: str = "", author: str = "", more: Mapping[str, str | bytes] | None = None) -> bytes:
    """A Word file as a German Word writes it, with this as the XML of its body, else the story of the bridge."""
    body = body or word(TITLE, "Titel") + "".join(
        (word(heading, "berschrift1") if heading else "") + word(text) for heading, text in SECTIONS
    )
    members: dict[str, str | bytes] = {
        "[Content_Types].xml": _TYPES,
        "docProps/core.xml": _CORE.format(title=escape(title), author=escape(author)),
        "word/document.xml": f"<w:document {_W}><w:body>{body}</w:body></w:document>",
        "word/styles.xml": _STYLES,
        "word/numbering.xml": _NUMBERING,
    }
    return zipped({**members, **(more or {})})


def word(text: str, style: str = "", properties: str = "") -> str:
    """The XML of a paragraph of a Word file."""
    style = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f'<w:p><w:pPr>{style}{properties}</w:pPr><w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


_CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>
  <rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
_XHTML = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">
<html xmlns="http://www.w3.org/1999/xhtml"><head><title>chapter</title></head><body>{}</body></html>"""


def epub(
    chapters: Sequence[str] = (),
    *,
    said: str = "",
    spine: Sequence[int] | None = None,
    more: Mapping[str, str | bytes] | None = None,
) -> bytes:
    """A book whose chapters have these bodies, else those of the story of the bridge; `said` stands in its metadata."""
    chapters = chapters or [f"<h1>{heading or 'Opened'}</h1><p>{text}</p>" for heading, text in SECTIONS]
    said = said or f"<dc:title>{TITLE}</dc:title>"
    items = "".join(
        f'<item id="c{number}" href="text/c%20{number}.xhtml" media-type="application/xhtml+xml"/>'
        for number in range(len(chapters))
    )
    references = "".join(f'<itemref idref="c{number}"/>' for number in (spine or range(len(chapters))))
    package = f"""<package xmlns="http://www.idpf.org/2007/opf" version="3.0">
      <metadata xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf">{said}</metadata>
      <manifest><item id="contents" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>{items}
      </manifest><spine><itemref idref="contents"/>{references}</spine></package>"""
    pages = {f"OEBPS/text/c {number}.xhtml": _XHTML.format(body) for number, body in enumerate(chapters)}
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": _CONTAINER,
            "OEBPS/book.opf": package,
            "OEBPS/nav.xhtml": _XHTML.format("<nav><ol><li>Opened</li></ol></nav>"),
            **pages,
            **(more or {}),
        }
    )

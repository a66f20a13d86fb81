"""Files that are made to do harm, or are torn: each is an article or a LoadError, in bounded time and memory."""

import io
import random
import zipfile
import zlib
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsqa.domain import Article
from newsqa.errors import LoadError
from newsqa.loading.apart.worker import PARSERS, parsed
from newsqa.loading.apart.workshop import Workshop
from newsqa.loading.given import Given, Parsed
from newsqa.loading.kinds import kind_of
from tests import making

MEMORY = 700_000_000


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    with Workshop(seconds=15, most_seconds=20, memory_bytes=MEMORY) as opened:
        yield opened


def _load(workshop: Workshop, name: str, content: bytes) -> list[Article | str]:
    """The articles in a file and the errors, as the program would load it."""
    found: list[Article | str] = []
    try:
        items = workshop.parse(Given(name, content), kind_of(Given(name, content)))
        found.extend(item if isinstance(item, Article) else str(item) for item in items)
    except LoadError as error:
        found.append(str(error))
    assert found
    for each in found:
        assert isinstance(each, Article) or (each.startswith(name) and each.isprintable() and "; " in each), each
    return found


def _next_loads(workshop: Workshop) -> None:
    (article,) = _load(workshop, "next.docx", making.docx())
    assert isinstance(article, Article)
    assert making.TEXT == article.text


def _nested_zip() -> bytes:
    content = bytes(1_000_000)
    for depth in range(6):
        content = making.zipped({f"{depth}-{number}.zip": content for number in range(8)})
    return content


def _lying_zip() -> bytes:
    return making.zipped_raw([(b"a.txt", bytes(60_000_000))], size=900_000, crc=0)


def _quine_zip() -> bytes:
    """An archive that holds a member which is itself, as far as its headers say."""
    return making.zipped_raw([(b"r/r.zip", b"PK"), (b"r/r.html", b"<p>again</p>")], at=0)


LAUGHS = "".join(f'<!ENTITY l{number} "{f"&l{number - 1};" * 10}">' for number in range(1, 10))
LAUGH = f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]>'
QUADRATIC = f'<!DOCTYPE a [<!ENTITY b "{"b" * 50_000}">]>'
FILE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'
WEB = '<!DOCTYPE a [<!ENTITY % b SYSTEM "http://127.0.0.1:9/x.dtd"> %b;]>'
OUTSIDE = '<!DOCTYPE a SYSTEM "file:///etc/passwd">'
DOCTYPES = {"laughs": LAUGH, "quadratic": QUADRATIC, "file": FILE, "web": WEB, "outside": OUTSIDE}


def _document(xml: str) -> bytes:
    return making.docx(more={"word/document.xml": xml})


def _in_word(doctype: str, said: str) -> bytes:
    body = f"<w:body>{making.word(making.FERRIES)}<w:p><w:r><w:t>{said}</w:t></w:r></w:p></w:body>"
    return _document(f"{doctype}<w:document {making._W}>{body}</w:document>")


def _in_book(doctype: str, said: str) -> bytes:
    return making.epub(
        more={"OEBPS/text/c 0.xhtml": f"{doctype}<html><body><p>{making.FERRIES}{said}</p></body></html>"}
    )


def _nested(start: str, end: str, depth: int, inside: str = "") -> str:
    return start * depth + inside + end * depth


def _packed(content: bytes, times: int = 1) -> bytes:
    for _ in range(times):
        content = zlib.compress(content, 9)
    return content


def _drawn_bomb(times: int) -> bytes:
    """A page that unpacks to gigabytes of drawing."""
    letters = _packed(b"BT /F1 12 Tf 50 700 Td (bomb) Tj ET\n" * 8_000_000, times)
    filters = b"/Filter [" + b"/FlateDecode " * times + b"]"
    objects = making.pdf_with().split(b"endobj")
    objects[3] = b"\n4 0 obj\n" + making.stream_object(letters, filters) + b"\n"
    return b"endobj".join(objects)


def _object_stream_bomb() -> bytes:
    inner = _packed(b"1 0 " + b"[" * 200_000_000)
    entries = b"/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode"
    return making.pdf_with(b"/Outlines 6 0 R", more=[making.stream_object(inner, entries)])


PAGES = b"<< /Type /Catalog /Pages 2 0 R >>"
PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"
PDFS: dict[str, Callable[[], bytes]] = {
    "a page tree that is its own branch": lambda: making.pdf_of_objects(
        [PAGES, b"<< /Type /Pages /Kids [2 0 R] /Count 9 >>"]
    ),
    "a page tree of two that hold each other": lambda: making.pdf_of_objects(
        [
            PAGES,
            b"<< /Type /Pages /Kids [3 0 R 3 0 R] /Count 99 >>",
            b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Parent 2 0 R /Count 99 >>",
        ]
    ),
    "a deep page tree": lambda: making.pdf_of_objects(
        [
            PAGES,
            *(b"<< /Type /Pages /Kids [%d 0 R] /Count 1 >>" % number for number in range(3, 20_000)),
            PAGE,
        ]
    ),
    "a page count of two thousand million": lambda: making.pdf_of_objects(
        [
            PAGES,
            b"<< /Type /Pages /Kids [3 0 R] /Count 2000000000 >>",
            PAGE,
        ]
    ),
    "a negative page count": lambda: making.pdf_of_objects(
        [PAGES, b"<< /Type /Pages /Kids [3 0 R] /Count -7 >>", PAGE]
    ),
    "objects that refer to themselves": lambda: making.pdf_of_objects([PAGES, b"2 0 R", b"3 0 R"]),
    "an array in an array in an array": lambda: making.pdf_with(b"/Deep " + b"[" * 300_000 + b"]" * 300_000),
    "dictionaries in dictionaries": lambda: making.pdf_with(
        b"/Deep " + b"<< /A " * 100_000 + b"null" + b" >>" * 100_000
    ),
    "drawing that unpacks a thousandfold": lambda: _drawn_bomb(1),
    "drawing that is packed twice": lambda: _drawn_bomb(2),
    "a form that draws itself": lambda: making.pdf_with(
        page=b"/Resources << /XObject << /X 6 0 R >> /Font << /F1 5 0 R >> >>",
        drawn=b"/X Do BT /F1 12 Tf 50 700 Td (loop) Tj ET",
        more=[
            making.stream_object(
                b"/X Do /X Do",
                b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >>",
            )
        ],
    ),
    "an object stream that unpacks to brackets": _object_stream_bomb,
    "a million letters": lambda: making.pdf_with(
        drawn=b"BT /F1 1 Tf 1 0 0 1 5 5 Tm (" + b"word " * 200_000 + b") Tj ET"
    ),
    "numbers beyond all bounds": lambda: making.pdf_with(
        page=b"/Rotate 99999999999999999999 /UserUnit 1e308",
        drawn=b"BT /F1 1e38 Tf 1e38 -1e38 Td (big) Tj ET",
    ),
}
BOMBS: dict[str, Callable[[], bytes]] = {
    "a flat zip": lambda: making.zipped({"bomb.txt": bytes(200_000_000)}),
    "zips in zips": _nested_zip,
    "zip members that overlap": lambda: making.zipped_raw(
        [(b"%d.txt" % number, b"a" * 9_000) for number in range(999)], at=0
    ),
    "a zip that lies of its size": _lying_zip,
    "a zip that holds itself": _quine_zip,
    "a zip of empty names": lambda: making.zipped_raw([(b"", b"x"), (b"/", b"x"), (b".", b"x"), (b"..", b"x")]),
    "a Word file of spaces": lambda: _document(" " * 100_000_000),
    "a Word file of attributes": lambda: _document(
        "<a " + " ".join(f'b{number}="1"' for number in range(300_000)) + "/>"
    ),
    "a Word file of tables in tables": lambda: making.docx(
        _nested("<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>", 60, making.word("deep"))
    ),
    "a Word file of fifty thousand depths": lambda: making.docx(_nested("<w:tbl>", "</w:tbl>", 50_000)),
    "a Word file of a long chain of styles": lambda: making.docx(
        more={
            "word/styles.xml": f"<w:styles {making._W}>"
            + "".join(
                f'<w:style w:styleId="s{number}"><w:basedOn w:val="s{(number + 1) % 9000}"/></w:style>'
                for number in range(9_000)
            )
            + "</w:styles>",
            "word/document.xml": f"<w:document {making._W}>{making.word('a', 's0') * 9_000}</w:document>",
        }
    ),
    "a Word file of many rows": lambda: making.docx(
        "<w:tbl>"
        + "".join(
            f"<w:tr><w:tc>{making.word(str(number**5))}</w:tc><w:tc>{making.word(making.TOLLS)}</w:tc></w:tr>"
            for number in range(20_000)
        )
        + "</w:tbl>"
    ),
    "a Word file of many lists": lambda: making.docx(
        more={
            "word/numbering.xml": f'<w:numbering {making._W}><w:abstractNum w:abstractNumId="0">'
            + "".join(f'<w:lvl w:ilvl="{number}"><w:numFmt w:val="decimal"/></w:lvl>' for number in range(20_000))
            + "</w:abstractNum>"
            + "".join(f'<w:num w:numId="{number}"><w:abstractNumId w:val="0"/></w:num>' for number in range(20_000))
            + "</w:numbering>",
        }
    ),
    "a book of fifty thousand depths": lambda: making.epub([_nested("<div>", "</div>", 50_000)]),
    "a book of one chapter ten thousand times": lambda: making.epub(["once"], spine=[0] * 10_000),
    **PDFS,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_does_no_harm_and_the_next_file_loads(workshop: Workshop, bomb: Callable[[], bytes]) -> None:
    _load(workshop, "bomb", bomb())
    _next_loads(workshop)


@pytest.mark.parametrize("make", [_in_word, _in_book])
@pytest.mark.parametrize("said", ["&b;", "&l9;", "&b;" * 20_000])
@pytest.mark.parametrize("doctype", DOCTYPES.values(), ids=DOCTYPES)
def test_entities_are_not_expanded_and_nothing_is_fetched(
    workshop: Workshop, make: Callable[[str, str], bytes], said: str, doctype: str
) -> None:
    (found,) = _load(workshop, "bridge", make(doctype, said))
    if isinstance(found, Article):
        assert len(found.text) < 1_000
        assert "root:" not in found.text


ACTIONS = {
    "a script when it opens": b"/OpenAction << /S /JavaScript /JS (app.alert\\('harm'\\)) >>",
    "a program when it opens": b"/OpenAction << /S /Launch /F (/bin/sh) /Win << /F (cmd.exe) >> >>",
    "a page of the web when it opens": b"/OpenAction << /S /URI /URI (http://127.0.0.1:9/) >>",
    "named scripts": b"/Names << /JavaScript << /Names [(a) << /S /JavaScript /JS (harm) >>] >> >>",
    "an attached file": b"/Names << /EmbeddedFiles << /Names [(harm.exe) << /Type /Filespec /F (harm.exe)"
    b" /EF << /F 6 0 R >> >>] >> >>",
    "a form with a script": b"/AcroForm << /Fields [] /XFA 6 0 R >>",
}


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_a_pdf_that_acts_gives_its_text_only(workshop: Workshop, action: bytes) -> None:
    content = making.pdf_with(action, more=[making.stream_object(b"MZ harm")])
    (article,) = _load(workshop, "bridge.pdf", content)
    assert isinstance(article, Article)
    assert making.INTRODUCTION[:78] == article.text


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.epub", "a.html", "a.zip", "a.exe", "a"])
@pytest.mark.parametrize("make", [making.pdf, making.docx, making.epub])
def test_a_wrong_name_does_not_matter(workshop: Workshop, make: Callable[[], bytes], name: str) -> None:
    (article,) = _load(workshop, name, make())
    assert isinstance(article, Article)
    assert making.FERRIES in article.text


def _locked_docx() -> bytes:
    content = making.zipped_raw([(b"[Content_Types].xml", b"x"), (b"word/document.xml", b"x")], flags=0x801)
    assert zipfile.ZipFile(io.BytesIO(content)).infolist()[0].flag_bits & 1
    return content


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (making.pdf(locked=True), "needs a password"),
        (_locked_docx(), "is encrypted"),
        (making.zipped_raw([(b"a.txt", b"x")], flags=0x801), "is encrypted"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500) + "EncryptedPackage".encode("utf-16-le"),
            "encrypted office file",
        ),
    ],
)
def test_what_is_encrypted_says_so(workshop: Workshop, content: bytes, expected: str) -> None:
    (problem,) = _load(workshop, "locked", content)
    assert expected in str(problem)


FILES = {
    "pdf": making.pdf(columns=2),
    "docx": making.docx(),
    "epub": making.epub(),
    "zip": making.zipped({"a.txt": making.TEXT}),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_cut_off_is_an_article_or_says_why_it_is_none(workshop: Workshop, kind: str) -> None:
    content = FILES[kind]
    for tenth in range(10):
        _load(workshop, f"torn.{kind}", content[: len(content) * tenth // 10])
    for count in (1, 2, 10, 100):
        _load(workshop, f"torn.{kind}", content[:-count])
    _load(workshop, f"torn.{kind}", b"\0" * 100 + content)
    _load(workshop, f"torn.{kind}", content + b"\0" * 100_000)
    _next_loads(workshop)


@pytest.mark.parametrize("kind", FILES)
def test_a_file_with_flipped_bytes_is_an_article_or_says_why_it_is_none(workshop: Workshop, kind: str) -> None:
    chance = random.Random(7)
    for _ in range(60):
        content = bytearray(FILES[kind])
        for _ in range(chance.randint(1, 8)):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        _load(workshop, f"torn.{kind}", bytes(content))
    _next_loads(workshop)


def _loads_or_says_why(kind: str, content: bytes) -> None:
    """In this process, so that a parser of ours which fails otherwise is seen."""
    torn = Given("torn", content)

    def by_its_kind() -> Iterator[Parsed | LoadError]:
        yield from parsed(torn, kind_of(torn))

    for found in (parsed(torn, kind), by_its_kind()):
        try:
            items = list(found)
        except LoadError as error:
            items = [error]
        assert all(isinstance(item, Article) or str(item).startswith("torn") for item in items)


@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_changed_in_a_file_no_parser_fails_otherwise(kind: str, data: st.DataObject) -> None:
    content = FILES[kind]
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 200)))
    _loads_or_says_why(kind, content[:start] + data.draw(st.binary(max_size=50)) + content[end:])


@pytest.mark.parametrize("kind", ["docx", "epub"])
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_changed_in_a_member_no_parser_fails_otherwise(kind: str, data: st.DataObject) -> None:
    with zipfile.ZipFile(io.BytesIO(FILES[kind])) as archive:
        names = archive.namelist()
        contents = {name: archive.read(name) for name in names}
    name = data.draw(st.sampled_from(names))
    content = contents[name]
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 60)))
    some = st.sampled_from(
        [b"", b"<w:p/>", b"<!-- -->", b"<?a b?>", b"&nbsp;", b"</w:p>", b'"', b"\0", b"9" * 5000, b"<"]
    )
    contents[name] = content[:start] + data.draw(some) + content[end:]
    _loads_or_says_why(kind, making.zipped(contents))


@settings(max_examples=100, deadline=None)
@given(
    content=st.binary(max_size=300),
    start=st.sampled_from([b"", b"%PDF-1.7\n", b"PK\3\4", b"PK\5\6", b"<", b"{", b"\xff\xfe"]),
)
def test_any_bytes_have_a_kind_or_say_why_not(start: bytes, content: bytes) -> None:
    try:
        told: str = kind_of(Given("torn", start + content))
    except LoadError as error:
        told = str(error)
    assert told in {*PARSERS, "zip"} or told.startswith("torn: ")

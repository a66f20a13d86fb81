"""Which parser a file needs, by its content."""

import pytest

from newsqa.errors import LoadError
from newsqa.loading.given import Given
from newsqa.loading.kinds import Kind, kind_of
from tests import making

XML = '<?xml version="1.0" encoding="utf-8"?>\n'
PAGE = "<!DOCTYPE html>\n<html><body><p>Vårsund</p></body></html>"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (making.FERRIES, "text"),
        ("Two < three, said the harbour office.", "text"),
        ("[1] The first note of the harbour office", "text"),
        ('["Two crowns," she said]', "text"),
        ("{Vårsund} The bridge is open.", "text"),
        ("%PDF-1.7 is how a PDF begins"[1:], "text"),
        ("MZ is how programs begin, GIF89a how pictures do", "text"),
        ("ID3 is a format, BZh another", "text"),
        ("<3 the bridge", "text"),
        ("# The bridge\n\nIt is open.", "markdown"),
        ("---\ntitle: The bridge\n---\nIt is open.", "markdown"),
        ("\ufeff## The bridge\n", "markdown"),
        (PAGE, "html"),
        ("\ufeff  \n<!-- made by hand --> <?php ?>" + PAGE, "html"),
        ("<HTML><BODY>Vårsund", "html"),
        ("<p>Vårsund", "html"),
        ("<!doctype html>Vårsund", "html"),
        ("<head><title>Vårsund</title></head>", "html"),
        (XML + '<html xmlns="http://www.w3.org/1999/xhtml"/>', "html"),
        (XML + "<!-- a feed --><rss version='2.0'/>", "feed"),
        ("<feed xmlns='http://www.w3.org/2005/Atom'>", "feed"),
        ("<atom:feed xmlns:atom='http://www.w3.org/2005/Atom'>", "feed"),
        (XML + "<rdf:RDF xmlns:rdf='x'>", "feed"),
        (XML + "<!DOCTYPE rss PUBLIC 'a' 'b'>\n<rss>", "feed"),
        (XML + "<urlset>", "sitemap"),
        ("<sitemapindex xmlns='x'>", "sitemap"),
        (XML + "<opml version='1.0'>", "opml"),
        ('{"title": "Vårsund", "text": "Open."}', "json"),
        ('{\n  "articles": []\n}', "json"),
        ('[{"title": "Vårsund"}]', "json"),
        ("[]", "json"),
        ('{"title": "a"}\n{"title": "b"}\n', "jsonl"),
        ('{"title": "' + "a" * 50_000 + '"}\r\n\r\n{"title": "b"}\n', "jsonl"),
        (making.pdf_of_lines(["a"]), "pdf"),
        (b"\r\n" + making.pdf_of_lines(["a"]), "pdf"),
        (making.docx(), "docx"),
        (making.epub(), "epub"),
        (making.zipped({"a.txt": "text"}), "zip"),
        (making.zipped({"META-INF/container.xml": "x"}), "epub"),
        (PAGE.encode("utf-16"), "html"),
        ((XML + "<rss/>").encode("utf-16-le"), "feed"),
        ("Vårsund liegt am Fluß".encode("latin-1"), "text"),
        ("<p>Vårsund".encode("latin-1"), "html"),
    ],
)
def test_the_content_tells_the_kind(content: str | bytes, expected: Kind) -> None:
    given = Given("file", content if isinstance(content, bytes) else content.encode())
    assert expected == kind_of(given)
    assert expected == kind_of(Given("file.bin", given.content, content_type="application/octet-stream"))


@pytest.mark.parametrize(
    ("name", "content_type", "content", "expected"),
    [
        ("bridge.md", "", "It is open.", "markdown"),
        ("bridge.txt", "", "# The bridge", "text"),
        ("bridge", "text/markdown; charset=utf-8", "It is open.", "markdown"),
        ("bridge", "text/html", "It is open.", "html"),
        ("bridge.md", "", "<p align=center>Bridge</p>\n\nIt is open.", "markdown"),
        ("bridge.md", "", PAGE, "html"),
        ("herald.jsonl", "", '{"title": "a"}', "jsonl"),
        ("herald.ndjson", "", '{"title": "a"}', "jsonl"),
        ("herald.json", "", '{"title": "a"}', "json"),
        ("herald.json", "", '{"title": "a"}\n{"title": "b"}', "jsonl"),
        ("herald.html", "text/html", XML + "<rss/>", "feed"),
        ("a.zip!/bridge.md", "", "It is open.", "markdown"),
    ],
)
def test_the_name_decides_only_what_the_content_leaves_open(
    name: str, content_type: str, content: str, expected: Kind
) -> None:
    assert expected == kind_of(Given(name, content.encode(), content_type=content_type))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty; write the article into it"),
        (b"\0" * 5000, "is empty; write the article into it"),
        (b" \r\n\t\xef\xbb\xbf", "is empty; write the article into it"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is a picture; add the article as text"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "is a picture; add the article as text"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "is a picture; add the article as text"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is XML of an unknown kind (<svg>); save"),
        (b"ID3\3\0\0", "is sound or film; add its transcript as text"),
        (b"\0\0\0\x20ftypisom\0\0", "is sound or film; add its transcript as text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "is an old or encrypted office file; save it as .docx without"),
        (rb"{\rtf1\ansi The bridge}", "is rich text; save it as .docx or text"),
        (b"\x1f\x8b\x08\0\0\0", "is packed in a way that can't be read; unpack it and add what is in it"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "is packed in a way that can't be read; unpack it"),
        (b"Rar!\x1a\x07\x01\0", "is packed in a way that can't be read; unpack it"),
        (b"name".ljust(257, b"\0") + b"ustar\0", "is packed in a way that can't be read; unpack it"),
        (b"\x7fELF\2\1\1\0", "is a program; add an article"),
        (b"MZ\x90\0\3\0", "is a program; add an article"),
        (b"SQLite format 3\0", "is a database; export its articles as JSON lines"),
        (b"%!PS-Adobe-3.0", "is PostScript; save it as PDF"),
        (b"MIME-Version: 1.0\r\nContent-Type: multipart/related", "is a web archive; save the page as HTML only"),
        (b"The bridge\0is open", "is not text; save the article as UTF-8 text or Markdown"),
        (making.zipped({"[Content_Types].xml": "", "xl/workbook.xml": ""}), "is an Office file without an article"),
        (
            making.zipped({"mimetype": "application/vnd.oasis.opendocument.text"}),
            "is an OpenDocument file; save it as .docx",
        ),
        (b"PK\3\4 not really", "is a damaged archive"),
        ((XML + "<nitf/>").encode(), "is XML of an unknown kind (<nitf>); save the article as HTML or text"),
    ],
)
def test_what_no_parser_reads_says_what_it_is_and_what_to_do(content: bytes, expected: str) -> None:
    with pytest.raises(LoadError) as raised:
        kind_of(Given("thing", content))
    assert str(raised.value).startswith(f"thing: {expected}")

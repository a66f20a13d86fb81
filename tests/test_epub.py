"""Books: chapters in reading order, what the package says, and what is no article."""

from datetime import date

import pytest

from newsqa.domain import Article
from newsqa.errors import LoadError
from newsqa.loading import epub
from newsqa.loading.given import Given
from tests import making


def _article(content: bytes) -> Article:
    (article,) = epub.articles(Given("bridge.epub", content))
    assert isinstance(article, Article)
    return article


def test_a_book_is_one_article_of_its_chapters_without_its_contents() -> None:
    article = _article(making.epub())
    assert (making.TITLE, f"## Opened\n\n{making.TEXT}", "bridge") == (article.title, article.text, article.id)
    assert ("", "", "", None) == (article.author, article.publisher, article.language, article.published_at)


def test_what_the_package_says_is_taken() -> None:
    said = (
        "<dc:title>The hinge</dc:title><dc:creator>Ylva Ranst</dc:creator><dc:creator>Oto Marn</dc:creator>"
        "<dc:language>en-GB</dc:language><dc:publisher>Brannoch Press</dc:publisher>"
        '<dc:date opf:event="modification">2025-07-01</dc:date><dc:date>2025-05-12</dc:date>'
    )
    article = _article(making.epub(said=said))
    assert ("The hinge", "Ylva Ranst, Oto Marn", "en-GB", "Brannoch Press", date(2025, 5, 12)) == (
        article.title, article.author, article.language, article.publisher, article.published_at,
    )  # fmt: skip


def test_chapters_come_in_the_order_in_which_they_are_read() -> None:
    assert "two\n\nzero\n\none" == _article(making.epub(["zero", "one", "two"], spine=[2, 0, 1])).text


def test_a_chapter_that_is_named_twice_comes_once() -> None:
    assert "zero\n\none" == _article(making.epub(["zero", "one"], spine=[0, 1, 0, 0])).text


def test_the_title_is_not_repeated_at_the_beginning() -> None:
    assert making.FERRIES == _article(making.epub([f"<h1>{making.TITLE}</h1><p>{making.FERRIES}</p>"])).text


def test_named_characters_of_html_are_read() -> None:
    assert "cafés – for 2 < 3" == _article(making.epub(["<p>caf&eacute;s&nbsp;&ndash; for 2 &lt; 3</p>"])).text


FONTS = """<encryption xmlns:e="http://www.w3.org/2001/04/xmlenc#"><e:EncryptedData>
<e:EncryptionMethod Algorithm="{}"/></e:EncryptedData></encryption>"""


def test_obfuscated_fonts_do_not_matter() -> None:
    fonts = FONTS.format("http://www.idpf.org/2008/embedding")
    assert making.TITLE == _article(making.epub(more={"META-INF/encryption.xml": fonts})).title


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            making.epub(more={"META-INF/encryption.xml": FONTS.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc")}),
            "bridge.epub: is protected against copying; add a copy without protection",
        ),
        (
            making.zipped({"mimetype": "application/epub+zip"}),
            "bridge.epub: is a damaged EPUB (no 'META-INF/container.xml')",
        ),
        (making.epub(["<img/>"]), "bridge.epub: has no text; it may be a book of pictures: add its text"),
        (making.epub(["<p>"]), "bridge.epub!/OEBPS/text/c 0.xhtml: its XML does not parse"),
        (making.epub(more={"OEBPS/book.opf": "<package/>"}), "bridge.epub: has no text"),
        (
            making.epub(more={"META-INF/container.xml": '<c><rootfile full-path="../../etc/passwd"/></c>'}),
            "bridge.epub: is a damaged EPUB (no '../../etc/passwd')",
        ),
        (
            making.epub(
                more={"OEBPS/text/c 0.xhtml": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'}
            ),
            "bridge.epub!/OEBPS/text/c 0.xhtml: its XML declares entities or a grammar",
        ),
    ],
)
def test_what_can_not_be_read_says_so(content: bytes, expected: str) -> None:
    with pytest.raises(LoadError) as raised:
        _article(content)
    assert str(raised.value).startswith(expected)

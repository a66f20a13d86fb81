"""Word files: what a reader sees of them, whatever language Word speaks."""

import io

import docx
import pytest

from newsqa.domain import Article
from newsqa.errors import LoadError
from newsqa.loading import word as loading
from newsqa.loading.given import Given
from tests import making
from tests.making import word


def _article(content: bytes) -> Article:
    (article,) = loading.articles(Given("bridge.docx", content))
    assert isinstance(article, Article)
    return article


def _text(body: str) -> str:
    return (
        _article(making.docx(word(making.INTRODUCTION) + body, title="Noted"))
        .text.removeprefix(making.INTRODUCTION)
        .strip()
    )


def test_paragraphs_and_headings_are_kept() -> None:
    article = _article(making.docx(author="Ylva Ranst"))
    assert (making.TITLE, making.TEXT, "Ylva Ranst", "bridge") == (
        article.title, article.text, article.author, article.id,
    )  # fmt: skip
    assert ("", "", None, None) == (article.language, article.publisher, article.published_at, article.updated_at)


def test_a_file_of_the_usual_library_is_read() -> None:
    document = docx.Document()
    document.add_heading(making.TITLE, 0)
    document.add_paragraph(making.INTRODUCTION)
    document.add_heading("The ferries", 2)
    document.add_paragraph("They stop.", style="List Bullet")
    document.add_paragraph("They stay.", style="List Bullet")
    document.add_paragraph("First.", style="List Number")
    document.add_paragraph("Second.", style="List Number")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip((each for row in table.rows for each in row.cells), ("car", "2", "lorry", "9"), strict=True):
        cell.text = text
    document.sections[0].header.paragraphs[0].text = "Haldermarch Herald"
    document.core_properties.author = "Ylva Ranst"
    stream = io.BytesIO()
    document.save(stream)
    article = _article(stream.getvalue())
    expected = (
        f"{making.INTRODUCTION}\n\n## The ferries\n\n- They stop.\n- They stay.\n1. First.\n2. Second.\n\n"
        "car | 2\nlorry | 9"
    )
    assert (making.TITLE, "Ylva Ranst", expected) == (article.title, article.author, article.text)


def test_a_title_is_the_noted_one_else_that_in_the_text_else_the_first_heading() -> None:
    assert "Noted" == _article(making.docx(title="Noted")).title
    assert making.TITLE == _article(making.docx(title="Microsoft Word - Dokument1.docx")).title
    assert (
        "The ferries" == _article(making.docx(word("A.") + word("The ferries", "berschrift1") + word("They go"))).title
    )
    assert "A short line" == _article(making.docx(word("A short line") + word(making.FERRIES))).title


def test_a_title_that_is_not_the_article_s_stays_in_the_text() -> None:
    assert _article(making.docx(title="Noted")).text.startswith(f"## {making.TITLE}\n\n")


def test_a_subtitle_is_one() -> None:
    body = word(making.TITLE, "Titel") + word("After four years", "Untertitel") + word(making.FERRIES)
    article = _article(making.docx(body))
    assert ("After four years", making.FERRIES) == (article.subtitle, article.text)


@pytest.mark.parametrize(
    ("paragraph", "expected"),
    [
        (word("Ferries", "berschrift3"), "### Ferries"),
        (word("Ferries", "Eigen"), "## Ferries"),
        (word("Ferries", "", '<w:outlineLvl w:val="1"/>'), "## Ferries"),
        (word("Ferries", "", '<w:outlineLvl w:val="9"/>'), "Ferries"),
        (word("Ferries", "Liste"), "- Ferries"),
        (word("Ferries", "Liste", '<w:numPr><w:numId w:val="0"/></w:numPr>'), "Ferries"),
        (word("Ferries", "", '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="2"/></w:numPr>'), "1. Ferries"),
        (word("Ferries", "", '<w:numPr><w:ilvl w:val="7"/><w:numId w:val="99"/></w:numPr>'), "- Ferries"),
        (word("Ferries", "Verzeichnis1"), ""),
    ],
)
def test_a_paragraph_is_what_its_style_or_it_itself_says(paragraph: str, expected: str) -> None:
    assert expected == _text(paragraph)


def test_numbers_count_on_and_inner_lists_begin_anew() -> None:
    outer, inner = (f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="2"/></w:numPr>' for depth in (0, 1))
    kinds = (outer, inner, inner, outer, inner)
    expected = "1. a\n1. a\n2. a\n2. a\n1. a"
    assert expected == _text("".join(word("a", "", kind) for kind in kinds))


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:r><w:t>stays</w:t></w:r>", "stays"),
        ("<w:ins><w:r><w:t>new </w:t></w:r></w:ins><w:r><w:t>old</w:t></w:r>", "new old"),
        ("<w:moveFrom><w:r><w:t>here</w:t></w:r></w:moveFrom><w:r><w:t>x</w:t></w:r>", "x"),
        ("<w:moveTo><w:r><w:t>there</w:t></w:r></w:moveTo>", "there"),
        ("<w:hyperlink><w:r><w:t>a link</w:t></w:r></w:hyperlink>", "a link"),
        ("<w:sdt><w:sdtContent><w:r><w:t>a field</w:t></w:r></w:sdtContent></w:sdt>", "a field"),
        ("<w:r><w:instrText>PAGE</w:instrText></w:r><w:r><w:t>7</w:t></w:r>", "7"),
        ("<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r><w:r><w:t>x</w:t></w:r>", "x"),
        ('<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>shown</w:t></w:r>', "shown"),
        ("<w:r><w:t>one</w:t><w:br/><w:t>two</w:t><w:tab/><w:t>three</w:t></w:r>", "one\ntwo three"),
        ('<w:commentRangeStart w:id="1"/><w:r><w:t>said</w:t></w:r><w:r><w:commentReference w:id="1"/></w:r>', "said"),
        ("<w:r><w:t>Ézelle</w:t><w:noBreakHyphen/><w:t>Vårsund</w:t><w:softHyphen/></w:r>", "Ézelle-Vårsund"),
    ],
)
def test_changes_are_accepted_and_what_is_not_shown_is_left_out(inside: str, expected: str) -> None:
    assert expected == _text(f"<w:p>{inside}</w:p>")


def test_tables_are_rows_and_a_frame_of_one_cell_is_none() -> None:
    def row(*cells: str, more: str = "") -> str:
        return f"<w:tr>{more}{''.join(f'<w:tc>{cell}</w:tc>' for cell in cells)}</w:tr>"

    gone = row(word("x"), word("y"), more="<w:trPr><w:del/></w:trPr>")
    inner = f"<w:tbl>{row(word('in'), word('ner'))}</w:tbl>"
    table = f"<w:tbl>{row(word('car'), word('2') + word('crowns'))}{gone}{row(word('lorry'), inner)}</w:tbl>"
    assert "car | 2 crowns\nlorry | in ner" == _text(table)
    assert "one\n\ntwo" == _text(f"<w:tbl>{row(word('one') + word('two'))}</w:tbl>")


def test_the_table_of_contents_is_left_out() -> None:
    gallery = '<w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj>'
    contents = f"<w:sdt><w:sdtPr>{gallery}</w:sdtPr><w:sdtContent>{word('The ferries 3')}</w:sdtContent></w:sdt>"
    assert "After it" == _text(contents + word("After it"))


def test_the_strict_kind_of_the_format_is_read() -> None:
    strict = making._W.replace(
        "schemas.openxmlformats.org/wordprocessingml/2006", "purl.oclc.org/ooxml/wordprocessingml"
    )
    document = f"<w:document {strict}><w:body>{word(making.FERRIES)}</w:body></w:document>"
    assert making.FERRIES == _article(making.docx(more={"word/document.xml": document})).text


def test_the_document_may_have_another_name() -> None:
    relations = '<Relationships><Relationship Type="http://x/officeDocument" Target="/word/other.xml"/></Relationships>'
    document = f"<w:document {making._W}><w:body>{word(making.FERRIES)}</w:body></w:document>"
    more: dict[str, str | bytes] = {"_rels/.rels": relations, "word/other.xml": document}
    assert making.FERRIES == _article(making.docx(more=more)).text


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (making.docx(word("")), "bridge.docx: has no text; write the article into it"),
        (
            making.zipped({"[Content_Types].xml": "", "word/x": ""}),
            "bridge.docx: has no text in it; save it again as .docx",
        ),
        (
            making.docx(more={"word/document.xml": "<w:document"}),
            "bridge.docx!/word/document.xml: its XML does not parse",
        ),
        (
            making.docx(more={"word/document.xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}),
            "bridge.docx!/word/document.xml: its XML declares entities or a grammar",
        ),
        (b"PK\3\4", "bridge.docx: is a damaged archive"),
    ],
)
def test_what_can_not_be_read_says_so(content: bytes, expected: str) -> None:
    with pytest.raises(LoadError) as raised:
        _article(content)
    assert str(raised.value).startswith(expected)

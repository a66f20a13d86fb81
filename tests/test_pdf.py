"""PDF files: reading order, paragraphs, headings, titles, and what is no article."""

from datetime import date

import pytest

from newsqa.domain import Article
from newsqa.errors import LoadError
from newsqa.loading import pdf
from newsqa.loading.given import Given
from tests import making

SENTENCES = [
    f"In the {number} week of the strike the {place} of Haldermarch stood still, and nobody in {town} was surprised, "
    f"because the {place} had been promised new rails for {number} years and had received only posters about them."
    for number, place, town in (
        ("first", "trams", "Vårsund"), ("second", "cranes", "Ézelle"), ("third", "lifts", "Brannoch"),
        ("fourth", "ferries", "Old Quay"), ("fifth", "trains", "Sorrel"), ("sixth", "buses", "Tamsin"),
        ("seventh", "barges", "Ost"), ("eighth", "mills", "Merle"), ("ninth", "looms", "Anselm"),
    )
]  # fmt: skip


def _article(content: bytes, name: str = "bridge.pdf") -> Article:
    (article,) = pdf.articles(Given(name, content))
    assert isinstance(article, Article)
    return article


def _problem(content: bytes) -> str:
    with pytest.raises(LoadError) as raised:
        list(pdf.articles(Given("bridge.pdf", content)))
    return str(raised.value)


def test_lines_become_the_paragraphs_and_headings_they_were() -> None:
    article = _article(making.pdf())
    assert (making.TITLE, making.TEXT) == (article.title, article.text)
    assert ("bridge", "", "", None, "", "") == (
        article.id, article.url, article.publisher, article.published_at, article.language, article.author,
    )  # fmt: skip


@pytest.mark.parametrize("columns", [2, 3])
def test_columns_are_read_one_after_the_other(columns: int) -> None:
    article = _article(making.pdf(columns=columns, sections=[("", each) for each in SENTENCES * 3]))
    assert SENTENCES * 3 == article.text.split("\n\n")


def test_running_heads_and_page_numbers_are_left_out() -> None:
    sections = [("", f"{number}: {each}") for number in range(6) for each in SENTENCES]
    article = _article(making.pdf(head="Haldermarch Herald, 12 May 2025", sections=sections))
    assert [text for _, text in sections] == article.text.split("\n\n")


def test_a_paragraph_goes_on_in_the_next_column_and_on_the_next_page() -> None:
    article = _article(making.pdf(columns=2, head="Haldermarch Herald", sections=[("", " ".join(SENTENCES * 7))]))
    assert " ".join(SENTENCES * 7) == article.text


def test_a_hyphen_goes_where_it_only_parted_a_word() -> None:
    lines = [
        "The harbour master of Haldermarch said that the har-",
        "bour would open. Its well-known crane, once a well-",
        "known wreck, lifts boats; the Vårsund-",
        "Ézelle line waits, and the winter of 1987-",
        "88 is remembered by the watch-",
        "man on the quay.",
    ]
    expected = (
        "The harbour master of Haldermarch said that the harbour would open. Its well-known crane, once a well-known "
        "wreck, lifts boats; the Vårsund-Ézelle line waits, and the winter of 1987-88 is remembered by the watchman on "
        "the quay."
    )
    assert expected == _article(making.pdf_of_lines(lines)).text


def test_items_of_a_list_stay_items() -> None:
    article = _article(making.pdf(items=["The first ferry leaves.", "The second waits. " + making.FERRIES]))
    assert f"- The first ferry leaves.\n- The second waits. {making.FERRIES}" == article.text.split("\n\n")[-1]


def test_a_number_at_the_beginning_of_a_line_begins_no_list() -> None:
    lines = ["The bridge of Vårsund was opened on the", "12. of May, and the ferries stopped on the", "13. of it."]
    assert " ".join(lines) == _article(making.pdf_of_lines(lines)).text


@pytest.mark.parametrize(
    ("noted", "expected"),
    [
        ("Haldermarch opens a bridge", "Haldermarch opens a bridge"),
        ("Microsoft Word - bridge_final2.doc", making.TITLE),
        ("bridge.indd", making.TITLE),
        ("Bridge", making.TITLE),
        ("untitled", making.TITLE),
        ("HH_20250512_p03", making.TITLE),
        ("  ", making.TITLE),
    ],
)
def test_a_title_is_what_the_file_notes_unless_that_is_nonsense(noted: str, expected: str) -> None:
    assert expected == _article(making.pdf(noted={"title": noted})).title


def test_the_author_is_what_the_file_notes() -> None:
    assert "Ylva Ranst" == _article(making.pdf(noted={"author": "Ylva Ranst"})).author


XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmp:CreateDate="2025-06-01T10:00:00Z" {attribute}>{element}
</rdf:Description></rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize(
    ("attribute", "element", "expected"),
    [
        ("", "<prism:publicationDate>2025-05-12</prism:publicationDate>", date(2025, 5, 12)),
        ('prism:publicationDate="2025-05-12"', "", date(2025, 5, 12)),
        ("", "<dc:date><rdf:Seq><rdf:li>2025-05-12</rdf:li></rdf:Seq></dc:date>", date(2025, 5, 12)),
        ("", "<dc:date><rdf:Seq><rdf:li>2025-06-01T10:00:00Z</rdf:li></rdf:Seq></dc:date>", None),
        ("", "<dc:date>soon</dc:date>", None),
        ("", "", None),
    ],
)
def test_a_publication_date_is_taken_and_that_of_the_file_is_not(
    attribute: str, element: str, expected: date | None
) -> None:
    packet = XMP.format(attribute=attribute, element=element).encode()
    content = making.pdf_with(b"/Metadata 6 0 R", more=[making.stream_object(packet, b"/Type /Metadata /Subtype /XML")])
    assert expected == _article(content).published_at


def test_two_publication_dates_are_none() -> None:
    packets = b"".join(
        XMP.format(attribute=f'prism:publicationDate="2025-05-{day}"', element="").encode() for day in (12, 13)
    )
    assert _article(making.pdf_with(more=[making.stream_object(packets)])).published_at is None


def test_ligatures_become_letters_and_control_characters_go() -> None:
    codes = b"1 beginbfchar <01> <FB03> endbfchar 1 beginbfchar <02> <0007> endbfchar"
    cmap = b"begincmap 1 begincodespacerange <00> <FF> endcodespacerange %s endcmap" % codes
    font = b"<< /F2 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 6 0 R >> >>"
    drawn = b"BT /F2 12 Tf 50 700 Td (The o\\001ce of the \\002harbour) Tj ET"
    content = making.pdf_with(
        page=b"/Resources << /Font " + font + b" >>", drawn=drawn, more=[making.stream_object(cmap)]
    )
    assert "The office of the harbour" == _article(content).text


def test_a_file_of_the_web_has_its_address_and_an_id_made_of_it() -> None:
    (article,) = pdf.articles(Given("https://herald.example/b.pdf", making.pdf(), url="https://herald.example/b.pdf"))
    assert isinstance(article, Article)
    assert ("https://herald.example/b.pdf", Article(title="", text="", url=article.url).id) == (article.url, article.id)


def test_what_can_not_be_read_says_what_to_do() -> None:
    picture = making.pdf_with(drawn=b"0 0 100 100 re f")
    assert "bridge.pdf: has no text layer (a scan?); put it through OCR first" == _problem(picture)
    assert "bridge.pdf: needs a password; save a copy without one" == _problem(making.pdf(locked=True))
    assert _problem(b"%PDF-1.7\nnothing").startswith("bridge.pdf: is damaged or no PDF;")
    many = making.pdf_of_objects(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [" + b"3 0 R " * 2001 + b"] /Count 2001 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
        ]
    )
    assert "bridge.pdf: has more than 2,000 pages; split it" == _problem(many)
    assert "bridge.pdf: has more than 50,000,000 bytes; split it" == _problem(b"%PDF-1.7".ljust(50_000_001))

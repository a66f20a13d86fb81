"""A chat model's prose is verified sentence by sentence as it comes, and none of its own markers is shown."""

import random
from collections.abc import Callable, Sequence
from datetime import date

import pytest

from newsqa import Article, Citation, ScoredPassage
from newsqa.domain import Event
from newsqa.errors import ArticleNotFoundError
from newsqa.grounding import Evidence, Prose, verify
from newsqa.grounding.markup import Marker, Scanner, Word, holds_address
from newsqa.passages import split_passages
from newsqa.reader import Reader

FERRY = Article(
    id="ferry",
    title="The ferry sails again",
    publisher="Tarnel Post",
    published_at=date(2025, 5, 12),
    text="The ferry to Vårsund sails again from Monday. A ticket costs 4 crowns, said Captain Orla Quist. "
    "It will not carry cars before 9 a.m. on Sundays.",
)
BRIDGE = Article(
    id="bridge",
    title="The bridge",
    text="The Hollin Bridge closes for twelve weeks. “We had no choice at all,” mayor Benedikta Falk said. "
    "Russian engineers found 318 cracks in it.",
)
ARTICLES = {each.id: each for each in (FERRY, BRIDGE)}
PASSAGES = [
    ScoredPassage(split_passages(each)[0], each.title, each.publisher, each.url, each.published_at, 0.0)
    for each in (FERRY, BRIDGE)
]
READER = Reader()
Get = Callable[[str], Article]


def _told(*pieces: str, mark: bool = False, article: Get = ARTICLES.__getitem__) -> tuple[Prose, list[Event]]:
    prose, events = Prose(PASSAGES, article, READER, mark=mark), list[Event]()
    for piece in pieces:
        events += prose.feed(piece)
    events += prose.end()
    assert prose.text == _replayed(events)
    for citation in prose.citations:
        assert ARTICLES[citation.article_id].text[slice(*_span(citation))] == citation.quote
        assert prose.text[citation.answer_span.end :].startswith(" [")
    assert [each.number for each in prose.citations] == list(range(1, len(prose.citations) + 1))
    return prose, events


def _span(citation: Citation) -> tuple[int, int]:
    return citation.source_span.start, citation.source_span.end


def _replayed(events: Sequence[Event]) -> str:
    """The text as a client has it that does what the events say."""
    text = ""
    for event in events:
        if event.type == "delta":
            text += event.value
        elif event.type == "withdrawn":
            assert event.value.start <= len(text)
            text = text[: event.value.start]
    return text


def test_a_sentence_streams_at_once_and_gets_its_citation_when_it_is_whole() -> None:
    prose = Prose(PASSAGES, ARTICLES.__getitem__, READER)
    assert ["The", " ferry"] == [event.value for event in prose.feed("The ferry sa")]
    assert [" sails"] == [event.value for event in prose.feed("ils ")]
    later = list(prose.feed("again from Monday [1]. A ticket costs 4"))
    kinds = [event.type for event in later]
    assert "citation" in kinds
    assert kinds.index("citation") < len(kinds) - 1  # and the next sentence is under way
    list(prose.feed(" crowns [1]."))
    list(prose.end())
    assert "The ferry sails again from Monday. [1] A ticket costs 4 crowns. [2]" == prose.text
    assert ["ferry", "ferry"] == [each.article_id for each in prose.citations]
    assert "The ferry to Vårsund sails again from Monday." == prose.citations[0].quote


REPLY = (
    "The ferry sails again from Monday [1]. The Hollin Bridge closes for 12 weeks. [2] Tickets cost 90 crowns [1]! "
    "It closes at 9 a.m. Moscow time [2]. Benedikta Falk said “we had no choice at all” [2, 7].\n\n"
    "- See [x](http://e.example) [1]"
)


@pytest.mark.parametrize("seed", range(6))
def test_the_pieces_that_it_comes_in_change_nothing(seed: int) -> None:
    chance, pieces, rest = random.Random(seed), [], REPLY
    while rest:
        cut = chance.randint(1, 9)
        pieces.append(rest[:cut])
        rest = rest[cut:]
    whole, piecemeal = _told(REPLY)[0], _told(*pieces)[0]
    assert whole.text == piecemeal.text
    assert whole.unverified == piecemeal.unverified
    assert (
        "The ferry sails again from Monday. [1] The Hollin Bridge closes for 12 weeks. [2] "
        "Benedikta Falk said “we had no choice at all”. [3]" == whole.text
    )


@pytest.mark.parametrize(
    ("reply", "text", "kinds"),
    [
        ("The ferry costs 40 crowns [1].", "", ["unsupported"]),
        ("Captain Boris Zhukov runs the ferry from Monday [1].", "", ["unsupported"]),
        ("The ferry sails again from Monday [2].", "", ["misattributed"]),
        ("The ferry sails again from Monday [9].", "", ["misattributed"]),
        ("The ferry sails again from Monday [0][99][1].", "The ferry sails again from Monday. [1]", []),
        ("The ferry sails again from Monday [[1]].", "The ferry sails again from Monday. [1]", []),
        ("The fer[1]ry sails again from Monday.", "The ferry sails again from Monday. [1]", []),
        (
            "The ferry sails again from Monday [1",
            "The ferry sails again from Monday [1]".replace(" [", ". [")[:0],
            None,
        ),
        ("The ferry sails again from Monday.", "The ferry sails again from Monday. [1]", []),
        ("Falk said: “We had no choice, said Captain Orla Quist of it” [2].", "", ["frankenquote"]),
        ("He said “ferry to Vårsund sails again closes for twelve weeks” [1][2].", "", ["frankenquote"]),
        ("Falk said “the bridge was sold to strangers” [2].", "", ["fabricated"]),
        ("Captain Orla Quist said: “We had no choice at all” [2].", "", ["unsupported"]),
        ("In the end elephants like rain [1].", "", ["fabricated"]),
        ("It will carry cars before 9 a.m. on Sundays [1].", "", ["fabricated"]),
        ("It will not carry cars before 9 a.m. on Sundays [1].", None, []),
        ("", "", []),
        ("   \n\n ", "", []),
        ("[1][2][3]", "", []),
        ("I'm sorry, but I can't help with that.", "", ["fabricated"]),
        ("Die Fähre fährt wieder [1].", "", None),
        ("渡轮星期一再次启航 [1]。", "", None),
        ("Russia found 318 cracks in it [2].", "Russia found 318 cracks in it. [1]", []),
        (
            "The ferry sails again from Monday, 12 May 2025 [1].",
            "The ferry sails again from Monday, 12 May 2025. [1]",
            [],
        ),
    ],
)
def test_replies_made_to_break_grounding(reply: str, text: str | None, kinds: list[str] | None) -> None:
    prose, _ = _told(reply)
    if kinds is not None:
        assert kinds == [each.kind for each in prose.unverified]
        assert text is None or text == prose.text
    assert "[" not in prose.text or prose.citations


@pytest.mark.parametrize(
    "aside", ["(sources familiar with it say)", "[citation needed]", "(passage two)", "[source x", "[(source x) y]"]
)
def test_what_looks_like_a_marker_holds_up_nothing(aside: str) -> None:
    for pieces in ([f"It sank {aside}. The ferry sails again from Monday [1]."], list(f"It sank {aside}. The end.")):
        assert _told(*pieces)[1]


@pytest.mark.parametrize(
    "reply",
    [
        "The provided articles don't say.", "The articles don’t state who.", "None of the articles say.",
        "There is no information about this in the articles.", "Sorry, the articles cannot say.",
        "The articles say nothing about it.", "Based on the passages, the text does not specify this.",
    ],
)  # fmt: skip
def test_the_no_answer_sentence_may_be_put_otherwise(reply: str) -> None:
    assert _told(reply)[0].says_nothing
    assert not _told("The articles don’t mention it, but the ferry sails again from Monday [1].")[0].says_nothing


def test_a_marker_before_its_sentence_is_of_that_sentence() -> None:
    prose, _ = _told("[1] The ferry sails again from Monday.\n[2] The Hollin Bridge closes for twelve weeks.")
    assert ["ferry", "bridge"] == [each.article_id for each in prose.citations]


def test_half_a_marker_at_the_end_is_left_out() -> None:
    for end in ("[1", "[", "[1, ", "[passage 1"):
        assert "The ferry sails again from Monday [1]" == _told(f"The ferry sails again from Monday {end}")[0].text


def test_a_hundred_thousand_characters_end_somewhere() -> None:
    prose, events = _told("The ferry sails again from Monday [1]. " * 2600)
    assert 10_000 <= len(prose.text) <= 10_100
    assert len(events) < 20_000
    assert "" == _told("x" * 100_000)[0].text
    assert "" == _told("ferry " * 20_000)[0].text
    assert "" == _told("[" * 5_000)[0].text


def test_two_passages_bear_out_one_sentence_between_them() -> None:
    prose, _ = _told("The ferry sails again from Monday, and the Hollin Bridge closes for twelve weeks [1][2].")
    assert {"ferry", "bridge"} == {each.article_id for each in prose.citations}
    assert prose.text.endswith(" [1] [2]")
    assert 1 == len({each.answer_span for each in prose.citations})


def test_what_fails_can_be_marked_in_the_place_of_being_withdrawn() -> None:
    prose, events = _told("The ferry costs 40 crowns [1]. The ferry sails again from Monday [1].", mark=True)
    assert "The ferry costs 40 crowns. The ferry sails again from Monday. [1]" == prose.text
    (marked,) = prose.unverified
    assert marked.answer_span
    assert "The ferry costs 40 crowns." == marked.answer_span.of(prose.text)
    assert "unverified" in [event.type for event in events]


@pytest.mark.parametrize(
    "reply", ["The articles don't say.", "The articles don’t say. [1] But I think so.", "the articles do not say"]
)
def test_saying_that_the_articles_dont_say_ends_it(reply: str) -> None:
    prose, _ = _told(reply)
    assert prose.says_nothing
    assert prose.full
    assert "" == prose.text


def test_behind_a_statement_it_is_left_out() -> None:
    prose, _ = _told("The ferry sails again from Monday [1]. The articles don't say more.")
    assert not prose.says_nothing
    assert "The ferry sails again from Monday. [1]" == prose.text
    assert [] == prose.unverified


@pytest.mark.parametrize("mark", [False, True])
@pytest.mark.parametrize(
    "address",
    [
        "![x](https://evil.example/?q=secret)", "![x][y]", "[click](javascript:alert(1))", "https://evil.example/a",
        "<img src=https://evil.example>", "<https://evil.example>", "//evil.example/x", "www.evil.example",
        "data:text/html,x", "evil.example", "mail@evil.example", "[1](https://evil.example)", "xn--80ak6aa92e.com",
        "http\u200bs://evil.example", "[a]\n[a]: https://evil.example", "<script>alert(1)</script>", "`https://evil.example`",
        "<a href='https://evil.example'>", "evil.c**om", "evil.c]om", "evil.<i>com", "t.me/evil", "evil.ai", "m@evil",
        "ftp:evil", "evil．com", "evil。com", "https:`/`/evil.c`om`", "https:[1]/[1]/evil.[1]com", "evil.site/x?q=1",
    ],
)  # fmt: skip
def test_no_link_image_or_tag_is_left(address: str, mark: bool) -> None:
    for reply in (
        f"The ferry sails again from Monday {address} [1].",
        f"{address} The ferry sails again from Monday [1].",
    ):
        prose, events = _told(reply, mark=mark)
        sent = "".join(str(event.value) for event in events if event.type == "delta")
        assert not holds_address(prose.text)
        assert not holds_address(sent)
        for trace in ("evil.example", "://", "](", "<", "javascript", "data:", "www"):
            assert trace not in prose.text
            assert trace not in sent


def test_an_article_that_was_replaced_meanwhile_is_not_cited() -> None:
    other = Article(id="ferry", title="Other", text="Something else stands here now.")
    prose, _ = _told("The ferry sails again from Monday [1].", article=lambda _: other)
    assert ["fabricated"] == [each.kind for each in prose.unverified]

    def gone(_: str) -> Article:
        raise ArticleNotFoundError("gone")

    assert "" == _told("The ferry sails again from Monday [1].", article=gone)[0].text


def test_what_was_under_way_can_be_taken_back() -> None:
    prose = Prose(PASSAGES, ARTICLES.__getitem__, READER)
    events = [*prose.feed("The ferry sails again from Monday [1]. A ticket costs 90 "), *prose.cut()]
    assert "The ferry sails again from Monday. [1]" == prose.text == _replayed(events)


def test_words_and_markers_are_told_apart() -> None:
    scanner = Scanner()
    tokens = [*scanner.feed("A (passage 2) b【3】 c [1-3] d [sic] 3 < 4 [see 5"), *scanner.end()]
    assert [(2,), (3,), (1, 2, 3)] == [token.numbers for token in tokens if isinstance(token, Marker)]
    assert "A b c d (sic) 3 < 4 (see 5" == "".join(token.text for token in tokens if isinstance(token, Word))


@pytest.mark.parametrize(
    ("statement", "failure"),
    [
        ("The Hollin Bridge closes for 12 weeks.", None),
        ("The bridge closes for two weeks.", "unsupported"),
        ("The bridge closes for 12 million weeks.", "unsupported"),
        ("The bridge closes for twelve days.", "fabricated"),
        ("The bridge hardly closes for twelve weeks.", "fabricated"),
        ("According to The bridge, the Hollin Bridge closes for twelve weeks.", None),
        ("Russia’s engineers found 318 cracks.", None),
        ("Belgian engineers found 318 cracks.", "unsupported"),
        ("In March, engineers found 318 cracks.", "unsupported"),
    ],
)
def test_numbers_names_and_words_have_to_stand_there(statement: str, failure: str | None) -> None:
    given = [Evidence(each) for each in PASSAGES]
    assert failure == verify(statement, given[1:], given, READER).failure

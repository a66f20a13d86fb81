"""The page's HTML: citations at their place, articles as they stand, nothing of theirs taken for markup."""

import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsqa import Article
from newsqa.api import wire
from newsqa.domain import Origin, Span
from newsqa_ui.session import JOINER, Asked, Session, as_typed, typed
from newsqa_ui.showing import act, article_blocks, copied, day, html, original, parts_of, said, sureness

TEXT = "18%. Russia controls 18% of it. [1] Kyiv denies it [9] twice. [2]"
QUOTES = ("Russia controls 18% of it.", "Kyiv denies it [9] twice.")
VOID = {"img", "input", "progress", "br", "meta", "link"}


def _citation(number: int, quote: str, span: tuple[int, int], **values: Any) -> wire.Citation:
    given: dict[str, Any] = {
        "article_id": "a",
        "revision": "r",
        "title": "Title",
        "publisher": "Herald",
        "url": "",
        "published_at": "2025-05-12",
        "source_span": wire.Span(start=0, end=len(quote)),
    }
    answer_span = wire.Span(start=span[0], end=span[1])
    return wire.Citation(**{**given, **values}, number=number, quote=quote, answer_span=answer_span)


def _cited() -> list[wire.Citation]:
    return [
        _citation(1, QUOTES[0], (0, TEXT.index(" [1]"))),
        _citation(2, QUOTES[1], (TEXT.index("Kyiv"), TEXT.index(" [2]"))),
    ]


def _answer(**values: Any) -> wire.Answer:
    given: dict[str, Any] = dict.fromkeys(("id", "question", "standalone_question", "text", "answerer"), "")
    given |= {"short": None, "status": "abstained", "confidence": 0.1, "citations": (), "passages": (), "timings": {}}
    return wire.Answer.model_validate(given | values)


def test_an_answer_is_taken_apart_at_its_citations_alone() -> None:
    parts = said(TEXT, _cited())
    assert [("18%.", QUOTES[0], (1,)), ("", QUOTES[1], (2,))] == [
        (s.lead, s.quote, s.numbers) for s in parts.statements
    ]
    assert ("", "") == (parts.preface, parts.rest)


def test_what_has_come_of_an_answer_is_shown() -> None:
    preface = "The articles differ."
    assert (preface, ()) == (said(preface, []).preface, said(preface, []).statements)
    one = said(TEXT[: TEXT.index(" [1]") + 4], _cited()[:1])
    assert [(1,)] == [statement.numbers for statement in one.statements]


def test_an_abstention_keeps_its_verdict_apart_from_what_it_cites() -> None:
    text = "The articles don’t say. I looked at 4 passages. What they do say: Russia controls 18% of it. [1]"
    span = (text.index("Russia"), text.index(" [1]"))
    shown = Asked("Why?", "ans_1", text=text, citations=[_citation(1, QUOTES[0], span)]).html()
    assert '<p class="nq-verdict">The articles don’t say.</p>' in shown
    assert '<p class="nq-preface">I looked at 4 passages. What they do say:</p>' in shown
    assert f'{QUOTES[0]}&nbsp;<a class="nq-chip"' in shown


@pytest.mark.parametrize(
    ("url", "text", "expected"),
    [
        ("https://a.example/x", "", "https://a.example/x"),
        ("https://a.example/x", "one two-three, four", "https://a.example/x#:~:text=one%20two%2Dthree%2C%20four"),
        ("https://a.example/x#top", "one", "https://a.example/x#top:~:text=one"),
        (
            "https://a.example/x",
            " ".join(f"w{n}" for n in range(20)),
            "https://a.example/x#:~:text=w0%20w1%20w2%20w3%20w4%20w5,w14%20w15%20w16%20w17%20w18%20w19",
        ),
        ("javascript:alert(1)", "one", ""),
        ("data:text/html,x", "one", ""),
        (" https://a.example", "one", ""),
        ("https://a.example/\nx", "one", ""),
        ("http://[", "one", ""),
        ("//a.example/x", "one", ""),
        ("", "one", ""),
    ],
)
def test_an_original_is_linked_at_its_words_over_http_only(url: str, text: str, expected: str) -> None:
    assert expected == original(url, text)


@pytest.mark.parametrize(
    ("confidence", "name", "words"),
    [
        (0.99, "sure", "Sure: about 9 in 10"),
        (0.01, "unsure", "Not sure: only about 1 in 10"),
        (0.93, "sure", "Sure: about 9 in 10"),
        (0.6, "fair", "Fairly sure: about 6 in 10"),
        (0.41, "unsure", "Not sure"),
    ],
)
def test_how_sure_an_answer_is_is_said_in_words(confidence: float, name: str, words: str) -> None:
    assert name == sureness(confidence)[0]
    assert sureness(confidence)[1].startswith(words)


def test_dates_are_read_as_people_write_them() -> None:
    assert ["12 May 2025", "12 May 2025", "1 June 2025", "no date"] == [
        day("2025-05-12"),
        day("2025-05-12T10:00:00+02:00"),
        day(date(2025, 6, 1)),
        day(None),
    ]


ARTICLE = Article(
    "Otters return",
    "Otters return\nThe otters are back.\n\nIn numbers\nThere are 73 otters, said Orla Quist. They eat fish.\n",
)


def test_an_article_is_shown_in_its_paragraphs_with_its_headings() -> None:
    blocks, part = article_blocks(ARTICLE, None)
    assert [(True, "Otters return"), (False, "The otters are back."), (True, "In numbers")] == [
        (block.heading, block.runs[0][0]) for block in blocks[:3]
    ]
    assert Span(0, len(ARTICLE.text.rstrip())) == part


def test_markdowns_signs_of_a_heading_are_not_shown() -> None:
    article = Article("Otters", "## In numbers\n\nThere are 73 otters.\n\n#otters is what people write.")
    blocks, _ = article_blocks(article, None)
    values = {
        "article": article,
        "blocks": blocks,
        "note": "",
        "quote": "",
        "shown": "",
        "earlier": None,
        "later": None,
    }
    shown = html("article", **values)
    assert "<h3>In numbers</h3>" in shown
    assert "<p>#otters is what people write.</p>" in shown


def test_a_lit_sentence_and_the_answer_in_it_are_marked_exactly() -> None:
    quote = "There are 73 otters, said Orla Quist."
    start = ARTICLE.text.index(quote)
    blocks, _ = article_blocks(ARTICLE, Span(start, start + len(quote)), parts_of(quote, "73 otters", start))
    runs = [run for block in blocks for run in block.runs if run[1]]
    assert [("There are ", "lit"), ("73 otters", "strong"), (", said Orla Quist.", "lit")] == runs


def test_the_members_of_a_list_are_all_marked_and_no_part_of_a_word() -> None:
    quote = "In Kyivan times, Kyiv and Moscow"
    assert [Span(27, 31), Span(36, 42)] == parts_of(quote, "Kyiv; Moscow", 10)
    assert [] == parts_of(quote, None, 0)


@given(st.text(max_size=400), st.integers(0, 400), st.integers(0, 400))
def test_marks_change_no_character_of_a_text(text: str, one: int, other: int) -> None:
    article = Article("T", text)
    start, end = sorted((min(one, len(article.text)), min(other, len(article.text))))
    blocks, _ = article_blocks(article, Span(start, end))
    shown = "".join(run for block in blocks for run, _ in block.runs)
    lit = "".join(run for block in blocks for run, mark in block.runs if mark)
    assert "".join(article.text.split()) == "".join(shown.split())
    assert "".join(article.text[start:end].split()) == "".join(lit.split())


def test_a_long_article_is_shown_around_what_is_lit() -> None:
    text = "\n".join(f"Sentence number {number} stands here." for number in range(20_000))
    article, sentence = Article("Long", text), "Sentence number 15000 stands here."
    start = text.index(sentence)
    blocks, part = article_blocks(article, Span(start, start + len(sentence)))
    assert [sentence] == [run for block in blocks for run, mark in block.runs if mark]
    assert 0 < part.start < start < part.end < len(text)
    following, later = article_blocks(article, None, start=part.end)
    assert part.end < later.start < part.end + 2
    assert text[later.start : later.start + 8] == following[0].runs[0][0][:8]


def test_a_paragraph_without_an_end_is_shown_in_parts_too() -> None:
    _, part = article_blocks(Article("Long", "It goes on and on. " * 20_000), None)
    assert part.end < 102_000


HOSTILE = '</p></a><script>alert(1)</script><img src=x onerror="alert(2)">\n\n"\'><b onclick=x>&lt;i&gt; `x` **y** [z](http://e)'


class _Tags(HTMLParser):
    """The tags of a page, and that each is closed."""

    def __init__(self, shown: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.tags: set[str] = set()
        self.feed(shown)
        assert [] == self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()


def _passage(text: str) -> dict[str, Any]:
    passage = {"id": HOSTILE, "article_id": HOSTILE, "start": 0, "end": 1, "text": text, "sentences": ()}
    return {
        "passage": passage,
        "title": HOSTILE,
        "publisher": HOSTILE,
        "url": HOSTILE,
        "published_at": None,
        "score": 1.0,
        "scores": {},
    }


def test_whatever_an_article_says_no_template_takes_it_for_markup() -> None:
    text = f"The articles don’t say. {HOSTILE} [1] {HOSTILE}"
    span = (text.index(HOSTILE), text.index(" [1]"))
    copy = wire.Copy(article_id=HOSTILE, title=HOSTILE, publisher=HOSTILE, url=HOSTILE, published_at=None)
    hostile: dict[str, Any] = {
        "title": HOSTILE,
        "publisher": HOSTILE,
        "url": f"https://e.example/{HOSTILE}",
        "copies": (copy,),
    }
    citation = _citation(1, HOSTILE, span, **hostile)
    asked = Asked(HOSTILE, HOSTILE, text=text, citations=[citation], understood=HOSTILE, problem=HOSTILE)
    asked.answer = _answer(passages=[_passage(HOSTILE)])
    article = Article(HOSTILE, HOSTILE, id=HOSTILE, url=HOSTILE, publisher=HOSTILE, author=HOSTILE, subtitle=HOSTILE)
    blocks, _ = article_blocks(article, Span(5, 40), [Span(8, 20)])
    conversation = {"id": HOSTILE, "title": HOSTILE, "updated_at": datetime(2025, 1, 1, 9, 5, tzinfo=UTC)}
    for shown in (
        asked.html(),
        html("article", article=article, blocks=blocks, note=HOSTILE, quote=HOSTILE, shown=1, earlier=0, later=9),
        html(
            "listing",
            articles=[article],
            chosen={HOSTILE: ""},
            more=True,
            count="1",
            empty="",
            may_write=True,
            origins=[Origin(HOSTILE, "feed", error=HOSTILE)],
        ),
        html("conversations", conversations=[conversation], current=HOSTILE),
        html("asking", narrowed=HOSTILE, count="1"),
        html("bar", conversation=HOSTILE, leaving=True),
        html("added", counts=[], failed=[(HOSTILE, HOSTILE)]),
    ):
        tags = _Tags(shown)
        assert not tags.tags & {"script", "img", "b", "iframe", "style"}
        assert not [name for name, _ in tags.attributes if name.startswith("on")]
        links = [value or "" for name, value in tags.attributes if name == "href"]
        assert all(link.startswith(("#do/", "https://", "/v1/")) for link in links), links
        assert "\n\n" not in shown  # Markdown would begin to read again


def test_a_link_that_acts_carries_any_value() -> None:
    assert "#do/read/a%2Fb%20%22c%22/2" == act("read", 'a/b "c"', 2)


def test_a_copied_answer_has_its_quotes_below() -> None:
    lines = copied(TEXT, _cited()).splitlines()
    assert [TEXT, f"[1] “{QUOTES[0]}” Title, Herald, 12 May 2025"] == lines[:2]


@given(st.text())
def test_an_edited_question_comes_back_as_it_was_typed(question: str) -> None:
    assert question.replace(JOINER, "") == typed(as_typed(question))
    assert not re.search(r"<\w|\]\(|&\w", as_typed(question))


def test_what_is_asked_is_said_in_words() -> None:
    session = Session()
    assert "" == session.narrowed()
    session.chosen = {"a": "One", "b": "Two"}
    assert "“One”; “Two”" == session.narrowed()
    session.chosen["c"] = "Three"
    session.publisher, session.published_from = "Herald", date(2025, 3, 1)
    assert "3 chosen articles of Herald from 1 March 2025" == session.narrowed()
    session.chosen = {}
    assert "the articles of Herald from 1 March 2025" == session.narrowed()


def test_turns_that_are_cut_off_name_the_first_that_is_kept() -> None:
    kept = _answer(id="ans_2")
    turns = [Asked("1?", "ans_1", stopped=True), Asked("2?", "ans_2", answer=kept), Asked("3?", problem="no")]
    session = Session(turns=list(turns))
    assert "ans_2" == session.cut(0)
    assert [] == session.turns
    session = Session(turns=list(turns))
    assert "" == session.cut(2)
    assert turns[:2] == session.turns


# A chat model's words

PROSE = "Russia holds 18%. [1] It has 77%. Kyiv rejects it all. [2] [3]"


def _prose() -> list[wire.Citation]:
    spans = [
        (PROSE.index(text), PROSE.index(text) + len(text)) for text in ("Russia holds 18%.", "Kyiv rejects it all.")
    ]
    return [_citation(1, QUOTES[0], spans[0]), _citation(2, QUOTES[1], spans[1]), _citation(3, QUOTES[0], spans[1])]


def _doubt(text: str, *, marked: bool) -> wire.Unverified:
    span = wire.Span(start=PROSE.index(text), end=PROSE.index(text) + len(text)) if marked else None
    return wire.Unverified(kind="unsupported", text=text, answer_span=span)


def test_prose_runs_on_with_all_its_numbers_and_what_is_marked() -> None:
    parts = said(PROSE, _prose(), 0, [_doubt("It has 77%.", marked=True)])
    assert parts.prose
    assert ["Russia holds 18%.", "It has 77%.", "Kyiv rejects it all."] == [each.quote for each in parts.statements]
    assert [(1,), (), (2, 3)] == [each.numbers for each in parts.statements]
    assert ["", "a number or name in it is not in the passages it cites", ""] == [
        each.doubt for each in parts.statements
    ]
    growing = said("Russia holds 18%. [1] It has", _prose()[:1])
    assert ("It has", True) == (growing.rest, growing.prose)


def test_what_was_withdrawn_and_why_the_chat_model_is_not_heard_is_told() -> None:
    values = {"id": "ans_1", "text": PROSE, "status": "answered", "confidence": 0.9}
    doubt = _doubt("<b>77</b>", marked=False)
    answer = _answer(**values, citations=_prose(), answerer="generative", unverified=[doubt])
    shown = _shown(answer)
    assert "Withdrawn: 1 statement of the chat model" in shown
    assert "“&lt;b&gt;77&lt;/b&gt;”" in shown
    assert "In the chat model’s words" in shown
    assert "From the articles’ own sentences" not in shown
    fallen = _shown(_answer(**values, citations=_cited(), answerer="extractive", fallback="it took longer than 4 s"))
    assert "From the articles’ own sentences, without the chat model. (it took longer than 4 s)" in fallen
    broken = _shown(_answer(**values, citations=_prose(), answerer="generative", fallback="broke off"))
    assert "The chat model broke off; what it had said was checked. (broke off)" in broken


def _shown(answer: wire.Answer) -> str:
    asked = Asked("What?")
    asked.done(answer)
    return asked.html()


def test_what_is_taken_back_is_gone_from_what_is_shown() -> None:
    asked = Asked("What?")
    for event in (
        wire.Start(answer_id="ans_1", standalone_question="What?"),
        wire.Delta(text="Russia holds 18%."),
        wire.Delta(text=" [1]"),
        wire.Cited(citation=_prose()[0]),
        wire.Delta(text=" It has 77"),
        wire.Withdrawn(start=len("Russia holds 18%. [1]"), kind="unsupported"),
    ):
        asked.take(event)
    assert "Russia holds 18%. [1]" == asked.text
    asked.take(wire.Marked(unverified=_doubt("It has 77%.", marked=True)))
    asked.take(wire.Withdrawn(start=0, kind=None))
    assert ("", []) == (asked.text, asked.unverified)

"""Makes the page's HTML: the templates escape whatever articles and answers say, and link to http(s) only."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from itertools import pairwise
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from newsqa.api import wire
from newsqa.cli.printing import ago
from newsqa.domain import Article, Origin, Sentence, Span
from newsqa.passages import split_sentences

MOST_CHARS = 100_000
"""Of an article that are shown at once."""
DOUBTS = {
    "misattributed": "another passage says so, not the one it cites",
    "frankenquote": "its quotation is stitched together",
    "fabricated": "no passage says so",
    "unsupported": "a number or name in it is not in the passages it cites",
}
"""Why a chat model's statement failed verification, in words."""
_HASHES = re.compile(r"^\s*#{1,6}\s+")
_FRAGMENT_WORDS = 6
"""Of a quote's beginning and of its end, that a link to the original finds it by."""


@dataclass(frozen=True)
class Statement:
    """A piece of an answer: cited, marked as unverified, or neither."""

    lead: str
    """What is said before the quote: the short answer, or who says it; may be empty."""
    quote: str
    """The quote, or a chat model's own words."""
    numbers: tuple[int, ...]
    """Of its citations."""
    doubt: str = ""
    """What is wrong with it, in words; empty where it was verified."""


@dataclass(frozen=True)
class Said:
    """An answer's text taken apart at its citations."""

    preface: str
    statements: tuple[Statement, ...]
    rest: str
    prose: bool = False
    """Whether these are a chat model's words, which run on."""


@dataclass(frozen=True)
class Block:
    """A paragraph or heading of an article: runs of its text, each plain, lit or strong."""

    heading: bool
    runs: tuple[tuple[str, str], ...]


def html(template: str, **values: Any) -> str:
    """The template with these values, on lines that Markdown takes for one piece of HTML."""
    lines = map(str.strip, _templates().get_template(f"{template}.html").render(values).splitlines())
    return "\n".join(filter(None, lines))


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("newsqa_ui"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "day": day,
        "act": act,
        "ago": ago,
        "doubt": DOUBTS.__getitem__,
        "line": line,
        "moment": moment,
        "original": original,
        "outlet": outlet,
        "trouble_of": Origin.trouble,
        "unmarked": unmarked,
    }
    return made


def act(name: str, *values: object) -> str:
    """The address of a link that the page's script sends on as an event with these values."""
    return "/".join(("#do", name, *(quote(str(value), safe="") for value in values)))


def line(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


def day(moment: str | date | None) -> str:
    """A date as it is read: "12 May 2025"."""
    if not moment:
        return "no date"
    known = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{known.day} {known:%B %Y}"


def moment(at: datetime) -> str:
    """A moment as it is read: "12 May 2025, 09:05 UTC"."""
    return f"{day(at)}, {at:%H:%M} {at.tzname() or ''}".rstrip()


def unmarked(heading: str) -> str:
    """A heading without the number signs that Markdown marks it with."""
    return _HASHES.sub("", heading)


def outlet(cited: Any) -> str:
    """Who published it, and when."""
    return f"{cited.publisher or 'publisher not known'}, {day(cited.published_at)}"


def original(url: str, text: str = "") -> str:
    """The address of the original, at this text where browsers know how (a text fragment); empty where it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.netloc or re.search(r"[\s\x00-\x1f\x7f]", url):
        return ""
    words = text.split()
    if not words:
        return url
    ends = [words] if len(words) <= 2 * _FRAGMENT_WORDS else [words[:_FRAGMENT_WORDS], words[-_FRAGMENT_WORDS:]]
    fragment = ",".join(quote(" ".join(part), safe="").replace("-", "%2D") for part in ends)
    return f"{url}{'' if parts.fragment else '#'}:~:text={fragment}"


def said(
    text: str, citations: Sequence[wire.Citation], start: int = 0, unverified: Sequence[wire.Unverified] = ()
) -> Said:
    """The text of an answer from `start` on, or as much of it as has come, at its citations and marks."""
    cited: dict[tuple[int, int], list[wire.Citation]] = {}
    for citation in citations:
        cited.setdefault((citation.answer_span.start, citation.answer_span.end), []).append(citation)
    doubts = {(each.answer_span.start, each.answer_span.end): each for each in unverified if each.answer_span}
    statements, end, preface, prose = list[Statement](), start, "", bool(doubts)
    for span in sorted({*cited, *doubts}):
        between, whole = text[end : span[0]], text[slice(*span)]
        if statements and between.strip():
            statements.append(Statement("", line(between), ()))
        preface = preface if statements else between
        numbers = tuple(each.number for each in cited.get(span, ()))
        quote = next((each.quote for each in cited.get(span, ()) if whole.endswith(each.quote)), whole)
        prose |= quote is whole
        doubt = DOUBTS[doubts[span].kind] if span in doubts else ""
        statements.append(Statement(line(whole.removesuffix(quote)), line(quote), numbers, doubt))
        end = span[1] + sum(len(f" [{number}]") for number in numbers)
    rest = line(text[end:])
    return Said(line(preface), tuple(statements), rest, prose) if statements else Said(rest, (), "")


def sureness(confidence: float, answerer: str = "extractive") -> tuple[str, str]:
    """How sure an answer is: a name for its looks, and the words."""
    if answerer == "generative":  # the confidence is the reader's: that the articles answer the question at all
        checked = "In the chat model’s words; each sentence was checked against what it cites."
        if confidence >= 0.5:
            return "sure", checked
        return "unsure", f"{checked} The articles may not answer just this: look at the cited sentences."
    in_ten = f"about {min(9, max(1, round(confidence * 10)))} in 10 such answers are right"
    if confidence >= 0.75:
        return "sure", f"Sure: {in_ten}."
    if confidence >= 0.5:
        return "fair", f"Fairly sure: {in_ten}."
    return "unsure", f"Not sure: only {in_ten}. Check the sentence it rests on."


def article_blocks(
    article: Article, lit: Span | None, strong: Iterable[Span] = (), start: int = 0
) -> tuple[list[Block], Span]:
    """The article's text as it stands, in blocks, and which part of it they are; a long article is shown in parts.

    Args:
        article: to be read.
        lit: the sentence that is lit up; what is shown lies around it.
        strong: what stands out of it.
        start: where the part begins, in characters, when nothing is lit.
    """
    text = article.text
    sentences = split_sentences(text, article.language, (article.title, article.subtitle))
    first = max(0, lit.start - MOST_CHARS // 2) if lit else start
    shown = [each for each in sentences if each.end > first and each.start < first + MOST_CHARS]
    marks = [(lit, "lit"), *((each, "strong") for each in strong)] if lit else []
    headings = {(each.start, each.end) for each in shown if each.heading}
    blocks = [
        Block((each.start, each.end) in headings, tuple(_runs(text, each, marks))) for each in _paragraphs(text, shown)
    ]
    return blocks, Span(shown[0].start, shown[-1].end) if shown else Span(0, 0)


def _paragraphs(text: str, sentences: Sequence[Sentence]) -> Iterator[Span]:
    """The sentences between two line ends together; a line end within a sentence parts nothing."""
    start = sentences[0].start if sentences else 0
    for sentence, following in pairwise(sentences):
        if "\n" in text[sentence.end : following.start]:
            yield Span(start, sentence.end)
            start = following.start
    if sentences:
        yield Span(start, sentences[-1].end)


def _runs(text: str, part: Span, marks: Sequence[tuple[Span, str]]) -> Iterator[tuple[str, str]]:
    """The pieces of a part of the text, each with the last of the marks that lie over it."""
    inner = {place for span, _ in marks for place in (span.start, span.end) if part.start < place < part.end}
    for begin, end in pairwise(sorted({part.start, part.end, *inner})):
        over = [name for span, name in marks if span.start <= begin and end <= span.end]
        yield text[begin:end], over[-1] if over else ""


def parts_of(quote_text: str, short: str | None, offset: int) -> list[Span]:
    """Where the parts of a short answer ("Kyiv; Moscow") stand in a quote that begins at `offset`."""
    found = []
    for part in filter(None, (short or "").split("; ")):
        match = re.search(rf"(?<!\w){re.escape(part)}(?!\w)", quote_text)
        if match:
            found.append(Span(offset + match.start(), offset + match.end()))
    return found


def copied(answer_text: str, citations: Sequence[wire.Citation]) -> str:
    """An answer as it is copied: its text, then the quotes with where they are from."""
    listed = [
        f"[{each.number}] “{line(each.quote)}” {each.title}, {outlet(each)}"
        + (f" {each.url}" if each.url else "")
        + (f" ({each.also()})" if each.copies else "")
        for each in citations
    ]
    return "\n".join((answer_text, *listed))

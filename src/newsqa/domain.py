"""The words of newsqa as frozen dataclasses: what flows from an article to an answer.

Offsets everywhere are Unicode code points (Python string indices) into the stored `Article.text`
(or, for answer spans, into `Answer.text`), end exclusive.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import InitVar, asdict, dataclass, field, is_dataclass, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, Literal
from unicodedata import normalize

from newsqa.errors import ArticleError, GroundingError


@dataclass(frozen=True, slots=True)
class Span:
    """A run of characters: `text[start:end]`."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a span needs 0 <= start <= end, got {self.start}:{self.end}")

    def of(self, text: str) -> str:
        """The characters of `text` that this span covers."""
        return text[self.start : self.end]

    def within(self, other: "Span") -> bool:
        """Whether this span lies wholly inside `other`."""
        return other.start <= self.start and self.end <= other.end


@dataclass(frozen=True, slots=True)
class Article:
    """One article as it was loaded. Only `title` and `text` are needed; what is not known stays empty.

    Both are normalised here, once: line ends become line feeds, characters Unicode NFC. All offsets are into this text.

    The three dates are three things: `published_at` and `updated_at` are the publisher's (a `date`, or a
    `datetime` where the hour is known) and are never guessed; `added_at` is when the library took it in.
    """

    title: str
    text: str
    id: str = ""
    """Stable identity; made from url, else origin, else title and text, when not given."""
    url: str = ""
    publisher: str = ""
    author: str = ""
    published_at: date | None = None
    updated_at: date | None = None
    added_at: datetime | None = None
    subtitle: str = ""
    place: str = ""
    language: str = "en"
    """BCP 47 code, used to split sentences; empty when not known, which is split as English."""
    fictional: bool = False
    origin: str = ""
    """The file it was loaded from, empty when it came from none."""

    def __post_init__(self) -> None:
        for name in ("title", "text"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise ArticleError(f"an article's {name} is a string, not {type(value).__name__}: give it as text")
            object.__setattr__(self, name, normalised(value))
        if not self.id:
            identity = self.url or self.origin or f"{self.title}\n{self.text}"
            object.__setattr__(self, "id", sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:16])

    @property
    def revision(self) -> str:
        """Hash of everything that is indexed or shown; two adds with the same revision change nothing."""
        shown = (
            self.title, self.text, self.url, self.publisher, self.author, self.published_at, self.updated_at,
            self.subtitle, self.place, self.language, self.fictional,
        )  # fmt: skip
        text = "\x1f".join(map(str, shown)).replace("\0", "\ufffd")  # which not every database keeps
        return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


QUIET_DAYS = 30
"""Without anything new, after which a feed may be dead."""
QUIET_KINDS = frozenset({"feed", "sitemap", "list"})
"""Of origins that list pages; they may fall silent, and pages that they list no longer are not gone."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where articles come from, and how fresh it is. An article of a file of many has the origin `address!/member`."""

    address: str
    """An absolute path, or a URL."""
    kind: Literal["file", "folder", "page", "feed", "sitemap", "list"]
    """A `list` names feeds."""
    parent: str = ""
    """The address of what listed it; empty where it was named by whoever added it."""
    stamp: str = ""
    """Changes with what it holds; empty when not known."""
    etag: str = ""
    last_modified: str = ""
    """Both as the server gave them."""
    seen_at: datetime | None = None
    """When it was last read to its end."""
    changed_at: datetime | None = None
    """When something in it was last new."""
    failed_at: datetime | None = None
    """When it could last not be read; None where the last try went well."""
    error: str = ""
    """Why it could not."""
    patterns: tuple[str, ...] = ()
    """Of a folder: globs of the files that are taken, and with a `!` before them of those that are not."""

    def trouble(self) -> str:
        """What is wrong with it, in words; empty where nothing is."""
        if self.error:
            return self.error
        quiet = (now() - self.changed_at).days if self.changed_at else 0
        return f"nothing new for {quiet} days" if self.kind in QUIET_KINDS and quiet >= QUIET_DAYS else ""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, list item or heading of an article."""

    start: int
    end: int
    text: str
    heading: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of whole sentences of one article: the unit that is found."""

    id: str
    article_id: str
    start: int
    end: int
    text: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Copy:
    """An article that tells the same story in nearly the same words as one that is cited."""

    article_id: str
    title: str
    publisher: str
    url: str
    published_at: date | None


@dataclass(frozen=True, slots=True)
class ScoredPassage:
    """A passage that was retrieved, with what a citation of it has to show."""

    passage: Passage
    title: str
    publisher: str
    url: str
    published_at: date | None
    score: float
    """Fused retrieval score; comparable within one question only, higher is better."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """The parts: `dense` (cosine, -1 to 1) and `bm25` (0 and up), each where that search found it; after reading also
    `reader` (0 to 1), the probability that it holds the answer."""
    copies: tuple[Copy, ...] = ()
    """The other articles that tell the same story in nearly the same words: together they are one witness."""

    @property
    def story(self) -> str:
        """The same for every article of one story."""
        return min((self.passage.article_id, *(copy.article_id for copy in self.copies)))


@dataclass(frozen=True, slots=True)
class Citation:
    """The sentence a statement rests on. It can't be made unless `article_text` holds the quote at its span.

    Raises:
        GroundingError: `article_text[source_span] != quote`, or the quote is empty.
    """

    number: int
    """Position in the answer's list, from 1: the `n` of its marker `[n]`."""
    article_id: str
    revision: str
    """Of the article, when it was cited: `library.get(article_id, revision)` gives the text of `source_span`."""
    title: str
    publisher: str
    url: str
    published_at: date | None
    quote: str
    source_span: Span
    """Where the quote stands in the article."""
    answer_span: Span
    """Where the cited statement stands in `Answer.text`."""
    article_text: InitVar[str]
    copies: tuple[Copy, ...] = ()
    """Other articles with nearly the same text; they bear the statement out no further."""

    def __post_init__(self, article_text: str) -> None:
        if not self.quote or self.source_span.of(article_text) != self.quote:
            where = f"{self.article_id} {self.source_span.start}:{self.source_span.end}"
            raise GroundingError(f"the quote of citation {self.number} does not stand at {where}; it is not shown")


Failure = Literal["misattributed", "frankenquote", "fabricated", "unsupported"]
"""Why a statement of a chat model can't be cited. Misattributed: another passage bears it out than the one it names.
Frankenquote: its quotation is stitched together of words that stand apart. Fabricated: no passage says so.
Unsupported: a number or name in it stands in none of the passages that it names."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """A statement of a chat model that no passage bears out."""

    kind: Failure
    text: str
    answer_span: Span | None = None
    """Where it stands in `Answer.text`, marked as unverified; None: it was withdrawn."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What was said from here on is taken back: it failed verification, or the chat model broke off."""

    start: int
    """The text that came so far ends here, in code points."""
    kind: Failure | None = None
    """How it failed; None where it was not judged."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the assistant says to one question. Abstaining is an answer, not an error.

    Raises:
        GroundingError: a citation's `answer_span` leaves `text`.
    """

    question: str
    standalone_question: str
    """The question behind the earlier ones that it needs; as it was asked where it stands alone."""
    text: str
    short: str | None
    """The bare answer where there is one; None when abstaining."""
    status: Literal["answered", "abstained"]
    """Abstained: nothing is said to be the answer; a reply to small talk is of this kind, too."""
    confidence: float
    """Estimated probability that the answer is right, 0 to 1."""
    citations: tuple[Citation, ...] = ()
    passages: tuple[ScoredPassage, ...] = ()
    """What was retrieved, best first by the reader where it read them, else by the retriever."""
    answerer: str = ""
    """Which answerer spoke: `extractive` or `generative`."""
    timings: Mapping[str, float] = field(default_factory=dict)
    """Seconds by stage; of a chat model also `input_tokens`, `output_tokens` and `cost` in dollars, as far as known."""
    unverified: tuple[Unverified, ...] = ()
    """What a chat model said and no passage bears out: withdrawn, or marked."""
    fallback: str = ""
    """Why the chat model's answer is not given, or not to its end; empty where nothing of the kind happened."""

    def __post_init__(self) -> None:
        whole = Span(0, len(self.text))
        for citation in self.citations:
            if not citation.answer_span.within(whole):
                raise GroundingError(f"citation {citation.number} points outside the answer; it is not shown")

    @property
    def grounding(self) -> Mapping[str, int]:
        """How many statements of a chat model were `supported`, and how many failed, by kind; else empty."""
        if self.answerer != "generative" and not self.unverified:
            return {}
        supported = len({citation.answer_span for citation in self.citations}) * (self.answerer == "generative")
        return dict(Counter({"supported": supported}) + Counter(each.kind for each in self.unverified))


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier question of the conversation and the text of its answer."""

    question: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which articles may be searched. Every given filter must hold; none given lets all pass."""

    article_ids: tuple[str, ...] = ()
    publisher: str = ""
    """Exact name."""
    published_from: date | None = None
    """First day, inclusive. An article without a date never passes a date filter."""
    published_to: date | None = None
    """Last day, inclusive."""
    preferred_publisher: str = ""
    """Of near-identical articles this publisher's is cited, else the earliest; it keeps no article out."""

    def __bool__(self) -> bool:
        return replace(self, preferred_publisher="") != Filters()


@dataclass(frozen=True, slots=True)
class Event:
    """One step of an answer as it comes: `value` is what `type` names."""

    type: Literal["start", "passages", "delta", "citation", "unverified", "withdrawn", "done"]
    value: Any
    """start: the question behind those that it needs; passages: the scored passages; delta: a piece of the text;
    citation: a Citation; unverified: an Unverified that stays, marked; withdrawn: a Withdrawal of the end of the text;
    done: the whole Answer. All deltas less what was withdrawn are the text of the answer."""


def normalised(text: str) -> str:
    """`text` with line feeds as its only line ends, and in Unicode NFC."""
    return normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))


def now() -> datetime:
    """The present moment in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def as_date(text: str) -> date:
    """The day, or the moment where an hour is given, of an ISO 8601 text.

    Raises:
        ValueError: it is neither.
    """
    return date.fromisoformat(text) if len(text) <= len("2025-05-12") else datetime.fromisoformat(text)


def to_json(value: Any) -> Any:
    """`value` as plain dicts, lists and ISO 8601 dates, ready for `json.dumps`."""
    if is_dataclass(value) and not isinstance(value, type):
        return to_json(asdict(value))
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value

"""What goes over the wire: every request and reply as a pydantic model, each field described with its unit."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic.config import JsonDict

from newsqa import domain
from newsqa.assistant import MAX_TURNS
from newsqa.domain import as_date, to_json

MAX_TURN_CHARS = 20_000
MAX_ARTICLES = 1000
"""Of one import."""


def _whole(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"holds half a character at {error.start}; send UTF-8") from error
    return text


def _spoken(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; ask something")
    return text


def _addressable(text: str) -> str:
    if text in {".", ".."}:
        raise ValueError("is no part of an address; give another id")
    return text


def _dated(text: str) -> str:
    as_date(text)
    return text


Text = Annotated[str, AfterValidator(_whole)]
Spoken = Annotated[Text, AfterValidator(_spoken), Field(min_length=1, json_schema_extra={"pattern": r"\S"})]
Moment = Annotated[str | None, BeforeValidator(to_json)]
"""A date, or date and time, as the library has it or as ISO 8601."""
TopK = Annotated[int, Field(ge=1, le=100)]
ShortText = Annotated[Text, Field(max_length=1000)]
_DATES = {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}
Date = Annotated[ShortText, AfterValidator(_dated), WithJsonSchema(_DATES)]
Id = Annotated[Text, Field(min_length=1, max_length=1000)]


_FERRY: JsonDict = {
    "title": "Ferry sails again",
    "text": "The ferry to Varsund sails again from Monday. A ticket costs 4 crowns.",
    "publisher": "Haldermarch Herald",
    "published_at": "2025-06-02",
}


def _like(example: JsonDict) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


class Model(BaseModel):
    """What is sent back; unknown names are refused in what comes in."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)

    @model_validator(mode="before")
    @classmethod
    def _few(cls, given: object) -> object:
        """Refuses thousands of unknown names with one error, where each would make one."""
        if isinstance(given, dict) and len(given) > len(cls.model_fields):
            raise ValueError(f"has {len(given):,} fields, more than there are: {', '.join(cls.model_fields)}")
        return given


# What comes in


class Filters(Model):
    """Which articles may be searched. Every given filter must hold; none given lets all pass."""

    article_ids: Annotated[tuple[Id, ...], FailFast(), Field(max_length=1000)] = Field(
        (), description="Only these articles.", examples=[["istanbul-talks-2025-05"]]
    )
    publisher: ShortText = Field("", description="Only this publisher's articles, by its exact name.")
    published_from: date | None = Field(
        None, description="First day of publication, inclusive. Articles without a date never pass a date filter."
    )
    published_to: date | None = Field(None, description="Last day of publication, inclusive.")
    preferred_publisher: ShortText = Field(
        "", description="Of near-identical articles this publisher's is cited, else the earliest; keeps none out."
    )

    def domain(self) -> domain.Filters:
        """The same as the library takes it."""
        return domain.Filters(**{name: getattr(self, name) for name in Filters.model_fields})


class Turn(Model):
    """An earlier question of the conversation and the text of its answer."""

    question: Annotated[Text, Field(min_length=1, max_length=MAX_TURN_CHARS)] = Field(description="As it was asked.")
    answer: Annotated[Text, Field(max_length=MAX_TURN_CHARS)] = Field("", description="Text of its answer.")


class Question(Model):
    """A question with what may go with it."""

    model_config = _like({"question": "How much of Ukraine's territory does Russia control?"})

    question: Annotated[Spoken, Field(max_length=100_000)] = Field(
        description="The question, up to NEWSQA_MAX_QUESTION_CHARS characters (2,000 unless set)."
    )
    history: Annotated[tuple[Turn, ...], FailFast(), Field(max_length=MAX_TURNS)] = Field(
        (), description="The conversation so far, oldest turn first. Not together with `conversation_id`."
    )
    conversation_id: Id | None = Field(
        None, description="A kept conversation: its turns are the history, and this question becomes its next turn."
    )
    filters: Filters = Field(Filters(), description="Which articles may be searched.")
    top_k: TopK | None = Field(
        None,
        description="Passages that are found, NEWSQA_TOP_K (8 unless set) unless given; 4 are read (NEWSQA_READ).",
    )
    answerer: Literal["extractive", "generative"] | None = Field(
        None,
        description="Who answers. `extractive`: the articles' own sentences; `generative`: the chat model. The latter "
        "unless given, where there is one.",
    )

    @model_validator(mode="after")
    def _one_history(self) -> Self:
        if self.history and self.conversation_id:
            raise ValueError("give history or conversation_id, not both: the conversation has its history")
        return self


class Query(Model):
    """What to look for."""

    model_config = _like({"query": "territory under Russian control"})

    query: Annotated[Spoken, Field(max_length=2000)] = Field(
        description="Words or a question; nothing in it is query syntax."
    )
    filters: Filters = Field(Filters(), description="Which articles may be searched.")
    top_k: TopK = Field(8, description="Passages wanted.")


class ArticleText(Model):
    """An article as it is sent. Dates that are not known stay empty; they are never guessed."""

    model_config = _like(_FERRY)

    title: Annotated[Text, Field(min_length=1, max_length=1000, pattern=r"\S")] = Field(description="Its headline.")
    text: Annotated[Text, Field(min_length=1, pattern=r"\w")] = Field(
        description="Its whole text. Line ends and Unicode (NFC) are normalised once; offsets are into the result."
    )
    url: Annotated[ShortText, Field(pattern=r"^(https?://\S+)?$")] = Field("", description="Where it was published.")
    publisher: ShortText = Field("", description="Who published it.")
    author: ShortText = Field("", description="Who wrote it.")
    published_at: Date | None = Field(None, description="ISO 8601 date, or date and time; null when not known.")
    updated_at: Date | None = Field(None, description="The publisher's last change, likewise.")
    subtitle: ShortText = Field("", description="The line below the headline.")
    place: ShortText = Field("", description="Where it was written.")
    language: ShortText = Field("en", description="BCP 47 code, used to split sentences.", min_length=1)
    fictional: bool = Field(default=False, description="Whether what it tells is made up.")

    def domain(self, id: str = "", origin: str = "") -> domain.Article:
        """The article as the library takes it, under this id."""
        values = self.model_dump(exclude={"id"})
        dates = {name: as_date(values[name]) if values[name] else None for name in ("published_at", "updated_at")}
        return domain.Article(**{**values, **dates, "id": id, "origin": origin})


class NewArticle(ArticleText):
    """An article to be added."""

    model_config = _like({"id": "ferry-sails-again", **_FERRY})

    id: Annotated[Text, AfterValidator(_addressable), Field(max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*$")] = Field(
        "", description="Its id; made from the url, else from title and text, when not given."
    )


class ArticleAddress(Model):
    """What is to be loaded from the web: a page, a feed with its entries, a sitemap, a list of feeds, or a file."""

    model_config = _like({"url": "https://example.org/story"})

    url: Annotated[ShortText, Field(pattern=r"^https?://\S+$")] = Field(
        description="Its address. It is looked at again at every sync."
    )


class Import(Model):
    """Articles to be added together."""

    model_config = _like({"articles": [_FERRY]})

    articles: Annotated[tuple[NewArticle, ...], FailFast(), Field(min_length=1, max_length=MAX_ARTICLES)] = Field(
        description=f"At most {MAX_ARTICLES}. Those stored already that differ are refused, unless `replace=yes`."
    )


class NewFeedback(Model):
    """What a reader thought of an answer."""

    model_config = _like({"answer_id": "ans_6f1c0d3c5d0e4b6a", "verdict": "down", "reason": "An old figure."})

    answer_id: Id = Field(description="The `id` of the answer.")
    verdict: Literal["up", "down"] = Field(description="Whether the answer was good.")
    reason: Annotated[Text, Field(max_length=2000)] = Field("", description="Why, in the reader's words.")


# What goes out


class Span(Model):
    """A run of characters: `text[start:end]`, counted in Unicode code points."""

    start: int = Field(ge=0, description="First character, from 0, in code points.")
    end: int = Field(ge=0, description="Behind the last character, in code points.")


class Sentence(Span):
    """A sentence, list item or heading of an article; its offsets are into the article's text."""

    text: str = Field(description="The sentence itself.")
    heading: bool = Field(description="Whether it is a heading.")


class Passage(Span):
    """A run of whole sentences of one article; its offsets are into the article's text."""

    id: str = Field(description="Changes with the article's revision.")
    article_id: str = Field(description="The article it is of.")
    text: str = Field(description="`article.text[start:end]`.")
    sentences: tuple[Sentence, ...] = Field(description="Its sentences, in order.")


class Copy(Model):
    """An article with nearly the same text as one that is cited; together they are one witness."""

    article_id: str = Field(description="The article.")
    title: str = Field(description="Its title.")
    publisher: str = Field(description="Its publisher; empty when not known.")
    url: str = Field(description="Its address; empty when not known.")
    published_at: Moment = Field(description="ISO 8601 date, or date and time; null when not known.")


Copies = Annotated[tuple[Copy, ...], Field(description="Near-identical articles: where else the same story appeared.")]


class ScoredPassage(Model):
    """A passage that was found."""

    passage: Passage = Field(description="The passage.")
    title: str = Field(description="Title of its article.")
    publisher: str = Field(description="Publisher of its article; empty when not known.")
    url: str = Field(description="Address of its article; empty when not known.")
    published_at: Moment = Field(description="ISO 8601 date, or date and time; null when not known.")
    score: float = Field(description="Fused retrieval score, higher is better; comparable within one question only.")
    scores: dict[str, float] = Field(
        description="Its parts: `dense` (cosine, -1 to 1), `bm25` (0 and up), and after reading `reader` (0 to 1), "
        "the probability that the passage holds the answer."
    )
    copies: Copies = ()


class Citation(Model):
    """The sentence a statement rests on; `article.text[source_span] == quote` was checked."""

    number: int = Field(ge=1, description="The n of its marker [n] in the answer.")
    article_id: str = Field(description="The article it quotes.")
    revision: str = Field(description="Revision of that article; `GET /v1/articles/{id}?revision=` gives its text.")
    title: str = Field(description="The article's title.")
    publisher: str = Field(description="The article's publisher; empty when not known.")
    url: str = Field(description="The article's address; empty when not known.")
    published_at: Moment = Field(description="ISO 8601 date, or date and time; null when not known.")
    quote: str = Field(description="The sentence, character for character.")
    source_span: Span = Field(description="Where the quote stands in the article's text.")
    answer_span: Span = Field(description="Where the cited statement stands in the answer's text.")
    copies: Copies = ()

    def also(self) -> str:
        """Where else the same story appeared, in words; empty where it did not."""
        told = (
            f"{' '.join((each.publisher or each.title).split())}, {each.published_at or 'no date'}"
            for each in self.copies
        )
        return f"also in {'; '.join(told)}" if self.copies else ""


class Unverified(Model):
    """A statement of a chat model that no passage bears out."""

    kind: domain.Failure = Field(
        description="misattributed: another passage says so; frankenquote: a quotation that is stitched together; "
        "fabricated: no passage says so; unsupported: a number or name stands in none of the passages that it names."
    )
    text: str = Field(description="The statement.")
    answer_span: Span | None = Field(
        description="Where it stands in the answer's text, marked; null: it was withdrawn."
    )


class Answer(Model):
    """What is said to a question. Abstaining is an answer, not an error."""

    id: str = Field(description="Names this answer in feedback.", examples=["ans_6f1c0d3c5d0e4b6a"])
    question: str = Field(description="As it was asked.")
    standalone_question: str = Field(
        description="The question behind the earlier ones that it needs; as it was asked where it stands alone."
    )
    text: str = Field(description="The answer, a marker [n] after each cited statement.")
    short: str | None = Field(description="The bare answer where there is one; null when abstaining.")
    status: Literal["answered", "abstained"] = Field(
        description="`abstained`: the articles don't say; the text tells what was looked at."
    )
    confidence: float = Field(ge=0, le=1, description="Calibrated probability that the answer is right.")
    citations: tuple[Citation, ...] = Field(description="In the order of their markers.")
    passages: tuple[ScoredPassage, ...] = Field(description="What was retrieved, best first.")
    answerer: str = Field(description="Who spoke: `extractive` or `generative`.")
    timings: dict[str, float] = Field(
        description="Seconds by stage: understand, retrieve, read, total; of a chat model also first_word and write, "
        "and input_tokens, output_tokens and cost (dollars), as far as known."
    )
    unverified: tuple[Unverified, ...] = Field(
        (), description="What a chat model said and no passage bears out: withdrawn, or marked."
    )
    grounding: dict[str, int] = Field(
        {}, description="Statements of a chat model by what became of them: `supported`, or a kind of `unverified`."
    )
    fallback: str = Field(
        "", description="Why the chat model's answer is not given, or not to its end; empty where it was."
    )

    @classmethod
    def of(cls, id: str, answer: domain.Answer) -> Self:
        """The answer under an id."""
        given = {name: getattr(answer, name) for name in cls.model_fields if name != "id"}
        return cls.model_validate({"id": id, **given})


class Start(Model):
    """The question was understood."""

    type: Literal["start"] = "start"
    answer_id: str = Field(description="The id the answer will have.")
    standalone_question: str = Field(description="The question behind the earlier ones that it needs.")


class Passages(Model):
    """The passages were found."""

    type: Literal["passages"] = "passages"
    passages: tuple[ScoredPassage, ...] = Field(description="Best first by the retriever.")


class Delta(Model):
    """A piece of the answer's text; all pieces together, less what was withdrawn, are the text."""

    type: Literal["delta"] = "delta"
    text: str = Field(description="The piece.")


class Marked(Model):
    """A statement that came just now is not borne out; it stays, marked."""

    type: Literal["unverified"] = "unverified"
    unverified: Unverified = Field(description="The statement and where it stands.")


class Withdrawn(Model):
    """The end of the text that came is taken back."""

    type: Literal["withdrawn"] = "withdrawn"
    start: int = Field(ge=0, description="The text ends here again, in code points; what follows is said in its place.")
    kind: domain.Failure | None = Field(description="How it failed verification; null where it was not judged.")


class Cited(Model):
    """A citation of what was said so far."""

    type: Literal["citation"] = "citation"
    citation: Citation = Field(description="The citation, verified.")


class Done(Model):
    """The answer is complete."""

    type: Literal["done"] = "done"
    answer: Answer = Field(description="The whole answer.")


class Failed(Model):
    """The answer could not be finished."""

    type: Literal["error"] = "error"
    problem: "Problem" = Field(description="As the body of an error reply.")


Event = Annotated[Start | Passages | Delta | Cited | Marked | Withdrawn | Done | Failed, Field(discriminator="type")]


class Found(Model):
    """What a search found."""

    passages: tuple[ScoredPassage, ...] = Field(description="Best first.")


class ArticleSummary(Model):
    """An article without its text."""

    id: str = Field(description="Its id.")
    revision: str = Field(description="Hash of everything shown; it changes when the article does. Also the ETag.")
    title: str = Field(description="Its headline.")
    subtitle: str = Field(description="The line below; empty when there is none.")
    url: str = Field(description="Where it was published; empty when not known.")
    publisher: str = Field(description="Who published it; empty when not known.")
    author: str = Field(description="Who wrote it; empty when not known.")
    place: str = Field(description="Where it was written; empty when not known.")
    language: str = Field(description="BCP 47 code.")
    fictional: bool = Field(description="Whether what it tells is made up.")
    published_at: Moment = Field(description="ISO 8601 date, or date and time; null when not known.")
    updated_at: Moment = Field(description="The publisher's last change; null when not known.")
    added_at: Moment = Field(description="When it was added here, ISO 8601 in UTC; null for earlier revisions.")
    characters: int = Field(description="Length of its text in code points.")

    @classmethod
    def of(cls, article: domain.Article, **more: Any) -> Self:
        """The article as it is sent."""
        values = {**to_json(article), "revision": article.revision, "characters": len(article.text), **more}
        return cls.model_validate({name: values[name] for name in cls.model_fields})


class Article(ArticleSummary):
    """An article with its text and the passages it is cut into."""

    text: str = Field(description="Its whole text; all offsets are into it.")
    passages: tuple[Passage, ...] = Field(description="In order; empty for an earlier revision.")


class ArticleList(Model):
    """One page of articles, newest first, those without a date last."""

    articles: tuple[ArticleSummary, ...] = Field(description="This page.")
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class Added(Model):
    """What became of an article."""

    id: str = Field(description="Its id in the library.")
    outcome: Literal["added", "replaced", "unchanged", "removed"] = Field(description="What was done.")


class NotAdded(Model):
    """An article that could not be added."""

    title: str = Field(description="Its title, or the name of its file.")
    detail: str = Field(description="Why, and what to do.")


class Duplicate(Model):
    """An article that was added and is near-identical to others; answers cite one of them."""

    id: str = Field(description="Its id.")
    others: tuple[str, ...] = Field(description="The ids of the others.")


class Job(Model):
    """A change to the library that goes on by itself."""

    id: str = Field(description="Its id.")
    kind: Literal["add", "replace", "remove", "sync"] = Field(description="What it does.")
    state: Literal["queued", "running", "done", "failed", "cancelled"] = Field(
        description="`failed` and `cancelled` keep what was stored before: each article is whole or as it was."
    )
    articles_total: int = Field(description="Articles it was given; grows while feeds and archives are read.")
    articles_done: int = Field(description="Articles that are stored, unchanged or refused.")
    passages_done: int = Field(description="Passages embedded so far.")
    articles: tuple[Added, ...] = Field(description="What became of each.")
    failed: tuple[NotAdded, ...] = Field(description="Those that were refused; the others went on.")
    duplicates: tuple[Duplicate, ...] = Field((), description="Those added that are near-identical to others.")
    gone: tuple[str, ...] = Field(
        (), description="Ids of articles that are not at their origin any longer; removed only with `prune=yes`."
    )
    left: int = Field(0, description="Pages that feeds and sitemaps list and that wait for the next sync.")
    problem: "Problem | None" = Field(description="Why it failed; null unless it did.")
    created_at: datetime = Field(description="When it was asked for, UTC.")
    finished_at: datetime | None = Field(description="When it ended, UTC; null until then.")


class JobProgress(Model):
    """How far a job is."""

    type: Literal["progress"] = "progress"
    state: Literal["queued", "running", "done", "failed", "cancelled"] = Field(description="As in the job.")
    articles_total: int = Field(description="As far as it is known by now.")
    articles_done: int = Field(description="Articles that are stored, unchanged or refused.")
    passages_done: int = Field(description="Passages embedded so far.")
    seconds: float = Field(ge=0, description="Since it was asked for.")


class JobEnded(Model):
    """The job has ended; the last event."""

    type: Literal["done"] = "done"
    job: Job = Field(description="The whole job.")


JobEvent = Annotated[JobProgress | JobEnded, Field(discriminator="type")]


class Origin(Model):
    """Where articles come from, and how fresh it is."""

    address: str = Field(description="An address, or a path on the server's machine.")
    kind: Literal["file", "folder", "page", "feed", "sitemap", "list"] = Field(
        description="A `list` names feeds (OPML), or more sitemaps."
    )
    parent: str = Field(description="The address of what lists it; empty where somebody named it.")
    seen_at: datetime | None = Field(description="When it was last read to its end, UTC; null: never.")
    changed_at: datetime | None = Field(description="When something in it was last new, UTC; null: never.")
    failed_at: datetime | None = Field(description="When the last try failed, UTC; null where it went well.")
    error: str = Field(description="Why it failed; empty where it went well.")
    trouble: str = Field(description="The error, or that a feed has had nothing new for 30 days or more.")

    @classmethod
    def of(cls, origin: domain.Origin) -> Self:
        """The origin as it is sent."""
        given = {name: getattr(origin, name) for name in cls.model_fields if name != "trouble"}
        return cls.model_validate({**given, "trouble": origin.trouble()})


class OriginList(Model):
    """Every origin that was named, and of those that they list the ones that could last not be read."""

    origins: tuple[Origin, ...] = Field(description="By their addresses.")


class JobList(Model):
    """The jobs of this caller that are remembered, newest first."""

    jobs: tuple[Job, ...] = Field(description="At most the last hundred.")


class StoredTurn(Model):
    """A turn of a kept conversation."""

    number: int = Field(ge=1, description="From 1, oldest first.")
    asked_at: datetime = Field(description="When, UTC.")
    answer: Answer = Field(description="As it was given, with the same citations.")


class ConversationSummary(Model):
    """A kept conversation without its turns."""

    id: str = Field(description="Its id.")
    title: str = Field(description="Its first question; empty until one was asked.")
    created_at: datetime = Field(description="When it was started, UTC.")
    updated_at: datetime = Field(description="When something was asked last, UTC.")


class Conversation(ConversationSummary):
    """A kept conversation."""

    turns: tuple[StoredTurn, ...] = Field(description="Oldest first.")


class ConversationList(Model):
    """One page of conversations, the last used first."""

    conversations: tuple[ConversationSummary, ...] = Field(description="This page.")
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class Feedback(Model):
    """Feedback on one answer."""

    answer_id: str = Field(description="The answer's id.")
    verdict: Literal["up", "down"] = Field(description="Whether it was good.")
    reason: str = Field(description="Why; may be empty.")
    given_at: datetime = Field(description="When, UTC.")
    answer: Answer = Field(description="The answer as it was given.")


class FeedbackList(Model):
    """All feedback, oldest first."""

    feedback: tuple[Feedback, ...] = Field(description="One for each answer and caller.")


class Status(Model):
    """How the server is."""

    status: Literal["alive", "ready", "not ready"] = Field(description="Whether it can answer.")
    articles: int | None = Field(None, description="Articles in the library; null until it is open.")
    passages: int | None = Field(None, description="Passages in the library; null until it is open.")
    trouble: str = Field("", description="Which part is not as it should be; the server's log tells more.")


class FieldProblem(Model):
    """What is wrong with one field of a request."""

    field: str = Field(description="Where it is, as `filters.published_from`; `body` for the whole.")
    message: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """An error reply (RFC 9457)."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="Stable name of the kind of problem: a URN.")
    title: str = Field(description="The kind in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong this time, and the next step.")
    instance: str = Field(description="Path of the request.")
    request_id: str = Field(description="As in the header X-Request-ID; the server's log has it too.")
    errors: tuple[FieldProblem, ...] = Field((), description="The fields at fault, where there are any.")


Failed.model_rebuild()
Job.model_rebuild()

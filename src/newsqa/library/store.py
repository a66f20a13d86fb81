"""Adds, replaces, removes and finds articles, keeping catalogue and vectors in step at every instant."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from langchain_core.embeddings import Embeddings

from newsqa.domain import Article, Copy, Filters, Passage, ScoredPassage, now
from newsqa.errors import ArticleError, ArticleNotFoundError, IndexMismatchError, LibraryError
from newsqa.library import copies
from newsqa.library.catalogue import MOST_BEHIND, Catalogue, Entry, Place
from newsqa.library.conversations import Conversations
from newsqa.library.following import Follower
from newsqa.library.identity import address_key, same_address
from newsqa.library.mirror import Mirror
from newsqa.library.origins import Origins
from newsqa.library.ownership import Ownership
from newsqa.passages import split_passages

if TYPE_CHECKING:
    from numpy.typing import NDArray

Outcome = Literal["added", "replaced", "unchanged"]
GROUP = 256
"""Passages embedded and committed together."""
MAX_FIELD_CHARS = 1000
_SHORT_FIELDS = ("id", "title", "subtitle", "url", "publisher", "author", "place", "language", "origin")


@dataclass(frozen=True)
class AddReport:
    """What became of the articles of one `add`."""

    outcomes: Mapping[str, Outcome]
    """By article id."""
    failed: Mapping[str, ArticleError]
    """By article title; only where `on_error` was given."""


@dataclass(frozen=True)
class Health:
    """Whether catalogue and vectors agree."""

    articles: int
    passages: int
    missing_vectors: int
    """Passages that can't be found by meaning."""
    stray_vectors: int
    """Vectors of no passage."""

    @property
    def agree(self) -> bool:
        """Whether nothing is missing and nothing astray."""
        return not self.missing_vectors and not self.stray_vectors


@dataclass(frozen=True)
class _Draft:
    """An article cut into passages, not yet embedded; without passages when it is stored already."""

    article: Article
    passages: tuple[Passage, ...]

    def entry(self, vectors: "NDArray[np.float32]") -> Entry:
        """What is stored of it, with the vectors of its passages."""
        return Entry(self.article, self.passages, vectors, copies.fingerprint(self.article.text))


class Library:
    """A folder with all that is stored, owned by one process while it is open; a context manager.

    A change has happened when one transaction has put the new articles, passages and vectors in the place of the old
    (write point `add: committed`, `remove: committed`); it notes the passages that Chroma does not know of yet. Chroma
    is brought up to date afterwards, by a thread, and until it is those passages are compared exactly. The process may
    be killed at any instant: the next opening goes on with the note.
    """

    def __init__(
        self,
        folder: Path,
        embedding: Embeddings,
        identity: str,
        *,
        passage_words: int = 120,
        max_article_chars: int = 2_000_000,
        reindex: bool = False,
        on_write: Callable[[str], None] = lambda point: None,
    ) -> None:
        """Opens the library in `folder`, which is made when missing.

        Args:
            folder: holds the catalogue, the vectors and the lock.
            embedding: turns indexed text into vectors.
            identity: of the embedding model; recorded, and compared at every opening.
            passage_words: size of a passage; recorded and compared too.
            max_article_chars: longest article text taken in.
            reindex: cut and embed every article anew, so that the library fits these arguments.
            on_write: is told the name of each write point as it is passed.

        Raises:
            LibraryError: the folder can't be used.
            LibraryLockedError: another process owns it.
            IndexMismatchError: it was indexed with another model or passage size.
        """
        self.identity = identity
        """Of the embedding model that made the vectors."""
        self._embedding, self._passage_words = embedding, passage_words
        self._max_chars, self._on_write = max_article_chars, on_write
        self._writing = threading.RLock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._ownership = Ownership(folder)
        except OSError as error:
            raise LibraryError(f"{folder} can't hold a library ({error.strerror}): set NEWSQA_DATA_DIR") from error
        identity_now = {"embedding_model": identity, "passage_words": str(passage_words)}
        with ExitStack() as opened:
            opened.callback(self._ownership.release)
            self._catalogue = Catalogue(folder / "catalogue.sqlite3")
            opened.callback(self._catalogue.close)
            if not reindex:
                self._check_identity(folder, identity_now)
            self._mirror = Mirror(self._catalogue.changed)
            self._follower = Follower(folder / "vectors", self._catalogue, on_write)
            opened.callback(self._follower.close)
            if reindex:
                self._reindex()
            self._catalogue.complete(copies.fingerprint)
            self._complete()
            self._catalogue.set_settings(identity_now)
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets the next process in."""
        with self._writing:
            self._opened.close()

    # Changing it

    def add(
        self,
        articles: Article | Iterable[Article],
        *,
        on_article: Callable[[Article, Outcome], None] = lambda article, outcome: None,
        on_error: Callable[[Article, ArticleError], None] | None = None,
        on_passages: Callable[[int], None] = lambda number: None,
        by_id: bool = False,
    ) -> AddReport:
        """Adds articles, replaces those that changed and passes over those that did not.

        Args:
            articles: taken one by one, so that a generator of many costs no memory.
            on_article: is told of each article once it is stored.
            on_error: is told of each article that can't be stored, and the others go on. Without it the first
                error is raised; what was reported to `on_article` before stays.
            on_passages: is told how many more passages were embedded, some hundreds at a time. What it raises stops
                the adding: articles that were not yet reported to `on_article` are as they were before.
            by_id: an article of the same id is the same, wherever it comes from and whatever its address is.

        Raises:
            ArticleError: an article has no title or text, or one that can't be stored.
        """
        outcomes: dict[str, Outcome] = {}
        failed: dict[str, ArticleError] = {}
        group: list[tuple[_Draft, Outcome]] = []

        def flush() -> None:
            self._write([entry for entry, _ in group], on_passages)
            for entry, outcome in group:
                outcomes[entry.article.id] = outcome
                on_article(entry.article, outcome)
            group.clear()

        with self._writing:
            for article in [articles] if isinstance(articles, Article) else articles:
                try:
                    self._check(article)
                except ArticleError as error:
                    if on_error is None:
                        flush()
                        raise
                    failed[article.title] = error
                    on_error(article, error)
                    continue
                if any(_same(article, entry.article) for entry, _ in group):
                    flush()
                group.append(self._prepared(article, by_id=by_id))
                if sum(len(entry.passages) for entry, _ in group) >= GROUP:
                    flush()
            flush()
        return AddReport(outcomes, failed)

    def remove(self, *article_ids: str, leave_out: bool = True) -> None:
        """Removes articles, all or none of them.

        Args:
            article_ids: of the articles.
            leave_out: a sync does not bring them back.

        Raises:
            ArticleNotFoundError: one of the ids is not stored.
        """
        with self._writing:
            for article_id in article_ids:
                self.get(article_id)
            self._on_write("remove: checked")
            self._catalogue.remove(article_ids, leave_out=leave_out)
            self._on_write("remove: committed")
        self._follower.follow()

    def _check_identity(self, folder: Path, identity: Mapping[str, str]) -> None:
        recorded = self._catalogue.settings()
        for name, value in identity.items():
            if recorded.get(name, value) != value:
                raise IndexMismatchError(
                    f"the library {folder} was indexed with {name} {recorded[name]!r}, now it is {value!r}: "
                    f"set NEWSQA_{name.upper()} back, or index it anew with `newsqa doctor --reindex`"
                )

    def _reindex(self) -> None:
        self._catalogue.set_settings({"embedding_model": "half re-indexed"})  # refused until this is done
        self._catalogue.forget_vectors()
        self._follower.forget()

    def _complete(self) -> None:
        """Cuts and embeds articles that lack vectors: an earlier newsqa kept them in Chroma only."""
        for group in _groups(self._draft(self.get(id)) for id in self._catalogue.incomplete()):
            self._write(group)

    def _write(self, drafts: Sequence[_Draft], on_passages: Callable[[int], None] = lambda number: None) -> None:
        drafts = [draft for draft in drafts if draft.passages]
        if not drafts:
            return
        texts = [indexed_text(draft.article, passage) for draft in drafts for passage in draft.passages]
        vectors = []
        for start in range(0, len(texts), GROUP):
            part = texts[start : start + GROUP]
            vectors.append(np.asarray(self._embedding.embed_documents(part), np.float32))
            on_passages(len(part))
        self._on_write("add: embedded")
        of = np.split(np.concatenate(vectors), np.cumsum([len(draft.passages) for draft in drafts])[:-1])
        self._catalogue.store([draft.entry(rows) for draft, rows in zip(drafts, of, strict=True)])
        self._on_write("add: committed")
        self._follower.follow()

    def _prepared(self, article: Article, *, by_id: bool) -> tuple[_Draft, Outcome]:
        """The article under the id it has or gets here, cut into passages unless nothing changed."""
        existing = self.known(article, by_id=by_id)
        if existing is None and self._catalogue.article(article.id):
            apart = Article("", "", url=article.url, origin=article.origin).id[:8]
            article = replace(article, id=f"{article.id}-{apart}")
            existing = self._catalogue.article(article.id)
        if existing is None:
            return self._draft(article), "added"
        if existing.revision == article.revision:
            if article.origin and article.origin != existing.origin:
                self._catalogue.move(existing.id, article.origin)
            return _Draft(existing, ()), "unchanged"
        return self._draft(replace(article, id=existing.id, origin=article.origin or existing.origin)), "replaced"

    def _draft(self, article: Article) -> _Draft:
        article = replace(article, added_at=article.added_at or now())
        return _Draft(article, tuple(split_passages(article, self._passage_words)))

    def _check(self, article: Article) -> None:
        name = f"article {article.id!r}"
        for field in ("title", "text"):
            if not getattr(article, field).strip():
                raise ArticleError(f"{name}: {field} is empty; give it some words")
        for field in ("text", *_SHORT_FIELDS):
            value, limit = getattr(article, field), self._max_chars if field == "text" else MAX_FIELD_CHARS
            if not isinstance(value, str):
                raise ArticleError(f"{name}: {field} is {value!r}, not text; give it as a string or leave it out")
            if len(value) > limit:
                raise ArticleError(f"{name}: {field} has {len(value):,} characters, more than {limit:,}; shorten it")
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise ArticleError(
                    f"{name}: {field} holds half a character at {error.start}; load it as UTF-8"
                ) from error
        if not any(char.isalnum() for char in article.text):
            raise ArticleError(f"{name}: text holds no words; give it some")

    # Reading it

    def known(self, article: Article, *, by_id: bool = False) -> Article | None:
        """The stored article that this one is, as it was: that of its address, else its origin, else its id.

        By its id first where that is asked for.
        """
        catalogue = self._catalogue
        if by_id and (existing := catalogue.article(article.id)):
            return existing
        if existing := catalogue.article_at(article.url):
            return existing
        for existing in (catalogue.article_of(article.origin), catalogue.article(article.id)):
            if existing and self._is(existing, article):
                return existing
        return None

    def at(self, url: str) -> Article | None:
        """The article that was published at this address."""
        return self._catalogue.article_at(url)

    def _is(self, existing: Article, article: Article) -> bool:
        """Whether these are one: not of two addresses, nor of two files that say different things."""
        if not same_address(existing.url, article.url):
            return False
        if existing.text == article.text:
            return True
        elsewhere = self.origins.holders(existing.id) - {article.origin} if article.origin else set[str]()
        return not elsewhere and (not existing.origin or not article.origin or existing.origin == article.origin)

    @property
    def ownership(self) -> Ownership:
        """The lock of its folder."""
        return self._ownership

    @property
    def origins(self) -> Origins:
        """Where the articles came from, and how fresh that is."""
        return self._catalogue.origins

    def stories(self, article_ids: Collection[str], filters: Filters | None = None) -> dict[str, list[Copy]]:
        """For each of these articles that has near-identical copies: the articles of its story that pass the filters.

        The one that is cited comes first: the preferred publisher's, else the earliest.
        """
        filters = Filters() if filters is None else filters
        found = self._catalogue.stories(article_ids, filters)
        preferred = filters.preferred_publisher
        return {
            id: sorted(story, key=lambda each: not preferred or each.publisher != preferred)
            for id, story in found.items()
        }

    def get(self, article_id: str, revision: str = "") -> Article:
        """The current revision of an article, or the one that is named.

        Raises:
            ArticleNotFoundError: no article has this id, or none of its revisions is this one.
        """
        article = self._catalogue.article(article_id)
        if article and revision and revision != article.revision:
            article = self._catalogue.revision(article_id, revision)
        if article is None:
            raise ArticleNotFoundError(_missing(article_id, revision))
        return article

    def articles(
        self,
        filters: Filters | None = None,
        limit: int | None = None,
        after: Place | None = None,
        search: str = "",
    ) -> list[Article]:
        """The articles that pass the filters, newest first; at most `limit` of them, those behind `after`.

        Args:
            filters: which may pass.
            limit: how many.
            after: published date (ISO 8601) and id of the last one that is known already.
            search: words that must all stand in title, subtitle, publisher, author or place.
        """
        return self._catalogue.articles(filters or Filters(), limit, after, search)

    def publishers(self) -> list[str]:
        """The publishers of the articles, by name; unknown ones left out."""
        return self._catalogue.publishers()

    def whole(self, article_id: str) -> tuple[Article, list[Passage]]:
        """The current revision of an article with its passages, in its order; both are of one moment.

        Raises:
            ArticleNotFoundError: no article has this id.
        """
        found = self._catalogue.whole(article_id)
        if found is None:
            raise ArticleNotFoundError(_missing(article_id))
        return found

    @property
    def conversations(self) -> Conversations:
        """What was asked, answered and thought of it."""
        return self._catalogue.conversations

    def counts(self) -> dict[str, int]:
        """Number of `articles` and `passages`."""
        return self._catalogue.counts()

    def __len__(self) -> int:
        return self.counts()["articles"]

    def health(self) -> Health:
        """Whether catalogue and vectors agree, once Chroma is up to date; reads all ids."""
        with self._writing:
            passages, vectors = set(self._catalogue.passage_ids()), self._follower.ids()
        return Health(len(self), len(passages), len(passages - vectors), len(vectors - passages))

    # Searching it

    def search_text(self, terms: Sequence[str], k: int, filters: Filters) -> dict[str, float]:
        """The `k` best passage ids by BM25, with their scores, best first."""
        change, _ = self._catalogue.last_change()
        return self._mirror.view(change).search(terms, k, self._among(filters))

    def search_vectors(self, vector: Sequence[float], k: int, filters: Filters) -> dict[str, float]:
        """The `k` nearest passage ids among those that pass, with their cosines, nearest first.

        Chroma finds them, approximately. They are all compared, exactly, where a filter is given, and where Chroma
        is not ready or far behind.
        """
        change, behind = self._catalogue.last_change()
        view = self._mirror.view(change)
        found = None if filters or len(behind) > MOST_BEHIND else self._follower.nearest(vector, k + len(behind))
        if found is None:
            return view.nearest(vector, k, self._among(filters))
        cosines = view.cosines(vector, {*found, *behind})
        return dict(sorted(cosines.items(), key=lambda each: (-each[1], each[0]))[:k])

    def cosines(self, vector: Sequence[float], passage_ids: Collection[str]) -> dict[str, float]:
        """The exact cosine of `vector` with each of these passages."""
        change, _ = self._catalogue.last_change()
        return self._mirror.view(change).cosines(vector, passage_ids)

    def _among(self, filters: Filters) -> set[str] | None:
        return self._catalogue.article_ids(filters) if filters else None

    def passages(self, scores: Mapping[str, tuple[float, Mapping[str, float]]]) -> list[ScoredPassage]:
        """The passages of these ids, with score and parts, in the order given; those gone since are left out."""
        return self._catalogue.passages(scores)


def _missing(article_id: str, revision: str = "") -> str:
    named = f"revision {revision!r} of {article_id!r}" if revision else f"the id {article_id!r}"
    return f"no article has {named}; list the articles to see which there are"


def indexed_text(article: Article, passage: Passage) -> str:
    """What is embedded for a passage: its article's title, then its text."""
    return f"{article.title}. {passage.text}"


def _same(one: Article, other: Article) -> bool:
    """Whether the library may take two articles for one."""
    alike = (one.origin and one.origin == other.origin) or (one.url and address_key(one.url) == address_key(other.url))
    return one.id == other.id or bool(alike)


def _groups(drafts: Iterable[_Draft]) -> Iterator[list[_Draft]]:
    """Drafts that are embedded and committed together."""
    group: list[_Draft] = []
    for draft in drafts:
        group.append(draft)
        if sum(len(each.passages) for each in group) >= GROUP:
            yield group
            group = []
    yield group

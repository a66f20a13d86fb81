"""Adds, replaces, removes and finds articles, keeping catalogue and vectors in step at every instant."""

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from langchain_core.embeddings import Embeddings

from newsqa.domain import Article, Copy, Filters, Passage, ScoredPassage, now
from newsqa.errors import (
    ArticleDamagedError,
    ArticleError,
    ArticleNotFoundError,
    IndexMismatchError,
    LibraryError,
    NewsqaError,
)
from newsqa.library import copies
from newsqa.library.catalogue import MOST_BEHIND, Catalogue, Entry, Place
from newsqa.library.chroma_folder import ChromaFolder
from newsqa.library.chroma_server import ChromaServer
from newsqa.library.conversations import Conversations
from newsqa.library.database import Servers
from newsqa.library.following import Follower
from newsqa.library.identity import address_key, same_address
from newsqa.library.mirror import Changed, Mirror
from newsqa.library.origins import Origins
from newsqa.library.ownership import Ownership
from newsqa.passages import split_passages

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from newsqa.library.archive import Manifest
    from newsqa.library.checking import Damage

LOG = logging.getLogger("newsqa.library")
Outcome = Literal["added", "replaced", "unchanged"]
GROUP = 256
"""Passages embedded and committed together."""
_TOLD_AFTER = 500
_PASSAGE_CHARS = 700
"""About, to gather articles by."""
MAX_FIELD_CHARS = 1000
MAX_KEY_BYTES = 1300
"""Of id, url and origin: PostgreSQL takes 2,704 bytes into an index, where two of them stand together."""
_KEYS = ("id", "url", "origin")
_SHORT_FIELDS = ("id", "title", "subtitle", "url", "publisher", "author", "place", "language", "origin")


@dataclass(frozen=True)
class AddReport:
    """What became of the articles of one `add`."""

    outcomes: Mapping[str, Outcome]
    """By article id."""
    failed: Mapping[str, NewsqaError]
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
    """All that is stored: a folder owned by one process while it is open, or a database that several share.

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
        servers: Servers = Servers(),  # noqa: B008  # it never changes
        on_write: Callable[[str], None] = lambda point: None,
    ) -> None:
        """Opens the library in `folder`, which is made when missing.

        Args:
            folder: holds the lock, and the catalogue and the vectors as far as no server does.
            embedding: turns indexed text into vectors.
            identity: of the embedding model; recorded, and compared at every opening.
            passage_words: size of a passage; recorded and compared too.
            max_article_chars: longest article text taken in.
            reindex: cut and embed every article anew, so that the library fits these arguments.
            servers: what is elsewhere.
            on_write: is told the name of each write point as it is passed.

        Raises:
            LibraryError: the folder, the database or the server can't be used.
            LibraryLockedError: another process owns it.
            IndexMismatchError: it was indexed with another model or passage size.
        """
        self.identity = identity
        """Of the embedding model that made the vectors."""
        self._embedding, self._passage_words = embedding, passage_words
        self._max_chars, self._on_write = max_article_chars, on_write
        self._writing, self._alone = threading.RLock(), False
        self._ownership = None if servers.database_url else _owned(folder)
        self._index = {"embedding_model": identity, "passage_words": str(passage_words)}
        with ExitStack() as opened:
            if self._ownership:
                opened.callback(self._ownership.release)
            self._catalogue = catalogue = Catalogue(servers.database_url or folder / "catalogue.sqlite3")
            opened.callback(catalogue.close)
            if not reindex:
                self._check_identity()
            self._mirror = Mirror(self._changed)
            elsewhere, here = servers.chroma_url, ChromaFolder(folder / "vectors", catalogue, on_write)
            self._follower = Follower(ChromaServer(elsewhere, catalogue) if elsewhere else here, catalogue, on_write)
            opened.callback(self._follower.close)
            with self.changing():
                if reindex:
                    self._reindex()
                self._complete()
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
        on_error: Callable[[Article, NewsqaError], None] | None = None,
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
            ArticleDamagedError: what an article would replace is damaged, and it is not its own file's.
        """
        outcomes: dict[str, Outcome] = {}
        failed: dict[str, NewsqaError] = {}
        group: list[Article] = []

        def refuse(article: Article, error: NewsqaError) -> None:
            if on_error is None:
                raise error
            failed[article.title] = error
            on_error(article, error)

        def flush() -> None:
            with self.changing():
                self._check_identity()  # another process may have indexed it anew
                for stored, outcome in self._put(group, on_passages, refuse, by_id=by_id):
                    outcomes[stored.id] = outcome
                    on_article(stored, outcome)
            group.clear()

        with self._writing:
            for article in [articles] if isinstance(articles, Article) else articles:
                try:
                    self._check(article)
                except ArticleError as error:
                    if on_error is None:
                        flush()
                    refuse(article, error)
                    continue
                group.append(article)
                if sum(1 + len(each.text) // _PASSAGE_CHARS for each in group) >= GROUP:
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
        with self.changing():
            for article_id in article_ids:
                self.revision_of(article_id)
            self._on_write("remove: checked")
            self._catalogue.remove(article_ids, leave_out=leave_out)
            self._on_write("remove: committed")
        self._follower.follow()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Lets no other thread or process change the library meanwhile: what was read in it is still so."""
        with self._writing:
            if self._alone:
                yield
                return
            with self._catalogue.changing.held():
                self._alone = True
                try:
                    yield
                finally:
                    self._alone = False

    def restore(self, archive: Path, *, reindex: bool = False) -> "Manifest":
        """Takes an exported library into this empty one, all of it or nothing; gives what the archive says of itself.

        Args:
            archive: as `library.archive.export` wrote it.
            reindex: cut and embed every article anew, where it was indexed with another model or passage size.

        Raises:
            LibraryError: this library is not empty, or the archive is damaged, or of a newer newsqa.
            IndexMismatchError: it was indexed with another model or passage size.
        """
        from newsqa.library.archive import restore

        index, dimensions = (None, None) if reindex else (self._index, len(self._embedding.embed_query("dimensions")))
        with self.changing():
            with self._catalogue.writing() as connection:
                manifest = restore(connection, archive, index, dimensions)
            if reindex:
                self._reindex()
            self._complete()
        self._follower.follow()
        return manifest

    def repair(self, on_progress: Callable[[str, int, int], None] = lambda what, done, total: None) -> "Damage":
        """Makes anew what is damaged: words and vectors, and Chroma's folder; gives what was damaged.

        The text of an article can't be made anew: remove it and add it again, or import an archive.

        Args:
            on_progress: is told what is looked at, how much of it is done, and of how much.
        """
        with self.changing():
            damage = self.damage(partial(on_progress, "articles"))
            if damage.file:
                return damage
            mended = [id for id in damage.passages if id not in damage.articles]
            for done, id in enumerate(mended, start=1):
                if self._catalogue.has(id):
                    self._write([self._draft(self.get(id))])
                else:
                    self._catalogue.remove([id], leave_out=False)
                on_progress("damaged passages", done, len(mended))
        self._follower.forget()
        self._follower.settle(partial(on_progress, "vectors"))
        return damage

    def damage(self, on_progress: Callable[[int, int], None] = lambda done, total: None) -> "Damage":
        """Which articles and passages are not what was stored; reads all of them."""
        from newsqa.library.checking import damage

        with self._catalogue.reading() as connection:
            return damage(connection, on_progress)

    def _check_identity(self) -> None:
        recorded = self._catalogue.settings()
        for name, value in self._index.items():
            if recorded.get(name, value) != value:
                raise IndexMismatchError(
                    f"{self._catalogue.name} was indexed with {name} {recorded[name]!r}, now it is {value!r}: "
                    f"set NEWSQA_{name.upper()} back, or index it anew with `newsqa doctor --reindex`"
                )

    @contextmanager
    def _changed(self, since: int) -> Iterator[Changed]:
        """What the catalogue says has changed, unless another process has indexed it anew."""
        self._check_identity()
        with self._catalogue.changed(since) as changed:
            yield changed

    def _reindex(self) -> None:
        self._catalogue.set_settings({"embedding_model": "half re-indexed"})  # refused until this is done
        self._catalogue.forget_vectors()
        self._follower.forget()

    def _complete(self) -> None:
        """Makes what is not there yet: an earlier newsqa kept less, and vectors in Chroma only."""
        self._catalogue.complete(copies.fingerprint)
        lacking, done = self._catalogue.incomplete(), 0
        if lacking:
            LOG.warning("%d articles are embedded anew; that may take a while", len(lacking))
        for group in _groups(self._readable(lacking)):
            self._write(group)
            before, done = done, done + len(group)
            if done // _TOLD_AFTER > before // _TOLD_AFTER:
                LOG.warning("%d of %d articles are embedded", done, len(lacking))
        self._catalogue.set_settings(self._index)

    def _readable(self, article_ids: Sequence[str]) -> Iterator[_Draft]:
        """The articles that can be read, cut into passages."""
        for id in article_ids:
            try:
                yield self._draft(self.get(id))
            except LibraryError as error:
                LOG.warning("%s", error)

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

    def _put(
        self,
        articles: Iterable[Article],
        on_passages: Callable[[int], None],
        refuse: Callable[[Article, NewsqaError], None],
        *,
        by_id: bool,
    ) -> Iterator[tuple[Article, Outcome]]:
        """Stores articles together, those that may be one after each other; gives them as they are stored."""
        group: list[tuple[_Draft, Outcome]] = []
        for article in articles:
            if any(_same(article, draft.article) for draft, _ in group):
                yield from self._stored(group, on_passages)
                group.clear()
            try:
                group.append(self._prepared(article, by_id=by_id))
            except ArticleDamagedError as error:
                refuse(article, error)
        yield from self._stored(group, on_passages)

    def _stored(
        self, group: Sequence[tuple[_Draft, Outcome]], on_passages: Callable[[int], None]
    ) -> list[tuple[Article, Outcome]]:
        self._write([draft for draft, _ in group], on_passages)
        return [(draft.article, outcome) for draft, outcome in group]

    def _prepared(self, article: Article, *, by_id: bool) -> tuple[_Draft, Outcome]:
        """The article under the id it has or gets here, cut into passages unless nothing changed."""
        try:
            existing = self.known(article, by_id=by_id)
        except ArticleDamagedError as error:
            if article.origin not in self.origins.holders(error.article_id):
                raise
            return self._draft(replace(article, id=error.article_id)), "replaced"
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
            if "\0" in value:
                raise ArticleError(f"{name}: {field} holds a NUL character at {value.index(chr(0))}; leave it out")
            if len(value) > limit:
                raise ArticleError(f"{name}: {field} has {len(value):,} characters, more than {limit:,}; shorten it")
            try:
                size = len(value.encode())
            except UnicodeEncodeError as error:
                raise ArticleError(
                    f"{name}: {field} holds half a character at {error.start}; load it as UTF-8"
                ) from error
            if field in _KEYS and size > MAX_KEY_BYTES:
                raise ArticleError(f"{name}: {field} has {size:,} bytes, more than {MAX_KEY_BYTES:,}; shorten it")
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
    def name(self) -> str:
        """Where it is: its folder, or its database; for people."""
        return self._catalogue.name

    @property
    def ownership(self) -> Ownership | None:
        """The lock of its folder; None where it is in a database that several processes share."""
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

    def revision_of(self, article_id: str) -> str:
        """The name of an article's current revision, be it damaged. Raises ArticleNotFoundError."""
        revision = self._catalogue.current(article_id)
        if revision is None:
            raise ArticleNotFoundError(_missing(article_id))
        return revision

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

    @property
    def trouble(self) -> str:
        """Why Chroma can't be used, if so: then all passages are compared."""
        return self._follower.trouble

    def health(self, on_progress: Callable[[int, int], None] = lambda done, total: None) -> Health:
        """Whether catalogue and vectors agree, once Chroma is up to date; reads all ids.

        Args:
            on_progress: is told how many passages Chroma knows of, and of how many.
        """
        self._follower.settle(on_progress)
        with self.changing():
            vectors, passages = self._follower.ids(), set(self._catalogue.passage_ids())
        return Health(len(self), len(passages), len(passages - vectors), len(vectors - passages))

    # Searching it

    def search_text(self, terms: Sequence[str], k: int, filters: Filters) -> dict[str, float]:
        """The `k` best passage ids by BM25, with their scores, best first."""
        change, _ = self._catalogue.last_change()
        return self._mirror.view(change).search(terms, k, filters)

    def search_vectors(self, vector: Sequence[float], k: int, filters: Filters) -> dict[str, float]:
        """The `k` nearest passage ids among those that pass, with their cosines, nearest first.

        Chroma finds them, approximately. They are all compared, exactly, where a filter is given, and where Chroma
        is not ready or far behind.
        """
        change, behind = self._catalogue.last_change()
        view = self._mirror.view(change)
        found = None if filters or len(behind) > MOST_BEHIND else self._follower.nearest(vector, k + len(behind))
        if found is None:
            return view.nearest(vector, k, filters)
        now, unsettled = self._catalogue.last_change()
        if now != change or len(unsettled) > len(behind):  # it may know of others than the view does
            return self._mirror.view(now).nearest(vector, k, filters)
        cosines = view.cosines(vector, {*found, *behind})
        return dict(sorted(cosines.items(), key=lambda each: (-each[1], each[0]))[:k])

    def cosines(self, vector: Sequence[float], passage_ids: Collection[str]) -> dict[str, float]:
        """The exact cosine of `vector` with each of these passages."""
        change, _ = self._catalogue.last_change()
        return self._mirror.view(change).cosines(vector, passage_ids)

    def passages(self, scores: Mapping[str, tuple[float, Mapping[str, float]]]) -> list[ScoredPassage]:
        """The passages of these ids, with score and parts, in the order given; those gone since are left out."""
        return self._catalogue.passages(scores)


def _owned(folder: Path) -> Ownership:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        catalogue, vectors = folder / "catalogue.sqlite3", folder / "vectors"
        if vectors.exists() and not (catalogue.exists() and catalogue.stat().st_size):
            raise LibraryError(
                f"{catalogue} is lost: put a copy in its place, or move {vectors} away to begin anew; "
                f"first move {catalogue.name}-wal and {catalogue.name}-shm away, as far as they are there"
            )
        return Ownership(folder)
    except OSError as error:
        raise LibraryError(f"{folder} can't hold a library ({error.strerror}): set NEWSQA_DATA_DIR") from error


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

"""Finds the passages that may hold the answer: by meaning and by words, the two fused."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field

from newsqa.domain import Filters, ScoredPassage, to_json
from newsqa.english import content_words, figures, stems
from newsqa.errors import ArticleNotFoundError
from newsqa.library import Library

MAX_TERMS = 64
"""Words of a question that are searched for; a longer one is cut."""
_TRIES = 3
_ALIKE = 0.6
"""Share of their words that two sentences of two copies have in common when they say the same."""
_NAME = re.compile(r"\b[^\W\d_a-z][\w’'-]*")
_NEGATION = re.compile(r"\b(?:not|no|none|never|nobody|nothing|neither|nor|without|cannot)\b|n[’']t\b", re.IGNORECASE)
MOST_COPIES = 20
"""That are named with a passage."""
_FEWEST = 5
"""Words of a sentence that a copy may not lack; shorter ones are bylines and credits."""
_Ranked = dict[str, tuple[float, dict[str, float]]]
"""Passage ids, best first, with their fused score and its parts."""


class HybridRetriever(BaseRetriever):
    """Passages by the mean of their cosine and their relative BM25 score, best first.

    score = weight * cosine + (1 - weight) * bm25 / (best bm25 of this question)

    Both searches bring `pool` candidates; a candidate that only one of them found gets its exact cosine, and 0
    for BM25. This convex combination of scores (Bruch, Gai, Ingber: "An Analysis of Fusion Functions for Hybrid
    Retrieval", 2023) ranks better here than reciprocal rank fusion, which throws the distances away: figures
    in evals/README.md.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    library: Library
    embedding: Embeddings
    pool: Annotated[int, Field(ge=1)] = 50
    top_k: Annotated[int, Field(ge=1)] = 8
    dense_weight: Annotated[float, Field(ge=0, le=1)] = 0.6

    def find(self, question: str, filters: Filters | None = None, top_k: int | None = None) -> list[ScoredPassage]:
        """The best passages for `question` among those that pass the filters, best first.

        Args:
            question: any text; nothing in it is query syntax.
            filters: only passages that pass, and as many of them as there are, however few.
            top_k: how many at the most; the retriever's own number when not given.
        """
        filters, wanted = Filters() if filters is None else filters, top_k or self.top_k
        for _ in range(_TRIES):
            passages, whole = self._best(self._ranked(question, filters, wanted), filters, wanted)
            if whole:  # otherwise an article was replaced in the midst of the search
                break
        return passages

    def _ranked(self, question: str, filters: Filters, wanted: int) -> _Ranked:
        pool = max(self.pool, wanted)
        vector = self.embedding.embed_query(question)
        cosines = self.library.search_vectors(vector, pool, filters)
        bm25 = self.library.search_text(content_words(question)[:MAX_TERMS], pool, filters)
        cosines |= self.library.cosines(vector, bm25.keys() - cosines.keys())
        best = max(bm25.values(), default=0) or 1.0
        fused = {
            id: self.dense_weight * cosine + (1 - self.dense_weight) * bm25.get(id, 0) / best
            for id, cosine in cosines.items()
        }
        ranked = sorted(fused, key=lambda id: (-fused[id], id))
        return {id: (fused[id], {"dense": cosines[id], "bm25": bm25.get(id, 0.0)}) for id in ranked}

    def _best(self, ranked: _Ranked, filters: Filters, wanted: int) -> tuple[list[ScoredPassage], bool]:
        """The best passages, of near-identical articles only one's, and whether all were there."""
        found: dict[str, ScoredPassage] = {}
        whole, rest = True, list(ranked)
        while rest and len(found) < wanted:
            part, rest = rest[:wanted], rest[wanted:]
            passages = self.library.passages({id: ranked[id] for id in part})
            whole = whole and len(passages) == len(part)
            for scored in told_once(self.library, passages, filters):
                found.setdefault(scored.passage.id, scored)
        return list(found.values())[:wanted], whole

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, filters: Filters | None = None
    ) -> list[Document]:
        del run_manager  # nothing below reports to it
        return [to_document(passage) for passage in self.find(query, filters)]


def told_once(library: Library, passages: Sequence[ScoredPassage], filters: Filters) -> Iterator[ScoredPassage]:
    """The passages with the copies of their articles; of near-identical articles the one that is cited speaks.

    A passage of another one gives way to the same passage of that; where it has none, it stays.
    """
    stories = library.stories({scored.passage.article_id for scored in passages}, filters)
    for scored in passages:
        cited, story = scored, stories.get(scored.passage.article_id, [])
        if story and story[0].article_id != scored.passage.article_id:
            cited = _twin(library, scored, story[0].article_id) or scored
        copies = tuple(other for other in story if other.article_id != cited.passage.article_id)
        yield replace(cited, copies=copies[:MOST_COPIES]) if copies else cited


def _twin(library: Library, scored: ScoredPassage, article_id: str) -> ScoredPassage | None:
    """The passage of the article that says what this one says; None where the article lacks a sentence of it."""
    try:
        article, others = library.whole(article_id)
    except ArticleNotFoundError:  # it was removed since
        return None
    there = [_said(sentence.text) for other in others for sentence in other.sentences]
    said = [_said(sentence.text) for sentence in scored.passage.sentences]
    if not all(any(map(each.alike, there)) for each in said if len(each.words) >= _FEWEST):
        return None
    words = set(stems(scored.passage.text))
    best = max(others, key=lambda other: len(words & set(stems(other.text))))
    return ScoredPassage(
        best, article.title, article.publisher, article.url, article.published_at, scored.score, scored.scores
    )


@dataclass(frozen=True)
class _Said:
    words: frozenset[str]
    weighty: frozenset[str | float]
    """Figures, names and negations: what another word for them would make another statement of."""

    def alike(self, other: "_Said") -> bool:
        """Whether two sentences say the same: with the same figures, names and negations, and most of their words."""
        shared = len(self.words & other.words)
        return self.weighty == other.weighty and shared >= _ALIKE * len(self.words | other.words)


def _said(sentence: str) -> _Said:
    names = frozenset(_NAME.findall(sentence[1:]))  # the first letter is a capital anyway
    negations = frozenset(word.casefold() for word in _NEGATION.findall(sentence))
    return _Said(frozenset(stems(sentence)), names | negations | figures(sentence))


def to_document(scored: ScoredPassage) -> Document:
    """A passage as LangChain's `Document`; its metadata holds `article_id, start, end` and all a citation shows."""
    passage = scored.passage
    metadata: dict[str, Any] = {
        "article_id": passage.article_id,
        "start": passage.start,
        "end": passage.end,
        "title": scored.title,
        "publisher": scored.publisher,
        "url": scored.url,
        "published_at": to_json(scored.published_at),
        "score": scored.score,
        **scored.scores,
    }
    return Document(passage.text, id=passage.id, metadata=metadata)

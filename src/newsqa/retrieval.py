"""Finds the passages that may hold the answer: by meaning and by words, the two fused."""

from typing import Annotated, Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field

from newsqa.domain import Filters, ScoredPassage, to_json
from newsqa.english import content_words
from newsqa.library import Library

MAX_TERMS = 64
"""Words of a question that are searched for; a longer one is cut."""
_TRIES = 3


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
        for _ in range(_TRIES):
            scores = self._scores(question, filters or Filters(), top_k or self.top_k)
            passages = self.library.passages(scores)
            if len(passages) == len(scores):  # otherwise an article was replaced in the midst of the search
                break
        return passages

    def _scores(self, question: str, filters: Filters, top_k: int) -> dict[str, tuple[float, dict[str, float]]]:
        pool = max(self.pool, top_k)
        vector = self.embedding.embed_query(question)
        cosines = self.library.search_vectors(vector, pool, filters)
        bm25 = self.library.search_text(content_words(question)[:MAX_TERMS], pool, filters)
        cosines |= self.library.cosines(vector, bm25.keys() - cosines.keys())
        best = max(bm25.values(), default=0) or 1.0
        fused = {
            id: self.dense_weight * cosine + (1 - self.dense_weight) * bm25.get(id, 0) / best
            for id, cosine in cosines.items()
        }
        ranked = sorted(fused, key=lambda id: (-fused[id], id))[:top_k]
        return {id: (fused[id], {"dense": cosines[id], "bm25": bm25.get(id, 0.0)}) for id in ranked}

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, filters: Filters | None = None
    ) -> list[Document]:
        del run_manager  # nothing below reports to it
        return [to_document(passage) for passage in self.find(query, filters)]


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

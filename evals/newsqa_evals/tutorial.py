"""The pipeline people copy from tutorials, to measure newsqa against.

RecursiveCharacterTextSplitter 1000/200, all-MiniLM-L6-v2, Chroma, top 4.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import chromadb
from chromadb.config import Settings
from langchain_chroma import Chroma
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_text_splitters import RecursiveCharacterTextSplitter

from newsqa import Article

TOP_K = 4


@dataclass(frozen=True)
class TutorialPipeline:
    """A folder of chunks and their search."""

    store: Chroma

    @classmethod
    def open(cls, folder: Path, embedding: Embeddings) -> "TutorialPipeline":
        """An empty pipeline that stores in `folder`. Its own embedding would be sentence-transformers on torch."""
        client = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
        return cls(Chroma("tutorial", embedding, client=client))

    def add(self, articles: Iterable[Article]) -> int:
        """Splits, embeds and stores; returns the number of chunks."""
        splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
        documents = [Document(article.text, metadata={"article_id": article.id}) for article in articles]
        chunks = splitter.split_documents(documents)
        for start in range(0, len(chunks), 1000):
            self.store.add_documents(chunks[start : start + 1000])
        return len(chunks)

    def search(self, question: str, top_k: int = TOP_K) -> list[Document]:
        """The nearest chunks, best first."""
        return self.store.similarity_search(question, k=top_k)

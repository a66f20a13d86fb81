"""The vectors of all passages, in Chroma through langchain-chroma."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from chromadb.api.collection_configuration import CreateHNSWConfiguration
    from langchain_chroma import Chroma
    from numpy.typing import NDArray

_BATCH = 500  # SQLite underneath Chroma bounds the variables of one statement
_HNSW: "CreateHNSWConfiguration" = {
    "space": "cosine",
    "ef_construction": 200,
    "ef_search": 200,
    "max_neighbors": 32,
}


class Vectors:
    """A folder of vectors by passage id. What it returns is checked against the catalogue by the caller."""

    def __init__(self, folder: Path) -> None:
        """Opens the folder, which is made when missing."""
        from chromadb import PersistentClient
        from chromadb.config import Settings

        self._client = PersistentClient(str(folder), Settings(anonymized_telemetry=False))
        self._store = self._open()

    def _open(self) -> "Chroma":
        from langchain_chroma import Chroma

        return Chroma("passages", client=self._client, collection_configuration={"hnsw": _HNSW})

    def clear(self) -> None:
        """Forgets everything, vectors of another length included."""
        self._store.delete_collection()
        self._store = self._open()

    def add(self, passage_ids: Sequence[str], vectors: "NDArray[np.float32]") -> None:
        """Stores each row of `vectors` [passages, dimensions] under its id; an id that is there is overwritten.

        No text is stored beside them: the catalogue has it, and Chroma's own text index would cost
        1 ms a passage.
        """
        collection = self._client.get_collection("passages")
        for start in range(0, len(passage_ids), _BATCH):
            ids = list(passage_ids[start : start + _BATCH])
            collection.upsert(ids=ids, embeddings=vectors[start : start + _BATCH], documents=[""] * len(ids))

    def remove(self, passage_ids: Collection[str]) -> None:
        """Forgets these ids; unknown ones are passed over."""
        for part in _parts(list(passage_ids)):
            self._store.delete(ids=part)

    def nearest(self, vector: Sequence[float], k: int, among: list[str] | None = None) -> dict[str, float]:
        """The `k` nearest passage ids with their cosines (-1 to 1), nearest first; approximate (HNSW).

        Args:
            vector: of the question.
            k: how many at the most.
            among: only these ids, where given.
        """
        chosen: dict[str, Any] = {} if among is None else {"ids": among}
        found = self._store.similarity_search_by_vector_with_relevance_scores(list(vector), k=k, **chosen)
        return {document.id or "": 1 - distance for document, distance in found}

    def cosines(self, vector: Sequence[float], passage_ids: Collection[str]) -> dict[str, float]:
        """The exact cosine of `vector` with each of these passages; unknown ids are left out."""
        cosines: dict[str, float] = {}
        for part in _parts(list(passage_ids)):
            found = self._store.get(ids=part, include=["embeddings"])
            if found["ids"]:
                products = np.asarray(found["embeddings"], np.float32) @ np.asarray(vector, np.float32)
                cosines.update(zip(found["ids"], products.tolist(), strict=True))
        return cosines

    def ids(self) -> set[str]:
        """The ids of all vectors."""
        return set(self._store.get(include=[])["ids"])

    def close(self) -> None:
        """Lets go of the folder."""
        self._client.close()  # type: ignore[attr-defined]  # missing from its protocol


def _parts(items: list[str]) -> Iterator[list[str]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))

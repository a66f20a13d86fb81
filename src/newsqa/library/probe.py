"""Opens a Chroma folder and tries it: a program of its own, as an index that is damaged may crash whoever opens it.

It is run as a file and imports nothing of newsqa. It reads `{"collection": …, "sample": {id: vector}}` from stdin, and
writes `{"ids": […], "wrong": […], "lost": […]}`: what is there, which of the sample differ, and which are not found.
"""

import json
import sys
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from chromadb import Collection
    from numpy.typing import NDArray

NEAR = 0.999
"""Cosine of a vector as Chroma has it with the catalogue's, which is rounded to float16."""


def main() -> None:
    """Tries the folder that is named."""
    from chromadb import PersistentClient
    from chromadb.config import Settings

    asked = json.load(sys.stdin)
    client = PersistentClient(sys.argv[1], Settings(anonymized_telemetry=False))
    collection = client.get_collection(asked["collection"])
    ids = collection.get(include=[])["ids"]
    sample = {id: np.asarray(vector, np.float32) for id, vector in asked["sample"].items()}
    kept = collection.get(ids=list(sample), include=["embeddings"]) if sample else None
    there = dict(zip(kept["ids"], np.asarray(kept["embeddings"]), strict=True)) if kept else {}
    wrong = [id for id, vector in there.items() if not np.dot(vector, sample[id]) > NEAR]
    lost = [id for id in there if not _finds(collection, sample[id])]
    json.dump({"ids": ids, "wrong": wrong, "lost": lost}, sys.stdout)


def _finds(collection: "Collection", vector: "NDArray[np.float32]") -> bool:
    """Whether a search by a vector finds it, or an equal one."""
    found = collection.query(query_embeddings=vector[np.newaxis], n_results=1, include=["distances"])["distances"]
    return bool(found and found[0] and abs(found[0][0]) < 1 - NEAR)


if __name__ == "__main__":
    main()

"""Stand-ins written by hand: small, deterministic, and meaningful enough to rank by."""

import re
from collections.abc import Sequence
from zlib import crc32

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from newsqa.embedding import TokenVectors
from newsqa.english import content_words, stem
from newsqa_evals.scores import Score

DIMENSIONS = 256
SCORE = Score(
    suite="ferries",
    case="noon",
    digest="d",
    article="ferry",
    tags=(),
    answerable=True,
    answered=True,
    confidence=0.9,
    right=True,
    would_be_right=True,
    exact=True,
)
"""Of a case that was answered rightly."""


class BagOfWordsEmbeddings(Embeddings):
    """Texts that share stems are near each other: a text's vector is the sum of one vector a stem."""

    identity = "bag of words"
    dimensions = DIMENSIONS

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector for each text."""
        return [_unit(_word_vectors(text).sum(axis=0)).tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """The vector of one text."""
        return self.embed_documents([text])[0]

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """The vectors of the words of each text."""
        return [_tokens(text) for text in texts]


def _tokens(text: str) -> TokenVectors:
    found = list(re.finditer(r"\w+", text))
    vectors = [_word_vectors(word.group()).sum(axis=0) for word in found]
    spans = [word.span() for word in found]
    return TokenVectors(np.array(vectors, np.float32).reshape(-1, DIMENSIONS), np.array(spans, int).reshape(-1, 2))


def _word_vectors(text: str) -> NDArray[np.float32]:
    vectors = np.zeros((len(content_words(text)), DIMENSIONS), np.float32)
    for row, word in enumerate(content_words(text)):
        vectors[row, crc32(stem(word).encode()) % DIMENSIONS] = 1.0
    return vectors


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    length = float(np.linalg.norm(vector))
    return vector / length if length else np.full(DIMENSIONS, DIMENSIONS**-0.5, np.float32)

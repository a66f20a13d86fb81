"""Turns text into vectors: the packaged MiniLM by ONNX Runtime, or any sentence-transformers model."""

from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from langchain_core.embeddings import Embeddings

from newsqa.errors import ModelError
from newsqa.inference import PackagedModel, packaged_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGED_MODEL = Path(__file__).parent / "models" / "all_minilm_l6_v2"
MAX_TOKENS = 256
"""What all-MiniLM-L6-v2 was trained to read; the rest of a longer text is not seen."""


class OnnxEmbeddings(Embeddings):
    """The packaged all-MiniLM-L6-v2: rows of 384 float32, length 1. Needs no network and no torch."""

    dimensions = 384

    def __init__(self, folder: Path = PACKAGED_MODEL, threads: int = 0) -> None:
        """Loads nothing yet; the first text does.

        Args:
            folder: holds `model.onnx` and `tokenizer.json`.
            threads: texts embedded at one time; 0 for one a core, at most 8.
        """
        self._folder, self._threads = folder, threads

    @cached_property
    def identity(self) -> str:
        """Name and hash of the weights: vectors of different identities must not meet in one library."""
        return f"{self._folder.name} onnx {sha256(packaged_file(self._folder, 'model.onnx')).hexdigest()[:12]}"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector of 384 numbers for each text."""
        return self.encode(texts).tolist()  # type: ignore[no-any-return]

    def embed_query(self, text: str) -> list[float]:
        """The vector of one text."""
        return self.embed_documents([text])[0]

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """The vectors of `texts` as one array [texts, 384], in their order; none depends on the texts beside it.

        Raises:
            ModelError: the model's files are missing or damaged.
        """
        inputs = [
            {
                name: np.array([values], np.int64)
                for name, values in (("input_ids", each.ids), ("attention_mask", each.attention_mask))
            }
            for each in self._tokenizer.encode_batch(list(texts))
        ]
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        for row, (vector,) in enumerate(self._model.run(["embedding"], inputs)):
            vectors[row] = vector[0]
        return vectors

    @cached_property
    def _tokenizer(self) -> Any:  # its library is imported late
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(packaged_file(self._folder, "tokenizer.json").decode())
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True  # "[SEP]" in a text is text
        tokenizer.enable_truncation(MAX_TOKENS)
        return tokenizer

    @cached_property
    def _model(self) -> PackagedModel:
        return PackagedModel(self._folder, self._threads)


class SentenceTransformersEmbeddings(Embeddings):
    """Any model that sentence-transformers loads, by name or path. Needs `newsqa[sentence-transformers]`."""

    def __init__(self, model: str) -> None:
        """Loads the model.

        Raises:
            ModelError: the extra is not installed, or there is no such model.
        """
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ModelError(
                f"NEWSQA_EMBEDDING_MODEL={model} needs sentence-transformers: make install-extras, or leave it unset"
            ) from error
        try:
            self._model = SentenceTransformer(model, device="cpu")
        except (OSError, ValueError) as error:
            raise ModelError(
                f"NEWSQA_EMBEDDING_MODEL={model} can't be loaded: give a path, or a cached name"
            ) from error
        self.identity = f"{model} sentence-transformers"

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self._model.get_embedding_dimension() or 0)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector for each text."""
        return self.encode(texts).tolist()  # type: ignore[no-any-return]

    def embed_query(self, text: str) -> list[float]:
        """The vector of one text."""
        return self.embed_documents([text])[0]

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """The vectors of `texts` as one array [texts, dimensions], of length 1."""
        vectors = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, np.float32)

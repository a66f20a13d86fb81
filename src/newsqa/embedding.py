"""Turns text into vectors: the packaged MiniLM by ONNX Runtime, or any sentence-transformers model."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from langchain_core.embeddings import Embeddings

from newsqa.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGED_MODEL = Path(__file__).parent / "models" / "all_minilm_l6_v2"
MAX_TOKENS = 256
"""What all-MiniLM-L6-v2 was trained to read; the rest of a longer text is not seen."""
MOST_PADDING = 1.05
"""Tokens computed for each one that is there, at the most."""
TOKENS_A_BATCH = 2048
"""Padded tokens run at once: more is no faster on a CPU and grows ONNX Runtime's memory."""


@dataclass(frozen=True)
class TokenVectors:
    """The tokens of one text as vectors, each in its context."""

    vectors: "NDArray[np.float32]"
    """[tokens, dimensions]; the mean of all of them, at length 1, is the vector of the text."""
    spans: "NDArray[np.int64]"
    """[tokens, 2]: start and end, in the text, of the word each token is part of."""


class OnnxEmbeddings(Embeddings):
    """The packaged all-MiniLM-L6-v2: rows of 384 float32, length 1. Needs no network and no torch."""

    dimensions = 384

    def __init__(self, folder: Path = PACKAGED_MODEL, threads: int = 0) -> None:
        """Loads nothing yet; the first text does.

        Args:
            folder: holds `model.onnx` and `tokenizer.json`.
            threads: of ONNX Runtime; 0 for one a core, at most 8.
        """
        self._folder = folder
        self._threads = threads or min(8, len(os.sched_getaffinity(0)))

    @cached_property
    def identity(self) -> str:
        """Name and hash of the weights: vectors of different identities must not meet in one library."""
        return f"{self._folder.name} onnx {sha256(self._read('model.onnx')).hexdigest()[:12]}"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector of 384 numbers for each text."""
        return self.encode(texts).tolist()  # type: ignore[no-any-return]

    def embed_query(self, text: str) -> list[float]:
        """The vector of one text."""
        return self.embed_documents([text])[0]

    def encode(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """The vectors of `texts` as one array [texts, 384], in their order.

        Texts of like length share a batch, so that little is computed for padding.

        Raises:
            ModelError: the model's files are missing or damaged.
        """
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        encodings = self._tokenizer.encode_batch(list(texts))
        for rows, (found,) in self._run(encodings, ["embedding"]):
            vectors[rows] = found
        return vectors

    def encode_tokens(self, texts: Sequence[str]) -> "list[TokenVectors]":
        """The vectors of the tokens of each of `texts`, in their order. Raises as `encode` does."""
        encodings = self._tokenizer.encode_batch(list(texts))
        results: dict[int, TokenVectors] = {}
        for rows, (hidden,) in self._run(encodings, ["tokens"]):
            for row, index in enumerate(rows):
                encoding = encodings[index]
                inner = hidden[row, 1 : len(encoding.ids) - 1]  # without [CLS] and [SEP]
                spans = np.array([encoding.word_to_chars(word) for word in encoding.word_ids[1:-1]], int)
                results[index] = TokenVectors(inner, spans.reshape(-1, 2))
        return [results[index] for index in range(len(texts))]

    def _run(self, encodings: list[Any], outputs: list[str]) -> "Iterator[tuple[list[int], list[NDArray[np.float32]]]]":
        """For each batch: the indices of its texts and the outputs of the model."""
        for rows in _batches([len(encoding.ids) for encoding in encodings]):
            width = len(encodings[rows[-1]].ids)
            ids = np.zeros((len(rows), width), np.int64)
            mask = np.zeros((len(rows), width), np.int64)
            for row, index in enumerate(rows):
                found = encodings[index].ids
                ids[row, : len(found)] = found
                mask[row, : len(found)] = 1
            yield rows, self._session.run(outputs, {"input_ids": ids, "attention_mask": mask})

    @cached_property
    def _tokenizer(self) -> Any:  # its library is imported late
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(self._read("tokenizer.json").decode())
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        return tokenizer

    @cached_property
    def _session(self) -> Any:  # its library is imported late and has no types
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        # Threads that wait by spinning take the cores from everything between two runs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            return onnxruntime.InferenceSession(self._read("model.onnx"), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own errors share no base class but Exception
            raise ModelError(f"{self._folder / 'model.onnx'} is damaged: install newsqa again ({error})") from error

    def _read(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise ModelError(f"the embedding model's {self._folder / name} is missing: install newsqa again") from error


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


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Indices of texts grouped by length, shortest first, with little padding and within `TOKENS_A_BATCH`."""
    batch: list[int] = []
    tokens = 0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        padded = lengths[index] * (len(batch) + 1)
        if batch and padded > min(TOKENS_A_BATCH, MOST_PADDING * (tokens + lengths[index])):
            yield batch
            batch, tokens = [], 0
        batch.append(index)
        tokens += lengths[index]
    if batch:
        yield batch

"""Runs packaged ONNX models: their files, their sessions, and batches of texts of like length."""

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from newsqa.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Tokens = NDArray[np.int64]

MOST_PADDING = 1.05
"""Tokens computed for each one that is there, at the most."""
TOKENS_A_BATCH = 2048
"""Padded tokens run at once: more is no faster on a CPU and grows ONNX Runtime's memory."""


def packaged_file(folder: Path, name: str) -> bytes:
    """The bytes of a file of a packaged model.

    Raises:
        ModelError: it is missing.
    """
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise ModelError(f"the model's {folder / name} is missing: install newsqa again") from error


def fitted_values(file: Path, what: str, names: Sequence[str]) -> dict[str, Any]:
    """The values of a packaged JSON file of fitted numbers; its `what` must be these names.

    Raises:
        ModelError: the file is missing or damaged, or was fitted for other names.
    """
    try:
        values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        fits = tuple(values[what]) == tuple(names)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{file} is missing or damaged: install newsqa again") from error
    if not fits:
        raise ModelError(f"{file} was fitted for other {what}: fit it anew (evals/README.md)")
    return values


class PackagedModel:
    """A packaged ONNX model. A run has all threads to itself; where several run at once each has one."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        """Loads `model.onnx` of `folder`.

        Args:
            folder: of the model.
            threads: of a run alone; 0: one a core, at most 8.

        Raises:
            ModelError: the file is missing or damaged.
        """
        self._folder, self._lock, self._running = folder, threading.Lock(), 0
        self._alone = _session(folder, threads or min(8, len(os.sched_getaffinity(0))))

    def run(self, outputs: Sequence[str], inputs: "Mapping[str, NDArray[Any]]") -> "list[NDArray[Any]]":
        """The outputs of these names."""
        with self._lock:
            session = self._crowded if self._running else self._alone
            self._running += 1
        try:
            return session.run(outputs, inputs)  # type: ignore[no-any-return]
        finally:
            with self._lock:
                self._running -= 1

    @cached_property
    def _crowded(self) -> Any:  # its library is imported late and has no types
        return _session(self._folder, 1)


def _session(folder: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that wait by spinning take the cores from everything between two runs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            packaged_file(folder, "model.onnx"),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["SkipLayerNormFusion"],  # slower than what it fuses: see models/export_embedding.py
        )
    except ModelError:
        raise
    except Exception as error:  # onnxruntime's own errors share no base class but Exception
        raise ModelError(f"{folder / 'model.onnx'} is damaged: install newsqa again ({error})") from error


def batches(encodings: Sequence[Any]) -> "Iterator[tuple[list[int], Tokens, Tokens, Tokens]]":
    """For each batch of tokenized texts their indices, and as int64 [texts, tokens] ids, attention mask and types."""
    for rows in _alike([len(encoding.ids) for encoding in encodings]):
        ids, mask, types = np.zeros((3, len(rows), len(encodings[rows[-1]].ids)), np.int64)
        for row, index in enumerate(rows):
            size = len(encodings[index].ids)
            ids[row, :size], types[row, :size], mask[row, :size] = encodings[index].ids, encodings[index].type_ids, 1
        yield rows, ids, mask, types


def _alike(lengths: Sequence[int]) -> Iterator[list[int]]:
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

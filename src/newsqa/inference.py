"""Runs packaged ONNX models: their files, their sessions, and many texts at a time."""

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from newsqa.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Inputs = Mapping[str, NDArray[Any]]


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
    """A packaged ONNX model. Each text is run by itself on one thread, and several at a time.

    int8 activations have one scale a run: in a batch, a text's result would depend on the texts beside it. It is no
    slower, as nothing is padded and a thread for each text wastes less than several threads for one.
    """

    def __init__(self, folder: Path, threads: int = 0) -> None:
        """Loads `model.onnx` of `folder`.

        Args:
            folder: of the model.
            threads: runs at one time; 0: one a core, at most 8.

        Raises:
            ModelError: the file is missing or damaged.
        """
        self._session = _session(folder)
        self._threads = threads or min(8, len(os.sched_getaffinity(0)))

    def run(self, outputs: Sequence[str], inputs: "Sequence[Inputs]") -> "list[list[NDArray[Any]]]":
        """The outputs of these names for each of the inputs, in their order."""
        run = partial(self._session.run, outputs)
        if len(inputs) < 2 or self._threads == 1:
            return list(map(run, inputs))
        return list(self._pool.map(run, inputs))

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, thread_name_prefix="newsqa-model")


def _session(folder: Path) -> Any:  # its library is imported late and has no types
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # it would keep what the longest text took, once for each thread
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

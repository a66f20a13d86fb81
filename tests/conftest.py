"""What all tests share: no network, no real data folder, one library of the shipped corpus."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from newsqa import Article, Library, load, open_assistant
from newsqa.assistant import Assistant
from tests.fakes import BagOfWordsEmbeddings
from tests.serving import Server, serving

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "corpus"


@pytest.fixture(autouse=True)
def _own_data_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test touches the user's own library."""
    monkeypatch.setenv("NEWSQA_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture(scope="session")
def corpus() -> list[Article]:
    """The shipped articles."""
    return load(CORPUS)


@pytest.fixture(scope="session")
def assistant(tmp_path_factory: pytest.TempPathFactory, corpus: list[Article]) -> Iterator[Assistant]:
    """A real assistant over the shipped corpus, not to be changed."""
    with open_assistant(tmp_path_factory.mktemp("shipped")) as opened:
        opened.library.add(corpus)
        yield opened


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """An empty library with a fake embedding."""
    with open_library(tmp_path / "library") as opened:
        yield opened


def open_library(folder: Path, **options: object) -> Library:
    """The library in `folder` with the fake embedding."""
    return Library(folder, BagOfWordsEmbeddings(), BagOfWordsEmbeddings.identity, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, corpus: list[Article]) -> Iterator[Server]:
    """A real server over the shipped corpus; tests that change it put back what they changed."""
    folder = tmp_path_factory.mktemp("served") / "library"
    with open_assistant(folder) as opened:
        opened.library.add(corpus)
    with serving(folder) as running:
        yield running

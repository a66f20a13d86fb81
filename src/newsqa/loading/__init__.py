"""Anything that holds articles becomes articles: files, folders, archives, pages, feeds; one file a format."""

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from newsqa.domain import Article
from newsqa.errors import LoadError

if TYPE_CHECKING:
    from newsqa.loading.apart.workshop import Workshop
    from newsqa.loading.fetching import Fetcher
    from newsqa.loading.given import Given
    from newsqa.loading.loader import Loader
    from newsqa.loading.visits import Found, Visit, origin_of

# Imported when first used, so that the process that parses strangers' files holds its parsers and nothing else.
_HOMES = {
    "Fetcher": "fetching",
    "Found": "visits",
    "Given": "given",
    "Loader": "loader",
    "Visit": "visits",
    "Workshop": "apart.workshop",
    "origin_of": "visits",
}
__all__ = ["Fetcher", "Found", "Given", "Loader", "Visit", "Workshop", "load", "origin_of"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'newsqa.loading' has no attribute {name!r}")
    return getattr(import_module(f"newsqa.loading.{_HOMES[name]}"), name)


def load(*what: str | Path, on_error: Callable[[LoadError], None] | None = None) -> list[Article]:
    """The articles of files, folders, archives, pages and feeds, in the order of their names.

    Args:
        what: paths and addresses; which formats there are: README.md.
        on_error: is told of each that can't be loaded, and the others go on. Without it the first error is raised.

    Raises:
        LoadError: something does not exist, or is no article; the message names it.
    """
    articles = []
    for found in _found(what):
        if isinstance(found, Article):
            articles.append(found)
        elif on_error is None:
            raise found
        else:
            on_error(found)
    return articles


def _found(what: tuple[str | Path, ...]) -> Iterator[Article | LoadError]:
    from newsqa.loading.fetching import Fetcher
    from newsqa.loading.loader import Loader
    from newsqa.loading.visits import Visit, origin_of

    with Loader(Fetcher()) as loader:
        for one in what:
            try:
                origin = origin_of(one)
            except LoadError as error:
                yield error
                continue
            for found in loader.visit([origin]):
                if not isinstance(found, Visit):
                    yield found
                elif found.error:
                    yield found.error

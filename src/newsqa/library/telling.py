"""What the commands are told of a library, in plain values as JSON has them: here, and by a server that has it."""

from collections.abc import Iterable, Sequence
from typing import Any

from newsqa.domain import Origin, to_json
from newsqa.errors import LoadError
from newsqa.library.intake import Progress, sync, take
from newsqa.library.store import Library
from newsqa.loading import Loader

Told = dict[str, Any]
"""A value's fields by their names."""


def listed(library: Library) -> Told:
    """The `articles` without their texts, newest first, and the `origins` they come from."""
    found = (to_json(article) for article in library.articles())
    articles = [{name: value for name, value in each.items() if name != "text"} for each in found]
    return {"articles": articles, "origins": origins(library)}


def origins(library: Library) -> list[Told]:
    """Where the articles come from, each with what is wrong with it as `trouble`."""
    return [{**to_json(origin), "trouble": origin.trouble()} for origin in library.origins.shown()]


def forget(library: Library, addresses: Sequence[str]) -> None:
    """Looks at these origins no longer.

    Raises:
        LoadError: one of them is no origin; then none is forgotten.
    """
    for address in addresses:
        if library.origins.get(address) is None:
            raise LoadError(f"{address}: is no origin; `newsqa origins` lists them")
    library.origins.forget(addresses)


def taken(
    library: Library,
    loader: Loader,
    origins: Iterable[Origin] | None,
    *,
    prune: bool,
    progress: Progress | None = None,
) -> Told:
    """What an intake of these origins comes to; of every one that was ever named, where none are given."""
    if origins is None:
        intake = sync(library, loader, prune=prune, progress=progress)
    else:
        intake = take(library, loader, origins, prune=prune, progress=progress)
    told: Told = to_json(intake)
    return told

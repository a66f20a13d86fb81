"""Where a command has its work done: in the running server that has the library, else in this process."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from newsqa.domain import Filters, Origin, Turn, to_json

if TYPE_CHECKING:
    from newsqa.cli.printing import IntakeProgress
    from newsqa.cli.through import Through
    from newsqa.loading import Loader

# Both desks give plain values, as JSON has them, so that what is printed can't depend on where it comes from.


def open_desk() -> "Here | Through":
    """The server's desk where one runs over the library, else this process's own.

    Raises:
        SettingsError: a setting is out of bounds.
        LibraryError: the library can't be opened; its kinds say why.
    """
    from newsqa.cli.through import Through, running_server

    server = running_server()
    return Through(*server) if server else Here()


class Here:
    """The library, opened by this process; a context manager."""

    def __init__(self) -> None:
        """Opens it. Raises as `open_desk` does."""
        from newsqa.wiring import open_assistant

        self._opened = ExitStack()
        self._assistant = self._opened.enter_context(open_assistant())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def counts(self) -> dict[str, int]:
        """Number of `articles` and `passages`."""
        return self._assistant.library.counts()

    def ask(self, question: str, filters: Filters, history: Sequence[Turn]) -> Any:
        """The answer. Raises QuestionError where it can't be asked."""
        return to_json(self._assistant.ask(question, filters=filters, history=history))

    def articles(self) -> Any:
        """The `articles` without their texts, and their `origins`."""
        from newsqa.library import telling

        return telling.listed(self._assistant.library)

    def article(self, id: str) -> Any:
        """An article with its text. Raises ArticleNotFoundError."""
        return to_json(self._assistant.library.get(id))

    def remove(self, ids: Sequence[str]) -> None:
        """Removes articles, all or none. Raises ArticleNotFoundError."""
        self._assistant.library.remove(*ids)

    def origins(self, forget: Sequence[str]) -> Any:
        """The origins, once these are forgotten. Raises LoadError where one is none."""
        from newsqa.library import telling

        telling.forget(self._assistant.library, forget)
        return telling.origins(self._assistant.library)

    def take(self, origins: Sequence[Origin] | None, *, prune: bool, progress: "IntakeProgress | None" = None) -> Any:
        """What an intake of these origins comes to; of all that were ever named, where none are given."""
        from newsqa.library import telling

        return telling.taken(self._assistant.library, self._loader, origins, prune=prune, progress=progress)

    @cached_property
    def _loader(self) -> "Loader":
        from newsqa.wiring import open_loader, read_settings

        return self._opened.enter_context(open_loader(read_settings()))

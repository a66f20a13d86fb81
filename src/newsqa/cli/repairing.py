"""What `newsqa doctor` tells of damage, and how it has it repaired with a bar that shows how far that is."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from newsqa.cli.printing import plain
from newsqa.errors import LibraryError

if TYPE_CHECKING:
    from newsqa.library import Health, Library
    from newsqa.library.checking import Damage


def repair(library: "Library") -> None:
    """Makes anew what is damaged, and says what that was. Raises as `examine` does."""
    with _bar() as show:
        was = library.repair(show)
    check_file(was)
    mended = [id for id in was.passages if id not in was.articles]
    passages = f", the passages of {plain(', '.join(mended))}" if mended else ""
    print(f"newsqa: made anew: Chroma's folder{passages}", file=sys.stderr)


def examine(library: "Library") -> "tuple[Damage, Health]":
    """What is damaged, and whether catalogue and vectors agree once Chroma is up to date.

    Raises:
        LibraryError: the catalogue's file is damaged.
    """
    with _bar() as show:
        damage = library.damage(partial(show, "articles"))
        check_file(damage)
        return damage, library.health(partial(show, "vectors"))


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """Shows what is looked at, how much of it is done, and of how much; nothing but on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("")
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total)


def check_file(damage: "Damage") -> None:
    """Refuses a library that can't be repaired.

    Raises:
        LibraryError: the catalogue's file is damaged.
    """
    if damage.file:
        raise LibraryError(f"{damage}: import an archive into a new folder, which NEWSQA_DATA_DIR names, or add again")


def tell(damage: "Damage") -> None:
    """Says what is damaged, and the next step."""
    again = "remove them and add them again, or import an archive of before into a new folder or database"
    for what, ids, then in (
        ("text or fields", damage.articles, again),
        ("passages", damage.passages, "run `newsqa doctor --repair`"),
    ):
        if ids:
            print(f"newsqa: {what} are damaged in {plain(', '.join(ids))}: {then}", file=sys.stderr)

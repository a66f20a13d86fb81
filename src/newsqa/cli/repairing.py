"""What `newsqa doctor` tells of damage, and how it has it repaired with a bar that shows how far that is."""

import sys
from typing import TYPE_CHECKING

from newsqa.errors import LibraryError

if TYPE_CHECKING:
    from newsqa.library import Library
    from newsqa.library.checking import Damage


def repair(library: "Library") -> None:
    """Makes anew what is damaged, and says what that was."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("")
        was = library.repair(lambda what, done, total: bar.update(task, description=what, completed=done, total=total))
    mended = [id for id in was.passages if id not in was.articles]
    print(f"newsqa: made anew: Chroma's folder; passages of {', '.join(mended) or 'no article'}", file=sys.stderr)


def check_file(damage: "Damage") -> None:
    """Refuses a library that can't be repaired.

    Raises:
        LibraryError: the catalogue's file is damaged.
    """
    if damage.file:
        raise LibraryError(f"{damage}: import an archive into a new folder, which NEWSQA_DATA_DIR names, or add again")


def tell(damage: "Damage") -> None:
    """Says what is damaged, and the next step."""
    again = "remove them and add them again, or import an archive of before into a new folder"
    for what, ids, then in (
        ("text or fields", damage.articles, again),
        ("passages", damage.passages, "run `newsqa doctor --repair`"),
    ):
        if ids:
            print(f"newsqa: {what} are damaged in {', '.join(ids)}: {then}", file=sys.stderr)

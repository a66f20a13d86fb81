"""The commands that bring articles in, and show where from: `newsqa add`, `newsqa sync`, `newsqa origins`."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsqa.cli.commands import AsJson, app
from newsqa.cli.desk import open_desk
from newsqa.cli.printing import intake_progress, json_text, print_intake, print_origins

if TYPE_CHECKING:
    from newsqa.cli.printing import IntakeProgress
    from newsqa.domain import Origin

Prune = Annotated[
    bool, typer.Option("--prune", help="Remove articles whose file, page or folder is not there any more.")
]

Globs = list[str] | None
_LOOK_MILLISECONDS = 500
"""Between two looks whether Ctrl-C was pressed."""


@app.command(
    epilog="Examples:  newsqa add corpus    newsqa add story.md report.pdf articles.zip    newsqa add corpus --json"
    "    newsqa add https://example.org/feed.xml    newsqa add --watch notes --only '*.md'"
)
def add(
    what: Annotated[list[str], typer.Argument(help="Files, folders, archives, pages, feeds.", metavar="PATH|URL...")],
    watch: Annotated[bool, typer.Option("--watch", help="Keep in step with these folders until Ctrl-C.")] = False,
    only: Annotated[Globs, typer.Option(help="Of folders only files like this glob; may be repeated.")] = None,
    skip: Annotated[Globs, typer.Option(help="Of folders no files like this glob; may be repeated.")] = None,
    prune: Prune = False,
    as_json: AsJson = False,
) -> None:
    """Add articles. Changed ones are replaced, unchanged ones passed over; what fails stops nothing else."""
    from newsqa.errors import LoadError
    from newsqa.loading import origin_of

    patterns = [*(only or ()), *(f"!{pattern}" for pattern in skip or ())]
    origins, failed = [], []
    for one in what:
        try:
            origins.append(origin_of(one, patterns))
        except LoadError as error:
            failed.append(str(error))
    if watch and (wrong := next((each.address for each in origins if each.kind != "folder"), "")):
        raise typer.BadParameter(f"{wrong} is no folder", param_hint="--watch")
    with open_desk() as desk:
        changes = _changes(origins) if watch else iter(())
        next(changes, None)  # what changes while the first round goes on is seen, too
        intake = _taken(lambda told: desk.take(origins, prune=prune, progress=told))
        _tell(intake, failed, as_json=as_json)
        with suppress(KeyboardInterrupt):
            for _ in changes:
                intake = desk.take(origins, prune=prune)
                if set(intake["outcomes"].values()) - {"unchanged"} or intake["failed"] or intake["gone"]:
                    _tell(intake, (), as_json=as_json)
    if (failed or intake["failed"]) and not watch:
        raise typer.Exit(1)


@app.command(epilog="Examples:  newsqa sync    newsqa sync --prune    newsqa sync --json")
def sync(prune: Prune = False, as_json: AsJson = False) -> None:
    """Look at every feed, page, file and folder that was added once; take in what is new or changed there."""
    with open_desk() as desk:
        intake = _taken(lambda told: desk.take(None, prune=prune, progress=told))
    _tell(intake, (), as_json=as_json)
    if intake["failed"]:
        raise typer.Exit(1)


@app.command(
    epilog="Examples:  newsqa origins    newsqa origins --json    newsqa origins --forget https://example.org/feed"
)
def origins(
    forget: Annotated[list[str] | None, typer.Option(help="Look at this one no longer; its articles stay.")] = None,
    as_json: AsJson = False,
) -> None:
    """List where the articles come from: when each was last read, when it last had news, and what is wrong with it."""
    with open_desk() as desk:
        found = desk.origins(forget or ())
    if as_json:
        print(json_text(found))
    elif not found:
        print("Nothing was added from a file, folder, page or feed yet: newsqa add PATH|URL")
    else:
        print_origins(found)


def _taken(intake: "Callable[[IntakeProgress], Any]") -> Any:
    """What an intake comes to, with a bar on a terminal, or a line now and then."""
    with intake_progress() as progress:
        try:
            return intake(progress)
        except KeyboardInterrupt:
            told = "what was stored stays; the same command goes on from there"
            print(f"newsqa: interrupted after {progress.done} of {progress.total}: {told}", file=sys.stderr)
            raise


def _tell(intake: Mapping[str, Any], failed: Sequence[str], *, as_json: bool) -> None:
    messages = [*failed, *intake["failed"]]
    if as_json:
        told: dict[str, Any] = {
            "articles": intake["outcomes"],
            "duplicates": intake["copies"],
            "gone": intake["gone"],
            "removed": intake["gone"] if intake["pruned"] else [],
            "left": intake["left"],
            "failed": messages,
        }
        print(json_text(told), flush=True)
    else:
        print_intake(intake, len(messages))
    for message in messages:
        print(f"newsqa: {message}", file=sys.stderr, flush=True)


def _changes(origins: "Sequence[Origin]") -> Iterator[object]:
    """Something each time a folder has changed and is quiet again; nothing that changes is missed.

    The first one comes at once: from then on the folders are watched.
    """
    from watchfiles import watch

    folders = [origin.address for origin in origins]
    watched = watch(*folders, rust_timeout=_LOOK_MILLISECONDS, yield_on_timeout=True)
    yield next(watched)
    print(f"newsqa: watching {', '.join(folders)}; Ctrl-C ends it", file=sys.stderr, flush=True)
    yield from filter(None, watched)

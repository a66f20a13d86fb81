"""The commands that keep a library in a file, and take it elsewhere: `newsqa export`, `newsqa import`."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsqa.cli.commands import AsJson, app, opened
from newsqa.cli.printing import json_text

if TYPE_CHECKING:
    from newsqa.library.archive import Manifest

_MOVED = (
    "embedding_model",
    "passage_words",
    "pool",
    "top_k",
    "read",
    "most_wrong",
    "chat_model",
    "chat_tokens",
    "chat_temperature",
    "unverified",
    "max_question_chars",
    "max_article_chars",
)
"""Settings that shape the answers. Keys, addresses, folders and what else is this machine's own are none of them."""


@app.command("export", epilog="Examples:  newsqa export library.zip    newsqa export --force /backups/newsqa.zip")
def export(
    file: Annotated[Path, typer.Argument(help="The archive to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file of this name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write all that is stored, as it is at this moment, into one archive; also while a server has the library."""
    from newsqa.library.archive import export
    from newsqa.wiring import open_catalogue, read_settings

    settings = read_settings()
    with open_catalogue(settings) as engine:
        manifest = export(engine, file, settings.model_dump(include=set(_MOVED)), force=force)
    _print(manifest, f"exported to {file}", as_json=as_json)


@app.command("import", epilog="Examples:  newsqa import library.zip    NEWSQA_DATA_DIR=new newsqa import library.zip")
def import_(
    file: Annotated[Path, typer.Argument(help="The archive, as `newsqa export` wrote it.")],
    reindex: Annotated[
        bool, typer.Option("--reindex", help="Cut and embed every article anew, where it was indexed otherwise.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take an archive into an empty library, all of it or nothing."""
    with opened() as assistant:
        manifest = assistant.library.restore(file, reindex=reindex)
    _print(manifest, f"imported from {file}", as_json=as_json)
    if told := " ".join(_other_settings(manifest)):
        print(f"newsqa: for the same answers set what was set there: {told}", file=sys.stderr)


def _other_settings(manifest: "Manifest") -> Iterator[str]:
    """Settings that differ there, to be pasted. A stranger may have written them: only what could be set is shown."""
    from newsqa.errors import SettingsError
    from newsqa.wiring import read_settings

    here = read_settings()
    for name in _MOVED:
        value = manifest.settings.get(name)
        if value is None or value == getattr(here, name) or not str(value).isprintable():
            continue
        with suppress(SettingsError):
            read_settings(**{name: value})
            yield f"NEWSQA_{name.upper()}={shlex.quote(str(value))}"


def _print(manifest: "Manifest", done: str, *, as_json: bool) -> None:
    counts = manifest.counts()
    if as_json:
        print(json_text(counts))
    else:
        print(f"{', '.join(f'{count:,} {name}' for name, count in counts.items())} {done}")

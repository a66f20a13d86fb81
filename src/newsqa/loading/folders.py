"""The files of a folder that may hold articles."""

import os
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

ENDINGS = frozenset({
    ".atom", ".docx", ".epub", ".htm", ".html", ".json", ".jsonl", ".markdown", ".md", ".ndjson", ".opml", ".pdf",
    ".rss", ".text", ".txt", ".xhtml", ".xml", ".zip",
})  # fmt: skip
"""Of the files that are taken from a folder; a file named by itself may have any. A README is never taken."""


def files(folder: Path, patterns: Sequence[str] = ()) -> tuple[list[Path], list[OSError]]:
    """The files below a folder that are taken, in the order of their names, and the folders that can't be read.

    Hidden files and READMEs are never taken; links to folders are not followed.

    Args:
        folder: is searched with all folders in it.
        patterns: globs of paths below it; only files that fit one are taken, whatever their ending, and none that
            fits one with a `!` before it. Without one that takes, the endings decide.

    Raises:
        OSError: the folder itself can't be read.
    """
    taken = [pattern for pattern in patterns if not pattern.startswith("!")]
    left = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    next(folder.iterdir(), None)  # raises where the walk would only note it
    found, closed = list[Path](), list[OSError]()
    for place, _, names in os.walk(folder, onerror=closed.append):
        for file in map(Path(place).joinpath, names):
            below = file.relative_to(folder)
            fits = _fits(below, taken) if taken else file.suffix.lower() in ENDINGS
            hidden = any(part.startswith(".") for part in below.parts) or file.stem.upper() == "README"
            if fits and not hidden and not _fits(below, left):
                try:
                    found += [file] if file.is_file() else []
                except OSError as error:  # its folder may be listed, but not entered
                    closed.append(error)
    return sorted(found), closed


def _fits(below: Path, patterns: Sequence[str]) -> bool:
    return any(fnmatch(str(below), pattern) or fnmatch(below.name, pattern) for pattern in patterns)

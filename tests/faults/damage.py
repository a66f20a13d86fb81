"""Damages the files of a closed library as bad disks do, and looks at what becomes of it.

python -m tests.faults.damage --rounds 100
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

import chromadb  # noqa: F401  # what is imported here is not imported again by each process that is forked
import langchain_chroma  # noqa: F401  # likewise

from newsqa import Article, Filters, Library, Passage
from newsqa.errors import LibraryError
from newsqa.library.store import indexed_text
from newsqa.passages import split_passages
from tests.conftest import open_library
from tests.fakes import BagOfWordsEmbeddings
from tests.faults.campaign import forked
from tests.faults.deeds import article, edition, pilot

PASSAGE_WORDS = 30
Kind = Callable[[Path, Random], None]
_PAGE = 4096
_MOST_LOST = 0.1


def make(folder: Path) -> None:
    """A library of more than 1,000 passages: only then Chroma keeps its index in files of its own."""
    with open_library(folder, passage_words=PASSAGE_WORDS) as library:
        library.add(_made())
        library.health()  # so that Chroma has them all


def empty(file: Path, _chance: Random) -> None:
    """Of the file nothing is left."""
    os.truncate(file, 0)


def halve(file: Path, _chance: Random) -> None:
    """Of the file a half is left."""
    os.truncate(file, file.stat().st_size // 2)


def flip(file: Path, chance: Random, bits: int = 40) -> None:
    """Some bits of the file are others; its time is as it was."""
    stat, content = file.stat(), bytearray(file.read_bytes())
    for _ in range(bits if content else 0):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def flip_one(file: Path, chance: Random) -> None:
    """One bit is another."""
    flip(file, chance, 1)


def blank(file: Path, chance: Random) -> None:
    """One page is zeros, as one that was never written."""
    with file.open("r+b") as opened:
        opened.seek(chance.randrange(max(1, file.stat().st_size // _PAGE)) * _PAGE)
        opened.write(bytes(min(_PAGE, file.stat().st_size)))


KINDS: dict[str, Kind] = {each.__name__: each for each in (empty, halve, flip, flip_one, blank)}
CRASHED = "a process ends with"
_REPAIRED = "right once it is repaired"
_GOOD = {"right", "refused", _REPAIRED}


def found_after(folder: Path) -> str:
    """What becomes of a library that was damaged, in a word: "right", "refused", or what is wrong with it.

    It is refused where a LibraryError names what is damaged; that is never wrong.
    """
    try:
        with open_library(folder, passage_words=PASSAGE_WORDS) as library:
            before, agree = _wrong(library), library.health().agree
            if not agree:
                library.repair()
            told = "right" if agree else _REPAIRED
            return before or _wrong(library) or (told if library.health().agree else "not settled")
    except LibraryError:
        return "refused"


def _wrong(library: Library) -> str:
    """What the library says otherwise than what `make` put into it; empty where all is right."""
    made = {each.id: each for each in _made()}
    if made.keys() != {each.id for each in library.articles()}:
        return "articles are missing"
    for id, expected in made.items():
        stored, passages = library.whole(id)
        if (stored.title, stored.text, stored.publisher) != (expected.title, expected.text, expected.publisher):
            return "an article is another"
        if passages != _passages()[id]:
            return "passages are others"
        ids = library.search_text([pilot(id, edition(expected.text))], 5, Filters())
        for each in library.passages(dict.fromkeys(ids, (0.0, {}))):
            if each.passage not in _passages()[id]:
                return "another passage is found"
        if not ids:
            return "a word is not found"
    return _not_near(library)


def _not_near(library: Library) -> str:
    """Whether passages are found by their own vectors: almost all, as Chroma's search is approximate."""
    embedding, lost = BagOfWordsEmbeddings(), 0
    for each in _made():
        passage = _passages()[each.id][0]
        found = library.search_vectors(embedding.embed_query(indexed_text(each, passage)), 10, Filters())
        lost += passage.id not in found
    return "vectors are not found" if lost > len(_made()) * _MOST_LOST else ""


@cache
def _made() -> tuple[Article, ...]:
    ids = [*(f"long{n}" for n in range(4)), *(f"piece{n}" for n in range(20))]
    return tuple(article(id, "1") for id in ids)


@cache
def _passages() -> dict[str, list[Passage]]:
    return {each.id: split_passages(each, PASSAGE_WORDS) for each in _made()}


def outcomes(folder: Path, file: Path, kind: Kind, chance: Random) -> list[str]:
    """What becomes of a copy of the library in `folder` when one of its files is damaged: of each of two openings.

    The second one is of what the first one left; a process that crashes leaves what one that is killed does.
    """
    with tempfile.TemporaryDirectory() as place:
        copied = Path(place) / "library"
        shutil.copytree(folder, copied)
        kind(copied / file, chance)
        told = Path(place) / "told"
        found = []
        for _ in range(2):
            status = forked(lambda: told.write_text(found_after(copied)))
            found.append(f"{CRASHED} {status}" if status else told.read_text())
        return found


def files(folder: Path) -> list[Path]:
    """The files of a library that hold something, as paths in it."""
    chosen = [folder / "catalogue.sqlite3", *(folder / "vectors").rglob("*")]
    return sorted(file.relative_to(folder) for file in chosen if file.is_file() and file.stat().st_size)


def main() -> None:
    """Damages every file in every way, so often, and tells what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", default="", help="files with this in their names")
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS))
    given = parser.parse_args()
    counts = Counter[tuple[str, ...]]()
    with tempfile.TemporaryDirectory() as place:
        forked(lambda: make(Path(place) / "library"))  # a process that has used Chroma can't be forked
        for turn in range(given.rounds):
            for file in files(Path(place) / "library"):
                for kind in given.kinds if given.only in str(file) else ():
                    found = outcomes(Path(place) / "library", file, KINDS[kind], Random(f"{turn} {file.name} {kind}"))
                    counts[(file.name, kind, *found)] += 1
    print("| file | damage | then | and then | times |", "|---|---|---|---|---:|", sep="\n")
    for row, number in sorted(counts.items()):
        print(f"| {' | '.join(row)} | {number} |")
    sys.exit(not all(is_good(kind, *found) for _, kind, *found in counts))


def is_good(kind: str, first: str, second: str) -> bool:
    """Whether nothing wrong was said. Who opens it may crash where the file's time is as it was, and only once.

    It crashes by a signal; with another status it ends of an error that nobody caught, or hung.
    """
    return {first, second} <= _GOOD or ("flip" in kind and first.startswith(f"{CRASHED} -") and second in _GOOD)


if __name__ == "__main__":
    main()

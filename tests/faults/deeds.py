"""What is done to a library while it is killed: articles come, change and go, and Chroma is made anew."""

import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from zlib import crc32

from newsqa import Article, Library
from newsqa.library import take
from newsqa.loading import Fetcher, Loader, origin_of
from tests.faults.journal import Journal, Versions

POINTS = (
    "add: embedded",
    "add: committed",
    "remove: checked",
    "remove: committed",
    "settle: removed",
    "settle: vectors written",
    "settle: noted",
    "rebuild: set aside",
    "rebuild: noted",
)
"""All that `on_write` is told of."""
_FIRST = {"add": "add", "remove": "remove", "settle": "replace", "rebuild": "rebuild"}
"""What leads to a write point, by the first word of its name."""
_CONSONANTS, _VOWELS = "bdfgklmnprtv", "aou"
_NOUNS = ("ferry", "bridge", "market", "museum", "railway", "theatre", "library", "orchard", "mill", "school")
_DEEDS = ("opened", "closed", "moved", "paid for", "painted", "sold", "mended", "counted", "lost", "found")
_MOST_DEEDS = 40
Open = Callable[..., Library]


def word(of: str) -> str:
    """A word of its own for a text: no English one, and no stem of another."""
    number, letters = crc32(of.encode()), ""
    for _ in range(5):
        number, consonant = divmod(number, len(_CONSONANTS))
        number, vowel = divmod(number, len(_VOWELS))
        letters += _CONSONANTS[consonant] + _VOWELS[vowel]
    return f"{letters}k"


def name(id: str) -> str:
    """The harbour that an article is about; `twin5` is about that of `piece5`."""
    return word(id.replace("twin", "piece")).capitalize()


def pilot(id: str, version: str) -> str:
    """A word that only this version of this article holds."""
    return word(f"{id} {version}")


def berths(version: str) -> int:
    """What an article says in answer to how many berths its harbour has."""
    return 1000 + crc32(version.encode()) % 9000


def written(id: str, version: str) -> str:
    """The text of a version of an article: the same but for two sentences in all versions, and in its twin."""
    chance = Random(name(id))
    paragraphs = [f"The harbour of {name(id)} has {berths(version)} berths. Its pilot is called {pilot(id, version)}."]
    for _ in range({"long": 280, "huge": 560}.get(id[:4], chance.randrange(1, 5))):
        sentences = [
            f"The {chance.choice(_NOUNS)} of {name(f'{id}{chance.random()}')} was {chance.choice(_DEEDS)} by "
            f"{chance.randrange(2, 900)} people in {chance.randrange(1800, 2025)}."
            for _ in range(3)
        ]
        paragraphs.append(" ".join(sentences))
    return "\n\n".join([*paragraphs, f"This is edition {version}."])


def article(id: str, version: str) -> Article:
    """A version of an article."""
    return Article(f"The harbour of {name(id)}", written(id, version), id=id)


def edition(text: str) -> str:
    """The version that a text says it is."""
    return str(re.findall(r"This is edition (\S+)\.", text)[-1])


def inbox(folder: Path) -> Path:
    """The folder of files that is taken in, beside a library."""
    return folder.with_name(f"{folder.name}.inbox")


def take_inbox(library: Library, folder: Path) -> None:
    """Takes in the folder of files, and removes articles whose files are gone."""
    with Loader(Fetcher()) as loader:
        take(library, loader, [origin_of(inbox(folder))], prune=True)


def filed(folder: Path) -> dict[str, str]:
    """The versions of the files, by the ids of their articles."""
    return {file.stem: edition(file.read_text("utf-8")) for file in inbox(folder).glob("*.md")}


@dataclass
class Hand:
    """Does deeds by chance to one library, and writes down each of them."""

    folder: Path
    open: Open
    journal: Journal
    chance: Random
    label: str
    """Versions are named after it."""
    most: int
    """Articles; with so many there are more removals."""
    long: bool
    """Whether some have hundreds of passages."""
    point: str = ""
    """The write point that kills it; none where it is empty."""
    passes: int = 1
    """How often it passes the point until then."""
    _library: Library = field(init=False)
    _versions: int = 0

    def work(self) -> None:
        """Opens the library, does something, and closes it again."""
        self._opened()
        self.journal.done()
        for number in range(_MOST_DEEDS if self.point else self.chance.randrange(1, 7)):
            first = _FIRST[self.point.split(":")[0]] if self.point and not number else ""
            getattr(self, f"_{first or self._chosen()}")()
            self.journal.done()
        self.journal.begin("close")
        self._library.close()
        self.journal.done()

    def _opened(self, **options: object) -> None:
        self.journal.begin("reindex" if options else "open")
        self._library = self.open(on_write=self._pass, **options)

    def _pass(self, point: str) -> None:
        if point == self.point:
            self.passes -= 1
            if not self.passes:
                os.kill(os.getpid(), signal.SIGKILL)

    def _chosen(self) -> str:
        full = len(self._library) > self.most
        weights = {"add": 1 if full else 6, "replace": 5, "remove": 9 if full else 3, "take": 4, "rest": 2}
        rare = {"reopen": 2, "rebuild": 1, "reindex": 0.3}
        return self.chance.choices([*weights, *rare], [*weights.values(), *rare.values()])[0]

    def _version(self) -> str:
        self._versions += 1
        return f"{self.label}.{self._versions}"

    def _ids(self, most: int) -> list[str]:
        """Some ids of articles that are there and came from no file."""
        ids = [each.id for each in self._library.articles() if not each.origin]
        return self.chance.sample(ids, min(len(ids), self.chance.randrange(1, most)))

    def _store(self, deed: str, ids: list[str]) -> None:
        after: Versions = {id: self._version() for id in ids}
        self.journal.begin(deed, after)
        articles = (article(id, str(version)) for id, version in after.items())
        self._library.add(articles, on_article=lambda each, _: self.journal.stored(each.id))

    def _add(self) -> None:
        kinds = ["piece", "piece", "twin", *(["long", "huge"] if self.long and self.chance.random() < 0.2 else [])]
        number = self.chance.randrange(1, 9)
        self._store(
            "add", list({f"{self.chance.choice(kinds)}{self.chance.randrange(10 * self.most)}" for _ in range(number)})
        )

    def _replace(self) -> None:
        ids = self._ids(6)
        self._store("replace", ids) if ids else self._add()

    def _remove(self) -> None:
        ids = self._ids(5)
        if not ids:
            self._add()
            self.journal.done()
            ids = self._ids(5)
        self.journal.begin("remove", dict.fromkeys(ids))
        self._library.remove(*ids)

    def _take(self) -> None:
        folder = inbox(self.folder)
        folder.mkdir(exist_ok=True)
        for _ in range(self.chance.randrange(1, 6)):
            file = folder / f"file{self.chance.randrange(12)}.md"
            if file.exists() and self.chance.random() < 0.3:
                file.unlink()
            else:
                part = folder.with_name(f"{folder.name}.part")
                part.write_text(f"---\ntitle: {file.stem}\n---\n\n{written(file.stem, self._version())}", "utf-8")
                part.replace(file)
        gone = [each.id for each in self._library.articles() if each.origin]
        self.journal.begin("sync", {**dict.fromkeys(gone), **filed(self.folder)})
        take_inbox(self._library, self.folder)

    def _rest(self) -> None:
        self.journal.begin("rest")
        self._library.health()

    def _rebuild(self) -> None:
        self.journal.begin("rebuild")
        self._library._follower.forget()
        self._library._follower.settle()

    def _reopen(self) -> None:
        self.journal.begin("close")
        self._library.close()
        self.journal.done()
        self._opened()

    def _reindex(self) -> None:
        self.journal.begin("close")
        self._library.close()
        self.journal.done()
        self._opened(reindex=True)

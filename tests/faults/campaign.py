"""Kills a process that changes a library, again and again, and looks after each time at what is there.

python -m tests.faults.campaign --kills 1000 --resume kills.jsonl
python -m tests.faults.campaign --kills 50 --real
"""

import argparse
import faulthandler
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import chromadb  # noqa: F401  # what is imported here is not imported again by each process that is forked
import langchain_chroma  # noqa: F401  # likewise
import rensa  # noqa: F401  # likewise

from newsqa import Article, Library, open_assistant
from newsqa.embedding import OnnxEmbeddings
from newsqa.errors import IndexMismatchError
from tests.fakes import BagOfWordsEmbeddings
from tests.faults.deeds import POINTS, Hand, berths, edition, name
from tests.faults.journal import Journal, Story
from tests.faults.soundness import Soundness

LIFE = 40
"""Kills that one library lives through."""
_CHECKED = 0.85
"""Share of the kills after which somebody looks; after the others the next process finds what was left."""
_PATIENCE = 240
"""Seconds after which a process hangs."""

_NEAR_REAL = 0.95
"""Cosine of the real model's vectors of one text: they depend on what is embedded beside it (0.983 in 60 texts)."""


@dataclass(frozen=True)
class Kill:
    """One kill, and what was found after it."""

    number: int
    point: str
    """The write point where it came, or "at random": by the clock."""
    during: str
    """What was going on."""
    checked: bool
    set_aside: bool
    """Whether Chroma's folder was found to be damaged."""
    articles: int
    seconds: float
    faults: Sequence[str]


class Campaign:
    """Kills that are noted in a file, and can go on where it ends."""

    def __init__(self, file: Path, seed: int, *, real: bool) -> None:
        self._file, self._seed, self._real = file, seed, real
        self._place = file.with_suffix(".libraries")
        self._embedding: Any = OnnxEmbeddings() if real else BagOfWordsEmbeddings()
        self._words = 120 if real else 30
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        self.kills = [Kill(**json.loads(line)) for line in lines]

    def run(self, kills: int) -> None:
        """Goes on until there were so many."""
        while len(self.kills) < kills:
            self.kills.append(self._kill(len(self.kills)))
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(self.kills[-1])) + "\n")

    def _kill(self, number: int) -> Kill:
        began, chance = time.monotonic(), Random(f"{self._seed} {number}")
        life = self._place / f"life{number // LIFE}"
        if not (life / "seconds").exists():
            self.begin(life)
        at = number % (2 * len(POINTS))
        point = POINTS[at] if at < len(POINTS) else ""
        self._killed(life, f"{number}", point, chance)
        story, before = _story(life), _damaged(life)
        checked = chance.random() < _CHECKED
        faults = self.looked_at(life, number) if checked else []
        articles = sum(None not in versions for versions in _story(life).possible.values())
        seconds, aside = round(time.monotonic() - began, 2), before != _damaged(life)
        if faults:
            life.rename(self._place / f"fault{number}.after")
        return Kill(number, point or "at random", story.during, checked, aside, articles, seconds, faults)

    def begin(self, life: Path) -> None:
        """A new library, and how long it takes to work with it unharmed."""
        shutil.rmtree(life, ignore_errors=True)
        life.mkdir(parents=True)
        began = time.monotonic()
        if forked(self.hand(life, "first", "", Random(self._seed)).work):
            raise SystemExit("a process that nobody killed failed: see above")
        (life / "seconds").write_text(str(time.monotonic() - began))

    def _killed(self, life: Path, label: str, point: str, chance: Random) -> None:
        """Lets a process work until one is killed before it comes to its end."""
        longest, status = float((life / "seconds").read_text()), 0
        while status != -signal.SIGKILL:
            hand = self.hand(life, label, point, Random(chance.random()))
            status = forked(hand.work, None if point else chance.uniform(0, longest))
            if status not in {0, -signal.SIGKILL}:
                raise SystemExit(f"kill {label}: the process that was to be killed failed: see above")
            label += "'"

    def hand(self, life: Path, label: str, point: str, chance: Random) -> Hand:
        """Who works with the library of this life; at a write point, where one is named, it is killed."""
        large = not self._real and int(life.name.removeprefix("life") or 0) % 3 == 2
        return Hand(
            life / "library",
            lambda **options: self._open(life, **options),
            Journal(life / "journal.jsonl"),
            chance,
            label,
            most=150 if large else 50,
            long=large,
            point=point,
            passes=chance.randrange(1, 4) if point.startswith(("add", "remove")) else 1,
        )

    def _open(self, life: Path, **options: Any) -> Library:
        given = (life / "library", self._embedding, self._embedding.identity)
        try:
            return Library(*given, passage_words=self._words, **options)
        except IndexMismatchError:  # as it has to be where this was broken off; and its message says so
            if "reindex" not in {deed for deed, _ in _story(life).broken_off}:
                raise
            return Library(*given, passage_words=self._words, **{**options, "reindex": True})

    def looked_at(self, life: Path, number: int) -> list[str]:
        """What is wrong with the library; what it looked like before is kept, if there is something."""
        before, told = self._place / f"fault{number}", life / "faults.json"
        shutil.copytree(life, before)
        status = forked(lambda: told.write_text(json.dumps(self._faults(life, Random(number)))))
        if status:
            return [f"who looked came to its end with {status}"]
        faults: list[str] = json.loads(told.read_text())
        if not faults:
            shutil.rmtree(before)
        return faults

    def _faults(self, life: Path, chance: Random) -> list[str]:
        with self._open(life) as library:
            place, near = life / "library", _NEAR_REAL if self._real else Soundness.near
            sound = Soundness(library, place, self._embedding, self._words, _story(life), chance, near)
            faults = sound.faults()
            Journal(life / "journal.jsonl").found(sound.versions())
            articles = library.articles()
        return [*faults, *(_wrong_answers(life / "library", articles, chance) if self._real else [])]


def _wrong_answers(folder: Path, articles: Sequence[Article], chance: Random) -> list[str]:
    """What is wrong with the answers to questions about some of the articles."""
    names, wrong = [name(each.id) for each in articles], []
    alone = [each for each in articles if names.count(name(each.id)) == 1]
    with open_assistant(folder) as assistant:
        for article in chance.sample(alone, min(len(alone), 3)):
            answer = assistant.ask(f"How many berths does the harbour of {name(article.id)} have?")
            if str(berths(edition(article.text))) not in answer.text:
                wrong.append(f"{article.id}: {answer.text!r} is not the answer")
            for each in answer.citations:
                cited = assistant.library.get(each.article_id, each.revision)
                if each.source_span.of(cited.text) != each.quote:
                    wrong.append(f"{article.id}: {each.quote!r} does not stand there")
    return wrong


def forked(work: Callable[[], Any], seconds: float | None = None) -> int:
    """The exit status of a process that does this and is killed after so many seconds, where they are given."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            faulthandler.dump_traceback_later(_PATIENCE, exit=True)
            work()
            status = 0
        except BaseException:  # noqa: BLE001  # whatever it is, this process must not go on as the one it was forked from
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _story(life: Path) -> Story:
    return Story.read(life / "journal.jsonl")


def _damaged(life: Path) -> int:
    """Changes whenever a folder of Chroma's is set aside as damaged."""
    aside = life / "library" / "vectors.damaged"
    return aside.stat().st_ino if aside.exists() else 0


def table(kills: Sequence[Kill]) -> str:
    """The kills by point and by what was going on, as Markdown."""
    rows = [
        _row(f"{by} {one}", [kill for kill in kills if getattr(kill, by) == one])
        for by in ("point", "during")
        for one in sorted({getattr(kill, by) for kill in kills})
    ]
    heading = ["| | kills | looked at | Chroma set aside | faults | seconds each |", "|---|---:|---:|---:|---:|---:|"]
    return "\n".join([*heading, *rows, _row("all", kills)])


def _row(title: str, kills: Sequence[Kill]) -> str:
    sums = [len(kills), sum(each.checked for each in kills), sum(each.set_aside for each in kills)]
    mean = sum(each.seconds for each in kills) / max(len(kills), 1)
    cells = [title, *map(str, sums), str(sum(len(each.faults) for each in kills)), f"{mean:.1f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Kills, and tells what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", type=Path, help="notes the kills here, and goes on with those that are noted")
    parser.add_argument("--real", action="store_true", help="with the real models: questions are asked, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        campaign = Campaign(given.resume or Path(place) / "kills.jsonl", given.seed, real=given.real)
        campaign.run(given.kills)
    faults = [f"{kill.number}: {fault}" for kill in campaign.kills for fault in kill.faults]
    print(table(campaign.kills), *faults, sep="\n")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()

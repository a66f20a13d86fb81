"""Cuts the power: what was written and not synced is dropped, in part or whole, and what is left is looked at.

strace records what a process writes. Then the files are put together as a disk may have them when the power is cut at
any moment: what was synced is there, of what was written since any sectors are, and names that were made, moved or
taken away since their directory was synced may be as they were before.

python -m tests.faults.powercut --cuts 100
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.faults.campaign import Campaign

_SECTOR = 512
_CALLS = "openat,lseek,write,pwrite64,ftruncate,fsync,fdatasync,rename,unlink,unlinkat"
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+)")
_OPENED = re.compile(r"^(?:\d+|AT_FDCWD)<([^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_END = -1


class Event(NamedTuple):
    """What happened to a file: it was made, written, cut to a size, synced, moved or unlinked."""

    kind: str
    path: str
    at: int = 0
    data: bytes = b""
    to: str = ""


@dataclass
class _File:
    sure: bytes = b""
    """What was synced."""
    since: list[Event] = field(default_factory=list)
    """What was written to it since."""

    def content(self, chance: Random, share: float) -> bytes:
        """What is on the disk where this share of the sectors that were not synced came to it."""
        found = bytearray(self.sure)
        for event in self.since:
            if event.kind == "cut":
                if chance.random() < share:
                    found[event.at :] = bytes(max(0, event.at - len(found)))
                continue
            for start in range(0, len(event.data), _SECTOR):
                if chance.random() < share:
                    part = event.data[start : start + _SECTOR]
                    at = len(found) if event.at == _END else event.at + start
                    found.extend(bytes(max(0, at - len(found))))
                    found[at : at + len(part)] = part
        return bytes(found)


class Disk:
    """The files of a folder, as far as they are on the disk; those beside it are on a disk that loses nothing."""

    def __init__(self, folder: Path, beside: Path) -> None:
        self._folder = f"{folder}/"
        found = [file for file in beside.rglob("*") if file.is_file()]
        self._files = {str(file): _File(file.read_bytes()) for file in found}
        self._renamed: list[dict[str, _File | None]] = []
        """What happened to names and is not synced yet: whose they were before."""

    def take(self, event: Event) -> None:
        """Goes on by one event."""
        file = self._files.get(event.path)
        if event.kind == "made" and file is None:
            self._rename({event.path: _File()})
        elif event.kind in {"written", "cut"} and file:
            file.since.append(event)
        elif event.kind == "synced" and file:
            file.sure, file.since = file.content(Random(0), 1), []
            self._renamed = [each for each in self._renamed if event.path not in each]
        elif event.kind == "synced":
            self._renamed = [
                each for each in self._renamed if not any(Path(event.path) == Path(at).parent for at in each)
            ]
        elif event.kind == "unlinked":
            self._rename({event.path: None})
        elif event.kind == "moved":
            moved = {
                at: each for at, each in self._files.items() if at == event.path or at.startswith(f"{event.path}/")
            }
            self._rename(
                {**dict.fromkeys(moved), **{event.to + at[len(event.path) :]: each for at, each in moved.items()}}
            )

    def _rename(self, names: dict[str, "_File | None"]) -> None:
        if any(at.startswith(self._folder) for at in names):
            self._renamed.append({at: self._files.get(at) for at in names})
        _put(self._files, names)

    def cut(self, chance: Random) -> dict[str, bytes]:
        """What is there after the power was cut now, by path."""
        files, share = dict(self._files), chance.choice([0, 0.1, 0.5, 0.9, 1])
        for names in reversed(self._renamed[chance.randrange(len(self._renamed) + 1) :]):
            _put(files, names)
        return {
            at: file.content(chance, share if at.startswith(self._folder) else 1)
            for at, file in files.items()
            if not at.endswith("-shm")  # which is in memory, and made anew
        }


def _put(files: dict[str, _File], names: dict[str, _File | None]) -> None:
    for at, file in names.items():
        if file:
            files[at] = file
        else:
            files.pop(at, None)


def recorded(command: Sequence[str], folder: Path) -> list[Event]:
    """What a command does to the files of a folder."""
    log = folder.with_name("strace.log")
    traced = ["strace", "-f", "-y", "-xx", "-s", "99999999", "-e", f"trace={_CALLS}", "-o", str(log)]
    subprocess.run([*traced, *command], check=True)
    return [each for each in _events(_calls(log)) if each.path.startswith(f"{folder}/")]


def _calls(log: Path) -> Iterator[tuple[str, str, int]]:
    """The calls that went well: name, arguments and result; those that were interrupted are put together."""
    begun: dict[str, str] = {}
    with log.open(encoding="ascii") as lines:
        for line in lines:
            thread, _, rest = line.strip().partition(" ")
            if "<unfinished ...>" in rest:
                begun[thread] = rest.partition("<unfinished ...>")[0]
                continue
            if resumed := re.match(r" *<\.\.\. \w+ resumed>(.*)", rest):
                rest = begun.pop(thread) + resumed[1]
            if (call := _CALL.match(rest.strip())) and int(call[3]) >= 0:
                yield call[1], call[2], int(call[3])


def _events(calls: Iterator[tuple[str, str, int]]) -> Iterator[Event]:
    places: dict[str, int] = {}
    """Where the next write goes, by open file."""
    for name, arguments, result in calls:
        texts = [bytes.fromhex(each.replace("\\x", "")) for each in _TEXT.findall(arguments)]
        opened = _OPENED.match(arguments)
        path = _plain(opened[1]) if opened else ""
        number = f"{arguments.partition('<')[0]}<{path}"
        if name in {"openat", "unlinkat"}:
            path = str(Path(path, texts[0].decode()))
            places[f"{result}<{path}"] = _END if "O_APPEND" in arguments else 0
            if "O_TRUNC" in arguments:
                yield Event("cut", path)
            if name == "unlinkat" or "O_CREAT" in arguments:
                yield Event("unlinked" if name == "unlinkat" else "made", path)
        elif name == "lseek":
            places[number] = result
        elif name == "write":
            at = places.get(number, 0)
            yield Event("written", path, at, texts[0])
            places[number] = _END if at == _END else at + result
        elif name == "pwrite64":
            yield Event("written", path, int(arguments.rpartition(",")[2]), texts[0])
        elif name == "ftruncate":
            yield Event("cut", path, int(arguments.rpartition(",")[2]))
        elif name in {"fsync", "fdatasync"}:
            yield Event("synced", path)
        else:
            to = texts[1].decode() if name == "rename" else ""
            yield Event("moved" if to else "unlinked", texts[0].decode(), to=to)


def _plain(path: str) -> str:
    return bytes.fromhex(path.replace("\\x", "")).decode() if path.startswith("\\x") else path


def cuts(place: Path, number: int, seed: int) -> Iterator[list[str]]:
    """What is wrong with a library after each of so many cuts through one run of a process that changed it."""
    campaign, life, chance = Campaign(place / "cuts.jsonl", seed, real=False), place / "life", Random(seed)
    campaign.begin(life)
    disk = Disk(life / "library", beside=life)
    events = recorded([sys.executable, "-m", "tests.faults.powercut", "--work", str(place), "--seed", str(seed)], life)
    moments = set(chance.sample(range(len(events)), number))
    for at, event in enumerate(events):
        disk.take(event)
        if at in moments:
            shutil.rmtree(life)
            _lay(disk.cut(chance), life / "library")
            yield campaign.looked_at(life, at)


def _lay(files: dict[str, bytes], library: Path) -> None:
    """Puts files there. A note of how Chroma was closed finds the times it has noted: the worst that can happen."""
    for at, content in files.items():
        Path(at).parent.mkdir(parents=True, exist_ok=True)
        Path(at).write_bytes(content)
    with suppress(OSError, ValueError):
        for name, _, moment in json.loads((library / "vectors.closed").read_text("utf-8"))[1]:
            os.utime(library / "vectors" / name, ns=(moment, moment))


def main() -> None:
    """Cuts the power, and tells what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=20, help="of each run")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)  # what is recorded
    given = parser.parse_args()
    if given.work:
        campaign, chance = Campaign(given.work / "cuts.jsonl", given.seed, real=False), Random(given.seed)
        campaign.hand(given.work / "life", "cut", "", chance).work()
        return
    faults = []
    for seed in range(given.seed, given.seed + given.runs):
        with tempfile.TemporaryDirectory() as place:
            faults += [fault for found in cuts(Path(place), given.cuts, seed) for fault in found]
    print(f"{given.runs * given.cuts} cuts, {len(faults)} faults", *faults, sep="\n")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()

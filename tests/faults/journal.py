"""What a process says it is about to do and has done: so that it is known, after it was killed, what may be stored."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Versions = Mapping[str, str | None]
"""By article id; None where the article is gone."""


class Journal:
    """Appends lines to a file. A line is there, whole, when its method returns, whatever kills the process then."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def begin(self, deed: str, after: Versions | None = None) -> None:
        """Something begins; `after` tells what its articles are once it has happened."""
        self._append({"begin": deed, "after": after or {}})

    def stored(self, article_id: str) -> None:
        """The library said that this article of the deed is stored."""
        self._append({"stored": article_id})

    def done(self) -> None:
        """The deed was acknowledged: its call returned."""
        self._append({"done": True})

    def found(self, versions: Versions) -> None:
        """Somebody looked: this is what there is."""
        self._append({"found": versions})

    def _append(self, line: Mapping[str, Any]) -> None:
        os.write(self._file, json.dumps(line).encode() + b"\n")


@dataclass
class Story:
    """What may be stored, by a journal."""

    possible: dict[str, set[str | None]] = field(default_factory=dict)
    """The versions that each article may have: one, unless something was broken off."""
    broken_off: list[tuple[str, Versions]] = field(default_factory=list)
    """Deeds that began since somebody looked and were not acknowledged."""
    may_be_gone: set[tuple[str, str]] = field(default_factory=set)
    """Articles and versions that were there since somebody looked, or may have been."""
    during: str = "nothing"
    """What was going on at the end."""

    @classmethod
    def read(cls, file: Path) -> "Story":
        """The story so far."""
        story = cls()
        for line in file.read_text("utf-8").splitlines() if file.exists() else []:
            story._go_on(json.loads(line))
        return story

    def _go_on(self, line: Mapping[str, Any]) -> None:
        if "begin" in line:
            self.during = line["begin"]
            self.broken_off.append((self.during, line["after"]))
            for id, version in line["after"].items():
                self.possible.setdefault(id, {None}).add(version)
                self.may_be_gone |= {(id, each) for each in self.possible[id] if each}
        elif "found" in line:
            self.possible = {id: {version} for id, version in line["found"].items()}
            self.broken_off, self.may_be_gone, self.during = [], set(), "nothing"
        elif "stored" in line:
            self.possible[line["stored"]] = {self.broken_off[-1][1][line["stored"]]}
        else:
            self.possible |= {id: {version} for id, version in self.broken_off.pop()[1].items()}
            self.during = "nothing"

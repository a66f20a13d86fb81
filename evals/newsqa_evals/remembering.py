"""A reader that reads nothing twice, for figures that ask it the same again and again."""

from collections.abc import Sequence

from newsqa import Turn
from newsqa.reader import Given, Reading, Reads


class Remembering:
    """Keeps every reading."""

    def __init__(self, reader: Reads) -> None:
        self._reader = reader
        self._read: dict[tuple[str, Given, tuple[Turn, ...]], Reading] = {}

    def read(self, question: str, passages: Sequence[Given], conversation: Sequence[Turn] = ()) -> list[Reading]:
        """A reading for each of the passages."""
        turns = tuple(conversation)
        new = [each for each in dict.fromkeys(passages) if (question, each, turns) not in self._read]
        for each, reading in zip(new, self._reader.read(question, new, conversation), strict=True):
            self._read[question, each, turns] = reading
        return [self._read[question, each, turns] for each in passages]

    def leans(self, question: str, conversation: Sequence[Turn]) -> float:
        """As the reader says."""
        return self._reader.leans(question, conversation)

"""The reader: a small model that finds the answer in a passage, or finds that it is not there; and its recipe."""

from newsqa.reader.reading import Reader, Reading

__all__ = ["Reader", "Reading"]

"""The reader: a small model that finds the sentences that answer a question, or that there are none; and its recipe."""

from newsqa.reader.asking import Given, given
from newsqa.reader.reading import Reader, Reading, Reads

__all__ = ["Given", "Reader", "Reading", "Reads", "given"]

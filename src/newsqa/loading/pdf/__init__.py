"""A PDF to its article, by its text layer in the order of reading."""

from newsqa.loading.pdf.document import articles

__all__ = ["articles"]

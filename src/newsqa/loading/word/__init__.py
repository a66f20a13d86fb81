"""A Word document (DOCX) to its article."""

from newsqa.loading.word.document import articles

__all__ = ["articles"]

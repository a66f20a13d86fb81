"""Everything that is stored: the catalogue (the truth) and the vectors (rebuilt from it when need be)."""

from newsqa.library.store import AddReport, Health, Library

__all__ = ["AddReport", "Health", "Library"]

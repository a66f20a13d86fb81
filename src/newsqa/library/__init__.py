"""Everything that is stored: the catalogue (the truth) and the vectors (rebuilt from it when need be)."""

from newsqa.library.intake import Intake, Progress, sync, take
from newsqa.library.store import AddReport, Health, Library, Outcome

__all__ = ["AddReport", "Health", "Intake", "Library", "Outcome", "Progress", "sync", "take"]

"""Everything that is stored: the catalogue (the truth) and the vectors (rebuilt from it when need be)."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from newsqa.library.database import Servers
    from newsqa.library.intake import Intake, Progress, sync, take
    from newsqa.library.store import AddReport, Health, Library, Outcome

# Imported when first used, so that a command which a running server carries out loads no library of its own.
_HOMES = {
    "AddReport": "store",
    "Health": "store",
    "Intake": "intake",
    "Library": "store",
    "Outcome": "store",
    "Progress": "intake",
    "Servers": "database",
    "sync": "intake",
    "take": "intake",
}
__all__ = ["AddReport", "Health", "Intake", "Library", "Outcome", "Progress", "Servers", "sync", "take"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'newsqa.library' has no attribute {name!r}")
    return getattr(import_module(f"newsqa.library.{_HOMES[name]}"), name)

"""The command line."""

from newsqa.cli.commands import app, main
from newsqa.cli.printing import progress

__all__ = ["app", "main", "progress"]

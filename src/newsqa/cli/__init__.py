"""The command line."""

from newsqa.cli import adding, moving  # their commands
from newsqa.cli.commands import app, main
from newsqa.cli.printing import progress

__all__ = ["adding", "app", "main", "moving", "progress"]

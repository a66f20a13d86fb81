"""The command line."""

from newsqa.cli import adding  # its commands stand first
from newsqa.cli.commands import app, main
from newsqa.cli.printing import progress

__all__ = ["adding", "app", "main", "progress"]

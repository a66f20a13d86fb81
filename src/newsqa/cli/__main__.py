"""Runs the command line: `python -m newsqa.cli`."""

from newsqa.cli.commands import main

main()

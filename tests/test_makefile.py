"""`make install` sets up what is asked for, once."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("had", "asked", "installed"),
    [
        (None, "", ""),
        (None, "postgresql", "postgresql"),
        ("", "", None),
        ("", "postgresql", "postgresql"),
        ("postgresql", "", None),
        ("openai postgresql", "postgresql", None),
        ("postgresql", "openai", "openai postgresql"),
    ],
)
def test_more_extras_are_installed_beside_those_that_are_there(
    tmp_path: Path, had: str | None, asked: str, installed: str | None
) -> None:
    if had is not None:
        (tmp_path / ".installed").write_text(f"{had}\n")
    command = ["make", "--dry-run", "install", f"VENV={tmp_path}", f"EXTRAS={asked}"]
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=alone)
    last = made.stdout.splitlines()[-1]
    if installed is None:
        assert "Nothing to be done" in last
    else:
        assert f"echo {installed} > {tmp_path}/.installed" == last

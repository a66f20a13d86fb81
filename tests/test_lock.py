"""`constraints.txt` is the lock: all that is ever installed is in it, pinned, with the hashes of its files."""

import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

LOCK = (ROOT / "constraints.txt").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def locked() -> list[tuple[Requirement, list[str]]]:
    """What is locked, each with its hashes."""
    lines = re.sub(r"^#.*\n|\\\n", "", LOCK, flags=re.MULTILINE).splitlines()
    return [(Requirement(line.split(" --hash")[0]), re.findall(r"--hash=(\S+)", line)) for line in lines]


def named() -> list[Requirement]:
    """What pyproject.toml names anywhere."""
    project = PYPROJECT["project"]
    more = chain(project["optional-dependencies"].values(), PYPROJECT["dependency-groups"].values())
    lines = [*project["dependencies"], *PYPROJECT["build-system"]["requires"], *chain.from_iterable(more)]
    return [Requirement(line) for line in lines]


def test_everything_locked_is_pinned_and_has_hashes() -> None:
    assert len(locked()) > 200
    for pinned, hashes in locked():
        assert re.fullmatch(r"==[\w.]+", str(pinned.specifier)), pinned
        assert hashes, pinned
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", hash) for hash in hashes), pinned


@pytest.mark.parametrize("system", ["linux", "darwin"])
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_each_python_has_one_version_of_everything_that_is_named(version: str, system: str) -> None:
    python = {"python_version": version, "python_full_version": f"{version}.9", "sys_platform": system}
    here = [pinned for pinned, _ in locked() if not pinned.marker or pinned.marker.evaluate(python)]
    versions = {canonicalize_name(pinned.name): str(pinned.specifier).removeprefix("==") for pinned in here}
    assert len(here) == len(versions)
    for one in named():
        assert one.specifier.contains(versions[canonicalize_name(one.name)]), one


def test_the_lock_names_no_place_to_get_it_from() -> None:
    assert not re.search(r"://|--index|--extra-index|--find-links|--trusted", LOCK)


@pytest.mark.parametrize(
    ("name", "version", "refusal"),
    [
        ("protego", "0.7.0", "THESE PACKAGES DO NOT MATCH THE HASHES"),
        ("newcomer", "1.0", "all requirements must have their versions pinned"),
    ],
)
def test_a_wheel_that_is_not_the_locked_one_is_refused(tmp_path: Path, name: str, version: str, refusal: str) -> None:
    make_wheel(tmp_path, name, version)
    done = download(tmp_path, name)
    assert 1 == done.returncode
    assert refusal in done.stderr


def test_every_install_of_the_makefile_is_held_to_hashes_or_is_newsqa_itself_or_torch() -> None:
    installs = re.findall(r"^\t.*\$\((?:PIP|LOCKED)\).*$", MAKEFILE, re.MULTILINE)
    free = [line.strip() for line in installs if "$(LOCKED)" not in line and "--require-hashes" not in line]
    assert ["$(PIP) --no-deps --no-build-isolation $(NEWSQA)", "$(PIP) --no-deps $(TORCH)"] == free


def make_wheel(folder: Path, name: str, version: str) -> None:
    """A wheel of this name that holds nothing."""
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")


def download(wheels: Path, name: str) -> "subprocess.CompletedProcess[str]":
    """What pip says to the wheel in this folder, with the options that the Makefile installs with."""
    (options,) = re.findall(r"^LOCKED := \$\(PIP\) (.*)$", MAKEFILE, re.MULTILINE)
    places = ["--isolated", "--no-index", "--find-links", str(wheels), "--dest", str(wheels / "got")]
    command = [sys.executable, "-m", "pip", "download", *places, *shlex.split(options), name]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)

"""Looks every locked dependency up among the known vulnerabilities; fails where one is found.

Where the advisories can't be reached it says so, and fails nothing: a build that has no network is no worse for it.
"""

import subprocess
import sys
from pathlib import Path

import requests

ADVISORIES = "https://api.osv.dev/v1/query"
SERVER = (
    "of Chroma's Python server, which newsqa never starts (deploy/compose.yaml runs the Rust one); 1.5.9 is the newest"
)
ACCEPTED = {
    "CVE-2026-45829": SERVER,
    "CVE-2026-45830": SERVER,
    "CVE-2026-45831": SERVER,
    "CVE-2026-45833": SERVER,
}
"""Vulnerabilities that do not matter here, each with its reason; SECURITY.md tells of them."""
LOCK = Path(__file__).parents[1] / "constraints.txt"


def main(advisories: str = ADVISORIES) -> int:
    """The exit status: 0 where nothing is known, or nothing could be asked."""
    try:
        probe = {"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "26.3"}
        requests.post(advisories, json=probe, timeout=15).raise_for_status()
    except requests.RequestException as error:
        why = type(error).__name__
        print(f"NOT AUDITED: no advisories from {advisories} ({why}). Run `make audit` where there is a network.")
        return 0
    options = ["--strict", "--require-hashes", "--disable-pip", "--progress-spinner", "off"]
    asked = ["--vulnerability-service", "osv", "--osv-url", advisories, "--requirement", str(LOCK)]
    accepted = [f"--ignore-vuln={id}" for id in ACCEPTED]
    command = [sys.executable, "-m", "pip_audit", *options, *asked, *accepted]
    return subprocess.run(command, check=False).returncode  # noqa: S603  # our own words


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

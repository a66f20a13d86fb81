"""`make audit` fails where a locked dependency has a known vulnerability, and says where it could not look."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.conftest import ROOT
from tests.serving import ON_LOOPBACK

pytestmark = ON_LOOPBACK
SCRIPT = ROOT / ".ci" / "audit.py"


def test_dependencies_of_which_nothing_is_known_pass() -> None:
    with advising({}) as (address, asked):
        done = audit(address)
    assert 0 == done.returncode, done.stderr
    assert "No known vulnerabilities found" in done.stderr
    assert {"chromadb", "hatchling", "psycopg", "pip-audit", "torch"} <= set(asked)


def test_a_known_vulnerability_fails_and_names_the_version_that_mends_it() -> None:
    with advising({"h11": advisory("h11", "CVE-2026-1", "0.99")}) as (address, _):
        done = audit(address)
    assert 1 == done.returncode
    assert ["h11", "0.16.0", "PYSEC-2026-1", "0.99"] == done.stdout.splitlines()[-1].split()


def test_a_vulnerability_that_is_accepted_passes_under_its_other_names_too_and_the_security_page_tells_of_it() -> None:
    security = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    accepted = set(re.findall(r'"(CVE-[\d-]+)":', SCRIPT.read_text(encoding="utf-8")))
    assert accepted == set(re.findall(r"CVE-[\d-]+", security))
    with advising({"chromadb": advisory("chromadb", min(accepted))}) as (address, _):
        done = audit(address)
    assert 0 == done.returncode, done.stdout
    assert "1 ignored" in done.stderr


def test_advisories_that_are_out_of_reach_fail_nothing_and_it_is_said() -> None:
    with advising({}) as (address, _):
        pass
    done = audit(address)
    assert 0 == done.returncode
    assert done.stdout.startswith(f"NOT AUDITED: no advisories from {address}")


@contextmanager
def advising(known: Mapping[str, object]) -> Iterator[tuple[str, list[str]]]:
    """A service that knows an advisory of each of these names: its address, and the names that it is asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(query["package"]["name"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"vulns": [known[asked[-1]]]} if asked[-1] in known else {}).encode())

        def log_message(self, *_: object) -> None:
            """Nothing: the tests see what was asked."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query", asked
        server.shutdown()


def advisory(name: str, alias: str, fixed: str = "") -> dict[str, object]:
    """What is told of a vulnerable distribution."""
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    package = {"name": name, "ecosystem": "PyPI"}
    affected = [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}]
    return {"id": "PYSEC-2026-1", "aliases": [alias], "summary": "reads more than it is sent", "affected": affected}


def audit(address: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(SCRIPT), address]
    return subprocess.run(command, capture_output=True, text=True, check=False)

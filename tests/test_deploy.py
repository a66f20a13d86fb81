"""What `deploy/` starts: pinned images, the lock, real settings, no secrets, and nobody let in but by the proxy."""

import re
import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from newsqa.settings import ServerSettings, Settings
from tests.conftest import ROOT

FOLDER = ROOT / "deploy"
FILES = [FOLDER / "Caddyfile", FOLDER / "Dockerfile", FOLDER / "README.md", FOLDER / "compose.yaml"]
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVERS = [name for name, service in SERVICES.items() if service["image"].startswith("newsqa:")]
CADDYFILE = (FOLDER / "Caddyfile").read_text(encoding="utf-8")
README = (FOLDER / "README.md").read_text(encoding="utf-8")
DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
LOCK = (ROOT / "constraints.txt").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_two_servers_that_are_alike_share_one_database_and_one_chroma() -> None:
    assert 2 == len(SERVERS)
    first, second = (SERVICES[name] for name in SERVERS)
    assert first == second
    assert {"postgresql", "chroma"} == set(first["depends_on"])


def test_the_proxy_asks_those_servers_and_is_the_one_that_they_believe() -> None:
    upstreams = re.findall(r"reverse_proxy (.+) \{", CADDYFILE)
    assert [" ".join(f"{name}:8000" for name in SERVERS)] == upstreams
    address = SERVICES["proxy"]["networks"]["front"]["ipv4_address"]
    assert address == SERVICES[SERVERS[0]]["environment"]["NEWSQA_TRUSTED_PROXIES"]
    (others,) = COMPOSE["networks"]["front"]["ipam"]["config"]
    assert ip_address(address) in ip_network(others["subnet"])
    assert ip_address(address) not in ip_network(others["ip_range"])
    assert "health_uri /healthz " in CADDYFILE


def test_the_proxy_takes_what_the_servers_take_and_holds_no_events_back() -> None:
    assert (
        SERVICES[SERVERS[0]]["environment"]["NEWSQA_MAX_UPLOAD_BYTES"]
        == (SERVICES["proxy"]["environment"]["NEWSQA_MAX_UPLOAD_BYTES"])
    )
    assert "max_size {$NEWSQA_MAX_UPLOAD_BYTES}" in CADDYFILE
    assert not re.search(r"^\s*(encode|flush_interval|request_buffers|response_buffers)\b", CADDYFILE, re.MULTILINE)


def test_every_setting_that_is_named_is_one() -> None:
    known = {f"NEWSQA_{name.upper()}" for name in (*Settings.model_fields, *ServerSettings.model_fields)}
    proxys = {"NEWSQA_SITE"}
    named = set(re.findall(r"\bNEWSQA_[A-Z_]+\b", "".join(file.read_text(encoding="utf-8") for file in FILES)))
    assert set() == named - known - proxys
    assert {"NEWSQA_CHROMA_URL", "NEWSQA_DATABASE_URL"} <= named


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned_by_its_version(name: str) -> None:
    assert re.fullmatch(r"[\w/]+:\d+(\.\d+)+(-[\w.]+)?", SERVICES[name]["image"])


def test_the_versions_are_those_that_are_tested() -> None:
    assert {f"newsqa:{PROJECT['version']}"} == {SERVICES[name]["image"] for name in SERVERS}
    (client,) = re.findall(r"^chromadb==(\S+)", LOCK, re.MULTILINE)
    assert f"chromadb/chroma:{client}" == SERVICES["chroma"]["image"]
    assert re.search(r"^psycopg==", LOCK, re.MULTILINE)


def test_the_image_is_made_by_the_lock_and_runs_as_nobody_in_particular() -> None:
    (arguments,) = re.findall(r"^RUN make install (.*)$", DOCKERFILE, re.MULTILINE)
    (extras,) = re.findall(r'EXTRAS="([^"]+)"', arguments)
    assert "postgresql" in extras.split()
    assert set(extras.split()) <= set(PROJECT["optional-dependencies"])
    assert "pip" not in DOCKERFILE.replace("pyproject", "")
    assert re.search(
        r"^\$\(VENV\)/\.installed:.*\n(\t.*\n)*\t\$\(NEEDS\) \$\(EXTRAS\) \| \$\(LOCKED\)", MAKEFILE, re.MULTILINE
    )
    assert 1 == len(set(re.findall(r"^FROM (python:\d+\.\d+\.\d+-\S+)", DOCKERFILE, re.MULTILINE)))
    assert "USER newsqa" in DOCKERFILE


def test_what_the_image_is_made_of_is_let_into_its_build() -> None:
    let_in = set(
        re.findall(r"^!(\S+)$", (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    )
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()
    }
    assert let_in == copied
    assert [] == [name for name in copied if not (ROOT / name).exists()]


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_may_do_more_than_it_has_to(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert ["ALL"] == service["cap_drop"]
    assert ["no-new-privileges:true"] == service["security_opt"]
    assert (["NET_BIND_SERVICE"] if name == "proxy" else []) == service.get("cap_add", [])
    assert service["mem_limit"]
    assert "unless-stopped" == service["restart"]


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"proxy"}))
def test_only_the_proxy_is_reached_from_outside_and_all_others_tell_how_they_are(name: str) -> None:
    assert "ports" not in SERVICES[name]
    assert SERVICES[name]["healthcheck"]["test"]


def test_the_database_and_chroma_are_where_only_the_servers_are() -> None:
    assert COMPOSE["networks"]["back"]["internal"]
    assert {*SERVERS, "chroma", "postgresql"} == {name for name, each in SERVICES.items() if "back" in each["networks"]}
    assert ["back"] == SERVICES["chroma"]["networks"] == SERVICES["postgresql"]["networks"]


def test_the_sizes_are_reckoned_right_and_leave_a_fifth_of_the_memory_free() -> None:
    rows = re.findall(
        r"^\|.*?, (\d+) GB( a server)?.*? \| ([\d,]+) \| ([\d,]+) \| 0\.9 \+ ([\d,]+) × (\d) KB = ([\d.]+) GB",
        README,
        re.MULTILINE,
    )
    assert 4 == len(rows)
    for limit, _, articles, *passages, kilobytes, total in rows:
        (number,) = {int(each.replace(",", "")) for each in passages}
        assert total == f"{0.9 + number * int(kilobytes) / 1e6:.1f}"
        assert float(total) <= 0.8 * int(limit)
        assert round(number / 14, -3) == int(articles.replace(",", ""))
    assert f"{rows[2][0]}g" == SERVICES[SERVERS[0]]["mem_limit"]


def test_chroma_is_the_server_in_rust() -> None:
    assert "run" == SERVICES["chroma"]["command"][0]
    assert "entrypoint" not in SERVICES["chroma"]
    sources = [path for folder in ("src", "ui", "evals") for path in (ROOT / folder).rglob("*.py")]
    assert [] == [path for path in sources if re.search(r"chromadb\.(app|server)", path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_no_secret_stands_in_a_file(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"\bnqa_\w|\b[0-9a-f]{32,}\b|://[^/\s]*:[^@/\s]+@", text)
    assert not re.search(r"PASSWORD\w*: (?!/run/secrets/)", text)


def test_secrets_are_files_outside_the_repository() -> None:
    assert [{"file": "./secrets/database_password"}] == list(COMPOSE["secrets"].values())
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"deploy/.env", "deploy/secrets/"} <= set(ignored)
    assert [] == [name for name in SERVICES if "proxy" in name and "secrets" in SERVICES[name]]

"""What docs/deploy.md tells to type, typed: with stand-ins for sudo and docker."""

import http.client
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from services import Redis, ports
from tests.deploy.conftest import program
from tests.deploy.image import sent
from tests.running import ROOT

PAGE = (ROOT / "docs" / "deploy.md").read_text()
PATIENCE_SECONDS = 60
# Whoever runs the tests is all users of the machine, and gives nothing away.
SUDO = """#!/bin/sh
[ "$1" != -u ] || shift 2
[ "$1" != chown ] || exit 0
exec "$@"
"""
NOTHING = """#!/bin/sh
"""
DOCKER = """#!/bin/sh
[ "$1" = compose ] && shift && exec docker-compose "$@"
"""


@pytest.fixture
def typed(tmp_path):
    """Return a function that runs a block in a folder; it gives what was printed."""
    programs = tmp_path / "bin"
    programs.mkdir()
    stand_ins = {"sudo": SUDO, "docker": DOCKER, "systemctl": NOTHING}
    for name, text in stand_ins.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)

    def run(text: str, folder: Path) -> str:
        done = subprocess.run(  # noqa: S603 - what the page says
            ["bash", "-euo", "pipefail", "-c", text],  # noqa: S607
            cwd=folder,
            env={"PATH": f"{programs}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def block(name: str, **moved: str) -> str:
    """Return a marked block, with paths and addresses of this machine."""
    text = re.search(rf"^<!-- run: {name} -->\n```sh\n(.*?)^```$", PAGE, re.M | re.S)[1]
    for there, here in moved.items():
        assert there in text
        text = text.replace(there, here)
    return text


def test_every_variable_it_names_is_one():
    named = set(re.findall(r"\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b", PAGE))
    example = (ROOT / ".env.example").read_text()
    assert len(named) > 15
    assert named <= set(re.findall(r"^([A-Z0-9_]+)=", example, re.M))


def test_every_file_it_names_is_there():
    named = re.findall(r"\]\((?!http)([^)#]+)", PAGE)
    assert [name for name in named if not (ROOT / "docs" / name).exists()] == []
    named = re.findall(r"\b(?:deploy|docs|partsite)/[\w.-]+\w", PAGE)
    assert [name for name in named if not (ROOT / name).exists()] == ["deploy/parts"]


def test_what_it_says_for_docker_is_enough_for_compose(typed, tmp_path):
    program("docker-compose", "apt-get install docker-compose")
    shutil.copy(ROOT / "compose.yaml", tmp_path)
    assert typed(block("compose"), tmp_path) == ""
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_what_it_says_for_a_virus_scanner_is_what_clamd_wants(typed, tmp_path):
    program("clamd", "apt-get install clamav-daemon")
    theirs = shutil.copy("/etc/clamav/clamd.conf", tmp_path)
    python = tmp_path / "python"
    python.write_text(NOTHING)
    python.chmod(0o755)
    here = {"/etc/clamav/clamd.conf": str(theirs), ".venv/bin/python": str(python)}
    typed(block("scanner", **here), tmp_path)
    assert (tmp_path / ".env").read_text() == "CLAMD=unix:/run/clamav/clamd.ctl\n"
    lines = Path(theirs).read_text().splitlines()
    for line in (
        "LocalSocket /var/run/clamav/clamd.ctl",
        "StreamMaxLength 100M",
        "MaxFileSize 100M",
        "MaxScanSize 400M",
        "AlertExceedsMax yes",
    ):
        assert lines.count(line) == 1


def test_what_it_says_for_a_server_brings_the_site_up(typed, tmp_path, postgres):
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed.")
    folder, data = tmp_path / "site", tmp_path / "data"
    folder.mkdir()
    data.mkdir()
    # What make setup makes has been made for these tests.
    for name in {*sent(), "build"}:
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "manage.py").unlink()
    shutil.copy(ROOT / "manage.py", folder)  # beside which .env is looked for
    port = ports.free()
    with Redis.running() as redis:
        text = block(
            "server",
            **{
                "/srv/parts": str(folder),
                "/var/lib/parts": str(data),
                "postgres:///parts": postgres.database("deployed"),
                "redis://127.0.0.1:6379/0": redis.variables["REDIS_URL"],
                "make setup": ":",
            },
        )
        said = typed(text, folder)
        assert "System check identified no issues" in said
        link = re.search(r"https://parts\.example\.org(/\S+)", said)[1]
        unit = (ROOT / "deploy" / "parts-web.service").read_text()
        command = re.search("^ExecStart=(.+)$", unit, re.M)[1]
        server = subprocess.Popen(  # noqa: S603 - our own unit's words
            command.replace("/srv/parts", str(folder)).split(),
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PORT": str(port), "WEB_PROCESSES": "1"},
            stderr=subprocess.DEVNULL,
        )
        try:
            assert _status(port, link) == 200
        finally:
            server.terminate()
            server.wait(PATIENCE_SECONDS)


def _status(port: int, path: str) -> int:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    headers = {"Host": "parts.example.org", "X-Forwarded-Proto": "https"}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            line.request("GET", path, headers=headers)
            break
        except ConnectionRefusedError:
            line.close()
            assert time.monotonic() < deadline
            time.sleep(0.1)
    answer = line.getresponse()
    answer.read()
    line.close()
    return answer.status

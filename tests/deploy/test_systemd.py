"""The units in deploy/, checked by systemd, and what they rely on of gunicorn."""

import http.client
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import ROOT

from .conftest import DEPLOY, program

SERVICES = ["parts-web.service", "parts-worker.service"]
PATIENCE_SECONDS = 20


def _analyze(*words: str | Path) -> subprocess.CompletedProcess:
    binary = program("systemd-analyze", "apt-get install systemd")
    return subprocess.run(  # noqa: S603 - our own words
        [binary, *words], capture_output=True, text=True, check=False
    )


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path):
    units = sorted(path for path in DEPLOY.iterdir() if path.name.startswith("parts-"))
    assert [unit.name for unit in units] == [
        "parts-web.service",
        "parts-web.socket",
        "parts-worker.service",
    ]
    copies = []
    for unit in units:
        text = unit.read_text().replace("/srv/parts/.venv/bin/python", sys.executable)
        copies.append(tmp_path / unit.name)
        copies[-1].write_text(text)
    checked = _analyze("verify", *copies)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_that_is_broken_into_can_do_little(unit):
    # Of ten; without a word of hardening it is 9.2.
    words = ("security", "--offline=true", "--threshold=15", "--no-pager")
    checked = _analyze(*words, DEPLOY / unit)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("unit", SERVICES)
def test_systemd_waits_longer_than_the_service_does(unit):
    said = (DEPLOY / unit).read_text()
    seconds = int(re.search(r"^TimeoutStopSec=(\d+)$", said, re.M)[1])
    # WEB_GRACE_SECONDS, and CONVERSION_TIMEOUT_SECONDS.
    assert seconds > {"parts-web.service": 30, "parts-worker.service": 120}[unit]
    # manage.py worker ends in order only if its head alone is told to.
    assert "\nKillMode=mixed\n" in said


def _web(listening: socket.socket, folder: Path) -> subprocess.Popen:
    """Start the web server as systemd does: its socket as descriptor 3."""
    script = 'exec env LISTEN_FDS=1 LISTEN_PID=$$ "$0" -m gunicorn partsite.wsgi'
    return subprocess.Popen(  # noqa: S603 - our own words
        ["bash", "-c", f"exec 3<&{listening.fileno()}; {script}", sys.executable],  # noqa: S607
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(folder),
            "DJANGO_SETTINGS_MODULE": "partsite.settings.dev",
            "WEB_PROCESSES": "1",
            "PORT": "1",  # where it would listen without a socket
            "NOTIFY_SOCKET": str(folder / "notify"),
        },
        pass_fds=[listening.fileno()],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    # The name of a socket must be short.
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def test_a_restart_refuses_nobody(folder):
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
    ):
        systemd.bind(str(folder / "notify"))
        systemd.settimeout(PATIENCE_SECONDS)
        line = http.client.HTTPConnection(
            *listening.getsockname(), timeout=PATIENCE_SECONDS
        )

        def ask() -> None:
            line.request("GET", "/favicon.ico", headers={"Connection": "close"})

        first = _web(listening, folder)
        ask()
        assert line.getresponse().status == 302
        # Type=notify: systemd waits for this before it calls the service started.
        assert b"READY=1" in systemd.recv(1024)
        first.terminate()
        assert first.wait(PATIENCE_SECONDS) == 0
        ask()  # while nothing runs
        time.sleep(0.2)
        second = _web(listening, folder)
        assert line.getresponse().status == 302
        second.terminate()
        assert second.wait(PATIENCE_SECONDS) == 0
        line.close()

"""The site as ``make run`` starts it: real processes, a folder of its own."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from services import ports

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60


@pytest.fixture
def start(tmp_path):
    """Return a function that runs ``manage.py up`` and gives process and port."""
    running = []

    def run(**variables: str) -> tuple[subprocess.Popen, int]:
        port = ports.free()
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "DATA_DIR": str(tmp_path),
                "PORT": str(port),
                **variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        running.append(process)
        return process, port

    yield run
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def _lines_until(process: subprocess.Popen, marker: str) -> str:
    """Read what the site prints up to the line that holds ``marker``."""
    text = ""
    for line in process.stdout:
        text += line
        if marker in line:
            return text
    raise AssertionError(f"The site ended without {marker!r}:\n{text}")


def _children(pid: int) -> set[int]:
    """Return the ids of all processes below ``pid``."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid="],  # noqa: S607 - the system's own
        capture_output=True,
        text=True,
        check=True,
    )
    pairs = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    found: set[int] = set()
    level = {pid}
    while level:
        level = {child for child, parent in pairs if parent in level}
        found |= level
    return found


def _at_least(count: int, pid: int) -> set[int]:
    """Wait until there are so many below ``pid``: the site answers before all run."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(below := _children(pid)) < count:
        assert time.monotonic() < deadline, below
        time.sleep(0.05)
    return below


def _is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        # Linux reports the second when a process goes between open and read.
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def _alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if _is_alive(pid)}


def _gone(pids: set[int]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while _alive(pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _alive(pids)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_one_ctrl_c_ends_web_server_and_worker(start):
    process, port = start(DEMO="0")
    text = _lines_until(process, "createsuperuser")
    assert f"Open http://127.0.0.1:{port} in a browser." in text
    assert "Nobody has an account yet. Make the first lead on this page:" in text
    assert f"  http://127.0.0.1:{port}/account/first/\n" in text
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
        assert answer.status == 200
    below = _at_least(4, process.pid)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=PATIENCE_SECONDS) == 0
    assert _gone(below)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_stays_behind_when_it_is_killed(start):
    process, _ = start(DEMO="0")
    _lines_until(process, "createsuperuser")
    below = _children(process.pid)
    process.kill()
    process.wait()
    assert _gone(below)


def test_the_first_start_prints_the_sign_in_and_the_second_where_it_is(start, tmp_path):
    process, _ = start()
    text = _lines_until(process, "This is kept in")
    kept = (tmp_path / "demo-signin.txt").read_text()
    assert kept in text
    assert len(re.findall(r"^  (?:Lead|Member) ", text, re.M)) == 3
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=PATIENCE_SECONDS) == 0

    process, _ = start()
    text = _lines_until(process, "The demo sign-in is in")
    assert "pk_" not in text
    assert (tmp_path / "demo-signin.txt").read_text() == kept

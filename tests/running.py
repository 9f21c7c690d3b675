"""A real site, run as ``make run`` does, and the demo shop it starts with."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from services import ports

from . import databases

ROOT = Path(__file__).parents[1]
CONVERSIONS_SECONDS = 120
WAITING_SECONDS = 0.1


@dataclass(frozen=True)
class Site:
    """A running site with demo data; ``people`` maps user names to passwords."""

    address: str
    folder: Path
    lead: str
    members: list[str]
    passwords: dict[str, str]
    key: str


@contextmanager
def running_site(folder: Path, **variables: str) -> Iterator[Site]:
    """Run the site as ``make run`` does, gunicorn and worker, with demo data."""
    with started(folder, "demo-signin.txt", **variables) as address:
        yield _site_of(folder, address)


@contextmanager
def serving_site(folder: Path, **variables: str) -> Iterator[Site]:
    """Run the web server alone on a ``folder`` with demo data: nothing is converted.

    In a third of the time that ``running_site`` takes to start.
    """
    with web_server(folder, **variables) as address:
        site = _site_of(folder, address)
        yield site
    log = (folder / "log.txt").read_text()
    secrets = [site.key.split("_", 2)[2], *site.passwords.values()]
    assert not any(secret in log for secret in secrets), f"A secret stands in {log}"


@contextmanager
def web_server(folder: Path, **variables: str) -> Iterator[str]:
    """Run gunicorn as ``variables`` say, and give its address."""
    settings = {"DJANGO_SETTINGS_MODULE": "partsite.settings.dev"}
    gunicorn = ["-m", "gunicorn", "partsite.wsgi", "--log-level", "info"]
    with _process(gunicorn, folder, "Booting worker", settings | variables) as address:
        yield address


@contextmanager
def started(folder: Path, until: str, **variables: str) -> Iterator[str]:
    """Run the site; give its address once it has printed a line with ``until``."""
    with _process(["manage.py", "up"], folder, until, variables) as address:
        yield address


@contextmanager
def _process(
    words: list[str], folder: Path, until: str, variables: dict[str, str]
) -> Iterator[str]:
    port = ports.free()
    path = folder / "log.txt"
    if "DATABASE_URL" not in variables:
        variables = databases.variables_of(folder) | variables
    with path.open("w") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, *words],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "DATA_DIR": str(folder),
                "PORT": str(port),
                "WEB_PROCESSES": "1",  # starting another takes longer than it saves
                **variables,
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        while until not in path.read_text():
            if process.poll() is not None:
                pytest.fail(f"The site did not start: {path.read_text()}")
            time.sleep(WAITING_SECONDS)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            pytest.fail(f"The site did not end: {path.read_text()}")


def _site_of(folder: Path, address: str) -> Site:
    text = (folder / "demo-signin.txt").read_text()
    people = re.findall(r"^  (Lead|Member) +(\w+) +(\S+)$", text, re.M)
    return Site(
        address=address,
        folder=folder,
        lead=people[0][1],
        members=[username for role, username, _ in people if role == "Member"],
        passwords={username: password for _, username, password in people},
        key=re.search(r"pk_\S+", text).group(),
    )


@pytest.fixture(scope="module")
def shop(demo_shop, tmp_path_factory) -> Path:
    """Return a data folder of this module's own with the demo shop."""
    return databases.copy(demo_shop, tmp_path_factory.mktemp("site") / "data")


@pytest.fixture(scope="session")
def demo_shop(tmp_path_factory) -> Path:
    """Return a data folder with the demo shop, its every file converted, to copy.

    Made once for all processes of a test run: the conversions of one demo shop
    take longer than most modules with a browser.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "demo-shop"
    with (shared / "demo-shop.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "is-whole").exists():
            folder.mkdir()
            with running_site(folder, WORKERS="2"):
                wait_for_conversions(folder)
            (folder / "is-whole").touch()
    return folder


def wait_for_conversions(folder: Path) -> None:
    """Wait until no STEP file of the site in ``folder`` is waiting or at work."""
    waiting = "SELECT count(*) FROM parts_partfile WHERE state IN ('queued', 'running')"
    deadline = time.monotonic() + CONVERSIONS_SECONDS
    is_done = False
    while not is_done:
        with databases.connected(folder) as connection:
            is_done = not connection.execute(waiting).fetchone()[0]
        assert time.monotonic() < deadline, "The demo shop's files are not converted."
        time.sleep(WAITING_SECONDS)

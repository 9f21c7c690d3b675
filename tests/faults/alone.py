"""A shop on one machine: SQLite, a web server and a worker, each to be killed."""

import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from bench import processes
from services import Server

ROOT = Path(__file__).parents[2]
STEP = ROOT / "fixtures" / "step"
PATIENCE_SECONDS = 120
_PASSWORD = "in-a-test-only"  # noqa: S105 - guards nothing
_LEAD = f"""
from accounts.models import Role, User
User.objects.create_user("lead", {_PASSWORD!r}, role=Role.LEAD, name="Lead")
"""
# Limits are for other tests to meet.
_NO_LIMITS = dict.fromkeys(
    ("API_READS_PER_MINUTE", "API_WRITES_PER_MINUTE", "API_UPLOADS_PER_MINUTE"), "0"
)


class _Process(Server):
    package = "python3"
    words: tuple[str, ...]

    def __init__(self, home: Path, variables: dict[str, str]) -> None:
        super().__init__(home)
        self._variables = variables

    def command(self) -> list[str]:
        told = {"PORT": str(self.port), **self._variables}
        return ["env", "-i", "-C", ROOT, *(f"{n}={v}" for n, v in told.items())] + [
            sys.executable,
            *self.words,
        ]

    def children(self) -> list[int]:
        return processes.tree(self.pid)[1:]


class Web(_Process):
    name = "web"
    words = ("-m", "gunicorn", "partsite.wsgi")

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Worker(_Process):
    name = "worker"
    words = ("manage.py", "worker")

    def answers(self) -> bool:
        return True  # nobody asks it anything


@dataclass
class Shop:
    """``folder`` has all its data, ``temporary`` what lies there for a moment."""

    folder: Path
    more: dict[str, str] = field(default_factory=dict)
    key: str = ""

    def __post_init__(self) -> None:
        self.temporary.mkdir(parents=True, exist_ok=True)
        self.web = Web(self.folder / "web", self.variables)
        self.worker = Worker(self.folder / "worker", self.variables)

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def variables(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(self.folder),
            "TMPDIR": str(self.temporary),
            "DJANGO_SETTINGS_MODULE": "partsite.settings.dev",
            **_NO_LIMITS,
            **self.more,
        }

    def manage(self, *words: str) -> str:
        return subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.variables,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    def lead(self) -> requests.Session:
        """Make a lead and return the browser where it is signed in."""
        self.manage("shell", "--no-imports", "-c", _LEAD)
        session = requests.Session()
        address = f"{self.web.address}/account/login/"
        page = session.get(address, timeout=60).text
        [token] = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page))
        told = {"username": "lead", "password": _PASSWORD, "csrfmiddlewaretoken": token}
        assert session.post(address, told, timeout=60).ok
        return session

    def run(self, sql: str, *values: object) -> list[tuple]:
        path = self.folder / "db.sqlite3"
        with closing(sqlite3.connect(path, timeout=60)) as database, database:
            return database.execute(sql, values).fetchall()

    def wait_until_converted(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until no file is waiting or at work."""
        waiting = (
            "SELECT count(*) FROM parts_partfile WHERE state IN ('queued', 'running')"
        )
        deadline = time.monotonic() + seconds
        while self.run(waiting)[0][0]:
            assert time.monotonic() < deadline, self.run(
                "SELECT id, state, attempts, error FROM parts_partfile"
            )
            time.sleep(0.1)

    def left_behind(self, *, beside: str = "") -> list[str]:
        """Return what lies where things lie for a moment, and what is half stored.

        What a request kept there goes after its answer.
        """
        deadline = time.monotonic() + 5
        while True:
            drafts = (self.folder / "media").rglob(".draft-*")
            found = (*self.temporary.iterdir(), *drafts)
            left = [str(path) for path in found if path.name != beside]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.05)

    def check(self) -> None:
        """Have the site look at itself."""
        assert self.manage("recount") == "Counted anew; no sums were wrong.\n"
        self.manage("check_files")


@contextmanager
def open_shop(folder: Path, **more: str) -> Iterator[Shop]:
    """Open an empty shop with a key for everything; what is started is ended."""
    shop = Shop(folder, more)
    shop.manage("migrate", "--verbosity", "0")
    told = shop.manage("create_api_key", "Faults", "--scope", "lead")
    shop.key = told.split()[-1]
    try:
        yield shop
    finally:
        for process in (shop.web, shop.worker):
            if process.is_running():
                process.kill()

"""A site in use, backed up while many write, and brought back on the other engine."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from backups import checking
from services import Postgres
from tests.factories import TINY_STEP
from tests.running import Site, serving_site

from .archives import members

ROOT = Path(__file__).parents[2]
WRITERS = 4
NO_LIMITS = {"API_WRITES_PER_MINUTE": "0", "API_UPLOADS_PER_MINUTE": "0"}

pytestmark = [
    pytest.mark.skipif(not Postgres.is_here(), reason="PostgreSQL is not installed."),
    pytest.mark.skipif(
        "DATABASE_URL" in os.environ, reason="It asks both engines by itself."
    ),
]


def manage(folder: Path, variables: dict[str, str], *words: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def back_up(folder: Path, variables: dict[str, str], to: Path) -> Path:
    said = manage(folder, variables, "backup", "--to", str(to))
    return Path(said.splitlines()[0])


class Writer(threading.Thread):
    """Hands in parts with a file of their own, and takes them, until it is stopped.

    ``written`` has the id of each part and the hash of its file, once both stand.
    """

    def __init__(self, site: Site, number: int) -> None:
        super().__init__()
        self.site, self.number = site, number
        self.written: dict[int, str] = {}
        self.is_stopped = threading.Event()

    def run(self) -> None:
        parts = f"{self.site.address}/api/parts"
        with requests.Session() as session:
            session.headers["X-API-Key"] = self.site.key
            while not self.is_stopped.is_set():
                body = {"subsystem": "Load", "material": "6061", "type": "cnc"}
                made = session.post(f"{parts}/", json=body)
                made.raise_for_status()
                number = made.json()["id"]
                mark = f"DATA; /* {self.number} {number} */".encode()
                content = TINY_STEP.replace(b"DATA;", mark)
                sent = session.post(
                    f"{parts}/{number}/upload", files={"file": ("a.step", content)}
                )
                sent.raise_for_status()
                self.written[number] = hashlib.sha256(content).hexdigest()
                session.post(f"{parts}/{number}/approve").raise_for_status()


@contextmanager
def writing(site: Site) -> Iterator[list[Writer]]:
    writers = [Writer(site, number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        yield writers
    finally:
        for writer in writers:
            writer.is_stopped.set()
        for writer in writers:
            writer.join()


def all_written(writers: list[Writer]) -> dict[int, str]:
    return {
        part: sha for writer in writers for part, sha in writer.written.copy().items()
    }


def answers(site: Site, parts: list[int]) -> dict[str, object]:
    """Return what the API says of everything, and the bytes of these parts' files."""
    with requests.Session() as session:
        session.headers["X-API-Key"] = site.key

        def get(path: str) -> requests.Response:
            answer = session.get(f"{site.address}/api/parts/{path}")
            answer.raise_for_status()
            return answer

        told = {
            path: get(path).json()
            for path in ("?limit=1000", "stats", "leaderboard", "?search=gear")
        }
        files = {f"{part}/download": get(f"{part}/download").content for part in parts}
        events = {f"{part}/events": get(f"{part}/events").json() for part in parts}
        return told | files | events


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_backup_under_load_is_whole_and_comes_back_on_the_other_engine(
    demo_shop, tmp_path, postgres, engine
):
    folder = shutil.copytree(demo_shop, tmp_path / "site")
    archives = tmp_path / "archives"
    here: dict[str, str] = {}
    there = {"DATABASE_URL": postgres.database(f"of_{engine}")}
    if engine == "postgresql":
        first = back_up(folder, here, archives)
        manage(folder, there, "restore", str(first))
        here, there = there, here
        (folder / "db.sqlite3").rename(tmp_path / "away.sqlite3")
    with serving_site(folder, **here, **NO_LIMITS) as site:
        with writing(site) as writers:
            while len(all_written(writers)) < 10:
                time.sleep(0.05)
                assert all(writer.is_alive() for writer in writers)
            before = all_written(writers)
            loaded = back_up(folder, here, archives)
            during = len(all_written(writers)) - len(before)
        assert all_written(writers).keys() > before.keys()
        assert during > 0
        last = back_up(folder, here, archives)
        parts = sorted(all_written(writers))[-10:]
        told = answers(site, parts)

    checking.check(loaded)
    held = members(loaded)
    stored = {hashlib.sha256(content).hexdigest() for content in held.values()}
    assert set(before.values()) <= stored
    text = held["rows/parts.part.jsonl"].decode()
    assert all(f"\n[{part}," in text for part in before)

    new = tmp_path / "new"
    new.mkdir()
    for name in ("secret-key", "demo-signin.txt"):
        shutil.copy(folder / name, new)
    assert "warning" not in manage(new, there, "restore", str(last))
    with serving_site(new, **there, **NO_LIMITS) as site:
        assert answers(site, parts) == told
    once, again = members(last), members(back_up(new, there, archives))
    assert files_of(again) == files_of(once)
    assert rows_of(again) == rows_of(once)


def files_of(held: dict[str, bytes]) -> dict[str, bytes]:
    return {name: held[name] for name in held if name.startswith("media/")}


def rows_of(held: dict[str, bytes]) -> dict[str, list]:
    """Return all rows but of keys, whose last use is noted by each request."""
    tables = {name for name in held if name.startswith("rows/")}
    return {
        # PostgreSQL has an order of its own in JSON columns.
        name: [json.loads(line) for line in held[name].splitlines()]
        for name in tables - {"rows/accounts.apikey.jsonl"}
    }

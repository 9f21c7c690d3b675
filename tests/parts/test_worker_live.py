"""The real worker on the real queue, killed in the middle of its work."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "fixtures" / "step" / "gearbox.step"
PATIENCE_SECONDS = 60

HAND_IN = f"""
from django.core.files import File
from django.core.files.uploadedfile import UploadedFile
from pathlib import Path
from parts import uploads, workflow
path = Path({str(SAMPLE)!r})
upload = UploadedFile(path.open("rb"), path.name, size=path.stat().st_size)
workflow.create(actor=None, subsystem="Shooter", upload=uploads.store(upload))
"""


class Shop:
    """A shop in a folder of its own, watched from outside its processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workers: list[subprocess.Popen] = []
        self.manage("migrate", "--verbosity", "0")

    def manage(self, *words: str) -> None:
        subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self._env(),
            check=True,
            timeout=PATIENCE_SECONDS,
        )

    def start_worker(self) -> subprocess.Popen:
        worker = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "manage.py", "worker"],
            cwd=ROOT,
            env=self._env(),
            start_new_session=True,
        )
        self.workers.append(worker)
        return worker

    def row(self) -> tuple[str, int, str]:
        """Return state, attempts and error of the one file."""
        with closing(sqlite3.connect(self.folder / "db.sqlite3")) as database:
            return database.execute(
                "SELECT state, attempts, error FROM parts_partfile"
            ).fetchone()

    def wait_for(self, state: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.row()[0] != state:
            assert time.monotonic() < deadline, self.row()
            time.sleep(0.02)

    def age_heartbeat(self) -> None:
        """Pretend that the heartbeat stopped an hour ago."""
        long_ago = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)
        with closing(sqlite3.connect(self.folder / "db.sqlite3")) as database, database:
            database.execute(
                "UPDATE parts_partfile SET heartbeat_at = ?", [str(long_ago)]
            )

    def _env(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "DATA_DIR": str(self.folder)}


@pytest.fixture
def shop(tmp_path):
    shop = Shop(tmp_path)
    yield shop
    for worker in shop.workers:
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_worker_and_all_that_it_starts_give_way(shop):
    shop.manage("shell", "-v", "0", "-c", HAND_IN)
    worker = shop.start_worker()
    shop.wait_for("done")  # and a child is ready for the next file
    nice = {pid: os.getpriority(os.PRIO_PROCESS, pid) for pid in _session(worker.pid)}
    assert nice[worker.pid] == max(10, os.nice(0))
    assert min(nice.values()) == nice[worker.pid]
    autogroup = Path(f"/proc/{worker.pid}/autogroup")
    if autogroup.exists():
        assert autogroup.read_text().endswith(" nice 15\n")


def _session(number: int) -> list[int]:
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    found = []
    for pid in pids:
        with suppress(ProcessLookupError):
            if os.getsid(pid) == number:
                found.append(pid)
    return found


def test_a_conversion_whose_worker_was_killed_is_done_after_all(shop):
    shop.manage("shell", "-v", "0", "-c", HAND_IN)
    worker = shop.start_worker()
    shop.wait_for("running")
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    assert shop.row() == ("running", 1, "")
    shop.age_heartbeat()
    shop.start_worker()
    shop.wait_for("done")
    assert shop.row() == ("done", 2, "")
    models = list((shop.folder / "media" / "models").rglob("*.glb"))
    assert [path.read_bytes()[:4] for path in models] == [b"glTF"]

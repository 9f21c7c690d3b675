"""A lock across processes: one holds it, whatever ends the others."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from partsite import locks

pytestmark = pytest.mark.django_db

HOLD = """
import django
from django.conf import settings
settings.configure(DATABASES={{"default": {database!r}}})
django.setup()
from partsite import locks
with locks.exclusive("trial"):
    print("held", flush=True)
    input()
"""


@pytest.fixture
def holder():
    """Another process that holds the lock."""
    wanted = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")
    database = {name: str(connection.settings_dict[name]) for name in wanted}
    process = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-c", HOLD.format(database=database)],
        cwd=Path(settings.BASE_DIR),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_only_one_process_has_it_and_it_ends_with_that(holder):
    with pytest.raises(locks.Busy), locks.exclusive("trial"):
        pass
    with locks.exclusive("another"):
        pass
    holder.send_signal(signal.SIGKILL)
    with locks.exclusive("trial", wait_seconds=10):
        pass


def test_it_is_given_back():
    for _ in range(2):
        with locks.exclusive("trial"):
            pass
    with (
        locks.exclusive("trial"),
        pytest.raises(locks.Busy),
        locks.exclusive("trial"),
    ):
        pass


@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's own")
def test_who_waits_leaves_no_transaction_open_for_which_the_holder_may_wait(
    holder, monkeypatch
):
    idle = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND state = 'idle in transaction' AND query LIKE '%advisory%'"
    )
    seen = []

    def look(seconds: float) -> None:
        with connection.cursor() as cursor:
            cursor.execute(idle)
            seen.append(cursor.fetchone()[0])
        holder.send_signal(signal.SIGKILL)
        holder.wait()

    monkeypatch.setattr("partsite.locks.time.sleep", look)
    with locks.exclusive("trial", wait_seconds=10):
        assert seen[0] == 1, "that of the holder"


@pytest.mark.skipif(
    connection.vendor != "sqlite" or os.geteuid() != 0, reason="files that root makes"
)
def test_what_root_locks_the_sites_user_may_lock_afterwards(monkeypatch, tmp_path):
    base = tmp_path / "db.sqlite3"
    base.touch()
    os.chown(base, 12345, 12345)
    monkeypatch.setitem(connection.settings_dict, "NAME", str(base))
    with locks.exclusive("trial"):
        pass
    assert (tmp_path / "db.sqlite3-trial").stat().st_uid == 12345
    ours = tmp_path / "of-root"
    ours.touch()
    (tmp_path / "db.sqlite3-link").symlink_to(ours)
    with pytest.raises(OSError, match="symbolic"), locks.exclusive("link"):
        pass
    (tmp_path / "db.sqlite3-name").hardlink_to(ours)
    with locks.exclusive("name"):
        pass
    assert ours.stat().st_uid == 0

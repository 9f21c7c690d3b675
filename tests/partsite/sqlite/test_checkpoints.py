"""What is committed comes into the file without those who write."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection, transaction

from parts.models import Season
from partsite.sqlite import checkpoints
from partsite.sqlite.checkpoints import _COMMITS, _Keeper

_SECONDS = 10


@pytest.fixture
def database(tmp_path) -> Iterator[sqlite3.Connection]:
    """Return one with a log that it leaves alone."""
    with closing(sqlite3.connect(tmp_path / "with ?#% db.sqlite3")) as own:
        own.execute("PRAGMA journal_mode=WAL")
        own.execute("PRAGMA wal_autocheckpoint=0")
        own.execute("CREATE TABLE box (name TEXT)")
        yield own


@pytest.fixture
def rounds(monkeypatch) -> threading.Semaphore:
    """Return what counts how often a thread has done what it is for."""
    done, bring = threading.Semaphore(0), _Keeper._bring

    def noted(keeper) -> None:
        try:
            bring(keeper)
        finally:
            done.release()

    monkeypatch.setattr(_Keeper, "_bring", noted)
    return done


def _path(database: sqlite3.Connection) -> Path:
    return Path(database.execute("PRAGMA database_list").fetchone()[2])


def _in_file(path: Path) -> bytes:
    return path.read_bytes()


def test_what_was_committed_is_in_the_file_after_some_commits(database, rounds):
    path = _path(database)
    keeper = _Keeper(str(path))
    for number in range(_COMMITS):
        database.execute("INSERT INTO box VALUES (?)", [f"box {number}"])
        database.commit()
        assert b"box 0" not in _in_file(path)
        keeper.note()
    assert rounds.acquire(timeout=_SECONDS)
    assert f"box {_COMMITS - 1}".encode() in _in_file(path)


def test_one_who_writes_meanwhile_is_not_disturbed(database, rounds):
    keeper = _Keeper(str(_path(database)))
    database.execute("INSERT INTO box VALUES ('kept')")
    database.commit()
    database.execute("INSERT INTO box VALUES ('open')")
    for _ in range(_COMMITS):
        keeper.note()
    assert rounds.acquire(timeout=_SECONDS)
    database.commit()
    assert b"kept" in _in_file(_path(database))
    assert len(database.execute("SELECT * FROM box").fetchall()) == 2


def test_a_database_that_is_away_is_not_made_and_ends_nothing(tmp_path, rounds):
    path = tmp_path / "away.sqlite3"
    keeper = _Keeper(str(path))
    for _ in range(2):
        for _ in range(_COMMITS):
            keeper.note()
        assert rounds.acquire(timeout=_SECONDS)
    assert not path.exists()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's engine")
@pytest.mark.django_db(transaction=True)
def test_each_commit_is_noted_and_nothing_else(monkeypatch):
    noted = []
    monkeypatch.setattr(checkpoints, "note", noted.append)
    with transaction.atomic():
        Season.objects.create(name="a")
        Season.objects.create(name="b")
    assert noted == [str(connection.settings_dict["NAME"])]
    with transaction.atomic():
        Season.objects.create(name="c")
        transaction.set_rollback(True)
    assert Season.objects.count() == 2
    assert len(noted) == 1

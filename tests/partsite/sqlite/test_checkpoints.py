"""What is committed comes into the file without those who write."""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection, transaction

from parts.models import Season
from partsite.sqlite import checkpoints, turns
from partsite.sqlite.checkpoints import _COMMITS, _LONG_PAGES, _Keeper

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


def _write_long_log(database: sqlite3.Connection) -> None:
    for _ in range(20):
        rows = [("x" * 4000,)] * (_LONG_PAGES // 20 + 1)
        database.executemany("INSERT INTO box VALUES (?)", rows)
        database.commit()


def _pages_of_log(database: sqlite3.Connection) -> int:
    return database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]


def test_a_long_log_begins_anew_in_a_turn_for_what_came_meanwhile(
    database, rounds, monkeypatch
):
    path = _path(database)
    _write_long_log(database)
    told = []

    def sync(file: int) -> None:
        told.append("disk")
        assert os.path.samestat(os.fstat(file), path.stat())
        with closing(sqlite3.connect(path)) as another:
            another.execute("PRAGMA wal_autocheckpoint=0")
            another.execute("INSERT INTO box VALUES ('meanwhile')")
            another.commit()

    def take(*args) -> turns.Turn:
        told.append("turn")
        assert _in_file(path).count(b"meanwhile") == 1
        return real(*args)

    real = turns.take
    monkeypatch.setattr(checkpoints, "_sync", sync)
    monkeypatch.setattr(turns, "take", take)
    monkeypatch.setattr(turns.Turn, "end", lambda turn: told.append("end"))
    keeper = _Keeper(str(path))
    for _ in range(_COMMITS):
        keeper.note()
    assert rounds.acquire(timeout=_SECONDS)
    assert told == ["disk", "disk", "turn", "end"]
    assert _in_file(path).count(b"meanwhile") == 2
    database.execute("INSERT INTO box VALUES ('first of the log')")
    database.commit()
    assert _pages_of_log(database) < 10


def test_the_log_begins_anew_when_all_have_read_it(database, rounds, monkeypatch):
    path = _path(database)
    monkeypatch.setattr(checkpoints, "_PATIENCE_MS", _SECONDS * 1000)
    _write_long_log(database)
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    has_read = threading.Event()

    def read() -> None:
        has_read.set()
        reader.execute("COMMIT")

    with closing(reader):
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM box").fetchone()
        keeper = _Keeper(str(path))
        ends = threading.Timer(0.2, read)
        ends.start()
        for _ in range(_COMMITS):
            keeper.note()
        assert rounds.acquire(timeout=_SECONDS)
        assert has_read.is_set()
        ends.join()


def test_a_disk_that_fails_ends_nothing(database, rounds, monkeypatch):
    def fail(file: int) -> None:
        raise OSError("Input/output error")

    monkeypatch.setattr(checkpoints, "_sync", fail)
    _write_long_log(database)
    keeper = _Keeper(str(_path(database)))
    for _ in range(2):
        for _ in range(_COMMITS):
            keeper.note()
        assert rounds.acquire(timeout=_SECONDS)


def test_a_short_log_needs_no_turn(database, rounds, monkeypatch):
    monkeypatch.setattr(turns, "take", lambda *args: pytest.fail("it took a turn"))
    database.execute("INSERT INTO box VALUES ('one')")
    database.commit()
    keeper = _Keeper(str(_path(database)))
    for _ in range(2):
        for _ in range(_COMMITS):
            keeper.note()
        assert rounds.acquire(timeout=_SECONDS)  # it has not died of that


def test_the_turn_ends_when_the_log_cannot_begin_anew(database, rounds, monkeypatch):
    path = _path(database)
    monkeypatch.setattr(checkpoints, "_PATIENCE_MS", 1)
    _write_long_log(database)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM box").fetchone()  # and stays there
        database.execute("INSERT INTO box VALUES ('later')")
        database.commit()
        keeper = _Keeper(str(path))
        for _ in range(_COMMITS):
            keeper.note()
        assert rounds.acquire(timeout=_SECONDS)
        free = turns.take(str(path), _SECONDS)
        assert _is_locked(path)
        free.end()
    assert not _is_locked(path)


def _is_locked(path: Path) -> bool:
    with Path(f"{path}-turn").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_another_file_in_its_place_is_the_one_that_the_disk_gets(
    database, rounds, monkeypatch, tmp_path
):
    path = _path(database)
    synced = []
    monkeypatch.setattr(
        checkpoints, "_sync", lambda file: synced.append(os.fstat(file).st_ino)
    )
    keeper = _Keeper(str(path))
    for _ in range(2):
        _write_long_log(database)
        for _ in range(_COMMITS):
            keeper.note()
        assert rounds.acquire(timeout=_SECONDS)
        assert set(synced) == {path.stat().st_ino}
        synced.clear()
        database.execute("VACUUM INTO ?", [f"{tmp_path}/new"])
        database.close()
        Path(f"{tmp_path}/new").replace(path)
        database = sqlite3.connect(path)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA wal_autocheckpoint=0")
    database.close()


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

"""Turns for those who write into SQLite."""

import fcntl
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection, transaction

from parts.models import Season
from partsite.sqlite import turns

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's engine"),
]


def _is_free(path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@pytest.fixture
def turn(transactional_db):
    path = Path(f"{connection.settings_dict['NAME']}-turn")
    with transaction.atomic():
        pass
    return path


def test_the_turn_is_held_for_as_long_as_a_transaction_lasts(turn):
    assert _is_free(turn)
    with transaction.atomic():
        assert not _is_free(turn)
        with transaction.atomic():
            pass
        assert not _is_free(turn)
    assert _is_free(turn)


def test_the_turn_ends_with_whatever_ends_the_transaction(turn):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        raise ZeroDivisionError
    assert _is_free(turn)
    with (
        pytest.raises(OperationalError),
        transaction.atomic(),
        connection.cursor() as c,
    ):
        c.execute("nonsense")
    assert _is_free(turn)
    with transaction.atomic():
        connection.close()
    assert _is_free(turn)


def test_of_many_who_write_each_has_a_turn(turn):
    def write(number: int) -> None:
        try:
            with transaction.atomic():
                Season.objects.create(name=str(number))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert Season.objects.count() == 40
    assert _is_free(turn)


def test_of_a_process_one_thread_asks_for_the_turn_at_a_time(turn, monkeypatch):
    asked, lock = [], fcntl.flock

    def noted(file, how):
        asked.append(threading.get_ident())
        lock(file, how)

    def write(_number: int) -> None:
        try:
            with transaction.atomic():
                pass
        finally:
            connection.close()

    with turn.open() as file, ThreadPoolExecutor(4) as pool:
        lock(file, fcntl.LOCK_EX)
        monkeypatch.setattr("partsite.sqlite.turns.fcntl.flock", noted)
        writers = pool.map(write, range(4))
        time.sleep(0.1)
        waiting = set(asked)
        lock(file, fcntl.LOCK_UN)
        list(writers)
    assert len(waiting) == 1
    assert len(set(asked)) == 4


def test_whoever_waits_is_woken_when_a_turn_ends(turn, monkeypatch):
    monkeypatch.setattr(turns, "_PAUSE_SECONDS", 60)
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 60)
    is_asked = threading.Event()

    def flock(file, how):
        is_asked.set()
        fcntl.flock(file, how)

    def write() -> None:
        with transaction.atomic():
            pass
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            monkeypatch.setattr(turns, "fcntl", SimpleNamespace(**vars(fcntl)))
            monkeypatch.setattr(turns.fcntl, "flock", flock)
            written = pool.submit(write)
            assert is_asked.wait(10)
        written.result(timeout=10)


def test_a_process_hears_of_the_turns_of_those_forked_of_the_same_one():
    bell = turns._Bell()
    if not (child := os.fork()):
        bell.ring()
        os._exit(0)
    began = time.monotonic()
    bell.wait(60)
    assert time.monotonic() - began < 30
    os.waitpid(child, 0)


def test_nobody_waits_to_be_heard():
    bell = turns._Bell()
    for _ in range(70_000):  # more than a pipe holds
        bell.ring()
    bell.wait(60)


def test_nobody_waits_for_ever_for_whoever_holds_the_turn(turn, monkeypatch):
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.05)
    with turn.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with transaction.atomic():
            Season.objects.create(name="2026")
    assert Season.objects.count() == 1


def test_without_such_locks_sqlite_alone_keeps_writers_apart(turn, monkeypatch):
    def refuse(*args):
        raise OSError("No locks available")

    monkeypatch.setattr("partsite.sqlite.turns.fcntl.flock", refuse)
    with transaction.atomic():
        Season.objects.create(name="2026")
    assert Season.objects.count() == 1

"""What threads write in one transaction: all of it as if each were alone."""

import fcntl
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import translation

from parts.models import Season
from partsite.sqlite import together as module
from partsite.sqlite.base import DatabaseWrapper
from partsite.sqlite.together import together, whole

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's engine"),
]


class _Crowd:
    """Threads that all come while another process writes."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def write(self, name: str, then=lambda: None) -> Future:
        return self._pool.submit(self._together, partial(self._create, name, then))

    def _together(self, work):
        try:
            return together(work)
        finally:
            connection.close()

    def _create(self, name: str, then) -> str:
        with whole():
            Season.objects.create(name=name)
            then()
        return name


@pytest.fixture
def crowd(monkeypatch):
    """Return what has several write at once; the first of them leads."""

    @contextmanager
    def come(count: int):
        turn = Path(f"{connection.settings_dict['NAME']}-turn")
        turn.touch()
        asks = threading.Event()
        flock = fcntl.flock

        def noted(file, how):
            asks.set()
            flock(file, how)

        monkeypatch.setattr("partsite.sqlite.turns.fcntl.flock", noted)
        with turn.open() as file, ThreadPoolExecutor(count) as pool:
            flock(file, fcntl.LOCK_EX)
            crowd = _Crowd(pool)
            try:
                yield crowd
                assert asks.wait(5)
                while len(module._party._waiting) < count - 1:
                    assert module._party._is_led
            finally:
                flock(file, fcntl.LOCK_UN)

    return come


@pytest.fixture
def transactions(monkeypatch) -> list[int]:
    """Return of how many jobs each transaction was that was begun for several."""
    write, sizes = module._Party._write, []

    def noted(party, own, ran, database):
        try:
            write(party, own, ran, database)
        finally:
            sizes.append(len(ran))

    monkeypatch.setattr(module._Party, "_write", noted)
    return sizes


def _names() -> list[str]:
    return sorted(Season.objects.values_list("name", flat=True))


def test_who_comes_while_one_waits_is_written_with_it(crowd, transactions):
    with crowd(4) as threads:
        done = [threads.write(name) for name in "abcd"]
    assert [future.result() for future in done] == list("abcd")
    assert _names() == list("abcd")
    assert transactions == [4]


@pytest.mark.parametrize("come", ["", "b", "bcd"])
def test_who_is_about_to_write_is_waited_for_as_long_as_any_come(
    come, transactions, monkeypatch
):
    left, yields = [*come], []
    with ThreadPoolExecutor(4) as pool:
        crowd = _Crowd(pool)

        def let_others_run() -> None:
            yields.append(len(module._party._waiting))
            if left:
                crowd.write(left.pop())
                while len(module._party._waiting) == yields[-1]:
                    assert module._party._is_led

        monkeypatch.setattr(module.os, "sched_yield", let_others_run)
        assert together(partial(crowd._create, "a", int)) == "a"
    assert _names() == ["a", *come]
    assert transactions == [1 + len(come)]
    assert yields == [*range(len(come) + 1)]


def test_a_process_that_is_told_to_end_while_it_waits_leads_no_more(monkeypatch):
    monkeypatch.setattr(module.os, "sched_yield", sys.exit)
    with pytest.raises(SystemExit):
        together(partial(_Crowd(None)._create, "a", int))
    monkeypatch.undo()
    assert together(partial(_Crowd(None)._create, "b", int)) == "b"
    assert _names() == ["b"]


def test_no_more_than_some_are_written_in_one(crowd, transactions, monkeypatch):
    monkeypatch.setattr(module, "_MOST", 2)
    with crowd(5) as threads:
        done = [threads.write(name) for name in "abcde"]
    assert [future.result() for future in done] == list("abcde")
    assert transactions == [2, 2, 1]


def test_what_is_refused_is_told_to_whom_it_concerns_alone(crowd):
    def refuse():
        raise ZeroDivisionError

    with crowd(3) as threads:
        a, b, c = threads.write("a"), threads.write("b", refuse), threads.write("c")
    assert (a.result(), c.result()) == ("a", "c")
    with pytest.raises(ZeroDivisionError):
        b.result()
    assert _names() == ["a", "c"]


def test_who_is_refused_first_takes_nobody_along_and_is_asked_once(crowd, transactions):
    asked = []

    def refuse():
        asked.append(connection.savepoint_ids)
        raise ZeroDivisionError

    with crowd(3) as threads:
        done = [
            threads.write(name, then)
            for name, then in (("a", refuse), ("b", int), ("c", int))
        ]
    with pytest.raises(ZeroDivisionError):
        done[0].result()
    assert [future.result() for future in done[1:]] == ["b", "c"]
    assert _names() == ["b", "c"]
    assert len(asked) == 1
    assert transactions == [1, 2]


def test_who_is_refused_before_writing_takes_nobody_along(crowd, transactions):
    told = []

    def hear(job: str) -> None:
        transaction.on_commit(partial(told.append, job))

    def refuse() -> None:
        with whole():
            hear("refused")
            raise ZeroDivisionError

    with crowd(3) as threads:
        a = threads.write("a", partial(hear, "a"))
        b = threads._pool.submit(threads._together, refuse)
        c = threads.write("c", partial(hear, "c"))
    assert (a.result(), c.result()) == ("a", "c")
    with pytest.raises(ZeroDivisionError):
        b.result()
    assert _names() == ["a", "c"]
    assert transactions == [3]
    assert sorted(told) == ["a", "c"]


def test_who_is_refused_after_writing_has_the_others_done_alone(crowd, transactions):
    asked = []

    def refuse():
        asked.append(1)
        raise ZeroDivisionError

    with crowd(3) as threads:
        done = [
            threads.write(name, then)
            for name, then in (("a", int), ("b", refuse), ("c", int))
        ]
    assert (done[0].result(), done[2].result()) == ("a", "c")
    with pytest.raises(ZeroDivisionError):
        done[1].result()
    assert _names() == ["a", "c"]
    assert transactions == [2]
    assert len(asked) == 2


def test_what_the_database_refuses_before_anything_is_written_is_done_alone(
    crowd, transactions
):
    asked = []

    def refuse() -> None:
        with whole():
            asked.append(1)
            raise OperationalError("database or disk is full")

    with crowd(3) as threads:
        a = threads.write("a")
        b = threads._pool.submit(threads._together, refuse)
        c = threads.write("c")
    assert (a.result(), c.result()) == ("a", "c")
    with pytest.raises(OperationalError):
        b.result()
    assert len(asked) == 2
    assert transactions == [2]


def test_a_process_that_is_told_to_end_leaves_nothing_to_what_comes():
    with pytest.raises(SystemExit):
        together(sys.exit)

    def fail() -> None:
        with whole():
            Season.objects.create(name="a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert _names() == []
    assert together(partial(_Crowd(None)._create, "b", int)) == "b"


def test_who_comes_as_the_last_one_ends_leads(monkeypatch):
    look, looks = module._Party._comes_first, []

    def late(party, job=None):
        looks.append(job)
        return len(looks) > 1 and look(party, job)

    monkeypatch.setattr(module._Party, "_comes_first", late)
    for name in "ab":
        assert together(partial(_Crowd(None)._create, name, int)) == name
    assert _names() == ["a", "b"]
    assert [job is None for job in looks] == [True, False, True]
    assert not module._party._is_led


def test_nobody_has_a_savepoint(crowd):
    kept_behind = []

    def note() -> None:
        kept_behind.extend(sid for sid in connection.savepoint_ids if sid)

    with crowd(3) as threads:
        done = [threads.write(name, note) for name in "abc"]
    assert [future.result() for future in done] == list("abc")
    assert kept_behind == []


def test_what_is_done_inside_another_has_one_of_its_own():
    def refuse() -> None:
        with whole():
            Season.objects.create(name="inner")
            raise ZeroDivisionError

    times = []

    def work() -> None:
        times.append(1)
        with whole():
            Season.objects.create(name="outer")
            with suppress(ZeroDivisionError):
                refuse()

    together(work)
    assert _names() == ["outer"]
    assert times == [1]


def test_what_writes_nothing_leaves_others_their_savepoints():
    together(int)
    with transaction.atomic():
        Season.objects.create(name="a")
        with suppress(ZeroDivisionError), whole():
            raise ZeroDivisionError
    assert _names() == ["a"]


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_what_a_broken_transaction_takes_along_is_done_alone(
    crowd, transactions, broken
):
    times = []

    def end_it():  # as SQLite itself does where the disk is full
        if not times:
            times.append(1)
            connection.connection.rollback()
            raise OperationalError("database or disk is full")

    then = [end_it if number == broken else int for number in range(3)]
    with crowd(3) as threads:
        done = [threads.write(n, t) for n, t in zip("abc", then, strict=True)]
    assert [future.result() for future in done] == list("abc")
    assert _names() == list("abc")
    assert transactions == [broken + 1]


def test_a_commit_that_fails_is_told_and_the_others_are_done(crowd, monkeypatch):
    commit, failed = DatabaseWrapper._commit, []

    def fail_once(database):
        if not failed:
            failed.append(1)
            raise OperationalError("disk I/O error")
        commit(database)

    monkeypatch.setattr(DatabaseWrapper, "_commit", fail_once)
    with crowd(3) as threads:
        done = [threads.write(name) for name in "abc"]
    errors = [future for future in done if future.exception()]
    assert len(errors) == 1
    left = sorted(future.result() for future in done if future not in errors)
    assert _names() == left
    assert len(left) == 2


def test_whoever_gets_no_turn_is_told_and_waits_no_longer_than_alone(
    crowd, transactions, monkeypatch
):
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.2)
    with connection.cursor() as holder:
        holder.execute("BEGIN IMMEDIATE")
        try:
            with crowd(3) as threads:
                done = [threads.write(name) for name in "abc"]
            for future in done:
                assert isinstance(future.exception(timeout=10), OperationalError)
        finally:
            holder.execute("ROLLBACK")
    assert transactions == [0]
    assert together(partial(_Crowd(None)._create, "d", int)) == "d"
    assert _names() == ["d"]


def test_each_is_done_in_the_language_of_its_own_thread(crowd):
    spoken = {}

    def speak(name: str) -> None:
        spoken[name] = translation.get_language()

    def in_language(threads, code: str) -> Future:
        def ask():
            with translation.override(code):
                return threads._together(partial(threads._create, code, say))

        say = partial(speak, code)
        return threads._pool.submit(ask)

    with crowd(2) as threads:
        done = [in_language(threads, code) for code in ("de", "fr")]
    assert {future.result() for future in done} == {"de", "fr"}
    assert spoken == {"de": "de", "fr": "fr"}


def test_within_a_transaction_it_is_a_part_of_that():
    with transaction.atomic():
        assert together(partial(_Crowd(None)._create, "a", int)) == "a"
        transaction.set_rollback(True)
    assert _names() == []

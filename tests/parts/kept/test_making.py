"""Sums and index made anew while others write, against a full count of the rows."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256

import hypothesis
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.db.models import F
from hypothesis import strategies as st

from parts import kept, workflow
from parts.kept import making
from parts.models import Part, PartEvent, Season, Verb
from tests.connections import in_another_connection
from tests.factories import make_part
from tests.parts.test_kept import Doer, check, steps

pytestmark = pytest.mark.django_db

AT = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
_only_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite lets one write at a time."
)


class Killed(BaseException):
    """What no code catches."""


@contextmanager
def few_at_a_time(before_each=lambda number: None, count=2):
    """Count so many parts at a time; call something before each transaction."""
    alone, done = making.alone, []

    def and_that(connection, do, lock):
        before_each(len(done))
        done.append(do.__name__)
        return alone(connection, do, lock)

    with pytest.MonkeyPatch.context() as patch:
        for name in ("_FEWEST", "_FIRST", "_MOST"):
            patch.setattr(making, name, count)
        patch.setattr(making, "_PAUSE_SECONDS", 0)
        patch.setattr(making, "alone", and_that)
        yield done


def check_search() -> None:
    for text in ("hub", "kim", "straße", "größ", "shelf"):
        for fields in ("matching", "lying_in"):
            found = {p.pk for p in getattr(Part.objects.live(), fields)(text)}
            looked = (
                ("storage_location",)
                if fields == "lying_in"
                else ("name", "notes", "subsystem", "assigned", "material", "code")
            )
            assert found == {
                part.pk
                for part in Part.objects.live()
                if any(text in getattr(part, field).lower() for field in looked)
            }


def make_shop(count: int) -> None:
    for number in range(count):
        part = make_part(
            category="completed" if number % 2 else "cnc",
            name="Hub" if number % 3 else "Plate",
            assigned=("", "Kim", "ZOË")[number % 3],
        )
        changes = {"assigned": ["Sam", "Zoë"]}
        PartEvent.objects.create(part=part, verb=Verb.ASSIGNED, changes=changes)


# --- Written meanwhile ----------------------------------------------------------


@hypothesis.settings(max_examples=10)
@hypothesis.given(st.lists(steps, min_size=8, max_size=14))
def test_whatever_is_done_between_two_steps_is_counted_once(todo):
    with transaction.atomic():
        for number, is_archived in ((1, False), (2, True)):
            Season.objects.create(name=str(number), archived=is_archived)
        make_shop(7)

        def take_next(number):
            for step, *told in todo[2 * number : 2 * number + 2]:
                getattr(Doer(), step)(*told)

        with few_at_a_time(take_next, count=3):
            assert kept.recount() == 0
        check()
        check_search()
        for step, *told in todo:
            getattr(Doer(), step)(*told)
        check()
        check_search()
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_who_writes_elsewhere_between_two_steps_is_counted_once():
    make_shop(12)

    def write(number: int) -> None:
        first, last = Part.objects.earliest("pk"), Part.objects.latest("pk")
        make_part(name="Straße", category="completed", assigned=f"Kim {number}")
        Part.objects.update(amount=F("amount") + 1, subsystem=f"Größe {number}")
        for part in (first, last):
            part.refresh_from_db()
            if part.category == "cnc":
                workflow.complete(part, actor=None, storage="Shelf")
            else:
                workflow.revert(part, actor=None)
        told = PartEvent.objects.filter(verb=Verb.ASSIGNED)
        told.filter(part=first).update(part=last)
        told.create(part=first, verb=Verb.ASSIGNED, changes={"assigned": ["", "Ada"]})
        told.latest("pk").delete()
        if number % 3 == 0:  # a counted one and one that is not
            Part.objects.all()[1].delete()
            Part.objects.order_by("pk")[1].delete()

    with few_at_a_time(lambda number: in_another_connection(lambda: write(number))) as (
        done
    ):
        assert kept.recount() == 0
    assert len(done) > 8
    assert kept.is_whole(connection)
    check()
    check_search()
    write(0)
    check()
    check_search()
    assert kept.recount() == 0


def test_no_transaction_counts_more_than_a_few_parts():
    make_shop(11)
    with few_at_a_time() as done:
        kept.recount()
    set_aside = making.sql_of(connection).SET_ASIDE
    # The last one that counts does the eleventh part.
    assert len(done) == 1 + 5 + 1 + len(set_aside)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="sets nothing aside")
@pytest.mark.django_db(transaction=True)
def test_what_a_killed_one_has_set_aside_is_dropped_by_what_tidies():
    make_shop(1)

    def kill(at: int) -> None:
        if at == 2:  # after its beginning and its end
            raise Killed

    with few_at_a_time(kill), pytest.raises(Killed):
        kept.recount()
    assert kept.is_whole(connection)
    aside = {*making.sql_of(connection).SET_ASIDE.values()}
    assert aside < {*connection.introspection.table_names()}
    kept.tidy()
    assert not aside & {*connection.introspection.table_names()}
    check_search()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_making_that_was_killed_leaves_what_stood_and_is_made_again(number):
    make_shop(7)

    def kill(at: int) -> None:
        make_part(category="completed", assigned="Kim")
        if at == number:
            raise Killed

    with few_at_a_time(kill), pytest.raises(Killed):
        kept.recount()
    check()
    assert not kept.is_whole(connection)  # its triggers are a burden to who writes
    make_shop(2)
    call_command("migrate", verbosity=0)
    assert kept.is_whole(connection)
    check()
    check_search()


@pytest.mark.django_db(transaction=True)
def test_who_reads_meanwhile_sees_what_is_right():
    make_shop(9)

    def read(number: int) -> None:
        make_part(category="completed", assigned="Kim", storage_location="Shelf")
        check()
        check_search()

    with few_at_a_time(lambda number: in_another_connection(lambda: read(number))):
        kept.recount()


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL has one piece.")
def test_the_index_is_put_in_one_piece(monkeypatch):
    monkeypatch.setattr(making, "_PAGES", 1)
    with few_at_a_time():
        kept.recount()
    for number in range(6):  # pages full of three letters each
        notes = "".join(sha256(f"{number} {n}".encode()).hexdigest() for n in range(60))
        make_part(name="Hub", notes=notes)
        kept.catch_up()
    kept.tidy()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT segid) FROM parts_found_idx")
        assert cursor.fetchone() == (1,)
    check_search()


# --- Locks ----------------------------------------------------------------------


@_only_postgresql
@pytest.mark.django_db(transaction=True)
def test_who_waits_for_a_long_transaction_keeps_nobody_else_out():
    make_shop(3)
    is_written, may_end = threading.Event(), threading.Event()

    def write_long() -> None:
        with transaction.atomic():
            make_part(category="cnc")
            is_written.set()
            assert may_end.wait(timeout=20)
        connection.close()

    def recount() -> int:
        try:
            return kept.recount()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        long = pool.submit(write_long)
        assert is_written.wait(timeout=10)
        making_it = pool.submit(recount)
        for _ in range(10):
            in_another_connection(lambda: make_part(category="cnc"))
        assert not making_it.done()
        may_end.set()
        long.result(timeout=20)
        assert making_it.result(timeout=20) == 0
    check()


@_only_postgresql
@pytest.mark.django_db(transaction=True)
def test_who_writes_by_what_was_read_long_before_fails_and_is_not_miscounted():
    make_shop(5)
    tried = []

    def write_late() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            Part.objects.count()
            in_main.set()
            assert may_write.wait(timeout=20)
            Part.objects.update(amount=F("amount") + 1)

    def write() -> None:
        try:
            write_late()
        finally:
            connection.close()

    in_main, may_write = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as pool:

        def between(number: int) -> None:
            if number == 1:
                tried.append(pool.submit(write))
                assert in_main.wait(timeout=10)
            elif number == 2:
                may_write.set()
                with pytest.raises(OperationalError, match="could not serialize"):
                    tried[0].result(timeout=10)

        with few_at_a_time(between):
            kept.recount()
    check()


@_only_postgresql
def test_what_comes_after_it_in_a_transaction_waits_as_long_as_ever():
    kept.recount()
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)

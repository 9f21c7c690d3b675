"""Cursors without Django's layers do all that those do."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import (
    DatabaseError,
    IntegrityError,
    OperationalError,
    connection,
    transaction,
)
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from partsite.sqlite.cursors import DirectCursor
from tests.factories import make_part

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's engine"),
]
_THREE = "SELECT 1 UNION SELECT 2 UNION SELECT 3"
# Its first row is there, its second is what cannot be reckoned.
_BREAKS_LATER = "SELECT abs(n) FROM (SELECT 1 AS n UNION SELECT -9223372036854775808)"


def _cursor() -> DirectCursor:
    cursor = connection.cursor()
    assert isinstance(cursor, DirectCursor)
    return cursor


READS = {
    "fetchall": lambda cursor: cursor.fetchall(),
    "fetchmany": lambda cursor: [*cursor.fetchmany(2), *cursor.fetchmany()],
    "fetchone": lambda cursor: [cursor.fetchone() for _ in range(3)],
    "iteration": list,
}


@pytest.mark.parametrize("read", READS)
def test_rows_are_read(read):
    assert READS[read](_cursor().execute(_THREE)) == [(1,), (2,), (3,)]


def test_many_are_written():
    part = make_part()
    sql = "UPDATE parts SET notes = notes || %s WHERE id = %s"
    with _cursor() as cursor:
        cursor.executemany(sql, [["a", part.pk], ["b", part.pk]])
        assert cursor.rowcount == 2
    part.refresh_from_db()
    assert part.notes == "ab"


WRONG = {
    "words": (OperationalError, lambda cursor: cursor.execute("SELEKT 1")),
    "values": (DatabaseError, lambda cursor: cursor.execute("SELECT %s", [1, 2])),
    "many": (OperationalError, lambda cursor: cursor.executemany("SELEKT 1", [[]])),
    **{
        read: (
            OperationalError,
            lambda cursor, read=read: READS[read](cursor.execute(_BREAKS_LATER)),
        )
        for read in READS
    },
}


@pytest.mark.parametrize("what", WRONG)
def test_errors_have_the_names_that_django_gives_them(what):
    kind, ask = WRONG[what]
    with pytest.raises(kind) as told:
        ask(_cursor())
    assert isinstance(told.value.__cause__, sqlite3.Error)
    assert connection.errors_occurred


def test_what_is_refused_leaves_the_connection_usable():
    first, second = make_part(code="A"), make_part(code="B")
    connection.errors_occurred = False
    sql = "UPDATE parts SET id = %s WHERE id = %s"
    with pytest.raises(IntegrityError):
        _cursor().execute(sql, [first.pk, second.pk])
    assert not connection.errors_occurred


@pytest.mark.parametrize("run", ["execute", "executemany"])
def test_in_a_broken_transaction_nothing_is_asked(run):
    with transaction.atomic():
        transaction.set_rollback(True)
        ask = getattr(_cursor(), run)
        with pytest.raises(TransactionManagementError):
            ask("SELECT 1", [])


def test_it_is_closed_behind_its_block():
    with _cursor() as cursor:
        cursor.execute("SELECT 1")
    with pytest.raises(DatabaseError, match="closed cursor"):
        cursor.execute("SELECT 1")


def test_whoever_watches_statements_sees_them():
    seen = []

    def watch(execute, sql, params, many, context):
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    with CaptureQueriesContext(connection) as queries, connection.cursor() as cursor:
        cursor.execute("SELECT 2")
    assert seen == ["SELECT 1"]
    assert [query["sql"] for query in queries] == ["SELECT 2"]


def test_while_the_site_begins_django_sees_who_asks(monkeypatch):
    own = connection.cursor().db
    monkeypatch.setattr("partsite.sqlite.base.apps.ready", False)
    assert not isinstance(own.cursor(), DirectCursor)


def test_where_statements_are_logged_they_are(settings):
    settings.DEBUG = True
    own = connection.copy()
    own.ensure_connection()
    try:
        own.cursor().execute("SELECT 1")
        assert [query["sql"] for query in own.queries][-1] == "SELECT 1"
    finally:
        own.close()


def test_another_thread_gets_none():
    own = connection.cursor().db
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(own.cursor)
    with pytest.raises(DatabaseError, match="can only be used in that same thread"):
        future.result()


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_broke_is_looked_at_before_it_is_used(monkeypatch):
    own = connection.cursor().db
    asked = []
    monkeypatch.setattr(own, "health_check_enabled", True)
    monkeypatch.setattr(own, "health_check_done", False)
    monkeypatch.setattr(own, "is_usable", lambda: asked.append(1) or True)
    for _ in range(2):
        connection.cursor().execute("SELECT 1")
    assert asked == [1]

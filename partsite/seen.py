"""Which state of the database a statement sees, so that answers need no making anew.

Two statements that see the same state find the same rows, whoever has written
meanwhile and however: a page, a script, the worker, another program. Both databases
know it by themselves and tell it as a column of any statement, for next to nothing.
"""

import sqlite3
import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import wraps
from itertools import chain
from sys import getsizeof
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

State = Hashable | None


class Seen(models.Func):
    """The column.

    SQLite counts the commits of all others (sqlite.org/pragma.html, data_version);
    PostgreSQL names all transactions that a statement sees the work of
    (pg_current_snapshot, since 13).
    """

    arity = 0
    output_field = models.TextField()
    template = "(SELECT data_version FROM pragma_data_version)"

    def as_postgresql(self, compiler, connection, **kwargs) -> tuple[str, list]:
        template = "PG_CURRENT_SNAPSHOT()::text"
        return self.as_sql(compiler, connection, template=template)


def state_of(connection: BaseDatabaseWrapper, seen: Any) -> State:
    """Return what tells apart the states that ``connection`` has seen.

    None in a transaction: what is seen there may never become true.
    """
    if connection.in_atomic_block or connection.connection is None:
        return None
    if connection.vendor == "sqlite":
        # It counts for each connection, from 1 on, and leaves out its own commits.
        own = connection.connection
        return (own, seen, own.total_changes)
    return seen


def glance(connection: BaseDatabaseWrapper) -> State:
    """Return the state that a statement would see now, as ``state_of`` does.

    None where that takes as long as a statement. SQLite is asked beneath Django, which
    takes longer to pass on a question than SQLite to answer it.
    """
    own = connection.connection
    if connection.vendor != "sqlite" or own is None:
        return None
    try:
        (seen,) = own.execute("PRAGMA data_version").fetchone()
    except sqlite3.Error:
        return None  # a statement will say what is wrong
    return state_of(connection, seen)


class Memory(threading.local):
    """What a thread found in the state of the database that it saw last.

    It is given to many: nobody may change it. What is too much goes, all at once:
    ``settings.REMEMBERED_BYTES``.
    """

    def __init__(self) -> None:
        self._state: State = None
        self._found: dict[Hashable, Any] = {}
        self._bytes = 0

    def find(self, question: Hashable, state: State) -> Any | None:
        """Return what was found in this state, None if nothing is known of it."""
        return self._found.get(question) if state == self._state else None

    def keep(
        self, question: Hashable, found: Any, size_bytes: int, state: State
    ) -> None:
        """Keep what was read after ``state`` had been seen, unless that is None."""
        most = settings.REMEMBERED_BYTES
        if state is None or size_bytes > most:
            return
        if state != self._state or self._bytes + size_bytes > most:
            self._state, self._found, self._bytes = state, {}, 0
        self._found[question] = found
        self._bytes += size_bytes


memory = Memory()


def bytes_of(rows: Iterable[tuple]) -> int:
    """Return about how much memory rows take."""
    return sum(map(getsizeof, chain.from_iterable(rows)))


# --- Pages ------------------------------------------------------------------------


class _Reading(threading.local):
    """What a page that only reads sees, while it is made."""

    state: State = None


_reading = _Reading()


def only_reading(view: Callable) -> Callable:
    """Have a view find what was found before in the state that it begins in.

    Whatever it asks ``rows_of`` for; it must write nothing.
    """

    @wraps(view)
    def read(*args, **kwargs):
        _reading.state = _look(connections[DEFAULT_DB_ALIAS])
        try:
            return view(*args, **kwargs)
        finally:
            _reading.state = None

    return read


def rows_of(
    connection: BaseDatabaseWrapper,
    sql: str,
    values: Sequence,
    make: Callable[[list[tuple]], Any] | None = None,
) -> Any:
    """Return the rows of a statement, or what ``make`` makes of them.

    What a page ``only_reading`` gets is also others': nobody may change it.
    """
    if (state := _reading.state) is None:
        rows = _fetched(connection, sql, values)
        return make(rows) if make else rows
    question = (sql, make, *(tuple(v) if type(v) is list else v for v in values))
    if (found := memory.find(question, state)) is None:
        rows = _fetched(connection, sql, values)
        found = make(rows) if make else rows
        memory.keep(question, found, bytes_of(rows), state)
    return found


def _fetched(
    connection: BaseDatabaseWrapper, sql: str, values: Sequence
) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def _look(connection: BaseDatabaseWrapper) -> State:
    if not settings.REMEMBERED_BYTES:
        return None
    if connection.vendor == "sqlite" or connection.in_atomic_block:
        return glance(connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT PG_CURRENT_SNAPSHOT()::text")
        return state_of(connection, cursor.fetchone()[0])

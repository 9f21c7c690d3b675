"""Making anew what the database keeps, while others write.

It is made under other names beside what stands, some parts at a time. Each time
nobody can write for a moment; between two, triggers count what is written of those
parts that are counted already. At the end it takes the place of what stands.
"""

import time
from collections.abc import Callable, Collection
from importlib import import_module
from types import ModuleType
from typing import Any

from django.db import DatabaseError, OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from .sums import BESIDE, UPTO, beside

# For how long nobody can write at a time, or not much longer.
_AIM_SECONDS = 0.2
_FEWEST, _FIRST, _MOST = 50, 1000, 20_000  # parts at a time
_PAUSE_SECONDS = 0.02  # in which who waits for SQLite's lock looks for it
_BEFORE_TRYING_AGAIN_SECONDS = 0.5
_PATIENCE_SECONDS = 600
_PAGES = 500  # of SQLite's index that are put together at a time
# Somebody else holds a lock, or a deadlock was met.
_BUSY = {"55P03", "40P01", "SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT"}

_BEFORE_THE_FIRST = """INSERT INTO parts_kept SELECT %s, before, before
FROM (SELECT coalesce(min(id), 1) - 1 AS before FROM parts) AS part"""


def make(connection: BaseDatabaseWrapper, tag: str) -> int:
    """Make everything anew; return how many sums were wrong.

    Args:
        tag: what it is made of; sums made of something else are all taken for wrong.
    """
    making = Making(connection, tag)
    making.begin()
    making.go_on()
    making.put_in_order()
    making.go_on()  # with what has come since
    wrong = making.finish()
    clear(connection)
    return wrong


def pause() -> None:
    time.sleep(_PAUSE_SECONDS)


class Making:
    """One making, whose steps are transactions of their own."""

    def __init__(self, connection: BaseDatabaseWrapper, tag: str) -> None:
        self._connection = connection
        self._sql = sql_of(connection)
        self._tag = tag
        self._indexes = [] if extend(connection) else self._sql.SEARCH_INDEXES
        self._rows = _FIRST

    def begin(self) -> None:
        """Make the tables and triggers, with nothing in them."""

        def do(cursor) -> None:
            # What was killed has left them behind.
            remove(self._connection, cursor, beside)
            run(cursor, *map(beside, self._sql.TABLES))
            cursor.execute(beside(_BEFORE_THE_FIRST), [self._tag])
            run(cursor, *map(beside, self._indexes), *map(beside, self._sql.GUARDED))

        alone(self._connection, do, self._sql.LOCK_OUT)

    def go_on(self) -> None:
        """Count parts, until only few are left."""
        while self.has_many_left():
            self.step()
            pause()

    def has_many_left(self) -> bool:
        """Return whether there is more than can be counted at a time."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                beside(
                    "SELECT count(*) FROM (SELECT id FROM parts "
                    f"WHERE id > {UPTO} LIMIT %s) AS part"
                ),
                [self._rows],
            )
            return cursor.fetchone()[0] == self._rows

    def step(self) -> None:
        """Count some parts."""

        def do(cursor) -> None:
            began = time.monotonic()
            self._count(
                cursor,
                "SELECT id FROM parts WHERE id > upto ORDER BY id "
                f"LIMIT 1 OFFSET {self._rows - 1}",
            )
            took = time.monotonic() - began
            fits = int(self._rows * min(_AIM_SECONDS / max(took, 0.001), 2))
            self._rows = max(_FEWEST, min(fits, _MOST))

        alone(self._connection, do, self._sql.LOCK)

    def put_in_order(self) -> None:
        """Do what makes reads faster, now that all is there."""
        put_together(self._connection, beside)
        with self._connection.cursor() as cursor:
            run(cursor, *map(beside, self._sql.FILLED))

    def finish(self) -> int:
        """Count the rest, and take the place of what stands."""

        def do(cursor) -> int:
            self._count(cursor, "SELECT max(id) FROM parts")
            before = set()
            if made_of(self._connection, cursor) == self._tag:
                before = sums(self._connection, cursor)
            remove(self._connection, cursor, spared=self._sql.SET_ASIDE)
            run(cursor, *self._sql.renaming(cursor), *self._sql.LAST)
            # A wrong sum is there twice, before and after.
            wrong = before ^ sums(self._connection, cursor)
            return len({row[:2] for row in wrong})

        return alone(self._connection, do, self._sql.LOCK_OUT)

    def _count(self, cursor, last: str) -> None:
        """Count the parts up to the one whose id ``last`` selects."""
        run(
            cursor,
            beside(f"UPDATE parts_kept SET goal = coalesce(({last}), upto)"),
            *map(beside, self._sql.FILL),
            beside("UPDATE parts_kept SET upto = goal"),
        )


# --- What there is ------------------------------------------------------------


def sql_of(connection: BaseDatabaseWrapper) -> ModuleType:
    # Only who migrates needs it, so no web process spends time on it.
    return import_module(f"{__package__}.{connection.vendor}")


def made_of(connection: BaseDatabaseWrapper, cursor) -> str | None:
    """Return the tag of what stands; None if nothing does."""
    if "parts_kept" not in connection.introspection.table_names(cursor):
        return None
    cursor.execute("SELECT made_of FROM parts_kept")
    return cursor.fetchone()[0]


def standing(connection: BaseDatabaseWrapper, cursor) -> set[str]:
    """Return the names of our triggers that are there."""
    cursor.execute(sql_of(connection).STANDING)
    return {name for (name,) in cursor.fetchall()}


def extend(connection: BaseDatabaseWrapper) -> str:
    """Add what the index of the search needs; return why it could not be."""
    sql = sql_of(connection)
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            run(cursor, *sql.EXTENSION)
    except DatabaseError as error:
        return str(error).partition("\n")[0]
    return ""


def is_indexed(connection: BaseDatabaseWrapper) -> bool:
    """Return whether the index of the search is there."""
    with connection.cursor() as cursor:
        cursor.execute(sql_of(connection).INDEXED)
        return bool(cursor.fetchone()[0])


def put_together(
    connection: BaseDatabaseWrapper, named: Callable[[str], str] = str
) -> None:
    """Merge what the search's index of SQLite is in, a piece at a time."""
    for index in map(named, sql_of(connection).MERGED):
        pages = -_PAGES  # all of it, which the next ones go on with
        while True:
            with transaction.atomic(using=connection.alias):
                before = connection.connection.total_changes
                with connection.cursor() as cursor:
                    cursor.execute(
                        f"INSERT INTO {index} ({index}, rank) VALUES ('merge', %s)",
                        [pages],
                    )
                if connection.connection.total_changes - before < 2:  # that alone
                    break
            pages = _PAGES
            pause()


def sums(connection: BaseDatabaseWrapper, cursor) -> set[tuple]:
    """Return table, keys and measures of every sum that is not 0."""
    found: set[tuple] = set()
    there = set(connection.introspection.table_names(cursor))
    for kept in sql_of(connection).SUMS:
        if kept.table not in there:
            continue
        keys = ", ".join(kept.keys)
        cursor.execute(
            f"SELECT {keys}, {', '.join(f'sum({m})' for m in kept.measures)} "
            f"FROM {kept.table} GROUP BY {keys} HAVING sum(parts) <> 0"
        )
        count = len(kept.keys)
        found |= {(kept.table, row[:count], row[count:]) for row in cursor.fetchall()}
    return found


def remove(
    connection: BaseDatabaseWrapper,
    cursor,
    named: Callable[[str], str] = str,
    spared: Collection[str] = (),
) -> None:
    """Take away all that is there under its names, or those ``beside``."""
    sql = sql_of(connection)
    is_beside = named is beside
    triggers = {
        name
        for name in standing(connection, cursor)
        if name.startswith(BESIDE) == is_beside
    }
    tables = [name for name in sql.NAMES if name not in spared]
    run(
        cursor,
        *sql.removal(triggers, named),
        *map(_dropping, map(named, tables)),
        *map(_dropping, sql.SET_ASIDE.values()),
    )


def clear(connection: BaseDatabaseWrapper) -> None:
    """Drop what was set aside: that takes as long as all else at the end."""
    for table in sql_of(connection).SET_ASIDE.values():

        def do(cursor, table=table) -> None:
            run(cursor, _dropping(table))

        alone(connection, do, sql_of(connection).LOCK_AS_NEEDED)


def _dropping(table: str) -> str:
    return f"DROP TABLE IF EXISTS {table}"


# --- A moment alone -----------------------------------------------------------


def alone(
    connection: BaseDatabaseWrapper, do: Callable[[Any], Any], lock: list[str]
) -> Any:
    """Do something in a transaction while nobody writes; return what it returns.

    Args:
        lock: what keeps others out; who holds it is waited for, with pauses in
            which nobody else has to wait.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            with transaction.atomic(connection.alias), connection.cursor() as cursor:
                run(cursor, *lock)
                found = do(cursor)
                # All this may be a part of somebody else's transaction.
                run(cursor, *sql_of(connection).AS_EVER)
                return found
        except OperationalError as error:
            cause = error.__cause__
            code = getattr(cause, "sqlstate", getattr(cause, "sqlite_errorname", None))
            if code not in _BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_BEFORE_TRYING_AGAIN_SECONDS)


def run(cursor, *statements: str) -> None:
    for statement in statements:
        cursor.execute(statement)

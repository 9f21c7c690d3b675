"""Which state of the database a statement sees, so that answers need no making anew.

Two statements that see the same state find the same rows, whoever has written
meanwhile and however: a page, a script, the worker, another program. Both databases
know it by themselves and tell it as a column of any statement, for next to nothing.
"""

import sqlite3
from collections.abc import Hashable
from typing import Any

from django.db import models
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

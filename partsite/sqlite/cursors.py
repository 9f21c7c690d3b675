"""Cursors of SQLite that cost little beside what SQLite does."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Self

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3 import base

_LONGEST = 20_000  # characters; what is longer is a list of ids, and never the same


class Cursor(base.SQLiteCursorWrapper):
    """Remembers what statements are called in SQLite's own words.

    Django looks for every ``%s`` of every statement anew: that takes 0.05 ms for a
    part's columns, more than SQLite needs to find the part (measured).
    """

    def convert_query(
        self, query: str, *, param_names: Sequence[str] | None = None
    ) -> str:
        if param_names is None and len(query) <= _LONGEST:
            return _converted(query)
        return super().convert_query(query, param_names=param_names)


class DirectCursor(Cursor):
    """Does in one call what takes Django's layers of cursors a dozen.

    Those run whatever watches statements, look for a broken transaction, and give the
    driver's errors Django's names. Here nobody watches.
    """

    db: BaseDatabaseWrapper

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, *error: object) -> None:
        if kind is None:
            self.close()
            return
        with suppress(sqlite3.Error):  # the first error says more
            self.close()

    def execute(self, query: str, params: Any = None) -> Self:
        if self.db.needs_rollback:
            self.db.validate_no_broken_transaction()
        try:
            return super().execute(query, params)
        except sqlite3.Error:
            with self.db.wrap_database_errors:
                raise

    def executemany(self, query: str, param_list: Iterable) -> Self:
        self.db.validate_no_broken_transaction()
        with self.db.wrap_database_errors:
            return super().executemany(query, param_list)

    def fetchone(self) -> Any:
        try:
            return super().fetchone()
        except sqlite3.Error:
            with self.db.wrap_database_errors:
                raise

    def fetchmany(self, *size: int) -> list:
        try:
            return super().fetchmany(*size)
        except sqlite3.Error:
            with self.db.wrap_database_errors:
                raise

    def fetchall(self) -> list:
        try:
            return super().fetchall()
        except sqlite3.Error:
            with self.db.wrap_database_errors:
                raise

    def __iter__(self) -> Iterator:
        with self.db.wrap_database_errors:
            yield from iter(super().fetchone, None)


@lru_cache(maxsize=500)
def _converted(query: str) -> str:
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")

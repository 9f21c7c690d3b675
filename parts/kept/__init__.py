"""What the database itself keeps of the parts: sums that no read has to count.

They are like an index: made from the tables of the models, right at every moment
since triggers see all that is written (pages, API, admin, ``loaddata``, bulk and
raw SQL), and made anew whenever they are missing. So they are no models: nobody
writes them, and no dump holds them.

The triggers are no part of a migration either. SQLite changes a table by copying
it, and drops its triggers without a word, so they are put back after every
``migrate`` that has done anything, and taken off before.
"""

from hashlib import sha256
from importlib import import_module
from types import ModuleType
from typing import Any

from django.apps import AppConfig
from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.models.signals import post_migrate, pre_migrate

_MADE_OF = "parts_kept"


def register(config: AppConfig) -> None:
    """Keep the triggers away from migrations, and whole after them."""
    pre_migrate.connect(_before, sender=config, dispatch_uid="parts_kept")
    post_migrate.connect(_after, sender=config, dispatch_uid="parts_kept")


def recount(using: str = "default") -> int:
    """Make everything anew, whatever there is; return how many sums were wrong."""
    connection = connections[using]
    with transaction.atomic(using=using):
        before = _sums(connection)
        remove(connection)
        _make(connection)
        wrong = before ^ _sums(connection)
    _index(connection)
    # A wrong sum is there twice, before and after.
    return len({row[:2] for row in wrong})


def tidy() -> None:
    """Leave out the sums that became 0, and put the search's index in one piece."""
    with connections["default"].cursor() as cursor:
        for statement in _sql_of(connections["default"]).TIDY:
            cursor.execute(statement)


def is_whole(connection: BaseDatabaseWrapper) -> bool:
    """Return whether everything is there, made of the SQL that stands here."""
    sql = _sql_of(connection)
    with connection.cursor() as cursor:
        if _MADE_OF not in connection.introspection.table_names(cursor):
            return False
        cursor.execute(f"SELECT made_of FROM {_MADE_OF}")
        return cursor.fetchall() == [(_tag(sql),)] and _standing(
            connection, cursor
        ) == set(sql.TRIGGERS)


def remove(connection: BaseDatabaseWrapper) -> None:
    sql = _sql_of(connection)
    with connection.cursor() as cursor:
        for statement in sql.removal(_standing(connection, cursor)):
            cursor.execute(statement)
        for table in (*sql.NAMES, _MADE_OF):
            cursor.execute(f"DROP TABLE IF EXISTS {table}")


def _make(connection: BaseDatabaseWrapper) -> None:
    sql = _sql_of(connection)
    with connection.cursor() as cursor:
        for statement in (
            *sql.LOCK,
            *sql.TABLES,
            *sql.FILL,
            *sql.TRIGGERS.values(),
            f"CREATE TABLE {_MADE_OF} (made_of varchar(64) NOT NULL)",
        ):
            cursor.execute(statement)
        cursor.execute(f"INSERT INTO {_MADE_OF} VALUES (%s)", [_tag(sql)])


def _sums(connection: BaseDatabaseWrapper) -> set[tuple]:
    """Return table, keys and measures of every sum that is not 0."""
    found: set[tuple] = set()
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
        for kept in _sql_of(connection).SUMS:
            if kept.table not in there:
                continue
            keys = ", ".join(kept.keys)
            cursor.execute(
                f"SELECT {keys}, {', '.join(f'sum({m})' for m in kept.measures)} "
                f"FROM {kept.table} GROUP BY {keys} HAVING sum(parts) <> 0"
            )
            count = len(kept.keys)
            rows = cursor.fetchall()
            found |= {(kept.table, row[:count], row[count:]) for row in rows}
    return found


def _before(using: str, plan: list, **kwargs) -> None:
    # A table that is renamed must not be named in a trigger of another.
    is_ours = any(migration.app_label == "parts" for migration, _backwards in plan)
    if is_ours and connections[using].vendor == "sqlite":
        with transaction.atomic(using=using):
            remove(connections[using])


def _after(using: str, stdout: Any = None, **kwargs) -> None:
    connection = connections[using]
    if not _is_migrated(connection):  # on the way to an older state, say
        with transaction.atomic(using=using):
            remove(connection)
        return
    if not is_whole(connection):
        recount(using)
    if (told := _index(connection)) and stdout:
        stdout.write(told)


def _index(connection: BaseDatabaseWrapper) -> str:
    """Index the search, if it is not; return why it could not be."""
    sql = _sql_of(connection)
    if connection.vendor == "sqlite":  # its tables of the search are the index
        return ""
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            for statement in (sql.EXTENSION, *sql.INDEXES):
                cursor.execute(statement)
    except DatabaseError as error:
        why = str(error).partition("\n")[0]
        return (
            f"The search reads every part, since pg_trgm cannot be added ({why}). "
            "Let the database's owner run CREATE EXTENSION pg_trgm, then migrate again."
        )
    return ""


def _is_migrated(connection: BaseDatabaseWrapper) -> bool:
    loader = MigrationLoader(connection)
    wanted = loader.graph.leaf_nodes("parts")
    if not wanted:  # tests may do without migrations
        return "parts" in connection.introspection.table_names()
    return all(node in loader.applied_migrations for node in wanted)


def _standing(connection: BaseDatabaseWrapper, cursor) -> set[str]:
    """Return the names of our triggers that are there."""
    cursor.execute(_sql_of(connection).STANDING)
    return {name for (name,) in cursor.fetchall()}


def _sql_of(connection: BaseDatabaseWrapper) -> ModuleType:
    # Only who migrates needs it, so no web process spends time on it.
    return import_module(f"{__name__}.{connection.vendor}")


def _tag(sql: ModuleType) -> str:
    made_of = [*sql.TABLES, *sql.FILL, *sql.TRIGGERS.values()]
    return sha256("\n".join(made_of).encode()).hexdigest()

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
from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.models.signals import post_migrate, pre_migrate

from partsite import locks

from . import making
from .sums import beside

_PATIENCE_SECONDS = 3600
_WATCHED = {"parts", "accounts"}  # apps with triggers on their tables


def register(config: AppConfig) -> None:
    """Keep the triggers away from migrations, and whole after them."""
    pre_migrate.connect(_before, sender=config, dispatch_uid="parts_kept")
    post_migrate.connect(_after, sender=config, dispatch_uid="parts_kept")


def recount(using: str = "default") -> int:
    """Make everything anew, whatever there is; return how many sums were wrong.

    Others may write meanwhile. Of several at once one goes after the other.
    """
    with locks.exclusive("recount", wait_seconds=_PATIENCE_SECONDS):
        return making.make(connections[using], _tag(connections[using]))


def tidy() -> None:
    """Leave out the sums that became 0, and put the search's index in one piece."""
    connection = connections["default"]
    with connection.cursor() as cursor:
        making.run(cursor, *making.sql_of(connection).TIDY)
    catch_up()
    making.put_together(connection)
    making.clear(connection)  # of one that was killed


def catch_up() -> None:
    """Have the search's index hold what is kept beside it so far."""
    connection = connections["default"]
    with connection.cursor() as cursor:
        making.run(cursor, *making.sql_of(connection).CATCH_UP)


def is_whole(connection: BaseDatabaseWrapper) -> bool:
    """Return whether everything is there, made of the SQL that stands here."""
    with connection.cursor() as cursor:
        return making.made_of(connection, cursor) == _tag(
            connection
        ) and making.standing(connection, cursor) == set(
            making.sql_of(connection).TRIGGERS
        )


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take away all that is kept."""

    def do(cursor) -> None:
        making.remove(connection, cursor, beside)
        making.remove(connection, cursor)

    making.alone(connection, do, making.sql_of(connection).LOCK_AS_NEEDED)


def _before(using: str, plan: list, **kwargs) -> None:
    # A table that is renamed must not be named in a trigger of another.
    is_ours = any(migration.app_label in _WATCHED for migration, _backwards in plan)
    if is_ours and connections[using].vendor == "sqlite":
        remove(connections[using])


def _after(using: str, stdout: Any = None, **kwargs) -> None:
    connection = connections[using]
    if not _is_migrated(connection):  # on the way to an older state, say
        remove(connection)
        return
    why = making.extend(connection)
    if not is_whole(connection) or not (why or making.is_indexed(connection)):
        recount(using)
    if why and stdout:
        stdout.write(
            f"The search reads every part, since pg_trgm cannot be added ({why}). "
            "Let the database's owner run CREATE EXTENSION pg_trgm, then migrate again."
        )


def _is_migrated(connection: BaseDatabaseWrapper) -> bool:
    loader = MigrationLoader(connection)
    wanted = loader.graph.leaf_nodes("parts")
    if not wanted:  # tests may do without migrations
        return "parts" in connection.introspection.table_names()
    return all(node in loader.applied_migrations for node in wanted)


def _tag(connection: BaseDatabaseWrapper) -> str:
    sql = making.sql_of(connection)
    made_of = [*sql.TABLES, *sql.FILL, *sql.LAST]
    return sha256("\n".join(made_of).encode()).hexdigest()

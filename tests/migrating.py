"""Databases beside the one of the tests, that are migrated one step at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.db.utils import ConnectionHandler

OURS = ("accounts", "backups", "parts")
# Those that have 100 000 rows and more in a shop that has been here for long.
LARGE = ("parts", "parts_partevent", "parts_partfile")
BESIDE = "beside"
# When it is applied there are no parts yet.
FIRST = ("parts", "0001_initial")


@contextmanager
def empty(**settings: Any) -> Iterator:
    database = ConnectionHandler({"default": {}, BESIDE: settings})[BESIDE]
    connections[BESIDE] = database  # where a transaction looks for it
    try:
        yield database
    finally:
        # Django leaves one in memory open.
        BaseDatabaseWrapper.close(database)
        del connections[BESIDE]


def migrate(database) -> Iterator[tuple[tuple[str, str], list[str]]]:
    """Apply what is ours; yield the name of each migration and its statements."""
    loader = MigrationLoader(None)
    leaves = [node for node in loader.graph.leaf_nodes() if node[0] in OURS]
    state = ProjectState()
    for node in loader.graph._generate_plan(leaves, at_end=True):
        migration = loader.get_migration(*node)
        said: list[str] = []

        def note(execute, sql, *rest, said=said):
            said.append(str(sql))
            return execute(sql, *rest)

        with (
            database.execute_wrapper(note),
            database.schema_editor(atomic=migration.atomic) as editor,
        ):
            state = migration.apply(state, editor)
        yield node, said


def run(database, sql: str) -> list[tuple]:
    with database.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []

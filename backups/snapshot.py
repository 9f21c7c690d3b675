"""The database at one moment, to be read while others write on.

On SQLite that is a copy by its online backup, which waits for nobody and holds
nobody up. On PostgreSQL it is a transaction that sees what stood when it began, and
``pg_dump`` is given the very same one.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.client import DatabaseClient

from partsite import locks

from .archive import NATIVE
from .errors import BackupError

ALIAS = "snapshot"


@dataclass(frozen=True)
class Snapshot:
    """``native`` is the database in its engine's own form, if there is one."""

    connection: BaseDatabaseWrapper
    native: Path | None
    warnings: list[str] = field(default_factory=list)


@contextmanager
def taken(folder: Path) -> Iterator[Snapshot]:
    """Take a snapshot; what it has to write goes into ``folder``.

    Raises:
        BackupError: SQLite says that the database is damaged.
    """
    is_postgres = connection.vendor == "postgresql"
    with (_of_postgresql if is_postgres else _of_sqlite)(folder) as snapshot:
        yield snapshot


@contextmanager
def _of_sqlite(folder: Path) -> Iterator[Snapshot]:
    copy = folder / NATIVE["sqlite"]
    with (
        closing(sqlite3.connect(connection.settings_dict["NAME"])) as source,
        closing(sqlite3.connect(copy, isolation_level=None)) as target,
    ):
        # In one step: with several, each write of another process begins it anew.
        source.backup(target)
        # One file, without the -wal beside it that a copy would lack.
        target.execute("PRAGMA journal_mode = DELETE")
        found = target.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise BackupError(
            f"SQLite says that the database is damaged: {found}. "
            "docs/operate.md says what to do."
        )
    with _second_connection(NAME=str(copy), OPTIONS={}) as snapshot:
        yield Snapshot(snapshot, copy)


@contextmanager
def _of_postgresql(folder: Path) -> Iterator[Snapshot]:
    options = dict(connection.settings_dict["OPTIONS"])
    options.pop("pool", None)
    with (
        _second_connection(OPTIONS=options) as snapshot,
        transaction.atomic(using=ALIAS),
    ):
        locks.allow_idling(snapshot)  # while pg_dump reads
        with snapshot.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            name = cursor.fetchone()[0]
        native = folder / NATIVE["postgresql"]
        if warning := _dump(snapshot, name, native):
            yield Snapshot(snapshot, None, [warning])
        else:
            yield Snapshot(snapshot, native)


@contextmanager
def _second_connection(**changed: object) -> Iterator[BaseDatabaseWrapper]:
    second = connection.copy(ALIAS)
    second.settings_dict.update(changed)
    second.ensure_connection()
    # The ORM finds it by its name.
    connections.databases[ALIAS] = second.settings_dict
    connections[ALIAS] = second
    try:
        yield second
    finally:
        second.close()
        del connections[ALIAS]
        del connections.databases[ALIAS]


def _dump(snapshot: BaseDatabaseWrapper, name: str, target: Path) -> str:
    """Run ``pg_dump``; return why there is no dump, ``""`` if there is."""
    program = _pg_dump()
    if program is None:
        return "There is no pg_dump here, so the archive holds no dump of PostgreSQL's."
    words, variables = DatabaseClient.settings_to_cmd_args_env(
        snapshot.settings_dict, []
    )
    done = subprocess.run(  # noqa: S603 - our own settings, no shell
        [program, "--format=custom", "--compress=0", "--no-owner", "--no-privileges"]
        + [f"--snapshot={name}", f"--file={target}", "--no-password", *words[1:]],
        env={**os.environ, **(variables or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = " ".join(done.stderr.split())
        return f"pg_dump failed, so the archive holds no dump of PostgreSQL's: {said}"
    return ""


def _pg_dump() -> str | None:
    """Return the newest ``pg_dump``: an older one than the server refuses."""
    folders = Path("/usr/lib/postgresql").glob("*/bin/pg_dump")
    newest = max(folders, key=lambda path: float(path.parts[-3]), default=None)
    return str(newest) if newest else shutil.which("pg_dump")

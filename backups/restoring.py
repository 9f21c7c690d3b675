"""Bringing an archive back into an installation that has nothing yet."""

import hashlib
import logging
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.contrib.contenttypes.models import ContentType
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.executor import MigrationExecutor

from parts import kept
from parts.tasks import PURGE_LOCK
from parts.uploads import is_named_after
from parts.watch import disk
from partsite import locks
from partsite.names import Names
from partsite.room import DiskFull
from partsite.storage import StorageDown

from . import archive, checking, rows
from .errors import BackupError
from .making import key_mark

logger = logging.getLogger(__name__)

_CLEANING_SECONDS = 60  # how long a clean-up that runs already is waited for


@dataclass(frozen=True)
class Restored:
    """What came back, and what whoever restored it has to know."""

    contents: checking.Contents
    is_older: bool
    warnings: list[str]


def standing() -> dict[str, int]:
    """Return how many rows each table has that a restore would overwrite."""
    there = set(connection.introspection.table_names())
    found = {}
    for model in rows.tables(rows.current_apps):
        label, table = model._meta.label_lower, model._meta.db_table
        if table in there and label not in rows.MADE_BY_ITSELF:
            with connection.cursor() as cursor:
                quoted = connection.ops.quote_name(table)
                cursor.execute(f"SELECT count(*) FROM {quoted}")
                found[label] = cursor.fetchone()[0]
    return {label: count for label, count in found.items() if count}


def restore(path: Path) -> Restored:
    """Bring back what is in the archive at ``path``: all of it, or nothing.

    Raises:
        BackupError: the installation is not empty, the archive is damaged or of a
            newer release, or something stood in the way.
    """
    try:
        # Two at once would delete each other's files, and what lies there already is
        # named by no row until the end.
        with locks.exclusive(PURGE_LOCK, wait_seconds=_CLEANING_SECONDS):
            contents, is_older, warnings = _restored(path)
    except locks.Busy:
        raise BackupError(
            "Nothing was restored: a backup, another restore or the clean-up of old "
            "files is at work here. Try again when it has ended."
        ) from None
    except (StorageDown, DiskFull, OSError, DatabaseError, sqlite3.Error) as error:
        raise BackupError(f"Nothing was restored: {str(error).strip()}.") from error
    logger.info("backup_restored path=%s", path)
    return Restored(contents, is_older, warnings)


def _restored(path: Path) -> tuple[checking.Contents, bool, list[str]]:
    _refuse_unless_empty()
    room = _Room()
    contents = checking.check(path, room.count)
    _refuse_unless_known(contents)
    room.refuse_unless_enough()
    with Names() as named:
        try:
            _migrate_to(contents.migrations)
            executor = MigrationExecutor(connection)
            newest = executor.loader.graph.leaf_nodes()
            is_older = bool(executor.migration_plan(newest))
            apps = rows.apps_of(executor.loader, contents.migrations)
            _load(path, contents, apps, named)
        except BaseException:
            try:
                _settle()
            except (DatabaseError, CommandError):
                logger.exception("restore_left_it_unmigrated")
            raise  # what went wrong first
        try:
            _settle()
        except (DatabaseError, CommandError) as error:
            raise BackupError(
                "Everything was restored, but is not as this release wants it: "
                f"{str(error).strip()}. Run manage.py migrate."
            ) from error
        return contents, is_older, list(_warnings(contents, named))


def _settle() -> None:
    """Bring the database to where this release wants it."""
    ContentType.objects.clear_cache()
    # Triggers and sums too, which no archive holds.
    call_command("migrate", verbosity=0, interactive=False, no_backup=True)


def _warnings(contents: checking.Contents, named: Names) -> Iterator[str]:
    if contents.manifest["secret_key"] != key_mark():
        yield (
            "This installation has another SECRET_KEY than the one of the backup. API "
            "keys and invitations open nothing until it has the same."
        )
    if contents.missing:
        yield f"{contents.missing} files were lost already when the backup was made."
    if not contents.with_files:
        try:
            gone = sum(not default_storage.exists(name) for name in named)
        except StorageDown as error:
            yield f"The storage, which is to have the files, does not answer: {error}"
            return
        if gone:
            yield (
                f"The backup is of the database alone, and the storage lacks {gone} of "
                f"the {len(named)} files that it names."
            )


def _refuse_unless_empty() -> None:
    if found := standing():
        told = ", ".join(f"{count} in {label}" for label, count in found.items())
        raise BackupError(
            "This installation is not empty, and nothing was changed. A restore would "
            f"overwrite these rows: {told}. Give it an empty database: another "
            "DATA_DIR or DATABASE_URL, or move the old one away."
        )


def _refuse_unless_known(contents: checking.Contents) -> None:
    known = MigrationExecutor(connection).loader.graph.nodes
    if unknown := sorted(contents.migrations - set(known)):
        app, name = unknown[0]
        raise BackupError(
            f"The archive is of a newer release than this one, which has no migration "
            f"{app}.{name}. Restore it with that release."
        )


class _Room:
    """Whether files find room, where they lie on a disk of this machine."""

    def __init__(self) -> None:
        self._free_bytes = disk.free_bytes()
        self._needed_bytes = 0

    def count(self, name: str, size: int) -> None:
        """Count a file, unless it lies there already."""
        if self._free_bytes is None:
            return  # and a bucket takes its time to answer
        if not (default_storage.exists(name) and default_storage.size(name) == size):
            self._needed_bytes += size

    def refuse_unless_enough(self) -> None:
        free = self._free_bytes
        if free is not None and self._needed_bytes > free:
            raise BackupError(
                f"The archive's files need {self._needed_bytes // 1_000_000} MB, and "
                f"the disk has {free // 1_000_000} MB left. Nothing was restored."
            )


# --- The database as the archive has it ---------------------------------------


def _migrate_to(wanted: set[tuple[str, str]]) -> None:
    """Bring the empty database to where ``wanted`` are applied and no others.

    Apps that the archive does not know stay as they are.
    """
    apps = {app for app, _name in wanted}
    kept.remove(connection)  # no table changes below its triggers
    for app in sorted(apps):
        executor = MigrationExecutor(connection)
        try:
            executor.migrate(_ends(executor, app, wanted))
        except IrreversibleError as error:
            raise BackupError(
                f"This database is further than the archive, and has no way back: "
                f"{error}. Restore into a database that was never migrated."
            ) from error
    applied = MigrationExecutor(connection).loader.applied_migrations
    if wrong := {node for node in applied if node[0] in apps} ^ wanted:
        told = ", ".join(".".join(node) for node in sorted(wrong))
        raise BackupError(f"The database cannot be brought to the archive's: {told}.")


def _ends(
    executor: MigrationExecutor, app: str, wanted: set[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return the migrations of ``app`` that no other wanted one of it follows."""
    nodes = executor.loader.graph.node_map
    own = [node for node in wanted if node[0] == app]
    return [
        node
        for node in own
        if not any(child.key in own for child in nodes[node].children)
    ]


# --- Rows and files -----------------------------------------------------------


def _load(
    path: Path, contents: checking.Contents, apps: rows.Apps, named: Names
) -> None:
    """Write rows and files; when anything fails, neither is there.

    The names of the files that the rows name are added to ``named``.
    """
    with Names() as put:
        try:
            with transaction.atomic():
                locks.allow_idling(connection)  # while files are copied
                _refuse_unless_empty()  # now that nobody else writes
                models = rows.tables(apps)
                _empty(model._meta.db_table for model in models)
                for member in archive.members(path):
                    if member.table:
                        table = rows.Table(member)
                        table.bind(apps)
                        rows.load(table, connection, named)
                    elif member.stored_name:
                        _put(member, put)
                rows.set_next_ids(models, contents.next_ids(), connection)
                connection.check_constraints()
        except BaseException:
            for name in put:
                default_storage.delete(name)
            raise


def _empty(tables: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for table in tables:
            quoted = connection.ops.quote_name(table)
            cursor.execute(f"DELETE FROM {quoted}")


def _put(member: archive.Member, put: Names) -> None:
    """Store the bytes of a member, unless the very same lie there."""
    name = member.stored_name
    if default_storage.exists(name):
        if _is_whole(name, member.claimed_size):
            return
        default_storage.delete(name)
    put.add(name)
    # A storage may want to read it twice, or to know where it ends.
    with tempfile.SpooledTemporaryFile(archive.IN_MEMORY_BYTES) as copy:
        shutil.copyfileobj(member, copy)
        copy.seek(0)
        default_storage.save(name, File(copy, name=name))


def _is_whole(name: str, size: int) -> bool:
    if default_storage.size(name) != size:
        return False
    with default_storage.open(name, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return is_named_after(name, sha256)

"""Making an archive while the site is in use."""

import json
import logging
import platform
import sqlite3
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model
from django.utils.crypto import salted_hmac

from parts.tasks import PURGE_LOCK
from parts.uploads import is_named_after
from partsite import locks
from partsite.names import Names
from partsite.storage import StorageDown

from . import archive, rotation, rows, snapshot
from .errors import BackupError
from .models import Backup, Reason

logger = logging.getLogger(__name__)

FORMAT = 1
_OF_DATABASE = (DatabaseError, sqlite3.Error)
_PURGE_SECONDS = 60  # how long a clean-up that runs already is waited for


@dataclass
class Made:
    """A finished archive and what is in it."""

    tables: dict[str, int]
    path: Path = Path()
    size_bytes: int = 0
    files: int = 0
    file_bytes: int = 0
    lacking: int = 0  # files that are lost or damaged
    warnings: list[str] = field(default_factory=list)


def folder() -> Path:
    """Return where backups go when nobody says where."""
    return settings.BACKUP_DIR or Path(settings.DATA_DIR) / "backups"


def make(
    target: Path | None = None,
    *,
    reason: Reason = Reason.BY_HAND,
    with_files: bool = True,
) -> Made:
    """Write an archive of database and files into the folder ``target``.

    The database is as it was at one moment, and every file that it names then is in
    the archive; nobody who uses the site has to wait.

    Raises:
        BackupError: there is no archive, and nothing is left of it.
    """
    started_at = datetime.now(UTC)
    target = (target or folder()).absolute()
    try:
        made = _made(target, reason, with_files, started_at)
    except (BackupError, StorageDown, OSError, *_OF_DATABASE) as error:
        told = str(error) if isinstance(error, BackupError) else _in_words(error)
        # The words say all of a disk that is full, of a database they may not.
        where = error if isinstance(error, _OF_DATABASE) else None
        logger.error("backup_failed folder=%s why=%s", target, told, exc_info=where)
        record(Backup(started_at=started_at, reason=reason, error=told))
        raise BackupError(told) from error
    for warning in made.warnings:
        logger.warning("backup_incomplete path=%s %s", made.path, warning)
    logger.info("backup_made path=%s bytes=%s", made.path, made.size_bytes)
    record(
        Backup(
            started_at=started_at,
            reason=reason,
            path=str(made.path),
            size_bytes=made.size_bytes,
            parts=made.tables.get("parts.part", 0),
            files=made.files,
            lacking=made.lacking,
            warnings="\n".join(made.warnings),
        )
    )
    if reason in rotation.BEFORE:
        rotation.delete_outlived(made.path, reason)
    return made


def _in_words(error: Exception) -> str:
    if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
        # Of its copy or of what is gathered on the way: the site's own is only read.
        return "The backup could not be made: No space left on device."
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        return f"The backup could not be made: {error.strerror}{where}."
    if isinstance(error, StorageDown):
        return f"The files could not be read: {error}"
    return f"The database could not be read: {str(error).strip()}."


def record(backup: Backup) -> None:
    """Note what became of a backup, where there is a table for it yet."""
    try:
        with transaction.atomic():
            backup.save()
    except DatabaseError:
        logger.info("backup_not_recorded path=%s", backup.path)


def _made(target: Path, reason: Reason, with_files: bool, at: datetime) -> Made:
    if not target.exists():
        target.mkdir(mode=0o700, parents=True)
    stem = "-".join(filter(None, ["parts", f"{at:%Y-%m-%dT%H%M%SZ}", reason]))
    try:
        # Nothing that the snapshot names is deleted before it is copied.
        with locks.exclusive(PURGE_LOCK, wait_seconds=_PURGE_SECONDS):
            archive.clear_drafts(target)
            with (
                archive.new_folder(target) as scratch,
                archive.draft(target) as draft,
            ):
                with archive.Writer(draft.file, at=at.timestamp()) as writer:
                    made = _write(writer, scratch, with_files, at)
                made.size_bytes = draft.file.tell()
                made.path = draft.keep(stem)
    except locks.Busy:
        raise BackupError(
            "Another backup, or the clean-up of old files, is at work. "
            "Try again when it has ended."
        ) from None
    return made


def _write(
    writer: archive.Writer, scratch: Path, with_files: bool, at: datetime
) -> Made:
    with Names() as named:
        # Given back before the files are copied, which may take hours: PostgreSQL
        # cleans nothing up that an open snapshot may still see.
        with snapshot.taken(scratch) as seen:
            loader = MigrationLoader(seen.connection)
            applied = sorted(loader.applied_migrations)
            models = rows.tables(rows.apps_of(loader, applied))
            counts = _write_rows(writer, scratch, models, seen.connection.alias, named)
            numbers = rows.next_ids(models, seen.connection)
            engine = _engine(seen.connection)
            if seen.native:
                writer.add_file(seen.native.name, seen.native)
                engine["native"] = seen.native.name
        made = Made(tables=counts, warnings=seen.warnings)
        files = _write_files(writer, scratch, named if with_files else (), made)
    writer.finish(
        {
            "format": FORMAT,
            "made_at": at.isoformat(),
            "made_by": {
                "django": django.__version__,
                "python": platform.python_version(),
            },
            "database": engine,
            "migrations": applied,
            "tables": {
                label: {"rows": count, "next_id": numbers.get(label)}
                for label, count in counts.items()
            },
            "files": {**files, "with_files": with_files},
            "secret_key": key_mark(),
        }
    )
    return made


def _write_rows(
    writer: archive.Writer,
    scratch: Path,
    models: list[type[Model]],
    using: str,
    named: Names,
) -> dict[str, int]:
    """Write each table; return how many rows it has."""
    counts = {}
    for model in models:
        label = model._meta.label_lower
        with tempfile.TemporaryFile(dir=scratch) as lines:
            counts[label] = rows.dump(model, using, lines, named)
            size = lines.tell()
            lines.seek(0)
            writer.add(f"{archive.ROWS}{label}.jsonl", lines, size)
    return counts


def _write_files(
    writer: archive.Writer, scratch: Path, named: Iterable[str], made: Made
) -> dict[str, Any]:
    """Copy what ``named`` says; tell of what is lost or damaged."""
    if named and settings.FILES and (problem := default_storage.problem()):
        raise StorageDown(problem)  # of a bucket that is not there, no file is
    damaged = missing = 0
    with tempfile.TemporaryFile(dir=scratch) as lost:
        for name in named:
            try:
                with default_storage.open(name, "rb") as file:
                    sha256 = writer.add(f"{archive.MEDIA}{name}", file, file.size)
            except FileNotFoundError:
                lost.write(f"{json.dumps(name)}\n".encode())
                missing += 1
                continue
            made.files += 1
            made.file_bytes += file.size
            if not is_named_after(name, sha256):
                damaged += 1
        size = lost.tell()
        lost.seek(0)
        writer.add(archive.MISSING, lost, size)
    if missing:
        made.warnings.append(
            f"{_count(missing, 'file is', 'files are')} lost: the database names "
            f"{'it' if missing == 1 else 'them'}, the storage has not. "
            "Run manage.py check_files."
        )
    if damaged:
        made.warnings.append(
            f"{_count(damaged, 'file is', 'files are')} not what was "
            "uploaded any more. Run manage.py check_files."
        )
    made.lacking = missing + damaged
    return {
        "count": made.files,
        "bytes": made.file_bytes,
        "missing": missing,
        "damaged": damaged,
    }


def _engine(connection: BaseDatabaseWrapper) -> dict[str, Any]:
    version = ".".join(map(str, connection.get_database_version()))
    return {"engine": connection.vendor, "version": version, "native": None}


def key_mark() -> str:
    """Return a mark of the SECRET_KEY, which tells whether another is the same."""
    return salted_hmac("backups", "same key?", algorithm="sha256").hexdigest()[:16]


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"

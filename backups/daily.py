"""The backup of each night: started by the queue, made in a process of its own."""

import logging
import shutil
import sqlite3
import subprocess
import sys
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from . import archive, checking, making, rotation
from .errors import ArchiveDamaged, BackupError
from .making import Made
from .models import Backup, Reason

logger = logging.getLogger(__name__)

HOUR = 3  # in the site's own time zone
_LATE = timedelta(hours=36)
_CLOCKS_DIFFER = timedelta(minutes=5)
_GB = 1_000_000_000


def start() -> None:
    """Start the backup of the night and come back at once.

    The queue's worker goes on to convert files, and its limit of time is none for
    a backup. The process dies with the worker's group.
    """
    if settings.BACKUP_DIR:
        subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "manage.py", "backup", "--daily"],
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
        )


def run() -> Made:
    """Make the backup of the night, read it again, and delete those it replaces.

    Raises:
        BackupError: it could not be made, or is damaged; then all others stay.
    """
    made = making.make(reason=Reason.DAILY)
    try:
        checking.check(made.path)
    except ArchiveDamaged as error:
        # Out of the way of those to come, or one day it stays in a good one's place.
        aside = made.path.with_name(f"damaged{archive.SUFFIX}")
        made.path.replace(aside)
        raise _failed(made, f"{error} It now lies in {aside}.") from error
    except (OSError, sqlite3.Error) as error:
        told = f"{made.path} could not be checked, and no other was deleted: {error}."
        raise _failed(made, told) from error
    rotation.delete_outlived(made.path, Reason.DAILY)
    return made


def _failed(made: Made, told: str) -> BackupError:
    """Note that what was made is none; return what to raise."""
    logger.error("backup_unsound path=%s why=%s", made.path, told)
    with suppress(DatabaseError):
        Backup.objects.filter(path=made.path).update(path="", error=told)
    return BackupError(told)


def next_time() -> datetime:
    """Return when the next night's backup is due."""
    now = timezone.localtime()
    due = now.replace(hour=HOUR, minute=0, second=0, microsecond=0)
    return due if due > now else due + timedelta(days=1)


def trouble() -> list[str]:
    """Return what is wrong with the backups of this site, in sentences."""
    if not settings.BACKUP_DIR:
        return ["No backup is made by itself: BACKUP_DIR is not set."]
    told = []
    # From when a clock was wrong: it would hide for years that no more are made.
    backups = Backup.objects.filter(started_at__lt=timezone.now() + _CLOCKS_DIFFER)
    last = backups.first()
    if last and last.error:
        told.append(f"The last backup, of {_day(last)}, failed: {last.error}")
    elif last and last.lacking:
        told.append(f"The last backup, of {_day(last)}, is not whole: {last.warnings}")
    good = backups.exclude(path="").filter(reason=Reason.DAILY).first()
    if good is None:
        told.append("There is no nightly backup yet.")
    elif good.started_at < timezone.now() - _LATE:
        told.append(
            f"The last nightly backup is of {_day(good)}. Is the worker running?"
        )
    if good and (room := _lacking_room(good)):
        told.append(room)
    return told


def _lacking_room(last: Backup) -> str:
    """Say that the next one, with a copy of the database beside it, may not fit."""
    try:
        free = shutil.disk_usage(settings.BACKUP_DIR).free
    except OSError as error:
        return f"The folder of backups cannot be looked at: {error.strerror}."
    if free > 2 * (last.size_bytes or 0):
        return ""
    return (
        f"Only {free / _GB:.1f} GB are left in {settings.BACKUP_DIR}; the last nightly "
        f"backup took {last.size_bytes / _GB:.1f} GB."
    )


def _day(backup: Backup) -> str:
    return f"{timezone.localtime(backup.started_at):%Y-%m-%d %H:%M}"

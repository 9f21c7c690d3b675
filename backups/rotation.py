"""Which archives have had their time, and are deleted.

Only those that this site knows it made: not another site's in the same folder, nor
those made by hand.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from . import archive
from .models import Backup, Reason

logger = logging.getLogger(__name__)

BEFORE = (Reason.BEFORE_UPGRADE, Reason.BEFORE_WIPE)
_BEFORE_KEPT = 5
_STAMP = re.compile(r"parts-(\d{4}-\d\d-\d\dT\d{6}Z)-([a-z-]+?)(-\d+)?\.tar\.gz")
_FUTURE = timedelta(days=1)

Archives = Mapping[Path, datetime]


def delete_outlived(made: Path, reason: Reason) -> None:
    """Delete the archives for ``reason`` that the one just made replaces.

    It stays itself, as does the last one that lacked no file: if the storage is not
    mounted, each night's archive lacks them all.
    """
    now = timezone.now()
    found = archives(made.parent, reason)
    if not outlived(found, reason, now):
        return
    try:
        with transaction.atomic():
            rows = Backup.objects.filter(reason=reason).exclude(path="")
            lacking = dict(rows.values_list("path", "lacking"))
    except DatabaseError:
        logger.info("backups_not_known")  # before the upgrade that brings their table
        return
    lacking = {Path(path).name: count for path, count in lacking.items()}
    ours = {path: at for path, at in found.items() if path.name in lacking}
    whole = [path for path in _oldest_first(ours) if not lacking[path.name]]
    for path in outlived(ours, reason, now):
        if path != made and path not in whole[-1:]:
            _delete(path)


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        logger.error("backup_not_deleted path=%s why=%s", path, error.strerror)
    else:
        logger.info("backup_deleted path=%s", path)


def archives(folder: Path, reason: Reason) -> Archives:
    """Return the archives in ``folder`` that were made for ``reason``, and when."""
    found = {}
    for path in folder.glob(f"parts-*{archive.SUFFIX}"):
        if (told := _STAMP.fullmatch(path.name)) and told[2] == reason:
            at = datetime.strptime(told[1], "%Y-%m-%dT%H%M%SZ")
            found[path] = at.replace(tzinfo=UTC)
    return found


def outlived(found: Archives, reason: Reason, now: datetime) -> list[Path]:
    """Return which of ``found`` are not to be kept any longer.

    Of the nightly ones stay the newest of each of so many days, weeks and months; of
    those before an upgrade or a wipe the last few, and the first of each of the last
    few days: of one that is tried again and again, that one has everything.
    """
    # From when a clock was wrong: they must not push out those of today.
    found = {path: at for path, at in found.items() if at < now + _FUTURE}
    days = {path: timezone.localtime(at) for path, at in found.items()}
    oldest_first = _oldest_first(found)

    def last(count: int, span: Callable[[datetime], object]) -> Iterable[Path]:
        newest = {span(days[path]): path for path in oldest_first}
        return list(newest.values())[-count:] if count else []

    if reason == Reason.DAILY:
        stay = {
            *last(settings.BACKUP_KEEP_DAYS, lambda day: day.date()),
            *last(settings.BACKUP_KEEP_WEEKS, lambda day: day.isocalendar()[:2]),
            *last(settings.BACKUP_KEEP_MONTHS, lambda day: (day.year, day.month)),
        }
    else:
        first = {days[path].date(): path for path in reversed(oldest_first)}
        stay = {*oldest_first[-_BEFORE_KEPT:], *list(first.values())[:_BEFORE_KEPT]}
    return [path for path in oldest_first if path not in stay]


def _oldest_first(found: Archives) -> list[Path]:
    # Of those of one second all but the first have a number behind their name.
    return sorted(found, key=lambda path: (found[path], len(path.name), path.name))

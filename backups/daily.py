"""The backup of each night: started by the queue, made in a process of its own."""

import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from . import archive, checking, making
from .errors import BackupError
from .making import Made, Reason
from .models import Backup

logger = logging.getLogger(__name__)

HOUR = 3  # in the site's own time zone
_UPGRADES_KEPT = 5
_STAMP = re.compile(r"parts-(\d{4}-\d\d-\d\dT\d{6}Z)-([a-z-]+?)(-\d+)?\.tar\.gz")
_LATE = timedelta(hours=36)


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
    except BackupError as error:
        making.record(Backup(reason=Reason.DAILY, error=str(error)))
        raise
    for path in outlived(made.path.parent):
        path.unlink(missing_ok=True)
        logger.info("backup_deleted path=%s", path)
    return made


def next_time() -> datetime:
    """Return when the next night's backup is due."""
    now = timezone.localtime()
    due = now.replace(hour=HOUR, minute=0, second=0, microsecond=0)
    return due if due > now else due + timedelta(days=1)


def outlived(folder: Path) -> list[Path]:
    """Return which archives of ours in ``folder`` are not to be kept any longer.

    Of the nightly ones stay the newest of each of so many days, weeks and months; of
    those before an upgrade or a wipe the last few. Others are nobody's to delete.
    """
    ours: dict[str, dict[Path, datetime]] = {}
    for path in folder.glob(f"parts-*{archive.SUFFIX}"):
        if found := _STAMP.fullmatch(path.name):
            at = datetime.strptime(found[1], "%Y-%m-%dT%H%M%SZ").replace(tzinfo=UTC)
            ours.setdefault(found[2], {})[path] = at
    nightly = ours.pop(Reason.DAILY, {})
    stay = {
        *_newest_of(nightly, settings.BACKUP_KEEP_DAYS, lambda at: at.date()),
        *_newest_of(
            nightly, settings.BACKUP_KEEP_WEEKS, lambda at: at.isocalendar()[:2]
        ),
        *_newest_of(
            nightly, settings.BACKUP_KEEP_MONTHS, lambda at: (at.year, at.month)
        ),
    }
    gone = [path for path in nightly if path not in stay]
    for reason in (Reason.BEFORE_UPGRADE, Reason.BEFORE_WIPE):
        before = ours.get(reason, {})
        gone += _oldest_first(before)[:-_UPGRADES_KEPT]
    return sorted(gone)


def _newest_of(
    archives: dict[Path, datetime], count: int, span: Callable[[datetime], object]
) -> Iterable[Path]:
    """Return the newest archive of each of the last ``count`` spans that have one."""
    newest: dict[object, Path] = {}
    for path in _oldest_first(archives):
        newest[span(timezone.localtime(archives[path]))] = path
    return list(newest.values())[-count:] if count else []


def _oldest_first(archives: dict[Path, datetime]) -> list[Path]:
    # Of those of one second all but the first have a number behind their name.
    return sorted(archives, key=lambda path: (archives[path], len(path.name)))


def trouble() -> list[str]:
    """Return what is wrong with the backups of this site, in sentences."""
    if not settings.BACKUP_DIR:
        return ["No backup is made by itself: BACKUP_DIR is not set."]
    told = []
    last = Backup.objects.first()
    if last and last.error:
        told.append(f"The last backup, of {_day(last)}, failed: {last.error}")
    good = Backup.objects.exclude(path="").filter(reason=Reason.DAILY).first()
    if good is None:
        told.append("There is no nightly backup yet.")
    elif good.started_at < timezone.now() - _LATE:
        told.append(
            f"The last nightly backup is of {_day(good)}. Is the worker running?"
        )
    return told


def _day(backup: Backup) -> str:
    return f"{timezone.localtime(backup.started_at):%Y-%m-%d %H:%M}"

"""What works beside the web server: cache, worker, queue, virus scanner, backups."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from django_q.models import Failure, Schedule

from backups import daily
from parts.watch import ready
from partsite import clamd

from .findings import Findings, problem, warning

_SIGNATURES_LAST = timedelta(days=7)
_MB = 1024 * 1024


def of_cache() -> Findings:
    key = f"doctor-{os.getpid()}"
    cache.set(key, 1, timeout=30)
    if cache.incr(key) != 2:
        yield problem(
            "The cache loses what is put there, so limits do not hold.",
            "Set REDIS_URL to a Redis that works, or leave it empty.",
        )
    cache.delete(key)


def of_worker() -> Findings:
    if trouble := ready.worker_trouble():
        yield problem(
            f"Nothing is converted: {trouble}.", "If it ended, its log says why."
        )
    if trouble := ready.queue_trouble():
        yield problem(
            f"The queue stands still: {trouble}.", "Restart manage.py worker."
        )
    long_ago = timezone.now() - ready.STUCK_AFTER
    overdue = Schedule.objects.filter(next_run__lt=long_ago)
    if names := sorted(overdue.values_list("func", flat=True)):
        yield warning(f"Overdue: {', '.join(names)}.", "A worker makes up for it.")
    a_day_ago = timezone.now() - timedelta(days=1)
    failed = Failure.objects.filter(stopped__gt=a_day_ago)
    if names := sorted(set(failed.values_list("func", flat=True))):
        yield warning(
            f"Failed within a day: {', '.join(names)}.",
            "The failed tasks in the admin, and the worker's log, say why.",
        )


def of_scanner() -> Findings:
    if not settings.CLAMD:
        return
    try:
        yield from _of_signatures(clamd.version().signatures_at)
        yield from _of_sight()
    except clamd.ScannerDown as error:
        yield problem(
            f"The virus scanner does not answer, so no file is taken: {error}.",
            "Start clamav-daemon; where it listens must be what CLAMD says.",
        )


def _of_signatures(made: datetime | None) -> Findings:
    if made is None:
        yield warning(
            "The virus scanner does not say how old its signatures are.",
            "Let freshclam fetch those of ClamAV.",
        )
    elif (age := datetime.now() - made) > _SIGNATURES_LAST:
        yield warning(
            f"The virus scanner's signatures are {age.days} days old.",
            "See that freshclam runs, and what it says in its log.",
        )


def _of_sight() -> Findings:
    """Show it a virus that does no harm, in a file as large as any that is taken.

    Of a file over its MaxFileSize clamd says that it is clean, and has not looked.
    """
    limit_mb = settings.UPLOAD_LIMIT_BYTES // _MB
    do = "Raise StreamMaxLength, MaxFileSize and MaxScanSize in clamd.conf."
    try:
        if not _finds_virus(1):
            yield warning(
                "The virus scanner does not know the test virus of EICAR.",
                "Let freshclam fetch the signatures of ClamAV.",
            )
        elif not _finds_virus(limit_mb):
            yield problem(
                f"The virus scanner calls a file of {limit_mb} MB clean though a virus "
                "is in it.",
                do,
            )
    except clamd.NotSeen:
        yield warning(f"The virus scanner takes no file of {limit_mb} MB.", do)


def _finds_virus(size_mb: int) -> bool:
    return bool(clamd.signature_in(_file_with_virus(size_mb), size_mb * _MB))


def _file_with_virus(size_mb: int) -> Iterator[bytes]:
    yield clamd.eicar().ljust(_MB)
    for _ in range(size_mb - 1):
        yield b" " * _MB


def of_backups() -> Findings:
    for trouble in daily.trouble():
        advice = (
            "Look into the worker's log; docs/operate.md says how backups are made."
        )
        yield warning(
            trouble,
            advice if settings.BACKUP_DIR else "Set it to a folder on another disk.",
        )

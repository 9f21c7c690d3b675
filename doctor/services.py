"""What works beside the web server: cache, worker, queue, backups."""

import os
from datetime import timedelta

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from django_q.models import Failure, Schedule

from backups import daily
from parts.watch import ready

from .findings import Findings, problem, warning


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


def of_backups() -> Findings:
    for trouble in daily.trouble():
        advice = (
            "Look into the worker's log; docs/operate.md says how backups are made."
        )
        yield warning(
            trouble,
            advice if settings.BACKUP_DIR else "Set it to a folder on another disk.",
        )

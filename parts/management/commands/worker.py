"""``manage.py worker``: convert files in the background until it is stopped."""

import logging
import time
from datetime import datetime

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django_q.brokers import get_broker
from django_q.models import Schedule

from backups import daily
from parts import drawings, inventory, tasks
from partsite import outage, queue, steady, yielding

logger = logging.getLogger(__name__)

_TRY_SECONDS = 3
_TELL_SECONDS = 60
SCHEDULES = {
    "parts.tasks.rescue": {"schedule_type": Schedule.MINUTES, "minutes": 1},
    "parts.drawings.rescue": {"schedule_type": Schedule.MINUTES, "minutes": 1},
    # Each hour, since it is left out while a backup is being made.
    "parts.tasks.empty_trash": {"schedule_type": Schedule.HOURLY},
    "parts.kept.tidy": {"schedule_type": Schedule.HOURLY},
    "parts.tasks.clear_drafts": {"schedule_type": Schedule.HOURLY},
    "parts.inventory.clear_temporary": {"schedule_type": Schedule.HOURLY},
}


class Command(BaseCommand):
    help = "Run the background worker: conversions now, housekeeping on schedule."

    def handle(self, **options) -> None:
        yielding.give_way()
        _prepare_as_soon_as_it_can()
        steady.steady_clusters()
        call_command("qcluster")


def _prepare_as_soon_as_it_can() -> None:
    """Wait for a database or a Redis that is away, as after a power cut; say so.

    Whoever supervises workers may well give up on one that ends again and again.
    """
    told: dict[outage.Outage, float] = {}
    while True:
        try:
            _prepare()
        except Exception as error:
            away = outage.of(error)
            if away is None:
                raise
            now = time.monotonic()
            if now >= told.get(away, now):
                told[away] = now + _TELL_SECONDS
                logger.error("worker_waits for=%s why=%s", away.server, error)
        else:
            if told:
                logger.warning("worker_goes_on")
            return
        connection.close()  # it may be broken
        time.sleep(_TRY_SECONDS)


def _prepare() -> None:
    get_broker().queue_size()  # whether it answers
    for func, when in SCHEDULES.items():
        _schedule(func, when)
    _schedule_backups()
    queue.bring_schedules_near()
    inventory.clear_temporary()
    tasks.rescue()
    drawings.rescue()


def _schedule_backups() -> None:
    func = "backups.daily.start"
    if settings.BACKUP_DIR:
        # The time of a first one alone: each start would put off those to come.
        _schedule(func, {"schedule_type": Schedule.DAILY}, next_run=daily.next_time())
    else:
        Schedule.objects.filter(name=func).delete()


def _schedule(func: str, when: dict, **first_time: datetime) -> None:
    """Have ``func`` run on schedule, once however many workers start at once.

    The table knows no unique names, so two may both add theirs; every start
    therefore keeps the oldest and deletes the rest.
    """
    ours = Schedule.objects.filter(name=func).order_by("pk")
    if not ours.exists():
        Schedule.objects.create(name=func, func=func, **when, **first_time)
    first = ours.first()
    Schedule.objects.filter(pk=first.pk).update(func=func, **when)
    ours.exclude(pk=first.pk).delete()

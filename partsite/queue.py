"""The broker of the task queue, by which its workers show that they live."""

import time
from datetime import timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import close_old_connections, connection
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import Schedule

if Conf.ORM:
    from django_q.brokers.orm import ORM as _Base
else:
    import redis
    from django_q.brokers.redis_broker import Redis

    class _Base(Redis):
        @staticmethod
        def get_connection(list_key: str | None = None) -> redis.Redis:
            return redis.from_url(Conf.REDIS, **settings.REDIS_PATIENCE)


BEAT_SECONDS = 5
# Of a cluster that waits for its turn to write, or for a database that comes back.
DEAD_AFTER_SECONDS = 60
_SEEN = "worker-seen"
_CLOCK_SET_SECONDS = 30
_PERIODS = {
    Schedule.MINUTES: timedelta(minutes=1),
    Schedule.HOURLY: timedelta(hours=1),
    Schedule.DAILY: timedelta(days=1),
}


class Broker(_Base):
    """django-q's own; the cluster's guard beats through it, however busy its workers.

    A file that takes minutes keeps a worker from everything else, but not the guard,
    which ends and replaces workers that take too long.
    """

    _next_beat = 0.0
    _boot: float | None = None  # by the clock, when the machine's own was at 0

    def set_stat(self, key: str, value: str, timeout: int) -> None:
        """Note what the guard says twice a second, not quite as often.

        Each time is a write, for which SQLite has one turn at a time.
        """
        now = time.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + BEAT_SECONDS
        if not connection.in_atomic_block:
            close_old_connections()  # or one that broke would stay so
        boot = time.time() - now
        if self._boot is not None and self._boot - boot > _CLOCK_SET_SECONDS:
            bring_schedules_near()
        self._boot = boot
        cache.set(_SEEN, time.time(), None)
        super().set_stat(key, value, 3 * BEAT_SECONDS)


def silent_seconds() -> float | None:
    """Return how long no worker has shown itself, None if none ever has."""
    seen = cache.get(_SEEN)
    # Machines' clocks differ a little. A sign of life from far ahead is one from
    # before the clock was set back.
    return None if seen is None else abs(time.time() - seen)


def bring_schedules_near() -> int:
    """Have nothing wait for longer than its period; return how much would have.

    After a clock is set back, all that is done each minute would wait until then.
    """
    now = timezone.now()
    brought = 0
    for schedule in Schedule.objects.filter(schedule_type__in=_PERIODS):
        period = _PERIODS[schedule.schedule_type] * (schedule.minutes or 1)
        too_many = (schedule.next_run - now) // period
        if too_many > 0:
            # By whole periods, so that what is done at night stays so.
            near = schedule.next_run - too_many * period
            Schedule.objects.filter(pk=schedule.pk).update(next_run=near)
            brought += 1
    return brought

"""The broker of the task queue, by which its workers show that they live."""

import time

from django.core.cache import cache
from django.db import close_old_connections, connection
from django_q.conf import Conf

if Conf.ORM:
    from django_q.brokers.orm import ORM as _Base
else:
    from django_q.brokers.redis_broker import Redis as _Base

BEAT_SECONDS = 5
# Of a cluster that waits for its turn to write, or for a database that comes back.
DEAD_AFTER_SECONDS = 60
_SEEN = "worker-seen"


class Broker(_Base):
    """django-q's own; the cluster's guard beats through it, however busy its workers.

    A file that takes minutes keeps a worker from everything else, but not the guard,
    which ends and replaces workers that take too long.
    """

    _next_beat = 0.0

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
        cache.set(_SEEN, time.time(), None)
        super().set_stat(key, value, 3 * BEAT_SECONDS)


def silent_seconds() -> float | None:
    """Return how long no worker has shown itself, None if none ever has."""
    seen = cache.get(_SEEN)
    # Machines' clocks differ a little.
    return None if seen is None else max(0.0, time.time() - seen)

"""Waiting that a clock which is set cannot make longer."""

import math
import multiprocessing
import time
from functools import partial
from multiprocessing import synchronize

from django_q import cluster

_LOOK_SECONDS = 0.1


class SteadyEvent(synchronize.Event):
    """Waits by a clock that nobody sets.

    Python's own waits for a time of day, and so for a day longer when the clock is
    set back by one meanwhile.
    """

    def wait(self, timeout: float | None = None) -> bool:
        until = math.inf if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            if (left := until - time.monotonic()) <= 0:
                return False
            time.sleep(min(left, _LOOK_SECONDS))
        return True


def steady_clusters() -> None:
    """Have the guards of clusters wait so between their rounds (django-q2 1.11)."""
    cluster.Event = partial(SteadyEvent, ctx=multiprocessing.get_context())

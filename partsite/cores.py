"""Which cores a web process answers on.

An interpreter's threads take turns, so one core is all that a process can use most of
the time. Where the system spreads them over all cores, each turn wakes another one,
which has nothing at hand of what the last had: lists were a quarter slower, and what
is written a sixth (measured on two cores). So the processes share the cores out.
"""

import os
from collections.abc import Collection
from contextlib import suppress


def share(number: int, processes: int) -> list[int]:
    """Return the cores of one of so many processes: neighbours, and at least one.

    All where some would have more processes than others, and none where the system
    does not say which there are.

    Args:
        number: of the share, from 0 to ``processes`` less one.
    """
    if not hasattr(os, "sched_getaffinity"):
        return []
    cores = sorted(os.sched_getaffinity(0))
    count = len(cores)
    if processes > count:
        return cores if processes % count else [cores[number % count]]
    return cores[number * count // processes : (number + 1) * count // processes]


def keep_to(cores: Collection[int]) -> None:
    """Keep this thread, and those that it starts, to ``cores``, if that is allowed."""
    with suppress(OSError):
        os.sched_setaffinity(0, cores)


def keep_from(cores: Collection[int]) -> None:
    """Keep this thread, and those that it starts, to other cores, if there are any."""
    with suppress(OSError):
        if others := os.sched_getaffinity(0).difference(cores):
            os.sched_setaffinity(0, others)

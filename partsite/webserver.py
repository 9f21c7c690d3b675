"""gunicorn's threaded worker, whose processes share connections evenly.

All processes wait for connections, and whoever wakes first takes them: of 8 kept
connections one process often had all, with its threads in each other's way while the
other did nothing, for a third of the answers (measured). Here a process that has
more than another leaves the next connection to it. And since a process that is made
anew finds those of its predecessor with the others, whoever has too many says with an
answer now and then that it is the connection's last. Each answers on cores of its own
(``cores``).
"""

import mmap
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from . import cores
from .wholerequests import WholeRequestWorker

_MOST_PROCESSES = 128
_NOBODY = -1
# How long another may take to come: one that is busy must not keep a client waiting.
_PATIENCE_SECONDS = 0.002
# How long one that is handed over takes to be counted where it went.
_HAND_OVER_SECONDS = 0.02
# How many connections each process has. All see it, being forked of who imports this.
_counts = memoryview(mmap.mmap(-1, 8 * _MOST_PROCESSES)).cast("q")
_counts[:] = memoryview(b"\xff" * 8 * _MOST_PROCESSES).cast("q")


class EvenWorker(WholeRequestWorker):
    place: int | None = None  # in the counts
    share: int | None = None  # of the cores
    cores: Sequence[int] = ()  # that it answers on; () are all
    _left_since: float | None = None
    _looked_at = 0.0

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """Return the threads that answer, which keep to this process's cores.

        Whoever waits for requests waits on others' cores (``run``). Where something
        computes that gives way, such as a conversion, the system interrupts it for
        whoever is woken there first; for who is woken by that one it does so 4 ms
        later.
        """
        if not self.cores:
            return super().get_thread_pool()
        return ThreadPoolExecutor(
            self.cfg.threads, initializer=cores.keep_to, initargs=(self.cores,)
        )

    def run(self) -> None:
        if self.cores:
            cores.keep_from(self.cores)
        self._tell()  # not sooner: who does not listen yet is not waited for
        super().run()

    def accept(self, listener) -> None:
        if self.nr_conns > min(_all_counts(), default=0) and self._waits():
            # Still to be taken, so the poller comes here again at once; meanwhile the
            # other may need this very core.
            os.sched_yield()
            return
        self._left_since = None
        super().accept(listener)
        self._tell()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        super().wait_for_and_dispatch_events(timeout)
        self._tell()

    @property
    def max_keepalived(self) -> int:
        """How many connections may be kept: gunicorn asks that before each answer.

        With 0 the answer says that it is the last one of its connection.
        """
        return 0 if self._hands_over() else self._most_kept

    @max_keepalived.setter
    def max_keepalived(self, most: int) -> None:
        self._most_kept = most

    def _hands_over(self) -> bool:
        # One at a time, or those who have too many and too few would change places.
        now = time.monotonic()
        if now - self._looked_at < _HAND_OVER_SECONDS:
            return False
        self._looked_at = now
        return self.nr_conns > min(_all_counts(), default=self.nr_conns) + 1

    def _waits(self) -> bool:
        now = time.monotonic()
        self._left_since = self._left_since or now
        return now - self._left_since < _PATIENCE_SECONDS

    def _tell(self) -> None:
        if self.place is not None:
            _counts[self.place] = self.nr_conns if self.alive else _NOBODY


def _all_counts() -> Iterator[int]:
    """Return how many connections the processes have that take any, each of them."""
    return (count for count in _counts if count != _NOBODY)


def give_place(server: Any, worker: EvenWorker) -> None:
    """Let a process that is about to be forked be counted; one too many is not."""
    taken = {other.place for other in server.WORKERS.values()}
    free = (place for place in range(len(_counts)) if place not in taken)
    worker.place = next(free, None)


def give_cores(server: Any, worker: EvenWorker) -> None:
    """Give a process that is about to be forked the cores that fewest others have."""
    given = Counter(other.share for other in server.WORKERS.values())
    worker.share = min(range(server.num_workers), key=given.__getitem__)
    worker.cores = cores.share(worker.share, server.num_workers)


def free_place(server: Any, worker: EvenWorker) -> None:
    """Forget a process that has ended, however it did."""
    if worker.place is not None:
        _counts[worker.place] = _NOBODY

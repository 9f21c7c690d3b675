"""gunicorn's threaded worker, whose processes share connections evenly.

All processes wait for connections, and whoever wakes first takes them: of 8 kept
connections one process often had all, with its threads in each other's way while the
other did nothing, for a third of the answers (measured). Here a process that has
more than another leaves the next connection to it.
"""

import mmap
import time
from typing import Any

from .wholerequests import WholeRequestWorker

_MOST_PROCESSES = 128
_NOBODY = -1
# How long another may take to come: one that is busy must not keep a client waiting.
_PATIENCE_SECONDS = 0.002
# How many connections each process has. All see it, being forked of who imports this.
_counts = memoryview(mmap.mmap(-1, 8 * _MOST_PROCESSES)).cast("q")
_counts[:] = memoryview(b"\xff" * 8 * _MOST_PROCESSES).cast("q")


class EvenWorker(WholeRequestWorker):
    place: int | None = None  # in the counts
    _left_since: float | None = None

    def accept(self, listener) -> None:
        if self._is_ahead() and self._waits():
            return  # still to be taken, so the poller comes here again at once
        self._left_since = None
        super().accept(listener)
        self._tell()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        super().wait_for_and_dispatch_events(timeout)
        self._tell()

    def _is_ahead(self) -> bool:
        counts = (count for count in _counts if count != _NOBODY)
        return self.nr_conns > min(counts, default=0)

    def _waits(self) -> bool:
        now = time.monotonic()
        self._left_since = self._left_since or now
        return now - self._left_since < _PATIENCE_SECONDS

    def _tell(self) -> None:
        if self.place is not None:
            _counts[self.place] = self.nr_conns


def give_place(server: Any, worker: EvenWorker) -> None:
    """Let a process that is about to be forked be counted; one too many is not."""
    taken = {other.place for other in server.WORKERS.values()}
    free = (place for place in range(len(_counts)) if place not in taken)
    worker.place = next(free, None)
    if worker.place is not None:
        _counts[worker.place] = 0


def free_place(server: Any, worker: EvenWorker) -> None:
    """Forget a process that has ended, however it did."""
    if worker.place is not None:
        _counts[worker.place] = _NOBODY

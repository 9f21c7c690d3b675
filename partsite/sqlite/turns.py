"""Turns of those who write into a SQLite database, in all processes.

SQLite has whoever comes while another writes sleep and try again, longer each time, up
to 0.1 s, and so the last of many waits longest. Here all ask for a lock on a file
beside the database: of each process one thread, again and again, since that costs
processor time, while the others wait for that one. Nobody depends on it: who writes
without it, or has waited as long as for the database itself, is kept apart by SQLite as
ever.
"""

import fcntl
import os
import select
import threading
import time
from contextlib import suppress

_PAUSE_SECONDS = 0.001


class Turn:
    """Somebody's turn, for as long as the lock of ``file`` is held."""

    def __init__(self, file: int) -> None:
        self._file = file

    def end(self) -> None:
        os.close(self._file)  # and so gives up the lock
        _bell.ring()


def take(path: str, longest_seconds: float) -> Turn | None:
    """Wait for a turn to write into the database at ``path``.

    After ``longest_seconds`` it begins without the lock. None where there are no
    turns: it is another's file.
    """
    try:
        file = os.open(f"{path}-turn", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        return None
    with suppress(OSError):  # a disk without such locks
        _wait_for_lock(file, longest_seconds)
    return Turn(file)


def _wait_for_lock(file: int, longest_seconds: float) -> None:
    deadline = time.monotonic() + longest_seconds
    if not _asking.acquire(timeout=longest_seconds):
        return
    try:
        while time.monotonic() < deadline:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            _bell.wait(_PAUSE_SECONDS)
    finally:
        _asking.release()


class _Bell:
    """Wakes who waits for a turn, in all processes that were forked of one.

    A web server's are, since it loads the site before it forks. Who waits without
    being woken sleeps for half a millisecond too long, which is half of what a step
    takes (measured).
    """

    def __init__(self) -> None:
        self._ears, self._rope = os.pipe()
        for end in (self._ears, self._rope):
            os.set_blocking(end, False)

    def ring(self) -> None:
        with suppress(BlockingIOError):  # so many rings that nobody sleeps
            os.write(self._rope, b".")

    def wait(self, seconds: float) -> None:
        """Sleep until it rings, but no longer than that."""
        ears = select.poll()
        ears.register(self._ears, select.POLLIN)
        if ears.poll(seconds * 1000):
            with suppress(BlockingIOError):  # another process was faster
                os.read(self._ears, 4096)


_bell = _Bell()
_asking = threading.Lock()  # by the process's one thread that does

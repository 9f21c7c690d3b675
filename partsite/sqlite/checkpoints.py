"""Brings what was committed out of SQLite's log into the file, while others write.

SQLite has whoever's commit makes the log long enough do it, and wait for the disk:
25 ms, in which nobody else could write, for each thirty parts that are handed in
(measured). Here a thread beside those who write does it. The log begins anew only where
nothing is left in it, so now and then the thread has a turn to write, for the little
that came in the meantime: 10 ms for each few hundred parts. ``wal_autocheckpoint`` is
longer than what it lets the log become.
Source: https://www.sqlite.org/wal.html#ckpt
"""

import os
import sqlite3
import threading
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from urllib.parse import quote

from . import turns

_COMMITS = 48  # of a process; some 40 pages each
_LONG_PAGES = 4500
_PATIENCE_MS = 100
_sync = getattr(os, "fdatasync", os.fsync)  # macOS has none


def note(path: str) -> None:
    """Take notice of a commit to the database at ``path``."""
    _keeper(path, os.getpid()).note()


class _Keeper:
    def __init__(self, path: str) -> None:
        self._path = path
        self._file: int | None = None
        self._address = f"file:{quote(path)}?mode=rw"
        self._commits = 0
        self._are_enough = threading.Event()
        threading.Thread(target=self._run, name="checkpoints", daemon=True).start()

    def note(self) -> None:
        self._commits += 1  # two at once may count as one
        if self._commits >= _COMMITS:
            self._commits = 0
            self._are_enough.set()

    def _run(self) -> None:
        while self._are_enough.wait():
            self._are_enough.clear()
            # Whatever is wrong, those who write will see it too.
            with suppress(sqlite3.Error, OSError):
                self._bring()

    def _bring(self) -> None:
        # Not kept open: a database that is not used can be moved.
        with closing(sqlite3.connect(self._address, timeout=0, uri=True)) as own:
            if not _is_long(own):
                return
            # The less is left for the turn, the shorter it is; and SQLite waits for
            # the disk only where it leaves nothing in the log, but then for all that
            # it has brought since the last time.
            self._wait_for_disk()
            _is_long(own)
            self._wait_for_disk()
            self._begin_anew(own)

    def _begin_anew(self, own: sqlite3.Connection) -> None:
        """Bring the rest while nobody writes, when nobody reads from the log."""
        own.execute(f"PRAGMA busy_timeout={_PATIENCE_MS}")
        turn = turns.take(self._path, _PATIENCE_MS / 1000)
        try:
            own.execute("PRAGMA wal_checkpoint(RESTART)")
        finally:
            if turn is not None:
                turn.end()

    def _wait_for_disk(self) -> None:
        found = Path(self._path).stat()
        if self._file is None or not os.path.samestat(found, os.fstat(self._file)):
            # Never closed: with any file of it that is closed a process loses
            # SQLite's locks, see ``watching``.
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        _sync(self._file)


def _is_long(own: sqlite3.Connection) -> bool:
    """Bring what is there; return whether the log is to begin anew."""
    _is_busy, pages, _brought = own.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return pages >= _LONG_PAGES  # -1 while another process is at it


@cache
def _keeper(path: str, _process: int) -> _Keeper:
    return _Keeper(path)

"""Brings what was committed out of SQLite's log into the file, while others write.

SQLite has whoever's commit makes the log long enough do it, and wait for the disk:
25 ms, in which nobody else could write, for each thirty parts that are handed in
(measured). Here a thread beside those who write does it, and leaves them what came in
the meantime, each few thousand pages (``wal_autocheckpoint``): the log begins anew only
where nothing is left in it.
Source: https://www.sqlite.org/wal.html#ckpt
"""

import os
import sqlite3
import threading
from contextlib import closing, suppress
from functools import cache
from urllib.parse import quote

_COMMITS = 24  # of a process; some 40 pages each


def note(path: str) -> None:
    """Take notice of a commit to the database at ``path``."""
    _keeper(path, os.getpid()).note()


class _Keeper:
    def __init__(self, path: str) -> None:
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
            with suppress(sqlite3.Error):
                self._bring()

    def _bring(self) -> None:
        # Not kept open: a database that is not used can be moved.
        with closing(sqlite3.connect(self._address, timeout=0, uri=True)) as own:
            own.execute("PRAGMA wal_checkpoint(PASSIVE)")


@cache
def _keeper(path: str, _process: int) -> _Keeper:
    return _Keeper(path)

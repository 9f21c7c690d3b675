"""Which state a SQLite database is in, told in two microseconds.

In WAL mode each commit writes the header of an index that all processes share, and
whoever reads begins by it: what stands there is another after each commit and stays
until the next. ``PRAGMA data_version`` says the same, but for each connection by
itself, so that no thread could use what another has read; with one connection for all
threads eight clients get a fifth less of answers (measured).
Source: https://www.sqlite.org/walformat.html#the_wal_index_file_format
"""

import ctypes
import mmap
import os
import sqlite3
import struct
import threading
import time
from collections.abc import Hashable
from contextlib import suppress
from functools import cache
from pathlib import Path
from urllib.parse import quote

# All of it: after a crash its counter of commits may begin anew.
_HEADER = slice(0, 48)
# Its version, and whether it is there at all; if not so, it is not to be understood.
_VERSION, _IS_THERE = 3_007_000, 1
_BEGINNING = struct.Struct("=I8xB")
# How long another file in the place of the database's is not noticed.
_SURE_SECONDS = 1


def version(path: str) -> Hashable | None:
    """Return what is another after each commit; None if that cannot be said."""
    return _watch(path, os.getpid()).version()


class _Watch:
    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._own: sqlite3.Connection | None = None
        self._index: mmap.mmap | None = None
        self._file: tuple[int, int] | None = None  # that ``_index`` shows
        self._sure_until = 0.0

    def version(self) -> Hashable | None:
        now = time.monotonic()
        if now >= self._sure_until:
            with self._lock, suppress(OSError, sqlite3.Error):
                self._look()
            if now >= self._sure_until:
                return None  # whoever reads will see what is wrong
        header = self._index[_HEADER]
        beginning = _BEGINNING.unpack_from(header)
        return header if beginning == (_VERSION, _IS_THERE) else None

    def _look(self) -> None:
        """See whether the index is still the one that was opened first.

        If not, some threads may have the old database open and some the new one.
        """
        if self._own is None:
            self._own = self._kept_open()
        path = f"{self._path}-shm"
        found = Path(path).stat()
        file = found.st_dev, found.st_ino
        if self._index is None and found.st_size >= _HEADER.stop:
            self._index, self._file = _never_closed(path), file
        if file == self._file:
            self._sure_until = time.monotonic() + _SURE_SECONDS

    def _kept_open(self) -> sqlite3.Connection:
        """Return a connection; as long as there is one, the index stays."""
        address = f"file:{quote(self._path)}?mode=rw"
        own = sqlite3.connect(address, uri=True, check_same_thread=False)
        try:
            own.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            own.close()
            raise
        return own


def _never_closed(path: str) -> mmap.mmap:
    """Return a file's beginning as it is at any time.

    SQLite's locks are POSIX's, of which a process loses all that it has on a file as
    soon as it closes that file once, whoever opened it. So this is never closed, not
    even while Python ends.
    Source: https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    index = mmap.mmap(file, _HEADER.stop, prot=mmap.PROT_READ)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(index))
    return index


@cache
def _watch(path: str, _process: int) -> _Watch:
    return _Watch(path)

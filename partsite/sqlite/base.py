"""The database engine; Django looks for it in a module of this name."""

import fcntl
import os
import select
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache

from django.db.backends.sqlite3 import base

from . import checkpoints
from .schema import DatabaseSchemaEditor

_TIMEOUT_SECONDS = 5.0  # sqlite3's own
_PAUSE_SECONDS = 0.001
_LONGEST = 20_000  # characters; what is longer is a list of ids, and never the same


class Cursor(base.SQLiteCursorWrapper):
    """Remembers what statements are called in SQLite's own words.

    Django looks for every ``%s`` of every statement anew: that takes 0.05 ms for a
    part's columns, more than SQLite needs to find the part (measured).
    """

    def convert_query(
        self, query: str, *, param_names: Sequence[str] | None = None
    ) -> str:
        if param_names is None and len(query) <= _LONGEST:
            return _converted(query)
        return super().convert_query(query, param_names=param_names)


@lru_cache(maxsize=500)
def _converted(query: str) -> str:
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


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


class DatabaseWrapper(base.DatabaseWrapper):
    """Lets those who write take turns.

    SQLite has whoever comes while another writes sleep and try again, longer each
    time, up to 0.1 s, and so the last of many waits longest. Here all ask for a lock
    on a file beside the database: of each process one thread, again and again, since
    that costs processor time, while the others wait for that one. Nobody depends on
    it: who writes without it, or has waited as long as for the database itself, is
    kept apart by SQLite as ever.
    """

    SchemaEditorClass = DatabaseSchemaEditor
    _asking = threading.Lock()  # by the process's one thread that does
    _turn: int | None = None  # the open file whose lock is held

    def create_cursor(self, name: str | None = None) -> Cursor:
        return self.connection.cursor(factory=Cursor)

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self._end_turn()
            raise

    def _commit(self) -> None:
        super()._commit()
        self._end_turn()
        if not self.is_in_memory_db():
            checkpoints.note(str(self.settings_dict["NAME"]))

    def _rollback(self) -> None:
        try:
            super()._rollback()
        finally:
            self._end_turn()

    def _close(self) -> None:
        try:
            super()._close()
        finally:
            self._end_turn()

    def _take_turn(self) -> None:
        if self._turn is None and not self.is_in_memory_db():
            path = f"{self.settings_dict['NAME']}-turn"
            with suppress(OSError):  # another's file, or a disk without such locks
                self._turn = os.open(
                    path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644
                )
                self._wait_for_lock(self._turn)

    def _wait_for_lock(self, file: int) -> None:
        longest = self.settings_dict["OPTIONS"].get("timeout", _TIMEOUT_SECONDS)
        deadline = time.monotonic() + longest
        if not self._asking.acquire(timeout=longest):
            return
        try:
            while time.monotonic() < deadline:
                with suppress(BlockingIOError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                _bell.wait(_PAUSE_SECONDS)
        finally:
            self._asking.release()

    def _end_turn(self) -> None:
        if self._turn is not None:
            turn, self._turn = self._turn, None
            os.close(turn)  # and so gives up the lock
            _bell.ring()

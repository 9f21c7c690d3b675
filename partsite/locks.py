"""A lock that all processes of the site share, on every machine.

It ends with the process that holds it, whatever ends that.
"""

import fcntl
import os
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

_PAUSE_SECONDS = 0.05


class Busy(Exception):
    """Another process holds the lock."""


@contextmanager
def exclusive(name: str, *, wait_seconds: float = 0) -> Iterator[None]:
    """Hold the lock called ``name``.

    It is taken on a connection of its own, so it says nothing of transactions.

    Raises:
        Busy: it was not to be had in time.
    """
    is_postgres = connection.vendor == "postgresql"
    with (_in_postgresql if is_postgres else _beside_sqlite)(name) as take:
        deadline = time.monotonic() + wait_seconds
        while not take():
            if time.monotonic() >= deadline:
                raise Busy(name)
            time.sleep(_PAUSE_SECONDS)
        yield


def allow_idling(connection: BaseDatabaseWrapper) -> None:
    """Have no server end this transaction because nothing is asked for a while."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


@contextmanager
def _in_postgresql(name: str) -> Iterator[Callable[[], bool]]:
    own = connection.copy()
    own.settings_dict["OPTIONS"].pop("pool", None)
    own.set_autocommit(False)  # a lock of a transaction outlives a pooler's hands
    with closing(own), own.cursor() as cursor:

        def take() -> bool:
            allow_idling(own)  # for as long as whoever holds the lock works
            cursor.execute(
                "SELECT pg_try_advisory_xact_lock(%s)", [zlib.crc32(name.encode())]
            )
            is_taken = cursor.fetchone()[0]
            if not is_taken:
                # Who holds the lock may make an index beside all that are at work:
                # PostgreSQL then waits for the end of every transaction that just
                # now asked for something, and so for this one, which waits for it.
                own.rollback()
            return is_taken

        yield take


@contextmanager
def _beside_sqlite(name: str) -> Iterator[Callable[[], bool]]:
    path = f"{connection.settings_dict['NAME']}-{name}"
    how = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.open(path, how, 0o600)
    try:
        _give_to_owner(file)
        yield partial(_take_file, file)
    finally:
        os.close(file)


def _give_to_owner(file: int) -> None:
    """Give what root makes to the site's user, as SQLite does with files of its own.

    Else one backup by root keeps the site from all that this locks.
    """
    # Not a file of the system that the site's user has put a second name to.
    if os.geteuid() == 0 and os.fstat(file).st_nlink == 1:
        base = Path(connection.settings_dict["NAME"])
        owner = base if base.exists() else base.parent
        with suppress(OSError):
            told = owner.stat()
            os.fchown(file, told.st_uid, told.st_gid)


def _take_file(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

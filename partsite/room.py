"""When a disk is full: of files, of the database, of what lies here for a moment."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError

# How the web server says of a request that there was no room to keep its body. A client
# may say so too: it gets what it asks for, a refusal.
BODY_FOUND_NONE = "X-Body-Found-No-Room"
_FULL = {errno.ENOSPC, errno.EDQUOT}
# The last is what SQLite says when it cannot make room for its index of the log.
_FULL_SQLITE = {"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"}
_FULL_POSTGRESQL = "53100"


class DiskFull(Exception):
    """There is no room for what is to be stored, and nothing of it was kept."""


@contextmanager
def telling_when_full() -> Iterator[None]:
    """Raise ``DiskFull`` in the place of the system's error that says the same."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFull(str(error)) from error


def is_full(error: BaseException | None) -> bool:
    """Whether ``error`` says that a disk is full, the database's or another."""
    if isinstance(error, DatabaseError):
        cause = error.__cause__
        return (
            getattr(cause, "sqlite_errorname", "") in _FULL_SQLITE
            or getattr(cause, "sqlstate", "") == _FULL_POSTGRESQL
        )
    return isinstance(error, DiskFull) or getattr(error, "errno", None) in _FULL

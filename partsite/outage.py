"""Say so when something that the site stands on does not answer, or is full."""

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from . import room
from .storage import StorageDown

logger = logging.getLogger(__name__)

WAIT_SECONDS = 10
# SQLite gives many other faults the same exception, as that of wrong SQL.
_SQLITE_AWAY = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_IOERR")


@dataclass(frozen=True)
class Outage:
    """What is away; ``error`` and ``details`` are the API's words.

    ``server`` says it to whoever runs the site.
    """

    name: str
    server: str
    error: str
    details: str
    status: int = 503

    @property
    def event(self) -> str:
        """What the log calls it."""
        return f"{self.name}_{'down' if self.status == 503 else 'full'}"


STORAGE = Outage(
    "storage",
    "bucket",
    "Files out of reach",
    "The server that keeps them does not answer. Nothing was changed.",
)
DATABASE = Outage(
    "database",
    "database",
    "Database out of reach",
    "Try again in a moment; what you did just now may not be saved.",
)
TABLES = Outage(
    "tables",
    "database",
    "The site is being upgraded",
    "Its database is being brought up to date. Try again in a moment.",
)
COUNTERS = Outage(
    "counters",
    "Redis",
    "Limits out of reach",
    "The server that counts attempts does not answer. Nothing was changed.",
)

DISK = Outage(
    "disk",
    "disk space",
    "The server's disk is full",
    "Nothing was changed. Tell whoever runs the server.",
    status=507,
)


def of(exception: BaseException | None) -> Outage | None:
    """Return what an exception says is away; None if it says something else."""
    if room.is_full(exception):
        return DISK
    if isinstance(exception, StorageDown):
        return STORAGE
    if isinstance(exception, DatabaseError) and _lacks_table(exception):
        return TABLES
    if isinstance(exception, OperationalError | InterfaceError):
        sqlite = getattr(exception.__cause__, "sqlite_errorname", None)
        is_away = sqlite is None or sqlite.startswith(_SQLITE_AWAY)
        return DATABASE if is_away else None
    # Who has not loaded it has no exception of it: a tenth of a start (measured).
    redis = sys.modules.get("redis")
    return COUNTERS if redis and isinstance(exception, redis.RedisError) else None


def _lacks_table(exception: DatabaseError) -> bool:
    """Return whether it met a database that ``migrate`` is still at work on."""
    is_undefined = getattr(exception.__cause__, "sqlstate", None) == "42P01"
    return is_undefined or str(exception).startswith(
        ("no such table:", "no such index:")
    )


def page(request: HttpRequest, outage: Outage) -> HttpResponse:
    context = {"outage": outage.name}
    answer = render(request, f"{outage.status}.html", context, status=outage.status)
    answer["Retry-After"] = str(WAIT_SECONDS)
    return answer


def note(path: str, outage: Outage, exception: BaseException) -> None:
    logger.error("%s path=%s why=%s", outage.event, path, exception)


class OutageMiddleware:
    """Say on a page what its view finds away or full; the API has its own.

    What is found away before any view has its turn comes to ``handler500``. Of an
    upload nothing is half done: bytes are stored before any row that names them.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
        outage = of(exception)
        if outage is None:
            return None
        note(request.path, outage, exception)
        return page(request, outage)


class InOneLine(logging.Filter):
    """Tell of an outage why, in one line, and not where it was found.

    Everybody who asks meets it, for as long as it lasts.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        exception = record.exc_info[1] if record.exc_info else None
        if outage := of(exception):
            record.msg = f"{record.getMessage()}: {outage.event} why={exception}"
            record.args = record.exc_info = None
        return True

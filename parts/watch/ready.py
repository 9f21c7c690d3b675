"""Whether all that the site needs is there: for whoever watches it.

Each check runs in a thread, with a database connection, of its own, since that is
the only way to stop waiting for one that hangs.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache as remember

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django_q.models import Task
from health_check.base import HealthCheck, HealthCheckResult
from health_check.exceptions import ServiceUnavailable
from health_check.views import HealthCheckView

from parts.models import Conversion, DraftFile, PartFile
from partsite import queue
from partsite.health import storage_takes_files

STUCK_AFTER = timedelta(minutes=10)


class Check(HealthCheck):
    """One question; what it raises is told to everybody, so it names nothing."""

    timeout = timedelta(seconds=2)

    def run(self) -> None:
        try:
            self.ask()
        finally:
            connection.close()  # of this thread

    def ask(self) -> None:
        raise NotImplementedError


class Database(Check):
    def ask(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")


class Migrations(Check):
    def ask(self) -> None:
        if count := len(missing_migrations()):
            raise ServiceUnavailable(f"{count} to apply; run manage.py migrate")


class Cache(Check):
    def ask(self) -> None:
        if settings.REDIS_URL:
            # One that is full or only a copy can be read.
            cache.set("ready", 1, timeout=5)
        cache.get("ready")


class Storage(Check):
    def ask(self) -> None:
        if not storage_takes_files():
            raise ServiceUnavailable("takes no files")


class Worker(Check):
    def ask(self) -> None:
        if trouble := worker_trouble():
            raise ServiceUnavailable(trouble)


class Queue(Check):
    def ask(self) -> None:
        if trouble := queue_trouble():
            raise ServiceUnavailable(trouble)


class Ready(HealthCheckView):
    """Answer what each check says, 200 or 503."""

    checks = (Database, Migrations, Cache, Storage, Worker, Queue)
    http_method_names = ["get", "head", "options"]

    async def get(self, request: HttpRequest, *args, **kwargs) -> JsonResponse:
        results = await asyncio.gather(
            *(check.get_result(_threads()) for check in self.get_checks())
        )
        is_ready = not any(result.error for result in results)
        said = {type(r.check).__name__.lower(): _words(r) for r in results}
        return JsonResponse(
            {"status": "ready" if is_ready else "not ready", "checks": said},
            status=200 if is_ready else 503,
        )


@remember
def _threads() -> ThreadPoolExecutor:
    """Return the threads of this process: as many as checks, however many hang."""
    return ThreadPoolExecutor(len(Ready.checks), thread_name_prefix="ready")


def _words(result: HealthCheckResult) -> str:
    if result.error is None:
        return "ok"
    known = isinstance(result.error, ServiceUnavailable)
    return result.error.message if known else "failed"


# --- What is asked ------------------------------------------------------------


def missing_migrations() -> list[tuple[str, str]]:
    """Return the last migrations of this code that the database has not had."""
    applied = MigrationRecorder(connection).applied_migrations()
    return [node for node in _last_migrations() if node not in applied]


@remember
def _last_migrations() -> list[tuple[str, str]]:
    # Of a process its code does not change, and reading it takes a while.
    return MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes()


def worker_trouble() -> str:
    """Return in words that no worker lives, or nothing."""
    silent_seconds = queue.silent_seconds()
    if silent_seconds is None:
        return "no worker has ever shown itself; start manage.py worker"
    if silent_seconds > queue.DEAD_AFTER_SECONDS:
        minutes = max(1, round(silent_seconds / 60))
        return f"no worker has shown itself for {minutes} min; start manage.py worker"
    return ""


def queue_trouble() -> str:
    """Return in words that files wait while nothing is done, or nothing."""
    long_ago = timezone.now() - STUCK_AFTER
    waiting = sum(
        files.filter(state=Conversion.QUEUED, heartbeat_at__lt=long_ago).count()
        for files in (PartFile.objects, DraftFile.objects)
    )
    # Not whether one is being converted, since between two there is none.
    if waiting and not Task.objects.filter(stopped__gt=long_ago).exists():
        minutes = int(STUCK_AFTER.total_seconds() / 60)
        return f"{waiting} files have waited for {minutes} min, and nothing is done"
    return ""

"""Statements that took long, in the log: ``SLOW_QUERY_MS``."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

logger = logging.getLogger(__name__)

_SQL_MOST = 2000  # characters


def register() -> None:
    """Watch every connection from now on, if anybody wants that."""
    if settings.SLOW_QUERY_MS:
        connection_created.connect(_watch, dispatch_uid="slowqueries")


def _watch(connection: BaseDatabaseWrapper, **kwargs) -> None:
    # A connection that is made anew keeps its wrappers.
    if _timed not in connection.execute_wrappers:
        connection.execute_wrappers.append(_timed)


def _timed(execute: Callable, sql: Any, params: Any, many: bool, context: dict) -> Any:
    started = time.perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        ms = (time.perf_counter() - started) * 1000
        if ms >= settings.SLOW_QUERY_MS:
            _tell(ms, context["connection"].alias, str(sql))


def _tell(ms: float, database: str, sql: str) -> None:
    # The statement has marks where its values go, which may be anything.
    statement = " ".join(sql.split())[:_SQL_MOST]
    fields = {"ms": round(ms, 1), "database": database, "sql": statement}
    logger.warning(
        "slow_query ms=%s database=%s sql=%s",
        *fields.values(),
        extra={"fields": fields},
    )

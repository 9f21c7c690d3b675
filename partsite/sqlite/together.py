"""What several threads have to write, in one transaction of SQLite.

Only one can write at a time, and half of what a small write costs is the same for
three of them: the pages that are read anew since another process has written, the
index of the search, the commit (measured).
"""

import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import copy_context
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import translation

R = TypeVar("R")

# Others wait for the database meanwhile, and the first for its answer.
_MOST = 8


def together(work: Callable[[], R]) -> R:
    """Do ``work``, perhaps in one transaction with that of other threads.

    It is done when this returns, or else nothing of it is, as if alone.

    Args:
        work: takes all its steps in one ``whole``. Another thread may run it, and it
            may be run again where nothing of it was done.
    """
    database = connections[DEFAULT_DB_ALIAS]  # what stands for it is slow to ask
    if database.vendor != "sqlite" or database.in_atomic_block:
        return work()
    return _party.join(work, database)


def whole() -> AbstractContextManager:
    """Do all in the block or nothing, as in a transaction of its own.

    In a transaction with others it has no savepoint: SQLite copies each page that
    changes behind one. What fails there after it has written takes the others along,
    and each is done alone.
    """
    if (database := getattr(_place, "outermost_of", None)) is not None:
        _place.outermost_of = None
        return _Share(database)
    return transaction.atomic()


class _Share:
    """What one thread writes in the transaction of several."""

    def __init__(self, database: BaseDatabaseWrapper) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._changes = self._database.connection.total_changes
        self._hooks = len(self._database.run_on_commit)

    def __exit__(self, kind: type | None, error: BaseException | None, _at) -> None:
        if error is None:
            return
        database = self._database
        has_written = database.connection.total_changes != self._changes
        if has_written or isinstance(error, DatabaseError):
            database.needs_rollback = True
        del database.run_on_commit[self._hooks :]


# Of the thread's work in the transaction that it leads.
_place = threading.local()


class _Job:
    """What one thread has to write, and what came of it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._result: Any = None
        self._error: Exception | None = None
        self.is_done = False

    def run(self) -> None:
        try:
            self._result = self._run()
        except Exception as error:  # noqa: BLE001 - of the thread that waits for it
            self._error = error

    def _run(self) -> Any:
        return self._work()

    @property
    def was_refused(self) -> bool:
        """Whether it was by its own rules; what the database refuses may work alone."""
        error = self._error
        return error is not None and not isinstance(error, DatabaseError)

    def outcome(self) -> Any:
        """Return what came of it, or raise it; do it alone if nothing did."""
        if not self.is_done:
            return self._work()
        if self._error is not None:
            raise self._error
        return self._result


class _Waiting(_Job):
    """One that another thread may run."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(work)
        # Of the thread that asks: the number of its request, and its language, which
        # Django keeps for each thread.
        self._context = copy_context()
        self._language = translation.get_language()
        self._bell = threading.Lock()
        self._bell.acquire()
        self.leads = False

    def _run(self) -> Any:
        return self._context.run(self._as_asked)

    def _as_asked(self) -> Any:
        if translation.get_language() == self._language:
            return self._work()
        with translation.override(self._language):
            return self._work()

    def wait(self) -> None:
        self._bell.acquire()

    def wake(self) -> None:
        self._bell.release()


class _Party:
    """Of the threads that come while one writes, the first writes for all."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._is_led = False

    def join(self, work: Callable[[], Any], database: BaseDatabaseWrapper) -> Any:
        job = _Job(work)
        if self._comes_first():
            self._lead(job, database)
            return job.outcome()
        job = _Waiting(work)
        if self._comes_first(job):
            job.leads = True
        else:
            job.wait()
        if job.leads:
            self._lead(job, database)
        return job.outcome()

    def _comes_first(self, job: _Waiting | None = None) -> bool:
        """Return whether nobody writes; else ``job`` waits for who does."""
        with self._guard:
            if not self._is_led:
                self._is_led = True
                return True
            if job is not None:
                self._waiting.append(job)
            return False

    def _lead(self, own: _Job, database: BaseDatabaseWrapper) -> None:
        """Write what ``own`` and others have; the first who then waits leads next.

        Whatever is wrong with the transaction, each of the others then does its own.
        """
        ran: list[_Job] = []
        try:
            self._gather()
            self._write(own, ran, database)
        finally:
            if not own.is_done:
                ran += self._all()
            for job in ran:
                if job is not own:
                    job.wake()
            if following := self._following():
                following.leads = True
                following.wake()

    def _gather(self) -> None:
        """Let threads come that are about to write, as long as any do.

        Those that run on the leader's core do not come while it writes. A process
        with a core of its own takes an eighth more parts so (measured).
        """
        came = -1
        while len(self._waiting) > came:
            came = len(self._waiting)
            os.sched_yield()

    def _write(self, own: _Job, ran: list[_Job], database: BaseDatabaseWrapper) -> None:
        """Run jobs in one transaction: all is done, or nothing."""

        def note() -> None:
            for job in ran:
                job.is_done = True

        with transaction.atomic():
            transaction.on_commit(note)  # before all else that happens after it
            job: _Job | None = own
            try:
                while job:
                    ran.append(job)
                    _place.outermost_of = database
                    job.run()
                    # A broken transaction is no good for others; its end takes back
                    # what it did.
                    has_room = len(ran) < _MOST and not database.needs_rollback
                    job = self._next() if has_room else None
            finally:
                _place.outermost_of = None
        # It was refused, and with it the transaction was taken back.
        own.is_done = own.is_done or (ran == [own] and own.was_refused)

    def _next(self) -> _Waiting | None:
        with self._guard:
            return self._waiting.popleft() if self._waiting else None

    def _all(self) -> list[_Waiting]:
        with self._guard:
            waiting = list(self._waiting)
            self._waiting.clear()
        return waiting

    def _following(self) -> _Waiting | None:
        with self._guard:
            following = self._waiting.popleft() if self._waiting else None
            self._is_led = following is not None
        return following


_party = _Party()

"""A connection to PostgreSQL for who has others waiting."""

from collections.abc import Generator
from contextlib import suppress
from typing import Any

import psycopg

ANSWER_SECONDS = 10
# Of a server that works: moving 100,000 parts to the trash took 9 (measured).
STATEMENT_SECONDS = 50
_CONNECT_SECONDS = 3
_CANCEL_SECONDS = 1


class NoAnswer(psycopg.OperationalError):
    """The server took the question and said nothing for too long."""


class PatientConnection(psycopg.Connection):
    """Gives up on a statement, and on itself, when the server no longer answers.

    The server's own ``statement_timeout`` says nothing when the server hangs, and
    what stands between may not know it (PgBouncer refuses it at the start).
    """

    def wait(
        self, gen: Generator, *, timeout: float | None = None, **bounds: Any
    ) -> Any:
        if timeout is not None:
            return super().wait(gen, timeout=timeout, **bounds)
        waited_seconds = 0
        while True:
            try:
                return super().wait(gen, timeout=ANSWER_SECONDS, **bounds)
            except psycopg.errors._WaitTimeout:
                waited_seconds += ANSWER_SECONDS
                if waited_seconds < STATEMENT_SECONDS and self._server_answers():
                    continue
                self._give_up()
                raise NoAnswer(f"no answer for {waited_seconds} seconds") from None

    def _server_answers(self) -> bool:
        """Whether it talks to somebody new; if not, it will not go on with this."""
        try:
            psycopg.connect(
                self.info.dsn,
                password=self.info.password,
                connect_timeout=_CONNECT_SECONDS,
            ).close()
        except psycopg.Error:
            return False
        return True

    def _give_up(self) -> None:
        """Close, since whatever is still said would answer no question."""
        # One that waits for a lock would do so on, beside those that come next.
        # What libpq before 17 has for it waits itself.
        if psycopg.capabilities.has_cancel_safe():
            with suppress(psycopg.Error):
                self.cancel_safe(timeout=_CANCEL_SECONDS)
        self.pgconn.finish()

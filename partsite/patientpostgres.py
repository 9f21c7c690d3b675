"""A connection to PostgreSQL for who has others waiting."""

from collections.abc import Generator
from contextlib import suppress
from typing import Any

import psycopg

ANSWER_SECONDS = 10
_CANCEL_SECONDS = 1


class NoAnswer(psycopg.OperationalError):
    """The server took the question and said nothing for too long."""


class PatientConnection(psycopg.Connection):
    """Gives up on a statement that is not answered in time, and on itself.

    The server's own ``statement_timeout`` says nothing when the server hangs, and
    what stands between may not know it (PgBouncer refuses it at the start).
    """

    def wait(self, gen: Generator, **bounds: Any) -> Any:
        if bounds.get("timeout") is not None:
            return super().wait(gen, **bounds)
        try:
            return super().wait(gen, **{**bounds, "timeout": ANSWER_SECONDS})
        except psycopg.errors._WaitTimeout:
            self._give_up()
            raise NoAnswer(f"no answer for {ANSWER_SECONDS} seconds") from None

    def _give_up(self) -> None:
        """Close, since whatever is still said would answer no question."""
        # One that waits for a lock would do so on, beside those that come next.
        # What libpq before 17 has for it waits itself.
        if psycopg.capabilities.has_cancel_safe():
            with suppress(psycopg.Error):
                self.cancel_safe(timeout=_CANCEL_SECONDS)
        self.pgconn.finish()

"""The database engine; Django looks for it in a module of this name."""

from threading import get_ident
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.backends.sqlite3 import base

from . import checkpoints, turns
from .cursors import Cursor, DirectCursor
from .schema import DatabaseSchemaEditor

_TIMEOUT_SECONDS = 5.0  # sqlite3's own


class DatabaseWrapper(base.DatabaseWrapper):
    """Lets those who write take turns, as ``turns`` has them."""

    SchemaEditorClass = DatabaseSchemaEditor
    _turn: turns.Turn | None = None
    _logs_queries = False

    def get_new_connection(self, conn_params: dict) -> Any:
        self._logs_queries = settings.DEBUG  # which is slow to ask each time
        return super().get_new_connection(conn_params)

    def create_cursor(self, name: str | None = None) -> Cursor:
        return self.connection.cursor(factory=Cursor)

    def cursor(self) -> Any:
        """Return a cursor with no layers around it, if nobody wants any.

        Nothing here runs in an event loop, which Django's own looks for each time.
        """
        if (
            self.connection is None
            or self.execute_wrappers
            or self.force_debug_cursor
            or self._logs_queries
            or (self.health_check_enabled and not self.health_check_done)
            or self._thread_ident != get_ident()
            or not apps.ready
        ):
            return super().cursor()
        cursor = self.connection.cursor(factory=DirectCursor)
        cursor.db = self
        return cursor

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
            longest = self.settings_dict["OPTIONS"].get("timeout", _TIMEOUT_SECONDS)
            self._turn = turns.take(str(self.settings_dict["NAME"]), longest)

    def _end_turn(self) -> None:
        if self._turn is not None:
            turn, self._turn = self._turn, None
            turn.end()

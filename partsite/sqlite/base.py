"""The database engine; Django looks for it in a module of this name."""

from collections.abc import Sequence
from functools import lru_cache

from django.db.backends.sqlite3 import base

from . import checkpoints, turns
from .schema import DatabaseSchemaEditor

_TIMEOUT_SECONDS = 5.0  # sqlite3's own
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


class DatabaseWrapper(base.DatabaseWrapper):
    """Lets those who write take turns, as ``turns`` has them."""

    SchemaEditorClass = DatabaseSchemaEditor
    _turn: turns.Turn | None = None

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
            longest = self.settings_dict["OPTIONS"].get("timeout", _TIMEOUT_SECONDS)
            self._turn = turns.take(str(self.settings_dict["NAME"]), longest)

    def _end_turn(self) -> None:
        if self._turn is not None:
            turn, self._turn = self._turn, None
            turn.end()

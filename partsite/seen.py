"""Which state of the database a statement sees, so that answers need no making anew.

Two statements that see the same state find the same rows, whoever has written
meanwhile and however: a page, a script, the worker, another program. Both databases
know it by themselves: PostgreSQL tells it as a column of any statement, SQLite in a few
microseconds without one.

SQLite's also tells of what nobody is shown, such as the queue's tables, which a worker
writes ten times for each file. So triggers (``parts.kept``) note there, in ``SHOWN``,
that something has changed that is shown of parts, or of what is around them.
"""

import json
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from itertools import chain
from sys import getsizeof
from types import MappingProxyType
from typing import Any, NamedTuple

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from .sqlite import watching

State = Hashable | None

# One row, of random numbers that are others after each change.
SHOWN = "parts_shown"
# Of what lists and sums show, of what is shown where a part stands alone, and of what
# is around them, which hardly ever changes: keys, people and seasons. And of the
# pictures that lists show, as JSON: a number for each category in which one changed.
LISTS, ALONE, AROUND, PICTURES = "lists", "alone", "around", "pictures"
_BYTES_OF_ONE = 1000  # of what is settled: about an instance
_NUMBERS = "SELECT {} FROM {}".format(  # noqa: S608 - ours
    " || ' ' || ".join((LISTS, ALONE, AROUND, PICTURES)), SHOWN
)


class Shown(NamedTuple):
    """The states of what is shown of parts, and of what is around them.

    ``parts`` is that of lists but for their pictures, and so of sums; ``lists`` of all
    lists, ``by_category`` of those of one category whose pictures have changed.
    """

    parts: State
    alone: State
    around: State
    lists: State
    by_category: Mapping[str, State] = MappingProxyType({})

    def of_category(self, category: str) -> State:
        """Return the state of the lists of one category."""
        return self.by_category.get(category, self.parts)


class Seen(models.Func):
    """The column that says in which state a statement sees all that.

    On PostgreSQL these are the transactions whose work it sees
    (``pg_current_snapshot``, since PostgreSQL 13).
    """

    arity = 0
    output_field = models.TextField()
    template = f"({_NUMBERS})"

    def as_postgresql(self, compiler, connection, **kwargs) -> tuple[str, list]:
        template = "PG_CURRENT_SNAPSHOT()::text"
        return self.as_sql(compiler, connection, template=template)


def glance(connection: BaseDatabaseWrapper) -> State:
    """Return the state now; a statement that follows sees it, or a later one.

    None where that takes a statement, and in a transaction: what is seen there may
    never become true.
    """
    if connection.in_atomic_block or connection.vendor != "sqlite":
        return None
    return watching.version(str(connection.settings_dict["NAME"]))


def told_by(connection: BaseDatabaseWrapper, seen: str | None) -> Shown:
    """Return what the column ``Seen`` says; nothing in a transaction."""
    if seen is None or connection.in_atomic_block:
        return Shown(None, None, None, None)
    if connection.vendor == "sqlite":
        parts, alone, around, pictures = seen.split()
        by_category = {
            category: f"{parts} {number}"
            for category, number in json.loads(pictures).items()
        }
        return Shown(parts, alone, around, f"{parts} {pictures}", by_category)
    # All of it is another with each transaction, so it would be kept for nothing.
    return Shown(seen, seen, None, seen)


def shown_now(connection: BaseDatabaseWrapper) -> Shown | None:
    """Return the states now, for less than it takes to find a key; on SQLite alone.

    None in a transaction, and wherever else ``glance`` says nothing. A statement that
    follows sees these or later ones.
    """
    if (state := glance(connection)) is None:
        return None
    if (shown := memory.find(SHOWN, state)) is None:
        with connection.cursor() as cursor:
            cursor.execute(_NUMBERS)
            row = cursor.fetchone()
        shown = told_by(connection, row and row[0])
        memory.keep(SHOWN, shown, _BYTES_OF_ONE, state)
    return shown


class Memory:
    """What was found in the state that was seen last of each kind of states.

    It is given to many: nobody may change it. What is too much goes, all at once:
    ``settings.REMEMBERED_BYTES``.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}

    def find(self, question: Hashable, state: State, kind: str = "") -> Any | None:
        """Return what was found in this state, None if nothing is known of it."""
        held = self._held.get(kind)
        return held.found.get(question) if held and state == held.state else None

    def keep(
        self,
        question: Hashable,
        found: Any,
        size_bytes: int,
        state: State,
        kind: str = "",
    ) -> None:
        """Keep what was read after ``state`` had been seen, unless that is None."""
        most = settings.REMEMBERED_BYTES
        if state is None or size_bytes > most:
            return
        with self._lock:
            held = self._held.get(kind)
            if held is None or state != held.state:
                held = self._held[kind] = _Held(state)
            if sum(held.bytes for held in self._held.values()) + size_bytes > most:
                self._held = {kind: (held := _Held(state))}
            held.found[question] = found
            held.bytes += size_bytes

    def clear(self) -> None:
        self._held = {}


class _Held:
    """What is true of one state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.found: dict[Hashable, Any] = {}
        self.bytes = 0


memory = Memory()


def bytes_of(rows: Iterable[tuple]) -> int:
    """Return about how much memory rows take."""
    return sum(map(getsizeof, chain.from_iterable(rows)))


# --- Pages ------------------------------------------------------------------------


class _Reading(threading.local):
    """What a page that only reads sees, while it is made.

    ``around`` is the state of what is around the parts, when a request's key was found.
    """

    state: State = None
    around: State = None


_reading = _Reading()


def only_reading(view: Callable) -> Callable:
    """Have a view find what was found before in the state that it begins in.

    Whatever it asks ``rows_of`` for; it must write nothing.
    """

    @wraps(view)
    def read(*args, **kwargs):
        _reading.state = _look(connections[DEFAULT_DB_ALIAS])
        try:
            return view(*args, **kwargs)
        finally:
            _reading.state = None

    return read


def rows_of(
    connection: BaseDatabaseWrapper,
    sql: str,
    values: Sequence,
    make: Callable[[list[tuple]], Any] | None = None,
) -> Any:
    """Return the rows of a statement, or what ``make`` makes of them.

    What a page ``only_reading`` gets is also others': nobody may change it.
    """
    if (state := _reading.state) is None:
        rows = _fetched(connection, sql, values)
        return make(rows) if make else rows
    question = (sql, make, *(tuple(v) if type(v) is list else v for v in values))
    if (found := memory.find(question, state)) is None:
        rows = _fetched(connection, sql, values)
        found = make(rows) if make else rows
        memory.keep(question, found, bytes_of(rows), state)
    return found


def _fetched(
    connection: BaseDatabaseWrapper, sql: str, values: Sequence
) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def _look(connection: BaseDatabaseWrapper) -> State:
    if not settings.REMEMBERED_BYTES:
        return None
    if connection.vendor == "sqlite" or connection.in_atomic_block:
        return glance(connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT PG_CURRENT_SNAPSHOT()::text")
        return cursor.fetchone()[0]


# --- Around parts -----------------------------------------------------------------


@contextmanager
def knowing(shown: Shown) -> Iterator[None]:
    """Have what is asked for with ``settled`` found as it was in this state."""
    _reading.around = shown.around
    try:
        yield
    finally:
        _reading.around = None


def settled(question: Hashable, read: Callable[[], Any]) -> Any:
    """Return what ``read`` reads of keys, people and seasons, and of nothing else.

    What is known of the state that the request's key was found in is not read again.
    It is given to many: nobody may change it.
    """
    state = _reading.around
    if (found := memory.find(question, state, AROUND)) is None:
        found = (read(),)
        memory.keep(question, found, _BYTES_OF_ONE, state, AROUND)
    return found[0]

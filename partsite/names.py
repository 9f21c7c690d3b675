"""A set of names that may be longer than memory is to hold."""

import sqlite3
from collections.abc import Iterable, Iterator
from types import TracebackType


class Names:
    """Unique names with a mark each, kept in a temporary file that is gone at the end.

    They come back in order.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._base = sqlite3.connect("", isolation_level=None)
        self._base.execute("PRAGMA synchronous = OFF")
        self._base.execute("PRAGMA journal_mode = OFF")
        self._base.execute(
            "CREATE TABLE names (name TEXT PRIMARY KEY, mark INTEGER) WITHOUT ROWID"
        )
        for name in names:
            self.add(name)

    def __enter__(self) -> "Names":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._base.close()

    def __iter__(self) -> Iterator[str]:
        rows = self._base.execute("SELECT name FROM names ORDER BY name")
        return (name for (name,) in rows)

    def __len__(self) -> int:
        return self._base.execute("SELECT count(*) FROM names").fetchone()[0]

    def __contains__(self, name: str) -> bool:
        found = self._base.execute("SELECT 1 FROM names WHERE name = ?", [name])
        return found.fetchone() is not None

    def add(self, name: str) -> bool:
        """Add ``name``; return whether it is new."""
        added = self._base.execute("INSERT OR IGNORE INTO names VALUES (?, 0)", [name])
        return bool(added.rowcount)

    def mark(self, name: str) -> bool:
        """Mark ``name``; return whether it is there and had no mark."""
        marked = self._base.execute(
            "UPDATE names SET mark = 1 WHERE name = ? AND mark = 0", [name]
        )
        return bool(marked.rowcount)

    def unmarked(self) -> Iterator[str]:
        rows = self._base.execute("SELECT name FROM names WHERE mark = 0 ORDER BY name")
        return (name for (name,) in rows)

"""Another server's database: its ``parts`` table, read and never written."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

COLUMNS = (
    "id",
    "uuid",
    "part_id",
    "type",
    "name",
    "subsystem",
    "material",
    "material_thickness",
    "amount",
    "assigned",
    "status",
    "category",
    "notes",
    "file",
    "onshape_url",
    "misc_info",
    "claimed_date",
    "created_at",
    "updated_at",
)
_NEEDED = {"id", "type", "name", "status"}
_OURS = {"current_step_id", "current_drawing_id"}
_WAIT_SECONDS = 5
_WAL_HEADER = 2  # bytes 18 and 19 of the file, https://sqlite.org/fileformat.html


class SourceError(Exception):
    """The other server's data cannot be read; the text says why and what to do."""


class Source:
    """The ``parts`` table, as it is.

    Attributes:
        known: its columns that have a meaning here.
        others: the rest of its columns.
        missing: what it could have and has not.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        names = [row[1] for row in self._run('PRAGMA table_info("parts")')]
        self._names = {name.lower(): name for name in names}
        if not names:
            raise SourceError(f"“{path}” has no table “parts”.")
        if self._names.keys() >= _OURS:
            raise SourceError(
                f"“{path}” is a database of this same program. Copy the database and "
                "the media folder instead; there is nothing to import."
            )
        if lacking := _NEEDED - self._names.keys():
            raise SourceError(
                f"The table “parts” of “{path}” has no column "
                f"{' and no '.join(sorted(lacking))}: these are not the parts of a "
                "server of this kind."
            )
        self.known = [column for column in COLUMNS if column in self._names]
        self.others = [column for column in self._names if column not in COLUMNS]
        self.missing = [column for column in COLUMNS if column not in self._names]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each row by column, in the order of the ids.

        Bytes that are not UTF-8 come as surrogates (``surrogateescape``).

        Raises:
            SourceError: the file is damaged or was taken away meanwhile.
        """
        columns = [*self.known, *self.others]
        names = ", ".join(_quoted(self._names[column]) for column in columns)
        query = f'SELECT {names} FROM "parts" ORDER BY "id"'  # noqa: S608 - quoted
        for row in self._run(query):
            yield dict(zip(columns, row, strict=True))

    def highest_id(self, most: int) -> int:
        """Return the highest id of a row that is not above ``most``; 0 for none."""
        query = (
            'SELECT max("id") FROM "parts" '
            'WHERE typeof("id") = \'integer\' AND "id" <= ?'
        )
        return next(self._run(query, most))[0] or 0

    def _run(self, query: str, *values: Any) -> Iterator[tuple]:
        try:
            yield from self._connection.execute(query, values)
        except sqlite3.Error as error:
            raise _unreadable(self._path, error) from error


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Open the database at ``path`` for reading.

    Raises:
        SourceError: it is missing, locked, damaged, no SQLite file, or has no
            parts.
    """
    if not path.is_file():
        raise SourceError(f"There is no file “{path}”.")
    try:
        connection = sqlite3.connect(_address(path), uri=True, timeout=_WAIT_SECONDS)
    except (sqlite3.Error, OSError) as error:
        raise _unreadable(path, error) from error
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    with closing(connection):
        yield Source(connection, path)


def _address(path: Path) -> str:
    """Return the URI that reads ``path`` and leaves nothing beside it."""
    address = f"{path.resolve().as_uri()}?mode=ro"
    with path.open("rb") as file:
        header = file.read(20)
    # Whoever has a database in WAL mode open keeps its log beside it. Without
    # one nobody writes, and SQLite need not make log and index for us, which
    # in a folder that is read-only it could not.
    logs_ahead = _WAL_HEADER in header[18:20]
    if logs_ahead and not Path(f"{path.resolve()}-wal").exists():
        address += "&immutable=1"
    return address


def _unreadable(path: Path, error: Exception) -> SourceError:
    words = str(error)
    if "not a database" in words:
        return SourceError(f"“{path}” is no SQLite database.")
    if "locked" in words or "busy" in words:
        return SourceError(
            f"“{path}” is locked: stop the other server and run this again."
        )
    return SourceError(
        f"“{path}” cannot be read ({words.rstrip('. ')}). Stop the other "
        "server, copy the file, check the copy (PRAGMA integrity_check) and try that."
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

"""Tables as lines of JSON, the same for every engine, and back."""

import base64
import datetime
import json
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import IO, Any
from uuid import UUID

from django.apps import apps as current_apps
from django.apps.registry import Apps
from django.core.exceptions import ValidationError
from django.core.management.color import no_style
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.utils.duration import duration_iso_string

from parts.models import StoredFile, pictures_in
from partsite.names import Names

from .archive import MOST_LINE_BYTES, Member
from .errors import ArchiveDamaged

# What belongs to the installation, not to the shop. Who was signed in signs in anew,
# since a session that ended after the backup must not come back; the worker finds
# by itself what is to be converted.
LEFT_OUT = {
    "accounts.session",
    "backups.backup",
    "django_q.ormq",
    "django_q.schedule",
    "django_q.task",
}
# Django makes these by itself in an empty database.
MADE_BY_ITSELF = {"contenttypes.contenttype", "auth.permission"}
_BATCH = 2000


def apps_of(loader: MigrationLoader, applied: Iterable[tuple[str, str]]) -> Apps:
    """Return the models as they are once the migrations ``applied`` are."""
    nodes = [node for node in applied if node in loader.graph.nodes]
    if set(loader.graph.leaf_nodes()) <= set(nodes):
        return current_apps  # as a rule, and a second sooner
    return loader.project_state(nodes).apps


def tables(apps: Apps) -> list[type[models.Model]]:
    """Return the models whose rows are kept, by their labels."""
    found = [
        model
        for model in apps.get_models(include_auto_created=True, include_swapped=False)
        if model._meta.managed
        and not model._meta.proxy
        and model._meta.label_lower not in LEFT_OUT
    ]
    return sorted(found, key=lambda model: model._meta.label_lower)


def written(model: type[models.Model]) -> list[models.Field]:
    """Return the columns that can be written: the database makes the others."""
    return [f for f in model._meta.concrete_fields if not f.generated]


# --- Out ----------------------------------------------------------------------


def dump(model: type[models.Model], using: str, target: IO[bytes], named: Names) -> int:
    """Write the rows of a table; return how many.

    The names of stored files in them are added to ``named``.
    """
    fields = written(model)
    columns = [field.attname for field in fields]
    target.write(_line({"table": model._meta.label_lower, "columns": columns}))
    finder = _Named(model._meta.label_lower, columns)
    rows = model._base_manager.using(using).order_by("pk").values_list(*columns)
    count = 0
    for row in rows.iterator(chunk_size=_BATCH):
        target.write(_line(row))
        for name in finder.of(row):
            named.add(name)
        count += 1
    return count


def _line(value: Any) -> bytes:
    # ASCII alone: even half a surrogate, which JSON columns may hold, comes back.
    text = json.dumps(value, default=_plain, separators=(",", ":"))
    return text.encode() + b"\n"


def _plain(value: Any) -> str:
    match value:
        case datetime.timedelta():
            return duration_iso_string(value)
        case datetime.date() | datetime.time():
            return value.isoformat()
        case UUID() | Decimal():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode()
    raise TypeError(f"{type(value)} has no place in a backup.")


class _Named:
    """Finds the names of stored files in rows."""

    TABLES = ("parts.partfile", "parts.draftfile")

    def __init__(self, table: str, columns: Sequence[str]) -> None:
        holding = StoredFile.STORED if table in self.TABLES else ()
        self._places = [columns.index(name) for name in holding if name in columns]
        has_pictures = table == "parts.part" and "extra" in columns
        self._extra = columns.index("extra") if has_pictures else None

    def of(self, row: Sequence[Any]) -> Iterator[str]:
        for place in self._places:
            if row[place]:
                yield row[place]
        if self._extra is not None:
            yield from pictures_in(row[self._extra] or {}).values()


# --- Back ---------------------------------------------------------------------


class Table:
    """The rows of one table, read from an archive."""

    def __init__(self, member: Member) -> None:
        self.label = member.table
        self.fields: list[models.Field] = []
        self._member = member
        head = self._read()
        try:
            self.columns: list[str] = head["columns"]
            is_ours = head["table"] == self.label and all(
                isinstance(column, str) for column in self.columns
            )
        except (TypeError, KeyError):
            is_ours = False
        if not is_ours:
            raise ArchiveDamaged(f"{member.name} does not begin with its columns.")
        self._named = _Named(self.label, self.columns)

    def fits(self, apps: Apps) -> bool:
        """Whether there is such a table, with these columns."""
        try:
            model = apps.get_model(self.label)
        except LookupError:
            return False
        return set(self.columns) <= {field.attname for field in written(model)}

    def bind(self, apps: Apps) -> None:
        """Take the values for those of a table's columns.

        Raises:
            ArchiveDamaged: there is no such table, or it has other columns.
        """
        if not self.fits(apps):
            raise ArchiveDamaged(f"The rows of {self.label} fit no table here.")
        self.model = apps.get_model(self.label)
        by_name = {field.attname: field for field in written(self.model)}
        self.fields = [by_name[column] for column in self.columns]

    def rows(self) -> Iterator[list[Any]]:
        """Yield each row as Python has it: texts, numbers, times."""
        number = 1
        while (row := self._read()) is not None:
            number += 1
            if not isinstance(row, list) or len(row) != len(self.columns):
                raise ArchiveDamaged(
                    f"Line {number} of {self._member.name} is no row of that table."
                )
            try:
                yield (
                    [
                        _value(field, value)
                        for field, value in zip(self.fields, row, strict=True)
                    ]
                    if self.fields
                    else row
                )
            except (ValidationError, ValueError, TypeError) as error:
                raise ArchiveDamaged(
                    f"Line {number} of {self._member.name} cannot be read: {error}."
                ) from error

    def names_in(self, row: Sequence[Any]) -> Iterator[str]:
        """Yield the names of stored files in a row."""
        return self._named.of(row)

    def _read(self) -> Any:
        line = self._member.readline(MOST_LINE_BYTES)
        if not line:
            return None
        if not line.endswith(b"\n"):
            raise ArchiveDamaged(f"A line of {self._member.name} is cut off.")
        try:
            return json.loads(line)
        except ValueError as error:
            raise ArchiveDamaged(f"{self._member.name} is no JSON: {error}.") from error


def _value(field: models.Field, value: Any) -> Any:
    is_json = isinstance(field, models.JSONField)
    return value if value is None or is_json else field.to_python(value)


def load(table: Table, connection: BaseDatabaseWrapper, named: Names) -> None:
    """Write the rows of ``table`` into the database, which has none.

    The names of stored files in them are added to ``named``.
    """
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in table.fields)
    places = ", ".join("%s" for _ in table.fields)
    name = quote(table.model._meta.db_table)
    insert = f"INSERT INTO {name} ({columns}) VALUES ({places})"
    batch: list[list[Any]] = []

    def write() -> None:
        with connection.cursor() as cursor:
            cursor.executemany(insert, batch)
        batch.clear()

    for row in table.rows():
        batch.append(
            [
                field.get_db_prep_save(value, connection)
                for field, value in zip(table.fields, row, strict=True)
            ]
        )
        for stored in table.names_in(row):
            named.add(stored)
        if len(batch) == _BATCH:
            write()
    if batch:
        write()


# --- Numbers of rows to come --------------------------------------------------


def next_ids(
    found: Sequence[type[models.Model]], connection: BaseDatabaseWrapper
) -> dict[str, int]:
    """Return the number that each table's next row would get; none is used twice."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name, seq + 1 FROM sqlite_sequence")
            numbers = dict(cursor.fetchall())
            return {
                model._meta.label_lower: numbers[model._meta.db_table]
                for model in found
                if model._meta.db_table in numbers
            }
        numbers = {}
        for model in found:
            if sequence := _sequence(model, cursor):
                cursor.execute("SELECT last_value + is_called::int FROM " + sequence)
                numbers[model._meta.label_lower] = cursor.fetchone()[0]
        return numbers


def set_next_ids(
    found: Sequence[type[models.Model]],
    numbers: dict[str, int],
    connection: BaseDatabaseWrapper,
) -> None:
    """Have each table go on where it stood, and behind its last row at least."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for statement in connection.ops.sequence_reset_sql(no_style(), found):
                cursor.execute(statement)
        for model in found:
            number = numbers.get(model._meta.label_lower)
            if number is None or number < 2:
                continue
            if connection.vendor == "sqlite":
                table = model._meta.db_table
                cursor.execute(
                    "UPDATE sqlite_sequence SET seq = max(seq, %s) WHERE name = %s",
                    [number - 1, table],
                )
                if not cursor.rowcount:
                    cursor.execute(
                        "INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)",
                        [table, number - 1],
                    )
            elif sequence := _sequence(model, cursor):
                cursor.execute(
                    "SELECT setval(%s, greatest(%s, "
                    f"(SELECT last_value FROM {sequence})))",
                    [sequence, number - 1],
                )


def _sequence(model: type[models.Model], cursor: Any) -> str | None:
    """Return the quoted name of the sequence behind a table's ids, if it has one."""
    if not isinstance(model._meta.pk, models.AutoField):
        return None
    cursor.execute(
        "SELECT pg_get_serial_sequence(%s, %s)",
        [f'"{model._meta.db_table}"', model._meta.pk.column],
    )
    return cursor.fetchone()[0]

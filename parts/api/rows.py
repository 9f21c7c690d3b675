"""Part objects as text, straight from the database: what a serializer would write.

The fields are declared once, in the serializer. Here each is asked for the columns
it is made of, so the two cannot drift apart; a kind of field that is not known here
is an error at the start. What is a column as it stands becomes JSON in the database
itself, which takes a third of what it takes in Python (measured); the rest, miscInfo
and addresses, is made here by the fields' own code and put between.
"""

import json
from collections.abc import Callable, Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson
from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from rest_framework import serializers

from .fields import PRIORITIES, Derived, Moment, PriorityWord, Text

Statement = tuple[str, tuple]
Piece = Callable[[tuple], str]


class Rows:
    """What a serializer writes of instances, written of rows of their columns."""

    def __init__(
        self,
        serializer: serializers.Serializer,
        model: type[models.Model],
        prefix: str = "",
    ) -> None:
        """Args:
        prefix: of the columns, where ``model`` is joined to another.
        """
        self._prefix = prefix
        self._model = model
        self.columns: list[Any] = []
        # Each makes what writes its piece of many rows.
        self._pieces: list[Callable[[], Piece]] = []
        named = serializer.fields.items()
        for is_made_here, fields in groupby(named, lambda pair: _is_made_here(pair[1])):
            if is_made_here:
                self._pieces += [self._made_here(name, field) for name, field in fields]
            else:
                self._pieces.append(self._made_there(fields))

    def statement(self, objects: models.QuerySet) -> Statement | None:
        """Return the SQL that reads ``objects``; None if there can be none."""
        try:
            return objects.values_list(*self.columns).query.sql_with_params()
        except EmptyResultSet:
            return None

    def read(self, statement: Statement | None) -> list[str]:
        """Run what ``statement`` made; return each object as JSON."""
        if statement is None:
            return []
        with connection.cursor() as cursor:
            cursor.execute(*statement)
            rows = cursor.fetchall()
        return [*map(self._writer(), rows)]

    def _writer(self) -> Piece:
        pieces = [make() for make in self._pieces]
        return lambda row: f"{{{','.join([piece(row) for piece in pieces])}}}"

    # --- What fields are made of ----------------------------------------------

    def _made_there(
        self, fields: Iterable[tuple[str, serializers.Field]]
    ) -> Callable[[], Piece]:
        """Have the database write fields that follow each other as one object."""
        place = self._add(
            JsonText(**{name: self._expression(field) for name, field in fields})
        )
        return lambda: lambda row: row[place][1:-1]

    def _made_here(self, name: str, field: serializers.Field) -> Callable[[], Piece]:
        of = self._derived if isinstance(field, Derived) else self._joined
        make = of(field)

        def named() -> Piece:
            write = make()
            return lambda row: f'"{name}":{write(row)}'

        return named

    def _expression(self, field: serializers.Field) -> Any:
        path = self._path(getattr(field, "column", field.source))
        match field:
            case PriorityWord():
                return PriorityText(path)
            case Text():
                return NullIfBlank(path)
            case Moment():
                return TimeText(path)
            case serializers.UUIDField():
                return UuidText(path)
            case (
                serializers.IntegerField()
                | serializers.CharField()
                | serializers.ChoiceField()
                | serializers.DateField()
            ):
                return models.F(path)
        raise TypeError(f"How a column becomes {type(field).__name__} is not known.")

    def _derived(self, field: Derived) -> Callable[[], Piece]:
        first = len(self.columns)
        changes = []
        for n, column in enumerate(field.columns):
            match self._column(column):
                case models.JSONField():
                    changes.append((n, _loaded if field.parses else orjson.Fragment))
                    self._add(self._path(column))
                case models.DateTimeField():
                    self._add(TimeText(self._path(column)))
                case _:
                    self._add(self._path(column))
        values_of = itemgetter(slice(first, len(self.columns)))

        def make() -> Piece:
            write = field.writer()
            if not changes:
                return lambda row: dumped(write(*values_of(row)))

            def changed(row: tuple) -> str:
                values = [*values_of(row)]
                for n, change in changes:
                    if values[n] is not None:
                        values[n] = change(values[n])
                return dumped(write(*values))

            return changed

        return make

    def _joined(self, field: serializers.Serializer) -> Callable[[], Piece]:
        """Write another row that this one refers to; null if it refers to none."""
        model = self._column(field.source).related_model
        joined = Rows(field, model, self._path(f"{field.source}__"))
        number = self._add(self._path(field.source))
        first = len(self.columns)
        self.columns += joined.columns

        def make() -> Piece:
            write = joined._writer()
            return lambda row: "null" if row[number] is None else write(row[first:])

        return make

    def _add(self, column: Any) -> int:
        self.columns.append(column)
        return len(self.columns) - 1

    def _path(self, source: str) -> str:
        return self._prefix + source

    def _column(self, path: str) -> models.Field:
        model = self._model
        *joins, name = path.split("__")
        for join in joins:
            model = model._meta.get_field(join).related_model
        return model._meta.get_field(name)


def _is_made_here(field: serializers.Field) -> bool:
    return isinstance(field, Derived | serializers.Serializer)


def _loaded(text: str) -> Any:
    return {} if text == "{}" else json.loads(text)


def dumped(value: Any) -> str:
    """Write JSON, as short as can be."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        # What orjson refuses: a whole number of more than 64 bits, in miscInfo.
        return json.dumps(value, allow_nan=False)


# --- What the database writes -------------------------------------------------


class JsonText(models.Func):
    """An object as JSON text, with the keys in the order they are given.

    Not Django's JSONObject, which PostgreSQL 15 makes a jsonb of, in an order of its
    own; the keys are code, not data, and stand in the statement as they are.
    """

    output_field = models.TextField()

    def __init__(self, **fields: Any) -> None:
        super().__init__(*fields.values())
        self.names = list(fields)

    def as_sql(self, compiler, connection, **kwargs) -> tuple[str, list]:
        pairs, values = [], []
        for name, expression in zip(self.names, self.source_expressions, strict=True):
            sql, of_expression = compiler.compile(expression)
            pairs.append(f"'{name}', {sql}")
            values += of_expression
        return f"JSON_OBJECT({', '.join(pairs)})", values

    def as_postgresql(self, compiler, connection, **kwargs) -> tuple[str, list]:
        sql, values = self.as_sql(compiler, connection)
        return f"JSON_BUILD_OBJECT{sql.removeprefix('JSON_OBJECT')}::text", values


class _TextOf(models.Func):
    arity = 1
    output_field = models.TextField()
    on_postgresql = ""

    def as_postgresql(self, compiler, connection, **kwargs) -> tuple[str, list]:
        template = self.on_postgresql or self.template
        return self.as_sql(compiler, connection, template=template)


class NullIfBlank(_TextOf):
    """A text, or nothing if it is empty.

    Not Django's NullIf, whose blank is a parameter: sixteen of them in a statement
    take as long as to run it.
    """

    template = "NULLIF(%(expressions)s, '')"


class TimeText(_TextOf):
    """A time as ``fields.written`` writes it; SQLite keeps it as text in UTC."""

    template = "REPLACE(%(expressions)s, ' ', 'T') || '+00:00'"
    on_postgresql = (
        "REPLACE(TO_CHAR(%(expressions)s AT TIME ZONE 'UTC', "
        "'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '.000000', '') || '+00:00'"
    )


class UuidText(_TextOf):
    """A UUID with its hyphens, which SQLite keeps without."""

    template = " || '-' || ".join(
        f"SUBSTR(%(expressions)s, {start}, {length})"
        for start, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    )
    on_postgresql = "%(expressions)s::text"


class PriorityText(_TextOf):
    """A priority as a word."""

    template = "CASE %(expressions)s {} END".format(
        " ".join(f"WHEN {value} THEN '{word}'" for value, word in PRIORITIES.items())
    )

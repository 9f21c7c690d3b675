"""Queries that are written once, and then run with other values each time.

Django writes the SQL of a queryset anew whenever it is read. For the 42 cards of a
board that takes 3.5 ms, to run it 0.8, and to make instances of the rows 2.5
(measured). So the first is done once, and the last only for what is needed.
"""

import json
import pickle
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import Any

from django.db import connections
from django.db.models import (
    BooleanField,
    CharField,
    DateField,
    Expression,
    Field,
    Func,
    Model,
    QuerySet,
)
from django.db.models.query import get_related_populators
from django.db.models.sql.compiler import SQLCompiler

from .seen import rows_of

Row = tuple


class Slot(Expression):
    """Stands in a queryset for a value that is given when it is run."""

    def __init__(self, name: str, output_field: Field) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler, connection) -> tuple[str, list]:
        return "%s", [self]


class Among(Func):
    """Whether a number is one of those that are given for a slot, however many."""

    arity = 2
    conditional = True
    output_field = BooleanField()
    arg_joiner = " IN (SELECT value FROM json_each("
    template = "%(expressions)s))"

    def as_postgresql(self, compiler, connection) -> tuple[str, list]:
        return self.as_sql(
            compiler, connection, arg_joiner=" = ANY(", template="%(expressions)s)"
        )


class AnyCase(Func):
    """Whether a text is one that is given for a slot, as ``iexact`` has it.

    ``iexact`` itself wants the text when the statement is written. The slot's field
    is an ``AnyCaseField``.
    """

    arity = 2
    conditional = True
    output_field = BooleanField()
    arg_joiner = " LIKE "
    template = r"%(expressions)s ESCAPE '\'"

    def as_postgresql(self, compiler, connection) -> tuple[str, list]:
        return self.as_sql(
            compiler,
            connection,
            arg_joiner=") = UPPER(",
            template="UPPER(%(expressions)s::text)",
        )


class AnyCaseField(CharField):
    def get_db_prep_value(self, value, connection, prepared=False) -> str:
        return connection.ops.prep_for_iexact_query(value)


class Unindexed(Func):
    """A column by which SQLite is not to look anything up."""

    arity = 1
    template = "%(expressions)s"

    def as_sqlite(self, compiler, connection, **context) -> tuple[str, list]:
        return self.as_sql(compiler, connection, template="+%(expressions)s")


class Statement:
    """SQL with slots, and the values that always stand in it."""

    def __init__(self, sql: str, params: Iterable, using: str) -> None:
        self._using = using
        self._sql, self._params = sql, tuple(params)

    @classmethod
    def spelt_out(cls, sql: str, params: Iterable, using: str) -> "Statement":
        """Write into the SQL every value that is not a slot's.

        A partial index serves only a statement that says what the index says; a
        value that comes apart might be another.
        """
        params = list(params)
        quote = connections[using].schema_editor().quote_value
        written = tuple(
            "%s" if isinstance(param, Slot) else str(quote(param)).replace("%", "%%")
            for param in params
        )
        slots = [param for param in params if isinstance(param, Slot)]
        return cls(sql.replace("%%", "%%%%") % written, slots, using)

    def rows(self, **values: Any) -> list[Row]:
        """Run the statement with values for its slots; return what the driver does."""
        return self._asked(values)

    def _asked(self, values: dict, make: Callable | None = None) -> list:
        connection = connections[self._using]
        params = [
            _prepared(param, values[param.name], connection)
            if isinstance(param, Slot)
            else param
            for param in self._params
        ]
        return rows_of(connection, self._sql, params, make)


class Compiled(Statement):
    """The statement of a queryset, and how its rows become instances.

    Args:
        is_lazy: times stay what the database keeps them as until an instance is made.
            A row is packed, to be known again, in less than half the time where its
            times are still SQLite's texts (measured).
    """

    def __init__(self, objects: QuerySet, *, is_lazy: bool = False) -> None:
        self._compiler = objects.query.get_compiler(using=objects.db)
        if is_lazy and connections[objects.db].vendor == "sqlite":
            _keep_texts(self._compiler)
        super().__init__(*self._compiler.as_sql(), objects.db)

    def read(self, **values: Any) -> list[Model]:
        """Return the instances, as the queryset would with these values."""
        return self.instances(self.rows(**values))

    def unmade(self, **values: Any) -> "list[Unmade]":
        """Return the rows, of which instances can be made."""
        return self._asked(values, self._as_unmade)

    def one(self, **values: Any) -> Model | None:
        """Return the first instance, if there is any."""
        return next(iter(self.read(**values)), None)

    def shared(self, **values: Any) -> Model | None:
        """Return the first instance: for the same row the same one, to many.

        So nobody may change it.
        """
        rows = self.rows(**values)
        return self._shared(rows[0]) if rows else None

    @cached_property
    def _shared(self) -> Callable[[Row], Model]:
        return lru_cache(maxsize=10)(lambda row: self.instances([row])[0])

    def instances(self, rows: Iterable[Row]) -> list[Model]:
        """Make of rows what the queryset would have made of them."""
        model, names, own, joined = self._parts
        connection = connections[self._using]
        made = []
        for row in rows:
            values = [*row]
            for place, convert, column in self._converters:
                values[place] = convert(values[place], column, connection)
            instance = model.from_db(self._using, names, values[own])
            for relation in joined:
                relation.populate(values, instance)
            for name, place in self._compiler.annotation_col_map.items():
                setattr(instance, name, values[place])
            made.append(instance)
        return made

    @cached_property
    def places(self) -> dict[str, int]:
        """Where in a row each column stands: ``season_id``, ``current_step__state``."""
        found = dict(_places(self._compiler.klass_info, self._compiler.select))
        return found | self._compiler.annotation_col_map

    @cached_property
    def _as_unmade(self) -> Callable[[list[Row]], "list[Unmade]"]:
        return lambda rows: [Unmade(row, self) for row in rows]

    @cached_property
    def _converters(self) -> list[tuple[int, Callable, Expression]]:
        columns = [column for column, _sql, _alias in self._compiler.select]
        return [
            (place, convert, column)
            for place, (converts, column) in self._compiler.get_converters(
                columns
            ).items()
            for convert in converts
        ]

    @cached_property
    def _parts(self) -> tuple[type[Model], list[str], slice, list]:
        """The model, its columns, where they stand, and what makes what is joined."""
        told, select = self._compiler.klass_info, self._compiler.select
        own = slice(told["select_fields"][0], told["select_fields"][-1] + 1)
        names = [column.target.attname for column, _sql, _alias in select[own]]
        joined = get_related_populators(told, select, self._using)
        return told["model"], names, own, joined


class Unmade:
    """A row of which no instance is made yet."""

    __slots__ = ("_digest", "compiled", "values")

    def __init__(self, values: Row, compiled: Compiled) -> None:
        self.values = values
        self.compiled = compiled
        self._digest = b""

    @property
    def digest(self) -> bytes:
        """What it is known again by, with everything that is in it."""
        if not self._digest:
            packed = pickle.dumps(self.values)
            self._digest = blake2b(packed, digest_size=16).digest()
        return self._digest

    def __getitem__(self, column: str) -> Any:
        """Return a column of text or numbers, which drivers give as they are."""
        return self.values[self.compiled.places[column]]

    def make(self) -> Model:
        return self.compiled.instances([self.values])[0]


def _keep_texts(compiler: SQLCompiler) -> None:
    """Have SQLite's driver give times as the texts that they are.

    It knows them by their columns' types, and an expression has none
    (sqlite.org/c3ref/column_decltype.html). Django's own converters take either.
    """
    set_up = compiler.setup_query

    def set_up_as_texts(**wanted) -> None:
        set_up(**wanted)
        compiler.select = [
            (column, (f"+{text}", params), alias)
            if isinstance(column.output_field, DateField)
            else (column, (text, params), alias)
            for column, (text, params), alias in compiler.select
        ]

    compiler.setup_query = set_up_as_texts


def _prepared(slot: Slot, value: Any, connection) -> Any:
    if isinstance(value, list):
        return json.dumps(value) if connection.vendor == "sqlite" else value
    return slot.output_field.get_db_prep_value(value, connection)


def _places(klass_info: dict, select: list, prefix: str = "") -> Iterator:
    for place in klass_info["select_fields"]:
        yield prefix + select[place][0].target.attname, place
    for joined in klass_info.get("related_klass_infos", ()):
        yield from _places(joined, select, f"{prefix}{joined['field'].name}__")

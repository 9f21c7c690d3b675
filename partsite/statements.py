"""Inserts and updates that the ORM words once, then run with other values.

What every write does again and again takes the ORM three to five times as long to
write down as the database to do (measured). Remembered is the text alone, and what
turns values into what the database holds and back: fields and converters are the
ORM's own, so nothing is written in another way than elsewhere. What is read so is in
``compiled``.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import sql

from .instances import Quick


class _Field(NamedTuple):
    """A field, and of which types its values are that it hands on unchanged."""

    field: models.Field
    kept: tuple[type, ...]


class Inserted(Quick):
    """A model whose new rows are inserted so, whoever saves them."""

    class Meta:
        abstract = True

    def _do_insert(self, manager, using, fields, returning_fields, raw):
        values = [field.pre_save(self, add=True) for field in fields]
        if raw or any(hasattr(value, "as_sql") for value in values):
            return super()._do_insert(manager, using, fields, returning_fields, raw)
        to = connections[using]
        has_number = any(field is self._meta.auto_field for field in fields)
        written = _insertion(type(self), to.vendor, has_number=has_number)
        with to.cursor() as cursor:
            cursor.execute(written.text, _held(written.fields, values, to))
            return [to.ops.fetch_returned_insert_columns(cursor, written.returning)]


class NewRow:
    """A new row that is all but inserted: nobody has to wait for its wording.

    Nothing is told to signals, and nobody is told its number.

    Args:
        values: plain ones, of every column but the number, by their names.
    """

    def __init__(self, model: type[models.Model], **values: Any) -> None:
        to = connections[DEFAULT_DB_ALIAS]
        written = _insertion(model, to.vendor, returns=False)
        if values.keys() != written.places.keys():
            wrong = ", ".join(sorted(values.keys() ^ written.places.keys()))
            raise TypeError(f"All columns of {model.__name__} are needed: {wrong}.")
        told = [values[name] for name in written.places]
        self._text, self._places = written.text, written.places
        self._values = _held(written.fields, told, to)

    def run(self, **late: int) -> None:
        """Insert the row. It may be run again where what it did was taken back.

        Args:
            late: numbers that were not known before, by column.
        """
        for name, value in late.items():
            self._values[self._places[name]] = value
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(self._text, self._values)


class Insertion:
    """A new row as ``NewRow``, that an instance stands for.

    Args:
        row: has no number yet, and plain values.
    """

    def __init__(self, row: Inserted) -> None:
        to = connections[DEFAULT_DB_ALIAS]
        self._row = row
        self._written = written = _insertion(type(row), to.vendor)
        values = [*written.read(vars(row))]
        for place in written.told_late:
            values[place] = written.fields[place].field.pre_save(row, add=True)
        self._values = _held(written.fields, values, to)

    def run(self) -> None:
        """Insert the row, and tell the instance what the database made of it.

        It may be run again where what it did was taken back.
        """
        to, written = connections[DEFAULT_DB_ALIAS], self._written
        with to.cursor() as cursor:
            cursor.execute(written.text, self._values)
            made = to.ops.fetch_returned_insert_columns(cursor, written.returning)
        returned = self._row._meta.db_returning_fields
        for field, value in zip(returned, made, strict=True):
            setattr(self._row, field.attname, value)
        self._row._state.adding = False
        self._row._state.db = DEFAULT_DB_ALIAS


class _Written(NamedTuple):
    """A statement, the fields whose values it takes, and by columns where.

    ``read`` takes all values out of a row's ``vars``, but for the few fields, by their
    places, that say only then what is written.
    """

    text: str
    returning: list
    fields: list[_Field]
    places: dict[str, int]
    read: Callable[[dict[str, Any]], tuple]
    told_late: list[int]


@cache
def _insertion(
    model: type[models.Model],
    vendor: str,
    *,
    has_number: bool = False,
    returns: bool = True,
) -> _Written:
    # As ``Model.save`` chooses them.
    fields = [
        field
        for field in model._meta.local_concrete_fields
        if not field.generated and (has_number or field is not model._meta.auto_field)
    ]
    query = sql.InsertQuery(model)
    query.insert_values(fields, [model()])
    compiler = query.get_compiler(connection=connection)
    if returns:
        compiler.returning_fields = model._meta.db_returning_fields
    [(text, _values)] = compiler.as_sql()
    places = {field.attname: place for place, field in enumerate(fields)}
    read = itemgetter(*places)
    late = [place for place, field in enumerate(fields) if not _is_read(field)]
    known = _known(fields, vendor)
    return _Written(text, compiler.returning_params, known, places, read, late)


def _is_read(field: models.Field) -> bool:
    """Return whether what is written is what the row holds."""
    if isinstance(field, models.DateField):
        return not (field.auto_now or field.auto_now_add)
    return type(field).pre_save is models.Field.pre_save


class GuardedUpdate:
    """Changes the row with a number, if it is as ``guard`` has it.

    The guard is in the statement, so that of two who try exactly one succeeds.
    """

    def __init__(self, model: type[models.Model], guard: models.Q) -> None:
        self._model = model
        self._guard = guard
        self._written = cache(self._write)

    def run(self, pk: int, changes: Mapping[str, Any], where: Mapping[str, Any]) -> int:
        """Return how many rows were changed: 1 or 0.

        Args:
            where: what the row must hold beyond the guard, by field.
        """
        to = connections[DEFAULT_DB_ALIAS]  # what stands for it is slow to ask
        written = self._written((*changes,), (*where,), to.vendor)
        set_to = _held(written.changed, changes.values(), to)
        held = _held(written.held, where.values(), to)
        with to.cursor() as cursor:
            cursor.execute(written.text, (*set_to, *written.guards, pk, *held))
            return cursor.rowcount

    def _write(
        self, changed: tuple[str, ...], where: tuple[str, ...], vendor: str
    ) -> "_Guarded":
        rows = self._model._base_manager.filter(self._guard).filter(pk=0)
        for name in where:
            rows = rows.filter(**{name: ""})
        query = rows.query.chain(sql.UpdateQuery)
        # Not None, which the statement would hold as the word NULL.
        query.add_update_values(dict.fromkeys(changed, models.Value(0)))
        text, values = query.get_compiler(connection=connection).as_sql()
        guards = values[len(changed) : len(values) - 1 - len(where)]
        get_field = self._model._meta.get_field
        return _Guarded(
            text,
            _known(map(get_field, changed), vendor),
            guards,
            _known(map(get_field, where), vendor),
        )


class _Guarded(NamedTuple):
    """A statement, and the fields whose values it takes before and behind its own."""

    text: str
    changed: list[_Field]
    guards: tuple
    held: list[_Field]


def _known(fields: Iterable[models.Field], vendor: str) -> list[_Field]:
    return [_Field(field, _kept(field, vendor)) for field in fields]


def _kept(field: models.Field, vendor: str) -> tuple[type, ...]:
    match field:
        case models.CharField() | models.TextField():
            return (str,)
        case models.BooleanField():
            return (bool,)
        # PostgreSQL is told how large a number may be.
        case models.IntegerField() | models.ForeignKey() if vendor == "sqlite":
            return (int,)
    return ()


def _held(
    fields: Iterable[_Field], values: Iterable[Any], to: BaseDatabaseWrapper
) -> list[Any]:
    """Return values as the database is given them."""
    return [
        value
        # Most stay what they are; to ask takes many times as long.
        if value is None or isinstance(value, kept)
        else _prepared(field, value, to)
        for (field, kept), value in zip(fields, values, strict=True)
    ]


def _prepared(field: models.Field, value: Any, to: BaseDatabaseWrapper) -> Any:
    if to.vendor == "sqlite" and (text := _text(field, value, to)) is not None:
        return text
    if isinstance(value, models.Model):
        value = value.pk
    return field.get_db_prep_save(value, connection=to)


def _text(field: models.Field, value: Any, to: BaseDatabaseWrapper) -> str | None:
    """Return a time or a dict as Django writes it, after more than ten calls.

    None where it may be written in another way.
    """
    if type(value) is datetime:
        is_plain = type(field) is models.DateTimeField and value.tzinfo is UTC
        return (
            str(value.replace(tzinfo=None)) if is_plain and to.timezone is UTC else None
        )
    if type(value) is dict and type(field) is models.JSONField:
        return json.dumps(value, cls=field.encoder)
    return None

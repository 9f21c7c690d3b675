"""Inserts and updates that the ORM words once, then run with other values.

What every write does again and again takes the ORM three to five times as long to
write down as the database to do (measured). Remembered is the text alone, and what
turns values into what the database holds and back: fields and converters are the
ORM's own, so nothing is written in another way than elsewhere. What is read so is in
``compiled``.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from django.db import connection, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import sql

_TEXT = {models.CharField, models.TextField}


class Inserted(models.Model):
    """A model whose new rows are inserted so, whoever saves them."""

    class Meta:
        abstract = True

    def _do_insert(self, manager, using, fields, returning_fields, raw):
        values = [field.pre_save(self, add=True) for field in fields]
        if raw or any(hasattr(value, "as_sql") for value in values):
            return super()._do_insert(manager, using, fields, returning_fields, raw)
        to = connections[using]
        text, returning = _insertion(type(self), tuple(fields), to.vendor)
        with to.cursor() as cursor:
            cursor.execute(text, _held(zip(fields, values, strict=True), to))
            return [to.ops.fetch_returned_insert_columns(cursor, returning)]


@cache
def _insertion(
    model: type[models.Model], fields: tuple[models.Field, ...], _vendor: str
) -> tuple[str, list]:
    query = sql.InsertQuery(model)
    query.insert_values(fields, [model()])
    compiler = query.get_compiler(connection=connection)
    compiler.returning_fields = model._meta.db_returning_fields
    [(text, _values)] = compiler.as_sql()
    return text, compiler.returning_params


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
        text, guards = self._written((*changes,), (*where,), connection.vendor)
        get_field = self._model._meta.get_field
        set_to = [(get_field(name), value) for name, value in changes.items()]
        held = [(get_field(name), value) for name, value in where.items()]
        with connection.cursor() as cursor:
            cursor.execute(
                text,
                (*_held(set_to, connection), *guards, pk, *_held(held, connection)),
            )
            return cursor.rowcount

    def _write(
        self, changed: tuple[str, ...], where: tuple[str, ...], _vendor: str
    ) -> tuple[str, tuple]:
        rows = self._model._base_manager.filter(self._guard).filter(pk=0)
        for name in where:
            rows = rows.filter(**{name: ""})
        query = rows.query.chain(sql.UpdateQuery)
        # Not None, which the statement would hold as the word NULL.
        query.add_update_values(dict.fromkeys(changed, models.Value(0)))
        text, values = query.get_compiler(connection=connection).as_sql()
        return text, values[len(changed) : len(values) - 1 - len(where)]


def _held(
    pairs: Iterable[tuple[models.Field, Any]], to: BaseDatabaseWrapper
) -> list[Any]:
    """Return values as the database is given them."""
    return [
        value
        # Most are text, which stays what it is, and asking takes three times as long.
        if type(value) is str and type(field) in _TEXT
        else field.get_db_prep_save(
            value.pk if isinstance(value, models.Model) else value, connection=to
        )
        for field, value in pairs
    ]

"""Computed columns that are added to large tables while others write."""

from django.db import migrations, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.models import GeneratedField, Model

# Writers of these rows wait for as long: 0.1 s on a busy core (measured).
_BATCH = 1000


class AddComputed(migrations.AddField):
    """Adds a stored ``GeneratedField``; on PostgreSQL a trigger computes it.

    PostgreSQL writes the whole table anew for one that is part of it: at 100 000 parts
    it was 2.1 s (measured) in which nobody could write or read. For the rows that are
    there it is ``preset`` until ``FillComputed``, which is to follow.
    """

    def __init__(self, model_name, name, field, preset: int) -> None:
        super().__init__(model_name, name, field)
        self.preset = preset

    def deconstruct(self):
        name, args, kwargs = super().deconstruct()
        return name, args, {**kwargs, "preset": self.preset}

    def database_forwards(self, app_label, schema_editor, from_state, to_state) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        column = _Column(schema_editor, model, model._meta.get_field(self.name))
        column.add(self.preset)
        column.compute()

    def database_backwards(
        self, app_label, schema_editor, from_state, to_state
    ) -> None:
        if schema_editor.connection.vendor == "postgresql":
            model = from_state.apps.get_model(app_label, self.model_name)
            field = model._meta.get_field(self.name)
            _Column(schema_editor, model, field).compute_no_more()
        super().database_backwards(app_label, schema_editor, from_state, to_state)


class FillComputed(Operation):
    """Computes what ``AddComputed`` left, a few rows at a time.

    Columns of before there was ``AddComputed`` become the same. Its migration says
    ``atomic = False``, and can be run again when it was broken off.
    """

    def __init__(self, model_name: str, name: str) -> None:
        self.model_name = model_name
        self.name = name

    def state_forwards(self, app_label, state) -> None:
        pass

    def database_forwards(self, app_label, schema_editor, from_state, to_state) -> None:
        if schema_editor.connection.vendor != "postgresql":
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        column = _Column(schema_editor, model, model._meta.get_field(self.name))
        with transaction.atomic(schema_editor.connection.alias):
            column.alter(f"ALTER COLUMN {column} DROP EXPRESSION IF EXISTS")
            column.compute()
        column.fill()
        column.alter(f"ALTER COLUMN {column} SET NOT NULL")

    def database_backwards(
        self, app_label, schema_editor, from_state, to_state
    ) -> None:
        pass  # what is computed is what the state before has, too

    def describe(self) -> str:
        return f"Compute field {self.name} of the rows of {self.model_name}"


class _Column:
    """A column of PostgreSQL that a trigger computes."""

    def __init__(
        self,
        editor: BaseDatabaseSchemaEditor,
        model: type[Model],
        field: GeneratedField,
    ) -> None:
        self._editor = editor
        self._table = editor.quote_name(model._meta.db_table)
        self._id = editor.quote_name(model._meta.pk.column)
        self._quoted = editor.quote_name(field.column)
        self._type = field.db_type(editor.connection)
        # Not “parts_…”, which is what ``kept`` takes for its own.
        self._name = editor.quote_name(f"compute_{model._meta.db_table}_{field.column}")
        sql, values = field.generated_sql(editor.connection)
        self._sql = sql % tuple(map(editor.quote_value, values))
        columns = [editor.quote_name(f.column) for f in model._meta.concrete_fields]
        self._of = [column for column in columns if column in self._sql]

    def __str__(self) -> str:
        return self._quoted

    def add(self, preset: int) -> None:
        # Of a default PostgreSQL writes no row: it is kept once for all that are there.
        self.alter(f"ADD COLUMN {self} {self._type} NOT NULL DEFAULT {preset}")
        self.alter(f"ALTER COLUMN {self} DROP DEFAULT")

    def alter(self, change: str) -> None:
        self._do(f"ALTER TABLE {self._table} {change}")

    def compute(self) -> None:
        """Have it computed from now on, whatever is written into it."""
        sql = self._sql
        for column in self._of:
            sql = sql.replace(column, f"NEW.{column}")
        self._do(
            f"CREATE OR REPLACE FUNCTION {self._name}() RETURNS trigger "
            f"LANGUAGE plpgsql AS $$BEGIN NEW.{self} := {sql}; RETURN NEW; END$$"
        )
        self._do(
            f"CREATE OR REPLACE TRIGGER {self._name} "
            f"BEFORE INSERT OR UPDATE OF {', '.join([*self._of, str(self)])} "
            f"ON {self._table} FOR EACH ROW EXECUTE FUNCTION {self._name}()"
        )

    def compute_no_more(self) -> None:
        self._do(f"DROP TRIGGER IF EXISTS {self._name} ON {self._table}")
        self._do(f"DROP FUNCTION IF EXISTS {self._name}()")

    def fill(self) -> None:
        """Compute it where it is wrong, each batch in a transaction of its own."""
        wrong = f"{self._id} > done AND {self} IS DISTINCT FROM ({self._sql})"
        self._do(
            f"""DO $$
            DECLARE done bigint := 0; next bigint;
            BEGIN
              LOOP
                SELECT max(id) INTO next FROM (
                  SELECT {self._id} AS id FROM {self._table} WHERE {wrong}
                  ORDER BY {self._id} LIMIT {_BATCH}
                ) AS batch;
                EXIT WHEN next IS NULL;
                UPDATE {self._table} SET {self} = {self}
                WHERE {self._id} <= next AND {wrong};
                COMMIT;
                done := next;
              END LOOP;
            END$$"""  # noqa: S608 - names and values are ours, and quoted
        )

    def _do(self, sql: str) -> None:
        self._editor.execute(sql, params=None)

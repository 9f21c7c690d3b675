"""Indexes that are added to large tables while others write."""

from django.db import connection, migrations

# A migration of PostgreSQL that adds some is no transaction; SQLite needs one.
IN_TRANSACTION = connection.vendor != "postgresql"


class AddIndex(migrations.AddIndex):
    """Adds an index; on PostgreSQL without keeping out who writes.

    Its migration says ``atomic = IN_TRANSACTION``, and can be run again when it was
    broken off.
    """

    def database_forwards(self, app_label, schema_editor, from_state, to_state) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        # One whose making was broken off is there, and of no use.
        schema_editor.remove_index(model, self.index, concurrently=True)
        schema_editor.add_index(model, self.index, concurrently=True)

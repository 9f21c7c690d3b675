"""Indexes that are added to large tables while others write."""

from django.db import migrations


class AddIndex(migrations.AddIndex):
    """Adds an index; on PostgreSQL without keeping out who writes.

    Its migration says ``atomic = False``, so that on SQLite nobody waits for more than
    one index, and can be run again when it was broken off.
    """

    def database_forwards(self, app_label, schema_editor, from_state, to_state) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        is_postgresql = schema_editor.connection.vendor == "postgresql"
        how = {"concurrently": True} if is_postgresql else {}
        # One whose making was broken off is there, and of no use.
        schema_editor.remove_index(model, self.index, **how)
        schema_editor.add_index(model, self.index, **how)

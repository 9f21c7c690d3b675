from django.core.management import call_command
from django.db import migrations


def make_table(apps, schema_editor):
    """Make the table of the counter cache, so that ``migrate`` is all it takes.

    Also where REDIS_URL is set: it may be taken away again.
    """
    call_command(
        "createcachetable",
        "cache",
        database=schema_editor.connection.alias,
        verbosity=0,
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    # Going back leaves the table: it holds nothing that anybody misses.
    operations = [migrations.RunPython(make_table, migrations.RunPython.noop)]

"""Make plain DRF a database: ``python -m bench.yardsticks.plain.tables db.sqlite3``.

It has the tables that Django makes of the models here, with what is in those of the
file that is named, the site's, and lies where the settings say.
"""

import os
import sys

import django
from django.apps import apps
from django.db import connection


def main(source: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.yardsticks.plain.settings")
    django.setup()
    models = list(apps.get_app_config("plain").get_models())
    with connection.cursor() as cursor:
        cursor.execute("ATTACH %s AS site", [source])
        with connection.schema_editor() as editor:
            for model in models:
                editor.create_model(model)
        for model in models:  # in their order, each after what it points to
            table = model._meta.db_table
            columns = ", ".join(f.column for f in model._meta.concrete_fields)
            # Names of the models here and nothing else.
            copied = f"SELECT {columns} FROM site.{table}"  # noqa: S608
            cursor.execute(f"INSERT INTO main.{table} ({columns}) {copied}")  # noqa: S608
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1])

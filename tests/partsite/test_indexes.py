"""Indexes that are added to large tables."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

NAME = "partevent_of_actor"


@pytest.mark.django_db(transaction=True)
def test_an_index_whose_making_was_broken_off_is_made_again_beside_writers():
    call_command("migrate", "parts", "0012", verbosity=0)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE INDEX {NAME} ON parts_partevent (id)")
    with CaptureQueriesContext(connection) as queries:
        call_command("migrate", verbosity=0)
    (made,) = [
        query["sql"]
        for query in queries
        if query["sql"].startswith("CREATE INDEX") and f'"{NAME}"' in query["sql"]
    ]
    how = "CONCURRENTLY " if connection.vendor == "postgresql" else ""
    assert made.startswith(f"CREATE INDEX {how}")
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(
            cursor, "parts_partevent"
        )
    assert constraints[NAME]["columns"] == ["actor_id", "verb", "at", "id"]

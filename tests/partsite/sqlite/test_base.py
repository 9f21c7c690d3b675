"""Statements in SQLite's own words."""

import pytest
from django.db import connection

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's engine"),
]


@pytest.mark.parametrize(
    ("sql", "values", "row"),
    [
        ("SELECT %s, '%%s', '100 %%', %s", ["a", "?"], ("a", "%s", "100 %", "?")),
        ("SELECT '%s', '%%', '?'", None, ("%s", "%%", "?")),
        ("SELECT %(b)s, %(a)s", {"a": 1, "b": 2}, (2, 1)),
        ("SELECT %s" + " " * 30_000, ["long"], ("long",)),
    ],
)
def test_a_statement_means_the_same_each_time(sql, values, row):
    for _ in range(2):
        with connection.cursor() as cursor:
            assert cursor.execute(sql, values).fetchone() == row


def test_values_are_not_remembered():
    with connection.cursor() as cursor:
        for value in ("a", "b"):
            assert cursor.execute("SELECT %s", [value]).fetchone() == (value,)

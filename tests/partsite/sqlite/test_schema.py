"""Tables that SQLite changes where they stand."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from django.db import IntegrityError, models
from django.db.backends.sqlite3 import schema

from partsite.sqlite.schema import DatabaseSchemaEditor
from tests.migrating import FIRST, LARGE, empty, migrate, run

pytestmark = pytest.mark.django_db


def beside(engine: str) -> AbstractContextManager:
    return empty(ENGINE=engine, NAME=":memory:")


def columns(database, table: str) -> dict[str, tuple]:
    rows = run(database, f"PRAGMA table_xinfo({table})")
    # Type, NOT NULL, primary key, and whether it is computed, now or when read.
    return {row[1]: (row[2], row[3], row[5], row[6] > 0) for row in rows}


def rules(database, table: str) -> set[str]:
    sql = dict(run(database, "SELECT name, sql FROM sqlite_master"))[table]
    rule = r'CONSTRAINT "\w+" CHECK .+?(?=, CONSTRAINT|\)$)'
    return {*re.findall(rule, sql), *re.findall(r"GENERATED ALWAYS AS \(.+ END\)", sql)}


def indexes(database, table: str) -> set[tuple]:
    words = run(database, "SELECT name, sql FROM sqlite_master WHERE type = 'index'")
    made = dict(words)
    found = set()
    for _, name, is_unique, _, is_partial in run(
        database, f"PRAGMA index_list({table})"
    ):
        of = tuple(row[2] for row in run(database, f"PRAGMA index_info({name})"))
        # What makes a column UNIQUE is named by SQLite or by Django.
        is_column = is_unique and not is_partial and None not in of
        found.add((of, is_unique, None if is_column else made[name]))
    return found


def references(database, table: str) -> set[tuple]:
    return {row[2:] for row in run(database, f"PRAGMA foreign_key_list({table})")}


def test_tables_come_out_as_if_they_had_been_copied(monkeypatch):
    monkeypatch.setattr(
        schema.DatabaseSchemaEditor,
        "sql_delete_index",
        DatabaseSchemaEditor.sql_delete_index,
    )
    found = []
    for engine in ("django.db.backends.sqlite3", "partsite.sqlite"):
        with beside(engine) as database:
            list(migrate(database))
            found.append(
                {
                    table: [
                        told(database, table)
                        for told in (columns, rules, indexes, references)
                    ]
                    for table in database.introspection.table_names()
                }
            )
    copied, changed = found
    assert {*LARGE} < {*copied}
    assert changed == copied


def test_no_migration_copies_a_large_table():
    """Nobody could write for seconds. ``DatabaseSchemaEditor`` tells what need not."""
    with beside("partsite.sqlite") as database:
        copied = {
            (*node, table)
            for node, said in migrate(database)
            for table in LARGE
            if any(f'CREATE TABLE "new__{table}"' in sql for sql in said)
        }
    assert {what for what in copied if what[:2] != FIRST} == set()


# --- One change at a time -----------------------------------------------------


class Box(models.Model):
    name = models.CharField(max_length=20)
    amount = models.IntegerField(null=True)

    class Meta:
        app_label = "boxes"

    def __str__(self) -> str:
        return self.name


def check(name: str, **condition) -> models.CheckConstraint:
    return models.CheckConstraint(condition=models.Q(**condition), name=name)


@pytest.fixture
def boxes() -> Iterator:
    with beside("partsite.sqlite") as database:
        with database.schema_editor() as editor:
            editor.create_model(Box)
        run(database, "INSERT INTO boxes_box VALUES (1, 'a', 5), (2, 'b', NULL)")
        yield database


def test_a_check_holds_for_the_rows_that_come_and_can_be_taken_away(boxes):
    few = check("box_few", amount__lte=9)
    with boxes.schema_editor() as editor:
        editor.add_constraint(Box, few)
    with pytest.raises(IntegrityError, match="CHECK constraint failed: box_few"):
        run(boxes, "INSERT INTO boxes_box VALUES (3, 'c', 10)")
    with boxes.schema_editor() as editor:
        editor.remove_constraint(Box, few)
    run(boxes, "INSERT INTO boxes_box VALUES (3, 'c', 10)")
    assert run(boxes, "PRAGMA integrity_check") == [("ok",)]


def test_a_check_that_a_row_fails_is_not_added(boxes):
    before = run(boxes, "SELECT sql FROM sqlite_master")
    with (
        pytest.raises(IntegrityError, match="CHECK constraint failed: box_fewer"),
        boxes.schema_editor() as editor,
    ):
        editor.add_constraint(Box, check("box_fewer", amount__lte=4))
    assert run(boxes, "SELECT sql FROM sqlite_master") == before


def test_a_check_that_is_taken_back_with_its_transaction_is_gone(boxes):
    def break_off() -> None:
        with boxes.schema_editor() as editor:
            editor.add_constraint(Box, check("box_few", amount__lte=9))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    run(boxes, "INSERT INTO boxes_box VALUES (3, 'c', 10)")


def test_a_check_in_other_words_is_removed_by_copying(boxes):
    with boxes.schema_editor() as editor:
        editor.add_constraint(Box, check("box_few", amount__lte=9))
        editor.remove_constraint(Box, check("box_few", amount__lte=8))
    run(boxes, "INSERT INTO boxes_box VALUES (3, 'c', 10)")
    assert run(boxes, "SELECT count(*) FROM boxes_box") == [(3,)]


@pytest.mark.parametrize(
    ("field", "before", "is_in_place"),
    [
        (models.CharField(default="it's"), "it's", True),
        (models.BooleanField(default=False), 0, True),
        (models.IntegerField(null=True), None, True),
        (models.IntegerField(null=True, unique=True), None, True),
        (models.IntegerField(null=True, default=7), 7, False),
        (models.IntegerField(default=lambda: 7), 7, False),
        (models.IntegerField(db_default=7), 7, False),
    ],
)
def test_a_column_is_added_with_what_the_rows_before_it_have(
    boxes, field, before, is_in_place
):
    field = field.clone()
    field.set_attributes_from_name("more")
    field.model = Box
    said = []

    def note(execute, sql, *rest):
        said.append(sql)
        return execute(sql, *rest)

    with boxes.execute_wrapper(note), boxes.schema_editor() as editor:
        editor.add_field(Box, field)
    assert run(boxes, "SELECT id, more FROM boxes_box") == [(1, before), (2, before)]
    assert ('CREATE TABLE "new__boxes_box"' in " ".join(said)) is not is_in_place
    if field.unique:
        with pytest.raises(IntegrityError, match="UNIQUE"):
            run(boxes, "UPDATE boxes_box SET more = 1")

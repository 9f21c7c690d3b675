"""Computed columns, and what else PostgreSQL does to tables that others write to."""

import re
from collections.abc import Iterator

import pytest
from django.db import connection, migrations
from django.db.migrations.executor import MigrationExecutor
from django.db.models import F

from parts.models import Part, Queue, Status
from partsite import computed
from tests.migrating import BESIDE, FIRST, LARGE, OURS, empty, migrate, run

BEFORE = ("parts", "0004_draft_file")
# What 0005 made where they have been migrated before this was written.
OLD_INDEXES = (
    "part_lane ON parts (category, queue)",
    "part_finished ON parts (category, completed_at)",
    "part_place ON parts (category, storage_location)",
)

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        "connection.vendor != 'postgresql'", reason="PostgreSQL's triggers"
    ),
]


@pytest.fixture
def beside() -> Iterator:
    """A schema that nothing is in."""
    settings = connection.settings_dict
    options = {**settings["OPTIONS"], "options": f"-c search_path={BESIDE}"}
    options.pop("pool", None)
    with empty(**{**settings, "OPTIONS": options}) as database:
        run(database, f"CREATE SCHEMA {BESIDE}")
        yield database
        run(database, f"DROP SCHEMA {BESIDE} CASCADE")


def move(database, *nodes: tuple[str, str]):
    """Migrate to ``nodes``, or to what is ours today; return the models there."""
    executor = MigrationExecutor(database)
    leaves = executor.loader.graph.leaf_nodes()
    targets = nodes or [node for node in leaves if node[0] in OURS]
    return executor.migrate(targets).apps


def everything(database) -> dict[str, list[tuple]]:
    said = {
        "columns": "SELECT table_name, row_number() OVER (PARTITION BY table_name "
        "ORDER BY ordinal_position), column_name, data_type, "
        "is_nullable, column_default, is_generated, generation_expression "
        "FROM information_schema.columns WHERE table_schema = current_schema()",
        "rules": "SELECT conrelid::regclass::text, conname, convalidated, "
        "pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = current_schema()::regnamespace",
        "indexes": "SELECT indexdef, indisvalid FROM pg_indexes JOIN pg_index "
        "ON indexrelid = to_regclass(quote_ident(indexname)) "
        "WHERE schemaname = current_schema()",
        "triggers": "SELECT pg_get_triggerdef(t.oid) FROM pg_trigger AS t JOIN "
        "pg_class AS c ON c.oid = tgrelid WHERE NOT tgisinternal "
        "AND relnamespace = current_schema()::regnamespace",
        "functions": "SELECT pg_get_functiondef(oid) FROM pg_proc "
        "WHERE pronamespace = current_schema()::regnamespace",
    }
    return {what: sorted(run(database, sql), key=repr) for what, sql in said.items()}


def fill(apps) -> None:
    """Add a part of each status, blocked and not."""
    apps.get_model("parts", "Part").objects.using(BESIDE).bulk_create(
        apps.get_model("parts", "Part")(
            code=f"{status} {reason}",
            type="cnc",
            subsystem="Arm",
            category="completed" if status == Status.COMPLETED else "cnc",
            status=status,
            blocked_reason=reason,
        )
        for status in Status.values
        for reason in ("", "no stock")
    )


def queues() -> dict[str, int]:
    """Return the queue of each part; all are as the model has it."""
    parts = Part.objects.using(BESIDE)
    wrong = parts.alias(right=Part._meta.get_field("queue").expression)
    assert not wrong.exclude(queue=F("right")).exists()
    return dict(parts.values_list("code", "queue"))


def test_rows_from_before_and_after_have_what_the_model_says(beside, monkeypatch):
    monkeypatch.setattr(computed, "_BATCH", 3)
    fill(move(beside, BEFORE))
    with monkeypatch.context() as patch:
        patch.setattr(computed._Column, "fill", lambda column: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            move(beside)
    assert run(beside, "SELECT DISTINCT queue FROM parts") == [(0,)]
    move(beside)  # one that was broken off is run again
    found = queues()
    assert len(found) == 2 * len(Status)
    assert found["Pending "] == found["Completed "] == Queue.READY
    assert found["Cancelled no stock"] == Queue.CANCELLED
    assert found["In Progress no stock"] == Queue.BLOCKED

    Part.objects.using(BESIDE).filter(status=Status.REVIEWED).update(
        status=Status.IN_PROGRESS
    )
    run(beside, "UPDATE parts SET queue = 4 WHERE status = 'In Progress'")
    part = Part(code="new", status=Status.CANCELLED, subsystem="Arm")
    part.save(using=BESIDE)
    assert part.queue == Queue.CANCELLED
    assert queues() == {
        **found,
        "Reviewed ": Queue.IN_PROGRESS,
        "Reviewed no stock": Queue.BLOCKED,
        "new": Queue.CANCELLED,
    }


def test_databases_of_before_come_out_as_new_ones(beside, monkeypatch):
    fill(move(beside, BEFORE))
    with monkeypatch.context() as patch:
        as_ever = migrations.AddField.database_forwards
        patch.setattr(computed.AddComputed, "database_forwards", as_ever)
        move(beside, ("parts", "0005_lanes_and_remakes"))
    for index in OLD_INDEXES:
        run(beside, f"CREATE INDEX {index}")
    assert everything(beside)["triggers"] == []
    move(beside)
    old = everything(beside)
    assert queues()["Cancelled "] == Queue.CANCELLED

    move(beside, BEFORE)
    left = everything(beside)
    assert (left["triggers"], left["functions"]) == ([], [])
    assert "queue" not in {row[2] for row in left["columns"]}

    move(beside)
    new = everything(beside)
    assert [sql.split()[2] for (sql,) in new["triggers"]] == ["compute_parts_queue"]
    assert old == new


def test_no_migration_keeps_others_from_a_large_table_for_long(beside):
    """Nobody could write for seconds. ``AddComputed`` and ``AddIndex`` do without."""
    plain = re.compile(
        r'CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY).* ON "(?:' + "|".join(LARGE) + ')"'
    )
    where = dict.fromkeys(LARGE)
    long = set()
    for node, said in migrate(beside):
        stood, where = (
            where,
            dict(
                run(
                    beside,
                    "SELECT relname, relfilenode FROM pg_class "
                    "WHERE relnamespace = current_schema()::regnamespace",
                )
            ),
        )
        if node == FIRST or stood[LARGE[0]] is None:
            where = {table: where.get(table) for table in LARGE}
            continue
        long |= {(*node, sql) for sql in said if plain.match(sql)}
        long |= {(*node, t, "written anew") for t in LARGE if stood[t] != where[t]}
    assert long == set()

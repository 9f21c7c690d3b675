"""What changes what is shown of parts is noted, and nothing else, on SQLite."""

import sqlite3

import pytest
from django.core.management.sql import (
    emit_post_migrate_signal,
    emit_pre_migrate_signal,
)
from django.db import connection, transaction
from django.db.migrations import Migration
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from accounts import keys
from accounts.models import Scope
from parts import kept
from parts.kept import sqlite
from parts.models import (
    Category,
    Conversion,
    ConversionCount,
    Part,
    PartEvent,
    PartFile,
    Season,
    Status,
    Verb,
)
from partsite.seen import SHOWN, memory
from partsite.shelf import Shelf
from tests.factories import make_converted, make_file, make_key, make_part, make_user

PARTS = "/api/parts/"
ADDRESSES = {
    "lists": [
        PARTS,
        f"{PARTS}?limit=5&sort_by=name",
        f"{PARTS}categories/cnc?search=plate",
        f"{PARTS}?status=Reviewed&type=cnc&subsystem=arm",
        f"{PARTS}stats",
        f"{PARTS}stats/detailed",
        f"{PARTS}leaderboard",
    ],
    "alone": [f"{PARTS}1"],
}
# What nobody changes but the triggers that see the parts change.
_OURS = (*sqlite.NAMES, "sqlite_master", "json_each", SHOWN)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "sqlite", reason="PostgreSQL knows of each change itself"
    ),
]


@pytest.fixture
def reader(client):
    _, text = keys.issue("reader", scope=Scope.READ)
    memory.clear()
    client.defaults["HTTP_X_API_KEY"] = text
    return client


@pytest.fixture
def part():
    part = make_part(pk=1, category="cnc", type="cnc", name="Plate")
    make_converted(part)
    return part


def _shown() -> tuple:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM parts_shown")
        return cursor.fetchone()


def _read_by(ask) -> set[tuple[str, str]]:
    """Return the table and column of all that SQLite reads while something is asked."""
    found = set()

    def note(action, table, column, *_) -> int:
        if action == sqlite3.SQLITE_READ:
            found.add((table, column))
        return sqlite3.SQLITE_OK

    connection.connection.set_authorizer(note)
    try:
        ask()
    finally:
        connection.connection.set_authorizer(None)
    return found


@pytest.mark.parametrize("kind", ADDRESSES)
def test_nothing_is_shown_whose_change_is_not_noted(reader, part, kind):
    for _ in range(2):  # the first notes that the key was used, so it is read again
        reader.get(f"{PARTS}?limit=1")
    for address in ADDRESSES[kind]:
        read = {
            (table, column)
            for table, column in _read_by(lambda address=address: reader.get(address))
            if not table.startswith(_OURS)
        }
        assert {table for table, _ in read} <= {*sqlite.SHOWN_TABLES}, address
        if kind == "lists":
            of_file = {column for table, column in read if table == "parts_partfile"}
            assert of_file <= {*sqlite.LISTED_OF_FILE, "id"}, address


def _raw(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


_SHOWN_BOTH = {"lists", "alone"}
CHANGES = {
    "a part": (lambda: _raw("UPDATE parts SET notes = 'x'"), _SHOWN_BOTH),
    "one more": (make_part, _SHOWN_BOTH),
    "one less": (lambda: _raw("DELETE FROM parts WHERE id = 2"), _SHOWN_BOTH),
    "a season": (
        lambda: _raw("UPDATE parts_season SET name = 'x'"),
        {*_SHOWN_BOTH, "around"},
    ),
    "a line of history": (
        lambda: _raw("UPDATE parts_partevent SET at = at"),
        _SHOWN_BOTH,
    ),
    "a file": (lambda: make_file(make_part()), _SHOWN_BOTH),
    "a picture": (
        lambda: _raw("UPDATE parts_partfile SET thumbnail = 'a.png' WHERE id != 99"),
        {"alone", "pictures"},
    ),
    "a picture that no list shows": (
        lambda: _raw("UPDATE parts_partfile SET thumbnail = 'a.png' WHERE id = 99"),
        _SHOWN_BOTH,
    ),
    "progress": (lambda: PartFile.objects.update(state=Conversion.RUNNING), {"alone"}),
    "facts": (lambda: _raw("UPDATE parts_partfile SET facts = '{}'"), {"alone"}),
    "a task": (lambda: OrmQ.objects.create(key="x", payload="x"), set()),
    "a count": (lambda: ConversionCount.add("done", seconds=1), set()),
    "a key": (make_key, {"around"}),
    "a key's use": (
        lambda: _raw("UPDATE accounts_apikey SET last_used_at = created_at"),
        {"around"},
    ),
    "a key's end": (lambda: _raw("DELETE FROM accounts_apikey"), {"around"}),
    "another in its place": (
        lambda: _raw("REPLACE INTO accounts_apikey SELECT * FROM accounts_apikey"),
        {"around"},
    ),
    "somebody": (make_user, {"around"}),
    "a role": (lambda: _raw("UPDATE accounts_user SET role = 'lead'"), {"around"}),
    "somebody gone": (
        lambda: _raw("DELETE FROM accounts_user WHERE id = 99"),
        {"around"},
    ),
    "one taken back": (lambda: _taken_back(), set()),
}


def _taken_back() -> None:
    with transaction.atomic():
        make_part()
        transaction.set_rollback(True)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noted_where_it_is_shown(part, change):
    make_part(pk=2, season=Season.objects.create(name="2026"))
    PartEvent.objects.create(part=part, verb=Verb.CREATED)
    older = make_file(make_part(pk=3))
    Part.objects.filter(pk=3).update(current_step=None)
    PartFile.objects.filter(pk=older.pk).update(id=99)
    make_user(pk=99)
    make_key()
    run, where = CHANGES[change]
    before = _shown()
    run()
    now = zip(("lists", "alone", "around", "pictures"), _shown(), before, strict=True)
    assert {name for name, now, then in now if now != then} == where


def _queries(ask) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert ask().status_code == 200
    return len(queries)


def test_what_a_worker_does_costs_readers_a_look_alone(reader, part):
    for _ in range(2):
        reader.get(PARTS)
        reader.get(f"{PARTS}1")
    OrmQ.objects.create(key="x", payload="x")
    assert _queries(lambda: reader.get(PARTS)) == 1
    assert _queries(lambda: reader.get(f"{PARTS}1")) == 0
    PartFile.objects.update(state=Conversion.RUNNING)
    assert _queries(lambda: reader.get(PARTS)) == 1
    assert _queries(lambda: reader.get(f"{PARTS}1")) == 1
    assert reader.get(f"{PARTS}1").json()["model"]["state"] == "running"


LISTS = [PARTS, *(f"{PARTS}categories/{category}" for category in Category.values)]


@pytest.mark.parametrize("category", Category.values)
def test_a_model_that_is_done_ends_no_lists_of_other_categories(reader, category):
    make_converted(make_part(category=category))
    for _ in range(2):
        for address in (*LISTS, f"{PARTS}stats"):
            reader.get(address)
    for name in ("a.png", "b.png"):
        PartFile.objects.update(thumbnail=name, state=Conversion.DONE)
        assert _queries(lambda: reader.get(f"{PARTS}stats")) == 1  # the look
        cost = {a: _queries(lambda a=a: reader.get(a)) for a in LISTS}
        ended = {PARTS, f"{PARTS}categories/{category}"}
        assert cost == {address: int(address in ended) for address in LISTS}
        for address in ended:
            [told] = reader.get(address).json()["parts"]
            assert told["thumbnail"].endswith(f"/{name}")


def test_a_list_that_a_part_comes_to_has_its_picture(reader):
    make_converted(make_part(category="review", type="hand"))
    there, other = f"{PARTS}categories/review", f"{PARTS}categories/hand"
    for _ in range(2):
        assert reader.get(other).json()["parts"] == []
    PartFile.objects.update(thumbnail="new.png")
    assert reader.get(other).json()["parts"] == []
    Part.objects.update(category="hand", status=Status.REVIEWED)
    [told] = reader.get(other).json()["parts"]
    assert told["thumbnail"].endswith("/new.png")
    assert reader.get(there).json()["parts"] == []


def test_a_picture_of_another_part_is_shown_where_it_stands(reader, part):
    """No step writes this, but whoever mends a database by hand may."""
    stranger = make_part(category="hand")
    Part.objects.filter(pk=stranger.pk).update(current_step=part.current_step_id)
    Part.objects.filter(pk=part.pk).update(current_step=None)
    address = f"{PARTS}categories/hand"
    for _ in range(2):
        reader.get(address)
    PartFile.objects.update(thumbnail="new.png")
    [told] = reader.get(address).json()["parts"]
    assert told["thumbnail"].endswith("/new.png")


def test_what_another_process_has_read_is_not_read_again(reader, part, monkeypatch):
    for _ in range(2):
        first = reader.get(PARTS)
    memory.clear()  # of this one
    again = reader.get(PARTS)
    monkeypatch.delattr(Shelf, "find")  # and is looked for there once
    assert _queries(lambda: reader.get(PARTS)) == 0
    assert (again.content, again.headers["ETag"], again.headers["Allow"]) == (
        first.content,
        first.headers["ETag"],
        first.headers["Allow"],
    )


def test_without_the_triggers_nothing_is_remembered(reader, part):
    for _ in range(2):
        reader.get(f"{PARTS}1")
    kept.remove(connection)
    assert {*_shown()} == {None}
    # It looks whether anything is known, in vain, and reads the key and the part.
    assert _queries(lambda: reader.get(f"{PARTS}1")) == 3
    _raw("UPDATE parts SET name = 'Other'")
    assert reader.get(f"{PARTS}1").json()["name"] == "Other"
    kept.recount()
    assert None not in _shown()
    assert _queries(lambda: reader.get(f"{PARTS}1")) == 3
    assert _queries(lambda: reader.get(f"{PARTS}1")) == 0


def test_making_all_anew_ends_what_was_remembered(part):
    before = _shown()
    kept.recount()
    assert None not in _shown()
    assert not {*before} & {*_shown()}


def test_a_table_of_before_has_its_place_taken(part):
    kept.recount()
    _raw("DROP TABLE parts_shown")
    _raw("CREATE TABLE parts_shown (lists INTEGER, alone INTEGER)")
    _raw("INSERT INTO parts_shown VALUES (1, 2)")
    kept.recount()
    assert None not in _shown()
    assert len(_shown()) == 4


@pytest.mark.parametrize("app", ["parts", "accounts"])
def test_a_migration_ends_what_was_remembered(part, app):
    """SQLite changes a table by copying it, and its triggers are gone."""
    migration = Migration("0002_other", app)
    emit_pre_migrate_signal(0, False, "default", plan=[(migration, False)])
    assert {*_shown()} == {None}
    emit_post_migrate_signal(0, False, "default")
    assert None not in _shown()
    assert kept.is_whole(connection)

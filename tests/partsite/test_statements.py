"""Statements that are remembered write what the ORM itself would."""

from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, connections, transaction
from django.db.models import Q, Value
from django.db.models.functions import Upper
from django.test.utils import CaptureQueriesContext

from parts.models import Part, PartEvent, Priority, Season, Status, Type, Verb
from partsite.statements import GuardedUpdate, Insertion, NewRow
from tests.factories import make_file, make_part, make_user

pytestmark = pytest.mark.django_db

ODD = {
    "uuid": UUID("00000000-0000-0000-0000-00000000000a"),
    "code": "R-7%",
    "name": 'Zoë\'s "plate" %s 🦾',
    "notes": "\n" * 20_000,
    "amount": 2**31 - 1,
    "priority": Priority.URGENT,
    "due_date": date(2026, 2, 28),
    "extra": {"a": [1, None, {"ü": 1.5}], "b": None},
    "completed_incorrectly": True,
    "wrong_reason": "5% too small",
    "claimed_date": datetime(2026, 1, 15, 10, 30, tzinfo=UTC),
    "approved_at": datetime(2026, 1, 15, 10, 30, 0, 1, tzinfo=UTC),
}
COPIED = [
    field.attname
    for field in Part._meta.concrete_fields
    if field.attname not in {"id", "queue", "uuid", "code"}
]
_rename = GuardedUpdate(Part, Q(category="review") & ~Q(blocked_reason="x"))


def _columns(part: Part | None) -> dict | None:
    return part and {
        field.attname: getattr(part, field.attname)
        for field in part._meta.concrete_fields
    }


def test_a_new_row_holds_what_was_saved_and_knows_what_the_database_made():
    part = make_part(type=Type.HAND, status=Status.IN_PROGRESS, **ODD)
    stored = Part.objects.get(pk=part.pk)
    assert _columns(stored) == _columns(part)
    assert stored.queue == 1
    assert {name: getattr(stored, name) for name in ODD} == ODD


def test_a_new_row_may_bring_its_number_and_expressions():
    part = make_part(pk=4711, name=Upper(Value("plate")))
    assert Part.objects.get(pk=4711).name == "PLATE"
    assert part.pk == 4711
    assert make_part(pk=4712).pk == 4712


def test_a_row_that_is_inserted_later_is_as_if_it_were_saved():
    saved = make_part(type=Type.HAND, status=Status.IN_PROGRESS, **ODD)
    fresh = {"uuid": UUID(int=11), "code": "", "created_at": saved.created_at}
    part = Part(**{name: getattr(saved, name) for name in COPIED} | fresh)
    row = Insertion(part)
    for _ in range(2):  # what was taken back is done again
        with transaction.atomic():
            row.run()
            transaction.set_rollback(True)
    row.run()
    assert not part._state.adding
    stored = Part.objects.get(pk=part.pk)
    assert _columns(stored) == _columns(part)
    alike = _columns(saved) | fresh | {"id": part.pk, "updated_at": part.updated_at}
    assert _columns(stored) == alike


LINE = {
    "at": datetime(2026, 1, 15, 10, 30, 0, 1, tzinfo=UTC),
    "actor_name": "Zoë",
    "actor_id": None,
    "api_key_id": None,
    "verb": Verb.CREATED,
    "changes": {"a": [None, {"ü": 1.5}]},
    "revision": 3,
    "note": 'a "note" %s',
}


def test_a_row_that_nobody_has_an_instance_of_is_as_if_it_were_saved():
    part = make_part()
    row = NewRow(PartEvent, part_id=0, **LINE)
    for _ in range(2):  # what was taken back is done again
        with transaction.atomic():
            row.run(part_id=part.pk)
            transaction.set_rollback(True)
    row.run(part_id=part.pk)
    saved = PartEvent.objects.create(part=part, **LINE)
    [stored] = PartEvent.objects.exclude(pk=saved.pk).values()
    assert stored == PartEvent.objects.values().get(pk=saved.pk) | {"id": stored["id"]}


@pytest.mark.parametrize("wrong", [{"other": 1}, {}])
def test_a_row_without_an_instance_needs_each_column(wrong):
    columns = {name: value for name, value in LINE.items() if name != "note"} | wrong
    with pytest.raises(TypeError, match="needed: note"):
        NewRow(PartEvent, part_id=1, **columns)


def test_a_new_row_needs_what_it_refers_to():
    user = make_user()
    event = PartEvent(part=make_part(), actor=user, verb="created", changes={"a": None})
    event.save()
    stored = PartEvent.objects.get()
    assert (stored.actor, stored.changes, stored.at) == (user, {"a": None}, event.at)
    with pytest.raises(ValueError, match="unsaved related object"):
        PartEvent(part=Part(), verb="created").save()


@pytest.mark.parametrize(
    ("stands", "where", "count"),
    [
        ({}, {}, 1),
        ({"category": "cnc"}, {}, 0),
        ({"blocked_reason": "x"}, {}, 0),
        ({"assigned": "Sam"}, {"assigned": "Sam", "name": "A"}, 1),
        ({"assigned": "Sam"}, {"name": "A", "assigned": ""}, 0),
        ({"assigned": "Sam"}, {"name": "B", "assigned": "Sam"}, 0),
    ],
)
def test_a_row_is_changed_only_if_it_is_as_it_has_to_be(stands, where, count):
    part, other = make_part(**{"name": "A", **stands}), make_part(name="A")
    assert _rename.run(part.pk, {"notes": "new"}, where) == count
    part.refresh_from_db()
    other.refresh_from_db()
    assert (part.notes, other.notes) == ("new" if count else "", "")


def test_a_row_is_changed_to_what_the_orm_would_write():
    part, expected = make_part(), make_part()
    odd = {name: value for name, value in ODD.items() if name not in ("uuid", "code")}
    file = make_file(expected)
    for changes in (
        {**odd, "current_step": file, "season": Season.objects.create(name="2026")},
        {"due_date": None, "current_step": None, "season": None, "extra": {}},
    ):
        assert _rename.run(part.pk, changes, {}) == 1
        Part.objects.filter(pk=expected.pk).update(**changes)
        stored = Part.objects.get(pk=part.pk)
        for name in changes:
            assert getattr(stored, name) == changes[name], name
        expected.refresh_from_db()
        for name in changes:
            assert getattr(stored, name) == getattr(expected, name), name


def _as_kept(part: Part) -> dict:
    """Return the texts and numbers that the database itself has of a part."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM parts WHERE id = {part.pk}")  # noqa: S608
        [row] = cursor.fetchall()
        return dict(zip([column[0] for column in cursor.description], row, strict=True))


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 15, 10, 30, tzinfo=UTC),
        datetime(2026, 1, 15, 10, 30, 0, 100, tzinfo=UTC),
        datetime(999, 1, 15, tzinfo=UTC),
        datetime(2026, 1, 15, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        datetime(2026, 1, 15, 1, 30, tzinfo=ZoneInfo("Europe/Berlin")),
    ],
)
@pytest.mark.parametrize("extra", [{}, ODD["extra"], {"ü": [True, 1e300, '"%s']}])
def test_what_is_kept_is_what_the_orm_writes(moment, extra):
    part, expected = make_part(), make_part()
    changes = {"claimed_date": moment, "extra": extra, "due_date": moment}
    assert _rename.run(part.pk, changes, {}) == 1
    Part.objects.filter(pk=expected.pk).update(**changes)
    kept, wanted = _as_kept(part), _as_kept(expected)
    assert [kept[name] for name in changes] == [wanted[name] for name in changes]


def test_times_are_kept_in_the_zone_of_the_database(monkeypatch):
    moment = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
    monkeypatch.setitem(
        vars(connections["default"]), "timezone", ZoneInfo("Asia/Tokyo")
    )
    part, expected = make_part(), make_part()
    assert _rename.run(part.pk, {"claimed_date": moment}, {}) == 1
    Part.objects.filter(pk=expected.pk).update(claimed_date=moment)
    assert _as_kept(part)["claimed_date"] == _as_kept(expected)["claimed_date"]


def test_the_guard_stands_in_the_statement():
    part = make_part()
    with CaptureQueriesContext(connection) as queries:
        _rename.run(part.pk, {"notes": "new"}, {"assigned": ""})
    [query] = queries
    assert query["sql"].startswith("UPDATE")
    assert "'review'" in query["sql"].partition("WHERE")[2]

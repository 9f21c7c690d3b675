from datetime import timedelta

import pytest
from django.db import connection, models
from django.db.models import F
from django.utils import timezone

from parts import workflow
from parts.models import Part, Season
from partsite.compiled import (
    Among,
    AnyCase,
    AnyCaseField,
    Compiled,
    Slot,
    Statement,
    Unmade,
)
from tests.factories import make_converted, make_file, make_part

from .test_statements import ODD

pytestmark = pytest.mark.django_db


def _seen(row: models.Model) -> dict:
    """Return everything that was read of a row, and of what was joined to it."""
    joined = row._state.fields_cache.items()
    return {name: value for name, value in vars(row).items() if name != "_state"} | {
        name: value and _seen(value) for name, value in joined
    }


@pytest.fixture
def parts(lead, member) -> list[Part]:
    season = Season.objects.create(name="2026")
    parts = [
        make_part(
            category="cnc",
            season=season,
            due_date=timezone.localdate(),
            extra={"batch": [7, "ü"]},
        ),
        workflow.create(actor=lead, name="Own", subsystem="Arm", type="cnc"),
        make_part(category="completed", completed_at=timezone.now()),
    ]
    make_converted(parts[0])
    workflow.approve(parts[1], actor=lead, note="Deburr.")
    wrong = workflow.mark_wrong(parts[2], actor=lead, reason="Too thin.")
    parts.append(workflow.remake(wrong, actor=lead))
    return parts


def test_rows_become_what_the_queryset_makes_of_them(parts):
    ids = [part.pk for part in parts]
    wanted = Part.objects.for_cards().in_bulk(ids)
    rows = Part.objects.cards(ids[::-1])
    assert [row["id"] for row in rows] == ids[::-1]
    made = [row.make() for row in rows]
    assert [_seen(part) for part in made] == [_seen(wanted[pk]) for pk in ids[::-1]]


def test_what_is_made_costs_no_query(parts, lead, django_assert_num_queries):
    with django_assert_num_queries(1):
        (row,) = Part.objects.cards([parts[0].pk])
        part = row.make()
        assert part.season.name == "2026"
        assert part.current_step.state == "done"
        assert part.current_drawing is None


def test_a_column_is_told_without_making_anything(parts, lead):
    row = Part.objects.cards([parts[0].pk])[0]
    assert row["category"] == "cnc"
    assert row["current_step__sha256"] == parts[0].current_step.sha256
    assert row["current_drawing__sha256"] is None
    assert row["author_pk"] is None
    assert Part.objects.cards([parts[1].pk])[0]["author_pk"] == lead.pk


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite keeps texts")
def test_times_stay_texts_until_an_instance_is_made(lead):
    part = make_part(due_date=timezone.localdate())
    [row] = Part.objects.cards([part.pk])
    assert row["due_date"] == part.due_date.isoformat()
    assert row.make().due_date == part.due_date


def test_slots_take_another_value_each_time():
    old, new = (make_part(created_at=timezone.now() - timedelta(d)) for d in (9, 1))
    since = Slot("since", models.DateTimeField())
    ids = Slot("ids", models.BigIntegerField())
    later = Compiled(Part.objects.filter(Among("pk", ids), created_at__gte=since))
    for days, wanted in [(30, {old, new}), (5, {new}), (0, set())]:
        moment = timezone.now() - timedelta(days)
        rows = later.rows(since=moment, ids=[old.pk, new.pk])
        assert set(later.instances(rows)) == wanted
        assert {Unmade(row, later).make() for row in rows} == wanted
    assert later.rows(since=timezone.now() - timedelta(30), ids=[]) == []
    with pytest.raises(KeyError):
        later.rows(since=timezone.now())


def test_odd_values_become_what_they_were():
    pk = Slot("pk", models.BigIntegerField())
    read = Compiled(Part.objects.with_files().filter(pk=pk))
    part = make_part(season=Season.objects.create(name="2026"), **ODD)
    make_file(part)
    made, wanted = read.one(pk=part.pk), Part.objects.with_files().get(pk=part.pk)
    assert _seen(made) == _seen(wanted)
    assert {name: getattr(made, name) for name in ODD} == ODD
    assert (made._state.db, made._state.adding) == ("default", False)


def test_what_is_not_there_is_none():
    newest = Compiled(Season.objects.newest_kept())
    assert newest.one() is None
    Season.objects.create(name="2025", archived=True)
    kept = Season.objects.create(name="2026")
    assert newest.one() == kept


NAMES = ["Zoë", "ZOË", "zoe", "100%_\\", "100%_\\ ", "100xx\\", "O'Neill", "%s", ""]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_any_case_is_what_iexact_finds(name):
    for assigned in NAMES:
        make_part(category="cnc", assigned=assigned)
    slot = Slot("name", AnyCaseField())
    rows = Compiled(Part.objects.filter(AnyCase(F("assigned"), slot))).read(name=name)
    assert set(rows) == set(Part.objects.filter(assigned__iexact=name))
    assert rows


@pytest.mark.parametrize("name", NAMES)
def test_what_is_spelt_out_is_what_was_meant(name):
    part = make_part(name=f"{name}?", notes=f"%s {name} '")
    pk = Slot("pk", models.BigIntegerField())
    parts = Part.objects.filter(pk=pk, name=part.name, notes=part.notes, made=0)
    query, params = parts.values_list("name", "notes").query.sql_with_params()
    written = Statement.spelt_out(query, params, "default")
    assert written.rows(pk=part.pk) == [(part.name, part.notes)]
    assert written.rows(pk=part.pk + 1) == []


def test_the_same_row_is_the_same_instance_for_many():
    season = Season.objects.create(name="2026")
    newest = Compiled(Season.objects.newest_kept())
    assert newest.shared() is newest.shared()
    assert newest.shared() == season
    Season.objects.update(name="2027")
    assert newest.shared().name == "2027"
    Season.objects.update(archived=True)
    assert newest.shared() is None

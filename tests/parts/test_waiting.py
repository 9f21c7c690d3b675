"""The lists that home reads in one statement are those that have names."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from parts import waiting, workflow
from parts.models import SHOP, Category, Part, PartFile, Season, Status
from parts.querysets import PartQuerySet
from tests.factories import make_file, make_part, make_user

pytestmark = pytest.mark.django_db


def lists_of(user: User) -> dict[str, PartQuerySet]:
    """Return each list, said anew."""
    parts = Part.objects.of_kept_seasons()
    in_review = parts.in_review().order_by("created_at", "id")
    return {
        "review": in_review,
        "handed-in": in_review.handed_in_by(user),
        "sent-back": parts.sent_back().handed_in_by(user).order_by("updated_at", "id"),
        "mine": parts.in_shop().held_by(user.name).in_holders_order(),
        "held": parts.held().order_by(F("claimed_date").desc(nulls_last=True), "id"),
        "held-too-long": parts.held_too_long().order_by("claimed_date", "id"),
        "overdue": parts.overdue().order_by("due_date", "id"),
        "not-converted": parts.not_converted().order_by("created_at", "id"),
        "blocked": parts.blocked().in_queue_order(),
        "ready": parts.ready().in_queue_order(),
        "finished": parts.finished_since(
            timezone.now() - timedelta(days=7)
        ).in_finish_order(),
    }


@pytest.fixture
def person() -> User:
    return make_user(name=r"O'Neill 100%_\%s", email="oneill@example.org")


@pytest.fixture
def shop(person) -> None:
    """Parts in every state, of which each list takes some and leaves some."""
    now, today = timezone.now(), timezone.localdate()
    old = Season.objects.create(name="2025", archived=True)
    new = Season.objects.create(name="2026")
    number = 0
    for category in Category.values:
        for reason in ("", "No bar."):
            for holder in ("", person.name.upper(), "ONeill 100xx%s", "Sam"):
                number += 1
                part = make_part(
                    category=category,
                    blocked_reason="" if category == Category.COMPLETED else reason,
                    assigned="" if category == Category.REVIEW else holder,
                    claimed_date=now - timedelta(days=number % 9) if holder else None,
                    due_date=today + timedelta(days=number % 4 - 2)
                    if number % 3
                    else None,
                    priority=number % 4,
                    season=(None, new, new, old)[number % 4],
                    completed_at=now - timedelta(days=number % 11)
                    if category == Category.COMPLETED
                    else None,
                )
                if number % 2:
                    PartFile.objects.filter(pk=make_file(part).pk).update(
                        state=("queued", "failed")[number % 4 == 1]
                    )
    for who in (person, None):
        workflow.create(actor=who, name="Own", subsystem="Arm")
        workflow.send_back(
            workflow.create(actor=who, name="Back", subsystem="Arm"),
            actor=None,
            reason="Too thin.",
        )
    Part.objects.filter(pk=make_part(category="cnc").pk).update(status=Status.CANCELLED)
    for part in (make_part(category="cnc"), make_part()):
        workflow.trash(part, actor=None)


@pytest.mark.parametrize("most", [3, 1000])
def test_each_list_is_what_its_name_says(most, shop, person):
    names = list(waiting._LISTS)
    lists = waiting.read(names, person, lanes=SHOP, most=most)
    wanted = lists_of(person)
    assert names == list(wanted)
    for name, listed in zip(names, lists, strict=True):
        ids = list(wanted[name].values_list("pk", flat=True))
        assert (name, listed.ids) == (name, ids[:most])
        assert (name, listed.total) == (name, len(ids))
        assert 0 < listed.total < Part.objects.count(), name


def test_what_is_ready_is_of_the_lanes_asked_for(shop, person):
    for lanes in (["cnc"], ["hand", "misc"]):
        (ready,) = waiting.read(["ready"], person, lanes=lanes, most=99)
        wanted = Part.objects.of_kept_seasons().ready().filter(category__in=lanes)
        assert ready.ids == list(wanted.in_queue_order().values_list("pk", flat=True))
        assert ready.total == len(ready.ids)


def test_nobody_holds_what_nobody_has(shop):
    nameless = make_user(name="", email="nameless@example.org")
    (mine,) = waiting.read(["mine"], nameless, lanes=SHOP, most=9)
    assert mine == ([], 0)


@pytest.mark.parametrize("name", ["review", "held-too-long", "overdue", "ready"])
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has statistics")
def test_the_first_of_a_list_are_not_sorted(name, shop, person):
    with CaptureQueriesContext(
        connection,
    ) as asked:
        waiting.read([name], person, lanes=SHOP, most=6)
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + asked[0]["sql"].replace("%", "%%"))
        plan = [row[3] for row in cursor.fetchall()]
    assert not [step for step in plan if "TEMP B-TREE" in step]

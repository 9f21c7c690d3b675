"""Which button is next for whom: a table of state and role."""

from datetime import timedelta

import pytest
from django.utils import timezone

from parts.models import Part, Priority
from parts.views.cards import Card, board_of, marks_of, sign_of, steps_for
from tests.factories import make_file, make_part

pytestmark = pytest.mark.django_db

STATES = {
    "in review": {},
    "sent back": {"blocked_reason": "Slot is too thin."},
    "own sent back": {"blocked_reason": "Slot is too thin."},
    "free": {"category": "cnc"},
    "already started": {"category": "cnc", "status": "Already Started"},
    "mine": {"category": "cnc", "status": "In Progress", "assigned": "{me}"},
    "given to me": {"category": "cnc", "assigned": "{me}"},
    "outdated": {
        "category": "cnc",
        "status": "In Progress",
        "assigned": "{me}",
        "claimed_revision": 1,
    },
    "other's": {"category": "cnc", "status": "In Progress", "assigned": "Sam"},
    "other's, outdated": {
        "category": "cnc",
        "status": "In Progress",
        "assigned": "Sam",
        "claimed_revision": 1,
    },
    "blocked": {"category": "cnc", "blocked_reason": "No bar."},
    "completed": {"category": "completed"},
    "other's, completed": {"category": "completed", "assigned": "Sam"},
    "made wrong": {"category": "completed", "completed_incorrectly": True},
}

# state: role: the main step, then the rarer ones
OFFERED = {
    ("in review", "lead"): ["Approve", "Approve with a note", "Send back"],
    ("in review", "member"): [None],
    ("sent back", "lead"): [None, "Approve", "Send back", "Hand in again"],
    ("sent back", "member"): [None, "Hand in again"],
    ("own sent back", "lead"): ["Hand in again", "Approve", "Send back"],
    ("own sent back", "member"): ["Hand in again"],
    ("free", "lead"): ["Take it", "Done", "Give to…", "Blocked…"],
    ("free", "member"): ["Take it", "Done", "Blocked…"],
    ("already started", "lead"): ["Take it", "Done", "Give to…", "Blocked…"],
    ("already started", "member"): ["Take it", "Done", "Blocked…"],
    ("mine", "lead"): ["Done", "Give to…", "Let it go", "Blocked…"],
    ("mine", "member"): ["Done", "Let it go", "Blocked…"],
    ("given to me", "lead"): ["Start", "Done", "Give to…", "Let it go", "Blocked…"],
    ("given to me", "member"): ["Start", "Done", "Let it go", "Blocked…"],
    ("outdated", "lead"): [
        "Accept the new file",
        "Done",
        "Give to…",
        "Let it go",
        "Blocked…",
    ],
    ("outdated", "member"): ["Accept the new file", "Done", "Let it go", "Blocked…"],
    ("other's", "lead"): [None, "Done", "Give to…", "Let it go", "Blocked…"],
    ("other's", "member"): [None],
    ("other's, outdated", "lead"): [
        None,
        "Accept the new file",
        "Done",
        "Give to…",
        "Let it go",
        "Blocked…",
    ],
    ("other's, outdated", "member"): [None],
    ("blocked", "lead"): ["Take it", "Done", "Give to…", "No longer blocked"],
    ("blocked", "member"): ["Take it", "Done", "No longer blocked"],
    ("completed", "lead"): [None, "Change the place", "Made wrong", "Reopen"],
    ("completed", "member"): [None, "Change the place", "Made wrong"],
    ("other's, completed", "member"): [None, "Change the place"],
    ("other's, completed", "lead"): [
        None,
        "Change the place",
        "Made wrong",
        "Reopen",
    ],
    ("made wrong", "lead"): [None, "Change the place", "Make it again", "Reopen"],
    ("made wrong", "member"): [None, "Change the place", "Make it again"],
}


@pytest.fixture
def part_in(request):
    def make(state: str, user) -> Part:
        fields = {
            key: value.format(me=user.name.upper()) if key == "assigned" else value
            for key, value in STATES[state].items()
        }
        part = make_part(**fields)
        if "outdated" in state:
            make_file(part)
            make_file(part)
            part.refresh_from_db()
        part.author_pk = user.pk if state.startswith("own") else None
        return part

    return make


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("role", ["lead", "member", "viewer"])
def test_each_role_is_offered_its_steps(state, role, part_in, request):
    user = request.getfixturevalue(role)
    main, more = steps_for(part_in(state, user), user)
    words = [main and main.label, *(step.label for step in more)]
    assert words == OFFERED.get((state, role), [None])


def test_every_state_and_working_role_stands_in_the_table():
    assert OFFERED.keys() == {(s, r) for s in STATES for r in ("lead", "member")}


def test_a_part_in_the_trash_offers_nothing(lead):
    part = make_part(category="cnc", deleted_at=timezone.now())
    assert steps_for(part, lead) == (None, [])


@pytest.mark.parametrize(
    ("fields", "state", "word"),
    [
        ({}, "waiting", "In review"),
        ({"blocked_reason": "no"}, "blocked", "Sent back"),
        ({"category": "cnc"}, "ready", "Ready"),
        ({"category": "cnc", "status": "Approved"}, "ready", "Ready"),
        ({"category": "cnc", "status": "Already Started"}, "ready", "Already started"),
        ({"category": "cnc", "status": "In Progress"}, "progress", "In progress"),
        (
            {"category": "cnc", "status": "In Progress", "blocked_reason": "collet"},
            "blocked",
            "Blocked",
        ),
        ({"status": "Cancelled"}, "cancelled", "Cancelled"),
        ({"category": "completed"}, "completed", "Completed"),
        (
            {"category": "completed", "completed_incorrectly": True},
            "wrong",
            "Made wrong",
        ),
    ],
)
def test_each_state_has_its_sign(fields, state, word):
    sign = sign_of(make_part(**fields))
    assert (sign.state, sign.word) == (state, word)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (-3, ("overdue", "3 days overdue")),
        (-1, ("overdue", "1 day overdue")),
        (0, ("soon", "Due today")),
        (1, ("soon", "Due tomorrow")),
    ],
)
def test_a_due_date_is_told_in_days(days, words, member):
    due = timezone.localdate() + timedelta(days=days)
    (mark,) = marks_of(make_part(due_date=due), member)
    assert (mark.kind, mark.word) == words


@pytest.mark.parametrize(("days", "kind"), [(3, "soon"), (4, "due")])
def test_a_due_date_further_off_is_told_as_a_date(days, kind, member):
    due = timezone.localdate() + timedelta(days=days)
    (mark,) = marks_of(make_part(due_date=due), member)
    assert mark.kind == kind
    assert mark.word == f"Due {due:%a} {due.day} {due:%b}"


@pytest.mark.parametrize(
    ("priority", "kinds"),
    [
        (Priority.LOW, []),
        (Priority.NORMAL, []),
        (Priority.HIGH, ["high"]),
        (Priority.URGENT, ["urgent"]),
    ],
)
def test_only_what_is_urgent_is_marked(priority, kinds, member):
    marks = marks_of(make_part(priority=priority), member)
    assert [mark.kind for mark in marks] == kinds


def test_a_finished_part_is_neither_urgent_nor_overdue(member):
    long_ago = timezone.localdate() - timedelta(days=9)
    part = make_part(category="completed", priority=3, due_date=long_ago)
    assert marks_of(part, member) == []


def test_a_newer_file_is_told_to_who_has_the_part_and_to_others(part_in, member):
    part = part_in("outdated", member)
    assert marks_of(part, member)[0].word == "New file since you took it"
    part.assigned = "Sam"
    assert marks_of(part, member)[0].word == "New file since Sam took it"


@pytest.mark.parametrize(
    ("age", "level"),
    [
        (timedelta(0), 1),
        (timedelta(hours=11), 1),
        (timedelta(hours=13), 2),
        (timedelta(days=4, hours=13), 10),
        (timedelta(days=90), 10),
    ],
)
def test_the_age_bar_fills_in_five_days(age, level, member):
    part = make_part(category="cnc", assigned="Sam", claimed_date=timezone.now() - age)
    assert Card(part, member).age_level == level


@pytest.mark.parametrize(
    "fields",
    [
        {"category": "cnc"},
        {"category": "cnc", "assigned": "Sam"},
        {"category": "completed", "assigned": "Sam", "claimed_date": timezone.now()},
    ],
)
def test_what_nobody_makes_has_no_age(fields, member):
    assert Card(make_part(**fields), member).age_level is None


@pytest.mark.parametrize(
    ("category", "path"),
    [
        ("review", "/review/"),
        ("cnc", "/production/"),
        ("hand", "/production/"),
        ("misc", "/production/"),
        ("completed", "/completed/"),
    ],
)
def test_each_part_has_its_board(category, path):
    assert board_of(make_part(category=category)) == path

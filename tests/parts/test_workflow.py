"""Every step from every state, by every role, and by twenty people at once."""

import threading
from datetime import date

import pytest
from django.db import IntegrityError, close_old_connections, connection, transaction
from django.db.models import F

from accounts.models import Role, Scope
from parts import uploads, workflow
from parts.errors import (
    AlreadyClaimed,
    BadInput,
    NotAllowed,
    NotCompleted,
    PartError,
    WrongState,
)
from parts.models import Part, PartEvent, PartFile, Season, Verb
from partsite.statements import NewRow
from tests.factories import (
    TINY_PDF,
    TINY_STEP,
    make_file,
    make_key,
    make_part,
    make_upload,
    make_user,
)

pytestmark = pytest.mark.django_db

# Where a part can stand; the name is what the tables below are keyed by.
STATES = {
    "review": {"category": "review", "type": "cnc"},
    "sent back": {
        "category": "review",
        "type": "cnc",
        "blocked_reason": "Holes too small.",
    },
    "ready": {"category": "cnc"},
    "approved": {"category": "cnc", "status": "Approved"},
    "held": {"category": "cnc", "assigned": "Sam", "status": "In Progress"},
    "let go": {"category": "cnc", "status": "Already Started"},
    "cancelled": {"category": "cnc", "status": "Cancelled"},
    "hand": {"category": "hand"},
    "misc": {"category": "misc"},
    "completed": {"category": "completed", "assigned": "Sam"},
    "made by nobody": {"category": "completed"},
    "trash": {"category": "cnc", "deleted_at": "2026-01-01T00:00Z"},
}
PRODUCTION = {"ready", "approved", "held", "let go", "cancelled", "hand", "misc"}
FINISHED = {"completed", "made by nobody"}
LIVE = set(STATES) - {"trash"}

STEPS = {
    "edit": (lambda part: workflow.edit(part, actor=None, name="Hub"), LIVE),
    "attach": (lambda part: make_file(part), LIVE),
    "approve": (
        lambda part: workflow.approve(part, actor=None),
        {"review", "sent back"},
    ),
    "send back": (
        lambda part: workflow.send_back(part, actor=None, reason="No."),
        {"review", "sent back"},
    ),
    "resubmit": (lambda part: workflow.resubmit(part, actor=None), {"sent back"}),
    "assign": (
        lambda part: workflow.assign(part, actor=None, worker="Kim"),
        PRODUCTION - {"held"},
    ),
    "reassign": (
        lambda part: workflow.reassign(part, actor=None, worker="Kim"),
        PRODUCTION,
    ),
    "start": (
        lambda part: workflow.start(part, actor=None),
        PRODUCTION - {"held"},
    ),
    "accept": (lambda part: workflow.accept_revision(part, actor=None), {"held"}),
    "unclaim": (lambda part: workflow.unclaim(part, actor=None), PRODUCTION),
    "complete": (lambda part: workflow.complete(part, actor=None), PRODUCTION),
    "mark wrong": (
        lambda part: workflow.mark_wrong(part, actor=None, reason="Bent."),
        FINISHED,
    ),
    "remake": (
        lambda part: workflow.remake(part, actor=None, reason="Bent."),
        FINISHED,
    ),
    "revert": (lambda part: workflow.revert(part, actor=None), FINISHED),
    "trash": (lambda part: workflow.trash(part, actor=None), LIVE),
    "restore": (lambda part: workflow.restore(part, actor=None), {"trash"}),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("step", STEPS)
def test_step_is_taken_only_from_where_the_policy_allows(step, state):
    take, allowed = STEPS[step]
    part = make_part(**STATES[state])
    before = Part.objects.values().get(pk=part.pk)

    if state in allowed:
        take(part)
        assert part.events.count() == 1
    else:
        with pytest.raises((WrongState, NotCompleted)):
            take(part)
        assert Part.objects.values().get(pk=part.pk) == before
        assert part.events.count() == 0
        assert part.files.count() == 0


@pytest.mark.parametrize("step", STEPS)
def test_step_refuses_a_part_that_is_gone(step):
    part = make_part(category="cnc")
    Part.objects.filter(pk=part.pk).delete()
    with pytest.raises(WrongState, match=r"^This part is no longer there\.$"):
        STEPS[step][0](part)


@pytest.mark.parametrize("step", STEPS)
def test_step_and_its_event_stand_or_fall_together(step, monkeypatch):
    take, allowed = STEPS[step]
    part = make_part(**STATES[min(allowed)])
    before = Part.objects.values().get(pk=part.pk)

    def fail(*args, **kwargs):
        raise IntegrityError("no room for the event")

    monkeypatch.setattr(NewRow, "run", fail)
    with pytest.raises(IntegrityError, match="no room"):
        take(part)
    assert Part.objects.values().get(pk=part.pk) == before
    assert part.files.count() == 0


# --- What each step does ------------------------------------------------------


def test_create_hands_in_to_review_in_the_current_season(member):
    Season.objects.create(name="2025", archived=True)
    season = Season.objects.create(name="2026")
    part = workflow.create(actor=member, name="Hub", subsystem="Intake", type="hand")
    part.refresh_from_db()
    assert (part.category, part.status, part.season) == ("review", "Pending", season)
    assert part.code == str(part.uuid)[:8]
    event = part.events.get()
    assert (event.verb, event.actor, event.actor_name) == (
        "created",
        member,
        "Mara Member",
    )


@pytest.mark.parametrize(
    ("given", "stands"),
    [
        ({}, ("", "review", "Pending")),
        ({"category": "cnc"}, ("cnc", "cnc", "Reviewed")),
        ({"category": "hand", "type": "hand"}, ("hand", "hand", "Reviewed")),
        ({"status": "Completed"}, ("", "completed", "Completed")),
        ({"category": "completed"}, ("", "completed", "Completed")),
        (
            {"category": "misc", "status": "In Progress"},
            ("misc", "misc", "In Progress"),
        ),
    ],
)
def test_create_fills_in_what_follows_from_the_given_state(given, stands):
    part = workflow.create(actor=None, subsystem="Intake", **given)
    part.refresh_from_db()
    assert (part.type, part.category, part.status) == stands
    assert (part.completed_at is not None) == (part.category == "completed")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"category": "completed", "status": "Pending"}, "status"),
        ({"category": "review", "status": "Completed"}, "status"),
        ({"category": "cnc", "type": "hand"}, "category"),
    ],
)
def test_create_refuses_what_contradicts_itself(given, field):
    with pytest.raises(BadInput, match=r"contradict|cannot stand") as refusal:
        workflow.create(actor=None, subsystem="Intake", **given)
    assert refusal.value.field == field
    assert Part.objects.count() == 0


@pytest.mark.parametrize(
    "field",
    [
        {"priority": 3},
        {"due_date": date(2026, 12, 1)},
        {"reviewer": "Kim"},
        {"assigned": "Kim"},
    ],
)
def test_create_leaves_to_leads_what_is_theirs_to_set(member, lead, field):
    with pytest.raises(NotAllowed, match=r"^Only leads may (set|give)"):
        workflow.create(actor=member, subsystem="Intake", **field)
    workflow.create(actor=lead, subsystem="Intake", **field)
    workflow.create(actor=member, subsystem="Intake", priority=1, due_date=None)
    assert Part.objects.count() == 2


def test_edit_writes_and_tells_only_what_differs(member):
    part = make_part(name="Hub", amount=2, notes="Old")
    workflow.edit(part, actor=member, name="Hub", amount=3, notes="New")
    part.refresh_from_db()
    assert (part.name, part.amount, part.notes) == ("Hub", 3, "New")
    event = part.events.get()
    assert event.changes == {"amount": [2, 3], "notes": ["Old", "New"]}


def test_edit_takes_extra_as_a_whole_but_for_what_is_the_servers(member):
    workers = [{"name": "Sam", "timestamp": "x"}]
    part = make_part(extra={"handWorkers": workers, "colour": "red"})
    workflow.edit(part, actor=member, extra={"a": 1, "handWorkers": [], "views": {}})
    part.refresh_from_db()
    assert part.extra == {"handWorkers": workers, "a": 1}


def test_edit_of_nothing_leaves_no_event(member):
    part = make_part(name="Hub")
    workflow.edit(part, actor=member, name="Hub")
    assert part.events.count() == 0


def test_edit_from_a_stale_copy_keeps_the_other_persons_field(member):
    part = make_part(name="Hub", material="Steel")
    stale = Part.objects.get(pk=part.pk)
    workflow.edit(part, actor=member, material="Delrin")
    workflow.edit(stale, actor=member, name="Wheel")
    part.refresh_from_db()
    assert (part.name, part.material) == ("Wheel", "Delrin")


@pytest.mark.parametrize("field", ["status", "category", "assigned", "file", "uuid"])
def test_edit_refuses_what_only_a_step_may_change(field):
    part = make_part()
    with pytest.raises(BadInput, match=f"^“{field}” is changed by a step"):
        workflow.edit(part, actor=None, **{field: "x"})


def test_edit_of_the_type_moves_a_part_in_production_to_its_lane(member):
    part = make_part(category="cnc")
    workflow.edit(part, actor=member, type="hand")
    part.refresh_from_db()
    assert (part.type, part.category) == ("hand", "hand")


@pytest.mark.parametrize(
    ("type_", "lane"),
    [("cnc", "cnc"), ("hand", "hand"), ("misc", "misc"), ("", "hand")],
)
def test_approve_passes_the_part_to_the_lane_of_its_type(lead, type_, lane):
    part = make_part(type=type_)
    workflow.approve(part, actor=lead)
    part.refresh_from_db()
    assert (part.category, part.status, part.reviewer) == (
        lane,
        "Reviewed",
        "Lena Lead",
    )
    assert part.approved_at == part.updated_at or part.approved_at < part.updated_at
    assert part.events.get().changes["category"] == ["review", lane]


def test_approve_names_the_reviewer_it_is_told(lead):
    part = make_part(type="cnc")
    workflow.approve(part, actor=lead, reviewer="Kim", note="Mind the radius.")
    part.refresh_from_db()
    assert part.reviewer == "Kim"
    assert part.events.get().note == "Mind the radius."


def test_send_back_keeps_the_part_in_review_with_its_reason(lead):
    part = make_part()
    workflow.send_back(part, actor=lead, reason="  Holes too small. ")
    part.refresh_from_db()
    assert part.is_sent_back
    assert part.blocked_reason == "Holes too small."
    assert part.events.get().note == "Holes too small."


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("  ", "Say what has to be changed."),
        ("x" * 501, "Keep the reason under 500 characters."),
    ],
)
def test_send_back_needs_a_reason_that_fits(lead, reason, message):
    part = make_part()
    with pytest.raises(BadInput) as refusal:
        workflow.send_back(part, actor=lead, reason=reason)
    assert str(refusal.value) == message
    assert refusal.value.field == "reason"


def test_a_new_file_hands_in_again_what_was_sent_back(member):
    part = make_part(blocked_reason="Holes too small.")
    make_file(part)
    part.refresh_from_db()
    assert not part.is_sent_back
    assert part.events.get().changes == {
        "file": ["", "plate.step"],
        "blocked_reason": ["Holes too small.", ""],
    }


def test_assign_starts_the_clock_and_pins_the_revision(member):
    part = make_part(category="cnc")
    make_file(part)
    make_file(part)
    workflow.assign(part, worker="Mara Member", actor=member)
    part.refresh_from_db()
    assert (part.assigned, part.status) == ("Mara Member", "In Progress")
    assert part.claimed_revision == 2
    assert part.claimed_date is not None
    event = part.events.first()
    assert (event.verb, event.revision) == ("assigned", 2)
    assert event.changes["assigned"] == ["", "Mara Member"]


def test_assign_of_a_hand_part_logs_every_worker_in_order(lead):
    part = make_part(category="hand")
    workflow.assign(part, worker="Kim", actor=lead)
    workflow.unclaim(part, actor=lead)
    workflow.assign(part, worker="Sam", actor=lead)
    part.refresh_from_db()
    assert [entry["name"] for entry in part.extra["handWorkers"]] == ["Kim", "Sam"]


def test_assign_to_who_has_it_changes_nothing(member):
    part = make_part(category="cnc")
    workflow.assign(part, worker="Mara Member", actor=member)
    claimed = part.claimed_date
    workflow.assign(part, worker="mara member", actor=member)
    part.refresh_from_db()
    assert (part.assigned, part.claimed_date) == ("Mara Member", claimed)
    assert part.events.count() == 1


def test_assign_says_who_was_first(member):
    part = make_part(category="cnc", name="Hub")
    stale = Part.objects.get(pk=part.pk)
    workflow.assign(part, worker="Sam", actor=None)
    with pytest.raises(AlreadyClaimed, match="^Sam took “Hub” just now.$"):
        workflow.assign(stale, worker="Mara Member", actor=member)
    part.refresh_from_db()
    assert part.assigned == "Sam"


@pytest.mark.parametrize("worker", ["", "   ", "x" * 101])
def test_assign_needs_a_name_that_fits(lead, worker):
    part = make_part(category="cnc")
    with pytest.raises(BadInput) as refusal:
        workflow.assign(part, worker=worker, actor=lead)
    assert refusal.value.field == "assigned"


def test_reassign_takes_a_part_from_one_and_gives_it_to_another(lead):
    part = make_part(category="cnc", assigned="Sam", status="In Progress")
    workflow.reassign(part, worker="Kim", actor=lead)
    part.refresh_from_db()
    assert part.assigned == "Kim"
    assert part.events.get().changes["assigned"] == ["Sam", "Kim"]


def test_start_goes_on_without_changing_the_holder(member):
    part = make_part(category="cnc", assigned="Mara Member")
    workflow.start(part, actor=member)
    part.refresh_from_db()
    assert (part.assigned, part.status) == ("Mara Member", "In Progress")
    assert part.claimed_date is not None


def test_a_newer_file_makes_a_claim_outdated_until_it_is_accepted(member):
    part = make_part(category="cnc")
    make_file(part)
    workflow.assign(part, worker="Mara Member", actor=member)
    assert not part.is_outdated
    make_file(part)
    part.refresh_from_db()
    assert part.is_outdated
    workflow.accept_revision(part, actor=member)
    part.refresh_from_db()
    assert not part.is_outdated
    assert part.events.first().revision == 2


@pytest.mark.parametrize("at_first", [[], ["plate.step"], ["d.pdf"]])
@pytest.mark.parametrize("newer", [["plate.step"], ["d.pdf"], ["plate.step", "d.pdf"]])
def test_any_file_that_comes_after_the_claim_has_to_be_accepted(
    member, at_first, newer
):
    contents = {"plate.step": TINY_STEP, "d.pdf": TINY_PDF}
    part = make_part(category="hand")
    for name in at_first:
        make_file(part, name, contents[name])
    workflow.assign(part, worker=member.name, actor=member)
    assert part.newer_files == []
    files = [make_file(part, name, contents[name]) for name in newer]
    part.refresh_from_db()
    assert part.newer_files == files
    workflow.accept_revision(part, actor=member)
    part.refresh_from_db()
    assert part.newer_files == []
    accepted = part.events.first()
    assert (accepted.note, accepted.revision) == (files[-1].kind, files[-1].revision)


def test_a_part_that_nobody_has_is_never_outdated(member):
    part = make_part(category="cnc")
    workflow.assign(part, worker=member.name, actor=member)
    make_file(part)
    workflow.unclaim(part, actor=member)
    assert (part.claimed_revision, part.claimed_drawing) == (None, None)
    assert part.newer_files == []


@pytest.mark.parametrize(
    ("status", "after"),
    [
        ("In Progress", "Already Started"),
        ("Reviewed", "Reviewed"),
        ("Already Started", "Already Started"),
    ],
)
def test_unclaim_lets_go_and_keeps_any_status_but_in_progress(lead, status, after):
    part = make_part(category="cnc", assigned="Sam", status=status)
    workflow.unclaim(part, actor=lead)
    part.refresh_from_db()
    assert (part.assigned, part.claimed_date, part.status) == ("", None, after)


def test_complete_says_where_it_lies_and_counts_the_pieces(member):
    part = make_part(category="cnc", amount=4, blocked_reason="No stock.")
    workflow.assign(part, worker="Mara Member", actor=member)
    workflow.complete(part, actor=member, storage=" Shelf A3 ")
    part.refresh_from_db()
    assert (part.category, part.status) == ("completed", "Completed")
    assert (part.storage_location, part.made, part.blocked_reason) == (
        "Shelf A3",
        4,
        "",
    )
    assert part.completed_at is not None
    assert part.assigned == "Mara Member"


def test_complete_without_a_place_keeps_the_old_one(lead):
    part = make_part(category="cnc", storage_location="Box 1")
    workflow.complete(part, actor=lead)
    part.refresh_from_db()
    assert part.storage_location == "Box 1"


@pytest.mark.parametrize(
    ("type_", "stands"),
    [
        ("cnc", ("cnc", "In Progress")),
        ("hand", ("hand", "In Progress")),
        ("misc", ("misc", "Reviewed")),
        ("", ("hand", "In Progress")),
    ],
)
def test_revert_reopens_a_part_in_the_lane_of_its_type(lead, type_, stands):
    part = make_part(
        category="completed",
        type=type_,
        completed_incorrectly=True,
        completed_at="2026-01-01T00:00Z",
    )
    workflow.revert(part, actor=lead, reason="Wrong bore.")
    part.refresh_from_db()
    assert (part.category, part.status) == stands
    assert (part.completed_at, part.completed_incorrectly) == (None, False)
    assert part.events.get().note == "Wrong bore."


def test_trash_and_restore_leave_a_part_as_it_was(lead):
    part = make_part(category="cnc", assigned="Sam", status="In Progress")
    workflow.trash(part, actor=lead)
    assert not Part.objects.live().filter(pk=part.pk).exists()
    workflow.restore(part, actor=lead)
    part.refresh_from_db()
    assert (part.category, part.assigned, part.deleted_at) == ("cnc", "Sam", None)
    assert [event.verb for event in part.events.all()] == ["restored", "trashed"]


def test_ids_are_never_reused():
    gone = make_part()
    number = gone.pk
    gone.delete()
    assert make_part().pk > number


# --- Files --------------------------------------------------------------------


def test_a_second_file_is_revision_two_and_the_first_stays(member):
    part = make_part()
    first = make_file(part, "plate.step")
    second = make_file(part, "plate v2.step")
    drawing = make_file(part, "plate.pdf", b"%PDF-1.4\n%%EOF\n")
    part.refresh_from_db()
    assert (first.revision, second.revision, drawing.revision) == (1, 2, 1)
    assert (part.current_step, part.current_drawing) == (second, drawing)
    assert part.current_file == drawing
    assert part.file == "plate.pdf"
    with first.content.open("rb") as content:
        assert content.read(13) == b"ISO-10303-21;"


def test_the_same_bytes_are_stored_once(media):
    part, other = make_part(), make_part()
    assert make_file(part).content.name == make_file(other).content.name
    assert len([path for path in media.rglob("*") if path.is_file()]) == 1


def test_only_step_files_are_queued_for_conversion(
    queued, django_capture_on_commit_callbacks
):
    part = make_part()
    with django_capture_on_commit_callbacks(execute=True):
        step = make_file(part)
        make_file(part, "plate.pdf", b"%PDF-1.4\n%%EOF\n")
    assert queued == [step.pk]


# --- Who may ------------------------------------------------------------------

RIGHTS = {
    # step: (state, viewer, member, lead)
    "create": ("review", False, True, True),
    "edit": ("review", False, True, True),
    "edit priority": ("review", False, False, True),
    "attach": ("review", False, True, True),
    "approve": ("review", False, False, True),
    "send back": ("review", False, False, True),
    "resubmit": ("sent back", False, True, True),
    "assign to oneself": ("ready", False, True, True),
    "assign to another": ("ready", False, False, True),
    "reassign from another": ("held", False, False, True),
    "start": ("ready", False, True, True),
    "start another's": ("held", False, False, True),
    "accept another's": ("held", False, False, True),
    "unclaim another's": ("held", False, False, True),
    "complete": ("ready", False, True, True),
    "complete another's": ("held", False, False, True),
    "mark another's wrong": ("completed", False, False, True),
    "remake another's": ("completed", False, False, True),
    "mark nobody's wrong": ("made by nobody", False, True, True),
    "revert": ("completed", False, False, True),
    "trash": ("review", False, False, True),
    "restore": ("trash", False, False, True),
}


def _take(step: str, part: Part, actor) -> None:
    match step:
        case "create":
            workflow.create(actor=actor, subsystem="Intake")
        case "edit":
            workflow.edit(part, actor=actor, name="Hub")
        case "edit priority":
            workflow.edit(part, actor=actor, priority=3)
        case "attach":
            workflow.attach(part, uploads.store(make_upload()), actor=actor)
        case "approve":
            workflow.approve(part, actor=actor)
        case "send back":
            workflow.send_back(part, actor=actor, reason="No.")
        case "resubmit":
            workflow.resubmit(part, actor=actor)
        case "assign to oneself":
            workflow.assign(part, actor=actor, worker=actor.worker_name)
        case "assign to another":
            workflow.assign(part, actor=actor, worker="Kim")
        case "reassign from another":
            workflow.reassign(part, actor=actor, worker=actor.worker_name)
        case "start":
            workflow.start(part, actor=actor)
        case "start another's":
            Part.objects.filter(pk=part.pk).update(status="Reviewed")
            workflow.start(part, actor=actor)
        case "accept another's":
            workflow.accept_revision(part, actor=actor)
        case "unclaim another's":
            workflow.unclaim(part, actor=actor)
        case "complete" | "complete another's":
            workflow.complete(part, actor=actor)
        case "mark another's wrong" | "mark nobody's wrong":
            workflow.mark_wrong(part, actor=actor, reason="Bent.")
        case "remake another's":
            workflow.remake(part, actor=actor, reason="Bent.")
        case "revert":
            workflow.revert(part, actor=actor)
        case "trash":
            workflow.trash(part, actor=actor)
        case "restore":
            workflow.restore(part, actor=actor)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("step", RIGHTS)
def test_role_decides_which_step_may_be_taken(step, role):
    state, *allowed = RIGHTS[step]
    actor = make_user(role=role)
    part = make_part(**STATES[state])
    if dict(zip(Role, allowed, strict=True))[role]:
        _take(step, part, actor)
    else:
        with pytest.raises(NotAllowed, match=r"^Only |only a lead may"):
            _take(step, part, actor)
        assert PartEvent.objects.count() == 0


def test_a_holder_may_let_go_and_finish_their_own(member):
    part = make_part(category="cnc")
    workflow.assign(part, worker=member.name, actor=member)
    workflow.unclaim(part, actor=member)
    workflow.assign(part, worker=member.name, actor=member)
    workflow.complete(part, actor=member)
    assert part.category == "completed"


def test_whoever_handed_it_in_may_delete_it_while_in_review(member):
    own = workflow.create(actor=member, subsystem="Intake", type="cnc")
    workflow.trash(own, actor=member)
    assert own.deleted_at is not None
    approved = workflow.create(actor=member, subsystem="Intake", type="cnc")
    workflow.approve(approved, actor=None)
    with pytest.raises(NotAllowed, match="^Only a lead, or whoever handed it in"):
        workflow.trash(approved, actor=member)


def test_nobody_but_a_lead_deletes_what_somebody_else_handed_in(member, lead):
    part = workflow.create(actor=make_user(), subsystem="Intake", type="cnc")
    with pytest.raises(NotAllowed, match="^Only a lead, or whoever handed it in"):
        workflow.trash(part, actor=member)
    workflow.trash(part, actor=lead)
    assert part.deleted_at is not None


@pytest.mark.parametrize(
    ("scope", "owner_role", "allowed"),
    [
        ("read", None, False),
        ("write", None, True),
        ("lead", None, True),
        ("write", "lead", True),
        ("lead", "member", False),
        ("write", "viewer", False),
    ],
)
def test_a_key_never_may_more_than_its_scope_and_its_owner(scope, owner_role, allowed):
    owner = make_user(role=owner_role) if owner_role else None
    key, _ = make_key(scope=Scope(scope), owner=owner)
    part = make_part(type="cnc")
    if allowed:
        workflow.approve(part, actor=key)
        event = part.events.get()
        assert (event.api_key, event.actor, event.actor_name) == (key, owner, "Robot")
    else:
        with pytest.raises(NotAllowed):
            workflow.approve(part, actor=key)


def test_history_outlives_the_account_of_who_made_it(member):
    part = workflow.create(actor=member, subsystem="Intake")
    make_key(owner=member)
    member.delete()
    event = part.events.get()
    assert (event.actor, event.actor_name) == (None, "Mara Member")


def test_a_queue_that_is_away_loses_no_file(
    monkeypatch, django_capture_on_commit_callbacks
):
    def away(file_id):
        raise ConnectionError("no queue")

    monkeypatch.setattr("parts.tasks.enqueue", away)
    with django_capture_on_commit_callbacks(execute=True):
        file = make_file(make_part())
    file.refresh_from_db()
    assert file.state == "queued"  # for the worker's rescue to find


# --- By the name of the state -------------------------------------------------


@pytest.mark.parametrize(
    ("state", "asked", "stands", "verbs"),
    [
        ("ready", {"status": "In Progress"}, ("cnc", "In Progress"), ["started"]),
        (
            "held",
            {"status": "Completed"},
            ("completed", "Completed"),
            ["completed"],
        ),
        (
            "held",
            {"category": "completed"},
            ("completed", "Completed"),
            ["completed"],
        ),
        (
            "held",
            {"status": "Already Started"},
            ("cnc", "Already Started"),
            ["unclaimed"],
        ),
        ("review", {"category": "cnc"}, ("cnc", "Reviewed"), ["approved"]),
        ("review", {"status": "Reviewed"}, ("cnc", "Reviewed"), ["approved"]),
        (
            "review",
            {"category": "cnc", "status": "In Progress"},
            ("cnc", "In Progress"),
            ["approved", "started"],
        ),
        (
            "completed",
            {"status": "In Progress"},
            ("cnc", "In Progress"),
            ["reverted"],
        ),
        ("completed", {"category": "cnc"}, ("cnc", "In Progress"), ["reverted"]),
        (
            "completed",
            {"status": "Reviewed"},
            ("cnc", "Reviewed"),
            ["reverted", "edited"],
        ),
        ("ready", {"status": "Cancelled"}, ("cnc", "Cancelled"), ["edited"]),
        ("ready", {"category": "review"}, ("review", "Pending"), ["edited"]),
        ("ready", {"status": "Reviewed"}, ("cnc", "Reviewed"), []),
        ("ready", {"category": "cnc", "status": "Reviewed"}, ("cnc", "Reviewed"), []),
    ],
)
def test_move_takes_the_step_that_a_status_stands_for(state, asked, stands, verbs):
    part = make_part(**STATES[state])
    workflow.move(part, actor=None, **asked)
    part.refresh_from_db()
    assert (part.category, part.status) == stands
    assert [event.verb for event in part.events.order_by("id")] == verbs


@pytest.mark.parametrize(
    ("state", "asked"),
    [
        ("ready", {"category": "completed", "status": "Pending"}),
        ("ready", {"category": "review", "status": "Completed"}),
        ("hand", {"category": "cnc"}),
        ("review", {"category": "misc", "status": "Reviewed"}),
    ],
)
def test_move_refuses_what_contradicts_itself(state, asked):
    part = make_part(**STATES[state])
    with pytest.raises(BadInput, match=r"contradict|cannot stand"):
        workflow.move(part, actor=None, **asked)
    assert part.events.count() == 0


# --- The database agrees ------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        {"type": "laser"},
        {"category": "done"},
        {"status": "Open"},
        {"priority": 9},
        {"amount": 0},
        {"made": -1},
        {"scrapped": -1},
        {"category": "completed", "status": "Pending"},
        {"status": "Completed"},
        {"category": "cnc", "type": "hand", "status": "Reviewed"},
        {"category": "cnc", "type": "", "status": "Reviewed"},
        {"wrong_reason": "Bent."},
        {"remake_of": F("id")},
    ],
)
def test_database_refuses_a_part_that_breaks_a_rule(row):
    part = make_part()
    with pytest.raises(IntegrityError), transaction.atomic():
        Part.objects.filter(pk=part.pk).update(**row)


def test_database_refuses_a_second_file_with_the_same_revision():
    part = make_part()
    file = make_file(part)
    file.pk, file._state.adding = None, True
    with pytest.raises(IntegrityError), transaction.atomic():
        file.save()
    assert PartFile.objects.count() == 1


# --- Many at once -------------------------------------------------------------


def _at_once(count: int, deed) -> list:
    """Run ``deed(number)`` in ``count`` threads that start together."""
    outcomes: list = [None] * count
    gate = threading.Barrier(count)

    def run(number: int) -> None:
        gate.wait()
        try:
            outcomes[number] = deed(number)
        except PartError as error:
            outcomes[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    close_old_connections()
    return outcomes


@pytest.mark.django_db(transaction=True)
def test_of_twenty_claims_at_once_one_wins_and_nineteen_are_told_who():
    part = make_part(category="cnc", name="Hub")

    def claim(number: int) -> str:
        mine = Part.objects.get(pk=part.pk)
        return workflow.assign(mine, worker=f"Worker {number}", actor=None).assigned

    outcomes = _at_once(20, claim)
    part.refresh_from_db()
    won = [name for name in outcomes if isinstance(name, str)]
    lost = [error for error in outcomes if isinstance(error, AlreadyClaimed)]
    assert won == [part.assigned]
    assert len(lost) == 19
    assert {str(error) for error in lost} == {f"{part.assigned} took “Hub” just now."}
    assert part.events.filter(verb=Verb.ASSIGNED).count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("state", "deed", "verb"),
    [
        ("review", workflow.approve, "approved"),
        ("ready", workflow.complete, "completed"),
        ("completed", workflow.revert, "reverted"),
        ("ready", workflow.trash, "trashed"),
        ("trash", workflow.restore, "restored"),
    ],
)
def test_of_many_who_take_one_step_at_once_one_wins(state, deed, verb):
    part = make_part(**STATES[state])
    outcomes = _at_once(8, lambda n: deed(Part.objects.get(pk=part.pk), actor=None))
    assert len([o for o in outcomes if isinstance(o, Part)]) == 1
    assert len([o for o in outcomes if isinstance(o, PartError)]) == 7
    assert [event.verb for event in part.events.all()] == [verb]


@pytest.mark.django_db(transaction=True)
def test_files_uploaded_at_once_get_revisions_of_their_own():
    part = make_part()
    _at_once(8, lambda n: make_file(Part.objects.get(pk=part.pk)))
    revisions = part.files.order_by("revision").values_list("revision", flat=True)
    assert list(revisions) == [1, 2, 3, 4, 5, 6, 7, 8]
    part.refresh_from_db()
    assert part.current_step.revision == 8

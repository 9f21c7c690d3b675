"""What was made wrong: marked, told, and made again once."""

from datetime import date

import pytest
from django.db import IntegrityError, transaction

from parts import workflow
from parts.errors import BadInput, NotAllowed, WrongState
from parts.models import Part, Priority, Season
from tests.factories import make_converted, make_file, make_part
from tests.parts.test_workflow import _at_once

pytestmark = pytest.mark.django_db


def _finished(**fields) -> Part:
    stands = {"name": "Hub", "code": "26-301", "category": "completed", "amount": 4}
    return make_part(**stands | {"assigned": "Sam"} | fields)


def test_what_is_marked_stays_completed_with_its_reason(lead):
    part = _finished()
    workflow.mark_wrong(part, actor=lead, reason="  Bore too\n small. ")
    part.refresh_from_db()
    assert (part.category, part.status) == ("completed", "Completed")
    assert (part.completed_incorrectly, part.wrong_reason) == (True, "Bore too small.")
    event = part.events.get()
    assert (event.verb, event.note) == ("marked_wrong", "Bore too small.")
    assert event.changes["completed_incorrectly"] == [False, True]
    with pytest.raises(WrongState, match=r"^“Hub” is marked already\.$"):
        workflow.mark_wrong(part, actor=lead, reason="Again.")


@pytest.mark.parametrize("take", [workflow.mark_wrong, workflow.remake])
@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("  ", r"^Say what was made wrong\.$"),
        ("x" * 501, r"^Keep the reason under 500 characters\.$"),
    ],
)
def test_a_reason_is_needed_that_fits(take, reason, message, lead):
    part = _finished()
    with pytest.raises(BadInput, match=message):
        take(part, actor=lead, reason=reason)
    assert Part.objects.get().completed_incorrectly is False


@pytest.mark.parametrize("take", [workflow.mark_wrong, workflow.remake])
def test_who_made_it_may_say_so_and_no_other_member(take, member):
    words = "^Only a lead and Sam, who made it, may say that it is wrong"
    with pytest.raises(NotAllowed, match=words):
        take(_finished(), actor=member, reason="Bent.")
    mine = _finished(assigned=member.name.upper())
    take(mine, actor=member, reason="Bent.")
    mine.refresh_from_db()
    assert mine.completed_incorrectly is True


def test_a_remake_is_ready_at_once_with_all_that_it_is_made_from(
    member, queued, django_capture_on_commit_callbacks
):
    season = Season.objects.create(name="2026")
    part = _finished(
        assigned=member.name,
        subsystem="Arm",
        material="Delrin",
        material_thickness="6 mm",
        due_date=date(2026, 3, 1),
        season=season,
        notes="Deburr.",
        onshape_url="https://cad.onshape.com/x",
        reviewer="Kim",
        storage_location="Shelf A3",
        extra={"handWorkers": [{"name": "Sam"}], "supplier": "Acme"},
    )
    make_file(part)
    step = make_converted(part)
    make_file(part, "d.pdf", b"%PDF-1.4\n%%EOF\n")

    with django_capture_on_commit_callbacks(execute=True):
        new = workflow.remake(part, actor=member, reason="Bent.", pieces=3)

    new = Part.objects.with_files().get(pk=new.pk)
    assert (new.code, new.name, new.amount, new.made) == ("26-301-R2", "Hub", 3, 0)
    assert (new.category, new.status, new.assigned) == ("cnc", "Reviewed", "")
    assert (new.priority, new.due_date) == (Priority.HIGH, date(2026, 3, 1))
    assert (new.subsystem, new.material, new.material_thickness) == (
        "Arm",
        "Delrin",
        "6 mm",
    )
    assert (new.season, new.notes, new.reviewer) == (season, "Deburr.", "Kim")
    assert (new.storage_location, new.file) == ("", "d.pdf")
    assert new.extra == {"supplier": "Acme"}
    assert new.remake_of == part
    assert part.remake == new
    assert new.current_step.pk != step.pk
    same = ("content", "sha256", "model", "thumbnail", "facts", "state", "revision")
    for name in same:
        assert getattr(new.current_step, name) == getattr(step, name)
    assert new.current_drawing.name == "d.pdf"
    assert queued == []  # its model is there already
    event = new.events.get()
    assert (event.verb, event.note, event.actor) == ("created", "26-301: Bent.", member)


def test_the_part_that_was_wrong_stays_and_counts(lead):
    part = _finished(scrapped=1)
    workflow.remake(part, actor=lead, reason="Bent.", pieces=2)
    part.refresh_from_db()
    assert (part.category, part.assigned) == ("completed", "Sam")
    assert (part.completed_incorrectly, part.wrong_reason) == (True, "Bent.")
    assert part.scrapped == 3
    event = part.events.get()
    assert (event.verb, event.note) == ("remade", "Bent.")


def test_a_part_that_is_marked_is_made_again_without_another_reason(lead):
    part = _finished()
    workflow.mark_wrong(part, actor=lead, reason="Bent.")
    new = workflow.remake(part, actor=lead)
    assert (new.amount, part.wrong_reason) == (4, "Bent.")


def test_an_urgent_part_is_made_again_as_an_urgent_one(lead):
    part = _finished(priority=Priority.URGENT)
    assert workflow.remake(part, actor=lead, reason="Bent.").priority == Priority.URGENT


@pytest.mark.parametrize("pieces", [0, -1, 5])
def test_no_more_is_made_again_than_there_was(pieces, lead):
    with pytest.raises(BadInput, match=r"^Say how many pieces: 1 to 4\.$"):
        workflow.remake(_finished(), actor=lead, reason="Bent.", pieces=pieces)
    assert Part.objects.count() == 1


def test_there_is_one_remake_however_often_it_is_asked_for(lead):
    part = _finished()
    workflow.remake(part, actor=lead, reason="Bent.")
    words = r"^“Hub” is being made again already, as 26-301-R2\.$"
    with pytest.raises(WrongState, match=words):
        workflow.remake(part, actor=lead, reason="Bent.")
    assert (Part.objects.count(), part.events.count()) == (2, 1)


def test_the_database_refuses_a_second_remake(lead):
    part = _finished()
    workflow.remake(part, actor=lead, reason="Bent.")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_part(remake_of=part)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_ask_at_once_one_makes_the_remake():
    part = _finished()
    outcomes = _at_once(
        8,
        lambda n: workflow.remake(
            Part.objects.get(pk=part.pk), actor=None, reason="Bent."
        ),
    )
    assert len([made for made in outcomes if isinstance(made, Part)]) == 1
    assert len([lost for lost in outcomes if isinstance(lost, WrongState)]) == 7
    assert Part.objects.filter(remake_of=part).count() == 1
    part.refresh_from_db()
    assert part.scrapped == 4


@pytest.mark.parametrize(
    ("code", "codes"),
    [
        ("26-301", ["26-301-R2", "26-301-R3", "26-301-R4"]),
        ("26-R9", ["26-R9-R2", "26-R9-R3", "26-R9-R4"]),
        ("x" * 100, ["x" * 97 + "-R2", "x" * 97 + "-R3", "x" * 97 + "-R4"]),
    ],
)
def test_each_making_has_a_code_of_its_own(code, codes, lead):
    part, seen = _finished(code=code), []
    for _ in codes:
        part = workflow.remake(part, actor=lead, reason="Bent.")
        seen.append(part.code)
        workflow.complete(part, actor=lead)
    assert seen == codes


def test_reopening_takes_the_mark_and_its_reason_away(lead):
    part = _finished()
    workflow.mark_wrong(part, actor=lead, reason="Bent.")
    workflow.revert(part, actor=lead)
    assert (part.completed_incorrectly, part.wrong_reason) == (False, "")


def test_taking_the_mark_away_by_an_edit_takes_the_reason_too(lead):
    part = _finished()
    workflow.mark_wrong(part, actor=lead, reason="Bent.")
    workflow.edit(part, actor=lead, completed_incorrectly=False)
    part.refresh_from_db()
    assert (part.completed_incorrectly, part.wrong_reason) == (False, "")


def test_a_remake_outlives_what_it_replaces(lead):
    part = _finished()
    new = workflow.remake(part, actor=lead, reason="Bent.")
    part.delete()
    new.refresh_from_db()
    assert new.remake_of is None


def test_a_file_that_is_still_being_converted_is_converted_for_the_remake(
    lead, queued, django_capture_on_commit_callbacks
):
    part = _finished()
    make_file(part)
    with django_capture_on_commit_callbacks(execute=True):
        new = workflow.remake(part, actor=lead, reason="Bent.")
    assert queued == [new.current_step.pk]
    assert new.current_step.state == "queued"
    assert new.current_step.pk != part.current_step.pk

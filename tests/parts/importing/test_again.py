"""Imported again: what is new there comes over, what was done here stays."""

import json
from datetime import UTC, datetime

import pytest

from parts import workflow
from parts.importing import Line, Outcome, Subject
from parts.importing.arrival import Arrival
from parts.models import Part, PartEvent, PartFile
from tests.factories import TINY_PDF, TINY_STEP, make_file

from .servers import png

pytestmark = pytest.mark.django_db

CREATED, UPDATED, LEFT, REFUSED = Outcome
STEP_A, STEP_B, STEP_C = (TINY_STEP + b"\n" * n for n in range(3))
SAME = "Nothing of it has changed there."
HERE_ALREADY = ("Here already.",)


def _rows() -> list:
    return [
        list(m.objects.order_by("pk").values()) for m in (Part, PartFile, PartEvent)
    ]


def _files(lines: list[Line]) -> list[tuple]:
    return [
        (line.name, line.outcome, *line.reasons)
        for line in lines
        if line.subject != Subject.PART
    ]


def _revisions() -> list[tuple]:
    files = PartFile.objects.filter(kind="step").order_by("revision")
    return [(file.revision, file.name) for file in files]


def _current() -> tuple:
    part = Part.objects.get()
    return part.current_step.revision, part.file


# --- Rows ---------------------------------------------------------------------


def test_the_same_server_twice_changes_nothing(old, bring, queued):
    misc = {
        "storage": "A3",
        "rounds": 2.0,
        "tiny": 1e-7,
        "large": 1e22,
        "words": ["a", 1.5],
        "handWorkers": [{"name": "Sam"}, "Jo"],
        "completed_at": "2026-01-16T10:30:00",
    }
    old.add(
        type="hand",
        category="completed",
        status="Completed",
        assigned="Sam",
        amount=0,
        notes="x" * 20_001,
        file="plate.step",
        misc_info=json.dumps(misc),
    )
    old.add(id=2, type="", category="", status="", created_at="", updated_at=None)
    old.put("1/plate.step", STEP_A)
    old.put("1/drawing.pdf", TINY_PDF)
    old.put("1/view_0.png", png())
    bring()
    before = _rows()
    queued.clear()
    lines = bring()
    assert [(line.outcome, line.reasons) for line in lines] == [
        (LEFT, (SAME,)),
        (LEFT, HERE_ALREADY),
        (LEFT, HERE_ALREADY),
        (LEFT, HERE_ALREADY),
        (LEFT, (SAME,)),
    ]
    assert (_rows(), queued) == (before, [])


def test_what_has_changed_there_comes_over(old, bring_one):
    old.add(category="cnc", status="Reviewed", notes="Old.")
    bring_one()
    old.change(
        1,
        notes="New.",
        status="In Progress",
        assigned="Sam",
        claimed_date="2026-01-18 10:30:00",
        updated_at="2026-01-18 10:30:00",
    )
    outcome, why = bring_one()
    assert outcome == UPDATED
    assert why == "changed there: assigned, status, claimed_date, notes"
    part = Part.objects.get()
    assert (part.notes, part.status, part.assigned) == ("New.", "In Progress", "Sam")
    assert part.created_at == datetime(2026, 1, 14, 10, 30, tzinfo=UTC)
    edited = part.events.get(verb="edited")
    assert edited.at == part.updated_at > datetime(2026, 1, 18, 10, 30, tzinfo=UTC)
    assert edited.note == "Imported again: it had changed on the other server"
    assert edited.changes["notes"] == ["Old.", "New."]
    assigned = part.events.get(verb="assigned")
    assert assigned.at == part.claimed_date
    before = _rows()
    assert bring_one() == (LEFT, SAME)
    assert _rows() == before


def test_each_claim_and_end_is_told_once(old, bring_one):
    old.add(category="cnc", status="In Progress", assigned="Sam")
    bring_one()
    misc = {"completed_at": "2026-01-19T10:30:00"}
    old.change(1, misc_info=json.dumps(misc), status="Completed", category="completed")
    assert bring_one()[0] == UPDATED
    old.change(1, notes="Well done.", updated_at="2026-01-20 10:30:00")
    assert bring_one()[0] == UPDATED
    verbs = PartEvent.objects.order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["created", "assigned", "edited", "completed", "edited"]


def test_a_touch_there_that_changes_nothing_is_no_change(old, bring_one):
    old.add()
    bring_one()
    old.change(1, updated_at="2026-02-01 00:00:00")
    assert bring_one() == (LEFT, SAME)


def test_work_done_here_stays_while_nothing_happens_there(old, bring_one):
    old.add()
    bring_one()
    workflow.edit(Part.objects.get(), actor=None, notes="Ours.")
    before = _rows()
    assert bring_one() == (LEFT, "Changed here (notes), and not there.")
    assert _rows() == before


def test_work_done_here_is_never_overwritten(old, bring_one):
    old.add()
    bring_one()
    workflow.edit(Part.objects.get(), actor=None, notes="Ours.")
    old.change(1, notes="Theirs.", material="Oak")
    before = _rows()
    why = "Changed here since, and there too (material, notes)."
    assert bring_one() == (LEFT, why)
    assert _rows() == before


def test_the_same_change_in_both_places_is_none(old, bring_one):
    old.add()
    bring_one()
    workflow.edit(Part.objects.get(), actor=None, notes="Both.")
    old.change(1, notes="Both.")
    assert bring_one() == (LEFT, SAME)


def test_what_only_this_server_has_survives_an_update(old, bring_one):
    old.add()
    bring_one()
    workflow.edit(Part.objects.get(), actor=None, priority=3, blocked_reason="No bar.")
    old.change(1, notes="Theirs.")
    assert bring_one()[0] == UPDATED
    part = Part.objects.get()
    assert (part.priority, part.blocked_reason, part.notes) == (3, "No bar.", "Theirs.")


def test_a_part_in_the_trash_stays_there(old, bring):
    old.add()
    bring()
    workflow.trash(Part.objects.get(), actor=None)
    old.change(1, notes="Theirs.")
    old.put("1/plate.step", STEP_A)
    before = _rows()
    why = ("It is in the trash here.",)
    assert bring() == [Line(Subject.PART, "1", "Gearbox plate", LEFT, why)]
    assert _rows() == before


def test_a_change_made_here_at_the_same_moment_wins(old, bring_one, monkeypatch):
    old.add()
    bring_one()
    old.change(1, notes="Theirs.")
    whole = Arrival.write

    def write(self):
        workflow.edit(Part.objects.get(), actor=None, notes="Ours.")
        whole(self)

    monkeypatch.setattr(Arrival, "write", write)
    assert bring_one() == (
        LEFT,
        "It was changed here at this very moment; run this again.",
    )


# --- Files --------------------------------------------------------------------


def test_files_may_come_in_a_later_run_even_after_work_was_done_here(old, bring):
    old.add(file="plate.step", category="cnc", status="Reviewed")
    bring(uploads=False)
    part = Part.objects.get()
    workflow.assign(part, worker="Sam", actor=None)
    old.put("1/plate.step", STEP_A)
    part_line, *others = bring()
    assert part_line.outcome == LEFT
    assert _files(others) == [("plate.step", CREATED, "Revision 1.")]
    assert _current() == (1, "plate.step")
    assert Part.objects.get().assigned == "Sam"


def test_a_newer_file_there_is_the_next_revision_here(old, bring):
    old.add(file="plate.step", category="cnc", status="In Progress", assigned="Sam")
    old.put("1/plate.step", STEP_A)
    bring()
    old.put("1/plate_2.step", STEP_B, "2026-01-20T00:00:00Z")
    old.change(1, file="plate_2.step")
    part_line, *others = bring()
    assert (part_line.outcome, part_line.reasons) == (LEFT, (SAME,))
    assert _files(others) == [
        ("plate.step", LEFT, "Here already."),
        ("plate_2.step", CREATED, "Revision 2."),
    ]
    part = Part.objects.get()
    assert _current() == (2, "plate_2.step")
    assert part.is_outdated  # whoever has it sees that a newer file came
    event = part.events.get(verb="uploaded", revision=2)
    assert event.at == part.updated_at
    assert event.changes["file"] == ["plate.step", "plate_2.step"]
    before = _rows()
    bring()
    assert _rows() == before


def test_a_new_claim_there_pins_the_revision_that_came_with_it(old, bring):
    old.add(file="plate.step", category="cnc", status="Reviewed")
    old.put("1/plate.step", STEP_A)
    bring()
    old.put("1/plate.step", STEP_B)
    old.change(1, assigned="Sam", status="In Progress")
    assert bring()[0].outcome == UPDATED
    assert (Part.objects.get().claimed_revision, _current()[0]) == (2, 2)
    old.change(1, assigned=None, status="Already Started")
    assert bring()[0].outcome == UPDATED
    assert Part.objects.get().claimed_revision is None


def test_a_file_that_was_replaced_there_under_its_name_is_the_next_revision(old, bring):
    old.add(file="plate.step")
    old.put("1/plate.step", STEP_A)
    bring()
    old.put("1/plate.step", STEP_B)
    assert _files(bring()) == [("plate.step", CREATED, "Revision 2.")]
    assert _revisions() == [(1, "plate.step"), (2, "plate.step")]


def test_a_file_that_was_uploaded_here_stays_current(old, bring):
    old.add(file="plate.step")
    old.put("1/plate.step", STEP_A)
    bring()
    make_file(Part.objects.get(), "ours.step", STEP_C)
    old.put("1/newer.step", STEP_B, "2026-01-20T00:00:00Z")
    before = _rows()
    assert _files(bring()) == [
        ("plate.step", LEFT, "Here already."),
        ("newer.step", LEFT, "“ours.step” was uploaded here since."),
    ]
    assert _rows() == before


def test_an_older_file_that_was_refused_at_first_does_not_become_current(
    old, bring, settings
):
    settings.UPLOAD_LIMIT_BYTES = len(STEP_A)
    old.add(file="plate.step")
    old.put("1/old.step", STEP_B, "2026-01-10T00:00:00Z")
    old.put("1/plate.step", STEP_A)
    assert REFUSED in {line.outcome for line in bring()}
    assert _revisions() == [(1, "plate.step")]
    settings.UPLOAD_LIMIT_BYTES = len(STEP_B)
    bring()
    assert _revisions() == [(1, "plate.step"), (2, "old.step"), (3, "plate.step")]
    assert _current() == (3, "plate.step")
    before = _rows()
    bring()
    assert _rows() == before


def test_an_older_file_that_is_current_again_there_is_so_here(old, bring):
    old.add(file="b.step")
    old.put("1/a.step", STEP_A, "2026-01-10T00:00:00Z")
    old.put("1/b.step", STEP_B, "2026-01-11T00:00:00Z")
    bring()
    old.change(1, file="a.step")
    bring()
    assert _revisions() == [(1, "a.step"), (2, "b.step"), (3, "a.step")]
    assert _current() == (3, "a.step")


# --- Pictures -----------------------------------------------------------------


def test_a_newer_picture_there_replaces_the_imported_one(old, bring):
    old.add()
    old.put("1/view_0.png", png(1))
    old.put("1/view_1.png", png(2))
    bring()
    kept = Part.objects.get().pictures
    old.put("1/view_0.png", png(3))
    part_line, *others = bring()
    assert (part_line.outcome, part_line.reasons) == (
        UPDATED,
        ("changed there: miscInfo",),
    )
    assert _files(others) == [
        ("1 picture", LEFT, "Here already."),
        ("1 picture", CREATED),
    ]
    pictures = Part.objects.get().pictures
    assert pictures[1] == kept[1]
    assert pictures[0] != kept[0]


def test_a_picture_made_here_is_not_overwritten(old, bring):
    old.add()
    old.put("1/view_0.png", png(1))
    bring()
    workflow.add_views(Part.objects.get(), actor=None, views={0: "views/00/ours.png"})
    old.put("1/view_0.png", png(3))
    part_line, *others = bring()
    assert part_line.reasons == ("Changed here since, and there too (miscInfo).",)
    assert _files(others) == [("1 picture", LEFT, "The part stays as it is here.")]
    assert Part.objects.get().pictures == {0: "views/00/ours.png"}


def test_a_run_without_the_folder_leaves_the_pictures(old, bring):
    old.add()
    old.put("1/view_0.png", png(1))
    bring()
    pictures = Part.objects.get().pictures
    assert bring(uploads=False)[0].reasons == (SAME,)
    old.change(1, notes="Theirs.")
    assert bring(uploads=False)[0].reasons == ("changed there: notes",)
    assert Part.objects.get().pictures == pictures


def test_pictures_of_an_older_file_do_not_stay_with_a_newer_one(old, bring):
    old.add(file="plate.step")
    old.put("1/plate.step", STEP_A)
    picture = old.put("1/view_0.png", png(1))
    bring()
    picture.unlink()
    old.put("1/plate.step", STEP_B)
    assert _files(bring()) == [("plate.step", CREATED, "Revision 2.")]
    part = Part.objects.get()
    assert (part.pictures, part.extra) == ({}, {})
    before = _rows()
    bring()
    assert _rows() == before


def test_pictures_go_with_the_older_file_on_a_part_that_was_changed_here(old, bring):
    old.add(file="plate.step")
    old.put("1/plate.step", STEP_A)
    picture = old.put("1/view_0.png", png(1))
    bring()
    workflow.edit(
        Part.objects.get(), actor=None, notes="Ours.", extra={"colour": "red"}
    )
    picture.unlink()
    old.put("1/view_1.png", png(2))
    old.put("1/plate.step", STEP_B)
    assert bring()[0].outcome == LEFT
    part = Part.objects.get()
    assert list(part.pictures) == [1]
    assert (part.extra["colour"], part.notes) == ("red", "Ours.")

"""Rows of another server become parts of this one, with ids and history."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.urls import reverse

from parts import stats
from parts.importing import Line, Outcome, Subject, import_parts, opened
from parts.importing.arrival import Arrival
from parts.models import Part, PartEvent, PartFile
from partsite.clamd import eicar
from tests.factories import STEP_SAMPLES, TINY_PDF, TINY_STEP, make_part

from .servers import FULL, OLDEST, UUID_1, OldServer, png

pytestmark = pytest.mark.django_db

CREATED, UPDATED, LEFT, REFUSED = Outcome
EMPTY_SHOP = "Import into an empty shop (make run DEMO=0)."


def _rows() -> list:
    return [
        list(m.objects.order_by("pk").values()) for m in (Part, PartFile, PartEvent)
    ]


def _at(day: int, hour: int = 10) -> datetime:
    return datetime(2026, 1, day, hour, 30, tzinfo=UTC)


def _history(part_id: int = 1) -> list[tuple]:
    events = PartEvent.objects.filter(part=part_id).order_by("at", "pk")
    return [(e.verb, e.at, e.actor_name, e.note, e.changes) for e in events]


# --- The first time -----------------------------------------------------------


def test_a_part_comes_as_it_was(old, bring):
    old.add(
        id=70,
        uuid=UUID_1,
        part_id="P-7",
        type="hand",
        category="hand",
        status="In Progress",
        assigned="Sam",
        claimed_date="2026-01-15 10:30:00",
        amount=3,
        notes="Tight fit.",
        misc_info=json.dumps({"storage": "A3", "reviewer": "Kim", "colour": "red"}),
    )
    assert bring() == [Line(Subject.PART, "70", "Gearbox plate", CREATED)]
    part = Part.objects.get()
    part.full_clean(exclude=["material"])
    assert (part.pk, part.uuid, part.code) == (70, UUID(UUID_1), "P-7")
    assert (part.category, part.status, part.assigned) == ("hand", "In Progress", "Sam")
    assert (part.claimed_date, part.created_at, part.updated_at) == (
        _at(15),
        _at(14),
        _at(17),
    )
    assert (part.storage_location, part.reviewer) == ("A3", "Kim")
    assert (part.extra, part.amount, part.notes) == ({"colour": "red"}, 3, "Tight fit.")
    assert (part.season, part.completed_at, part.made) == (None, None, 0)


def test_the_oldest_kind_of_server_comes_too(tmp_path):
    old = OldServer(tmp_path, OLDEST)
    old.add(assigned="Sam", category="cnc", status="In Progress")
    for outcome in (CREATED, LEFT):
        with opened(old.path) as source:
            (line,) = import_parts(source)
        assert line.outcome == outcome
    part = Part.objects.get()
    assert (part.pk, part.amount, part.code) == (1, 1, str(part.uuid)[:8])


def test_the_history_tells_who_had_a_part_and_when_it_was_finished(old, bring):
    workers = [
        {"name": "Kim", "timestamp": "2026-01-15T08:30:00"},
        {"name": "Sam", "timestamp": "2026-01-15T10:30:00"},
    ]
    old.add(
        type="hand",
        category="completed",
        status="Completed",
        assigned="sam",
        claimed_date="2026-01-15 10:30:01",
        misc_info=json.dumps(
            {
                "handWorkers": workers,
                "completed_at": "2026-01-16T10:30:00",
                "storage": "A3",
            }
        ),
    )
    bring()
    events = _history()
    mark = events[0][4]["imported"][1]
    assert len(mark) == 16
    assert events == [
        (
            "created",
            _at(14),
            "",
            "Imported from another server",
            {"imported": ["", mark]},
        ),
        ("assigned", _at(15, 8), "Kim", "", {"assigned": ["", "Kim"]}),
        ("assigned", _at(15), "Sam", "", {"assigned": ["", "Sam"]}),
        (
            "completed",
            _at(16),
            "sam",
            "A3",
            {
                "category": ["hand", "completed"],
                "completed_at": [None, "2026-01-16T10:30:00+00:00"],
                "storage_location": ["", "A3"],
            },
        ),
    ]
    assert Part.objects.get().made == 1
    assert stats.scores() == [
        {"name": "sam", "score": 1.0},
        {"name": "Kim", "score": 0.5},
    ]
    assert stats.pieces()["average_completion_time"] == 24.0


@pytest.mark.parametrize(
    ("state", "claimed", "events"),
    [
        (("cnc", "In Progress"), "2026-01-15 10:30:00", [("assigned", _at(15))]),
        (("cnc", "In Progress"), None, [("assigned", _at(17))]),
        (("completed", "Completed"), None, [("assigned", _at(17))]),
        (("review", "Pending"), None, []),
    ],
)
def test_a_holder_whom_no_log_names_took_it_when_it_was_claimed(
    old, bring, state, claimed, events
):
    category, status = state
    old.add(category=category, status=status, assigned="Sam", claimed_date=claimed)
    bring()
    assert [(verb, at) for verb, at, *_ in _history()[1:]] == events
    assert Part.objects.get().assigned == "Sam"


def test_files_become_revisions_and_the_named_one_is_current(
    old, bring, queued, django_capture_on_commit_callbacks
):
    plate = (STEP_SAMPLES / "spacer.step").read_bytes()
    old.add(file="plate.step", category="cnc", status="In Progress", assigned="Sam")
    old.put("1/plate.step", plate, "2026-01-14T00:00:00Z")
    old.put("1/younger.stp", TINY_STEP, "2026-01-15T00:00:00Z")
    old.put("1/drawing.pdf", TINY_PDF, "2026-01-20T00:00:00Z")
    with django_capture_on_commit_callbacks(execute=True):
        lines = bring()
    assert [(li.subject, li.name, li.outcome, li.reasons) for li in lines[1:]] == [
        (Subject.FILE, "younger.stp", CREATED, ("Revision 1.",)),
        (Subject.FILE, "drawing.pdf", CREATED, ("Revision 1.",)),
        (Subject.FILE, "plate.step", CREATED, ("Revision 2.",)),
    ]
    part = Part.objects.get()
    assert (part.file, part.current_step.name) == ("plate.step", "plate.step")
    assert part.current_file == part.current_step
    assert (part.current_step.revision, part.claimed_revision) == (2, 2)
    assert part.current_drawing.name == "drawing.pdf"
    assert part.updated_at == _at(17)
    with default_storage.open(part.current_step.content.name) as file:
        assert file.read() == plate
    assert part.current_step.uploaded_at == datetime(2026, 1, 14, tzinfo=UTC)
    steps = PartFile.objects.filter(kind="step").order_by("pk")
    assert queued == [file.pk for file in steps]
    uploads = [event for event in _history() if event[0] == "uploaded"]
    assert [(at, note, changes["file"]) for _, at, _, note, changes in uploads] == [
        (datetime(2026, 1, 14, tzinfo=UTC), "step", ["drawing.pdf", "plate.step"]),
        (datetime(2026, 1, 15, tzinfo=UTC), "step", ["", "younger.stp"]),
        (_at(17), "drawing", ["younger.stp", "drawing.pdf"]),  # its part's last change
    ]


def test_pictures_come_with_their_times(old, bring):
    views = {"files": {"0": {"timestamp": "2026-01-15T10:30:00"}}}
    old.add(misc_info=json.dumps({"views": views}))
    old.put("1/view_0.png", png(1))
    old.put("1/views/view_7.png", png(2), "2026-01-16T10:30:00Z")
    assert bring()[1:] == [
        Line(Subject.PICTURE, "1", "2 pictures", CREATED, (), count=2)
    ]
    part = Part.objects.get()
    assert part.extra["views"]["updated_at"] == "2026-01-16T10:30:00+00:00"
    files = part.extra["views"]["files"]
    assert {side: f["timestamp"] for side, f in files.items()} == {
        "0": "2026-01-15T10:30:00+00:00",
        "7": "2026-01-16T10:30:00+00:00",
    }
    assert files["7"]["filename"] == "view_7.png"
    with default_storage.open(part.pictures[7]) as file:
        assert file.read() == png(2)


def test_a_current_file_that_is_not_there_is_told_and_its_name_kept(old, bring):
    old.add(file="plate.step")
    why = ("Named as the current file, but not in the folder.",)
    assert bring()[1:] == [Line(Subject.FILE, "1", "plate.step", REFUSED, why)]
    assert Part.objects.get().file == "plate.step"


def test_a_file_with_a_virus_stays_where_it_is(old, bring, media, scanner):
    old.add(file="plate.step")
    old.put("1/plate.step", TINY_STEP)
    old.put("1/virus.step", TINY_STEP + eicar() + TINY_STEP)
    old.put("1/view_0.png", png())
    found = "The virus scanner found “Eicar” in this file, so it was not kept."
    why = (f"It could not be stored: {found}",)
    assert Line(Subject.FILE, "1", "virus.step", REFUSED, why) in bring()
    assert len(scanner.seen) == 3
    assert len([path for path in media.rglob("*") if path.is_file()]) == 2


def test_without_uploads_nothing_is_said_of_files(old, bring):
    old.add(file="plate.step")
    old.put("1/plate.step", b"x")
    assert bring(uploads=False) == [Line(Subject.PART, "1", "Gearbox plate", CREATED)]


def test_mends_are_told_with_their_part(old, bring_one):
    old.add(category="cnc", status="Completed", amount=0)
    assert bring_one() == (CREATED, "amount: 0 → 1; category: “cnc” → “completed”")


def test_a_dry_run_tells_the_same_and_writes_nothing(
    old, bring, media, queued, django_capture_on_commit_callbacks
):
    old.add(file="plate.step", assigned="Sam", category="cnc", status="Reviewed")
    old.add(id=2, uuid="none", amount=0)
    old.put("1/plate.step", TINY_STEP)
    old.put("1/view_0.png", png())
    old.put("1/bad.pdf", b"x")
    old.put("9/plate.step", TINY_STEP)
    with django_capture_on_commit_callbacks(execute=True):
        told = bring(dry_run=True)
    assert (_rows(), queued, media.exists()) == ([[], [], []], [], False)
    assert told == bring()
    assert [line.outcome for line in told] == [
        CREATED,  # part 1
        CREATED,  # its file
        CREATED,  # its picture
        REFUSED,  # bad.pdf
        CREATED,  # part 2
        LEFT,  # of no part
    ]
    before = _rows()
    bring(dry_run=True)
    assert _rows() == before


@pytest.mark.parametrize("rows", [2, 40])
def test_reading_what_is_here_costs_the_same_for_any_number(
    old, bring, rows, django_assert_num_queries
):
    for part_id in range(1, rows + 1):
        old.add(id=part_id)
    bring()
    # Ids kept clear; parts, their files, owners of uuids, marks of imports. A
    # part that has not changed costs its empty savepoint.
    with django_assert_num_queries(5 + 2 * rows):
        bring()


def test_pages_and_api_show_an_imported_part_as_any_other(old, bring, lead_page):
    old.add(
        type="hand",
        category="hand",
        status="In Progress",
        assigned="Sam",
        misc_info=json.dumps(
            {
                "storage": "A3",
                "colour": "red",
                "handWorkers": [{"name": "Sam", "timestamp": "2026-01-15T10:30:00"}],
            }
        ),
    )
    old.put("1/plate.step", TINY_STEP)
    old.put("1/view_0.png", png())
    bring()
    page = lead_page.get(Part.objects.get().get_absolute_url()).content.decode()
    assert "Imported from another server" in page
    assert PartEvent.objects.get(verb="created").changes["imported"][1] not in page
    api = lead_page.get(reverse("api:part-detail", args=[1])).json()
    assert (api["id"], api["partId"], api["assigned"]) == (1, api["uuid"][:8], "Sam")
    misc = api["miscInfo"]
    assert (misc["storage"], misc["colour"]) == ("A3", "red")
    assert misc["handWorkers"] == [
        {"name": "Sam", "timestamp": "2026-01-15T10:30:00+00:00"}
    ]
    assert list(misc["views"]["files"]) == ["0"]
    events = lead_page.get(reverse("api:part-events", args=[1])).json()["events"]
    assert [event["verb"] for event in events] == ["assigned", "uploaded", "created"]
    sent_back = lead_page.put(
        reverse("api:part-detail", args=[1]), api, content_type="application/json"
    )
    assert sent_back.json()["miscInfo"] == misc


# --- What cannot come ---------------------------------------------------------


def test_a_row_that_cannot_come_leaves_the_others(old, bring):
    old.run("DROP TABLE parts")
    declared = ", ".join(f'"{name}"' for name in FULL)  # no primary key
    old.run(f"CREATE TABLE parts ({declared})")
    old.add(id=2)
    old.add(id=1)
    old.add(id=1, name="Twin")
    old.add(id=None, name="Nameless")
    lines = [(li.part_id, li.name, li.outcome, li.reasons) for li in bring()]
    assert lines == [
        (
            "None",
            "Nameless",
            REFUSED,
            ("Its id is nothing; give it a whole number from 1 to 2147483647.",),
        ),
        ("1", "Twin", REFUSED, ("Another row has the id 1 too.",)),
        ("1", "Gearbox plate", CREATED, ()),
        ("2", "Gearbox plate", CREATED, ()),
    ]


def test_rows_that_share_a_uuid_both_come(old, bring):
    old.add(id=1, uuid=UUID_1, part_id="A")
    old.add(id=2, uuid=UUID_1, part_id="B")
    assert [line.outcome for line in bring()] == [CREATED, CREATED]
    uuids = list(Part.objects.order_by("pk").values_list("uuid", flat=True))
    assert uuids[0] == UUID(UUID_1) != uuids[1]
    assert [line.outcome for line in bring()] == [LEFT, LEFT]
    old.run("DELETE FROM parts WHERE id = 1")
    assert [line.outcome for line in bring()] == [LEFT]


def test_an_id_that_is_taken_here_is_refused_and_nothing_overwritten(old, bring):
    make_part(pk=1, name="Ours")
    old.add(id=1, file="plate.step")
    old.put("1/plate.step", TINY_STEP)
    before = _rows()
    why = f"Its id is that of another part here. {EMPTY_SHOP}"
    files = " Its files stay behind with it."
    assert bring() == [
        Line(Subject.PART, "1", "Gearbox plate", REFUSED, (why + files,))
    ]
    assert _rows() == before


def test_a_part_of_the_same_uuid_that_no_import_brought_is_another(old, bring_one):
    make_part(pk=1, uuid=UUID_1)
    old.add(uuid=UUID_1)
    why = f"Its id is that of another part here. {EMPTY_SHOP}"
    assert bring_one() == (REFUSED, why)


def test_the_part_of_another_server_under_an_imported_id_is_refused(old, bring_one):
    old.add(uuid=UUID_1)
    bring_one()
    old.change(1, uuid=UUID_1.replace("3f", "4f"))
    why = f"Its id is that of another part here. {EMPTY_SHOP}"
    assert bring_one() == (REFUSED, why)


def test_a_uuid_that_is_taken_here_is_refused(old, bring_one):
    make_part(pk=5, uuid=UUID_1)
    old.add(uuid=UUID_1)
    why = f"Part 5 here has its uuid already. {EMPTY_SHOP}"
    assert bring_one() == (REFUSED, why)


def test_a_part_that_the_database_refuses_leaves_the_others(old, bring, monkeypatch):
    whole = Part.save

    def save(self, **options):
        whole(self, **options)
        if self.pk == 1:
            raise DatabaseError("no")

    monkeypatch.setattr(Part, "save", save)
    old.add(id=1)
    old.add(id=2)
    assert [(line.part_id, line.outcome, line.reasons) for line in bring()] == [
        ("1", REFUSED, ("The database does not take it: no",)),
        ("2", CREATED, ()),
    ]
    assert [part.pk for part in Part.objects.all()] == [2]


def test_a_file_that_cannot_be_stored_leaves_its_part(old, bring, monkeypatch):
    def full(name, content, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(default_storage, "save", full)
    old.add(file="plate.step")
    old.put("1/plate.step", TINY_STEP)
    old.put("1/view_0.png", png())
    part, *files = bring()
    assert part.outcome == CREATED
    why = ("It could not be stored: [Errno 28] No space left on device",)
    assert files == [
        Line(Subject.FILE, "1", "plate.step", REFUSED, why),
        Line(Subject.PICTURE, "1", "view_0.png", REFUSED, why),
    ]
    part = Part.objects.get()
    assert (part.current_step, part.extra, part.file) == (None, {}, "plate.step")


def test_a_file_that_changes_while_it_is_read_is_refused(old, bring, monkeypatch):
    path = old.put("1/plate.step", TINY_STEP)
    whole = Arrival.store

    def store(self):
        path.write_bytes(TINY_STEP + b" ")
        whole(self)

    monkeypatch.setattr(Arrival, "store", store)
    old.add()
    assert bring()[1].reasons == (
        "It could not be stored: It changed while it was read.",
    )
    assert PartFile.objects.count() == 0


# --- Ids ----------------------------------------------------------------------


def test_new_parts_count_on_from_the_highest_id(old, bring):
    old.add(id=500)
    old.add(id=20)
    bring()
    assert make_part().pk > 500


def test_a_part_that_is_handed_in_meanwhile_takes_no_id_of_theirs(
    old, bring, monkeypatch
):
    whole, handed_in = Arrival.write, []

    def write(self):
        if not handed_in:
            handed_in.append(make_part().pk)
        whole(self)

    monkeypatch.setattr(Arrival, "write", write)
    old.add(id=1)
    old.add(id=2)
    assert [line.outcome for line in bring()] == [CREATED, CREATED]
    assert handed_in[0] > 2


def test_ids_of_parts_that_are_gone_are_not_used_again(old, bring):
    gone = make_part(pk=900) if connection.vendor == "sqlite" else make_part()
    last = gone.pk
    gone.delete()
    old.add(id=max(1, last - 1))
    bring()
    assert make_part().pk > last


def test_the_first_part_of_all_takes_no_id_of_theirs_either(old, bring, monkeypatch):
    if connection.vendor == "sqlite":  # which has no counter before the first row
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = 'parts'")
    monkeypatch.setattr(Arrival, "write", lambda self: None)
    old.add(id=500)
    bring()
    assert make_part().pk > 500


def test_a_dry_run_moves_no_id(old, bring):
    first = make_part().pk
    old.add(id=first + 500)
    bring(dry_run=True)
    assert make_part().pk == first + 1


def test_an_import_of_nothing_moves_no_id(old, bring):
    first = make_part().pk
    assert bring() == []
    assert make_part().pk == first + 1

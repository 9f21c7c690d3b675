"""The part object: made, read, changed, deleted."""

from datetime import UTC, date, datetime
from pathlib import PurePosixPath

import pytest

from parts.models import Part, Season
from tests.factories import FACTS, make_converted, make_file, make_part

PARTS = "/api/parts/"
NEW = {"subsystem": "Intake", "material": "6061-T6"}
# Every name the part object has, in lists and alone.
NAMES = [
    *("id", "uuid", "partId", "type", "name", "subsystem", "material"),
    *("materialThickness", "amount", "assigned", "status", "category", "notes"),
    *("file", "onshapeUrl", "miscInfo", "claimedDate", "createdAt", "updatedAt"),
    *("thumbnail", "priority", "dueDate", "made", "scrapped", "storage"),
    *("blockedReason", "season"),
]
EMPTY = {
    "type": None,
    "name": None,
    "materialThickness": None,
    "amount": 1,
    "assigned": None,
    "status": "Pending",
    "category": "review",
    "notes": None,
    "file": None,
    "onshapeUrl": None,
    "miscInfo": {},
    "claimedDate": None,
    "thumbnail": None,
    "priority": "normal",
    "dueDate": None,
    "made": 0,
    "scrapped": 0,
    "storage": None,
    "blockedReason": None,
    "season": None,
    "model": None,
}
GONE = {"error": "Part not found", "details": "There is no part with this number."}
NUMBERS_OF_NONE = ["999", "0", "9" * 19, "9" * 40, "9" * 5000]


# --- Create -------------------------------------------------------------------


def test_create_needs_only_subsystem_and_material(api):
    answer = api.post(PARTS, NEW)
    assert answer.status_code == 201
    body = answer.json()
    part = Part.objects.get()
    assert list(body) == [*NAMES, "model"]
    assert body == {
        **EMPTY,
        **NEW,
        "id": part.pk,
        "uuid": str(part.uuid),
        "partId": str(part.uuid)[:8],
        "createdAt": part.created_at.isoformat(),
        "updatedAt": part.updated_at.isoformat(),
    }
    assert body["createdAt"].endswith("+00:00")
    assert answer["Location"] == f"/api/parts/{part.pk}"
    assert api.get(answer["Location"]).json() == body


def test_create_stores_everything_that_is_given(api):
    season = Season.objects.create(name="2026")
    given = {
        **NEW,
        "type": "HAND",
        "name": "Gearbox plate",
        "materialThickness": "0.25 in",
        "amount": 2,
        "assigned": "Sam",
        "notes": "Two lines\nof notes",
        "onshapeUrl": "https://cad.onshape.com/documents/1",
        "miscInfo": {"storage": "Shelf A3", "reviewer": "Kim", "colour": "red"},
        "priority": "high",
        "dueDate": "2026-03-01",
        "season": "2026",
        "scrapped": 1,
        "blockedReason": "Out of stock",
    }
    body = api.post(PARTS, given).json()
    workers = body["miscInfo"].pop("handWorkers")
    assert [worker["name"] for worker in workers] == ["Sam"]
    expected = {**given, "type": "hand", "storage": "Shelf A3", "status": "Pending"}
    assert {name: body[name] for name in expected} == expected
    part = Part.objects.get()
    assert (part.storage_location, part.reviewer) == ("Shelf A3", "Kim")
    assert (part.season, part.due_date) == (season, date(2026, 3, 1))
    assert {**part.extra, "handWorkers": 0} == {"colour": "red", "handWorkers": 0}
    event = part.events.get()
    assert (event.verb, event.actor_name) == ("created", "write key")


def test_create_takes_the_old_names_too_and_prefers_the_new(api):
    given = {
        **NEW,
        "material_thickness": "3 mm",
        "onshape_url": "http://a.example",
        "onshapeUrl": "http://b.example",
        "misc_info": {"storage": "A"},
    }
    body = api.post(PARTS, given).json()
    assert body["materialThickness"] == "3 mm"
    assert body["onshapeUrl"] == "http://b.example"
    assert body["miscInfo"] == {"storage": "A"}


def test_create_ignores_what_is_unknown_read_only_or_generated(api):
    given = {
        **NEW,
        "id": 77,
        "uuid": "x",
        "partId": ["not", "text"],
        "part_id": 5,
        "createdAt": "yesterday",
        "updatedAt": 0,
        "claimedDate": {},
        "thumbnail": 1,
        "storage": 5,
        "model": "x",
        "unheard": [[[]]],
        "deleted_at": "2026-01-01",
    }
    body = api.post(PARTS, given).json()
    part = Part.objects.get()
    assert body["id"] == part.pk != 77
    assert body["partId"] == str(part.uuid)[:8]
    assert (body["claimedDate"], body["storage"], part.deleted_at) == (None, None, None)


def test_create_takes_a_file_name_as_a_hint_that_points_nowhere(api):
    body = api.post(PARTS, {**NEW, "file": "plate.step"}).json()
    assert body["file"] is None
    assert Part.objects.get().file == ""


def test_create_joins_the_current_season_unless_told_none(api):
    Season.objects.create(name="2026")
    assert api.post(PARTS, NEW).json()["season"] == "2026"
    assert api.post(PARTS, {**NEW, "season": None}).json()["season"] is None


@pytest.mark.parametrize(
    ("given", "stands"),
    [
        ({"category": "cnc"}, ("cnc", "cnc", "Reviewed")),
        (
            {"category": "hand", "status": "In Progress"},
            ("hand", "hand", "In Progress"),
        ),
        ({"category": "completed"}, (None, "completed", "Completed")),
        ({"status": "Completed"}, (None, "completed", "Completed")),
        ({"status": "", "category": None}, (None, "review", "Pending")),
    ],
)
def test_create_may_put_a_part_where_it_stands(api, given, stands):
    body = api.post(PARTS, {**NEW, **given}).json()
    assert (body["type"], body["category"], body["status"]) == stands
    is_started = stands[2] == "In Progress"
    assert (body["claimedDate"] is not None) == is_started
    assert ("completed_at" in body["miscInfo"]) == (stands[1] == "completed")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"category": "completed", "status": "Pending"}, "status"),
        ({"category": "review", "status": "Completed"}, "status"),
        ({"category": "cnc", "type": "hand"}, "category"),
    ],
)
def test_create_refuses_what_contradicts_itself(api, given, field):
    answer = api.post(PARTS, {**NEW, **given})
    assert answer.status_code == 400
    body = answer.json()
    assert (body["error"], body["field"]) == ("Validation Error", field)
    assert body["errors"] == {field: [body["details"]]}
    assert Part.objects.count() == 0


def test_a_member_hands_in_to_review_and_no_further(member_api):
    assert member_api.post(PARTS, NEW).status_code == 201
    answer = member_api.post(PARTS, {**NEW, "category": "cnc"})
    assert answer.status_code == 403
    assert answer.json()["error"] == "Only leads may hand in a part past the review."
    assert Part.objects.count() == 1


# --- Read ---------------------------------------------------------------------


def test_read_shows_the_whole_part(api):
    part = make_part(
        category="completed",
        type="misc",
        name="Hub",
        code="A-7",
        assigned="Sam",
        claimed_date=datetime(2026, 1, 15, 10, 30, tzinfo=UTC),
        completed_at=datetime(2026, 1, 16, 8, tzinfo=UTC),
        completed_incorrectly=True,
        storage_location="Shelf A3",
        reviewer="Kim",
        service_method="Laser shop",
        extra={"handWorkers": [{"name": "Sam", "timestamp": "x"}], "a": [1]},
        priority=3,
        due_date=date(2026, 3, 1),
        season=Season.objects.create(name="2026"),
        made=2,
        notes="",
    )
    body = api.get(f"{PARTS}{part.pk}").json()
    assert body["partId"] == "A-7"
    assert body["claimedDate"] == "2026-01-15T10:30:00+00:00"
    assert body["miscInfo"] == {
        "handWorkers": [{"name": "Sam", "timestamp": "x"}],
        "a": [1],
        "storage": "Shelf A3",
        "reviewer": "Kim",
        "serviceMethod": "Laser shop",
        "completedIncorrectly": True,
        "completed_at": "2026-01-16T08:00:00+00:00",
    }
    assert (body["priority"], body["dueDate"]) == ("urgent", "2026-03-01")
    assert (body["season"], body["made"], body["notes"]) == ("2026", 2, None)


def test_read_shows_the_model_of_the_current_file(api):
    part = make_part()
    file = make_converted(part)
    body = api.get(f"{PARTS}{part.pk}").json()
    tag = PurePosixPath(file.thumbnail.name).stem[:16]
    picture = f"/api/parts/{part.pk}/thumbnail/{tag}.png"
    assert body["file"] == "plate.step"
    assert body["thumbnail"] == picture
    assert body["model"] == {
        "state": "done",
        "error": None,
        "revision": 1,
        "name": "plate.step",
        "sha256": file.sha256,
        "glb": f"/api/parts/{part.pk}/model?v={tag}",
        "thumbnail": picture,
        "facts": FACTS,
    }


def test_a_newer_file_hides_picture_model_and_facts_of_the_older(api):
    part = make_part()
    make_converted(part)
    newer = make_file(part, "plate2.stp")
    body = api.get(f"{PARTS}{part.pk}").json()
    assert (body["file"], body["thumbnail"]) == ("plate2.stp", None)
    assert body["model"] == {
        "state": "queued",
        "error": None,
        "revision": 2,
        "name": "plate2.stp",
        "sha256": newer.sha256,
        "glb": None,
        "thumbnail": None,
        "facts": None,
    }
    (row,) = api.get(PARTS).json()["parts"]
    assert row["thumbnail"] is None


def test_a_failed_conversion_says_why(api):
    part = make_part()
    file = make_file(part)
    file.state, file.error = "failed", "The file is cut off."
    file.save()
    model = api.get(f"{PARTS}{part.pk}").json()["model"]
    assert (model["state"], model["error"]) == ("failed", "The file is cut off.")


@pytest.mark.parametrize("rows", [1, 5])
def test_read_costs_two_queries(api, rows, django_assert_num_queries):
    part = make_part()
    for _ in range(rows):
        make_converted(part)
    with django_assert_num_queries(2):  # key, part
        assert api.get(f"{PARTS}{part.pk}").status_code == 200


# --- Missing ------------------------------------------------------------------

ADDRESSES = [
    ("get", ""),
    ("put", ""),
    ("patch", ""),
    ("delete", ""),
    ("post", "/approve"),
    ("post", "/send-back"),
    ("post", "/assign"),
    ("post", "/unclaim"),
    ("post", "/complete"),
    ("post", "/revert"),
    ("post", "/convert"),
    ("get", "/download"),
    ("get", "/file"),
    ("get", "/model"),
    ("get", "/files"),
    ("get", "/files/1"),
    ("get", "/events"),
    ("get", "/thumbnail/0.png"),
]


@pytest.mark.parametrize(("method", "rest"), ADDRESSES)
def test_a_part_that_is_not_there_is_404(api, method, rest):
    for number in NUMBERS_OF_NONE:
        answer = getattr(api, method)(f"{PARTS}{number}{rest}")
        assert answer.status_code == 404
        if len(number) < 4000:  # longer than Python reads is no address
            assert answer.json() == GONE


@pytest.mark.parametrize(("method", "rest"), ADDRESSES)
def test_a_part_in_the_trash_is_not_there(api, method, rest):
    part = make_part(deleted_at=datetime.now(UTC))
    answer = getattr(api, method)(f"{PARTS}{part.pk}{rest}")
    assert (answer.status_code, answer.json()) == (404, GONE)


def test_an_upload_to_a_part_that_is_not_there_is_404(api):
    answer = api.post(f"{PARTS}999/upload", {}, format="multipart")
    assert (answer.status_code, answer.json()) == (404, GONE)


@pytest.mark.parametrize(("method", "rest"), [*ADDRESSES, ("post", "/upload")])
def test_every_address_of_a_part_wants_a_key(anonymous, method, rest):
    answer = getattr(anonymous, method)(f"{PARTS}{make_part().pk}{rest}")
    assert answer.status_code == 401
    assert answer.json()["error"] == "API key required"


@pytest.mark.parametrize(("method", "rest"), [*ADDRESSES, ("post", "/upload")])
def test_every_change_wants_more_than_a_read_key(reader, method, rest):
    part = make_part()
    make_converted(part)
    before = Part.objects.values().get()
    answer = getattr(reader, method)(f"{PARTS}{part.pk}{rest}")
    if method == "get":
        assert answer.status_code in {200, 404}  # there is no picture 0.png
    else:
        assert answer.status_code == 403
        assert answer.json()["error"] == "This key or account may only read."
        assert Part.objects.values().get() == before


# --- Change -------------------------------------------------------------------


@pytest.mark.parametrize("method", ["put", "patch"])
def test_both_ways_of_change_are_partial(api, method):
    part = make_part(name="Hub", amount=2, notes="Old")
    given = {"amount": "5", "notes": None, "partId": "A-7", "type": "Misc"}
    answer = getattr(api, method)(f"{PARTS}{part.pk}", given)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["name"], body["amount"], body["notes"]) == ("Hub", 5, None)
    assert (body["partId"], body["type"]) == ("A-7", "misc")
    part.refresh_from_db()
    assert (part.amount, part.notes, part.code) == (5, "", "A-7")
    event = part.events.get()
    assert event.changes["amount"] == [2, 5]
    assert body["updatedAt"] == part.updated_at.isoformat()


def test_what_was_read_can_be_sent_back_and_changes_nothing(api):
    part = make_part(
        category="hand",
        assigned="Sam",
        status="In Progress",
        claimed_date=datetime(2026, 1, 15, tzinfo=UTC),
        storage_location="Shelf",
        season=Season.objects.create(name="2026"),
        due_date=date(2026, 3, 1),
        extra={"handWorkers": [{"name": "Sam", "timestamp": "x"}], "views": {"a": {}}},
    )
    make_converted(part)
    before = Part.objects.values().get()
    events = part.events.count()
    read = api.get(f"{PARTS}{part.pk}").json()
    answer = api.put(f"{PARTS}{part.pk}", read)
    assert (answer.status_code, answer.json()) == (200, read)
    assert Part.objects.values().get() == before
    assert part.events.count() == events


def test_an_empty_change_is_none(api):
    part = make_part()
    answer = api.put(f"{PARTS}{part.pk}", {})
    assert answer.status_code == 200
    assert part.events.count() == 0


def test_blank_text_clears_it(api):
    part = make_part(name="Hub", type="cnc", onshape_url="http://a.example")
    given = {"name": "  ", "type": "", "onshapeUrl": "", "material": None}
    body = api.put(f"{PARTS}{part.pk}", given).json()
    assert [body[name] for name in given] == [None] * 4


@pytest.mark.parametrize("value", ["", "  ", None])
def test_the_part_number_cannot_be_cleared(api, value):
    part = make_part(code="A-7")
    answer = api.put(f"{PARTS}{part.pk}", {"partId": value})
    assert answer.status_code == 400
    assert answer.json()["errors"] == {"partId": ["This field may not be blank."]}


def test_pieces_reason_due_date_priority_and_season_are_written(api):
    part = make_part(category="cnc")
    Season.objects.create(name="2026")
    given = {
        "made": 1,
        "scrapped": "2",
        "blockedReason": "No stock",
        "dueDate": "2026-03-01",
        "priority": "urgent",
        "season": "2026",
    }
    body = api.put(f"{PARTS}{part.pk}", given).json()
    assert {name: body[name] for name in given} == {**given, "scrapped": 2}
    cleared = {"dueDate": None, "priority": None, "season": None, "blockedReason": ""}
    body = api.put(f"{PARTS}{part.pk}", cleared).json()
    assert [body[name] for name in cleared] == [None, "normal", None, None]


def test_a_members_key_may_not_set_what_is_a_leads(member_api):
    part = make_part()
    given = {"name": "Hub", "priority": "urgent"}
    answer = member_api.put(f"{PARTS}{part.pk}", given)
    assert answer.status_code == 403
    assert answer.json() == {
        "error": "Only leads may set priority, due date and reviewer.",
        "details": "Only leads may set priority, due date and reviewer.",
        "code": "not_allowed",
    }
    part.refresh_from_db()
    assert part.name != "Hub"


# --- Delete -------------------------------------------------------------------


def test_delete_moves_the_part_to_the_trash(api):
    part = make_part()
    make_file(part)
    answer = api.delete(f"{PARTS}{part.pk}")
    assert answer.status_code == 200
    assert answer.json() == {"message": "Part deleted successfully"}
    part.refresh_from_db()
    assert part.deleted_at is not None
    assert part.files.count() == 1
    assert part.events.first().verb == "trashed"
    assert api.delete(f"{PARTS}{part.pk}").status_code == 404
    assert api.get(PARTS).json()["total"] == 0


def test_a_members_key_may_not_delete_what_somebody_else_handed_in(member_api):
    part = make_part()
    assert member_api.delete(f"{PARTS}{part.pk}").status_code == 403
    own = member_api.post(PARTS, NEW).json()["id"]
    assert member_api.delete(f"{PARTS}{own}").status_code == 200

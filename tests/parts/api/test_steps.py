"""The steps of a part's life as endpoints, and as what a PUT stands for."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from parts.models import Part
from tests.factories import make_converted, make_file, make_part

PARTS = "/api/parts/"
AT = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
HELD = {"assigned": "Sam", "status": "In Progress", "claimed_date": AT}


def _step(api, part, step, body=None):
    return api.post(f"{PARTS}{part.pk}/{step}", body)


def _stands(body) -> tuple:
    return body["category"], body["status"], body["assigned"]


def _verbs(part) -> list[str]:
    return [event.verb for event in part.events.order_by("at", "id")]


def _refused(answer, status, error, code):
    assert answer.status_code == status
    assert answer.json() == {"error": error, "details": error, "code": code}


# --- Approve, send back -------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "category"),
    [("cnc", "cnc"), ("hand", "hand"), ("misc", "misc"), ("", "hand")],
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_approve_passes_to_the_category_of_the_type(api, type_, category, slash):
    part = make_part(type=type_)
    answer = _step(api, part, f"approve{slash}")
    assert answer.status_code == 200
    assert _stands(answer.json()) == (category, "Reviewed", None)
    part.refresh_from_db()
    assert (part.category, part.status) == (category, "Reviewed")
    event = part.events.get()
    assert (event.verb, event.actor_name) == ("approved", "write key")


def test_approve_notes_who_reviewed(api):
    body = _step(api, make_part(), "approve", {"reviewer": "Kim"}).json()
    assert body["miscInfo"]["reviewer"] == "Kim"
    body = _step(api, make_part(), "approve").json()
    assert body["miscInfo"]["reviewer"] == "write key"


@pytest.mark.parametrize("category", ["cnc", "completed"])
def test_approve_is_409_when_it_is_not_in_review(api, category):
    part = make_part(category=category, name="Hub")
    answer = _step(api, part, "approve")
    assert answer.status_code == 409
    assert answer.json()["code"] == "wrong_state"
    assert part.events.count() == 0


def test_send_back_needs_a_reason_and_says_it(api):
    part = make_part(name="Hub")
    for body in (None, {}, {"reason": " "}, {"reason": None}):
        answer = _step(api, part, "send-back", body)
        assert answer.status_code == 400
        assert answer.json() == {
            "error": "Validation Error",
            "details": "Say what has to be changed.",
            "field": "reason",
            "errors": {"reason": ["Say what has to be changed."]},
        }
    answer = _step(api, part, "send-back", {"reason": "Holes too small"})
    assert answer.status_code == 200
    assert answer.json()["blockedReason"] == "Holes too small"
    assert _stands(answer.json()) == ("review", "Pending", None)
    assert _verbs(part) == ["sent_back"]
    in_shop = make_part(category="cnc")
    assert _step(api, in_shop, "send-back", {"reason": "x"}).status_code == 409


# --- Assign, unclaim ----------------------------------------------------------


def test_assign_gives_the_part_and_starts_its_clock(api):
    part = make_part(category="cnc")
    body = _step(api, part, "assign", {"assigned": "  Sam   Smith "}).json()
    assert _stands(body) == ("cnc", "In Progress", "Sam Smith")
    part.refresh_from_db()
    assert body["claimedDate"] == part.claimed_date.isoformat()
    assert (datetime.now(UTC) - part.claimed_date).total_seconds() < 60
    assert "handWorkers" not in body["miscInfo"]


def test_assign_of_a_hand_part_logs_the_worker(api):
    part = make_part(category="hand")
    for worker in ("Sam", "Kim"):
        body = _step(api, part, "assign", {"assigned": worker}).json()
        _step(api, part, "unclaim")
    workers = body["miscInfo"]["handWorkers"]
    assert [worker["name"] for worker in workers] == ["Sam", "Kim"]
    assert workers[1]["timestamp"] == body["claimedDate"]


@pytest.mark.parametrize("body", [None, {}, {"assigned": " "}, {"assigned": None}])
def test_assign_without_a_name_is_400(api, body):
    answer = _step(api, make_part(category="cnc"), "assign", body)
    assert answer.status_code == 400
    assert answer.json()["errors"] == {"assigned": ["Say who takes it."]}


@pytest.mark.parametrize("name", [5, ["Sam"], {"a": 1}, True, "x" * 101, "a\x00"])
def test_assign_to_what_is_no_name_is_400(api, name):
    part = make_part(category="cnc")
    answer = _step(api, part, "assign", {"assigned": name})
    assert (answer.status_code, answer.json()["field"]) == (400, "assigned")
    part.refresh_from_db()
    assert part.assigned == ""


def test_assign_is_409_when_somebody_else_has_it(api):
    held = HELD | {"claimed_date": timezone.now()}
    part = make_part(category="cnc", name="Hub", **held)
    answer = _step(api, part, "assign", {"assigned": "Kim"})
    _refused(answer, 409, "Sam took “Hub” just now.", "already_claimed")
    part.refresh_from_db()
    assert part.assigned == "Sam"
    assert _step(api, part, "assign", {"assigned": "sam"}).status_code == 200
    assert _verbs(part) == []


@pytest.mark.parametrize(
    ("category", "error"),
    [
        ("review", "“Hub” is still in review, so it cannot be taken."),
        ("completed", "“Hub” is completed already, so it cannot be taken."),
    ],
)
def test_assign_is_409_when_it_is_not_in_production(api, category, error):
    part = make_part(category=category, name="Hub")
    answer = _step(api, part, "assign", {"assigned": "Kim"})
    _refused(answer, 409, error, "wrong_state")


def test_a_members_key_claims_for_its_owner_only(member_api):
    part = make_part(category="cnc")
    answer = _step(member_api, part, "assign", {"assigned": "Sam"})
    error = "Only leads may give a part to somebody else."
    _refused(answer, 403, error, "not_allowed")
    answer = _step(member_api, part, "assign", {"assigned": "Mara Member"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("status", "after"),
    [
        ("In Progress", "Already Started"),
        ("Reviewed", "Reviewed"),
        ("Approved", "Approved"),
    ],
)
def test_unclaim_lets_go(api, status, after):
    part = make_part(category="cnc", **{**HELD, "status": status})
    body = _step(api, part, "unclaim").json()
    assert _stands(body) == ("cnc", after, None)
    assert body["claimedDate"] is None
    part.refresh_from_db()
    assert (part.assigned, part.claimed_date) == ("", None)


@pytest.mark.parametrize("category", ["review", "completed"])
def test_unclaim_is_409_in_review_and_completed(api, category):
    part = make_part(category=category, assigned="Sam")
    assert _step(api, part, "unclaim").status_code == 409
    part.refresh_from_db()
    assert part.assigned == "Sam"


def test_a_members_key_does_not_let_go_what_somebody_else_has(member_api):
    part = make_part(category="cnc", **HELD)
    answer = _step(member_api, part, "unclaim")
    error = "Sam has this part; only a lead may let it go too."
    _refused(answer, 403, error, "not_allowed")


# --- Complete, revert ---------------------------------------------------------


@pytest.mark.parametrize("category", ["cnc", "hand", "misc"])
def test_complete_finishes_a_part(api, category):
    part = make_part(category=category, amount=3, **HELD)
    body = {"miscInfo": {"storage": "Shelf A3"}}
    body = _step(api, part, "complete", body).json()
    assert _stands(body) == ("completed", "Completed", "Sam")
    assert (body["storage"], body["made"]) == ("Shelf A3", 3)
    part.refresh_from_db()
    assert body["miscInfo"]["completed_at"] == part.completed_at.isoformat()
    event = part.events.get()
    assert (event.verb, event.note) == ("completed", "Shelf A3")


def test_complete_needs_no_body(api):
    part = make_part(category="cnc")
    answer = api.generic("POST", f"{PARTS}{part.pk}/complete")
    assert answer.json()["status"] == "Completed"


@pytest.mark.parametrize("category", ["review", "completed"])
def test_complete_is_409_in_review_and_when_it_is_done(api, category):
    part = make_part(category=category)
    before = Part.objects.values().get()
    answer = _step(api, part, "complete", {"miscInfo": {"storage": "x"}})
    assert answer.status_code == 409
    assert Part.objects.values().get() == before


@pytest.mark.parametrize(
    ("type_", "stands"),
    [
        ("cnc", ("cnc", "In Progress", "Sam")),
        ("hand", ("hand", "In Progress", "Sam")),
        ("misc", ("misc", "Reviewed", "Sam")),
        ("", ("hand", "In Progress", "Sam")),
    ],
)
def test_revert_reopens_a_part(api, type_, stands):
    part = make_part(
        category="completed",
        type=type_,
        assigned="Sam",
        completed_at=AT,
        completed_incorrectly=True,
    )
    body = _step(api, part, "revert").json()
    assert _stands(body) == stands
    assert body["miscInfo"] == {}
    part.refresh_from_db()
    assert (part.completed_at, part.completed_incorrectly) == (None, False)


@pytest.mark.parametrize("category", ["review", "cnc"])
def test_revert_is_400_when_it_is_not_completed(api, category):
    answer = _step(api, make_part(category=category), "revert", {"reason": "x"})
    _refused(answer, 400, "Part is not completed", "not_completed")


# --- PUT ----------------------------------------------------------------------

REVIEW = {"category": "review", "type": "cnc"}
READY = {"category": "cnc"}
LET_GO = {"category": "cnc", "status": "Already Started"}
TAKEN = {"category": "cnc", **HELD}
DONE = {"category": "completed", "assigned": "Sam", "completed_at": AT}

PUTS = {
    # What old clients do all day.
    "start": (
        READY,
        {"status": "In Progress"},
        ("cnc", "In Progress", None),
        "started",
    ),
    "claim": (READY, {"assigned": "Kim"}, ("cnc", "In Progress", "Kim"), "assigned"),
    "claim and start": (
        READY,
        {"assigned": "Kim", "status": "In Progress"},
        ("cnc", "In Progress", "Kim"),
        "assigned",
    ),
    "claim, all sent back": (
        LET_GO,
        {"assigned": "Kim", "status": "Already Started", "category": "cnc"},
        ("cnc", "In Progress", "Kim"),
        "assigned",
    ),
    "finish": (
        TAKEN,
        {"status": "Completed"},
        ("completed", "Completed", "Sam"),
        "completed",
    ),
    "finish by category": (
        TAKEN,
        {"category": "completed"},
        ("completed", "Completed", "Sam"),
        "completed",
    ),
    "finish for another": (
        TAKEN,
        {"category": "completed", "status": "Completed", "assigned": "Kim"},
        ("completed", "Completed", "Kim"),
        "assigned completed",
    ),
    "let go": (TAKEN, {"assigned": ""}, ("cnc", "Already Started", None), "unclaimed"),
    "let go by null": (
        TAKEN,
        {"assigned": None, "status": "Already Started"},
        ("cnc", "Already Started", None),
        "unclaimed",
    ),
    "let go by status": (
        TAKEN,
        {"status": "Already Started"},
        ("cnc", "Already Started", None),
        "unclaimed",
    ),
    "kept, though already started": (
        TAKEN,
        {"status": "Already Started", "assigned": "Sam"},
        ("cnc", "Already Started", "Sam"),
        "edited",
    ),
    "back to review with its name": (
        TAKEN,
        {"category": "review", "status": "Already Started", "assigned": "Sam"},
        ("review", "Already Started", None),
        "edited",
    ),
    "hand over": (
        TAKEN,
        {"assigned": "Kim"},
        ("cnc", "In Progress", "Kim"),
        "assigned",
    ),
    "approve": (REVIEW, {"category": "cnc"}, ("cnc", "Reviewed", None), "approved"),
    "approve by status": (
        REVIEW,
        {"status": "Reviewed"},
        ("cnc", "Reviewed", None),
        "approved",
    ),
    "approve and give": (
        REVIEW,
        {"category": "cnc", "status": "Reviewed", "assigned": "Kim"},
        ("cnc", "Reviewed", "Kim"),
        "approved assigned edited",
    ),
    "reopen": (DONE, {"category": "cnc"}, ("cnc", "In Progress", "Sam"), "reverted"),
    "reopen for another": (
        DONE,
        {"status": "In Progress", "assigned": "Kim"},
        ("cnc", "In Progress", "Kim"),
        "reverted assigned",
    ),
    "cancel": (TAKEN, {"status": "Cancelled"}, ("cnc", "Cancelled", "Sam"), "edited"),
    "back to review": (
        TAKEN,
        {"category": "review"},
        ("review", "Pending", None),
        "edited",
    ),
    "name in review": (
        REVIEW,
        {"assigned": "Kim"},
        ("review", "Pending", "Kim"),
        "edited",
    ),
    "name when done": (
        DONE,
        {"assigned": "Kim"},
        ("completed", "Completed", "Kim"),
        "edited",
    ),
    "no name when done": (
        DONE,
        {"assigned": ""},
        ("completed", "Completed", None),
        "edited",
    ),
    "new type": (TAKEN, {"type": "hand"}, ("hand", "In Progress", "Sam"), "edited"),
    "new type and category": (
        TAKEN,
        {"type": "hand", "category": "hand"},
        ("hand", "In Progress", "Sam"),
        "edited",
    ),
    "a type by its category": (
        {"category": "review"},
        {"category": "misc"},
        ("misc", "Reviewed", None),
        "edited approved",
    ),
    # What asks for nothing.
    "blank status": (TAKEN, {"status": ""}, ("cnc", "In Progress", "Sam"), ""),
    "null status": (TAKEN, {"status": None}, ("cnc", "In Progress", "Sam"), ""),
    "blank category": (TAKEN, {"category": ""}, ("cnc", "In Progress", "Sam"), ""),
    "the same": (
        TAKEN,
        {"status": "In Progress", "category": "cnc", "assigned": " Sam "},
        ("cnc", "In Progress", "Sam"),
        "",
    ),
    "no type, all sent back": (
        {"category": "hand", "type": "", "status": "Reviewed"},
        {"category": "hand", "type": None, "status": "Reviewed"},
        ("hand", "Reviewed", None),
        "",
    ),
    "done twice": (
        DONE,
        {"status": "Completed"},
        ("completed", "Completed", "Sam"),
        "",
    ),
}


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize(("stood", "asked", "stands", "verbs"), PUTS.values(), ids=PUTS)
def test_a_put_takes_the_steps_that_it_stands_for(
    api, method, stood, asked, stands, verbs
):
    part = make_part(**stood)
    answer = getattr(api, method)(f"{PARTS}{part.pk}", asked)
    assert answer.status_code == 200
    assert _stands(answer.json()) == stands
    assert _verbs(part) == verbs.split()
    part.refresh_from_db()
    assert (part.category, part.status, part.assigned or None) == stands


def test_a_claim_by_put_starts_the_clock_in_production_only(api):
    ready, review = make_part(**READY), make_part(**REVIEW)
    body = api.put(f"{PARTS}{ready.pk}", {"assigned": "Kim"}).json()
    assert body["claimedDate"] is not None
    body = api.put(f"{PARTS}{review.pk}", {"assigned": "Kim"}).json()
    assert body["claimedDate"] is None
    assert review.events.get().changes == {"assigned": ["", "Kim"]}


def test_a_completion_by_put_has_all_that_follows_from_it(api):
    part = make_part(**TAKEN, amount=4)
    given = {"status": "Completed", "miscInfo": {"storage": "Shelf"}, "notes": "Done"}
    body = api.put(f"{PARTS}{part.pk}", given).json()
    assert (body["storage"], body["made"], body["notes"]) == ("Shelf", 4, "Done")
    assert "completed_at" in body["miscInfo"]


def test_a_hand_part_logs_everybody_it_is_given_to(api):
    part = make_part(type="hand")
    address = f"{PARTS}{part.pk}"
    for given in (
        {"assigned": "Sam"},
        {"category": "hand", "assigned": "Kim"},
        {"assigned": ""},
        {"assigned": "Lee", "miscInfo": {"handWorkers": []}},
    ):
        body = api.put(address, given).json()
    workers = body["miscInfo"]["handWorkers"]
    assert [worker["name"] for worker in workers] == ["Sam", "Kim", "Lee"]


@pytest.mark.parametrize(
    ("stood", "asked", "field"),
    [
        (REVIEW, {"category": "completed", "status": "Pending"}, "status"),
        (TAKEN, {"category": "completed", "status": "In Progress"}, "status"),
        (TAKEN, {"category": "cnc", "status": "Completed"}, "status"),
        (DONE, {"category": "completed", "status": "Pending"}, "status"),
        ({"category": "hand"}, {"category": "cnc"}, "category"),
        (READY, {"category": "cnc", "type": "hand"}, "category"),
        (
            TAKEN,
            {"status": "Already Started", "assigned": "Sam", "category": "misc"},
            "category",
        ),
        (READY, {"category": "misc"}, "category"),
        ({"type": "hand"}, {"category": "cnc", "status": "Reviewed"}, "category"),
    ],
)
def test_a_put_that_contradicts_itself_changes_nothing(api, stood, asked, field):
    part = make_part(name="Hub", **stood)
    before = Part.objects.values().get()
    answer = api.put(f"{PARTS}{part.pk}", {"name": "New", **asked})
    assert answer.status_code == 400
    body = answer.json()
    assert (body["error"], body["field"]) == ("Validation Error", field)
    assert Part.objects.values().get() == before
    assert part.events.count() == 0


def test_a_put_whose_last_step_is_refused_undoes_the_first(api):
    part = make_part(**REVIEW, name="Hub")
    before = Part.objects.values().get()
    asked = {"name": "New", "miscInfo": {"a": 1}, "status": "Completed"}
    answer = api.put(f"{PARTS}{part.pk}", asked)
    error = "“New” is still in review, so it cannot be finished."
    _refused(answer, 409, error, "wrong_state")
    assert Part.objects.values().get() == before
    assert part.events.count() == 0


@pytest.mark.parametrize(
    ("stood", "asked", "error"),
    [
        (
            READY,
            {"assigned": "Sam"},
            "Only leads may give a part to somebody else.",
        ),
        (
            TAKEN,
            {"assigned": "Mara Member"},
            "Only leads may take a part from somebody.",
        ),
        (
            TAKEN,
            {"assigned": ""},
            "Sam has this part; only a lead may let it go too.",
        ),
        (
            TAKEN,
            {"status": "Completed"},
            "Sam has this part; only a lead may finish it too.",
        ),
        (REVIEW, {"category": "cnc"}, "Only leads may review parts."),
        (REVIEW, {"assigned": "Sam"}, "Only leads may say whose part it is."),
        (DONE, {"assigned": "Mara Member"}, "Only leads may say whose part it is."),
        (DONE, {"assigned": ""}, "Only leads may say whose part it is."),
        (DONE, {"category": "cnc"}, "Only leads may reopen parts."),
    ],
)
def test_a_members_key_gets_no_further_by_a_put(member_api, stood, asked, error):
    part = make_part(**stood)
    before = Part.objects.values().get()
    answer = member_api.put(f"{PARTS}{part.pk}", {"name": "New", **asked})
    _refused(answer, 403, error, "not_allowed")
    assert Part.objects.values().get() == before


def test_a_members_key_claims_and_names_itself_by_a_put(member_api):
    for stood in (READY, REVIEW):
        part = make_part(**stood)
        answer = member_api.put(f"{PARTS}{part.pk}", {"assigned": "Mara Member"})
        assert answer.json()["assigned"] == "Mara Member"


# --- Cost ---------------------------------------------------------------------


@pytest.mark.parametrize("files", [1, 5])
@pytest.mark.parametrize("step", ["assign", "unclaim", "complete"])
def test_a_step_costs_the_same_whatever_lies_there(
    api, step, files, django_assert_num_queries
):
    part = make_part(category="cnc")
    for _ in range(files):
        make_file(part)
        make_converted(part)
    # The key; then in a transaction of two: part, update, event.
    with django_assert_num_queries(6):
        answer = _step(api, part, step, {"assigned": "Sam"})
    assert answer.status_code == 200


# --- A whole part that comes back with one thing changed ----------------------


def _sent_back(api, part, **changed):
    """Read the part, change it and send all of it back, as a front end does."""
    address = f"{PARTS}{part.pk}"
    whole = api.get(address).json()
    return api.put(address, {**whole, **changed})


@pytest.mark.parametrize(
    "changed", [{"status": "Completed"}, {"category": "completed"}]
)
@pytest.mark.parametrize("category", ["cnc", "hand", "misc"])
def test_a_whole_part_with_another_state_is_finished(api, category, changed):
    part = make_part(category=category, assigned="Sam", status="In Progress")
    answer = _sent_back(api, part, **changed)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["category"], told["status"]) == ("completed", "Completed")


def test_a_whole_part_with_another_state_is_reopened_and_approved(api):
    part = make_part(category="completed")
    told = _sent_back(api, part, status="In Progress").json()
    assert (told["category"], told["status"]) == ("cnc", "In Progress")
    part = make_part(type="cnc")
    told = _sent_back(api, part, status="In Progress").json()
    assert (told["category"], told["status"]) == ("cnc", "In Progress")


def test_a_whole_part_with_another_type_changes_its_lane(api):
    part = make_part(category="hand")
    told = _sent_back(api, part, type="cnc").json()
    assert (told["type"], told["category"]) == ("cnc", "cnc")


def test_a_whole_part_that_comes_back_unchanged_changes_nothing(api):
    part = make_part(category="cnc", assigned="Sam", status="In Progress")
    assert _sent_back(api, part).status_code == 200
    assert not part.events.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"category": "completed", "status": "Pending"},
        {"category": "cnc", "status": "Completed"},
        {"category": "completed", "status": "In Progress"},
    ],
)
def test_two_words_that_are_written_together_may_not_contradict(api, body):
    part = make_part(category="cnc", status="In Progress")
    answer = api.put(f"{PARTS}{part.pk}", body)
    assert (answer.status_code, answer.json()["field"]) == (400, "status")


def test_two_changed_words_of_a_whole_part_may_not_contradict_either(api):
    part = make_part(category="cnc", status="In Progress")
    answer = _sent_back(api, part, category="completed", status="Pending")
    assert answer.status_code == 400

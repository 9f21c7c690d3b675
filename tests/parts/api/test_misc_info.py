"""miscInfo: wherever its keys are kept, on the wire they stand together."""

import json
from datetime import UTC, datetime

import pytest

from tests.factories import make_part

PARTS = "/api/parts/"
AT = datetime(2026, 1, 16, 8, tzinfo=UTC)
WORKERS = [{"name": "Sam", "timestamp": "2026-01-15T10:30:00+00:00"}]
VIEWS = {"files": {"0": {"filename": "a.png", "timestamp": "x"}}, "updated_at": "x"}


@pytest.fixture
def part():
    return make_part(
        category="completed",
        storage_location="Shelf A3",
        reviewer="Kim",
        service_method="Laser",
        completed_incorrectly=True,
        completed_at=AT,
        extra={"handWorkers": WORKERS, "views": VIEWS, "colour": "red"},
    )


OWN = {
    "handWorkers": WORKERS,
    "views": VIEWS,
    "completed_at": "2026-01-16T08:00:00+00:00",
}
COLUMNS = {
    "storage": "Shelf A3",
    "reviewer": "Kim",
    "serviceMethod": "Laser",
    "completedIncorrectly": True,
}
ALL = {**OWN, **COLUMNS, "colour": "red"}


def _put(api, part, **body):
    answer = api.put(f"{PARTS}{part.pk}", body)
    assert answer.status_code == 200
    return answer.json()["miscInfo"]


def test_what_is_kept_in_columns_stands_in_misc_info(api, part):
    assert api.get(f"{PARTS}{part.pk}").json()["miscInfo"] == ALL


@pytest.mark.parametrize("name", ["miscInfo", "misc_info"])
@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"storage": "B"}, {"storage": "B"}),
        ({"colour": "blue", "a": 1}, {"colour": "blue", "a": 1}),
        ({"completedIncorrectly": True}, {"completedIncorrectly": True}),
        ({"completedIncorrectly": False, "storage": None}, {}),
        ({"storage": ""}, {}),
        ({}, {}),
        (None, {}),
    ],
)
def test_alone_it_is_the_full_new_set(api, part, name, given, left):
    assert _put(api, part, **{name: given}) == {**OWN, **left}
    part.refresh_from_db()
    assert part.storage_location == left.get("storage", "")
    assert (part.completed_at, part.extra["handWorkers"]) == (AT, WORKERS)


@pytest.mark.parametrize("beside", [{"id": 1}, {"file": "a.step"}, {"unheard": 1}])
def test_beside_anything_else_sent_it_is_not_alone(api, part, beside):
    # Even what is then ignored: nobody who sends it means to clear the rest.
    assert _put(api, part, **beside, miscInfo={"a": 1}) == {**ALL, "a": 1}


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"storage": "B"}, {"storage": "B"}),
        ({"a": 1, "colour": None, "storage": None}, {"a": 1}),
        ({"completedIncorrectly": None}, {}),
        ({}, {}),
    ],
)
def test_beside_other_fields_it_is_merged(api, part, given, changed):
    assert _put(api, part, name="Hub", miscInfo=given) == {**ALL, **changed}


def test_null_clears_it_beside_other_fields_too(api, part):
    assert _put(api, part, name="Hub", miscInfo=None) == OWN


@pytest.mark.parametrize("beside", [{}, {"name": "Hub"}])
def test_what_is_the_servers_is_never_taken_and_never_an_error(api, part, beside):
    forged = {
        "handWorkers": [{"name": "Eve", "timestamp": {"deep": [[]]}}],
        "completed_at": "1999-01-01",
        "views": {"files": {"0": {"filename": "../../x"}}},
    }
    misc = _put(api, part, miscInfo={**COLUMNS, **forged, "colour": "red"}, **beside)
    assert misc == ALL


def test_on_create_what_is_the_servers_is_not_taken_either(api):
    given = {"handWorkers": WORKERS, "views": VIEWS, "completed_at": "x", "a": 1}
    body = {"subsystem": "a", "material": "b", "miscInfo": given}
    assert api.post(PARTS, body).json()["miscInfo"] == {"a": 1}


def test_a_false_flag_is_left_out(api):
    body = {
        "subsystem": "a",
        "material": "b",
        "miscInfo": {"completedIncorrectly": False},
    }
    assert api.post(PARTS, body).json()["miscInfo"] == {}


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("text", "text"),
        ("", ""),
        (0, 0),
        (-1.5, -1.5),
        (10**40, 10**40),
        (True, True),
        (False, False),
        ([], []),
        ([1, "a", True, None, 2.5], [1, "a", True, 2.5]),
        ({}, {}),
        ({"a": 1, "b": None, "c": "d"}, {"a": 1, "c": "d"}),
    ],
)
def test_scalars_lists_and_flat_objects_come_back_as_they_were(api, value, stored):
    part = make_part()
    assert _put(api, part, miscInfo={"key": value}) == {"key": stored}
    assert api.get(f"{PARTS}{part.pk}").json()["miscInfo"] == {"key": stored}


def test_a_number_as_a_place_is_its_digits(api):
    assert _put(api, make_part(), miscInfo={"storage": 5}) == {"storage": "5"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "An object is needed."),
        ("x", "An object is needed."),
        (5, "An object is needed."),
        (True, "An object is needed."),
        (
            {"a": [[1]]},
            "a: Too deep: text, numbers, lists or objects of those.",
        ),
        (
            {"a": [{"b": 1}]},
            "a: Too deep: text, numbers, lists or objects of those.",
        ),
        (
            {"a": {"b": {"c": 1}}},
            "a: Too deep: text, numbers, lists or objects of those.",
        ),
        ({"a\x00": 1}, "a\x00: Null and surrogate characters are not allowed."),
        ({"a": "\ud800"}, "a: Null and surrogate characters are not allowed."),
        ({"\ud800": 1}, "\\ud800: Null and surrogate characters are not allowed."),
        ({"a": ["\x00"]}, "a: Null and surrogate characters are not allowed."),
        ({"a": {"\x00": 1}}, "a: Null and surrogate characters are not allowed."),
        ({"storage": True}, "storage: Not a valid string."),
        ({"storage": ["A"]}, "storage: Not a valid string."),
        (
            {"storage": "x" * 201},
            "storage: Ensure this field has no more than 200 characters.",
        ),
        (
            {"reviewer": "x" * 101},
            "reviewer: Ensure this field has no more than 100 characters.",
        ),
        ({"storage": "\ud800"}, "storage: Surrogate characters are not allowed: "),
        ({"completedIncorrectly": "yes"}, "completedIncorrectly: true or false"),
        ({"completedIncorrectly": 1}, "completedIncorrectly: true or false"),
    ],
)
def test_anything_else_is_refused(api, given, message):
    part = make_part()
    body = json.dumps({"miscInfo": given})
    address = f"{PARTS}{part.pk}"
    answer = api.generic("PUT", address, body, content_type="application/json")
    assert answer.status_code == 400
    told = answer.json()
    assert (told["field"], list(told["errors"])) == ("miscInfo", ["miscInfo"])
    assert told["details"].startswith(message)


def test_every_wrong_key_is_told(api):
    answer = api.put(
        f"{PARTS}{make_part().pk}", {"miscInfo": {"a": [[]], "b": 1, "storage": {}}}
    )
    assert answer.json()["errors"]["miscInfo"] == [
        "a: Too deep: text, numbers, lists or objects of those.",
        "storage: Not a valid string.",
    ]


def test_a_member_may_send_the_reviewer_back_but_not_change_it(member_api):
    part = make_part(reviewer="Kim", extra={"a": 1})
    same = {"miscInfo": {"reviewer": "Kim", "b": 2}}
    assert member_api.put(f"{PARTS}{part.pk}", same).status_code == 200
    other = {"name": "Hub", "miscInfo": {"reviewer": "Me"}}
    assert member_api.put(f"{PARTS}{part.pk}", other).status_code == 403
    part.refresh_from_db()
    assert (part.reviewer, part.extra) == ("Kim", {"b": 2})


def test_approve_and_complete_merge_it(api):
    part = make_part(type="hand", service_method="Saw", extra={"a": 1})
    body = {"reviewer": "Lena", "miscInfo": {"b": 2, "reviewer": "Kim"}}
    misc = api.post(f"{PARTS}{part.pk}/approve", body).json()["miscInfo"]
    assert misc == {"a": 1, "b": 2, "reviewer": "Lena", "serviceMethod": "Saw"}
    api.post(f"{PARTS}{part.pk}/assign", {"assigned": "Sam"})
    body = {"miscInfo": {"storage": "Shelf", "completedIncorrectly": True, "a": 3}}
    misc = api.post(f"{PARTS}{part.pk}/complete", body).json()["miscInfo"]
    assert [worker["name"] for worker in misc.pop("handWorkers")] == ["Sam"]
    assert misc.pop("completed_at").endswith("+00:00")
    assert misc == {
        "a": 3,
        "b": 2,
        "reviewer": "Lena",
        "serviceMethod": "Saw",
        "storage": "Shelf",
        "completedIncorrectly": True,
    }
    misc = api.post(f"{PARTS}{part.pk}/revert").json()["miscInfo"]
    assert "completed_at" not in misc
    assert "completedIncorrectly" not in misc


@pytest.mark.parametrize("step", ["approve", "complete"])
def test_a_step_takes_null_as_nothing_and_refuses_what_is_wrong(api, step):
    category = "review" if step == "approve" else "cnc"
    part = make_part(category=category, storage_location="Shelf")
    address = f"{PARTS}{part.pk}/{step}"
    assert api.post(address, {"miscInfo": {"a": [[]]}}).status_code == 400
    part.refresh_from_db()
    assert part.category == category
    misc = api.post(address, {"miscInfo": None}).json()["miscInfo"]
    assert misc["storage"] == "Shelf"

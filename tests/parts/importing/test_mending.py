"""A foreign row: what is plain is put right and told, nothing is dropped."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from parts.importing.mending import RowRefused, mend
from parts.models import Part

from .servers import PLAIN, UUID_1, mended


def _misc(**keys):
    return mended(misc_info=json.dumps(keys))


def _state(**values) -> tuple[str, str, str]:
    fields = mended(**values).fields
    return fields["type"], fields["category"], fields["status"]


def test_a_row_as_it_should_be_needs_no_mending():
    row = mended(
        part_id="P-7",
        material="6061-T6",
        material_thickness="0.25 in",
        amount=2,
        assigned="Sam",
        status="Completed",
        category="completed",
        notes="Tight fit.",
        file="plate.step",
        onshape_url="https://cad.onshape.com/documents/1",
        claimed_date="2026-01-15T10:30:00+02:00",
        misc_info=json.dumps(
            {
                "storage": "Shelf A3",
                "reviewer": "Kim",
                "serviceMethod": "Laser shop",
                "completedIncorrectly": True,
                "completed_at": "2026-01-16T10:30:00Z",
                "colour": "red",
                "rounds": 2,
            }
        ),
    )
    assert row.mends == []
    assert (row.id, row.uuid, row.file) == (1, UUID(UUID_1), "plate.step")
    assert row.fields == {
        "code": "P-7",
        "type": "cnc",
        "name": "Gearbox plate",
        "subsystem": "Intake",
        "material": "6061-T6",
        "material_thickness": "0.25 in",
        "amount": 2,
        "made": 2,
        "assigned": "Sam",
        "status": "Completed",
        "category": "completed",
        "notes": "Tight fit.",
        "onshape_url": "https://cad.onshape.com/documents/1",
        "storage_location": "Shelf A3",
        "reviewer": "Kim",
        "service_method": "Laser shop",
        "completed_incorrectly": True,
        "completed_at": datetime(2026, 1, 16, 10, 30, tzinfo=UTC),
        "claimed_date": datetime(2026, 1, 15, 8, 30, tzinfo=UTC),
        "created_at": datetime(2026, 1, 14, 10, 30, tzinfo=UTC),
        "updated_at": datetime(2026, 1, 17, 10, 30, tzinfo=UTC),
        "extra": {"colour": "red", "rounds": 2},
    }


def test_nothing_is_text_of_no_length_here_and_one_piece():
    row = mended(name=None, subsystem=None, assigned=None, notes=None, amount=None)
    names = ("name", "subsystem", "assigned", "notes", "material")
    assert [row.fields[name] for name in names] == [""] * 5
    assert (row.fields["amount"], row.fields["code"]) == (1, "3f2a9c01")
    assert row.mends == []


def test_empty_text_is_nothing_and_told():
    row = mended(assigned="", claimed_date="", amount="", misc_info="")
    assert row.fields["claimed_date"] is None
    assert row.mends == [
        "empty text is nothing now: amount, assigned, claimed_date, misc_info",
        "amount: nothing → 1",
    ]


# --- Who it is ----------------------------------------------------------------


@pytest.mark.parametrize("told", ["7", " 7 ", 7.0])
def test_an_id_that_is_plainly_a_number_is_one(told):
    assert mended(id=told).id == 7


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (None, "nothing"),
        ("", "nothing"),
        ("P7", "“P7”"),
        (0, "0"),
        (-3, "-3"),
        (2**31, "2147483648"),
        (1.5, "1.5"),
        (b"\x01", "1 bytes"),
    ],
)
def test_a_row_without_a_usable_id_is_refused(told, shown):
    with pytest.raises(RowRefused) as refusal:
        mended(id=told)
    assert str(refusal.value) == (
        f"Its id is {shown}; give it a whole number from 1 to 2147483647."
    )


def test_a_value_that_no_list_could_carry_is_refused():
    with pytest.raises(RowRefused) as refusal:
        mended(notes="x" * 1_000_001)
    assert str(refusal.value) == (
        "Its notes is 1000001 characters long, and more than 1000000 are not taken. "
        "Shorten it there."
    )


def test_a_row_without_uuid_gets_the_same_one_each_time():
    first, again = mended(uuid=None), mended(uuid=None)
    assert first.uuid == again.uuid != mended(uuid=None, id=2).uuid
    assert first.mends == []
    assert first.fields["code"] == str(first.uuid)[:8]


def test_a_uuid_in_another_notation_is_read():
    for told in (UUID(UUID_1).bytes, UUID_1.upper(), UUID_1.replace("-", "")):
        assert mended(uuid=told).uuid == UUID(UUID_1)


def test_a_uuid_that_is_none_or_another_parts_is_replaced():
    row = mended(uuid="P-7")
    assert row.mends == [f"uuid: “P-7” → {row.made_uuid}"]
    row = mend({**PLAIN, "uuid": UUID_1}, taken={UUID(UUID_1)})
    assert row.uuid == row.made_uuid != UUID(UUID_1)
    assert row.mends == [f"uuid: {UUID_1} is another part's → {row.uuid}"]


# --- Where it stands ----------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("told", "state"),
    [
        (("cnc", "cnc", "In Progress"), ("cnc", "cnc", "In Progress")),
        (("CNC", "Completed", "COMPLETED"), ("cnc", "completed", "Completed")),
        (("hand", "hand", "in_progress"), ("hand", "hand", "In Progress")),
        (("hand", "hand", "Already-Started"), ("hand", "hand", "Already Started")),
        (("cnc", "completed", "Reviewed"), ("cnc", "completed", "Completed")),
        (("cnc", "cnc", "Completed"), ("cnc", "completed", "Completed")),
        (("cnc", "review", "Completed"), ("cnc", "completed", "Completed")),
        (("hand", "cnc", "Reviewed"), ("hand", "hand", "Reviewed")),
        ((None, "misc", "Reviewed"), ("misc", "misc", "Reviewed")),
        ((None, "completed", "Completed"), ("", "completed", "Completed")),
        ((None, "review", "Pending"), ("", "review", "Pending")),
        (("cnc", None, "In Progress"), ("cnc", "cnc", "In Progress")),
        ((None, None, "Reviewed"), ("hand", "hand", "Reviewed")),
        (("cnc", None, "Completed"), ("cnc", "completed", "Completed")),
        (("cnc", None, None), ("cnc", "review", "Pending")),
        (("cnc", "cnc", None), ("cnc", "cnc", "Reviewed")),
        (("cnc", "paint", "In Progress"), ("cnc", "review", "In Progress")),
        (("laser", "cnc", "Reviewed"), ("cnc", "cnc", "Reviewed")),
        (("laser", "review", "Waiting"), ("", "review", "Pending")),
    ],
)
def test_type_category_and_status_agree_in_the_end(told, state):
    row = dict(zip(("type", "category", "status"), told, strict=True))
    assert _state(**row) == state
    fields = {**mended(**row).fields, "subsystem": "Intake"}
    Part(**fields).validate_constraints(exclude=["uuid"])
    changed = {
        f"{name}: {'nothing' if was is None else f'“{was}”'} → “{now}”"
        if now
        else f"{name}: “{was}” → nothing"
        for (name, was), now in zip(row.items(), state, strict=True)
        if (was or "") != now
    }
    assert set(mended(**row).mends) == changed


def test_a_claimed_part_without_a_known_status_is_in_progress():
    state = _state(category="cnc", status="Doing", assigned="Sam")
    assert state == ("cnc", "cnc", "In Progress")


def test_unknown_words_stay_in_the_notes():
    row = mended(type="laser", category="paint", status="Waiting", notes="Blue.")
    assert row.fields["notes"] == (
        "Blue.\n\ntype before the move: laser\ncategory before the move: paint\n"
        "status before the move: Waiting"
    )


def test_a_cancelled_part_among_the_completed_says_so_in_its_notes():
    row = mended(category="completed", status="Cancelled")
    assert row.fields["status"] == "Completed"
    assert row.fields["notes"] == "status before the move: Cancelled"


@pytest.mark.parametrize(
    ("told", "amount", "mends", "notes"),
    [
        ("2", 2, ["amount: “2” → 2"], ""),
        (3.0, 3, ["amount: 3.0 → 3"], ""),
        (0, 1, ["amount: 0 → 1"], ""),
        (-4, 1, ["amount: -4 → 1"], ""),
        (2.5, 1, ["amount: 2.5 → 1"], "amount before the move: 2.5"),
        ("about 20", 1, ["amount: “about 20” → 1"], "amount before the move: about 20"),
        (2**31, 1, ["amount: 2147483648 → 1"], "amount before the move: 2147483648"),
    ],
)
def test_an_amount_is_at_least_one(told, amount, mends, notes):
    row = mended(amount=told)
    assert row.fields["amount"] == amount
    assert row.mends == mends
    assert row.fields["notes"] == notes


# --- misc_info ----------------------------------------------------------------


@pytest.mark.parametrize("text", ["{", '["a"]', "7", "[" * 100_000])
def test_misc_info_that_is_none_is_kept_as_text(text):
    row = mended(misc_info=text)
    assert row.fields["extra"] == {"misc_info_unreadable": text}
    (told,) = row.mends
    assert told.endswith("is no JSON object, kept in miscInfo.misc_info_unreadable")


@pytest.mark.parametrize("text", [None, "null", "{}", '"{}"', '{"storage": null}'])
def test_misc_info_of_nothing_is_nothing(text):
    row = mended(misc_info=text)
    assert (row.fields["extra"], row.mends) == ({}, [])


def test_misc_info_written_as_json_twice_is_read():
    row = mended(misc_info=json.dumps(json.dumps({"storage": "A3", "colour": "red"})))
    assert row.fields["storage_location"] == "A3"
    assert row.fields["extra"] == {"colour": "red"}


def test_misc_info_comes_in_the_shape_that_a_request_may_send():
    row = mended(
        misc_info='{"deep": {"a": {"b": 1}, "c": null}, "rows": [1, [2], [3], null],'
        ' "nan": NaN, "huge": 1e999, "nil": null, "nul\\u0000": "\\ud800x"}'
    )
    assert row.fields["extra"] == {
        "deep": {"a": '{"b": 1}'},
        "rows": [1, "[2]", "[3]"],
        "nan": "NaN",
        "huge": "inf",
        "nul": "?x",
    }
    assert row.mends == [
        "misc_info: NaN is no number in JSON, kept as text",
        "misc_info: null and half characters taken out",
        "misc_info.deep: too deep, kept as JSON text",
        "misc_info.rows: too deep, kept as JSON text",
        "misc_info.huge: inf → “inf”",
        "misc_info.nul: null and half characters taken out",
    ]


def test_columns_that_are_unknown_here_are_kept_in_misc_info():
    row = mended(vendor="Acme", weight=1.5, blob=b"\x00\xff", gone=None, blank="")
    assert row.fields["extra"] == {"vendor": "Acme", "weight": 1.5}
    assert row.fields["notes"] == "blob before the move: AP8="


def test_keys_with_a_column_are_text_that_fits():
    row = _misc(storage=7, reviewer=["Kim", "Jo"], serviceMethod="x" * 201)
    assert row.fields["storage_location"] == "7"
    assert row.fields["reviewer"] == '["Kim", "Jo"]'
    assert row.fields["service_method"] == "x" * 200
    assert row.fields["notes"] == (
        f"misc_info.serviceMethod before the move: {'x' * 201}"
    )
    assert row.mends[0] == "misc_info.storage: 7 → “7”"


@pytest.mark.parametrize(
    ("told", "is_wrong", "notes"),
    [
        ("yes", True, ""),
        (1, True, ""),
        ("0", False, ""),
        ("a bit", False, 'misc_info.completedIncorrectly before the move: "a bit"'),
    ],
)
def test_made_wrong_is_true_or_false(told, is_wrong, notes):
    misc = json.dumps({"completedIncorrectly": told})
    row = mended(category="completed", status="Completed", misc_info=misc)
    assert row.fields["completed_incorrectly"] is is_wrong
    assert row.fields["notes"] == notes
    assert row.mends[0].startswith("misc_info.completedIncorrectly: ")


def test_what_is_not_completed_has_no_end():
    row = _misc(completed_at="2026-01-16T10:30:00Z", completedIncorrectly=True)
    assert row.fields["completed_at"] is None
    assert row.fields["completed_incorrectly"] is False
    assert row.mends == [
        "misc_info.completed_at: 2026-01-16T10:30:00+00:00 → nothing",
        "misc_info.completedIncorrectly: True → nothing",
    ]


def test_workers_are_names_with_times():
    row = mended(
        claimed_date="2026-01-15 12:00:00",
        misc_info=json.dumps(
            {
                "handWorkers": [
                    {"name": " Sam  Doe ", "timestamp": "2026-01-15T10:30:00"},
                    {"name": "Kim", "timestamp": "soon"},
                    "Jo",
                    {"name": 7},
                    None,
                ]
            }
        ),
    )
    assert row.fields["extra"]["handWorkers"] == [
        {"name": "Sam Doe", "timestamp": "2026-01-15T10:30:00+00:00"},
        {"name": "Kim", "timestamp": "2026-01-15T12:00:00+00:00"},
        {"name": "Jo", "timestamp": "2026-01-15T12:00:00+00:00"},
    ]
    assert row.fields["notes"] == (
        'misc_info.handWorkers before the move: soon\n{"name": 7}'
    )
    assert row.mends == [
        "misc_info.handWorkers: “soon” is no time, moved to the notes",
        "misc_info.handWorkers: “Kim” has no time → 2026-01-15T12:00:00+00:00",
        "misc_info.handWorkers: “Jo” has no time → 2026-01-15T12:00:00+00:00",
        'misc_info.handWorkers: “{"name": 7}” names nobody, moved to the notes',
    ]


def test_a_worker_without_a_time_or_a_claim_is_as_old_as_the_part():
    row = mended(misc_info='{"handWorkers": ["Jo"]}')
    assert [worker.at for worker in row.workers] == [row.fields["created_at"]]


def test_a_worker_of_a_row_without_any_time_has_none():
    misc = '{"handWorkers": ["Jo"]}'
    row = mended(created_at=None, updated_at=None, misc_info=misc)
    assert row.fields["extra"]["handWorkers"] == [{"name": "Jo", "timestamp": None}]


def test_pictures_are_told_by_the_folder_and_only_dated_here():
    row = _misc(
        views={
            "files": {
                "0": {"filename": "view_0.png", "timestamp": "2026-01-15T10:30:00"},
                "9": {"timestamp": "2026-01-15T10:30:00"},
                "1": {"timestamp": "soon"},
                "2": "view_2.png",
            },
            "updated_at": "2026-01-15T10:30:00",
        }
    )
    assert row.pictures_at == {0: datetime(2026, 1, 15, 10, 30, tzinfo=UTC)}
    assert row.fields["extra"] == {}


@pytest.mark.parametrize("views", [None, [], "x", {"files": []}])
def test_pictures_told_in_another_shape_are_no_error(views):
    row = _misc(views=views)
    assert (row.pictures_at, row.fields["extra"]) == ({}, {})

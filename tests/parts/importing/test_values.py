"""One foreign value at a time: a time, a text, a link; what is none is kept."""

from datetime import UTC, datetime

import pytest

from .servers import mended

# --- Times --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "moment"),
    [
        ("2026-01-15 10:30:00.25", datetime(2026, 1, 15, 10, 30, 0, 250_000)),
        ("2026-01-15T10:30:00", datetime(2026, 1, 15, 10, 30)),
        ("2026-01-15T10:30:00Z", datetime(2026, 1, 15, 10, 30)),
        ("2026-01-15T10:30:00-05:00", datetime(2026, 1, 15, 15, 30)),
        ("2026-01-15", datetime(2026, 1, 15)),
        (1768473000, datetime(2026, 1, 15, 10, 30)),
        (1768473000500, datetime(2026, 1, 15, 10, 30, 0, 500_000)),
        (b"2026-01-15 10:30:00", datetime(2026, 1, 15, 10, 30)),
    ],
)
def test_a_time_is_read_and_naive_ones_are_utc(told, moment):
    assert mended(claimed_date=told).fields["claimed_date"] == moment.replace(
        tzinfo=UTC
    )


@pytest.mark.parametrize(
    "told",
    ["last week", "0000-00-00 00:00:00", "0001-01-01T00:00:00", "2026-02-30", 1e300],
)
def test_what_is_no_time_stays_in_the_notes(told):
    row = mended(claimed_date=told)
    assert row.fields["claimed_date"] is None
    assert row.fields["notes"] == f"claimed_date before the move: {told}"
    assert row.mends[-1].endswith(f"“{told}” is no time, moved to the notes")


def test_without_a_time_of_creation_the_oldest_that_is_known_stands_for_it():
    row = mended(created_at="once", claimed_date="2026-01-15 10:30:00")
    assert row.fields["created_at"] == row.fields["claimed_date"]
    assert row.mends == [
        "created_at: “once” is no time, moved to the notes",
        "created_at: nothing → 2026-01-15T10:30:00+00:00",
    ]
    row = mended(updated_at=None, claimed_date="2026-01-15 10:30:00")
    assert row.fields["updated_at"] == row.fields["claimed_date"]


def test_a_row_without_any_time_came_now():
    before = datetime.now(UTC)
    fields = mended(created_at=None, updated_at=None).fields
    assert before <= fields["created_at"] == fields["updated_at"] <= datetime.now(UTC)


# --- Texts --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "field", "limit"),
    [
        ("name", "name", 200),
        ("part_id", "code", 100),
        ("subsystem", "subsystem", 100),
        ("material", "material", 200),
        ("material_thickness", "material_thickness", 50),
        ("assigned", "assigned", 100),
    ],
)
def test_a_text_that_is_too_long_is_cut_and_stays_whole_in_the_notes(
    column, field, limit
):
    text = "x" * (limit + 1)
    assert mended(**{column: "x" * limit}).mends == []
    row = mended(**{column: text})
    assert row.fields[field] == "x" * limit
    assert row.fields["notes"] == f"{column} before the move: {text}"
    assert row.mends == [
        f"{column}: {limit + 1} characters, the first {limit} stay, the whole is in "
        "the notes"
    ]


def test_notes_that_are_too_long_stay_whole_in_misc_info():
    row = mended(notes="x" * 20_001, onshape_url="nowhere")
    assert row.fields["notes"] == "x" * 20_000
    assert row.fields["extra"] == {
        "importedText": {"notes": "x" * 20_001, "onshape_url": "nowhere"}
    }
    assert row.mends[-1] == (
        "the notes would be 20039 characters long; what is over 20000 is in "
        "miscInfo.importedText"
    )


def test_what_the_notes_have_no_room_for_goes_to_misc_info():
    row = mended(
        notes="x" * 19_990, onshape_url="nowhere", misc_info='{"importedText": 1}'
    )
    assert row.fields["notes"] == "x" * 19_990
    assert row.fields["extra"] == {
        "importedText": {"importedText": "1", "onshape_url": "nowhere"}
    }


@pytest.mark.parametrize(
    ("told", "name", "notes", "mend_"),
    [
        (42, "42", "", "name: the number 42 is text now"),
        (b"Hub", "Hub", "", "name: bytes, read as “Hub”"),
        (
            b"\x89PNG\x00",
            "",
            "name before the move: iVBORwA=",
            "name: 5 bytes, moved to the notes as base64",
        ),
        ("Kn\udcf6pfe", "Knöpfe", "", "name: not UTF-8, read as “Knöpfe”"),
        ("\udc81", "\x81", "", "name: not UTF-8, read as “\x81”"),
        ("Hu\x00b", "Hub", "", "name: null and half characters taken out"),
    ],
)
def test_a_name_that_is_no_text_becomes_one(told, name, notes, mend_):
    row = mended(name=told)
    assert (row.fields["name"], row.fields["notes"]) == (name, notes)
    assert row.mends == [mend_]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("ask Kim", "no web address"),
        ("javascript:alert(1)", "no web address"),
        ("https://cad.onshape.com/" + "x" * 500, "longer than 500 characters"),
    ],
)
def test_a_link_that_is_none_moves_to_the_notes(told, why):
    row = mended(onshape_url=told)
    assert row.fields["onshape_url"] == ""
    assert row.fields["notes"] == f"onshape_url before the move: {told}"
    assert why in row.mends[0]


def test_a_file_with_folders_keeps_its_bare_name():
    row = mended(file="uploads/1/plate.step")
    assert row.file == "plate.step"
    assert row.mends == ["file: “uploads/1/plate.step” → “plate.step”"]


def test_a_file_of_bytes_is_not_forgotten():
    row = mended(file=b"\xff\x00")
    assert row.file == ""
    assert row.fields["notes"] == "file before the move: /wA="

"""What a file tells of its part."""

import pytest

from parts.guesses import guesses, in_words, is_plate, name_of
from parts.models import DraftFile
from tests.factories import FACTS


def _file(name="bearing_plate.step", **facts) -> DraftFile:
    return DraftFile(name=name, facts=FACTS | facts)


def test_a_plate_tells_name_thickness_and_how_it_is_made():
    found = guesses(_file(), product="Arm plate")
    assert [(guess.field, guess.value, guess.why) for guess in found] == [
        ("name", "Arm plate", "The part’s name in the file."),
        ("type", "cnc", "One thickness all over, so it looks like a plate."),
        ("material_thickness", "0.09 in", "Measured in the file."),
    ]


def test_before_it_is_measured_a_file_tells_its_name():
    (guess,) = guesses(DraftFile(name="bearing_plate.step"))
    assert (guess.value, guess.why) == ("Bearing plate", "The file’s name.")


@pytest.mark.parametrize(
    "facts",
    [
        {"solids": 2},
        {"box_mm": [200.0, 50.8, 50.8]},  # a tube, of the same wall
        {"box_mm": None},
        {"thickness_mm": None},
    ],
)
def test_what_is_folded_or_more_than_one_is_no_plate(facts):
    assert not is_plate(FACTS | facts)
    assert "type" not in [guess.field for guess in guesses(_file(**facts))]


@pytest.mark.parametrize(
    ("name", "product", "shown"),
    [
        ("plate_rev2.step", "", "Plate rev2"),
        ("HUB.step", "", "HUB"),
        ("Part 1.step", "", "Part 1"),
        ("export.step", "climber hook", "Climber hook"),
        ("x" * 250 + ".step", "", "X" + "x" * 199),
    ],
)
def test_a_part_is_named_as_a_person_would(name, product, shown):
    assert name_of(_file(name), product) == shown


@pytest.mark.parametrize(
    ("millimetres", "words"),
    [
        (6.35, "0.25 in"),
        (3.0, "3 mm"),
        (2.5, "2.5 mm"),
        (2.286, "0.09 in"),
        (3.175, "0.125 in"),
        (1.6, "1.6 mm"),
        (1.5875, "0.0625 in"),
        (25.4, "1 in"),
        (10.0, "10 mm"),
        (2.2917, "2.29 mm"),
    ],
)
def test_a_thickness_is_said_in_the_unit_in_which_it_is_round(millimetres, words):
    assert in_words(millimetres) == words


def test_a_thickness_is_written_as_the_team_writes_it():
    written = ["0.125 in", "1/4 in", "6.35 mm"]
    assert in_words(6.35, written=written) == "1/4 in"
    assert in_words(6.4, written=written) == "6.4 mm"


def test_a_thickness_that_is_not_round_is_said_in_the_units_of_the_reader():
    assert in_words(2.2917, system="in") == "0.09 in"
    assert in_words(3.0, system="in") == "3 mm"

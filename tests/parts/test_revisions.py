"""What differs between two revisions, told from their measures alone."""

import pytest

from parts.revisions import Holes, Measure, compare
from tests.factories import FACTS


def holes(*pairs: tuple[int, float]) -> dict:
    return {"holes": [{"count": n, "diameter_mm": d} for n, d in pairs]}


def items(**counts: int) -> dict:
    return {"items": [{"name": name, "count": n} for name, n in counts.items()]}


def changed(before: dict, after: dict) -> list[tuple]:
    rows = compare(before, after)
    return [(row.measure, row.before, row.after) for row in rows if row.is_changed]


def test_equal_facts_differ_in_nothing():
    rows = compare(FACTS, FACTS)
    assert [row.measure for row in rows] == [
        Measure.BOX,
        Measure.THICKNESS,
        Measure.HOLES,
        Measure.HOLES,
        Measure.VOLUME,
        Measure.AREA,
        Measure.SOLIDS,
    ]
    assert not any(row.is_changed for row in rows)
    assert {row.change for row in rows} == {None}


def test_what_neither_has_is_left_out():
    assert compare({}, {}) == []
    assert compare({"thickness_mm": None, "holes": []}, {"box_mm": []}) == []


class TestBox:
    def test_sides_that_are_apart_are_a_change(self):
        (row,) = compare({"box_mm": [100.0, 50.0, 6.35]}, {"box_mm": [110, 50, 6.0]})
        assert row.is_changed
        assert (row.before, row.after) == ((100.0, 50.0, 6.35), (110, 50, 6.0))
        assert row.change == (10, 0, -0.35)

    def test_as_near_as_a_box_is_measured_they_are_one(self):
        one, other = {"box_mm": [100.0, 50.0]}, {"box_mm": [100.05, 49.96]}
        assert changed(one, other) == []

    def test_beyond_that_they_are_not(self):
        assert changed({"box_mm": [100.0]}, {"box_mm": [100.06]}) != []

    @pytest.mark.parametrize("facts", [{}, {"box_mm": None}, {"box_mm": [1.0]}])
    def test_one_that_cannot_be_compared_is_a_change_without_a_difference(self, facts):
        (row,) = compare(facts, {"box_mm": [1.0, 2.0, 3.0]})
        assert row.is_changed
        assert row.change is None


class TestNumbers:
    def test_thickness_is_told_to_five_thousandths(self):
        one = {"thickness_mm": 2.286}
        assert changed(one, {"thickness_mm": 2.29}) == []
        (row,) = compare(one, {"thickness_mm": 3.175})
        assert row.change == 0.889

    def test_what_is_no_sheet_any_more_has_lost_its_thickness(self):
        one, other = {"thickness_mm": 2.286}, {"thickness_mm": None}
        assert changed(one, other) == [("thickness", 2.286, None)]
        assert compare(one, other)[0].change is None

    @pytest.mark.parametrize(
        ("is_closed", "volume", "is_changed"),
        [
            (True, 10_004.0, False),
            (True, 10_006.0, True),
            (True, 9_990.0, True),
            (False, 10_090.0, False),
            (False, 10_120.0, True),
        ],
    )
    def test_volume_is_told_as_finely_as_its_mesh_allows(
        self, is_closed, volume, is_changed
    ):
        before = {"volume_mm3": 10_000.0, "closed": True}
        after = {"volume_mm3": volume, "closed": is_closed}
        assert bool(changed(before, after)) == is_changed

    def test_a_volume_that_is_not_known_any_more(self):
        before = {"volume_mm3": 10.0, "closed": True}
        after = {"volume_mm3": None, "closed": False}
        assert changed(before, after) == [("volume", 10.0, None)]

    def test_solids_are_counted(self):
        (row,) = compare({"solids": 1}, {"solids": 3})
        assert (row.is_changed, row.change) == (True, 2)


class TestHoles:
    def test_more_of_one_diameter(self):
        (row,) = compare(holes((8, 5.1054)), holes((10, 5.1054)))
        assert (row.before, row.after) == (Holes(8, 5.1054), Holes(10, 5.1054))
        assert (row.is_changed, row.is_resized, row.change) == (True, False, 2)

    def test_one_diameter_is_told_to_five_thousandths(self):
        assert changed(holes((8, 5.0)), holes((8, 5.005))) == []
        assert changed(holes((8, 5.0)), holes((8, 5.0051))) != []

    def test_as_many_of_a_near_diameter_are_resized(self):
        (row,) = compare(holes((1, 26.035)), holes((1, 28.575)))
        assert (row.before, row.after) == (Holes(1, 26.035), Holes(1, 28.575))
        assert (row.is_resized, row.change) == (True, 2.54)

    def test_fewer_of_another_diameter_were_closed_and_drilled(self):
        told = changed(holes((4, 5.0)), holes((2, 5.5)))
        assert told == [
            ("holes", Holes(4, 5.0), None),
            ("holes", None, Holes(2, 5.5)),
        ]

    def test_as_many_of_a_far_diameter_were_closed_and_drilled(self):
        told = changed(holes((1, 3.0)), holes((1, 30.0)))
        assert told == [
            ("holes", Holes(1, 3.0), None),
            ("holes", None, Holes(1, 30.0)),
        ]

    def test_the_nearest_are_paired_first(self):
        before, after = holes((2, 5.0), (2, 6.0)), holes((2, 5.9), (2, 6.5))
        assert changed(before, after) == [
            ("holes", Holes(2, 6.0), Holes(2, 5.9)),
            ("holes", Holes(2, 5.0), Holes(2, 6.5)),
        ]

    def test_what_stayed_is_never_paired_anew(self):
        before, after = holes((2, 5.0)), holes((2, 5.0), (2, 5.5))
        assert changed(before, after) == [("holes", None, Holes(2, 5.5))]

    def test_all_of_them_closed(self):
        assert changed(holes((8, 5.0)), {}) == [("holes", Holes(8, 5.0), None)]

    def test_they_stand_by_diameter(self):
        rows = compare(holes((1, 9.0), (2, 3.0)), holes((1, 9.0), (4, 6.0)))
        shown = [(row.after or row.before).diameter_mm for row in rows]
        assert shown == [3.0, 6.0, 9.0]


class TestItems:
    def test_items_come_go_and_are_counted(self):
        rows = compare(items(Gear=2, Shaft=1, Pin=4), items(Gear=3, Pin=4, Key=1))
        assert [(row.name, row.before, row.after, row.change) for row in rows] == [
            ("Gear", 2, 3, 1),
            ("Shaft", 1, None, None),
            ("Pin", 4, 4, None),
            ("Key", None, 1, None),
        ]
        assert [row.is_changed for row in rows] == [True, True, False, True]

    def test_the_name_of_a_single_part_is_no_part_list(self):
        assert compare(items(plate=1), items(plate_v2=1)) == []

    def test_a_part_that_became_an_assembly(self):
        told = changed(items(plate=1), items(plate=1, screw=4))
        assert told == [("item", None, 4)]

    def test_items_of_one_name_are_one(self):
        twice = {"items": [{"name": "pin", "count": 1}, {"name": "pin", "count": 2}]}
        assert changed(twice, items(pin=3)) == []

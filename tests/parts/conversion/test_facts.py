"""Measures of meshes that can be worked out by hand, and of real files."""

import json
from dataclasses import replace
from math import pi, sqrt

import numpy as np
import pytest

from parts.conversion.facts import Body, measure
from parts.conversion.features import same
from parts.conversion.solid import Solids
from parts.conversion.surfaces import complete, recognise

from . import meshes
from .meshes import make_scene, make_shape


def facts_of(*patches, **scene):
    return measure(complete(make_scene(make_shape(*patches), **scene)))


def test_block_is_measured_exactly():
    facts = facts_of(meshes.box(40, 30, 20, at=(500, -300, 7)))

    assert facts == {
        "box_mm": [40.0, 30.0, 20.0],
        "box_in": [1.5748, 1.1811, 0.7874],
        "volume_mm3": 24000.0,
        "area_mm2": 5200.0,
        "closed": True,
        "solids": 1,
        "thickness_mm": None,
        "holes": [],
        "items": [{"name": "part", "count": 1}],
        "triangles": 12,
        "faces": 6,
    }


def test_plate_has_its_thickness_and_its_hole():
    facts = facts_of(meshes.plate_with_hole(100, 3.175, 12.7))

    assert facts["thickness_mm"] == 3.175
    assert facts["holes"] == [{"diameter_mm": 25.4, "count": 1}]
    assert facts["solids"] == 1
    assert facts["volume_mm3"] == pytest.approx(3.175 * (100**2 - pi * 12.7**2), 1e-4)


def test_round_surfaces_are_measured_beyond_their_triangles():
    steps, radius, height = 24, 6.35, 152.4  # flat sides would lose 1.1 %
    rim = meshes.circle(radius, steps)
    middle = np.zeros_like(rim)
    facts = facts_of(
        [
            meshes.cylinder(radius, height, steps),
            meshes.ring(rim, middle, 0, up=False),
            meshes.ring(rim, middle, height, up=True),
        ]
    )

    assert facts["volume_mm3"] == pytest.approx(pi * radius**2 * height, 2e-4)
    # The caps stay the polygons they are: 0.02 % of this surface.
    area = 2 * pi * radius * (radius + height)
    assert facts["area_mm2"] == pytest.approx(area, 1e-3)


def test_box_reaches_where_no_corner_stands():
    quarter = np.pi / 4  # so that the walls' corners are 45° off the axes
    patch = meshes.cylinder(10, 50, 24, start=quarter, turn=2 * pi)

    turned = meshes.cylinder(10, 50, 26, start=quarter)  # none at 90° or 180°

    assert facts_of([patch])["box_mm"] == [50.0, 20.0, 20.0]
    assert facts_of([turned])["box_mm"] == pytest.approx([50, 20, 20], abs=0.002)


def test_sphere_without_a_plane_or_cylinder_is_measured():
    facts = facts_of([meshes.sphere(25, 60)])

    assert facts["volume_mm3"] == pytest.approx(4 / 3 * pi * 25**3, 1e-3)
    assert facts["box_mm"] == [50.0, 50.0, 50.0]
    assert facts["thickness_mm"] is None
    assert facts["holes"] == []


def test_mesh_of_thousands_of_planes_is_no_sheet():
    points, _, triangles = meshes.sphere(25, 60)
    corners = points[np.array(triangles)]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(flat, axis=1)
    facets = [
        (corner, np.tile(normal / length, (3, 1)), [(0, 1, 2)])
        for corner, normal, length in zip(corners, flat, lengths, strict=True)
        if length > 1e-6
    ]
    facts = facts_of(facets)

    assert facts["faces"] == len(facets)
    assert facts["closed"] is True
    assert facts["solids"] == 1
    assert facts["thickness_mm"] is None


def test_open_box_encloses_nothing():
    facts = facts_of(meshes.box(40, 30, 20)[:-1])

    assert facts["closed"] is False
    assert facts["volume_mm3"] is None
    assert facts["solids"] == 0
    assert facts["area_mm2"] == 5200 - 20 * 30


def test_corners_that_differ_by_rounding_are_one():
    patches = meshes.box(40, 30, 20)
    points, normals, triangles = patches[0]
    patches[0] = points + 2e-5, normals, triangles

    assert facts_of(patches)["closed"] is True


def test_void_is_taken_from_the_volume_and_is_no_solid():
    inner = turned_inside_out(meshes.box(10, 10, 10, at=(5, 5, 5)))
    facts = facts_of(meshes.box(20, 20, 20) + inner)

    assert facts["volume_mm3"] == 7000
    assert facts["solids"] == 1


def test_solids_that_touch_in_a_face_stay_two():
    left, right = meshes.box(10, 10, 10), meshes.box(10, 10, 10, at=(10, 0, 0))
    facts = facts_of(
        [patch for pair in zip(left, right, strict=True) for patch in pair]
    )

    assert facts["solids"] == 2
    assert facts["volume_mm3"] == 2000


def turned_inside_out(patches):
    return [
        (points, -normals, np.array(triangles)[:, ::-1])
        for points, normals, triangles in patches
    ]


BOX, NEXT = meshes.box(10, 10, 10), meshes.box(10, 10, 10, at=(10, 0, 0))


@pytest.mark.parametrize(
    ("patches", "found"),
    [
        (BOX, Solids(True, 1, True)),
        (BOX + NEXT, Solids(True, 2, True)),
        (BOX[:-1], Solids(False, 0, False)),
        (BOX + NEXT[:-1], Solids(False, 1, False)),
        (turned_inside_out(BOX), Solids(True, 1, False)),
        (
            BOX + turned_inside_out(meshes.box(5, 5, 5, at=(2, 2, 2))),
            Solids(True, 1, False),
        ),
    ],
    ids=["box", "boxes", "open", "half", "inside out", "void"],
)
def test_inside_of_solids_is_hidden_unless_open_hollow_or_turned(patches, found):
    assert Body.of(make_shape(patches)).solids == found


@pytest.mark.parametrize(
    ("x", "y", "z", "thickness"),
    [
        (100, 60, 6, 6.0),
        (60, 100, 1.5875, 1.5875),
        (200, 10, 10, None),  # a square bar is no sheet
        (10, 10, 10, None),
    ],
)
def test_sheets_have_a_thickness_and_bars_have_none(x, y, z, thickness):
    assert facts_of(meshes.box(x, y, z))["thickness_mm"] == thickness


@pytest.mark.parametrize(("inner", "thickness"), [(9.525, 3.175), (5, None)])
def test_round_tube_has_a_wall_and_a_bush_has_none(inner, thickness):
    facts = facts_of(meshes.tube(12.7, inner, 200))

    assert facts["thickness_mm"] == thickness
    assert facts["holes"] == [{"diameter_mm": 2 * inner, "count": 1}]


def test_halves_of_a_hole_are_one_hole():
    patches = meshes.plate_with_hole(100, 5, 10)
    patches[2:3] = [
        meshes.cylinder(10, 5, 20, hollow=True, start=0, turn=pi),
        meshes.cylinder(10, 5, 20, hollow=True, start=pi, turn=pi),
    ]
    facts = facts_of(patches)

    assert facts["holes"] == [{"diameter_mm": 20.0, "count": 1}]


@pytest.mark.parametrize(
    "patches",
    [
        [meshes.cylinder(10, 5, 40)],  # a pin
        [meshes.cylinder(10, 5, 40, hollow=True, turn=5.8)],  # a notch
        [  # corners of four pockets, one below the other
            meshes.cylinder(3, 5, 8, hollow=True, turn=pi / 2, z=10 * level)
            for level in range(4)
        ],
    ],
    ids=["pin", "notch", "pockets"],
)
def test_what_does_not_close_around_air_is_no_hole(patches):
    shape = make_shape(patches)
    scene = make_scene(replace(shape, surfaces=recognise(shape)))

    assert measure(scene)["holes"] == []


def test_values_are_the_same_within_a_tolerance_but_not_along_a_chain():
    assert same(np.array([0.5, 1.0, 0.5001, 0.4999]), 0.001).tolist() == [0, 1, 0, 0]
    assert same(np.array([(1, 5), (2, 5), (1, 6.0)]), (0.1, 0.1)).max() == 2
    assert same(np.arange(0, 1, 0.0005), 0.001).max() > 200
    assert same(np.zeros((0, 3)), 0.001).tolist() == []


def test_holes_are_sorted_and_counted_by_diameter():
    shapes = [
        make_shape(meshes.plate_with_hole(30, 5, radius))
        for radius in (4, 2.5527, 2.5527, 2.5527001)
    ]

    assert measure(complete(make_scene(*shapes)))["holes"] == [
        {"diameter_mm": 5.1054, "count": 3},
        {"diameter_mm": 8.0, "count": 1},
    ]


def test_everything_counts_once_an_instance():
    plate = make_shape(meshes.plate_with_hole(100, 5, 10), name="plate")
    block = make_shape(meshes.box(10, 10, 10), name="block")
    scene = make_scene(plate, block, places=[(0, 0, 0, 0), (1, 0, 0, 5), (0, 0, 0, 15)])
    facts = measure(complete(scene))
    alone = measure(complete(make_scene(plate)))

    assert facts["items"] == [
        {"name": "plate", "count": 2},
        {"name": "block", "count": 1},
    ]
    assert facts["holes"] == [{"diameter_mm": 20.0, "count": 2}]
    assert facts["volume_mm3"] == pytest.approx(2 * alone["volume_mm3"] + 1000, 1e-5)
    assert facts["box_mm"] == [100.0, 100.0, 20.0]
    assert facts["solids"] == 3
    assert facts["triangles"] == 2 * alone["triangles"] + 12
    assert facts["faces"] == 2 * 7 + 6
    assert facts["thickness_mm"] == 5


def test_instances_are_turned():
    angle = pi / 4
    scene = make_scene(make_shape(meshes.box(10, 10, 1)))
    scene.nodes[0].matrix[:2, :2] = [
        [np.cos(angle), -np.sin(angle)],
        [np.sin(angle), np.cos(angle)],
    ]

    assert measure(complete(scene))["box_mm"] == [
        round(10 * sqrt(2), 3),
        round(10 * sqrt(2), 3),
        1.0,
    ]


@pytest.mark.parametrize(
    ("names", "items"),
    [
        (["washer", "washer"], [("washer", 2)]),
        (["steel washer", "nylon washer"], [("steel washer", 1), ("nylon washer", 1)]),
        (["", "SOLID"], [("Part 1", 2)]),
        (["=>[0:1:1:2]", "NAUO1"], [("Part 1", 2)]),
        (["washer", ""], [("washer", 1), ("Part 2", 1)]),
    ],
)
def test_equal_shapes_are_one_item_unless_named_apart(names, items):
    shapes = [make_shape(meshes.box(10, 10, 1), name=name) for name in names]
    facts = measure(complete(make_scene(*shapes)))

    assert [(item["name"], item["count"]) for item in facts["items"]] == items


def test_different_shapes_of_one_name_are_told_apart():
    shapes = [make_shape(meshes.box(10, 10, z), name="plate") for z in (1, 2)]

    assert measure(complete(make_scene(*shapes)))["items"] == [
        {"name": "plate", "count": 1},
        {"name": "plate (2)", "count": 1},
    ]


REAL = {
    # Written with 25.4 times the measures of its README, in a file that says mm.
    "plate_090_inch.step": {
        "box_mm": [203.2 * 25.4, 76.2 * 25.4, 2.286 * 25.4],
        "volume_mm3": 31116.8 * 25.4**3,
        "thickness_mm": 2.286 * 25.4,
        "holes": [(5.1054 * 25.4, 8), (28.575 * 25.4, 1)],
    },
    "tube_2x1_eighth.step": {
        "box_mm": [508, 50.8, 25.4],
        "volume_mm3": 222973.6,
        "thickness_mm": 3.175,
        "holes": [(4.9784, 19)],
    },
    "shaft_half_inch.step": {
        "box_mm": [152.4, 12.7, 12.7],
        "volume_mm3": 19305.6,
        "thickness_mm": None,
        "holes": [],
    },
    "cascadio__featuretype.STEP": {  # in inches
        "box_mm": [127, 63.5, 34.925],
        "volume_mm3": 190447.7,
        "thickness_mm": None,
        "holes": [(6.7564, 8), (9.8917, 1), (11.1125, 8)],
    },
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_measure_what_they_should(convert_sample, name):
    facts, expected = convert_sample(name).facts, REAL[name]

    assert facts["box_mm"] == pytest.approx(expected["box_mm"], abs=0.002)
    assert facts["volume_mm3"] == pytest.approx(expected["volume_mm3"], rel=1e-4)
    if expected["thickness_mm"] is None:
        assert facts["thickness_mm"] is None
    else:
        assert facts["thickness_mm"] == pytest.approx(
            expected["thickness_mm"], abs=0.001
        )
    holes = [(hole["diameter_mm"], hole["count"]) for hole in facts["holes"]]
    assert holes == [
        (pytest.approx(diameter, abs=0.0002), count)
        for diameter, count in expected["holes"]
    ]
    assert facts["closed"] is True
    assert facts["solids"] == 1


def test_real_assembly_has_its_part_list(convert_sample):
    facts = convert_sample("cascadio__multibody.step").facts

    assert {item["name"]: item["count"] for item in facts["items"]} == {
        "box_base": 1,
        "side_long": 2,
        "side_short": 1,
        "side_short_B": 1,
        "gusset": 4,
        "box_top": 1,
    }
    assert facts["solids"] == 10
    assert facts["thickness_mm"] == 2.9972


def test_real_file_of_triangles_is_measured_without_its_planes_of_construction(
    convert_sample,
):
    facts = convert_sample("nist_ftc_08_asme1_ap242-e1-tg.stp").facts

    assert facts["closed"] is True
    assert facts["faces"] == 272
    assert facts["items"] == [{"name": "NIST PMI FTC 08 ASME1", "count": 1}]
    assert facts["volume_mm3"] == pytest.approx(503486, rel=1e-3)
    json.dumps(facts, allow_nan=False)

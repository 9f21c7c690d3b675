"""What faces are, found again from nothing but their vertices."""

from dataclasses import replace
from math import pi

import numpy as np
import pytest

from parts.conversion.surfaces import complete, recognise, widest_gaps

from . import meshes
from .meshes import make_scene, make_shape


def surface_of(patch, *described):
    return recognise(make_shape([patch], surfaces=list(described) or None))[0]


def test_plane_is_found():
    plane = surface_of(meshes.rectangle((10, 20, 30), (40, 0, 0), (0, 60, 0)))

    assert plane["type"] == "plane"
    assert np.abs(plane["normal"]) == pytest.approx((0, 0, 1))
    assert plane["origin"] == pytest.approx((0.03, 0.05, 0.03))
    assert np.dot(plane["normal"], plane["x_dir"]) == pytest.approx(0)
    along = np.abs(plane["x_dir"]) @ (0.02, 0.03, 0)
    across = np.abs(np.cross(plane["normal"], plane["x_dir"])) @ (0.02, 0.03, 0)
    assert plane["extent_x"] == pytest.approx((-along, along), abs=1e-8)
    assert plane["extent_y"] == pytest.approx((-across, across), abs=1e-8)


@pytest.mark.parametrize("turn", [pi / 2, pi, 5.8, 2 * pi])
def test_cylinder_is_found(turn):
    cylinder = surface_of(
        meshes.cylinder(2.4892, 30, 24, at=(100, 50), z=5, start=1, turn=turn)
    )

    assert cylinder["type"] == "cylinder"
    assert cylinder["radius"] == pytest.approx(0.0024892, abs=1e-8)
    assert np.abs(cylinder["axis"]) == pytest.approx((0, 0, 1), abs=1e-5)
    assert cylinder["origin"][:2] == pytest.approx((0.1, 0.05), abs=1e-7)
    assert np.ptp(cylinder["extent_height"]) == pytest.approx(0.03, abs=1e-7)
    assert cylinder["extent_angle"] == pytest.approx((0, turn), abs=1e-3)


def test_neither_sphere_nor_tapered_hole_is_a_cylinder():
    low, high = meshes.circle(10, 40), meshes.circle(9.9, 40)
    normals = np.column_stack([low / 10, np.full(41, 0.1)])
    cone = meshes.ribbon(low, high, 0, 1, normals / np.hypot(1, 0.1))

    assert surface_of(meshes.sphere(10, 40)) is None
    assert surface_of(cone) is None


def test_what_the_kernel_says_stands_where_it_is_true():
    said = {
        "type": "cylinder",
        "origin": [0, 0, 0.5],
        "axis": [0, 0, -1],
        "radius": 0.0100000004,
        "extent_angle": [1, 1 + 2 * pi],
        "extent_height": [0, 1],
    }

    assert surface_of(meshes.cylinder(10, 5, 40), said) == said


def test_what_the_kernel_says_of_another_face_is_replaced():
    said = {"type": "plane", "origin": [0, 0, 1], "normal": [0, 0, 1]}

    assert surface_of(meshes.cylinder(10, 5, 40), said)["type"] == "cylinder"


def test_other_surfaces_are_left_as_the_kernel_names_them():
    said = {"type": "sphere", "center": [0, 0, 0], "radius": 0.01}

    assert surface_of(meshes.sphere(10, 40), said) == said


@pytest.mark.parametrize("flips_normals", [True, False])
def test_shape_that_is_inside_out_is_turned(flips_normals):
    shape = make_shape(meshes.box(10, 20, 30))
    turned = replace(
        shape,
        triangles=shape.triangles[:, ::-1],
        normals=-shape.normals if flips_normals else shape.normals,
    )
    (righted,) = complete(make_scene(turned)).shapes

    np.testing.assert_array_equal(righted.triangles, shape.triangles)
    np.testing.assert_array_equal(righted.normals, shape.normals)


def test_planes_of_construction_are_left_out_beside_a_body():
    body = make_shape(meshes.box(10, 10, 10), name="body")
    sheet = make_shape([meshes.rectangle((0, 0, 5), (1, 0, 0), (0, 1, 1))])

    assert [s.name for s in complete(make_scene(sheet, body)).shapes] == ["body"]
    assert len(complete(make_scene(sheet)).shapes) == 1


def test_widest_gaps_are_found_across_the_full_turn():
    gaps = widest_gaps(
        np.array([0, 1, 0, 1, 0, 1]), np.array([3.0, 0.0, -3.0, pi / 2, 0.0, -pi / 2])
    )

    np.testing.assert_allclose(gaps, [(3, 3), (pi, pi / 2)])

"""The picture: its size, its ground, what is in front, and how it is lit."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from parts.conversion import thumbnail

from . import meshes
from .meshes import make_scene, make_shape

RED, BLUE, BLACK = (1, 0, 0, 1), (0, 0, 1, 1), (0, 0, 0, 1)


@pytest.fixture
def draw(tmp_path):
    """Draw a scene and return its (360, 480, 4) pixels."""

    def draw_pixels(scene, **options):
        thumbnail.draw(scene, tmp_path / "part.png", **options)
        with Image.open(tmp_path / "part.png") as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGBA", (480, 360))
            return np.asarray(image).astype(int)

    return draw_pixels


def painted(patches, paint=0):
    return make_shape(patches, paints=[paint] * len(patches))


@pytest.mark.parametrize("size", [(20, 20, 20), (400, 10, 5), (0.02, 0.02, 0.02)])
def test_part_of_any_size_fills_the_picture_to_an_even_margin(draw, size):
    pixels = draw(make_scene(make_shape(meshes.box(*size, at=(5000, 0, -70)))))

    rows, columns = np.nonzero(pixels[..., 3])
    edges = {
        "top": rows.min(),
        "bottom": 359 - rows.max(),
        "left": columns.min(),
        "right": 479 - columns.max(),
    }
    tall, wide = edges["top"] + edges["bottom"], edges["left"] + edges["right"]
    assert abs(edges["top"] - edges["bottom"]) <= 2
    assert abs(edges["left"] - edges["right"]) <= 2
    assert min(tall / 2, wide * 0.75 / 2) == pytest.approx(18, abs=2)


def test_ground_is_transparent_and_part_is_not(draw):
    pixels = draw(make_scene(make_shape(meshes.box(10, 10, 10))))

    assert pixels[0, 0].tolist()[3] == 0
    assert pixels[180, 240, 3] == 255
    assert set(np.unique(pixels[100:260, 200:280, 3])) == {255}


def test_light_falls_from_above_and_from_the_left(draw):
    pixels = draw(make_scene(make_shape(meshes.box(10, 10, 10))))
    top, left, right = pixels[90, 240], pixels[220, 160], pixels[220, 330]

    assert top[:3].sum() > left[:3].sum() + 30
    assert left[:3].sum() > right[:3].sum() + 30
    assert right[:3].min() > 120


def test_edges_are_drawn_dark_between_faces(draw):
    pixels = draw(make_scene(make_shape(meshes.box(10, 10, 10))))
    row = pixels[240, 100:380, :3].sum(axis=1)

    assert row.min() < 380
    assert np.sum(row < 430) <= 3


def test_smooth_faces_meet_without_an_edge(draw):
    halves = [
        meshes.cylinder(10, 40, 40, start=start, turn=np.pi) for start in (-np.pi, 0.0)
    ]
    whole = draw(make_scene(make_shape([meshes.cylinder(10, 40, 80)])))

    np.testing.assert_allclose(
        draw(make_scene(make_shape(halves)))[60:300], whole[60:300], atol=3
    )


def test_what_is_nearer_hides_what_is_behind(draw):
    near = painted(meshes.box(10, 10, 10, at=(20, -23, 17)), 0)
    far = painted(meshes.box(10, 10, 10), 1)

    for scene in (
        make_scene(near, far, palette=[RED, BLUE]),
        make_scene(far, near, palette=[RED, BLUE]),
    ):
        red, _, blue = draw(scene)[200, 240, :3]
        assert red > blue + 60


def test_triangles_are_seen_from_behind_too(draw):
    floor = meshes.rectangle((0, 0, 0), (10, 0, 0), (0, 10, 0))
    below = draw(
        make_scene(make_shape([meshes.rectangle((0, 0, 0), (0, 10, 0), (10, 0, 0))]))
    )

    np.testing.assert_array_equal(below, draw(make_scene(make_shape([floor]))))
    assert below[180, 240, 3] == 255


def test_solids_are_drawn_from_outside_only(draw):
    floor = make_shape([meshes.rectangle((0, 0, 0), (10, 0, 0), (0, 10, 0))])
    below = replace(floor, triangles=floor.triangles[:, ::-1])

    assert draw(make_scene(floor), solid=[True])[180, 240, 3] == 255
    assert draw(make_scene(below), solid=[True])[..., 3].max() == 0


@pytest.mark.parametrize("scale", [(1, 1, 1), (-1, 1, 1)])
def test_picture_of_a_solid_lacks_nothing(draw, scale):
    plate = make_shape(meshes.plate_with_hole(100, 30, 20))
    open_box = painted(meshes.box(40, 40, 40)[:-1])
    scene = make_scene(plate, open_box, places=[(0, 0, 0, 0), (1, 60, 60, 0)])
    for node in scene.nodes:
        node.matrix[:3, :3] = np.diag(scale)
    off = np.abs(draw(scene, solid=[True, False]) - draw(scene)).max(axis=2)

    assert np.sum(off > 1) <= 8  # at the outline, where the back was a hair nearer


def test_colours_are_kept_and_black_is_lifted(draw):
    cube = meshes.box(10, 10, 10)
    red = draw(make_scene(painted(cube), palette=[RED]))[90, 240]
    black = draw(make_scene(painted(cube), palette=[BLACK]))
    steel = draw(make_scene(make_shape(cube)))[90, 240]

    assert red[0] > 2 * red[1] > 0
    assert black[90, 240, :3].min() > 80
    assert black[220, 330, :3].min() > 55
    assert np.ptp(steel[:3]) < 20
    assert steel[:3].min() > 190


def test_light_is_lost_in_pockets_and_not_on_open_faces(draw, monkeypatch):
    scene = make_scene(make_shape(meshes.plate_with_hole(100, 30, 20)))
    soft = draw(scene)[..., :3].sum(axis=2)
    monkeypatch.setattr(thumbnail, "_CREVICES", ())
    lost = draw(scene)[..., :3].sum(axis=2) - soft

    assert lost[155:160, 240].min() > 50  # the wall of the hole
    assert lost[155:160, 100:104].max() == 0  # the top of the plate


@pytest.mark.parametrize("size", [(40, 30, 20), (1, 1, 60)])
def test_picture_is_that_of_shading_the_whole_frame(draw, monkeypatch, size):
    near = painted(meshes.box(*size), 0)
    far = painted(meshes.box(*size, at=(3, 0, 7)), 1)  # drawn partly, behind
    scene = make_scene(near, far, palette=[RED, BLUE])
    pixels = draw(scene)
    monkeypatch.setattr(thumbnail, "_RIM", 960)

    np.testing.assert_allclose(draw(scene), pixels, atol=1)


def test_every_sample_of_a_closed_shape_is_covered():
    frame = thumbnail.render(make_scene(make_shape([meshes.sphere(10, 300)])), 480, 360)
    cover = frame[..., 3]

    for row in np.flatnonzero(cover.any(axis=1)):
        columns = np.flatnonzero(cover[row])
        assert np.ptp(columns) == len(columns) - 1


def test_mesh_without_extent_is_an_empty_picture(draw):
    point = replace(
        make_shape(meshes.box(1, 1, 1)), points=np.zeros((24, 3), np.float32)
    )

    assert draw(make_scene(point))[..., 3].max() == 0


def test_batches_do_not_change_the_picture(draw, monkeypatch):
    scene = make_scene(make_shape([meshes.sphere(10, 60)]))
    at_once = draw(scene)
    monkeypatch.setattr(thumbnail, "_BATCH", 1000)

    np.testing.assert_array_equal(draw(scene), at_once)

"""Reading GLB as the kernel writes it, and writing it as we want it."""

import json
import struct

import numpy as np
import pytest

from parts.conversion import glb
from parts.conversion.glb import BrokenGlb, Node, Scene, connect, select

from . import meshes
from .meshes import make_scene, make_shape

CUBE = make_shape(meshes.box(10, 10, 10), name="cube")
POINTS, NORMALS, INDICES, FACES = range(4)
TRIANGLES = {
    "attributes": {"POSITION": POINTS, "NORMAL": NORMALS},
    "indices": INDICES,
    "material": 0,
    "mode": 4,
}


def kernel_document(**changes) -> dict:
    """Return a document over one cube, with ``changes`` in its main parts."""
    return {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "place"}],
        "meshes": [{"name": "cube", "primitives": [TRIANGLES]}],
        "materials": [{"pbrMetallicRoughness": {"baseColorFactor": [1, 0, 0, 1]}}],
        "accessors": [
            accessor(0, 5126, len(CUBE.points), "VEC3"),
            accessor(1, 5126, len(CUBE.normals), "VEC3"),
            accessor(2, 5123, CUBE.triangles.size, "SCALAR"),
            accessor(3, 5125, len(CUBE.faces), "SCALAR"),
        ],
    } | changes


def accessor(view, component, count, kind) -> dict:
    return {
        "bufferView": view,
        "componentType": component,
        "count": count,
        "type": kind,
    }


def pack(path, document, points=CUBE.points):
    """Write ``document`` as GLB over the arrays of a cube."""
    blocks = [
        points.astype("<f4").tobytes(),
        CUBE.normals.astype("<f4").tobytes(),
        CUBE.triangles.astype("<u2").tobytes(),
        CUBE.faces.astype("<u4").tobytes(),
    ]
    starts = np.cumsum([0, *map(len, blocks)]).tolist()
    document["bufferViews"] = [
        {"buffer": 0, "byteOffset": start, "byteLength": len(block)}
        for start, block in zip(starts, blocks, strict=False)
    ]
    for view in document["bufferViews"][:2]:
        view["byteStride"] = 12
    body = b"".join(blocks)
    document["buffers"] = [{"byteLength": len(body)}]
    text = json.dumps(document).encode("latin-1")
    text += b" " * (-len(text) % 4)
    path.write_bytes(
        struct.pack(
            "<4sIIII", b"glTF", 2, 28 + len(text) + len(body), len(text), 0x4E4F534A
        )
        + text
        + struct.pack("<II", len(body), 0x004E4942)
        + body
    )
    return path


def open_written(path) -> tuple[dict, bytes]:
    """Take a GLB apart by the letter of its format."""
    data = path.read_bytes()
    magic, version, length, size, kind = struct.unpack_from("<4sIIII", data)
    assert (magic, version, length, kind) == (b"glTF", 2, len(data), 0x4E4F534A)
    assert size % 4 == 0
    body_size, kind = struct.unpack_from("<II", data, 20 + size)
    assert kind == 0x004E4942
    assert 28 + size + body_size == len(data)
    return json.loads(data[20 : 20 + size]), data[28 + size :]


def array(document, body, index):
    """Return the array of an accessor, which must be packed and aligned."""
    described = document["accessors"][index]
    view = document["bufferViews"][described["bufferView"]]
    assert view["byteOffset"] % 4 == 0
    dtype = {5121: "<u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}[
        described["componentType"]
    ]
    width = {"SCALAR": 1, "VEC3": 3}[described["type"]]
    count = described["count"] * width
    assert view["byteLength"] == count * np.dtype(dtype).itemsize
    return np.frombuffer(body, dtype, count, view["byteOffset"]).reshape(-1, width)


# Reading


def test_cube_is_read_as_it_lies(tmp_path):
    scene = glb.read(pack(tmp_path / "a.glb", kernel_document()))

    (shape,) = scene.shapes
    assert shape.name == "cube"
    np.testing.assert_array_equal(shape.points, CUBE.points)
    np.testing.assert_array_equal(shape.normals, CUBE.normals)
    np.testing.assert_array_equal(shape.triangles, CUBE.triangles)
    np.testing.assert_array_equal(shape.faces, CUBE.faces)  # from shared indices
    assert shape.paints.tolist() == [0] * 12
    assert scene.palette.tolist() == [[1, 0, 0, 1]]
    (instance,) = scene.instances()
    assert instance.names == ("place",)
    np.testing.assert_array_equal(instance.matrix, np.eye(4))


def test_named_faces_are_taken_over(tmp_path):
    described = [{"type": "plane", "face_index": n} for n in range(6)]
    extension = {"TM_brep_faces": {"faceIndices": FACES, "faces": described}}
    mesh = {"primitives": [TRIANGLES | {"extensions": extension}]}
    scene = glb.read(pack(tmp_path / "a.glb", kernel_document(meshes=[mesh])))

    assert scene.shapes[0].surfaces == described


@pytest.mark.parametrize("count", [3, 12])
def test_named_faces_that_do_not_fit_the_triangles_are_not(tmp_path, count):
    extension = {"TM_brep_faces": {"faceIndices": FACES, "faces": [{}] * 6}}
    mesh = {"primitives": [TRIANGLES | {"extensions": extension}]}
    document = kernel_document(meshes=[mesh])
    document["accessors"][FACES] = accessor(2, 5123, count, "SCALAR")  # any numbers
    scene = glb.read(pack(tmp_path / "a.glb", document))

    assert scene.shapes[0].surfaces == [None] * 6
    np.testing.assert_array_equal(scene.shapes[0].faces, CUBE.faces)


def test_lines_and_what_holds_only_lines_are_left_out(tmp_path):
    lines = {"attributes": {"POSITION": POINTS}, "indices": INDICES, "mode": 1}
    points = {"attributes": {"POSITION": POINTS}, "mode": 0}
    document = kernel_document(
        meshes=[{"primitives": [lines, TRIANGLES]}, {"primitives": [lines, points]}],
        nodes=[
            {"children": [1, 2]},
            {"children": [3], "name": "annotations"},
            {"mesh": 0, "name": "cube"},
            {"mesh": 1, "name": "arrow"},
        ],
    )
    scene = glb.read(pack(tmp_path / "a.glb", document))

    assert [node.name for node in scene.nodes] == ["", "cube"]
    assert scene.nodes[0].children == [1]
    assert len(scene.shapes) == 1


def test_colours_of_one_part_become_one_shape(tmp_path):
    mesh = {"primitives": [TRIANGLES, TRIANGLES | {"material": 1}]}
    paints = [
        {"pbrMetallicRoughness": {"baseColorFactor": [c, c, c, 1]}} for c in (0, 1)
    ]
    document = kernel_document(meshes=[mesh], materials=paints)
    scene = glb.read(pack(tmp_path / "a.glb", document))

    (shape,) = scene.shapes
    assert len(shape.points) == 48
    assert shape.triangles[12:].min() == 24
    assert np.unique(shape.faces).tolist() == list(range(12))
    assert shape.paints.tolist() == [0] * 12 + [1] * 12


def test_instances_share_their_shape_and_stand_in_their_places(tmp_path):
    move = np.eye(4)
    move[:3, 3] = 1, 2, 3
    document = kernel_document(
        meshes=[{"name": "cube ", "primitives": [TRIANGLES]} for _ in range(2)],
        nodes=[
            {"children": [1, 2], "matrix": move.T.ravel().tolist(), "name": "whole"},
            {"mesh": 0, "name": "first", "matrix": move.T.ravel().tolist()},
            {
                "mesh": 1,
                "name": "second",
                "translation": [0, 0, 5],
                "rotation": [0, 0, 0.5**0.5, 0.5**0.5],
            },
        ],
    )
    scene = glb.read(pack(tmp_path / "a.glb", document))

    assert [shape.name for shape in scene.shapes] == ["cube"]
    first, second = scene.instances()
    assert first.names == ("first", "whole")
    assert first.matrix[:3, 3].tolist() == [2, 4, 6]
    np.testing.assert_allclose(second.matrix @ (1, 0, 0, 1), (1, 3, 8, 1), atol=1e-12)


def test_triangles_at_no_place_are_left_out(tmp_path):
    points = CUBE.points.copy()
    points[0] = np.nan
    scene = glb.read(pack(tmp_path / "a.glb", kernel_document(), points))

    assert len(scene.shapes[0].triangles) == 10
    assert np.isfinite(scene.shapes[0].points).all()


def test_missing_normals_are_made_up(tmp_path):
    bare = TRIANGLES | {"attributes": {"POSITION": POINTS}}
    document = kernel_document(meshes=[{"primitives": [bare]}])
    scene = glb.read(pack(tmp_path / "a.glb", document))

    np.testing.assert_allclose(scene.shapes[0].normals, CUBE.normals, atol=1e-6)


def test_names_in_any_encoding_are_read(tmp_path):
    path = pack(tmp_path / "a.glb", kernel_document())
    path.write_bytes(path.read_bytes().replace(b"place", b"pl\xe4\x01e"))

    assert glb.read(path).nodes[0].name == "pl\N{REPLACEMENT CHARACTER} e"


@pytest.mark.parametrize(
    "content",
    [b"", b"glTF", b"solid ascii", bytes(64)],
)
def test_other_bytes_are_no_glb(tmp_path, content):
    (tmp_path / "a.glb").write_bytes(content)
    with pytest.raises(BrokenGlb):
        glb.read(tmp_path / "a.glb")


def test_cut_off_glb_is_broken(tmp_path):
    path = pack(tmp_path / "a.glb", kernel_document())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BrokenGlb):
        glb.read(path)


def test_index_beyond_the_vertices_is_broken(tmp_path):
    document = kernel_document()
    document["accessors"][POINTS]["count"] = 5
    with pytest.raises(BrokenGlb, match="an index beyond the vertices"):
        glb.read(pack(tmp_path / "a.glb", document))


# Writing


def test_written_glb_is_read_back_the_same(tmp_path):
    plane = {"type": "plane", "origin": [0.1, -0.0, 1 / 3], "face_index": 0}
    shape = make_shape(
        meshes.box(10, 10, 10), name="Würfel", surfaces=[plane] + [None] * 5
    )
    scene = make_scene(
        shape, places=[(0, 0, 0, 0), (0, 7, 8, 9)], palette=[(0.1, 0.2, 0.3, 1)]
    )
    glb.write(tmp_path / "a.glb", scene)
    again = glb.read(tmp_path / "a.glb")

    (copy,) = again.shapes
    assert copy.name == "Würfel"
    np.testing.assert_array_equal(copy.points, shape.points)
    np.testing.assert_array_equal(copy.triangles, shape.triangles)
    np.testing.assert_array_equal(copy.faces, shape.faces)
    assert copy.surfaces[0] == plane | {"origin": [0.1, 0.0, 0.333333333]}
    assert copy.surfaces[1:] == [None] * 5
    assert [i.matrix[:3, 3].tolist() for i in again.instances()] == [
        [0, 0, 0],
        [0.007, 0.008, 0.009],
    ]


def test_written_glb_follows_the_format(tmp_path):
    shape = make_shape(meshes.box(10, 20, 30), paints=[0, 0, -1, -1, -1, -1])
    scene = make_scene(shape, palette=[(0.5, 0.25, 0, 0.5)])
    glb.write(tmp_path / "a.glb", scene)
    document, body = open_written(tmp_path / "a.glb")

    second, first = document["meshes"][0]["primitives"]
    points = array(document, body, first["attributes"]["POSITION"])
    np.testing.assert_array_equal(points, shape.points)
    described = document["accessors"][first["attributes"]["POSITION"]]
    assert described["min"] == points.min(axis=0).tolist()
    assert described["max"] == points.max(axis=0).tolist()
    assert second["attributes"] == first["attributes"]
    assert len(array(document, body, first["indices"])) == 2 * 6
    assert len(array(document, body, second["indices"])) == 4 * 6
    faces = second["extensions"]["TM_brep_faces"]
    numbers = array(document, body, faces["faceIndices"]).ravel()
    assert numbers.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len(faces["faces"]) == 4
    assert document["extensionsUsed"] == ["TM_brep_faces"]
    assert document["buffers"] == [{"byteLength": len(body)}]
    assert document["materials"][first["material"]] == {
        "pbrMetallicRoughness": {
            "metallicFactor": 0,
            "baseColorFactor": [0.5, 0.25, 0.0, 0.5],
        },
        "doubleSided": True,
        "alphaMode": "BLEND",
    }
    assert document["materials"][second["material"]] == {
        "pbrMetallicRoughness": {"metallicFactor": 0},
        "doubleSided": True,
    }


def test_arrays_start_at_multiples_of_four_bytes(tmp_path):
    points = np.eye(3)
    one = make_shape([(points, points, [(0, 1, 2)])])
    glb.write(tmp_path / "a.glb", make_scene(one, CUBE))
    document, body = open_written(tmp_path / "a.glb")

    for index in range(len(document["accessors"])):
        array(document, body, index)
    again = glb.read(tmp_path / "a.glb")
    np.testing.assert_array_equal(again.shapes[1].triangles, CUBE.triangles)


def test_numbers_that_json_does_not_know_are_written_as_null(tmp_path):
    surfaces = [{"type": "cone", "semi_angle": float("inf"), "apex": [float("nan")]}]
    shape = make_shape(meshes.box(10, 10, 10), surfaces=surfaces + [None] * 5)
    glb.write(tmp_path / "a.glb", make_scene(shape))

    (mesh,) = open_written(tmp_path / "a.glb")[0]["meshes"]
    assert mesh["primitives"][0]["extensions"]["TM_brep_faces"]["faces"][0] == {
        "type": "cone",
        "semi_angle": None,
        "apex": [None],
        "face_index": 0,
    }


@pytest.mark.parametrize(("vertices", "component"), [(65_535, 5123), (65_536, 5125)])
def test_indices_are_as_small_as_they_may_be(tmp_path, vertices, component):
    line = np.column_stack(
        [np.arange(vertices), np.zeros(vertices), np.zeros(vertices)]
    )
    patch = line, np.tile(meshes.UP, (vertices, 1)), [(0, 1, vertices - 1)]
    glb.write(tmp_path / "a.glb", make_scene(make_shape([patch])))

    document, _ = open_written(tmp_path / "a.glb")
    indices = document["meshes"][0]["primitives"][0]["indices"]
    assert document["accessors"][indices]["componentType"] == component


def test_real_model_keeps_its_cylinders(convert_sample):
    document, _ = open_written(convert_sample("tube_2x1_eighth.step").glb)

    (primitive,) = document["meshes"][0]["primitives"]
    faces = primitive["extensions"]["TM_brep_faces"]["faces"]
    radii = [face["radius"] for face in faces if face["type"] == "cylinder"]
    assert radii == pytest.approx([4.9784 / 2000] * 38, abs=1e-9)


def test_real_model_names_its_parts_as_the_facts_do(convert_sample):
    conversion = convert_sample("nist_ctc_01_asme1_ap242-e1.stp")
    document, _ = open_written(conversion.glb)

    assert [mesh["name"] for mesh in document["meshes"]] == ["NIST Complex Test Case 1"]
    assert conversion.facts["items"][0]["name"] == "NIST Complex Test Case 1"
    assert {node["name"] for node in document["nodes"]} == {"NIST Complex Test Case 1"}


# Parts of a scene


def test_selection_drops_shapes_and_their_nodes():
    identity = np.eye(4)
    nodes = [
        Node("whole", None, None, [1, 2]),
        Node("sheet", identity, 0, []),
        Node("cube", identity, 1, []),
    ]
    sheet = make_shape([meshes.rectangle((0, 0, 0), (1, 0, 0), (0, 1, 0))])
    scene = select(Scene([sheet, CUBE], nodes, [0], np.zeros((0, 4))), [False, True])

    assert scene.shapes == [CUBE]
    assert [node.name for node in scene.nodes] == ["whole", "cube"]
    assert scene.nodes[0].children == [1]
    assert scene.nodes[1].shape == 0


def test_groups_hang_together_over_any_number_of_links():
    links = np.array([(n, n + 1) for n in range(500)] + [(600, 602), (602, 601)])
    groups = connect(np.random.default_rng(1).permutation(links), 603)

    assert len(set(groups[:501])) == 1
    assert len(set(groups[600:])) == 1
    assert len(set(groups[501:600])) == 99
    assert len(set(groups)) == 101

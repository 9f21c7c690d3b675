"""Read what the kernel wrote as GLB, and write it again as we want it.

The kernel's GLB repeats a product's description for every instance, names the
B-rep faces of the first colour of a part only, brings lines and points of
annotations along, and leaves metalness at glTF's default, which renders near
black. So it is read into a ``Scene`` of arrays, and written anew from that.

Lengths are metres and Z is up, as the kernel writes them. Source of the format:
glTF 2.0, https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
"""

import json
import struct
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path

import numpy as np

_MAGIC, _VERSION = 0x46546C67, 2  # "glTF"
_JSON, _BIN = 0x4E4F534A, 0x004E4942
_HEADER = struct.Struct("<III")
_CHUNK = struct.Struct("<II")

_TRIANGLES = 4
_DTYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_COMPONENTS = {np.dtype(dtype): code for code, dtype in _DTYPES.items()}
_WIDTHS = {"SCALAR": 1, "VEC3": 3}
_VERTICES, _INDICES = 34962, 34963  # targets of a buffer view
_FACES = "TM_brep_faces"  # cascadio's extension


class BrokenGlb(ValueError):
    """The bytes are not a GLB as the kernel writes it."""


@dataclass(frozen=True)
class Shape:
    """The triangles of one product, in its own coordinates.

    Vertices are never shared between B-rep faces (measured), so normals are
    those of the true surface, and a face is what hangs together by indices.
    """

    name: str
    points: np.ndarray  # (n, 3) float32, metres
    normals: np.ndarray  # (n, 3) float32, unit length
    triangles: np.ndarray  # (m, 3) int32, indices of points, outside is CCW
    faces: np.ndarray  # (m,) int32, B-rep face of each triangle, from 0 up
    paints: np.ndarray  # (m,) int32, index in Scene.palette, -1 for no colour
    surfaces: list[dict | None] = field(default_factory=list)
    """What ``TM_brep_faces`` says of each face; None where it says nothing."""


@dataclass(frozen=True)
class Node:
    """A place in the tree of an assembly."""

    name: str
    matrix: np.ndarray | None  # (4, 4) to the parent, None where it is in place
    shape: int | None
    children: list[int]
    extras: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Instance:
    """One shape at one place of the whole; ``names`` of its nodes, inmost first."""

    shape: int
    matrix: np.ndarray  # (4, 4) to the whole
    names: tuple[str, ...]


@dataclass(frozen=True)
class Scene:
    """Everything one STEP file holds that can be seen."""

    shapes: list[Shape]
    nodes: list[Node]
    roots: list[int]
    palette: np.ndarray  # (k, 4) linear RGBA

    def instances(self) -> list[Instance]:
        """Return every shape wherever it stands, in the order of the tree."""
        found = []
        waiting = [(root, np.eye(4), ()) for root in reversed(self.roots)]
        while waiting:
            index, matrix, names = waiting.pop()
            node = self.nodes[index]
            names = (node.name, *names)
            if node.matrix is not None:
                matrix = matrix @ node.matrix
            if node.shape is not None:
                found.append(Instance(node.shape, matrix, names))
            waiting += [(child, matrix, names) for child in reversed(node.children)]
        return found


def read(path: Path) -> Scene:
    """Read the GLB that the kernel wrote to ``path``.

    Lines, points, triangles with a corner that is no number, and nodes that
    hold nothing else are left out; equal meshes become one shape.

    Raises:
        BrokenGlb: not a GLB, or one of a kind the kernel does not write.
    """
    try:
        return _Reader(*_unpack(path.read_bytes())).scene()
    except (KeyError, IndexError, TypeError, ValueError, struct.error) as error:
        raise BrokenGlb(str(error)) from error


def write(path: Path, scene: Scene) -> None:
    """Write ``scene`` as GLB, without metalness and every product once.

    Each primitive names its B-rep faces in ``TM_brep_faces``.
    """
    path.write_bytes(_pack(*_Writer(scene).chunks()))


def select(scene: Scene, is_kept: list[bool]) -> Scene:
    """Return ``scene`` with those of its shapes, and the nodes that hold them."""
    kept = [number for number, keep in enumerate(is_kept) if keep]
    number_of = {old: new for new, old in enumerate(kept)}
    nodes = [replace(node, shape=number_of.get(node.shape)) for node in scene.nodes]
    nodes, roots = _prune(nodes, scene.roots)
    shapes = [scene.shapes[number] for number in kept]
    return replace(scene, shapes=shapes, nodes=nodes, roots=roots)


def connect(links: np.ndarray, size: int) -> np.ndarray:
    """Number the groups that hang together.

    Args:
        links: (m, k) numbers below ``size`` that belong together, row by row.
    Returns:
        (size,) int32, the group of each number, counted from 0.
    """
    labels = np.arange(size, dtype=np.int32)
    while True:
        lowest = labels[links].min(axis=1, initial=size)
        lower = labels.copy()
        for column in links.T:
            np.minimum.at(lower, column, lowest)
        lower = lower[lower]  # halves the way to the lowest number
        if np.array_equal(lower, labels):
            break
        labels = lower
    return np.unique(labels, return_inverse=True)[1].astype(np.int32)


def _unpack(data: bytes) -> tuple[dict, memoryview]:
    magic, _, length = _HEADER.unpack_from(data)
    size, kind = _CHUNK.unpack_from(data, 12)
    if magic != _MAGIC or kind != _JSON or length > len(data):
        raise BrokenGlb("not a whole GLB")
    # The kernel copies names byte by byte from files in any encoding.
    text = data[20 : 20 + size].decode("utf-8", errors="replace")
    document = json.loads(text, strict=False, parse_constant=lambda _: None)
    start = 20 + size
    if start >= length:
        return document, memoryview(b"")
    size, kind = _CHUNK.unpack_from(data, start)
    if kind != _BIN:
        raise BrokenGlb("the second chunk is not binary")
    return document, memoryview(data)[start + 8 : start + 8 + size]


def _pack(document: dict, body: bytes) -> bytes:
    text = json.dumps(
        document, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    ).encode()
    text += b" " * (-len(text) % 4)
    return b"".join(
        [
            _HEADER.pack(_MAGIC, _VERSION, 28 + len(text) + len(body)),
            _CHUNK.pack(len(text), _JSON),
            text,
            _CHUNK.pack(len(body), _BIN),
            body,
        ]
    )


class _Reader:
    """One reading of one document; see ``read``."""

    def __init__(self, document: dict, body: memoryview) -> None:
        self._document = document
        self._body = body
        self._shapes: list[Shape] = []
        self._shape_of_mesh: dict[int, int | None] = {}
        self._shape_of_key: dict[tuple, int | None] = {}

    def scene(self) -> Scene:
        document = self._document
        nodes = [self._node(node) for node in document.get("nodes", [])]
        scenes = document.get("scenes") or [{}]
        nodes, roots = _prune(nodes, scenes[0].get("nodes", []))
        return Scene(self._shapes, nodes, roots, self._palette())

    def _node(self, node: dict) -> Node:
        matrix = node.get("matrix")
        if matrix is None and {"translation", "rotation", "scale"} & node.keys():
            matrix = _compose(**{key: node.get(key) for key in _PLACE})
        elif matrix is not None:
            matrix = np.array(matrix, np.float64).reshape(4, 4).T
        return Node(
            name=tidy_name(node.get("name")),
            matrix=matrix,
            shape=self._shape(node["mesh"]) if "mesh" in node else None,
            children=list(node.get("children", [])),
            extras={
                key: value
                for key, value in node.get("extras", {}).items()
                if isinstance(value, str)
            },
        )

    def _shape(self, mesh: int) -> int | None:
        if mesh not in self._shape_of_mesh:
            described = self._document["meshes"][mesh]
            name = tidy_name(described.get("name"))
            primitives = [
                primitive
                for primitive in described["primitives"]
                if primitive.get("mode", _TRIANGLES) == _TRIANGLES
                and "indices" in primitive
            ]
            # Instances of a product are meshes of their own over shared arrays.
            key = (name, *map(_identity, primitives))
            if key not in self._shape_of_key:
                self._shape_of_key[key] = self._add_shape(name, primitives)
            self._shape_of_mesh[mesh] = self._shape_of_key[key]
        return self._shape_of_mesh[mesh]

    def _add_shape(self, name: str, primitives: list[dict]) -> int | None:
        parts = [self._part(name, primitive) for primitive in primitives]
        parts = [part for part in parts if len(part.triangles)]
        if not parts:
            return None
        self._shapes.append(_join(parts))
        return len(self._shapes) - 1

    def _part(self, name: str, primitive: dict) -> Shape:
        attributes = primitive["attributes"]
        points = self._array(attributes["POSITION"])
        triangles = self._array(primitive["indices"]).reshape(-1, 3).astype(np.int32)
        if triangles.size and triangles.max() >= len(points):
            raise BrokenGlb("an index beyond the vertices")
        faces, surfaces = self._named_faces(primitive, triangles, len(points))
        surfaces += [None] * (int(faces.max(initial=-1)) + 1 - len(surfaces))
        is_number = np.isfinite(points).all(axis=1)
        if not is_number.all():
            kept = is_number[triangles].all(axis=1)
            triangles, faces = triangles[kept], faces[kept]
            # Any point of the part will do: nothing uses these any more.
            points = np.where(is_number[:, None], points, points[is_number.argmax()])
        if "NORMAL" in attributes:
            normals = np.nan_to_num(self._array(attributes["NORMAL"]))
        else:
            normals = _vertex_normals(points, triangles)
        paints = np.full(len(triangles), primitive.get("material", -1), np.int32)
        return Shape(name, points, normals, triangles, faces, paints, surfaces)

    def _named_faces(
        self, primitive: dict, triangles: np.ndarray, size: int
    ) -> tuple[np.ndarray, list[dict | None]]:
        """Return the face of each triangle, and what is said of the faces."""
        extension = primitive.get("extensions", {}).get(_FACES)
        if extension:
            faces = self._array(extension["faceIndices"]).ravel().astype(np.int32)
            # Where the kernel lost faces of a broken file, the count is wrong, and
            # so may be all that follows (measured).
            if len(faces) == len(triangles):
                owners = np.zeros(size, np.int32)
                owners[triangles] = faces[:, None]
                if np.array_equal(
                    owners[triangles], np.repeat(faces, 3).reshape(-1, 3)
                ):
                    return faces, list(extension["faces"])
        return connect(triangles, size)[triangles[:, 0]], []

    def _array(self, index: int) -> np.ndarray:
        accessor = self._document["accessors"][index]
        view = self._document["bufferViews"][accessor["bufferView"]]
        dtype = np.dtype(_DTYPES[accessor["componentType"]])
        width = _WIDTHS[accessor["type"]]
        return np.ndarray(
            (accessor["count"], width),
            dtype,
            self._body,
            view.get("byteOffset", 0) + accessor.get("byteOffset", 0),
            (view.get("byteStride", dtype.itemsize * width), dtype.itemsize),
        )

    def _palette(self) -> np.ndarray:
        paints = [
            material.get("pbrMetallicRoughness", {}).get("baseColorFactor") or [1] * 4
            for material in self._document.get("materials", [])
        ]
        return np.array(paints, np.float64).reshape(-1, 4).clip(0, 1)


_PLACE = ("translation", "rotation", "scale")


def _compose(
    translation: list | None, rotation: list | None, scale: list | None
) -> np.ndarray:
    """Return the (4, 4) matrix of a move, a unit quaternion xyzw and a scale."""
    x, y, z, w = rotation or (0, 0, 0, 1)
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, :3] *= scale or (1, 1, 1)
    matrix[:3, 3] = translation or (0, 0, 0)
    return matrix


def _identity(primitive: dict) -> tuple:
    return (
        primitive["attributes"]["POSITION"],
        primitive["indices"],
        primitive.get("material"),
    )


def _join(parts: list[Shape]) -> Shape:
    """Return the primitives of one mesh as one shape, their faces in a row."""
    points = [len(part.points) for part in parts]
    faces = [len(part.surfaces) for part in parts]
    return Shape(
        name=parts[0].name,
        points=np.concatenate([part.points for part in parts]),
        normals=np.concatenate([part.normals for part in parts]),
        triangles=_stack([part.triangles for part in parts], points),
        faces=_stack([part.faces for part in parts], faces),
        paints=np.concatenate([part.paints for part in parts]),
        surfaces=[surface for part in parts for surface in part.surfaces],
    )


def _stack(numbers: list[np.ndarray], counts: list[int]) -> np.ndarray:
    """Join arrays of numbers that each count from 0 up to below its count."""
    starts = np.cumsum([0, *counts[:-1]], dtype=np.int32)
    return np.concatenate([n + start for n, start in zip(numbers, starts, strict=True)])


def _prune(nodes: list[Node], roots: list[int]) -> tuple[list[Node], list[int]]:
    """Drop the nodes under which nothing can be seen, and number the rest anew."""
    order, waiting = [], list(roots)
    while waiting:
        order.append(waiting.pop())
        waiting += nodes[order[-1]].children
    seen: set[int] = set()
    for index in reversed(order):  # children before their parents
        if nodes[index].shape is not None or seen.intersection(nodes[index].children):
            seen.add(index)
    kept = sorted(seen)
    number = {old: new for new, old in enumerate(kept)}
    return [
        replace(
            nodes[old],
            children=[number[child] for child in nodes[old].children if child in seen],
        )
        for old in kept
    ], [number[root] for root in roots if root in seen]


def tidy_name(name: str | None) -> str:
    """Return ``name`` with its control characters and runs of blanks made one blank."""
    readable = "".join(c if c.isprintable() else " " for c in name or "")
    return " ".join(readable.split())


def _vertex_normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    corners = points[triangles].astype(np.float64)
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros((len(points), 3))
    for corner in triangles.T:
        np.add.at(normals, corner, flat)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.divide(normals, lengths, where=lengths > 0, out=normals).astype(
        np.float32
    )


class _Writer:
    """One writing of one scene; see ``write``."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._views: list[dict] = []
        self._accessors: list[dict] = []
        self._blocks: list[bytes] = []
        self._length = 0

    def chunks(self) -> tuple[dict, bytes]:
        """Return the document and the buffer it describes."""
        scene = self._scene
        document = {
            "asset": {
                "version": "2.0",
                "generator": "Open CASCADE by cascadio",
            },
            "extensionsUsed": [_FACES],
            "scene": 0,
            "scenes": [{"nodes": scene.roots}],
            "nodes": [_node_json(node) for node in scene.nodes],
            "meshes": [self._mesh(shape) for shape in scene.shapes],
            "materials": [_material(rgba) for rgba in scene.palette] + [_material()],
            "accessors": self._accessors,
            "bufferViews": self._views,
        }
        document["buffers"] = [{"byteLength": self._length}]
        return document, b"".join(self._blocks)

    def _mesh(self, shape: Shape) -> dict:
        points = self._accessor(shape.points, _VERTICES)
        self._accessors[points] |= {
            "min": shape.points.min(axis=0).tolist(),
            "max": shape.points.max(axis=0).tolist(),
        }
        attributes = {
            "POSITION": points,
            "NORMAL": self._accessor(shape.normals, _VERTICES),
        }
        return {
            "name": shape.name,
            "primitives": [
                self._primitive(shape, attributes, paint)
                for paint in np.unique(shape.paints)
            ],
        }

    def _primitive(self, shape: Shape, attributes: dict, paint: int) -> dict:
        chosen = shape.paints == paint
        indices = _small(shape.triangles[chosen].ravel())
        faces, numbers = np.unique(shape.faces[chosen], return_inverse=True)
        return {
            "attributes": attributes,
            "indices": self._accessor(indices, _INDICES),
            "material": int(paint) if paint >= 0 else len(self._scene.palette),
            "mode": _TRIANGLES,
            "extensions": {
                _FACES: {
                    "faceIndices": self._accessor(_small(numbers)),
                    "faces": [
                        _face_json(number, shape.surfaces[face])
                        for number, face in enumerate(faces)
                    ],
                }
            },
        }

    def _accessor(self, array: np.ndarray, target: int | None = None) -> int:
        block = np.ascontiguousarray(array).tobytes()
        view = {"buffer": 0, "byteOffset": self._length, "byteLength": len(block)}
        self._views.append(view | ({"target": target} if target else {}))
        self._accessors.append(
            {
                "bufferView": len(self._views) - 1,
                "componentType": _COMPONENTS[array.dtype],
                "count": len(array),
                "type": "SCALAR" if array.ndim == 1 else "VEC3",
            }
        )
        block += bytes(-len(block) % 4)  # a view of floats must start at a multiple
        self._blocks.append(block)
        self._length += len(block)
        return len(self._accessors) - 1


def _small(array: np.ndarray) -> np.ndarray:
    """Return whole numbers in the smallest type that glTF takes for indices.

    65 535 itself is reserved there, as the mark of a new strip.
    """
    return array.astype(np.uint16 if array.max(initial=0) < 65_535 else np.uint32)


def _node_json(node: Node) -> dict:
    described: dict = {"name": node.name} if node.name else {}
    if node.matrix is not None:
        described["matrix"] = node.matrix.T.ravel().tolist()
    if node.shape is not None:
        described["mesh"] = node.shape
    if node.children:
        described["children"] = node.children
    if node.extras:
        described["extras"] = node.extras
    return described


def _material(rgba: np.ndarray | None = None) -> dict:
    described: dict = {
        "pbrMetallicRoughness": {"metallicFactor": 0},
        "doubleSided": True,
    }
    if rgba is not None:
        described["pbrMetallicRoughness"]["baseColorFactor"] = rgba.tolist()
        if rgba[3] < 1:
            described["alphaMode"] = "BLEND"
    return described


def _face_json(number: int, surface: dict | None) -> dict | None:
    if surface is None:
        return None
    return {key: _rounded(value) for key, value in surface.items()} | {
        "face_index": number
    }


def _rounded(value):
    """Round to a nanometre: the kernel's 17 digits double the size of the file."""
    if isinstance(value, float):
        return round(value, 9) + 0.0 if isfinite(value) else None  # + 0.0: no -0.0
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value

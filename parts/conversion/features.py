"""Find the holes of a shape and the walls of sheets and tubes, in mm.

They are read from faces that are planes or cylinders, which ``surfaces.complete``
has named, and from the side on which the triangles show their material.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from .glb import Shape
from .solid import MM, Mesh, sums
from .surfaces import FULL_TURN, Vertices, across, widest_gaps

SAME_MM = 0.005  # distances, radii and axes this close are one
_SAME_DIRECTION = 1e-4
_WIDEST_STEP = 0.7  # radians between vertices all around; the mesh has 0.3 or less
_TUBE_WALL = 0.3  # thickest wall of a round tube, in parts of its outer radius
_MOST = 64  # directions, and faces of a direction, out of which walls are sought
_CHAIN = 4


@dataclass(frozen=True)
class Wall:
    """Material between two faces, and the area of the two, in mm and mm²."""

    thickness: float
    area: float


@dataclass(frozen=True)
class Planes:
    """The plane faces of a shape, those on one level as one; a row for each."""

    axes: np.ndarray  # (p,) number of the direction, either way
    is_ahead: np.ndarray  # (p,) whether the outside is that way
    levels: np.ndarray  # (p,) mm along the direction
    areas: np.ndarray  # (p,) mm²

    @classmethod
    def of(cls, shape: Shape, mesh: Mesh) -> "Planes":
        faces = _faces(shape, "plane")
        rows, chosen = _triangles(shape, faces)
        flat = sums(rows, mesh.flat[chosen], len(faces))
        areas = np.maximum(np.linalg.norm(flat, axis=1), 1e-12)
        weighted = mesh.centres[chosen] * mesh.areas[chosen, None]
        centres = sums(rows, weighted, len(faces)) / areas[:, None]
        directions, is_ahead = _turned(flat / areas[:, None])
        levels = np.sum(directions * centres, axis=1)
        axes = same(directions, _SAME_DIRECTION)
        one = same(np.column_stack([axes, is_ahead, levels]), SAME_MM)
        _, first = np.unique(one, return_index=True)
        return cls(axes[first], is_ahead[first], levels[first], np.bincount(one, areas))


@dataclass(frozen=True)
class Cylinders:
    """The cylinder faces of a shape; a row for each."""

    faces: np.ndarray  # (c,) numbers
    axes: np.ndarray  # (c, 3) unit
    feet: np.ndarray  # (c, 3) mm, where the axis passes the middle of the shape
    radii: np.ndarray  # (c,) mm
    turns: np.ndarray  # (c,) radians that the face goes around
    is_hollow: np.ndarray  # (c,) whether the outside is towards the axis
    areas: np.ndarray  # (c,) mm²

    @classmethod
    def of(cls, shape: Shape, mesh: Mesh) -> "Cylinders":
        faces = _faces(shape, "cylinder")
        described = [shape.surfaces[face] for face in faces]
        axes = np.array([cylinder["axis"] for cylinder in described]).reshape(-1, 3)
        axes, _ = _turned(axes)
        origins = np.array([cylinder["origin"] for cylinder in described])
        angles = np.array([cylinder["extent_angle"] for cylinder in described])
        feet = across(origins.reshape(-1, 3) * MM - mesh.middle, axes)
        rows, chosen = _triangles(shape, faces)
        outwards = mesh.centres[chosen] - mesh.middle - feet[rows]
        sides = np.sum(across(outwards, axes[rows]) * mesh.flat[chosen], axis=1)
        return cls(
            faces=faces,
            axes=axes,
            feet=feet,
            radii=np.array([cylinder["radius"] for cylinder in described]) * MM,
            turns=np.ptp(angles.reshape(-1, 2), axis=1),
            is_hollow=np.bincount(rows, sides, len(faces)) < 0,
            areas=np.bincount(rows, mesh.areas[chosen], len(faces)),
        )


def holes(shape: Shape, mesh: Mesh, cylinders: Cylinders) -> list[float]:
    """Return the diameter of each round hole.

    Hollow cylinders on one axis and of one radius are one hole, such as a hole
    through both walls of a tube, if together they close a full turn.
    """
    hollow = np.flatnonzero(cylinders.is_hollow)
    if not len(hollow):
        return []
    numbers = _coaxial(cylinders, hollow, cylinders.radii[hollow])
    _, leaders = np.unique(numbers, return_index=True)
    leaders = hollow[leaders]
    turns = np.bincount(numbers, cylinders.turns[hollow])

    # Corners of equal pockets one below the other add up to a full turn as well,
    # but leave most of the way around the axis open.
    vertices = Vertices.of(shape)
    number_of = np.full(len(shape.surfaces), -1)
    number_of[cylinders.faces[hollow]] = numbers
    owners = number_of[vertices.faces][vertices.rows]
    chosen = np.flatnonzero(owners >= 0)
    owners = owners[chosen]
    local = vertices.points[chosen] * MM - mesh.middle - cylinders.feet[leaders][owners]
    right, ahead = _frames(cylinders.axes[leaders])
    angles = np.arctan2(
        np.sum(local * ahead[owners], axis=1), np.sum(local * right[owners], axis=1)
    )
    is_whole = turns > FULL_TURN * 0.999
    is_whole &= widest_gaps(owners, angles)[:, 0] < _WIDEST_STEP
    return (2 * cylinders.radii[leaders][is_whole]).tolist()


def walls(planes: Planes, cylinders: Cylinders) -> list[Wall]:
    """Return all pairs of faces that look away from each other."""
    return [*_flat_walls(planes), *_round_walls(cylinders)]


def same(columns: np.ndarray, tolerances: float | tuple[float, ...]) -> np.ndarray:
    """Number the (n,) or (n, k) rows so that nearly equal ones have one number.

    Values are equal that no gap wider than the tolerance parts; rounding would part
    some that lie on either side of a half. Long chains of values, as in a mesh of
    thousands of planes, are cut into pieces of ``_CHAIN`` tolerances.
    """
    if not len(columns):
        return np.zeros(0, np.int64)
    scaled = np.reshape(columns, (len(columns), -1)) / tolerances
    order = np.argsort(scaled, axis=0)
    ordered = np.take_along_axis(scaled, order, axis=0)
    is_start = np.diff(ordered, axis=0, prepend=-np.inf) > 1
    starts = np.maximum.accumulate(np.where(is_start, ordered, -np.inf), axis=0)
    pieces = np.cumsum(is_start, axis=0), (ordered - starts) // _CHAIN
    labels = np.empty((2, *scaled.shape), np.int64)
    for label, piece in zip(labels, pieces, strict=True):
        np.put_along_axis(label, order, piece.astype(np.int64), axis=0)
    return np.unique(np.hstack(labels), axis=0, return_inverse=True)[1].ravel()


def _flat_walls(planes: Planes) -> Iterator[Wall]:
    for axis in _largest(planes.axes, planes.areas):
        level = np.flatnonzero(planes.axes == axis)
        level = level[np.argsort(-planes.areas[level])]
        ahead = level[planes.is_ahead[level]][:_MOST]
        behind = level[~planes.is_ahead[level]][:_MOST]
        for top, bottom in product(ahead, behind):
            thickness = planes.levels[top] - planes.levels[bottom]
            if thickness > SAME_MM:
                area = min(planes.areas[top], planes.areas[bottom])
                yield Wall(float(thickness), float(2 * area))


def _round_walls(cylinders: Cylinders) -> Iterator[Wall]:
    numbers = _coaxial(cylinders, np.arange(len(cylinders.faces)))
    for number in _largest(numbers, cylinders.areas):
        row = np.flatnonzero(numbers == number)
        row = row[np.argsort(-cylinders.areas[row])]
        outer = row[~cylinders.is_hollow[row]][:_MOST]
        inner = row[cylinders.is_hollow[row]][:_MOST]
        for tube, bore in product(outer, inner):
            thickness = cylinders.radii[tube] - cylinders.radii[bore]
            if SAME_MM < thickness <= _TUBE_WALL * cylinders.radii[tube]:
                area = min(cylinders.areas[tube], cylinders.areas[bore])
                yield Wall(float(thickness), float(2 * area))


def _largest(groups: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Return the groups that hold most area, no more than ``_MOST``."""
    return np.argsort(-np.bincount(groups, areas))[:_MOST]


def _coaxial(
    cylinders: Cylinders, rows: np.ndarray, radii: np.ndarray | float = 0
) -> np.ndarray:
    """Number the cylinders of ``rows`` by axis, and by ``radii`` if there are any."""
    columns = np.column_stack(
        [cylinders.axes[rows], cylinders.feet[rows], np.broadcast_to(radii, len(rows))]
    )
    return same(columns, (_SAME_DIRECTION,) * 3 + (SAME_MM,) * 4)


def _faces(shape: Shape, kind: str) -> np.ndarray:
    """Return the numbers of the faces of a kind."""
    return np.array(
        [
            number
            for number, surface in enumerate(shape.surfaces)
            if surface and surface["type"] == kind
        ],
        np.int64,
    )


def _triangles(shape: Shape, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows in ``faces`` that triangles belong to, and those triangles."""
    row_of = np.full(len(shape.surfaces), -1)
    row_of[faces] = np.arange(len(faces))
    rows = row_of[shape.faces]
    chosen = np.flatnonzero(rows >= 0)
    return rows[chosen], chosen


def _turned(directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn (n, 3) unit vectors so that opposite ones become equal.

    Returns:
        the vectors, and whether each stands as it did.
    """
    decisive = np.argmax(np.abs(directions) > _SAME_DIRECTION, axis=1)
    stands = np.take_along_axis(directions, decisive[:, None], axis=1).ravel() > 0
    return np.where(stands[:, None], directions, -directions), stands


def _frames(axes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two (n, 3) unit vectors across each of the (n, 3) unit ``axes``."""
    helper = np.eye(3)[np.argmin(np.abs(axes), axis=1)]
    right = np.cross(axes, helper)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    return right, np.cross(axes, right)

"""Recognise what each B-rep face of a shape is, and what is no part of the part.

cascadio names the faces of the first colour of a part only, and none in files of
triangles or where a CAD system wrote a hole as a spline (measured with 0.1.1). But
vertices lie on the true surface and carry its normal, so that planes and cylinders
can be found again from them.
"""

from dataclasses import dataclass, replace

import numpy as np

from .glb import Scene, Shape, select

FULL_TURN = 2 * np.pi

_OFF_M = 5e-6  # how far a vertex may lie from its surface; exact ones show 3e-6
_LEAN = 1e-3  # how far a normal may lean, in radians; exact ones show 1e-6
_BEND = 0.02  # how far the normals of a face must turn to be no plane, in radians


@dataclass(frozen=True)
class Vertices:
    """The vertices of a shape in the order of the faces they belong to."""

    points: np.ndarray  # (v, 3) float64, metres
    normals: np.ndarray  # (v, 3) float64
    faces: np.ndarray  # (f,) the faces that have vertices, ascending
    rows: np.ndarray  # (v,) the row of each vertex's face in ``faces``

    @classmethod
    def of(cls, shape: Shape) -> "Vertices":
        """Sort the vertices of ``shape`` that triangles use."""
        owners = np.full(len(shape.points), -1, np.int32)
        for corner in shape.triangles.T:
            owners[corner] = shape.faces
        used = np.flatnonzero(owners >= 0)
        order = used[np.argsort(owners[used], kind="stable")]
        faces, rows = np.unique(owners[order], return_inverse=True)
        points, normals = shape.points[order], shape.normals[order]
        return cls(points.astype(float), normals.astype(float), faces, rows)

    def total(self, values: np.ndarray) -> np.ndarray:
        """Add up (v, …) values by face."""
        return np.add.reduceat(values, self._starts)

    def limits(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and the greatest of (v,) values by face."""
        return (
            np.minimum.reduceat(values, self._starts),
            np.maximum.reduceat(values, self._starts),
        )

    @property
    def _starts(self) -> np.ndarray:
        return np.searchsorted(self.rows, np.arange(len(self.faces)))


def complete(scene: Scene) -> Scene:
    """Return ``scene`` with every plane and cylinder described in ``surfaces``.

    Sheets without thickness beside a body are left out. They are planes of
    construction, which AP242 files bring along as supplemental geometry.
    """
    is_body = [not _is_flat(shape) for shape in scene.shapes]
    if any(is_body):
        scene = select(scene, is_body)
    shapes = [_turn_outside_out(shape) for shape in scene.shapes]
    shapes = [replace(shape, surfaces=recognise(shape)) for shape in shapes]
    return replace(scene, shapes=shapes)


def recognise(shape: Shape) -> list[dict | None]:
    """Describe each face of ``shape`` as ``TM_brep_faces`` does, in metres.

    What the kernel says of a plane or a cylinder stands where the vertices agree;
    the kernel's word on other surfaces is taken. A found cylinder's
    ``extent_angle`` starts at 0, for the format names no direction to start from.
    """
    vertices = Vertices.of(shape)
    surfaces = list(shape.surfaces)
    for face in vertices.faces[~_fits(vertices, surfaces)]:
        surfaces[face] = None
    missing = np.array([surfaces[face] is None for face in vertices.faces])
    if missing.any():
        for face, found in _find(vertices, missing).items():
            surfaces[face] = found
    return surfaces


def widest_gaps(groups: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Return the widest and the second widest gap around each group, as (g, 2).

    Args:
        groups: (v,) numbers, each from 0 to their maximum twice at least.
        angles: (v,) radians within one turn.
    """
    order = np.lexsort((angles, groups))
    groups, angles = groups[order], angles[order]
    ends = np.cumsum(np.bincount(groups)) - 1
    starts = np.append(0, ends[:-1] + 1)
    following = np.append(angles[1:], 0)
    following[ends] = angles[starts] + FULL_TURN
    gaps = following - angles
    gaps = gaps[np.lexsort((gaps, groups))]
    return np.column_stack([gaps[ends], gaps[ends - 1]])


def across(points: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Return (v, 3) ``points`` without their part along the (v, 3) unit ``axes``."""
    return points - np.sum(points * axes, axis=1, keepdims=True) * axes


def _is_flat(shape: Shape) -> bool:
    points = shape.points[np.unique(shape.triangles)].astype(float)
    points -= points.mean(axis=0)
    _, axes = np.linalg.eigh(points.T @ points)
    return bool(np.ptp(points @ axes[:, 0]) <= 2 * _OFF_M)


def _turn_outside_out(shape: Shape) -> Shape:
    """Return ``shape`` with its triangles and normals facing away from its inside.

    Files of triangles may have them the other way round (NIST's FTC 08 has).
    """
    a, b, c = shape.points[shape.triangles.T].astype(float)
    flat = np.cross(b - a, c - a)
    middle = (shape.points.min(axis=0) + shape.points.max(axis=0)) / 2
    if np.sum((a + b + c - 3 * middle) * flat) < 0:
        flat = -flat
        shape = replace(shape, triangles=shape.triangles[:, ::-1])
    if np.sum(shape.normals[shape.triangles] * flat[:, None]) < 0:
        shape = replace(shape, normals=-shape.normals)
    return shape


def _fits(vertices: Vertices, surfaces: list[dict | None]) -> np.ndarray:
    """Tell of each row whether the description, if it can be checked, is true."""
    described = [surfaces[face] or {} for face in vertices.faces]
    kinds = np.array([surface.get("type", "") for surface in described])
    origins = np.array([surface.get("origin", (0, 0, 0)) for surface in described])
    axes = np.array(
        [
            surface.get("normal") or surface.get("axis") or (0, 0, 1)
            for surface in described
        ]
    )
    radii = np.array([surface.get("radius", 0) for surface in described])
    rows = vertices.rows
    local = vertices.points - origins[rows]
    height = np.abs(np.sum(local * axes[rows], axis=1))
    reach = np.linalg.norm(across(local, axes[rows]), axis=1)
    off = np.where(kinds[rows] == "plane", height, np.abs(reach - radii[rows]))
    worst = vertices.limits(off)[1]
    return ~np.isin(kinds, ("plane", "cylinder")) | (worst <= _OFF_M)


def _find(vertices: Vertices, wanted: np.ndarray) -> dict[int, dict]:
    """Describe the planes and cylinders among the (f,) ``wanted`` rows.

    The normals of a plane are one direction, those of a cylinder lie in a plane:
    both show in the eigenvalues of their second moments.
    """
    chosen = wanted[vertices.rows]
    numbers, rows = np.unique(vertices.rows[chosen], return_inverse=True)
    faces = vertices.faces[numbers]
    some = Vertices(vertices.points[chosen], vertices.normals[chosen], faces, rows)
    counts = np.bincount(rows)
    centres = some.total(some.points) / counts[:, None]
    outer = some.normals[:, :, None] * some.normals[:, None, :]
    leans, frames = np.linalg.eigh(some.total(outer) / counts[:, None, None])
    # The columns of a frame, along which u, v, w are coordinates: of a plane the
    # normal is the last one, of a cylinder the axis is the first.
    local = some.points - centres[rows]
    u, v, w = np.einsum("vk,vkc->cv", local, frames[rows])
    u_low, u_high = some.limits(u)
    v_low, v_high = some.limits(v)
    w_low, w_high = some.limits(w)
    is_plane = (leans[:, 1] < _LEAN**2) & (w_high - w_low <= 2 * _OFF_M)

    middles, radii, off = _circles(some, v, w)
    is_cylinder = (leans[:, 0] < _LEAN**2) & (leans[:, 1] > _BEND**2) & (off <= _OFF_M)
    angles = np.arctan2(w - middles[rows, 1], v - middles[rows, 0])
    gap, step = widest_gaps(rows, angles).T
    turns = np.where(gap < 1.5 * step, FULL_TURN, FULL_TURN - gap)
    origins = centres + np.einsum("fc,fkc->fk", middles, frames[:, :, 1:])

    found: dict[int, dict] = {}
    for row in np.flatnonzero(is_plane):
        found[int(faces[row])] = {
            "type": "plane",
            "origin": centres[row].tolist(),
            "normal": frames[row, :, 2].tolist(),
            "x_dir": frames[row, :, 0].tolist(),
            "extent_x": [float(u_low[row]), float(u_high[row])],
            # The frame may be left-handed; the format's y is normal × x.
            "extent_y": _signed(frames[row], float(v_low[row]), float(v_high[row])),
        }
    for row in np.flatnonzero(is_cylinder & ~is_plane):
        found[int(faces[row])] = {
            "type": "cylinder",
            "origin": origins[row].tolist(),
            "axis": frames[row, :, 0].tolist(),
            "radius": float(radii[row]),
            "extent_angle": [0.0, float(turns[row])],
            "extent_height": [float(u_low[row]), float(u_high[row])],
        }
    return found


def _signed(frame: np.ndarray, low: float, high: float) -> list[float]:
    """Return limits along a frame's second column as limits along third × first."""
    return [low, high] if np.linalg.det(frame) > 0 else [-high, -low]


def _circles(
    some: Vertices, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay a circle through the (v,) points ``x``, ``y`` of each face.

    Returns:
        (f, 2) centres, (f,) radii, (f,) distances of the farthest point.
    Source: I. Kåsa, A circle fitting procedure and its error analysis, 1976.
    """
    rows = some.rows
    scale = np.maximum(some.limits(np.hypot(x, y))[1], 1e-12)
    xs, ys = x / scale[rows], y / scale[rows]
    columns = np.stack([xs, ys, np.ones_like(xs)], axis=1)
    normal = some.total(columns[:, :, None] * columns[:, None, :])
    right = some.total(columns * (xs**2 + ys**2)[:, None])
    a, b, c = np.einsum("fij,fj->if", np.linalg.pinv(normal, hermitian=True), right)
    centres = np.stack([a, b], axis=1) / 2 * scale[:, None]
    radii = np.sqrt(np.maximum(c + (a**2 + b**2) / 4, 0)) * scale
    reach = np.hypot(x - centres[rows, 0], y - centres[rows, 1])
    return centres, radii, some.limits(np.abs(reach - radii[rows]))[1]

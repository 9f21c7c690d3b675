"""Draw a scene as a small technical illustration, with nothing but numpy and Pillow.

Renderers need GL libraries that a bare server lacks, and hundreds of megabytes
(measured: f3d, VTK, OCP). This is a z-buffer in numpy: triangles are cut into the
rows of samples they cover, rows into samples, and the nearest one wins. Edges are
then found in the picture, where face, part or depth change from one sample to the
next, and drawn dark over soft light.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .glb import Scene, Shape

WIDTH, HEIGHT = 480, 360
_SAMPLES = 2  # along each side of a pixel
_MARGIN = 0.05  # of width and height, on every side
_BATCH = 250_000  # samples that are worked on at once: some 40 MB

_EYE = np.array([1, -1.15, 0.85])  # where the viewer stands too; Z is up
_LIGHT = np.array([-0.25, -0.45, 0.90])

_STEEL = np.array([0.80, 0.82, 0.845])  # sRGB of what has no colour
_INK = np.array([0.11, 0.125, 0.15], np.float32)
_SMOOTH = 0.97  # cosine between faces that meet without a line
_STEP = 3.0  # samples of depth from which a line parts what lies behind
_OUTLINE, _CREASE = 0.85, 0.6  # how much of the ink covers the colour
_COARSE = 4  # samples along a side of what is soft: the light in crevices
_CREVICES = (2, 6)  # how far around a place is compared, in coarse squares
_THIN = 1e-6  # twice the area in samples up to which a triangle is seen edgeways
_RIM = _COARSE  # around what is seen: light is interpolated between squares

_ALL, _BUT_LAST, _BUT_FIRST = slice(None), slice(None, -1), slice(1, None)
_NEIGHBOURS = (
    ((_ALL, _BUT_LAST), (_BUT_LAST, _ALL)),
    ((_ALL, _BUT_FIRST), (_BUT_FIRST, _ALL)),
)
"""Samples of a frame, and beside each the one to its right and the one below."""


@dataclass(frozen=True)
class View:
    """One instance as the eye sees it, in samples: right, down, away."""

    part: int
    is_solid: bool  # so that no triangle can be seen from behind
    points: np.ndarray  # (n, 3)
    normals: np.ndarray  # (n, 3)
    triangles: np.ndarray  # (m, 3)
    faces: np.ndarray  # (m,)
    colours: np.ndarray  # (m, 3) sRGB


class Frame:
    """What is nearest to the eye at each sample, row by row from the top."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        size = width * height
        self.depths = np.full(size, np.inf, np.float32)
        self.normals = np.zeros((size, 3), np.float32)
        self.colours = np.zeros((size, 3), np.float32)
        self.faces = np.full(size, -1, np.int32)
        self.parts = np.full(size, -1, np.int32)
        self._triangles = np.full(size, -1, np.int32)  # of the part's view

    def add(self, view: View) -> None:
        """Note where ``view`` is nearer than what was there."""
        corners = view.points[view.triangles]
        if view.is_solid:
            shown = np.flatnonzero(_facing(corners) > -_THIN)
            corners = corners[shown]
        else:
            shown = np.arange(len(corners))
        for chosen in _batches(corners):
            self._add(view.part, shown[chosen], corners[chosen])

    def _add(self, part: int, chosen: np.ndarray, corners: np.ndarray) -> None:
        owners, rows, leftmost, rightmost = _cover(corners, self.width, self.height)
        first = corners[:, 0]
        b, c = corners[:, 1] - first, corners[:, 2] - first
        area = _area(b, c)
        slope_right = (b[:, 2] * c[:, 1] - c[:, 2] * b[:, 1]) / area
        slope_down = (c[:, 2] * b[:, 0] - b[:, 2] * c[:, 0]) / area
        down = rows.astype(np.float32) + 0.5 - first[owners, 1]
        at_first = first[owners, 2] + slope_down[owners] * down
        nearest, farthest = corners[:, :, 2].min(axis=1), corners[:, :, 2].max(axis=1)

        # Of each line to its samples: repeated, which takes a fourth of looking each
        # of them up (measured). Most samples are hidden in the end by others.
        counts = np.maximum(rightmost - leftmost + 1, 0)
        lines, columns = _spread(leftmost, rightmost)
        right = columns + np.repeat(0.5 - first[owners, 0], counts)
        depths = np.repeat(slope_right[owners], counts)
        depths *= right
        depths += np.repeat(at_first, counts)
        # A triangle seen from its side has any slope.
        np.maximum(depths, np.repeat(nearest[owners], counts), out=depths)
        np.minimum(depths, np.repeat(farthest[owners], counts), out=depths)

        places = np.repeat(rows * self.width, counts) + columns
        np.minimum.at(self.depths, places, depths)
        won = np.flatnonzero(depths == self.depths[places])
        self._triangles[places[won]] = chosen[owners[lines[won]]]
        self.parts[places[won]] = part

    def seen(self) -> dict[int, np.ndarray]:
        """Return of each part that can be seen the places where it is nearest."""
        places = np.flatnonzero(self.parts >= 0).astype(np.int32)
        places = places[np.argsort(self.parts[places], kind="stable")]
        parts, starts = np.unique(self.parts[places], return_index=True)
        return dict(zip(parts.tolist(), np.split(places, starts)[1:], strict=True))

    def paint(self, view: View, places: np.ndarray) -> None:
        """Fill in what ``view`` looks like where it is nearest."""
        triangles = self._triangles[places]
        corners = view.points[view.triangles][triangles]
        first, second, third = corners.transpose(1, 0, 2)
        b, c = second - first, third - first
        area = _area(b, c)
        right = (places % self.width).astype(np.float32) + 0.5 - first[:, 0]
        down = (places // self.width).astype(np.float32) + 0.5 - first[:, 1]
        along_b = (right * c[:, 1] - down * c[:, 0]) / area
        along_c = (down * b[:, 0] - right * b[:, 1]) / area
        np.clip(along_b, 0, 1, out=along_b)
        np.clip(along_c, 0, 1 - along_b, out=along_c)
        n0, n1, n2 = view.normals[view.triangles][triangles].transpose(1, 0, 2)
        normals = n0 + along_b[:, None] * (n1 - n0) + along_c[:, None] * (n2 - n0)
        self.normals[places] = normals
        self.colours[places] = view.colours[triangles]
        self.faces[places] = view.faces[triangles]

    def cut(self, rows: slice, columns: slice) -> "Frame":
        """Return what is in these rows and columns as a frame of its own."""
        part = Frame(columns.stop - columns.start, rows.stop - rows.start)
        for name in ("depths", "normals", "colours", "faces", "parts"):
            values = getattr(self, name)
            whole = values.reshape(self.height, self.width, *values.shape[1:])
            cut = whole[rows, columns].reshape(-1, *values.shape[1:])
            setattr(part, name, cut)
        return part


def _around(frame: Frame) -> tuple[slice, slice]:
    """Return the rows and columns of what is seen, and of what its light depends on."""
    hit = (frame.parts >= 0).reshape(frame.height, frame.width)
    found = []
    for axis, end in ((1, frame.height), (0, frame.width)):
        places = np.flatnonzero(hit.any(axis))
        first = places[0] // _COARSE * _COARSE - _RIM
        last = -(-(places[-1] + 1) // _COARSE) * _COARSE + _RIM
        found.append(slice(max(0, int(first)), min(end, int(last))))
    rows, columns = found
    return rows, columns


def _area(b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Return twice the area between sides; of what is seen from its side, inf."""
    area = b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0]
    return np.where(np.abs(area) > _THIN, area, np.inf).astype(np.float32)


def _facing(corners: np.ndarray) -> np.ndarray:
    """Return twice the area of (m, 3, 3) triangles; less than 0 from behind."""
    b, c = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return b[:, 1] * c[:, 0] - b[:, 0] * c[:, 1]


def draw(scene: Scene, path: Path, solid: Sequence[bool] = ()) -> None:
    """Write the picture of ``scene`` to ``path``: a PNG on transparent ground.

    ``solid`` tells of each shape whether it is closed and its outside CCW; then
    half of its triangles need not be drawn.
    """
    samples = render(scene, WIDTH * _SAMPLES, HEIGHT * _SAMPLES, solid)
    rgba = _means(samples, _SAMPLES)
    rgba[..., :3] /= np.maximum(rgba[..., 3:], 1e-6)  # samples count as they cover
    pixels = (rgba.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    Image.fromarray(pixels).save(path)  # 2 % more bytes than optimize=True, at once


def render(
    scene: Scene, width: int, height: int, solid: Sequence[bool] = ()
) -> np.ndarray:
    """Return (height, width, 4) float samples: colour times cover, and cover.

    ``width`` and ``height`` are multiples of 4; ``solid`` is as in ``draw``.
    """
    solid = solid or [False] * len(scene.shapes)
    frame = Frame(width, height)
    for view in _views(scene, width, height, solid):
        frame.add(view)
    # Once more, for what is seen in the end, which may be an eighth of what was drawn
    # (of four bodies 0.34 s instead of 0.49). To keep the views would take memory.
    seen = frame.seen()
    for view in _views(scene, width, height, solid):
        if view.part in seen:
            frame.paint(view, seen[view.part])
    samples = np.zeros((height, width, 4), np.float32)
    if seen:
        rows, columns = _around(frame)
        samples[rows, columns] = _shade(frame.cut(rows, columns))
    return samples


def _views(
    scene: Scene, width: int, height: int, solid: Sequence[bool]
) -> Iterator[View]:
    """Turn all instances towards the eye, so that they fill the frame together."""
    instances = scene.instances()
    turn = _rotation()
    limits = [_limits(scene.shapes[i.shape], turn @ i.matrix[:3]) for i in instances]
    low = np.min([low for low, _ in limits], axis=0)
    high = np.max([high for _, high in limits], axis=0)
    sides = np.array([width, height]) * (1 - 2 * _MARGIN)
    scale = np.min(sides / np.maximum(high - low, 1e-9)[:2])
    middle = np.array([width / 2, height / 2, 0]) - scale * (low + high) / 2
    palette = _palette(scene)
    count = 0
    for part, instance in enumerate(instances):
        shape = scene.shapes[instance.shape]
        matrix = turn @ instance.matrix[:3]
        yield View(
            part=part,
            # In a mirror, CCW is the inside.
            is_solid=solid[instance.shape] and np.linalg.det(matrix[:, :3]) > 0,
            points=(
                scale * (shape.points @ matrix[:, :3].T + matrix[:, 3]) + middle
            ).astype(np.float32),
            normals=shape.normals @ matrix[:, :3].T.astype(np.float32),
            triangles=shape.triangles,
            faces=shape.faces + np.int32(count),
            colours=palette[shape.paints],
        )
        count += len(shape.surfaces)


def _rotation() -> np.ndarray:
    """Return the (3, 3) turn from the scene to right, down, away from the eye."""
    eye = _EYE / np.linalg.norm(_EYE)
    right = np.cross([0, 0, 1], eye)
    right /= np.linalg.norm(right)
    return np.array([right, np.cross(right, eye), -eye])


def _limits(shape: Shape, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    points = shape.points @ matrix[:, :3].T + matrix[:, 3]
    return points.min(axis=0), points.max(axis=0)


def _palette(scene: Scene) -> np.ndarray:
    """Return the sRGB of each colour, lifted off black; the last is for no colour."""
    linear = scene.palette[:, :3]
    encoded = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    # Black parts must not drown their lines, nor themselves in a dark page.
    darkness = 1 - encoded @ np.array([0.30, 0.59, 0.11])
    lift = 0.08 + 0.32 * darkness[:, None] ** 2
    return np.vstack([lift + (0.93 - lift) * encoded, _STEEL]).astype(np.float32)


def _batches(corners: np.ndarray) -> Iterator[np.ndarray]:
    """Split (m, 3, 3) triangles by about ``_BATCH`` samples that they cover."""
    inside = np.abs(_facing(corners)) / 2
    rows = np.ptp(corners[:, :, 1], axis=1)
    total = np.cumsum(inside + rows + 1, dtype=np.float64)
    cuts = np.searchsorted(total, np.arange(_BATCH, total.max(initial=0), _BATCH))
    yield from np.split(np.arange(len(corners)), cuts)


def _cover(
    corners: np.ndarray, width: int, height: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cut (t, 3, 3) ``corners`` into the lines of samples inside.

    Returns:
        Triangle, row, first and last column of each; the last may be before the first.
    """
    x, y = corners[:, :, 0], corners[:, :, 1]
    top = np.ceil(y.min(axis=1) - 0.5).clip(0).astype(np.int32)
    bottom = np.floor(y.max(axis=1) - 0.5).clip(None, height - 1).astype(np.int32)
    owners, rows = _spread(top, bottom)
    # Where each row crosses the sides of its triangle.
    heights = rows.astype(np.float32) + 0.5
    left = np.full(len(rows), np.inf, np.float32)
    right = np.full(len(rows), -np.inf, np.float32)
    for start, end in ((0, 1), (1, 2), (2, 0)):
        rise = y[:, end] - y[:, start]
        run = (x[:, end] - x[:, start]) / np.where(rise == 0, np.inf, rise)
        above = heights - y[owners, start]
        crosses = (above < 0) != (heights < y[owners, end])
        at = x[owners, start] + run[owners] * above
        np.minimum(left, at, out=left, where=crosses)
        np.maximum(right, at, out=right, where=crosses)
    # A hair wider, so that no sample falls between two triangles.
    leftmost = np.ceil(left - 0.501).clip(0, width).astype(np.int32)
    rightmost = np.floor(right - 0.499).clip(-1, width - 1).astype(np.int32)
    return owners, rows, leftmost, rightmost


def _spread(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """List all whole numbers from each ``first`` to its ``last``, with its row."""
    counts = np.maximum(last - first + 1, 0)
    owners = np.repeat(np.arange(len(first), dtype=np.int32), counts)
    starts = np.cumsum(counts, dtype=np.int32) - counts
    numbers = np.arange(len(owners), dtype=np.int32) - (starts - first)[owners]
    return owners, numbers


def _shade(frame: Frame) -> np.ndarray:
    """Return (h, w, 4): the colours in soft light, lines over them, and cover."""
    hit = np.flatnonzero(frame.parts >= 0)
    normals = frame.normals[hit]
    lengths = np.sqrt(np.einsum("ij,ij->i", normals, normals))
    normals /= np.maximum(lengths, 1e-12)[:, None]
    normals *= np.where(normals[:, 2:] > 0, -1, 1)  # towards the eye
    frame.normals[hit] = normals
    light = _rotation() @ (_LIGHT / np.linalg.norm(_LIGHT))
    tone = 0.78 + 0.24 * (normals @ light.astype(np.float32))
    tone *= _crevices(frame).ravel()[hit]
    colours = frame.colours[hit] * tone[:, None]
    ink = _ink(frame).ravel()[hit][:, None]
    colours += ink * (_INK - colours)
    samples = np.zeros((frame.height * frame.width, 4), np.float32)
    samples[hit, :3] = colours
    samples[hit, 3] = 1
    return samples.reshape(frame.height, frame.width, 4)


def _crevices(frame: Frame) -> np.ndarray:
    """Return how much light reaches each sample past what stands around it.

    What lies deeper than its surroundings on average is darker.
    Source: T. Luft et al., Image Enhancement by Unsharp Masking the Depth Buffer.
    """
    size = frame.height, frame.width
    hit = (frame.parts >= 0).astype(np.float32).reshape(size)
    depths = np.where(hit > 0, frame.depths.reshape(size), np.float32(0))
    right, down = (slope.clip(-3, 3) for slope in _slopes(frame))
    x = np.arange(frame.width, dtype=np.float32)
    y = np.arange(frame.height, dtype=np.float32)[:, None]
    fields = np.stack([_means(f, _COARSE) for f in (hit, x * hit, y * hit, depths)])
    light = np.ones(size, np.float32)
    for radius in _CREVICES:
        share, *sums = _blur(fields, radius)
        share = np.maximum(share, 1e-6)
        mean_x, mean_y, around = (_fine(field / share, size) for field in sums)
        # Near the rim the surroundings lie to one side: compare with where the
        # middle of them would be on the same plane.
        level = depths + right * (mean_x - x) + down * (mean_y - y)
        deeper = (level - around) / (2.5 * _COARSE * radius)
        light -= 0.22 * deeper.clip(0, 1)
    return light


def _means(values: np.ndarray, side: int) -> np.ndarray:
    """Return the means of squares of (h, w, …) values, ``side`` long each way."""
    # A sum of slices takes a fifth of what mean() does over two axes (measured).
    rows = sum(values[n::side] for n in range(side))
    return sum(rows[:, n::side] for n in range(side)) / np.float32(side * side)


def _fine(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return coarse values interpolated to (h, w) ``size``."""
    image = Image.fromarray(values.astype(np.float32))
    return np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR))


def _blur(fields: np.ndarray, radius: int) -> np.ndarray:
    """Return the means of the squares of ``radius`` around each value, twice over.

    Beyond the (k, h, w) ``fields`` all values are 0.
    """
    rows, columns = (_weights(size, radius) for size in fields.shape[1:])
    return rows @ fields @ columns


def _weights(size: int, radius: int) -> np.ndarray:
    """Return (size, size): how much of each value is in the mean around another.

    Means over 2r + 1 values, taken twice, are one mean with the weights of a tent.
    """
    width = 2 * radius + 1
    places = np.arange(size, dtype=np.float32)
    away = np.abs(places[:, None] - places)
    return np.maximum(width - away, 0) / np.float32(width * width)


def _slopes(frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Return how much deeper each surface gets, a sample to the right and down."""
    normals = frame.normals.reshape(frame.height, frame.width, 3)
    away = np.minimum(normals[..., 2], -0.01)
    return -normals[..., 0] / away, -normals[..., 1] / away


def _ink(frame: Frame) -> np.ndarray:
    """Return how dark the line at each sample is, from 0 to 1.

    Outlines are drawn on what is nearer, so that they never leave its cover.
    """
    size = frame.height, frame.width
    depths = frame.depths.reshape(size)
    normals = frame.normals.reshape(*size, 3)
    faces = frame.faces.reshape(size)
    parts = frame.parts.reshape(size)
    outlines, creases = np.zeros(size, bool), np.zeros(size, bool)
    joints = []
    for slope, here, there in zip(_slopes(frame), *_NEIGHBOURS, strict=True):
        with np.errstate(invalid="ignore"):  # nothing is inf away, from nothing nan
            rise = depths[there] - depths[here]
            step = np.minimum(np.abs(rise - slope[here]), np.abs(rise - slope[there]))
        outlines[here] |= (step > _STEP) & (rise > 0)
        outlines[there] |= (step > _STEP) & (rise < 0)
        is_joint = step <= _STEP
        bend = np.einsum("ijk,ijk->ij", normals[here], normals[there])
        is_crease = (faces[here] != faces[there]) & (bend < _SMOOTH)
        is_crease |= parts[here] != parts[there]
        creases[here] |= is_crease & is_joint
        creases[there] |= is_crease & is_joint
        joints.append(is_joint)
    thick = outlines.copy()
    for is_joint, here, there in zip(joints, *_NEIGHBOURS, strict=True):
        thick[here] |= outlines[there] & is_joint
        thick[there] |= outlines[here] & is_joint
    return np.where(thick, _OUTLINE, np.where(creases, _CREASE, 0)).astype(np.float32)

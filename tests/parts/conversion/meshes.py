"""Meshes with known measures, laid out as the kernel lays them out.

Lengths are in mm. Every face has vertices of its own, with the normals of the true
surface; neighbouring faces have equal corners.
"""

import numpy as np

from parts.conversion.glb import Node, Scene, Shape

UP, DOWN = (0, 0, 1), (0, 0, -1)


def make_shape(patches, *, name="part", paints=None, surfaces=None) -> Shape:
    """Return a shape of ``(points, normals, triangles)`` patches, one a face."""
    starts = np.cumsum([0, *(len(points) for points, _, _ in patches)])
    counts = [len(triangles) for _, _, triangles in patches]
    return Shape(
        name=name,
        points=np.concatenate([p for p, _, _ in patches]).astype(np.float32) / 1000,
        normals=np.concatenate([n for _, n, _ in patches]).astype(np.float32),
        triangles=np.concatenate(
            [
                np.array(t) + start
                for (_, _, t), start in zip(patches, starts[:-1], strict=True)
            ]
        ).astype(np.int32),
        faces=np.repeat(np.arange(len(patches)), counts).astype(np.int32),
        paints=np.repeat(
            np.full(len(patches), -1) if paints is None else paints, counts
        ).astype(np.int32),
        surfaces=surfaces or [None] * len(patches),
    )


def make_scene(*shapes, places=None, palette=()) -> Scene:
    """Return a scene of ``shapes``, each at the (shape, x, y, z) of ``places``."""
    nodes = []
    for shape, *offset in places or [(n, 0, 0, 0) for n in range(len(shapes))]:
        matrix = np.eye(4)
        matrix[:3, 3] = np.array(offset) / 1000
        nodes.append(Node("", matrix, shape, []))
    colours = np.array(palette, float).reshape(-1, 4)
    return Scene(list(shapes), nodes, list(range(len(nodes))), colours)


def rectangle(origin, u, v):
    """Return the patch from ``origin`` along ``u`` and ``v``; its outside is u × v."""
    origin, u, v = (np.array(vector, float) for vector in (origin, u, v))
    normal = np.cross(u, v)
    points = np.array([origin, origin + u, origin + u + v, origin + v])
    normals = np.tile(normal / np.linalg.norm(normal), (4, 1))
    return points, normals, [(0, 1, 2), (0, 2, 3)]


def box(x, y, z, at=(0, 0, 0)):
    """Return the six patches of a box with its lowest corner at ``at``."""
    low, high = np.array(at, float), np.array(at) + (x, y, z)
    u, v, w = np.diag([x, y, z]).astype(float)
    return [
        rectangle(low, v, u),
        rectangle(low, u, w),
        rectangle(low, w, v),
        rectangle(high, -u, -v),
        rectangle(high, -w, -u),
        rectangle(high, -v, -w),
    ]


def circle(radius, steps, *, start=0.0, turn=2 * np.pi):
    """Return (steps + 1, 2) points around the origin, the last one closing it."""
    angles = start + np.linspace(0, turn, steps + 1)
    points = radius * np.column_stack([np.cos(angles), np.sin(angles)])
    if turn == 2 * np.pi:
        points[-1] = points[0]
    return points


def square(half, steps):
    """Return as many points on a square as ``circle`` has, in the same directions."""
    points = circle(1, steps)
    return half * points / np.abs(points).max(axis=1, keepdims=True)


def ribbon(low, high, z_low, z_high, normals):
    """Return the patch between two (n, 2) lines on two levels; ``normals`` of both."""
    count = len(low)
    points = np.vstack(
        [
            np.column_stack([low, np.full(count, z_low)]),
            np.column_stack([high, np.full(count, z_high)]),
        ]
    )
    i = np.arange(count - 1)
    triangles = np.vstack(
        [
            np.column_stack([i, i + 1, i + count]),
            np.column_stack([i + 1, i + 1 + count, i + count]),
        ]
    )
    return points, np.vstack([normals, normals]).astype(float), triangles


def cylinder(radius, height, steps, *, at=(0, 0), hollow=False, z=0.0, **arc):
    """Return the patch of an upright cylinder; hollow ones face their axis."""
    line = circle(radius, steps, **arc)
    sign = -1 if hollow else 1
    normals = np.column_stack([sign * line / radius, np.zeros(len(line))])
    points, normals, triangles = ribbon(line, line, z, z + height, normals)
    points[:, :2] += at
    return points, normals, triangles[:, ::sign]


def ring(outer, inner, z, *, up):
    """Return the flat patch between two lines of as many points each."""
    normal = np.tile(UP if up else DOWN, (len(outer), 1))
    points, normals, triangles = ribbon(outer, inner, z, z, normal)
    return points, normals, triangles if up else triangles[:, ::-1]


def sphere(radius, steps):
    """Return the patch of a sphere around the origin; its poles are many points."""
    points = []
    for lift in np.linspace(-np.pi / 2, np.pi / 2, steps // 2 + 1):
        flat = circle(abs(np.cos(lift)).round(12), steps)
        points.append(np.column_stack([flat, np.full(steps + 1, np.sin(lift))]))
    i = np.arange((steps // 2) * (steps + 1)).reshape(-1, steps + 1)[:, :-1].ravel()
    above = i + steps + 1
    triangles = np.vstack(
        [
            np.column_stack([i, i + 1, above]),
            np.column_stack([i + 1, above + 1, above]),
        ]
    )
    points = np.vstack(points)
    return radius * points, points, triangles


def tube(outer, inner, length, steps=40):
    """Return the four patches of an upright round tube."""
    wide, narrow = circle(outer, steps), circle(inner, steps)
    return [
        cylinder(outer, length, steps),
        cylinder(inner, length, steps, hollow=True),
        ring(wide, narrow, 0, up=False),
        ring(wide, narrow, length, up=True),
    ]


def plate_with_hole(side, thickness, radius, steps=40):
    """Return the patches of a square plate with a round hole in its middle.

    ``steps`` is a multiple of 8, so that the corners are among the points.
    """
    rim, hole = square(side / 2, steps), circle(radius, steps)
    around = np.roll(rim[:-1], -steps // 8, axis=0)
    around = np.vstack([around, around[:1]])
    walls = []
    for corner in range(0, steps, steps // 4):
        line = around[corner : corner + steps // 4 + 1]
        (right, ahead), length = line[-1] - line[0], side
        normal = np.tile((ahead / length, -right / length, 0), (len(line), 1))
        walls.append(ribbon(line, line, 0, thickness, normal))
    return [
        ring(rim, hole, 0, up=False),
        ring(rim, hole, thickness, up=True),
        cylinder(radius, thickness, steps, hollow=True),
        *walls,
    ]

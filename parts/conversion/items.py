"""Name the parts of an assembly, and list how many there are of each."""

import hashlib
import re
from collections import Counter
from dataclasses import replace

from .glb import Instance, Scene, Shape

_NOT_A_NAME = re.compile(
    r"|SOLID|SHELL|COMPSOLID|COMPOUND|FACE|NAUO\d+|=>\[[\d:]+\]"
    r"|Open CASCADE STEP translator [\d. ]+"
)
"""What no person wrote: the kernel's words, and numbers of places in an assembly."""


def named(scene: Scene) -> Scene:
    """Return ``scene`` with a name for every shape, equal only for equal parts.

    A product without a name takes that of the nearest assembly around it, or
    "Part 1". Products of one name are one part if their triangles are equal, and
    get a number if not. Equal triangles under two names stay two parts: a nylon
    washer is no steel washer.
    """
    found: dict[int, str] = {}
    for instance in scene.instances():
        found.setdefault(instance.shape, _given_name(scene, instance))
    taken: Counter[str] = Counter()
    names: dict[tuple[str, bytes], str] = {}
    keys = {n: (name, _fingerprint(scene.shapes[n])) for n, name in found.items()}
    for key in keys.values():
        if key not in names:
            name = key[0] or f"Part {len(names) + 1}"
            taken[name] += 1
            names[key] = name if taken[name] == 1 else f"{name} ({taken[name]})"
    shapes = [
        replace(shape, name=names[keys[number]]) if number in keys else shape
        for number, shape in enumerate(scene.shapes)
    ]
    nodes = [
        replace(node, name="" if node.shape is None else shapes[node.shape].name)
        if _NOT_A_NAME.fullmatch(node.name)
        else node
        for node in scene.nodes
    ]
    return replace(scene, shapes=shapes, nodes=nodes)


def list_items(scene: Scene) -> list[dict]:
    """Return ``{"name", "count"}`` of each different part, in the order of the tree."""
    scene = named(scene)
    counts = Counter(scene.shapes[i.shape].name for i in scene.instances())
    return [{"name": name, "count": count} for name, count in counts.items()]


def _given_name(scene: Scene, instance: Instance) -> str:
    names = (scene.shapes[instance.shape].name, *instance.names)
    return next((name for name in names if not _NOT_A_NAME.fullmatch(name)), "")


def _fingerprint(shape: Shape) -> bytes:
    digest = hashlib.blake2b(shape.points.tobytes(), digest_size=16)
    digest.update(shape.triangles.tobytes())
    return digest.digest()

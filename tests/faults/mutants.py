"""STEP files as a broken disk, a bad program or somebody with bad intent makes them."""

import os
import random
import re
from collections.abc import Iterator
from pathlib import Path

from .alone import STEP

_LARGEST_BYTES = 200_000  # what is larger shows nothing more, and takes longer
_ENTITY = re.compile(rb"^#\d+\s*=.*?;\s*$", re.MULTILINE | re.DOTALL)
_REFERENCE = re.compile(rb"#\d+")
_NUMBER = re.compile(rb"-?\d+\.\d*(?:E[+-]?\d+)?")
_ODD_NUMBERS = (b"NAN", b"1.E308", b"-1.E308", b"0.", b"1.E-300", b"99999999999.")


def sources() -> list[Path]:
    """Return whole STEP files, those of STEP_SAMPLES too."""
    folders = [STEP]
    if more := os.environ.get("STEP_SAMPLES"):
        folders.append(Path(more))
    found = [
        path
        for folder in folders
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in {".step", ".stp"}
    ]
    return [path for path in found if path.stat().st_size <= _LARGEST_BYTES]


def mutants(count: int, seed: int = 1) -> Iterator[bytes]:
    """Yield ``count`` files, the same ones for the same seed and sources."""
    chance = random.Random(seed)  # noqa: S311 - guards nothing
    files = [path.read_bytes() for path in sources()]
    for number in range(count):
        content = files[number % len(files)]
        for _ in range(chance.choice((1, 1, 3, 20))):
            content = chance.choice(_WAYS)(content, chance)
        # Never equal to another, or it would be converted only once.
        yield content + b"/* %d */ END-ISO-10303-21;\n" % number


def _with_flipped_bytes(content: bytes, chance: random.Random) -> bytes:
    flipped = bytearray(content)
    for _ in range(chance.choice((1, 5, 50))):
        # Its first line alone would have it refused at the door.
        flipped[chance.randrange(200, len(flipped))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def _with_deleted_entities(content: bytes, chance: random.Random) -> bytes:
    share = chance.choice((0.002, 0.02, 0.2))
    return _ENTITY.sub(lambda m: b"" if chance.random() < share else m[0], content)


def _with_rewired_references(content: bytes, chance: random.Random) -> bytes:
    share = chance.choice((0.001, 0.01, 0.1))
    names = _REFERENCE.findall(content)
    return _REFERENCE.sub(
        lambda m: chance.choice(names) if chance.random() < share else m[0], content
    )


def _with_odd_numbers(content: bytes, chance: random.Random) -> bytes:
    share = chance.choice((0.0005, 0.005))
    return _NUMBER.sub(
        lambda m: chance.choice(_ODD_NUMBERS) if chance.random() < share else m[0],
        content,
    )


def _with_doubled_entities(content: bytes, chance: random.Random) -> bytes:
    return _ENTITY.sub(lambda m: m[0] * (1 + (chance.random() < 0.01)), content)


_WAYS = (
    _with_flipped_bytes,
    _with_deleted_entities,
    _with_rewired_references,
    _with_odd_numbers,
    _with_doubled_entities,
)

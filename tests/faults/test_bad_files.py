"""Broken STEP files through the real queue: each ends in words, and costs no worker.

``make fuzz-step COUNT=1000 SEED=2`` takes more of them, and those of STEP_SAMPLES, a
folder. They do not go through the web server, which looks at their edges only.

Of 1 000 (seed 1, November 2026) 336 gave a model, 516 could not be read, 132 crashed
the kernel and 16 took over 10 seconds; the workers grew by 2 MB, and nothing was left.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import processes

from .alone import STEP, Shop, open_shop
from .mutants import mutants

COUNT = int(os.environ.get("FUZZ_COUNT", "24"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
SECONDS_EACH = 30
# What a worker may grow by before django-q makes it anew.
GROWTH_BYTES = 30 * 1024 * 1024
TIMEOUT_SECONDS = 10

_LENGTHS = re.compile(
    rb"(CARTESIAN_POINT\('',\(|(?:CIRCLE|CYLINDRICAL_SURFACE)\('',#\d+,)"
    rb"([-0-9.,E+]+)\)"
)
HAND_IN = """
import sys
from pathlib import Path
from django.core.files.base import ContentFile
from parts import uploads, workflow
for path in sorted(Path(sys.stdin.readline().strip()).iterdir()):
    upload = ContentFile(path.read_bytes(), name=path.name)
    workflow.create(
        actor=None, name=path.stem, subsystem="Fuzz", upload=uploads.store(upload)
    )
"""


@pytest.fixture
def shop(tmp_path) -> Iterator[Shop]:
    told = {"CONVERSION_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS), "WORKERS": "2"}
    with open_shop(tmp_path / "shop", **told) as shop:
        yield shop


def _hand_in(shop: Shop, folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    code = HAND_IN.replace("sys.stdin.readline().strip()", repr(str(folder)))
    shop.manage("shell", "--no-imports", "-c", code)


def _workers(shop: Shop) -> list[int]:
    tree = processes.tree(shop.worker.pid)
    return [
        pid for pid in tree if "parts.conversion.child" not in processes.command(pid)
    ]


def test_mutated_files_end_in_words_and_leave_nothing(shop, tmp_path):
    # One good file first, so that all that is ever imported is.
    _hand_in(shop, tmp_path / "good", {"a.step": (STEP / "spacer.step").read_bytes()})
    shop.worker.start()
    shop.wait_until_converted()
    before = {pid: processes.resident_bytes([pid]) for pid in _workers(shop)}
    files = enumerate(mutants(COUNT, SEED))
    _hand_in(shop, tmp_path / "sent", {f"{n:05}.step": file for n, file in files})
    shop.wait_until_converted(60 + SECONDS_EACH * COUNT)
    after = {pid: processes.resident_bytes([pid]) for pid in _workers(shop)}

    rows = shop.run("SELECT name, state, error, attempts FROM parts_partfile")
    assert len(rows) == COUNT + 1
    bad = [row for row in rows if not _is_told(*row[1:])]
    assert bad == []
    told = Counter(row[2] or row[1] for row in rows)
    lines = "\n".join(f"{count:6} {words}" for words, count in told.most_common())
    grown = {pid: after[pid] - size for pid, size in before.items() if pid in after}
    print(f"\n{lines}\ngrown by {grown} bytes")  # noqa: T201 - whoever fuzzes reads it
    assert max(grown.values()) < GROWTH_BYTES
    # django-q makes a worker anew after 200 tasks; none ends for another reason.
    assert len(after) == len(before)
    assert shop.left_behind() == []
    shop.check()


def _is_told(state: str, error: str, attempts: int) -> bool:
    """Whether a file ended by itself, and says why if it ended badly."""
    is_sentence = error.endswith(".") and "The server could not" not in error
    return attempts == 1 and (
        (state, error) == ("done", "") or (state == "failed" and is_sentence)
    )


def _scaled(content: bytes, factor: float) -> bytes:
    """Return a part of spheres and cylinders that is so many times as large.

    A thousand times as many triangles need a GB within seconds, and far more of them
    never end (measured).
    """

    def large(numbers: bytes) -> bytes:
        return b",".join(b"%.6E" % (float(n) * factor) for n in numbers.split(b","))

    return _LENGTHS.sub(lambda m: m[1] + large(m[2]) + b")", content)


def test_poison_at_the_head_of_the_queue_holds_nobody_up_for_good(shop, tmp_path):
    whole = (STEP / "spacer.step").read_bytes()
    poison = {
        "1-hangs.step": _scaled(whole, 1e12),
        "2-crashes.step": whole.replace(
            b"DATA;", b"DATA;\n#9999=X(" + b"(" * 200_000 + b")" * 200_000 + b");", 1
        ),
        "3-eats-memory.step": _scaled(whole, 1e3),
    }
    behind = {
        f"4-{number}.step": whole + b"/* %d */ END-ISO-10303-21;" % number
        for number in range(6)
    }
    _hand_in(shop, tmp_path / "sent", poison | behind)
    shop.worker.start()
    shop.wait_until_converted()
    rows = shop.run(
        "SELECT name, state, error, attempts FROM parts_partfile ORDER BY name"
    )
    assert [row for row in rows if not _is_told(*row[1:])] == []
    assert [row[1] for row in rows] == ["failed"] * len(poison) + ["done"] * len(behind)
    [hangs, crashes, eats] = [row[2] for row in rows[:3]]
    assert hangs == "The conversion took longer than 10 seconds and was stopped."
    assert crashes.startswith("The CAD kernel crashed on this file")
    assert "memory" in eats or "GB" in eats or "longer than" in eats
    assert shop.left_behind() == []
    shop.check()

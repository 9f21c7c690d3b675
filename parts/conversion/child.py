"""The child process: ``python -m parts.conversion.child PARENT``, see ``step``.

It gets ready and waits for a line that says what to do: in which directory it finds
the STEP file and leaves the model, the result and, last, the picture. What it prints
goes to a log there.
"""

import ctypes
import json
import os
import resource
import select
import signal
import sys
from contextlib import suppress
from math import ceil
from pathlib import Path

from .job import LOG, MODEL, RESULT, SOURCE, THUMBNAIL, Exit

_KERNELS = Path("kernel.glb")
_DRAFT = Path("draft.png")
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LARGEST_FILE = 1024**3
_ENOUGH_FACES = 0.98
_CHUNK = 1024 * 1024
_PATIENCE_SECONDS = 600  # 65 MB, for what may not come


def main(parent: int) -> int:
    """Get ready, wait for a job and do it; return how it ended."""
    os.nice(10)  # after the worker, which takes up files and tells what came of them
    _die_with(parent)
    with suppress(ImportError):  # it comes again when there is a log for it
        _import()
    if not select.select([sys.stdin], [], [], _PATIENCE_SECONDS)[0]:
        return Exit.UNASKED
    if not (line := sys.stdin.readline()):
        return Exit.UNASKED  # the parent has no more
    job = json.loads(line)
    _move_to(job["folder"])
    _confine(job)
    try:
        return _convert(job)
    except MemoryError:
        return Exit.MEMORY


def _import() -> None:
    import cascadio  # noqa: F401
    import numpy as np  # noqa: F401

    from . import facts, glb, items, surfaces, thumbnail  # noqa: F401


def _move_to(folder: str) -> None:
    os.chdir(folder)
    os.environ |= {"HOME": folder, "TMPDIR": folder}
    log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for output in (1, 2):
        os.dup2(log, output)
    os.close(log)


def _confine(job: dict) -> None:
    """Bound what this process may use, before it reads the file."""
    seconds = ceil(job["timeout_s"])
    _limit(resource.RLIMIT_AS, job["memory_bytes"])
    # Two cores may work at once; the clock is watched by the parent, and by an
    # alarm where the parent is gone.
    _limit(resource.RLIMIT_CPU, 2 * seconds)
    _limit(resource.RLIMIT_FSIZE, _LARGEST_FILE)
    _limit(resource.RLIMIT_CORE, 0)
    signal.alarm(seconds + 5)


def _limit(kind: int, amount: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        amount = min(amount, hard)
    with suppress(OSError, ValueError):  # macOS has no limit of address space
        # Only the soft one: at a hard limit of CPU time comes SIGKILL, which
        # would look like a lack of memory.
        resource.setrlimit(kind, (amount, hard))


def _die_with(parent: int) -> None:
    """End this process when ``parent`` ends, be it by SIGKILL.

    Linux counts the thread that started this process as its parent: it is the
    one that waits for it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before that
        sys.exit("the parent process is gone")


def _convert(job: dict) -> int:
    import cascadio
    import numpy as np

    from . import facts, glb, items, surfaces, thumbnail

    failed = cascadio.step_to_glb(
        str(SOURCE),
        str(_KERNELS),
        tol_linear=job["chord_mm"],
        tol_angular=job["angle_rad"],
        merge_primitives=True,
        include_brep=True,
    )
    if failed or not _KERNELS.exists():
        return Exit.UNREADABLE
    try:
        scene = glb.read(_KERNELS)
    except glb.BrokenGlb as error:
        sys.stderr.write(f"{error}\n")
        return Exit.UNREADABLE
    named = _count(SOURCE, b"ADVANCED_FACE")
    if not scene.shapes:
        return Exit.UNREADABLE if named else Exit.EMPTY
    faces = sum(len(np.unique(shape.faces)) for shape in scene.shapes)
    scene = items.named(surfaces.complete(scene))
    bodies = [facts.Body.of(shape) for shape in scene.shapes]
    measured = facts.measure(scene, bodies)
    if not measured["box_mm"][0] > 0:
        return Exit.EMPTY
    glb.write(MODEL, scene)
    result = {"facts": measured, "warnings": _missing(faces, named)}
    draft = RESULT.with_suffix(".draft")
    draft.write_text(json.dumps(result, allow_nan=False), encoding="utf-8")
    draft.replace(RESULT)
    # From here on there is a model, whatever happens.
    thumbnail.draw(scene, _DRAFT, [body.solids.hide_inside for body in bodies])
    _DRAFT.replace(THUMBNAIL)
    return 0


def _missing(faces: int, named: int) -> list[str]:
    """Warn when far fewer ``faces`` came than the file names."""
    if faces >= _ENOUGH_FACES * named:
        return []
    return [
        f"Only {faces} of the {named} faces in this file could be read, so something "
        "is missing from the model. Export it again."
    ]


def _count(path: Path, word: bytes) -> int:
    """Count how often ``word`` stands in a file, without holding all of it."""
    count, rest = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            chunk = rest + chunk
            count += chunk.count(word)
            rest = chunk[-len(word) + 1 :]
    return count


if __name__ == "__main__":
    ended = main(int(sys.argv[1]))
    ctypes.CDLL(None).fflush(None)  # what the kernel has said of the file
    os._exit(ended)  # to take the kernel down piece by piece takes 0.04 s

"""Box the conversion of a STEP file in a child process, and explain how it ended."""

import json
import logging
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .job import LOG, MODEL, RESULT, SOURCE, THUMBNAIL, Exit

logger = logging.getLogger(__name__)

MEMORY_BYTES = 4 * 1024**3
"""What the child may map: 132 MB of STEP need 1.6 GB (measured)."""

_CHILD = [sys.executable, "-P", "-m", "parts.conversion.child"]
_ROOT = Path(__file__).parents[2]
_EDGE_BYTES = 1024
_LOG_BYTES = 64 * 1024
_NO_ROOM_BYTES = 1024 * 1024  # whoever failed with less left failed for want of it
_BOM = b"\xef\xbb\xbf"

_START = re.compile(rb"(?:%b)?(?>\s+|/\*.*?\*/)*+ISO-10303-21\s*;" % _BOM, re.DOTALL)
_END = b"END-ISO-10303-21"
_OTHERS = {
    b"PK\x03\x04": gettext_lazy("a ZIP archive"),
    b"%PDF-": gettext_lazy("a PDF"),
    b"<": gettext_lazy("a web page or XML"),
    b"solid": gettext_lazy("an STL mesh"),
    b"glTF": gettext_lazy("a GLB model"),
    b"\xd0\xcf\x11\xe0": gettext_lazy("a document in the format of one program"),
}
_TROUBLE = re.compile(
    r"\*\*\* ERR |Unresolved Reference|Error: Shape Processing"  # OCCT 8.0
)


@dataclass(frozen=True)
class Mesh:
    """How closely triangles follow the true surface.

    The kernel reads every file into millimetres, whatever its own unit (measured).
    """

    chord_mm: float
    angle_rad: float


FINE = Mesh(chord_mm=0.05, angle_rad=0.3)


@dataclass(frozen=True)
class Conversion:
    """What a conversion left in its folder, and what it measured.

    ``facts`` are those of ``facts.measure`` with ``warnings`` among them: sentences
    on what may be wrong with the model, safe to show.
    """

    glb: Path
    thumbnail: Path | None
    facts: dict
    warnings: list[str]


class ConversionError(Exception):
    """A STEP file gave no model; its text is a sentence safe to show.

    ``code`` is ``not_step``, ``cut_off``, ``unreadable``, ``empty``, ``crashed``,
    ``memory``, ``timeout`` or ``no_room``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def inspect_step(head: bytes, tail: bytes, size: int) -> None:
    """Refuse what cannot be a whole STEP file, without reading it.

    Args:
        head: the first KB, or all of a smaller file.
        tail: the last KB, or all of a smaller file.
        size: of the file, in bytes.
    Raises:
        ConversionError: ``not_step`` or ``cut_off``.
    """
    if not size:
        raise ConversionError("not_step", _("This file is empty. Export it again."))
    if not _START.match(head[:_EDGE_BYTES]):
        for start, name in _OTHERS.items():
            if head.lstrip().startswith(start):
                raise ConversionError(
                    "not_step",
                    _("This is %(name)s, not a STEP file. Export the part as STEP.")
                    % {"name": name},
                )
        raise ConversionError(
            "not_step",
            _(
                "This is not a STEP file: it does not start with "
                "ISO-10303-21. Export the part as STEP."
            ),
        )
    if _END not in tail[-_EDGE_BYTES:]:
        raise ConversionError(
            "cut_off",
            _(
                "This file is cut off: it ends after %(size)s "
                "without %(end)s. Export it again."
            )
            % {"size": _in_words(size), "end": _END.decode()},
        )


def convert(
    source: Path,
    folder: Path,
    *,
    mesh: Mesh = FINE,
    timeout_s: float = 120,
    on_wait: Callable[[], None] | None = None,
) -> Conversion:
    """Convert, measure and draw STEP ``source`` into ``folder``, or change nothing.

    It leaves ``model.glb`` and ``thumbnail.png`` there. A picture that cannot be
    drawn does not cost the model: there is a warning instead.

    Args:
        timeout_s: wall time before the child is killed.
        on_wait: called about once a second; what it raises ends the child too.
    Raises:
        ConversionError: the file gave no model; for which reason, it says.
        OSError: ``source`` cannot be read, or ``folder`` not written to.
        RuntimeError: the child failed by a bug of ours or a broken installation.
    Source: cascadio 0.1.1 holds the GIL for the whole call, and a third of damaged
        files make it crash (measured), hence a process for each file. The next one's
        is made ready when one has ended.
    """
    if source.is_dir():
        raise ConversionError("not_step", _("This is a folder, not a STEP file."))
    _inspect(source)
    with tempfile.TemporaryDirectory(prefix="draft-", dir=folder) as name:
        scratch = Path(name).resolve()
        _lay_out(source, scratch / SOURCE)
        status = _run_child(scratch, mesh, timeout_s, on_wait)
        log = _last_of(scratch / LOG)
        if not (scratch / RESULT).exists():
            logger.warning("conversion_child_failed status=%s log=%r", status, log)
            if shutil.disk_usage(scratch).free < _NO_ROOM_BYTES:
                raise no_room()
            raise _explain(status, timeout_s, log)
        result = json.loads((scratch / RESULT).read_text(encoding="utf-8"))
        warnings = result["warnings"]
        if _TROUBLE.search(log):
            warnings.append(
                _(
                    "This file has errors, so something may be missing from the "
                    "model. Export it again."
                )
            )
        thumbnail = None
        if (scratch / THUMBNAIL).exists():
            thumbnail = (scratch / THUMBNAIL).replace(folder / THUMBNAIL)
        else:
            (folder / THUMBNAIL).unlink(missing_ok=True)  # an older one's
            logger.warning("thumbnail_failed status=%s log=%r", status, log)
            warnings.append(_("The picture of this part could not be drawn."))
        glb = (scratch / MODEL).replace(folder / MODEL)
    return Conversion(
        glb, thumbnail, result["facts"] | {"warnings": warnings}, warnings
    )


def _inspect(source: Path) -> None:
    with source.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(_EDGE_BYTES)
        file.seek(max(0, size - _EDGE_BYTES))
        inspect_step(head, file.read(_EDGE_BYTES), size)


def _lay_out(source: Path, target: Path) -> None:
    """Put ``source`` at ``target``, without the mark that the kernel stumbles over."""
    with source.open("rb") as file:
        if file.read(len(_BOM)) == _BOM:
            with target.open("wb") as copy:
                shutil.copyfileobj(file, copy)
        else:
            target.symlink_to(source.resolve())


def _run_child(
    scratch: Path, mesh: Mesh, timeout_s: float, on_wait: Callable[[], None] | None
) -> int | None:
    """Have a child work in ``scratch``; return its status, None if it was too slow."""
    job = {
        "folder": str(scratch),
        "memory_bytes": MEMORY_BYTES,
        "timeout_s": timeout_s,
        "chord_mm": mesh.chord_mm,
        "angle_rad": mesh.angle_rad,
    }
    (scratch / LOG).touch()
    try:
        status: int | None = Exit.UNASKED
        while status == Exit.UNASKED:
            status = _ready_child().run(job, timeout_s, on_wait)
        return status
    finally:
        # Not sooner: two at once would take both cores from those who look at boards.
        with suppress(OSError):  # the next file will see what is wrong
            _waiting[_whose()] = _Child()
            _end_with(os.getpid())


# The child of this process that is ready for the next file. To start one takes a
# quarter of a second, nearly all of it for imports (measured).
_waiting: "dict[tuple, _Child]" = {}


def _whose() -> tuple:
    return os.getpid(), *_CHILD


def _ready_child() -> "_Child":
    if waiting := _waiting.pop(_whose(), None):
        if waiting.is_there:
            return waiting
        waiting.end()
    return _Child()


class _Child:
    """A process that gets ready, waits for a file, and ends with it."""

    def __init__(self) -> None:
        # The child's end of a pipe closes with it, however it ends. To wait for a
        # process itself Python asks every 50 ms.
        ears, rope = os.pipe()
        self._ears = os.fdopen(ears, "rb")
        with os.fdopen(rope, "wb") as end, ExitStack() as failed:
            failed.callback(self._ears.close)
            self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                [*_CHILD, str(os.getpid())],
                cwd="/",
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[end.fileno()],
                # Not a session, which would be as good as any to the scheduler.
                process_group=0,
            )
            failed.pop_all()

    @property
    def is_there(self) -> bool:
        return self._process.poll() is None

    def run(
        self, job: dict, timeout_s: float, on_wait: Callable[[], None] | None
    ) -> int | None:
        """Have it do ``job``; return its status, and leave nothing of it."""
        deadline = time.monotonic() + timeout_s
        try:
            # One that has ended says why by its status.
            with suppress(BrokenPipeError), self._process.stdin as told:
                told.write(json.dumps(job).encode() + b"\n")
            return self._status(deadline, on_wait)
        finally:
            self.end()

    def _status(
        self, deadline: float, on_wait: Callable[[], None] | None
    ) -> int | None:
        while self.is_there:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            if select.select([self._ears], [], [], min(left, 1))[0]:
                self._process.wait()
            elif on_wait:
                on_wait()
        return self._process.returncode

    def end(self) -> None:
        if self.is_there:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._ears.close()


def _end_waiting() -> None:
    for (process, *_command), child in _waiting.items():
        if process == os.getpid():  # else it is that of another, whose fork this is
            child.end()


@cache
def _end_with(_process: int) -> None:
    # Not atexit, which is not for processes that multiprocessing made.
    Finalize(None, _end_waiting, exitpriority=0)


def _environment() -> dict[str, str]:
    """Return all that the child may know: no keys, no passwords, no settings."""
    paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
    kept = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONFAULTHANDLER": "1",
        "LC_ALL": "C.UTF-8",
        # Threads and arenas count as memory even where they are not used, and would
        # take both cores of a small machine from those who look at boards.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "4",
        # What is freed is soon wanted again: to give it back to the system and to be
        # given it anew takes a twentieth of a conversion (measured; glibc alone).
        "MALLOC_MMAP_THRESHOLD_": str(32 * 1024**2),  # the most it takes
        "MALLOC_TRIM_THRESHOLD_": str(256 * 1024**2),
    }


def _explain(status: int | None, timeout_s: float, log: str) -> Exception:
    """Return the error of a child that left no result."""
    memory = f"{MEMORY_BYTES // 1024**3} GB"
    if status in (None, -signal.SIGXCPU, -signal.SIGALRM):
        return ConversionError(
            "timeout",
            _("The conversion took longer than %(seconds)s seconds and was stopped.")
            % {"seconds": format(timeout_s, "g")},
        )
    if status == Exit.UNREADABLE:
        return ConversionError(
            "unreadable",
            _(
                "The CAD kernel could not read this file. Export it "
                "again, as STEP AP214 or AP242."
            ),
        )
    if status == Exit.EMPTY:
        return ConversionError(
            "empty", _("This STEP file holds no solid or surface that can be shown.")
        )
    if status in (Exit.MEMORY, -signal.SIGKILL):  # SIGKILL: the system ran short
        return ConversionError(
            "memory",
            _(
                "The conversion ran out of memory; a file may need "
                "%(memory)s at most. Leave out small details, or hand in "
                "the parts one by one."
            )
            % {"memory": memory},
        )
    if status < 0:
        return ConversionError(
            "crashed",
            _(
                "The CAD kernel crashed on this file; it may be damaged "
                "or need more than %(memory)s."
            )
            % {"memory": memory},
        )
    last = log.rstrip().rsplit("\n", 1)[-1]
    return RuntimeError(f"the conversion child exited with {status}: {last}")


def no_room() -> ConversionError:
    return ConversionError(
        "no_room",
        _("The server's disk is full. Try again when there is room."),
    )


def _last_of(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_BYTES))
        return file.read().decode(errors="replace")


def _in_words(size: int) -> str:
    if size < 1000:
        return _("%(count)s bytes") % {"count": size}
    if size < 1_000_000:
        return f"{size / 1000:.0f} KB"
    return f"{size / 1_000_000:.1f} MB"

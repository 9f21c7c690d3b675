"""One account of what all web processes count, for gunicorn.conf.py.

prometheus_client keeps the figures of each process in files, and adds them up when it
is asked. It names them by process id, so that every process that is made anew (after
``max_requests``, say) leaves its own behind for ever; here they are named by the
process's place among the others, and whoever takes the place of another counts on.

Imported before Django is there.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_place = "master"
_made: str | None = None


def begin() -> None:
    """Have all that is counted from now on kept in files, in memory if possible."""
    global _made
    if not os.environ.get(_FOLDER):
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
        _made = os.environ[_FOLDER] = tempfile.mkdtemp(prefix="metrics-", dir=memory)
    Path(os.environ[_FOLDER]).mkdir(parents=True, exist_ok=True)
    # Not before the variable is set, which it reads when it is imported.
    from prometheus_client import values

    values.ValueClass = values.MultiProcessValue(lambda: _place)


def take_place(worker: Any) -> None:
    """Have a process that was just made count in its place (``webserver``)."""
    global _place
    _place = f"pid{os.getpid()}" if worker.place is None else str(worker.place)


def end() -> None:
    if _made:
        shutil.rmtree(_made, ignore_errors=True)

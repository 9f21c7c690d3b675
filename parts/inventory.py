"""What lies in the storage against what the database names, both ways.

Orphans are stored and named by nobody: an upload whose request broke off, a file that
a killed process was writing. Losses are named and not there, or not what they were.
Only what every storage can do is asked of it, so that it may lie anywhere.
"""

import errno
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, default_storage
from django.db.models import Q
from django.utils import timezone

from partsite import locks
from partsite.names import Names

from . import tasks
from .models import Conversion, DraftFile, Part, PartFile, StoredFile, pictures_in
from .uploads import is_named_after, is_ours

logger = logging.getLogger(__name__)

QUARANTINE = "quarantine"
QUARANTINE_DAYS = 30
_ORPHAN_AGE = timedelta(days=1)  # younger ones may be about to get their row
# An upload writes all the time, and no conversion takes as long, if the settings allow
# it no more.
_LEFTOVER_AGE = timedelta(hours=1)
# Workers clear them away each hour: what is told of has met none for long.
_LEFTOVER_TOLD_AGE = timedelta(days=1)
_LOCK_SECONDS = 60
_BATCH = 5000  # names in one statement: no index finds a row by them
_MADE = StoredFile.STORED[1:]  # of a STEP file, and so again


@dataclass(frozen=True)
class Loss:
    """A stored file that rows name and that is missing, or damaged.

    ``of`` says whose it is, a line for each row; ``is_made`` that it can be made anew
    from its STEP file.
    """

    name: str
    is_damaged: bool
    is_made: bool
    of: list[str]


@dataclass
class Inventory:
    """What was found, and of that what was mended."""

    named: int = 0
    stored: int = 0
    losses: list[Loss] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    # What killed processes left on this machine, outside the storage too.
    leftovers: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong that was not mended."""
        wrong = {loss.name for loss in self.losses}
        return wrong.union(self.orphans, self.leftovers) <= set(self.mended)


def check(*, with_hashes: bool = True) -> Inventory:
    """Compare storage and database while the site is in use; change nothing.

    Args:
        with_hashes: read every file to see whether it is what it was.
    """
    found = Inventory()
    damaged: set[str] = set()
    with Names() as named:
        add_named(named)
        found.named = len(named)
        for name in stored():
            if name.startswith(f"{QUARANTINE}/"):
                continue
            is_named = named.mark(name)
            if not (is_named or is_ours(name)):
                continue  # somebody else's, in a bucket that others use too
            found.stored += 1
            if is_named:
                if with_hashes and not _is_whole(name):
                    damaged.add(name)
            elif _is_older(name, _ORPHAN_AGE):
                is_draft = PurePosixPath(name).name.startswith(".")
                (found.leftovers if is_draft else found.orphans).append(name)
        lost = {name for name in named.unmarked() if not default_storage.exists(name)}
    found.losses = list(_losses(lost | damaged, damaged))
    found.leftovers += map(str, _temporary(_LEFTOVER_TOLD_AGE))
    return found


def mend(found: Inventory) -> None:
    """Mend what can be mended, and note it in ``found.mended``.

    Orphans go into quarantine for 30 days, and come back from there if they are
    missed. What is made of STEP files is converted anew.
    """
    tasks.clear_drafts()
    for loss in found.losses:
        if loss.name in found.mended:
            continue
        if _from_quarantine(loss) or (loss.is_made and _convert_anew(loss)):
            found.mended.append(loss.name)
    with locks.exclusive(tasks.PURGE_LOCK, wait_seconds=_LOCK_SECONDS), Names() as now:
        add_named(now)
        for name in found.orphans:
            if name not in now and _is_older(name, _ORPHAN_AGE):
                _to_quarantine(name)
            found.mended.append(name)
        _empty_quarantine()
    for name in found.leftovers:
        if (path := Path(name)).is_absolute():
            _delete(path)
        else:
            default_storage.delete(name)
        found.mended.append(name)
    logger.info("files_mended count=%s", len(found.mended))


def replace(loss: Loss, content: File, sha256: str) -> bool:
    """Put ``content``, whose hash is given, in the place of what is lost."""
    if not _is_right(loss.name, sha256):
        return False
    if default_storage.exists(loss.name):
        default_storage.delete(loss.name)  # what is there is kept as it is
    default_storage.save(loss.name, content)
    return True


# --- Rows ---------------------------------------------------------------------


def add_named(names: Names) -> None:
    """Add what any row names."""
    for files in tasks.FILES:
        for row in files.objects.order_by().values_list(*StoredFile.STORED).iterator():
            for name in filter(None, row):
                names.add(name)
    drawn = Part.objects.filter(extra__has_key="views").order_by()
    for extra in drawn.values_list("extra", flat=True).iterator():
        for name in pictures_in(extra).values():
            names.add(name)


def _losses(names: set[str], damaged: set[str]) -> Iterator[Loss]:
    """Yield who names these files now; who was deleted for good wants none any more."""
    views = _views_with(names) if names else {}
    ordered = sorted(names)
    for start in range(0, len(ordered), _BATCH):
        batch = ordered[start : start + _BATCH]
        rows_with = _rows_with(batch)
        for name in batch:
            rows = rows_with[name]
            of = [*map(_told, rows), *views.get(name, ())]
            is_content = any(row.content.name == name for row in rows)
            if of:
                yield Loss(name, name in damaged, bool(rows) and not is_content, of)


def _views_with(names: set[str]) -> dict[str, list[str]]:
    """Return which pictures of which parts these are, told in words."""
    found: dict[str, list[str]] = {}
    for part in Part.objects.filter(extra__has_key="views").iterator():
        for side, name in part.pictures.items():
            if name in names:
                told = f"view {side} of part {part.code} ({part})"
                found.setdefault(name, []).append(told)
    return found


def _rows_with(names: Sequence[str]) -> dict[str, list[StoredFile]]:
    """Return the rows that name stored files, by these."""
    condition = Q()
    for column in StoredFile.STORED:
        condition |= Q(**{f"{column}__in": names})
    found: dict[str, list[StoredFile]] = {name: [] for name in names}
    for files, along in ((PartFile, ["part"]), (DraftFile, [])):
        rows = files.objects.filter(condition).defer("facts").order_by("pk")
        for row in rows.select_related(*along):
            for name in {getattr(row, column).name for column in StoredFile.STORED}:
                if name in found:
                    found[name].append(row)
    return found


def _told(row: StoredFile) -> str:
    if isinstance(row, DraftFile):
        return f"{row.name}, sent for a part that is not handed in"
    part = row.part
    return f"{row.name}, revision {row.revision} of part {part.code} ({part})"


def _convert_anew(loss: Loss) -> bool:
    """Have what was made of STEP files made again; return whether that is under way."""
    rows = _rows_with([loss.name])[loss.name]
    if not rows or not all(default_storage.exists(row.content.name) for row in rows):
        return False
    if loss.is_damaged:
        default_storage.delete(loss.name)
    for row in rows:
        # Without the old names, so that of equal files one is converted for all.
        type(row).objects.filter(pk=row.pk).update(
            state=Conversion.QUEUED,
            error="",
            attempts=0,
            heartbeat_at=timezone.now(),
            **dict.fromkeys(_MADE, ""),
        )
        is_draft = isinstance(row, DraftFile)
        (tasks.enqueue_draft if is_draft else tasks.enqueue)(row.pk)
    return True


# --- Storage ------------------------------------------------------------------


def stored(storage: Storage = default_storage, folder: str = "") -> Iterator[str]:
    """Yield the name of all that is stored."""
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:  # nothing was ever stored, or it is just gone
        return
    beginning = f"{folder}/" if folder else ""
    for name in sorted(files):
        if name:  # some storages list the folder itself
            yield beginning + name
    for name in sorted(folders):
        yield from stored(storage, beginning + name)


def _is_older(name: str, age: timedelta) -> bool:
    try:
        stored_at = default_storage.get_modified_time(name)
    except FileNotFoundError:
        return False
    return stored_at < timezone.now() - age


def _is_whole(name: str) -> bool:
    try:
        with default_storage.open(name, "rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return True  # deleted for good since; who asks next will see
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return False  # where it lies the disk is broken
    return _is_right(name, sha256)


def _is_right(name: str, sha256: str) -> bool:
    """Whether bytes with this hash are those that ``name`` is to hold."""
    if not is_named_after(name, sha256):
        return False
    # Of a name without a hash its row may know one.
    row = PartFile.objects.filter(content=name).first() if sha256 not in name else None
    return row is None or row.sha256 in {"", sha256}


def _to_quarantine(name: str) -> None:
    with default_storage.open(name, "rb") as file:
        default_storage.save(f"{QUARANTINE}/{name}", file)
    default_storage.delete(name)


def _from_quarantine(loss: Loss) -> bool:
    name = f"{QUARANTINE}/{loss.name}"
    if not default_storage.exists(name):
        return False
    with default_storage.open(name, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        if not replace(loss, file, sha256):
            return False
    default_storage.delete(name)
    return True


def _empty_quarantine() -> None:
    for name in stored(folder=QUARANTINE):
        is_mine = is_ours(name.removeprefix(f"{QUARANTINE}/"))
        if is_mine and _is_older(name, timedelta(days=QUARANTINE_DAYS)):
            default_storage.delete(name)
            logger.info("quarantine_deleted name=%s", name)


def clear_temporary() -> int:
    """Delete what killed workers and web servers left behind; return how many."""
    allowed = 2 * timedelta(seconds=settings.CONVERSION_TIMEOUT_SECONDS)
    left = list(_temporary(max(_LEFTOVER_AGE, allowed)))
    for path in left:
        _delete(path)
    return len(left)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _temporary(age: timedelta) -> Iterable[Path]:
    """Yield what killed workers and web servers of this user left that long ago.

    They may be those of another site on this machine.
    """
    old = datetime.now(UTC) - age
    folder = Path(tempfile.gettempdir())
    for pattern in ("conversion-*", "drawing-*", "tmp*.upload*"):
        for path in sorted(folder.glob(pattern)):
            try:
                told = path.stat()
            except FileNotFoundError:
                continue
            is_old = datetime.fromtimestamp(told.st_mtime, UTC) < old
            if is_old and told.st_uid == os.geteuid():
                yield path

"""What the queue runs: the conversion of one file, and the rescue of lost ones.

The truth is in the file's row, not in the queue: a task may be handed out
twice, late or never, and the row's state, attempts and heartbeat decide.
"""

import hashlib
import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import wraps
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_q.brokers import get_broker
from django_q.tasks import async_task

from partsite import locks, outage
from partsite.room import DiskFull, telling_when_full
from partsite.storage import StorageDown

from .conversion import step
from .heartbeats import silent_for
from .models import Conversion, ConversionCount, DraftFile, Part, PartFile, StoredFile
from .uploads import hashed_name

logger = logging.getLogger(__name__)

_STORED = StoredFile.STORED
FILES = (PartFile, DraftFile)
JUST_STORED = timedelta(hours=1)
# Whoever holds it, no stored bytes are deleted by anybody else.
PURGE_LOCK = "purge"
_PURGE_WAIT_SECONDS = 5
_BATCH = 200  # parts whose files are named in one statement
_LOST_AFTER = timedelta(minutes=1)
DRAFT_LIFE = timedelta(hours=24)
# Recorded words are in the site's own language, since nobody reads them yet.
_GAVE_UP = gettext_lazy(
    "The conversion of this file was broken off %(attempts)s times. "
    "Try again, or export the file anew."
)


def enqueue(file_id: int) -> None:
    """Have a worker convert the file when it gets to it."""
    async_task("parts.tasks.convert", file_id, group="conversion")


def enqueue_draft(draft_id: int) -> None:
    """Have a worker convert a file whose part is not handed in yet."""
    async_task("parts.tasks.convert_draft", draft_id, group="conversion")


def convert(file_id: int) -> None:
    """Convert a queued file and record the outcome; run twice, it does nothing."""
    _convert_row(PartFile, file_id)


def convert_draft(draft_id: int) -> None:
    """As ``convert``, of a file whose part is not handed in yet."""
    _convert_row(DraftFile, draft_id)


def _convert_row(files: type[StoredFile], file_id: int) -> None:
    """Convert one file, a part's or a draft's.

    The attempt is counted before the work begins, in the database, because a
    file that kills its worker leaves no other trace. While another worker has an
    equal file, this one waits for what comes of it.
    """
    file = files.objects.filter(pk=file_id).first()
    if file is None or _equals(file, Conversion.RUNNING):
        return
    if not _claim(file):
        return
    file.refresh_from_db()
    label = f"{files._meta.model_name}-{file_id}"
    started = time.monotonic()
    is_twins = False
    try:
        outcome = _twin_outcome(file)
        is_twins = outcome is not None
        outcome = outcome or _convert(file)
    except step.ConversionError as error:
        logger.info("conversion_failed file=%s code=%s", label, error.code)
        outcome = {"state": Conversion.FAILED, "error": str(error)}
    except DiskFull as error:
        logger.error("conversion_found_no_room file=%s why=%s", label, error)
        outcome = {"state": Conversion.FAILED, "error": str(step.no_room())}
    except StorageDown as error:
        # No fault of the file: the rescue enqueues it again in a while.
        logger.error("conversion_put_off file=%s why=%s", label, error)
        files.objects.filter(
            pk=file_id, state=Conversion.RUNNING, attempts=file.attempts
        ).update(
            state=Conversion.QUEUED,
            attempts=F("attempts") - 1,
            heartbeat_at=timezone.now(),
        )
        return
    except Exception as error:
        if outage.of(error):
            raise  # the file says nothing of it, and the rescue finds its row
        # The process boundary: whatever it was, the row must say so.
        logger.exception("conversion_broke file=%s", label)
        outcome = {
            "state": Conversion.FAILED,
            "error": _(
                "The server could not convert this file. Try again; if it "
                "happens again, tell whoever runs the server."
            ),
        }
    outcome["took_seconds"] = round(time.monotonic() - started, 2)
    outcome["heartbeat_at"] = None
    # Only while it is still ours: a rescue may have given it to another worker.
    is_ours = files.objects.filter(
        pk=file_id, state=Conversion.RUNNING, attempts=file.attempts
    ).update(**outcome)
    if is_ours and not is_twins:
        ConversionCount.add(outcome["state"], seconds=outcome["took_seconds"])
    logger.info(
        "conversion_ended file=%s state=%s seconds=%s",
        label,
        outcome["state"],
        outcome["took_seconds"],
    )
    for twin in _equals(file, Conversion.QUEUED):
        if not adopt(twin):  # it failed, or this one wants its own
            (enqueue if isinstance(twin, PartFile) else enqueue_draft)(twin.pk)


def _equals(file: StoredFile, state: str) -> list[StoredFile]:
    """Return the other files with the same bytes that are in ``state``."""
    found = [files.objects.filter(sha256=file.sha256, state=state) for files in FILES]
    return [twin for twins in found for twin in twins if twin != file]


def requeue(file: PartFile) -> bool:
    """Mark a file as to be converted anew; the caller enqueues it.

    A model that exists is kept, so that there is something to see until the
    new one is there.

    Returns:
        False when it is queued or running already.
    """
    changed = PartFile.objects.filter(
        pk=file.pk, state__in=[Conversion.FAILED, Conversion.DONE]
    ).update(state=Conversion.QUEUED, error="", attempts=0, heartbeat_at=timezone.now())
    file.refresh_from_db()
    return bool(changed)


def adopt(file: StoredFile) -> bool:
    """Give a queued file at once what an equal file's conversion gave, if any.

    The worker, when it gets to the file, finds nothing left to do.
    """
    try:
        outcome = _twin_outcome(file) if file.state == Conversion.QUEUED else None
    except StorageDown:
        return False  # the upload is there; its worker sees to the rest
    if outcome is None:
        return False
    queued = type(file).objects.filter(pk=file.pk, state=Conversion.QUEUED)
    changed = queued.update(**outcome, took_seconds=0, heartbeat_at=None)
    file.refresh_from_db()
    return bool(changed)


def rescue() -> int:
    """Queue again what a dead worker or a lost task left; return how many.

    A file is left when its heartbeat has stopped, or when it was queued a while ago,
    was not taken, and the queue is empty: a queue that is lost, or a worker that is
    killed with tasks in hand, says nothing of them.
    """
    enqueued = 0
    for files, again in ((PartFile, enqueue), (DraftFile, enqueue_draft)):
        for pk in _left_over(files):
            again(pk)
            enqueued += 1
    if enqueued:
        logger.warning("conversions_rescued count=%s", enqueued)
    return enqueued


def _left_over(files: type[StoredFile]) -> list[int]:
    """Return which files are to be enqueued again; give up on those that kill."""
    stale = timedelta(seconds=settings.CONVERSION_STALE_SECONDS)
    dead = Q(state=Conversion.RUNNING) & (Q(heartbeat_at=None) | silent_for(stale))
    killers = files.objects.filter(dead, attempts__gte=settings.CONVERSION_ATTEMPTS)
    given_up = killers.update(
        state=Conversion.FAILED,
        error=_GAVE_UP % {"attempts": settings.CONVERSION_ATTEMPTS},
        heartbeat_at=None,
    )
    if given_up:
        ConversionCount.add(ConversionCount.GIVEN_UP, seconds=None, count=given_up)
    left = list(files.objects.filter(dead).values_list("pk", flat=True))
    files.objects.filter(dead, pk__in=left).update(
        state=Conversion.QUEUED, heartbeat_at=timezone.now()
    )
    lost = files.objects.filter(silent_for(_LOST_AFTER), state=Conversion.QUEUED)
    # In a worker's hand it may still wait for its turn: a second task does nothing.
    if lost.exists() and not get_broker().queue_size():
        left += lost.values_list("pk", flat=True)
        files.objects.filter(pk__in=left, state=Conversion.QUEUED).update(
            heartbeat_at=timezone.now()
        )
    return left


def _unless_busy(purge: Callable[[], int]) -> Callable[[], int]:
    """Have ``purge`` do nothing this time while a backup is being made.

    What a backup has read of the database names files that it has yet to copy.
    """

    @wraps(purge)
    def run() -> int:
        try:
            with locks.exclusive(PURGE_LOCK, wait_seconds=_PURGE_WAIT_SECONDS):
                return purge()
        except locks.Busy:
            logger.info("purge_put_off purge=%s", purge.__name__)
            return 0

    return run


@_unless_busy
def empty_trash() -> int:
    """Delete for good what has lain in the trash for 30 days; return how many.

    The bytes of its files go too, unless another part has the same.
    """
    old = timezone.now() - timedelta(days=30)
    count = 0
    while ids := list(
        Part.objects.filter(deleted_at__lt=old).values_list("pk", flat=True)[:_BATCH]
    ):
        for name in _delete_for_good(ids):
            _delete_if_unwanted(name)
        count += len(ids)
    return count


@_unless_busy
def clear_drafts() -> int:
    """Delete the files that were sent a day ago and never handed in; return how many.

    Their bytes go too, unless a part has the same.
    """
    old = DraftFile.objects.older_than(timezone.now() - DRAFT_LIFE)
    count = 0
    while rows := list(old.values_list("pk", *_STORED)[:_BATCH]):
        DraftFile.objects.filter(pk__in=[pk for pk, *_names in rows]).delete()
        for name in _unwanted([names for _pk, *names in rows]):
            _delete_if_unwanted(name)
        count += len(rows)
    return count


def _delete_for_good(ids: list[int]) -> set[str]:
    """Delete these parts; return where bytes lie that no other part has."""
    parts = Part.objects.filter(pk__in=ids)
    rows = list(PartFile.objects.filter(part__in=ids).values_list(*_STORED))
    pictures = _pictures(parts)
    parts.delete()
    names = _unwanted(rows)
    return names | (pictures - _pictures(Part.objects.all()) if pictures else set())


def _unwanted(rows: Sequence[Sequence[str]]) -> set[str]:
    """Return which names of deleted rows, each as ``_STORED``, no other row has."""
    # As long as its file is wanted, so is what was made of it: a new row of an
    # equal file may be about to take that over.
    contents = {row[0] for row in rows}
    wanted = _still("content", contents)
    names = {name for row in rows if row[0] not in wanted for name in row if name}
    for field in _STORED[1:]:
        names -= _still(field, names)
    return names


def _still(field: str, names: set[str]) -> set[str]:
    """Return which of ``names`` some file has in ``field``."""
    found = [files.objects.filter(**{f"{field}__in": names}) for files in FILES]
    return {name for rows in found for name in rows.values_list(field, flat=True)}


def _pictures(parts: QuerySet[Part]) -> set[str]:
    drawn = parts.filter(extra__has_key="views").only("extra")
    return {name for part in drawn for name in part.pictures.values()}


def _delete_if_unwanted(name: str) -> None:
    """Delete stored bytes, but not those that somebody has just sent again.

    Between the storing of an upload and its row nothing tells that it is wanted,
    but the time of its file.
    """
    try:
        age = timezone.now() - default_storage.get_modified_time(name)
        if age > JUST_STORED:
            default_storage.delete(name)
    except FileNotFoundError:
        logger.info("stored_file_gone name=%s", name)


def _claim(file: StoredFile) -> bool:
    """Take a queued file, so that no second worker does; count the attempt."""
    return bool(
        type(file)
        .objects.filter(pk=file.pk, state=Conversion.QUEUED)
        .update(
            state=Conversion.RUNNING,
            attempts=F("attempts") + 1,
            heartbeat_at=timezone.now(),
            error="",
        )
    )


def _twin_outcome(file: StoredFile) -> dict | None:
    """Return what an equal file's conversion gave, if there is one.

    The first conversion of a file asks; one that is tried again
    (it has a model already) is really done again.
    """
    if file.model:
        return None
    for files in FILES:
        twin = files.objects.filter(sha256=file.sha256, state=Conversion.DONE).first()
        if twin is not None and default_storage.exists(twin.model.name):
            return {
                "state": Conversion.DONE,
                "model": twin.model.name,
                "model_bytes": twin.model_bytes,
                "thumbnail": twin.thumbnail.name,
                "facts": twin.facts,
            }
    return None


def _convert(file: StoredFile) -> dict:
    with (
        telling_when_full(),
        tempfile.TemporaryDirectory(prefix="conversion-") as scratch,
    ):
        folder = Path(scratch)
        source = folder / "source.step"
        with file.content.open("rb") as upload, source.open("wb") as copy:
            for chunk in upload.chunks():
                copy.write(chunk)
        result = step.convert(
            source,
            folder,
            timeout_s=settings.CONVERSION_TIMEOUT_SECONDS,
            on_wait=_heartbeat(file),
        )
        return {
            "state": Conversion.DONE,
            "model": _keep(result.glb, "models", ".glb"),
            "model_bytes": result.glb.stat().st_size,
            "thumbnail": (
                _keep(result.thumbnail, "thumbnails", ".png")
                if result.thumbnail
                else ""
            ),
            "facts": result.facts,
        }


def _heartbeat(file: StoredFile) -> Callable[[], None]:
    """Return what marks the file as alive, at most every five seconds."""
    last = time.monotonic()

    def beat() -> None:
        nonlocal last
        if time.monotonic() - last >= 5:
            last = time.monotonic()
            type(file).objects.filter(pk=file.pk, state=Conversion.RUNNING).update(
                heartbeat_at=timezone.now()
            )

    return beat


def _keep(path: Path, folder: str, suffix: str) -> str:
    """Store the bytes of ``path`` under their hash and return that name."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        return default_storage.save(hashed_name(folder, sha256, suffix), File(file))

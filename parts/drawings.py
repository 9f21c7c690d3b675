"""The drawing of a part from Onshape: asked for, fetched in the background, kept.

The truth is in the row of a ``DrawingFetch``, not in the queue, as with
conversions: a task may be handed out twice, late or never.
"""

import logging
import tempfile
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_q.tasks import async_task

from accounts.models import ApiKey, User

from . import uploads, workflow
from .errors import FileRefused, LinkRefused, NotAllowed, OnshapeFailed, PartError
from .heartbeats import silent_for
from .models import DrawingFetch, Fetch, Part
from .onshape.links import parse_link

logger = logging.getLogger(__name__)

_ATTEMPTS = 3
_STALE = timedelta(seconds=60)  # without a heartbeat; it beats every few seconds
_LOST = timedelta(minutes=5)
_GAVE_UP = gettext_lazy(
    "Fetching this drawing was broken off %(attempts)s times. Try again later."
)
_NO_ACCESS = gettext_lazy(
    "This server has no access to Onshape; whoever runs it sets ONSHAPE_ACCESS_KEY "
    "and ONSHAPE_SECRET_KEY."
)


def can_ask(part: Part) -> bool:
    """Whether this server could fetch what the part's link leads to."""
    if not _has_access():
        return False
    try:
        parse_link(part.onshape_url, settings.ONSHAPE_URL)
    except LinkRefused:
        return False
    return True


def latest(part: Part) -> DrawingFetch | None:
    """Return the last wish for the part's drawing, if any."""
    return part.drawing_fetches.select_related("drawing").first()


def ask(part: Part, *, actor: User | ApiKey | None) -> DrawingFetch:
    """Have the part's drawing fetched, or join whoever waits for it already.

    Raises:
        NotAllowed: the actor may not add files.
        LinkRefused: the part's link leads to no drawing of our Onshape.
        OnshapeFailed: this server has no keys.
    """
    if actor is not None and not actor.can_work:
        raise NotAllowed(_("Only members and leads may fetch drawings."))
    parse_link(part.onshape_url, settings.ONSHAPE_URL)
    if not _has_access():
        raise OnshapeFailed(_NO_ACCESS)
    person = actor.owner if isinstance(actor, ApiKey) else actor
    try:
        # The constraint decides which of two racing wishes is the first.
        with transaction.atomic():
            wish = DrawingFetch.objects.create(
                part=part,
                link=part.onshape_url,
                asked_by=person,
                asked_by_name=actor.name if actor else "",
                api_key=actor if isinstance(actor, ApiKey) else None,
            )
            transaction.on_commit(lambda: enqueue(wish.pk), robust=True)
    except IntegrityError:
        wish = latest(part)
        if wish is None:  # the part itself is gone
            raise
    return wish


def enqueue(fetch_id: int) -> None:
    """Have a worker fetch the drawing when it gets to it."""
    async_task(
        "parts.drawings.fetch",
        fetch_id,
        group="drawing",
        # What it takes in all, and one last call that just does not time out.
        timeout=settings.ONSHAPE_TIMEOUT_SECONDS + 30,
    )


def fetch(fetch_id: int) -> None:
    """Fetch a wished drawing and record the outcome; run twice, it does nothing."""
    queued = DrawingFetch.objects.filter(pk=fetch_id, state=Fetch.QUEUED)
    if not queued.update(
        state=Fetch.RUNNING, attempts=F("attempts") + 1, heartbeat_at=timezone.now()
    ):
        return
    wish = DrawingFetch.objects.select_related("part", "asked_by", "api_key__owner")
    wish = wish.get(pk=fetch_id)
    try:
        with tempfile.TemporaryDirectory(prefix="drawing-") as scratch:
            _keep(wish, _fetched(wish, Path(scratch) / "drawing.pdf"))
    except PartError as error:
        logger.info("drawing_failed fetch=%s code=%s", fetch_id, error.code)
        _end(wish, state=Fetch.FAILED, error=str(error))
    except Exception:
        # The process boundary: whatever it was, the row must say so.
        logger.exception("drawing_broke fetch=%s", fetch_id)
        _end(
            wish,
            state=Fetch.FAILED,
            error=_(
                "The server could not fetch this drawing. Try again; if it "
                "happens again, tell whoever runs the server."
            ),
        )


def rescue() -> int:
    """Queue again what a dead worker or a lost task left; return how many."""
    now = timezone.now()
    dead = DrawingFetch.objects.filter(silent_for(_STALE), state=Fetch.RUNNING)
    dead.filter(attempts__gte=_ATTEMPTS).update(
        state=Fetch.FAILED,
        error=_GAVE_UP % {"attempts": _ATTEMPTS},
        heartbeat_at=now,
    )
    lost = DrawingFetch.objects.filter(silent_for(_LOST), state=Fetch.QUEUED)
    left = [*dead.values_list("pk", flat=True), *lost.values_list("pk", flat=True)]
    dead.filter(pk__in=left).update(state=Fetch.QUEUED, heartbeat_at=now)
    lost.filter(pk__in=left).update(heartbeat_at=now)
    for pk in left:
        enqueue(pk)
    if left:
        logger.warning("drawings_rescued count=%s", len(left))
    return len(left)


def _has_access() -> bool:
    return bool(settings.ONSHAPE_ACCESS_KEY and settings.ONSHAPE_SECRET_KEY)


def _fetched(wish: DrawingFetch, target: Path) -> uploads.StoredUpload:
    """Fetch the PDF, check that it is a whole one, and store it."""
    # Not at the start, of which requests takes a tenth: a web process only asks.
    from .onshape.client import Account, fetch_drawing

    if not _has_access():
        raise OnshapeFailed(_NO_ACCESS)
    name = fetch_drawing(
        parse_link(wish.link, settings.ONSHAPE_URL),
        target,
        account=Account(
            settings.ONSHAPE_URL,
            settings.ONSHAPE_ACCESS_KEY,
            settings.ONSHAPE_SECRET_KEY,
        ),
        limit_bytes=settings.UPLOAD_LIMIT_BYTES,
        timeout_s=settings.ONSHAPE_TIMEOUT_SECONDS,
        on_wait=lambda: _ours(wish).update(heartbeat_at=timezone.now()),
    )
    with target.open("rb") as file:
        name = _file_name(name, wish.part)
        pdf = UploadedFile(file, name, "application/pdf", target.stat().st_size)
        try:
            return uploads.store(pdf)
        except FileRefused as error:
            told = _("What Onshape sent is not a whole PDF file. Try again later.")
            if error.code != FileRefused.code:  # it is, but not kept for another reason
                told = str(error)
            raise OnshapeFailed(told) from error


def _keep(wish: DrawingFetch, pdf: uploads.StoredUpload) -> None:
    """Make the PDF the part's newest drawing, unless it is that already."""
    with transaction.atomic():
        # First, since it says whether a rescue gave the wish to another worker.
        if not _end(wish, state=Fetch.DONE):
            return
        parts = Part.objects.select_for_update(of=("self",)).with_files()
        part = parts.get(pk=wish.part_id)
        if part.onshape_url != wish.link:
            raise LinkRefused(
                _("The Onshape link of this part was changed meanwhile. Try again."),
                field="onshapeUrl",
            )
        drawing = part.current_drawing
        is_new = drawing is None or drawing.sha256 != pdf.sha256
        if is_new:
            actor = wish.api_key or wish.asked_by
            drawing = workflow.attach(part, pdf, actor=actor, is_beside_step=True)
        DrawingFetch.objects.filter(pk=wish.pk).update(drawing=drawing, is_new=is_new)
    logger.info("drawing_fetched fetch=%s file=%s new=%s", wish.pk, drawing.pk, is_new)


def _end(wish: DrawingFetch, **outcome: str) -> bool:
    """Write how it ended, if the wish is still this worker's."""
    return bool(_ours(wish).update(heartbeat_at=timezone.now(), **outcome))


def _ours(wish: DrawingFetch) -> QuerySet[DrawingFetch]:
    return DrawingFetch.objects.filter(
        pk=wish.pk, state=Fetch.RUNNING, attempts=wish.attempts
    )


def _file_name(name: str, part: Part) -> str:
    """Return a file name for the drawing called ``name`` in Onshape."""
    names = (name.removesuffix(".pdf"), part.code, "drawing")
    stem = next(stem for stem in names if any(map(str.isalnum, stem)))
    return uploads.bare_name(f"{stem}.pdf".replace("/", "-").replace("\\", "-"))

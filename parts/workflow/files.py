"""A part's files: each kept for good, and made a model of."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from parts import tasks
from parts.errors import WrongState
from parts.models import Kind, Part, PartFile, Verb
from parts.uploads import StoredUpload

from .rules import Actor, require
from .taking import name_of, person, record, step, take


@step
def attach(
    part: Part, upload: StoredUpload, *, actor: Actor, is_beside_step: bool = False
) -> PartFile:
    """Add a stored upload as the newest revision of its kind.

    A part that was sent back is handed in again by it.

    Args:
        is_beside_step: a STEP file that is the part's current file stays that.
    Raises:
        NotAllowed: the actor may not work on parts.
        WrongState: the part is in the trash.
    """
    require(actor, "can_work", _lazy("add files"))
    newest = part.files.filter(kind=upload.kind).aggregate(n=Max("revision"))["n"]
    file = PartFile.objects.create(
        part=part,
        kind=upload.kind,
        revision=(newest or 0) + 1,
        name=upload.name,
        content=upload.stored_name,
        sha256=upload.sha256,
        size_bytes=upload.size_bytes,
        uploaded_by=person(actor),
        uploaded_by_name=name_of(actor),
    )
    pointer = "current_step" if upload.kind == Kind.STEP else "current_drawing"
    changes: dict[str, Any] = {pointer: file}
    if not (
        is_beside_step and part.current_step and part.current_file == part.current_step
    ):
        changes["file"] = upload.name
    if part.is_sent_back:
        changes["blocked_reason"] = ""
    if upload.kind == Kind.STEP:
        # Pictures of the older file are never shown for this one.
        changes["extra"] = {k: v for k, v in part.extra.items() if k != "views"}
    take(
        Verb.UPLOADED,
        part,
        actor=actor,
        changes=changes,
        told={"file", "blocked_reason"} & changes.keys(),
        revision=file.revision,
        note=upload.kind,
    )
    return file


@step
def add_views(part: Part, *, actor: Actor, views: Mapping[int, str]) -> Part:
    """Keep pictures of the current file from some sides; other sides keep theirs.

    Args:
        views: number of the side, 0 to 7, to the stored name of its PNG.
    Raises:
        NotAllowed: the actor may not work on parts.
        WrongState: the part is in the trash.
    """
    require(actor, "can_work", _lazy("add pictures"))
    at = timezone.now().isoformat()
    files = {
        str(side): {"filename": f"view_{side}.png", "timestamp": at, "content": name}
        for side, name in views.items()
    }
    files = part.extra.get("views", {}).get("files", {}) | files
    manifest = {"files": dict(sorted(files.items())), "updated_at": at}
    sides = ", ".join(map(str, sorted(views)))
    return take(
        Verb.EDITED,
        part,
        actor=actor,
        changes={"extra": {**part.extra, "views": manifest}},
        told=set(),
        note=f"Pictures from side {sides}",
    )


@step
def convert_again(part: Part, *, actor: Actor, file: PartFile | None = None) -> Part:
    """Have a STEP file of the part, the current one by default, converted once more.

    Raises:
        NotAllowed: the actor may not work on parts.
        WrongState: there is none, it is being converted already, or the part is
            in the trash.
    """
    require(actor, "can_work", _lazy("have files converted"))
    asked_for = file.name if file else part
    file = file or part.current_step
    if part.deleted_at:
        raise WrongState(_("“%(part)s” is in the trash.") % {"part": part})
    if file is None:
        raise WrongState(_("“%(part)s” has no STEP file.") % {"part": part})
    if file.kind != Kind.STEP:
        raise WrongState(_("“%(file)s” is no STEP file.") % {"file": asked_for})
    if not tasks.requeue(file):
        raise WrongState(
            _("“%(file)s” is being converted already.") % {"file": asked_for}
        )
    transaction.on_commit(lambda: tasks.enqueue(file.pk), robust=True)
    record(part, Verb.RETRIED, actor, at=timezone.now(), revision=file.revision)
    return part

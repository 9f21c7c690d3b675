"""The steps of a part's life, and what is written about it."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from parts import tasks
from parts.errors import BadInput, NotAllowed, WrongState
from parts.models import (
    SHOP,
    Category,
    Kind,
    Part,
    PartEvent,
    PartFile,
    Season,
    Status,
    Type,
    Verb,
)
from parts.uploads import StoredUpload
from partsite.statements import OneRow

from .rules import (
    LEADS_ONLY,
    UNSET,
    Actor,
    is_holder,
    placed,
    require,
    require_holder,
    with_worker,
)
from .taking import differing, event_of, name_of, person, record, step, take

LONGEST_NOTE = 500
_CURRENT_SEASON = OneRow(lambda: Season.objects.newest_kept())

# --- Into the system ----------------------------------------------------------


def create(*, actor: Actor, upload: StoredUpload | None = None, **fields: Any) -> Part:
    """Hand in a part, with its file when there is one.

    It starts in review unless ``category`` and ``status`` say otherwise, and
    belongs to the current season unless ``season`` is given.

    Raises:
        NotAllowed: the actor may not hand in parts, or not past the review.
        BadInput: type, category and status contradict each other.
    """
    require(actor, "can_work", _("hand in parts"))
    fields = {**fields, **placed(fields)}
    if fields["category"] != Category.REVIEW:
        require(actor, "can_lead", _("hand in a part past the review"))
    worker = fields.get("assigned", "")
    if worker and actor and worker.casefold() != actor.worker_name.casefold():
        require(actor, "can_lead", _("give a part to somebody else"))
    if any(fields.get(name) not in UNSET for name in LEADS_ONLY):
        require(actor, "can_lead", _("set priority, due date and reviewer"))
    if "season" not in fields:
        fields["season"] = _CURRENT_SEASON.get()
    now = timezone.now()
    with transaction.atomic():
        part = Part.objects.create(created_at=now, updated_at=now, **fields)
        record(part, Verb.CREATED, actor, at=now)
        if upload is not None:
            attach(part, upload, actor=actor)
    return part


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
    require(actor, "can_work", _("add files"))
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
    require(actor, "can_work", _("add pictures"))
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
def edit(part: Part, *, actor: Actor, **fields: Any) -> Part:
    """Change what is written about a part; only what differs is written.

    Changing the type of a part in production moves it to its new lane. ``extra``
    is the full new set, but for the keys that are the server's own.

    Raises:
        NotAllowed: the actor may not edit, or a field is a lead's to set.
        BadInput: a field that only a step may change.
    """
    require(actor, "can_work", _("change parts"))
    changes = differing(part, actor, fields)
    if changes.get("type", part.type) != part.type and part.in_shop:
        changes["category"] = changes["type"] or Category.HAND
    if not changes:
        return part
    return take(Verb.EDITED, part, actor=actor, changes=changes)


# --- Review -------------------------------------------------------------------


@step
def approve(
    part: Part,
    *,
    actor: Actor,
    reviewer: str = "",
    note: str = "",
    fields: Mapping[str, Any] | None = None,
) -> Part:
    """Pass a part from review to the lane of its type, ready to be made.

    ``fields`` are further editable fields that change with it; ``extra`` among
    them is added to what stands.

    Raises:
        NotAllowed: only leads review.
        BadInput: the note is too long.
        WrongState: the part is not in review.
    """
    require(actor, "can_lead", _("review parts"))
    note = note.strip()
    if len(note) > LONGEST_NOTE:
        raise BadInput(_("Keep the note under 500 characters."), field="note")
    return take(
        Verb.APPROVED,
        part,
        actor=actor,
        changes={
            **differing(part, actor, fields or {}, keep_extra=True),
            "category": part.lane,
            "status": Status.REVIEWED,
            "reviewer": reviewer or name_of(actor),
            "approved_at": timezone.now(),
            "blocked_reason": "",
        },
        note=note,
        revision=part.current_step.revision if part.current_step else None,
    )


@step
def send_back(part: Part, *, actor: Actor, reason: str) -> Part:
    """Return a part in review to who handed it in, who reads the reason on it.

    Raises:
        NotAllowed: only leads review.
        BadInput: no reason.
        WrongState: the part is not in review.
    """
    require(actor, "can_lead", _("review parts"))
    reason = _reason(reason, _("Say what has to be changed."))
    return take(
        Verb.SENT_BACK,
        part,
        actor=actor,
        changes={"blocked_reason": reason, "status": Status.PENDING},
        note=reason,
    )


def _reason(text: str, missing: str) -> str:
    text = text.strip()
    if not text:
        raise BadInput(missing, field="reason")
    if len(text) > Part._meta.get_field("blocked_reason").max_length:
        raise BadInput(_("Keep the reason under 500 characters."), field="reason")
    return text


@step
def resubmit(part: Part, *, actor: Actor) -> Part:
    """Hand in again what was sent back.

    Raises:
        NotAllowed: the actor may not hand in parts.
        WrongState: the part was not sent back.
    """
    require(actor, "can_work", _("hand in parts"))
    return take(Verb.RESUBMITTED, part, actor=actor, changes={"blocked_reason": ""})


# --- Production ---------------------------------------------------------------


@step
def assign(part: Part, *, worker: str, actor: Actor) -> Part:
    """Give ``part`` to ``worker`` and start its clock.

    Asked again for who has it already, it changes nothing. A lead may take a
    part from one person and give it to another with ``reassign``.

    Raises:
        BadInput: no name.
        NotAllowed: members take parts for themselves; only leads give them.
        AlreadyClaimed: somebody else has it.
        WrongState: the part is not in production.
    """
    return _assign(part, worker, actor, free={"assigned": ""})


@step
def reassign(part: Part, *, worker: str, actor: Actor) -> Part:
    """Give ``part`` to ``worker``, whoever has it now.

    Raises: as ``assign``, but for AlreadyClaimed.
    """
    if part.assigned and not is_holder(part, actor):
        require(actor, "can_lead", _("take a part from somebody"))
    return _assign(part, worker, actor, free={})


def _assign(part: Part, worker: str, actor: Actor, *, free: dict) -> Part:
    require(actor, "can_work", _("take parts"))
    worker = " ".join(worker.split())
    if not worker:
        raise BadInput(_("Say who takes it."), field="assigned")
    if len(worker) > Part._meta.get_field("assigned").max_length:
        raise BadInput(_("Keep the name under 100 characters."), field="assigned")
    if actor is not None and worker.casefold() != actor.worker_name.casefold():
        require(actor, "can_lead", _("give a part to somebody else"))
    now = timezone.now()
    changes = {
        "assigned": worker,
        "claimed_date": now,
        **_pinned(part),
        "status": Status.IN_PROGRESS,
    }
    if part.in_shop and part.assigned.casefold() == worker.casefold():
        if part.status == Status.IN_PROGRESS and part.claimed_date:
            return part
        free = {"assigned": part.assigned}
    if part.lane == Type.HAND:
        changes["extra"] = with_worker(part.extra, worker, now.isoformat())
    return take(
        Verb.ASSIGNED,
        part,
        actor=actor,
        where=free,
        changes=changes,
        told=changes.keys() - {"extra"},
        revision=changes["claimed_revision"] or None,
    )


@step
def start(part: Part, *, actor: Actor) -> Part:
    """Begin, or go on with, a part in production without changing its holder.

    Raises:
        NotAllowed: somebody else has it and the actor is no lead.
        WrongState: not in production, or in progress already.
    """
    require(actor, "can_work", _("start parts"))
    require_holder(part, actor, _("start it"))
    changes: dict[str, Any] = {"status": Status.IN_PROGRESS}
    if part.claimed_date is None:
        changes["claimed_date"] = timezone.now()
    if part.claimed_revision is None:
        changes |= _pinned(part)
    return take(Verb.STARTED, part, actor=actor, changes=changes)


@step
def accept_revision(part: Part, *, actor: Actor) -> Part:
    """Go on with the newer files that came after the claim.

    Raises:
        NotAllowed: somebody else has it and the actor is no lead.
        WrongState: nobody has the part.
    """
    require(actor, "can_work", _("make parts"))
    require_holder(part, actor, _("accept the new file"))
    newest = max(part.newer_files, key=lambda file: file.pk, default=part.current_step)
    return take(
        Verb.ACCEPTED,
        part,
        actor=actor,
        changes=_pinned(part),
        revision=newest.revision if newest else None,
        note=newest.kind if newest else "",
    )


def _pinned(part: Part) -> dict[str, int]:
    """Return the numbers of the files that a claim made now is for; 0 is none."""
    step, drawing = part.current_step, part.current_drawing
    return {
        "claimed_revision": step.revision if step else 0,
        "claimed_drawing": drawing.revision if drawing else 0,
    }


@step
def unclaim(part: Part, *, actor: Actor) -> Part:
    """Let a part go; what was in progress is then already started.

    Raises:
        NotAllowed: somebody else has it and the actor is no lead.
        WrongState: the part is completed or in review.
    """
    require(actor, "can_work", _("let parts go"))
    require_holder(part, actor, _("let it go"))
    changes: dict[str, Any] = {
        "assigned": "",
        "claimed_date": None,
        "claimed_revision": None,
        "claimed_drawing": None,
    }
    if part.status == Status.IN_PROGRESS:
        changes["status"] = Status.ALREADY_STARTED
    return take(Verb.UNCLAIMED, part, actor=actor, changes=changes)


@step
def complete(
    part: Part,
    *,
    actor: Actor,
    storage: str = "",
    fields: Mapping[str, Any] | None = None,
) -> Part:
    """Finish a part and say where it lies; all its pieces are made.

    ``fields`` are further editable fields that change with it; ``extra`` among
    them is added to what stands.

    Raises:
        NotAllowed: somebody else has it and the actor is no lead, or a field is
            a lead's to set.
        BadInput: the storage place is too long.
        WrongState: completed already, or still in review.
    """
    require(actor, "can_work", _("finish parts"))
    storage = _place(storage)
    require_holder(part, actor, _("finish it"))
    changes = {
        **differing(part, actor, fields or {}, keep_extra=True),
        "category": Category.COMPLETED,
        "status": Status.COMPLETED,
        "completed_at": timezone.now(),
        "made": max(part.made, part.amount),
        "blocked_reason": "",
    }
    if storage:
        changes["storage_location"] = storage
    return take(
        Verb.COMPLETED,
        part,
        actor=actor,
        changes=changes,
        note=storage,
        revision=part.claimed_revision or None,
    )


@step
def block(part: Part, *, actor: Actor, reason: str) -> Part:
    """Say why a part in production cannot be made now; it goes to the blocked queue.

    Raises:
        NotAllowed: the actor may not change parts.
        BadInput: no reason, or one that is too long.
        WrongState: the part is not in production.
    """
    require(actor, "can_work", _("change parts"))
    reason = _reason(reason, _("Say what blocks it."))
    return _in_shop(part, actor, blocked_reason=reason)


@step
def unblock(part: Part, *, actor: Actor) -> Part:
    """Say that a part in production can be made again.

    Raises:
        NotAllowed: the actor may not change parts.
        WrongState: the part is not in production.
    """
    require(actor, "can_work", _("change parts"))
    return _in_shop(part, actor, blocked_reason="")


def _in_shop(part: Part, actor: Actor, **changes) -> Part:
    # In review the same column says why a part was sent back.
    if part.category not in SHOP:
        raise WrongState(
            _("“%(part)s” is not in production, so nothing there blocks it.")
            % {"part": part}
        )
    return edit(part, actor=actor, **changes)


@step
def put(part: Part, *, actor: Actor, storage: str) -> Part:
    """Note where a part lies now; blank is nowhere known.

    Raises:
        NotAllowed: the actor may not change parts.
        BadInput: the storage place is too long.
    """
    return edit(part, actor=actor, storage_location=_place(storage))


def _place(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > Part._meta.get_field("storage_location").max_length:
        raise BadInput(_("Keep the place under 200 characters."), field="storage")
    return text


@step
def revert(part: Part, *, actor: Actor, reason: str = "") -> Part:
    """Bring a completed part back to the lane of its type.

    Raises:
        NotAllowed: only leads reopen parts.
        NotCompleted: the part is not completed.
    """
    require(actor, "can_lead", _("reopen parts"))
    misc = part.lane == Type.MISC
    return take(
        Verb.REVERTED,
        part,
        actor=actor,
        changes={
            "category": part.lane,
            "status": Status.REVIEWED if misc else Status.IN_PROGRESS,
            "completed_at": None,
            "completed_incorrectly": False,
            "wrong_reason": "",
            "made": 0,
        },
        note=reason.strip(),
    )


# --- Trash --------------------------------------------------------------------


@step
def trash(part: Part, *, actor: Actor) -> Part:
    """Move a part to the trash, from where leads can restore it for 30 days.

    Raises:
        NotAllowed: the actor is neither a lead nor who handed it in.
        WrongState: it is there already.
    """
    require(actor, "can_work", _("delete parts"))
    if not (actor is None or actor.can_lead):
        own = part.events.filter(verb=Verb.CREATED, actor=person(actor)).exists()
        if not own or part.category != Category.REVIEW:
            raise NotAllowed(
                _(
                    "Only a lead, or whoever handed it in while it is in "
                    "review, may delete a part."
                )
            )
    return take(Verb.TRASHED, part, actor=actor, changes={"deleted_at": timezone.now()})


@step
def restore(part: Part, *, actor: Actor) -> Part:
    """Take a part out of the trash, as it was.

    Raises:
        NotAllowed: only leads restore parts.
        WrongState: it is not in the trash.
    """
    require(actor, "can_lead", _("restore parts"))
    return take(Verb.RESTORED, part, actor=actor, changes={"deleted_at": None})


def wipe(*, actor: Actor) -> int:
    """Move every part to the trash, from where leads can restore; return how many.

    Raises:
        NotAllowed: the actor is neither a lead nor a key of scope lead.
    """
    if actor is not None and not actor.can_wipe:
        raise NotAllowed(
            _("Only a lead, or a key of scope lead, may delete everything.")
        )
    now = timezone.now()
    with transaction.atomic():
        live = Part.objects.live().select_for_update()
        ids = list(live.order_by("pk").values_list("pk", flat=True))
        Part.objects.live().update(deleted_at=now, updated_at=now)
        PartEvent.objects.bulk_create(
            (
                event_of(
                    pk,
                    Verb.TRASHED,
                    actor,
                    at=now,
                    changes={"deleted_at": [None, now.isoformat()]},
                    note="with all others",
                )
                for pk in ids
            ),
            batch_size=1000,
        )
    return len(ids)


# --- Conversion ---------------------------------------------------------------


@step
def convert_again(part: Part, *, actor: Actor, file: PartFile | None = None) -> Part:
    """Have a STEP file of the part, the current one by default, converted once more.

    Raises:
        NotAllowed: the actor may not work on parts.
        WrongState: there is none, it is being converted already, or the part is
            in the trash.
    """
    require(actor, "can_work", _("have files converted"))
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


# --- Holders ------------------------------------------------------------------


def rename_holder(old: str, *, actor: User) -> int:
    """Have what ``actor`` holds under the name ``old`` follow; return how many."""
    if old == actor.name:
        return 0
    return _each_held_by(
        old,
        lambda part: take(
            Verb.EDITED, part, actor=actor, changes={"assigned": actor.name}
        ),
    )


def let_go_all(holder: str, *, actor: Actor) -> int:
    """Let go of everything in production that ``holder`` has; return how many."""
    return _each_held_by(holder, lambda part: unclaim(part, actor=actor))


def _each_held_by(name: str, change: Callable[[Part], Part]) -> int:
    with transaction.atomic():
        held = Part.objects.in_shop().held_by(name).with_files().order_by("pk")
        return len([change(part) for part in held.select_for_update(of=("self",))])

"""The one writer of state: every step of a part's life, whoever asks for it.

A step checks that whoever asks may take it, changes the row and writes the
event, all in one transaction. ``actor`` is the person or key that asks; None
is the system itself, which may do everything.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import transaction
from django.db.models import Max, Model, Q
from django.utils import timezone

from accounts.models import ApiKey, User

from . import tasks
from .errors import AlreadyClaimed, BadInput, NotAllowed, NotCompleted, WrongState
from .models import (
    SHOP,
    Category,
    Kind,
    Part,
    PartEvent,
    PartFile,
    Priority,
    Season,
    Status,
    Type,
    Verb,
)
from .querysets import IN_SHOP
from .uploads import StoredUpload

Actor = User | ApiKey | None
P = ParamSpec("P")
R = TypeVar("R")

# The policy: what must hold in the database for a step to be taken. It stands
# in the UPDATE's WHERE clause, so of two racing requests exactly one changes a
# row (select_for_update() does nothing on SQLite).
IN_PRODUCTION = Q(category__in=IN_SHOP, deleted_at=None)
POLICY = {
    Verb.EDITED: Q(deleted_at=None),
    Verb.UPLOADED: Q(deleted_at=None),
    Verb.APPROVED: Q(category=Category.REVIEW, deleted_at=None),
    Verb.SENT_BACK: Q(category=Category.REVIEW, deleted_at=None),
    Verb.RESUBMITTED: (
        Q(category=Category.REVIEW, deleted_at=None) & ~Q(blocked_reason="")
    ),
    Verb.ASSIGNED: IN_PRODUCTION,
    Verb.STARTED: IN_PRODUCTION & ~Q(status=Status.IN_PROGRESS),
    Verb.ACCEPTED: IN_PRODUCTION & ~Q(assigned=""),
    Verb.UNCLAIMED: IN_PRODUCTION,
    Verb.COMPLETED: IN_PRODUCTION,
    Verb.REVERTED: Q(category=Category.COMPLETED, deleted_at=None),
    Verb.TRASHED: Q(deleted_at=None),
    Verb.RESTORED: ~Q(deleted_at=None),
}

# What a person may write about a part; everything else is a step's.
EDITABLE = frozenset(
    {
        "amount",
        "blocked_reason",
        "code",
        "completed_incorrectly",
        "due_date",
        "extra",
        "made",
        "material",
        "material_thickness",
        "name",
        "notes",
        "onshape_url",
        "priority",
        "reviewer",
        "scrapped",
        "season",
        "service_method",
        "storage_location",
        "subsystem",
        "type",
    }
)
LEADS_ONLY = frozenset({"priority", "due_date", "reviewer"})
_UNSET = {None, "", Priority.NORMAL}
# Keys of ``extra`` that no request writes or clears.
SERVERS_OWN = frozenset({"handWorkers", "views"})


def _step(function: Callable[P, R]) -> Callable[P, R]:
    """Run a step in one transaction, on the part as it is in the database now.

    The row is read again and, on PostgreSQL, held; on SQLite the transaction
    itself, being immediate, is the lock.
    """

    @wraps(function)
    def take(part: Part, *args, **kwargs):
        with transaction.atomic():
            fresh = Part.objects.select_for_update(of=("self",)).with_files()
            try:
                part.refresh_from_db(from_queryset=fresh)
            except Part.DoesNotExist:
                raise WrongState("This part is no longer there.") from None
            return function(part, *args, **kwargs)

    return take


# --- Into the system ----------------------------------------------------------


def create(*, actor: Actor, upload: StoredUpload | None = None, **fields: Any) -> Part:
    """Hand in a part, with its file when there is one.

    It starts in review unless ``category`` and ``status`` say otherwise, and
    belongs to the current season unless ``season`` is given.

    Raises:
        NotAllowed: the actor may not hand in parts, or not past the review.
        BadInput: type, category and status contradict each other.
    """
    _require(actor, "can_work", "hand in parts")
    fields = {**fields, **_placed(fields)}
    if fields["category"] != Category.REVIEW:
        _require(actor, "can_lead", "hand in a part past the review")
    worker = fields.get("assigned", "")
    if worker and actor and worker.casefold() != actor.worker_name.casefold():
        _require(actor, "can_lead", "give a part to somebody else")
    if any(fields.get(name) not in _UNSET for name in LEADS_ONLY):
        _require(actor, "can_lead", "set priority, due date and reviewer")
    if "season" not in fields:
        fields["season"] = Season.objects.current()
    now = timezone.now()
    with transaction.atomic():
        part = Part.objects.create(created_at=now, updated_at=now, **fields)
        _record(part, Verb.CREATED, actor, at=now)
        if upload is not None:
            attach(part, upload, actor=actor)
    return part


@_step
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
    _require(actor, "can_work", "add files")
    newest = part.files.filter(kind=upload.kind).aggregate(n=Max("revision"))["n"]
    file = PartFile.objects.create(
        part=part,
        kind=upload.kind,
        revision=(newest or 0) + 1,
        name=upload.name,
        content=upload.stored_name,
        sha256=upload.sha256,
        size_bytes=upload.size_bytes,
        uploaded_by=_person(actor),
        uploaded_by_name=_name(actor),
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
    _take(
        Verb.UPLOADED,
        part,
        actor=actor,
        changes=changes,
        told={"file", "blocked_reason"} & changes.keys(),
        revision=file.revision,
        note=upload.kind,
    )
    return file


@_step
def add_views(part: Part, *, actor: Actor, views: Mapping[int, str]) -> Part:
    """Keep pictures of the current file from some sides; other sides keep theirs.

    Args:
        views: number of the side, 0 to 7, to the stored name of its PNG.
    Raises:
        NotAllowed: the actor may not work on parts.
        WrongState: the part is in the trash.
    """
    _require(actor, "can_work", "add pictures")
    at = timezone.now().isoformat()
    files = {
        str(side): {"filename": f"view_{side}.png", "timestamp": at, "content": name}
        for side, name in views.items()
    }
    files = part.extra.get("views", {}).get("files", {}) | files
    manifest = {"files": dict(sorted(files.items())), "updated_at": at}
    sides = ", ".join(map(str, sorted(views)))
    return _take(
        Verb.EDITED,
        part,
        actor=actor,
        changes={"extra": {**part.extra, "views": manifest}},
        told=set(),
        note=f"Pictures from side {sides}",
    )


@_step
def edit(part: Part, *, actor: Actor, **fields: Any) -> Part:
    """Change what is written about a part; only what differs is written.

    Changing the type of a part in production moves it to its new lane. ``extra``
    is the full new set, but for the keys that are the server's own.

    Raises:
        NotAllowed: the actor may not edit, or a field is a lead's to set.
        BadInput: a field that only a step may change.
    """
    _require(actor, "can_work", "change parts")
    changes = _differing(part, actor, fields)
    if changes.get("type", part.type) != part.type and part.in_shop:
        changes["category"] = changes["type"] or Category.HAND
    if not changes:
        return part
    return _take(Verb.EDITED, part, actor=actor, changes=changes)


def _differing(
    part: Part, actor: Actor, fields: Mapping[str, Any], *, keep_extra: bool = False
) -> dict[str, Any]:
    """Return what of ``fields`` is new, if the actor may write it.

    Args:
        keep_extra: add the keys of ``extra`` to those that stand.
    """
    if foreign := fields.keys() - EDITABLE:
        raise BadInput(f"“{min(foreign)}” is changed by a step, not by an edit.")
    fields = dict(fields)
    if "extra" in fields:
        given = {k: v for k, v in fields["extra"].items() if k not in SERVERS_OWN}
        kept = {k: v for k, v in part.extra.items() if keep_extra or k in SERVERS_OWN}
        fields["extra"] = kept | given
    if fields.get("code") == "":
        fields["code"] = str(part.uuid)[:8]  # a part is never without one
    changes = {
        name: value for name, value in fields.items() if getattr(part, name) != value
    }
    if LEADS_ONLY & changes.keys():
        _require(actor, "can_lead", "set priority, due date and reviewer")
    return changes


# --- Review -------------------------------------------------------------------


@_step
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
        WrongState: the part is not in review.
    """
    _require(actor, "can_lead", "review parts")
    return _take(
        Verb.APPROVED,
        part,
        actor=actor,
        changes={
            **_differing(part, actor, fields or {}, keep_extra=True),
            "category": part.lane,
            "status": Status.REVIEWED,
            "reviewer": reviewer or _name(actor),
            "approved_at": timezone.now(),
            "blocked_reason": "",
        },
        note=note,
        revision=part.current_step.revision if part.current_step else None,
    )


@_step
def send_back(part: Part, *, actor: Actor, reason: str) -> Part:
    """Return a part in review to who handed it in, who reads the reason on it.

    Raises:
        NotAllowed: only leads review.
        BadInput: no reason.
        WrongState: the part is not in review.
    """
    _require(actor, "can_lead", "review parts")
    reason = reason.strip()
    if not reason:
        raise BadInput("Say what has to be changed.", field="reason")
    if len(reason) > Part._meta.get_field("blocked_reason").max_length:
        raise BadInput("Keep the reason under 500 characters.", field="reason")
    return _take(
        Verb.SENT_BACK,
        part,
        actor=actor,
        changes={"blocked_reason": reason, "status": Status.PENDING},
        note=reason,
    )


@_step
def resubmit(part: Part, *, actor: Actor) -> Part:
    """Hand in again what was sent back.

    Raises:
        NotAllowed: the actor may not hand in parts.
        WrongState: the part was not sent back.
    """
    _require(actor, "can_work", "hand in parts")
    return _take(Verb.RESUBMITTED, part, actor=actor, changes={"blocked_reason": ""})


# --- Production ---------------------------------------------------------------


@_step
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
    return _assign(part, worker, actor, free=Q(assigned=""))


@_step
def reassign(part: Part, *, worker: str, actor: Actor) -> Part:
    """Give ``part`` to ``worker``, whoever has it now.

    Raises: as ``assign``, but for AlreadyClaimed.
    """
    if part.assigned and not _is_holder(part, actor):
        _require(actor, "can_lead", "take a part from somebody")
    return _assign(part, worker, actor, free=Q())


def _assign(part: Part, worker: str, actor: Actor, *, free: Q) -> Part:
    _require(actor, "can_work", "take parts")
    worker = " ".join(worker.split())
    if not worker:
        raise BadInput("Say who takes it.", field="assigned")
    if len(worker) > Part._meta.get_field("assigned").max_length:
        raise BadInput("Keep the name under 100 characters.", field="assigned")
    if actor is not None and worker.casefold() != actor.worker_name.casefold():
        _require(actor, "can_lead", "give a part to somebody else")
    now = timezone.now()
    changes = {
        "assigned": worker,
        "claimed_date": now,
        "claimed_revision": (part.current_step.revision if part.current_step else None),
        "status": Status.IN_PROGRESS,
    }
    if part.in_shop and part.assigned.casefold() == worker.casefold():
        if part.status == Status.IN_PROGRESS and part.claimed_date:
            return part
        free = Q(assigned=part.assigned)
    if part.lane == Type.HAND:
        changes["extra"] = _with_worker(part.extra, worker, now.isoformat())
    return _take(
        Verb.ASSIGNED,
        part,
        actor=actor,
        where=free,
        changes=changes,
        told=changes.keys() - {"extra"},
        revision=changes["claimed_revision"],
    )


def _with_worker(extra: dict, worker: str, at: str) -> dict:
    """Return ``extra`` with ``worker`` noted among those who made a hand part."""
    workers = [*extra.get("handWorkers", []), {"name": worker, "timestamp": at}]
    return {**extra, "handWorkers": workers}


@_step
def start(part: Part, *, actor: Actor) -> Part:
    """Begin, or go on with, a part in production without changing its holder.

    Raises:
        NotAllowed: somebody else has it and the actor is no lead.
        WrongState: not in production, or in progress already.
    """
    _require(actor, "can_work", "start parts")
    _require_holder(part, actor, "start it")
    changes: dict[str, Any] = {"status": Status.IN_PROGRESS}
    if part.claimed_date is None:
        changes["claimed_date"] = timezone.now()
    if part.claimed_revision is None and part.current_step:
        changes["claimed_revision"] = part.current_step.revision
    return _take(Verb.STARTED, part, actor=actor, changes=changes)


@_step
def accept_revision(part: Part, *, actor: Actor) -> Part:
    """Go on with the newer STEP file that came after the claim.

    Raises:
        NotAllowed: somebody else has it and the actor is no lead.
        WrongState: nobody has the part.
    """
    _require(actor, "can_work", "make parts")
    _require_holder(part, actor, "accept the new file")
    revision = part.current_step.revision if part.current_step else None
    return _take(
        Verb.ACCEPTED,
        part,
        actor=actor,
        changes={"claimed_revision": revision},
        revision=revision,
    )


@_step
def unclaim(part: Part, *, actor: Actor) -> Part:
    """Let a part go; what was in progress is then already started.

    Raises:
        NotAllowed: somebody else has it and the actor is no lead.
        WrongState: the part is completed or in review.
    """
    _require(actor, "can_work", "let parts go")
    _require_holder(part, actor, "let it go")
    changes: dict[str, Any] = {
        "assigned": "",
        "claimed_date": None,
        "claimed_revision": None,
    }
    if part.status == Status.IN_PROGRESS:
        changes["status"] = Status.ALREADY_STARTED
    return _take(Verb.UNCLAIMED, part, actor=actor, changes=changes)


@_step
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
    _require(actor, "can_work", "finish parts")
    storage = storage.strip()
    if len(storage) > Part._meta.get_field("storage_location").max_length:
        raise BadInput("Keep the place under 200 characters.", field="storage")
    _require_holder(part, actor, "finish it")
    changes = {
        **_differing(part, actor, fields or {}, keep_extra=True),
        "category": Category.COMPLETED,
        "status": Status.COMPLETED,
        "completed_at": timezone.now(),
        "made": max(part.made, part.amount),
        "blocked_reason": "",
    }
    if storage:
        changes["storage_location"] = storage
    return _take(
        Verb.COMPLETED,
        part,
        actor=actor,
        changes=changes,
        note=storage,
        revision=part.claimed_revision,
    )


@_step
def revert(part: Part, *, actor: Actor, reason: str = "") -> Part:
    """Bring a completed part back to the lane of its type.

    Raises:
        NotAllowed: only leads reopen parts.
        NotCompleted: the part is not completed.
    """
    _require(actor, "can_lead", "reopen parts")
    misc = part.lane == Type.MISC
    return _take(
        Verb.REVERTED,
        part,
        actor=actor,
        changes={
            "category": part.lane,
            "status": Status.REVIEWED if misc else Status.IN_PROGRESS,
            "completed_at": None,
            "completed_incorrectly": False,
            "made": 0,
        },
        note=reason.strip(),
    )


# --- By name of the state -----------------------------------------------------


@_step
def update(
    part: Part,
    *,
    actor: Actor,
    status: str = "",
    category: str = "",
    assigned: str | None = None,
    keep_extra: bool = True,
    **fields: Any,
) -> Part:
    """Make a part what is written of it, state included; refused, nothing changes.

    Existing API clients send back a whole part with one thing changed, so only
    what differs from what stands is asked for. Fields are an edit, status and
    category a move, and another name in ``assigned`` gives the part to that
    person; a blank one lets it go.

    Args:
        keep_extra: add the keys of ``extra`` to those that stand; else they
            are the full new set.
    Raises:
        BadInput: status, category and type contradict each other.
        Others: as the steps that are taken.
    """
    if category and status:
        _agree(category, status)
    if keep_extra and "extra" in fields:
        fields["extra"] = part.extra | fields["extra"]
    has_type = fields.get("type", part.type)
    if category in SHOP and not has_type and category != Category.HAND:
        fields["type"] = category  # without one it would be made by hand
    if fields:
        edit(part, actor=actor, **fields)
    if category == part.category:
        category = ""
    if status == part.status and not category:
        status = ""
    worker = None if assigned is None else " ".join(assigned.split())
    if worker == part.assigned:
        worker = None
    if worker is not None and part.in_shop:
        _hand_over(part, worker, actor)
        worker = None
    # By itself this status lets a part go; here somebody is to keep it.
    keeps = status == Status.ALREADY_STARTED and assigned and not category
    if keeps and part.in_shop:
        _relabel(part, actor=actor, status=status, category=part.category)
    elif status or category:
        move(part, actor=actor, status=status, category=category)
    if worker is not None:
        _hand_over(part, worker, actor)
        if status and status != part.status:
            _relabel(part, actor=actor, status=status, category=part.category)
    return part


def _hand_over(part: Part, worker: str, actor: Actor) -> Part:
    """Give a part to ``worker``, or to nobody, wherever it stands."""
    if not part.in_shop:
        return _name_holder(part, worker=worker, actor=actor)
    if worker:
        return reassign(part, worker=worker, actor=actor)
    return unclaim(part, actor=actor)


@_step
def _name_holder(part: Part, *, worker: str, actor: Actor) -> Part:
    """Write whose a part in review or completed is; there no clock runs.

    Raises:
        NotAllowed: members name nobody but themselves, and nobody off.
    """
    _require(actor, "can_work", "change parts")
    for name in {part.assigned, worker} - {""}:
        if actor is not None and name.casefold() != actor.worker_name.casefold():
            _require(actor, "can_lead", "say whose part it is")
    changes: dict[str, Any] = {"assigned": worker}
    if worker and part.type == Type.HAND:
        at = timezone.now().isoformat()
        changes["extra"] = _with_worker(part.extra, worker, at)
    return _take(Verb.EDITED, part, actor=actor, changes=changes, told={"assigned"})


@_step
def move(part: Part, *, actor: Actor, status: str = "", category: str = "") -> Part:
    """Take the step that leads to this status and category; blank leaves one be.

    Existing API clients start and finish work by writing a status, so each
    pair is read as the step it stands for, with all that follows from it.

    Raises:
        BadInput: status, category and type contradict each other.
        Others: as the step that is taken.
    """
    status = status or _status_in(category, part)
    category = category or _category_of(status, part)
    _agree(category, status)
    if category in SHOP:
        _fit(category, part.lane)
    if (category, status) == (part.category, part.status):
        return part
    if category == Category.COMPLETED:
        return complete(part, actor=actor)
    if part.category == Category.COMPLETED:
        part = revert(part, actor=actor)
    elif part.category == Category.REVIEW and category in SHOP:
        part = approve(part, actor=actor, reviewer=part.reviewer)
    if (category, status) == (part.category, part.status):
        return part
    if category in SHOP and status == Status.IN_PROGRESS:
        return start(part, actor=actor)
    if category in SHOP and status == Status.ALREADY_STARTED and part.in_shop:
        return unclaim(part, actor=actor)
    return _relabel(part, actor=actor, status=status, category=category)


@_step
def _relabel(part: Part, *, actor: Actor, status: str, category: str) -> Part:
    """Write a status or category that no step leads to, as old clients do."""
    _require(actor, "can_work", "change parts")
    if category != part.category:
        _require(actor, "can_lead", "move a part to another board")
    changes: dict[str, Any] = {"status": status, "category": category}
    if category == Category.REVIEW != part.category:
        # Whoever takes it after the next approval starts a claim of their own.
        changes |= {"claimed_date": None, "claimed_revision": None}
        changes |= {"assigned": "", "approved_at": None}
    return _take(
        Verb.EDITED,
        part,
        actor=actor,
        changes=changes,
    )


def _status_in(category: str, part: Part) -> str:
    """Return the status that a part gets by moving to ``category`` alone."""
    if not category or category == part.category:
        return part.status
    if category == Category.COMPLETED:
        return Status.COMPLETED
    if category == Category.REVIEW:
        return Status.PENDING
    if part.category == Category.COMPLETED and part.lane != Type.MISC:
        return Status.IN_PROGRESS
    return Status.REVIEWED


def _category_of(status: str, part: Part) -> str:
    """Return the category that a part gets by taking ``status`` alone."""
    if status == Status.COMPLETED:
        return Category.COMPLETED
    if part.category == Category.COMPLETED:
        return part.lane
    if part.category == Category.REVIEW and status in {
        Status.REVIEWED,
        Status.APPROVED,
        Status.IN_PROGRESS,
    }:
        return part.lane
    return part.category


# --- Trash --------------------------------------------------------------------


@_step
def trash(part: Part, *, actor: Actor) -> Part:
    """Move a part to the trash, from where leads can restore it for 30 days.

    Raises:
        NotAllowed: the actor is neither a lead nor who handed it in.
        WrongState: it is there already.
    """
    _require(actor, "can_work", "delete parts")
    if not (actor is None or actor.can_lead):
        own = part.events.filter(verb=Verb.CREATED, actor=_person(actor)).exists()
        if not own or part.category != Category.REVIEW:
            raise NotAllowed(
                "Only a lead, or whoever handed it in while it is in review, may "
                "delete a part."
            )
    return _take(
        Verb.TRASHED, part, actor=actor, changes={"deleted_at": timezone.now()}
    )


@_step
def restore(part: Part, *, actor: Actor) -> Part:
    """Take a part out of the trash, as it was.

    Raises:
        NotAllowed: only leads restore parts.
        WrongState: it is not in the trash.
    """
    _require(actor, "can_lead", "restore parts")
    return _take(Verb.RESTORED, part, actor=actor, changes={"deleted_at": None})


def wipe(*, actor: Actor) -> int:
    """Move every part to the trash, from where leads can restore; return how many.

    Raises:
        NotAllowed: the actor is neither a lead nor a key of scope lead.
    """
    if actor is not None and not actor.can_wipe:
        raise NotAllowed("Only a lead, or a key of scope lead, may delete everything.")
    now = timezone.now()
    with transaction.atomic():
        live = Part.objects.live().select_for_update()
        ids = list(live.order_by("pk").values_list("pk", flat=True))
        Part.objects.live().update(deleted_at=now, updated_at=now)
        PartEvent.objects.bulk_create(
            (
                _event(
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


@_step
def convert_again(part: Part, *, actor: Actor, file: PartFile | None = None) -> Part:
    """Have a STEP file of the part, the current one by default, converted once more.

    Raises:
        NotAllowed: the actor may not work on parts.
        WrongState: there is none, it is being converted already, or the part is
            in the trash.
    """
    _require(actor, "can_work", "have files converted")
    asked_for = file.name if file else part
    file = file or part.current_step
    if part.deleted_at:
        raise WrongState(f"“{part}” is in the trash.")
    if file is None:
        raise WrongState(f"“{part}” has no STEP file.")
    if file.kind != Kind.STEP:
        raise WrongState(f"“{asked_for}” is no STEP file.")
    if not tasks.requeue(file):
        raise WrongState(f"“{asked_for}” is being converted already.")
    transaction.on_commit(lambda: tasks.enqueue(file.pk), robust=True)
    _record(part, Verb.RETRIED, actor, at=timezone.now(), revision=file.revision)
    return part


# --- How a step is taken ------------------------------------------------------


def _take(
    verb: Verb,
    part: Part,
    *,
    actor: Actor,
    changes: dict[str, Any],
    where: Q | None = None,
    told: set[str] | None = None,
    note: str = "",
    revision: int | None = None,
) -> Part:
    """Change the row if the policy holds there, and write the event.

    Args:
        where: what must hold beyond the policy.
        told: the fields whose change the event tells; all of them by default.
    Raises:
        WrongState: the policy does not hold; nothing was changed.
    """
    before = {name: _plain(getattr(part, name)) for name in changes}
    row = Part.objects.filter(POLICY[verb], where or Q(), pk=part.pk)
    now = timezone.now()
    changes["updated_at"] = now  # update() skips auto_now
    if not row.update(**changes):
        raise _refusal(verb, part)
    after = {name: _plain(value) for name, value in changes.items()}
    _record(
        part,
        verb,
        actor,
        at=now,  # as the row, so that “what came after this version” has an answer
        changes={
            name: [before[name], after[name]]
            for name in (before if told is None else told)
            if before[name] != after[name]
        },
        note=note,
        revision=revision,
    )
    for name, value in changes.items():
        setattr(part, name, value)
    return part


def _record(part: Part, verb: Verb, actor: Actor, **told: Any) -> PartEvent:
    """Write one line of the history; ``told`` is as in ``_event``."""
    event = _event(part.pk, verb, actor, **told)
    event.save(force_insert=True)
    return event


def _event(
    part_id: int,
    verb: Verb,
    actor: Actor,
    *,
    at: datetime,
    changes: dict | None = None,
    note: str = "",
    revision: int | None = None,
) -> PartEvent:
    return PartEvent(
        part_id=part_id,
        at=at,
        verb=verb,
        actor=_person(actor),
        api_key=actor if isinstance(actor, ApiKey) else None,
        actor_name=_name(actor),
        changes=changes or {},
        note=note,
        revision=revision,
    )


def _refusal(verb: Verb, part: Part) -> WrongState | NotCompleted:
    """Say why a step cannot be taken from where the part stands."""
    if part.deleted_at and verb != Verb.TRASHED:
        return WrongState(f"“{part}” is in the trash.")
    if verb == Verb.REVERTED:
        return NotCompleted("Part is not completed")
    if verb == Verb.ASSIGNED and part.in_shop and part.assigned:
        return AlreadyClaimed(f"{part.assigned} has “{part}” already.")
    where = {
        Category.REVIEW: "is still in review",
        Category.COMPLETED: "is completed already",
    }.get(part.category, f"is in production ({part.get_status_display().lower()})")
    if verb == Verb.TRASHED:
        where = "is in the trash already"
    elif verb == Verb.RESTORED:
        where = "is not in the trash"
    elif verb == Verb.ACCEPTED and part.in_shop:
        where = "is taken by nobody"
    elif verb == Verb.RESUBMITTED and part.category == Category.REVIEW:
        where = "was not sent back"
    return WrongState(f"“{part}” {where}, so it cannot be {_DONE[verb]}.")


_DONE = {
    Verb.EDITED: "changed",
    Verb.UPLOADED: "given a file",
    Verb.APPROVED: "approved",
    Verb.SENT_BACK: "sent back",
    Verb.RESUBMITTED: "handed in again",
    Verb.ASSIGNED: "taken",
    Verb.STARTED: "started",
    Verb.ACCEPTED: "accepted",
    Verb.UNCLAIMED: "let go",
    Verb.COMPLETED: "finished",
    Verb.TRASHED: "deleted",
    Verb.RESTORED: "restored",
}


def _placed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return type, category, status and times that agree with what is given.

    Raises:
        BadInput: they contradict each other.
    """
    type_ = fields.get("type", "")
    status = fields.get("status", "")
    category = fields.get("category", "")
    if not category:
        done = status == Status.COMPLETED
        category = Category.COMPLETED if done else Category.REVIEW
    if not status:
        status = {
            Category.REVIEW: Status.PENDING,
            Category.COMPLETED: Status.COMPLETED,
        }.get(category, Status.REVIEWED)
    _agree(category, status)
    if category in SHOP:
        type_ = type_ or category
        _fit(category, type_)
    now = timezone.now()
    placed = {"type": type_, "category": category, "status": status}
    if category != Category.REVIEW:
        placed["approved_at"] = now
    if category == Category.COMPLETED:
        placed["completed_at"] = now
    worker = fields.get("assigned")
    if category in SHOP and (worker or status == Status.IN_PROGRESS):
        placed["claimed_date"] = now
    if worker and type_ == Type.HAND:
        extra = fields.get("extra", {})
        placed["extra"] = _with_worker(extra, worker, now.isoformat())
    return placed


def _agree(category: str, status: str) -> None:
    if (category == Category.COMPLETED) != (status == Status.COMPLETED):
        raise BadInput(
            f"Category “{category}” and status “{status}” contradict each other.",
            field="status",
        )


def _fit(category: str, lane: str) -> None:
    if category != lane:
        raise BadInput(
            f"A part of type “{lane}” cannot stand in “{category}”.", field="category"
        )


def _require(actor: Actor, right: str, deed: str) -> None:
    if actor is not None and not getattr(actor, right):
        who = "leads" if right == "can_lead" else "members and leads"
        raise NotAllowed(f"Only {who} may {deed}.")


def _is_holder(part: Part, actor: Actor) -> bool:
    return actor is None or part.assigned.casefold() == actor.worker_name.casefold()


def _require_holder(part: Part, actor: Actor, deed: str) -> None:
    """Let nobody but a lead act on a part that somebody else has."""
    if part.in_shop and part.assigned and not _is_holder(part, actor):
        if actor.can_lead:
            return
        raise NotAllowed(f"{part.assigned} has this part; only a lead may {deed} too.")


def _person(actor: Actor) -> User | None:
    return actor.owner if isinstance(actor, ApiKey) else actor


def _name(actor: Actor) -> str:
    return "" if actor is None else actor.name


def _plain(value: Any) -> Any:
    """Return ``value`` as JSON can hold it."""
    if isinstance(value, Model):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value

"""Making a part: who has it, how far it is, where it lies."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from parts.errors import BadInput, WrongState
from parts.models import SHOP, Category, Part, Status, Type, Verb

from .entry import edit
from .rules import (
    Actor,
    is_holder,
    reason_of,
    require,
    require_holder,
    with_worker,
)
from .taking import differing, step, take


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
        require(actor, "can_lead", _lazy("take a part from somebody"))
    return _assign(part, worker, actor, free={})


def _assign(part: Part, worker: str, actor: Actor, *, free: dict) -> Part:
    require(actor, "can_work", _lazy("take parts"))
    worker = " ".join(worker.split())
    if not worker:
        raise BadInput(_("Say who takes it."), field="assigned")
    if len(worker) > Part._meta.get_field("assigned").max_length:
        raise BadInput(_("Keep the name under 100 characters."), field="assigned")
    if actor is not None and worker.casefold() != actor.worker_name.casefold():
        require(actor, "can_lead", _lazy("give a part to somebody else"))
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
    require(actor, "can_work", _lazy("start parts"))
    require_holder(part, actor, _lazy("start it"))
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
    require(actor, "can_work", _lazy("make parts"))
    require_holder(part, actor, _lazy("accept the new file"))
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
    require(actor, "can_work", _lazy("let parts go"))
    require_holder(part, actor, _lazy("let it go"))
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
    require(actor, "can_work", _lazy("finish parts"))
    storage = _place(storage)
    require_holder(part, actor, _lazy("finish it"))
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
    require(actor, "can_work", _lazy("change parts"))
    reason = reason_of(reason, _("Say what blocks it."))
    return _in_shop(part, actor, blocked_reason=reason)


@step
def unblock(part: Part, *, actor: Actor) -> Part:
    """Say that a part in production can be made again.

    Raises:
        NotAllowed: the actor may not change parts.
        WrongState: the part is not in production.
    """
    require(actor, "can_work", _lazy("change parts"))
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
    require(actor, "can_lead", _lazy("reopen parts"))
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

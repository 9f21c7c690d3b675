"""From review to production, or back to who handed it in."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from parts.errors import BadInput
from parts.models import Part, Status, Verb

from .rules import Actor, reason_of, require
from .taking import differing, name_of, step, take

LONGEST_NOTE = 500


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
    require(actor, "can_lead", _lazy("review parts"))
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
    require(actor, "can_lead", _lazy("review parts"))
    reason = reason_of(reason, _("Say what has to be changed."))
    return take(
        Verb.SENT_BACK,
        part,
        actor=actor,
        changes={"blocked_reason": reason, "status": Status.PENDING},
        note=reason,
    )


@step
def resubmit(part: Part, *, actor: Actor) -> Part:
    """Hand in again what was sent back.

    Raises:
        NotAllowed: the actor may not hand in parts.
        WrongState: the part was not sent back.
    """
    require(actor, "can_work", _lazy("hand in parts"))
    return take(Verb.RESUBMITTED, part, actor=actor, changes={"blocked_reason": ""})

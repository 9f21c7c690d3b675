"""Out of sight, from where leads can restore."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from parts.errors import NotAllowed
from parts.models import Category, Part, PartEvent, Verb

from .rules import Actor, require
from .taking import line, person, step, take


@step
def trash(part: Part, *, actor: Actor) -> Part:
    """Move a part to the trash, from where leads can restore it for 30 days.

    Raises:
        NotAllowed: the actor is neither a lead nor who handed it in.
        WrongState: it is there already.
    """
    require(actor, "can_work", _lazy("delete parts"))
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
    require(actor, "can_lead", _lazy("restore parts"))
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
                PartEvent(
                    **line(
                        pk,
                        Verb.TRASHED,
                        actor,
                        at=now,
                        changes={"deleted_at": [None, now.isoformat()]},
                        note="with all others",
                    )
                )
                for pk in ids
            ),
            batch_size=1000,
        )
    return len(ids)

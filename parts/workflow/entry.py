"""Into the system, and what is written about a part there."""

from functools import cache
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _lazy

from parts.models import Category, Part, PartEvent, Season, Verb
from parts.uploads import StoredUpload
from partsite.compiled import Compiled
from partsite.seen import settled
from partsite.sqlite.together import together, whole
from partsite.statements import Insertion, NewRow

from .files import attach
from .rules import LEADS_ONLY, UNSET, Actor, placed, require
from .taking import differing, line, step, take


@cache
def _current_season() -> Compiled:
    return Compiled(Season.objects.newest_kept())


def create(*, actor: Actor, upload: StoredUpload | None = None, **fields: Any) -> Part:
    """Hand in a part, with its file when there is one.

    It starts in review unless ``category`` and ``status`` say otherwise, and
    belongs to the current season unless ``season`` is given.

    Raises:
        NotAllowed: the actor may not hand in parts, or not past the review.
        BadInput: type, category and status contradict each other.
    """
    require(actor, "can_work", _lazy("hand in parts"))
    fields = {**fields, **placed(fields)}
    if fields["category"] != Category.REVIEW:
        require(actor, "can_lead", _lazy("hand in a part past the review"))
    worker = fields.get("assigned", "")
    if worker and actor and worker.casefold() != actor.worker_name.casefold():
        require(actor, "can_lead", _lazy("give a part to somebody else"))
    if any(fields.get(name) not in UNSET for name in LEADS_ONLY):
        require(actor, "can_lead", _lazy("set priority, due date and reviewer"))
    if "season" not in fields:
        fields["season"] = settled("current season", _current_season().shared)
    now = timezone.now()
    part = Part.begun(created_at=now, updated_at=now, **fields)
    part.complete_code()
    row = Insertion(part)
    event = NewRow(PartEvent, **line(0, Verb.CREATED, actor, at=now))

    def write() -> None:
        with whole():
            row.run()
            event.run(part_id=part.pk)
            if upload is not None:
                attach(part, upload, actor=actor)

    if upload is None:
        together(write)
    else:  # a file that was moved is not moved again
        write()
    return part


@step
def edit(part: Part, *, actor: Actor, **fields: Any) -> Part:
    """Change what is written about a part; only what differs is written.

    Changing the type of a part in production moves it to its new lane. ``extra``
    is the full new set, but for the keys that are the server's own.

    Raises:
        NotAllowed: the actor may not edit, or a field is a lead's to set.
        BadInput: a field that only a step may change.
    """
    require(actor, "can_work", _lazy("change parts"))
    changes = differing(part, actor, fields)
    if changes.get("type", part.type) != part.type and part.in_shop:
        changes["category"] = changes["type"] or Category.HAND
    if not changes:
        return part
    return take(Verb.EDITED, part, actor=actor, changes=changes)

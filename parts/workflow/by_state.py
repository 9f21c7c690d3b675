"""Taking the step that leads to a state which somebody wrote down.

Existing API clients start and finish work by writing a status.
"""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _lazy

from parts.models import SHOP, Category, Part, Status, Type, Verb

from .entry import edit
from .production import complete, reassign, revert, start, unclaim
from .review import approve
from .rules import Actor, agree, fit, require, with_worker
from .taking import step, take


@step
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
        agree(category, status)
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


@step
def _name_holder(part: Part, *, worker: str, actor: Actor) -> Part:
    """Write whose a part in review or completed is; there no clock runs.

    Raises:
        NotAllowed: members name nobody but themselves, and nobody off.
    """
    require(actor, "can_work", _lazy("change parts"))
    for name in {part.assigned, worker} - {""}:
        if actor is not None and name.casefold() != actor.worker_name.casefold():
            require(actor, "can_lead", _lazy("say whose part it is"))
    changes: dict[str, Any] = {"assigned": worker}
    if worker and part.type == Type.HAND:
        at = timezone.now().isoformat()
        changes["extra"] = with_worker(part.extra, worker, at)
    return take(Verb.EDITED, part, actor=actor, changes=changes, told={"assigned"})


@step
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
    agree(category, status)
    if category in SHOP:
        fit(category, part.lane)
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


@step
def _relabel(part: Part, *, actor: Actor, status: str, category: str) -> Part:
    """Write a status or category that no step leads to, as old clients do."""
    require(actor, "can_work", _lazy("change parts"))
    if category != part.category:
        require(actor, "can_lead", _lazy("move a part to another board"))
    changes: dict[str, Any] = {"status": status, "category": category}
    if category == Category.REVIEW != part.category:
        # Whoever takes it after the next approval starts a claim of their own.
        changes |= {"assigned": "", "claimed_date": None, "approved_at": None}
        changes |= {"claimed_revision": None, "claimed_drawing": None}
    return take(
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

"""What may be done to a part: by whom, from which state, with which values."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import ApiKey, User
from parts.errors import (
    AlreadyClaimed,
    BadInput,
    NotAllowed,
    NotCompleted,
    WrongState,
)
from parts.models import SHOP, Category, Part, Priority, Status, Type, Verb
from parts.querysets import IN_SHOP

Actor = User | ApiKey | None

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
    Verb.MARKED_WRONG: Q(
        category=Category.COMPLETED, completed_incorrectly=False, deleted_at=None
    ),
    Verb.REMADE: Q(category=Category.COMPLETED, deleted_at=None),
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
UNSET = {None, "", Priority.NORMAL}
# Keys of ``extra`` that no request writes or clears.
SERVERS_OWN = frozenset({"handWorkers", "views"})


def refusal(verb: Verb, part: Part) -> WrongState | NotCompleted:
    """Say why a step cannot be taken from where the part stands."""
    if part.deleted_at and verb != Verb.TRASHED:
        return WrongState(_("“%(part)s” is in the trash.") % {"part": part})
    if verb == Verb.REVERTED:
        return NotCompleted("Part is not completed")
    if verb == Verb.ASSIGNED and part.in_shop and part.assigned:
        return AlreadyClaimed(_who_was_first(part))
    where = {
        Category.REVIEW: _("is still in review"),
        Category.COMPLETED: _("is completed already"),
    }.get(
        part.category,
        _("is in production (%(status)s)")
        % {"status": part.get_status_display().lower()},
    )
    if verb == Verb.TRASHED:
        where = _("is in the trash already")
    elif verb == Verb.RESTORED:
        where = _("is not in the trash")
    elif verb == Verb.ACCEPTED and part.in_shop:
        where = _("is taken by nobody")
    elif verb == Verb.RESUBMITTED and part.category == Category.REVIEW:
        where = _("was not sent back")
    return WrongState(
        _("“%(part)s” %(where)s, so it cannot be %(done)s.")
        % {"part": part, "where": where, "done": _DONE[verb]}
    )


def _who_was_first(part: Part) -> str:
    told = {"person": part.assigned, "part": part}
    if part.claimed_date is None:
        return _("%(person)s has “%(part)s” already.") % told
    if timezone.now() - part.claimed_date < timedelta(minutes=1):
        return _("%(person)s took “%(part)s” just now.") % told
    told["time"] = timesince(part.claimed_date, depth=1)
    return _("%(person)s took “%(part)s” %(time)s ago.") % told


_DONE = {
    Verb.EDITED: gettext_lazy("changed"),
    Verb.UPLOADED: gettext_lazy("given a file"),
    Verb.APPROVED: gettext_lazy("approved"),
    Verb.SENT_BACK: gettext_lazy("sent back"),
    Verb.RESUBMITTED: gettext_lazy("handed in again"),
    Verb.ASSIGNED: gettext_lazy("taken"),
    Verb.STARTED: gettext_lazy("started"),
    Verb.ACCEPTED: gettext_lazy("accepted"),
    Verb.UNCLAIMED: gettext_lazy("let go"),
    Verb.COMPLETED: gettext_lazy("finished"),
    Verb.MARKED_WRONG: gettext_lazy("marked as made wrong"),
    Verb.REMADE: gettext_lazy("made again"),
    Verb.TRASHED: gettext_lazy("deleted"),
    Verb.RESTORED: gettext_lazy("restored"),
}


def placed(fields: Mapping[str, Any]) -> dict[str, Any]:
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
    agree(category, status)
    if category in SHOP:
        type_ = type_ or category
        fit(category, type_)
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
        placed["extra"] = with_worker(extra, worker, now.isoformat())
    return placed


def with_worker(extra: dict, worker: str, at: str) -> dict:
    """Return ``extra`` with ``worker`` noted among those who made a hand part."""
    workers = [*extra.get("handWorkers", []), {"name": worker, "timestamp": at}]
    return {**extra, "handWorkers": workers}


def agree(category: str, status: str) -> None:
    if (category == Category.COMPLETED) != (status == Status.COMPLETED):
        raise BadInput(
            _("Category “%(category)s” and status “%(status)s” contradict each other.")
            % {"category": category, "status": status},
            field="status",
        )


def fit(category: str, lane: str) -> None:
    if category != lane:
        raise BadInput(
            _("A part of type “%(lane)s” cannot stand in “%(category)s”.")
            % {"lane": lane, "category": category},
            field="category",
        )


def require(actor: Actor, right: str, deed: str) -> None:
    if actor is not None and not getattr(actor, right):
        who = _("leads") if right == "can_lead" else _("members and leads")
        raise NotAllowed(_("Only %(who)s may %(deed)s.") % {"who": who, "deed": deed})


def is_holder(part: Part, actor: Actor) -> bool:
    return actor is None or part.assigned.casefold() == actor.worker_name.casefold()


def require_holder(part: Part, actor: Actor, deed: str) -> None:
    """Let nobody but a lead act on a part that somebody else has."""
    if part.in_shop and part.assigned and not is_holder(part, actor):
        if actor.can_lead:
            return
        raise NotAllowed(
            _("%(name)s has this part; only a lead may %(deed)s too.")
            % {"name": part.assigned, "deed": deed}
        )


def reason_of(text: str, missing: str) -> str:
    """Return a reason that fits.

    Raises:
        BadInput: it is too long, or ``missing``.
    """
    text = text.strip()
    if not text:
        raise BadInput(missing, field="reason")
    if len(text) > Part._meta.get_field("blocked_reason").max_length:
        raise BadInput(_("Keep the reason under 500 characters."), field="reason")
    return text

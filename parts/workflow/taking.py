"""How a step is taken: one guarded UPDATE and its event, in one transaction."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

from django.db.models import BigIntegerField, Model
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from accounts.models import ApiKey, User
from parts.errors import BadInput, WrongState
from parts.models import Part, PartEvent, Verb
from partsite.compiled import Compiled, Slot
from partsite.sqlite.together import whole
from partsite.statements import GuardedUpdate, NewRow

from .rules import EDITABLE, LEADS_ONLY, POLICY, SERVERS_OWN, Actor, refusal, require

P = ParamSpec("P")
R = TypeVar("R")

_TAKEN = {verb: GuardedUpdate(Part, guard) for verb, guard in POLICY.items()}


def step(function: Callable[P, R]) -> Callable[P, R]:
    """Run a step in one transaction, on the part as it is in the database now.

    The row is read again and, on PostgreSQL, held; on SQLite the transaction
    itself, being immediate, is the lock.
    """

    @wraps(function)
    def taken(part: Part, *args, **kwargs):
        with whole():
            fresh = _fresh().one(pk=part.pk)
            if fresh is None:
                raise WrongState(_("This part is no longer there."))
            # As refresh_from_db does: nothing that was read before is left.
            part.__dict__.update(fresh.__dict__, _prefetched_objects_cache={})
            return function(part, *args, **kwargs)

    return taken


@cache
def _fresh() -> Compiled:
    """Return what reads the part ``pk`` and keeps others from it."""
    pk = Slot("pk", BigIntegerField())
    held = Part.objects.select_for_update(of=("self",)).with_files()
    return Compiled(held.filter(pk=pk).order_by())


def differing(
    part: Part, actor: Actor, fields: Mapping[str, Any], *, keep_extra: bool = False
) -> dict[str, Any]:
    """Return what of ``fields`` is new, if the actor may write it.

    Args:
        keep_extra: add the keys of ``extra`` to those that stand.
    """
    if foreign := fields.keys() - EDITABLE:
        raise BadInput(
            _("“%(field)s” is changed by a step, not by an edit.")
            % {"field": min(foreign)}
        )
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
    if changes.get("completed_incorrectly") is False and part.wrong_reason:
        changes["wrong_reason"] = ""
    if LEADS_ONLY & changes.keys():
        require(actor, "can_lead", _lazy("set priority, due date and reviewer"))
    return changes


def take(
    verb: Verb,
    part: Part,
    *,
    actor: Actor,
    changes: dict[str, Any],
    where: Mapping[str, Any] | None = None,
    told: set[str] | None = None,
    note: str = "",
    revision: int | None = None,
) -> Part:
    """Change the row if the policy holds there, and write the event.

    Args:
        where: what the row must hold beyond the policy, by field.
        told: the fields whose change the event tells; all of them by default.
    Raises:
        WrongState: the policy does not hold; nothing was changed.
    """
    before = {name: plain(getattr(part, name)) for name in changes}
    now = timezone.now()
    changes["updated_at"] = now  # update() skips auto_now
    if not _TAKEN[verb].run(part.pk, changes, where or {}):
        raise refusal(verb, part)
    after = {name: plain(value) for name, value in changes.items()}
    record(
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


def record(part: Part, verb: Verb, actor: Actor, **told: Any) -> None:
    """Write one line of the history; ``told`` is as in ``line``."""
    NewRow(PartEvent, **line(part.pk, verb, actor, **told)).run()


def line(
    part_id: int,
    verb: Verb,
    actor: Actor,
    *,
    at: datetime,
    changes: dict | None = None,
    note: str = "",
    revision: int | None = None,
) -> dict[str, Any]:
    """Return what a line of the history holds, by column."""
    is_key = isinstance(actor, ApiKey)
    # By number: to hand over who it is takes as long as all the rest.
    return {
        "part_id": part_id,
        "at": at,
        "verb": verb,
        "actor_id": actor.owner_id if is_key else actor and actor.pk,
        "api_key_id": actor.pk if is_key else None,
        "actor_name": name_of(actor),
        "changes": changes or {},
        "note": note,
        "revision": revision,
    }


def person(actor: Actor) -> User | None:
    return actor.owner if isinstance(actor, ApiKey) else actor


def name_of(actor: Actor) -> str:
    return "" if actor is None else actor.name


def plain(value: Any) -> Any:
    """Return ``value`` as JSON can hold it."""
    if isinstance(value, Model):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value

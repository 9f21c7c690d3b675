"""What was made wrong: said of the part, and made again as a part of its own."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from parts.errors import BadInput, NotAllowed, WrongState
from parts.models import MOST_PIECES, Part, PartFile, Priority, Status, Verb

from .rules import Actor, is_holder, require
from .taking import record, step, take

# What a remake has of the part that it replaces, word for word.
_COPIED = (
    "type",
    "name",
    "subsystem",
    "material",
    "material_thickness",
    "due_date",
    "season",
    "notes",
    "onshape_url",
    "service_method",
    "reviewer",
    "approved_at",
    "file",
)
_COPIED_OF_A_FILE = (
    "kind",
    "revision",
    "name",
    "content",
    "sha256",
    "size_bytes",
    "uploaded_by",
    "uploaded_by_name",
    "uploaded_at",
    "state",
    "error",
    "took_seconds",
    "heartbeat_at",
    "model",
    "model_bytes",
    "thumbnail",
    "facts",
)


@step
def mark_wrong(part: Part, *, actor: Actor, reason: str) -> Part:
    """Say of a completed part what was made wrong; it stays completed.

    Raises:
        NotAllowed: the actor is neither a lead nor who made it.
        BadInput: no reason.
        WrongState: the part is not completed, or marked already.
    """
    _require_maker(part, actor)
    changes = _wrong(part, reason)
    if part.completed_incorrectly:
        raise WrongState(_("“%(part)s” is marked already.") % {"part": part})
    note = changes["wrong_reason"]
    return take(Verb.MARKED_WRONG, part, actor=actor, changes=changes, note=note)


@step
def remake(
    part: Part, *, actor: Actor, reason: str = "", pieces: int | None = None
) -> Part:
    """Have a completed part made again, and return the new part.

    What was made wrong stays completed, marked with its reason, since it counts
    for whoever made it; what replaces it is a part of its own with the same
    current files, ready in its lane and of high priority. There is one remake of
    a part, however often it is asked for.

    Args:
        reason: what was made wrong; not needed if the part is marked already.
        pieces: how many have to be made again; all of them by default.
    Raises:
        NotAllowed: the actor is neither a lead nor who made it.
        BadInput: no reason, or not that many pieces.
        WrongState: the part is not completed, or is being made again already.
    """
    _require_maker(part, actor)
    pieces = part.amount if pieces is None else pieces
    if not 1 <= pieces <= part.amount:
        raise BadInput(
            _("Say how many pieces: 1 to %(most)s.") % {"most": part.amount},
            field="pieces",
        )
    if other := Part.objects.filter(remake_of=part).first():
        raise WrongState(
            _("“%(part)s” is being made again already, as %(code)s.")
            % {"part": part, "code": other.code}
        )
    wrong = {} if part.completed_incorrectly and not reason else _wrong(part, reason)
    wrong["scrapped"] = min(part.scrapped + pieces, MOST_PIECES)
    take(
        Verb.REMADE,
        part,
        actor=actor,
        changes=wrong,
        note=wrong.get("wrong_reason", part.wrong_reason),
    )
    return _replacing(part, actor, pieces)


def _wrong(part: Part, reason: str) -> dict[str, Any]:
    reason = " ".join(reason.split())
    if not reason:
        raise BadInput(_("Say what was made wrong."), field="reason")
    if len(reason) > Part._meta.get_field("wrong_reason").max_length:
        raise BadInput(_("Keep the reason under 500 characters."), field="reason")
    return {"completed_incorrectly": True, "wrong_reason": reason}


def _require_maker(part: Part, actor: Actor) -> None:
    """Let whoever made a part say that it is wrong, and leads; anybody, of nobody's."""
    require(actor, "can_work", _lazy("say that a part was made wrong"))
    if part.assigned and not is_holder(part, actor) and not actor.can_lead:
        raise NotAllowed(
            _("Only a lead and %(maker)s, who made it, may say that it is wrong.")
            % {"maker": part.assigned}
        )


def _replacing(part: Part, actor: Actor, pieces: int) -> Part:
    now = timezone.now()
    extra = {key: part.extra[key] for key in part.extra.keys() - {"handWorkers"}}
    new = Part.objects.create(
        **{name: getattr(part, name) for name in _COPIED},
        code=_next_code(part),
        amount=pieces,
        priority=max(part.priority, Priority.HIGH),
        category=part.lane,
        status=Status.REVIEWED,
        extra=extra,
        remake_of=part,
        created_at=now,
        updated_at=now,
    )
    new.current_step = _copied(part.current_step, new)
    new.current_drawing = _copied(part.current_drawing, new)
    new.save(update_fields=["current_step", "current_drawing"])
    note = f"{part.code}: {part.wrong_reason}" if part.wrong_reason else part.code
    record(new, Verb.CREATED, actor, at=now, note=note)
    return new


def _copied(file: PartFile | None, part: Part) -> PartFile | None:
    """Give ``part`` the same file: its bytes lie once, under their hash."""
    if file is None:
        return None
    same = {name: getattr(file, name) for name in _COPIED_OF_A_FILE}
    if file.is_converting:
        same["state"] = ""  # queued anew, and done at once when its twin is
    return PartFile.objects.create(part=part, **same)


def _next_code(part: Part) -> str:
    """Return the code of the next making: 26-301 is made again as 26-301-R2."""
    code, making = part.code, 2
    if part.remake_of_id:
        before, _dash, count = code.rpartition("-R")
        if before and count.isascii() and count.isdigit():
            code, making = before, int(count) + 1
    ending = f"-R{making}"
    most = Part._meta.get_field("code").max_length - len(ending)
    return code[:most] + ending

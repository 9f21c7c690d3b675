"""What is done to parts by what a request says: read, checked, taken."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.http import Http404
from django.shortcuts import get_object_or_404
from rest_framework.exceptions import APIException

from accounts.models import ApiKey, User
from parts import workflow
from parts.errors import PartError
from parts.models import Part
from parts.querysets import MAX_BIGINT
from partsite.sqlite.together import together

from . import serializers as wire
from .serializing import InputSerializer

Actor = User | ApiKey
Told = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One of the API's own: what it may be told, and what it then does."""

    serializer: type[wire.StepSerializer]
    take: Callable[[Part, Actor, Told], Part]


def create(actor: Actor, data: Any) -> Part:
    """Hand in the part that ``data`` describes.

    Raises:
        ValidationError, PartError: it is refused.
    """
    return workflow.create(actor=actor, **told(wire.PartDetailSerializer, data))


def take(step: Step, number: int, actor: Actor, read: Callable[[], Any]) -> Part:
    """Take a step with a part, and return the part.

    Args:
        read: returns what was sent, or raises what is wrong with it.
    Raises:
        Http404: there is no such part.
        ValidationError, PartError: it is refused.
    """
    with unread(number) as part:
        together(partial(step.take, part, actor, told(step.serializer, read())))
    return part


def told(serializer: type[InputSerializer], data: Any) -> Told:
    checked = serializer.of_new(data)
    checked.is_valid(raise_exception=True)
    return checked.validated_data


@contextmanager
def unread(number: int) -> Iterator[Part]:
    """Give the part's number alone to a step, which reads the rest itself.

    Reading it here too takes a quarter of the time that a claim does. That a
    part is not there is said before anything else that is wrong.
    """
    if number > MAX_BIGINT:
        raise Http404
    try:
        yield Part.from_db(DEFAULT_DB_ALIAS, ["id"], [number])
    except (APIException, PartError):
        get_object_or_404(Part.objects.live(), pk=number)
        raise


# --- The steps ----------------------------------------------------------------


def _approve(part: Part, actor: Actor, said: Told) -> Part:
    fields = dict(said.get("misc", {}))
    reviewer = fields.pop("reviewer", "")
    return workflow.approve(
        part, actor=actor, reviewer=said.get("reviewer") or reviewer, fields=fields
    )


def _send_back(part: Part, actor: Actor, said: Told) -> Part:
    return workflow.send_back(part, actor=actor, reason=said.get("reason", ""))


def _assign(part: Part, actor: Actor, said: Told) -> Part:
    return workflow.assign(part, actor=actor, worker=said.get("assigned", ""))


def _unclaim(part: Part, actor: Actor, said: Told) -> Part:
    return workflow.unclaim(part, actor=actor)


def _complete(part: Part, actor: Actor, said: Told) -> Part:
    fields = dict(said.get("misc", {}))
    storage = fields.pop("storage_location", "")
    return workflow.complete(part, actor=actor, storage=storage, fields=fields)


def _revert(part: Part, actor: Actor, said: Told) -> Part:
    return workflow.revert(part, actor=actor, reason=said.get("reason", ""))


# By the last word of their address.
STEPS: Mapping[str, Step] = {
    "approve": Step(wire.ApproveSerializer, _approve),
    "send-back": Step(wire.SendBackSerializer, _send_back),
    "assign": Step(wire.AssignSerializer, _assign),
    "unclaim": Step(wire.StepSerializer, _unclaim),
    "complete": Step(wire.CompleteSerializer, _complete),
    "revert": Step(wire.RevertSerializer, _revert),
}

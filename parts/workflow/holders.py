"""All that somebody has, at once."""

from collections.abc import Callable

from django.db import transaction

from accounts.models import User
from parts.models import Part, Verb

from .production import unclaim
from .rules import Actor
from .taking import take


def rename_holder(old: str, *, actor: User) -> int:
    """Have what ``actor`` holds under the name ``old`` follow; return how many."""
    if old == actor.name:
        return 0
    return _each_held_by(
        old,
        lambda part: take(
            Verb.EDITED, part, actor=actor, changes={"assigned": actor.name}
        ),
    )


def let_go_all(holder: str, *, actor: Actor) -> int:
    """Let go of everything in production that ``holder`` has; return how many."""
    return _each_held_by(holder, lambda part: unclaim(part, actor=actor))


def _each_held_by(name: str, change: Callable[[Part], Part]) -> int:
    with transaction.atomic():
        held = Part.objects.in_shop().held_by(name).with_files().order_by("pk")
        return len([change(part) for part in held.select_for_update(of=("self",))])

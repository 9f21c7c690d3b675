"""How a part is shown to somebody: its sign, its marks, and the steps they may take.

What is offered here is a courtesy; ``workflow`` decides what is allowed.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from parts.models import Category, Part, PartFile, Priority, Status

AGE_STEPS = 10
OLD_AFTER = timedelta(days=5)
DUE_SOON_DAYS = 3


@dataclass(frozen=True)
class Step:
    """A button: the route it posts to, its words, and what it asks for first."""

    route: str
    label: str
    asks: str = ""
    is_danger: bool = False


APPROVE = Step("parts:approve", "Approve")
SEND_BACK = Step("parts:send-back", "Send back", asks="reason")
RESUBMIT = Step("parts:resubmit", "Hand in again")
TAKE = Step("parts:assign", "Take it")
GIVE = Step("parts:assign", "Give to…", asks="assigned")
START = Step("parts:start", "Start")
ACCEPT = Step("parts:accept-revision", "Accept the new file")
UNCLAIM = Step("parts:unclaim", "Let it go")
COMPLETE = Step("parts:complete", "Done", asks="storage")
REVERT = Step("parts:revert", "Reopen", asks="why")


@dataclass(frozen=True)
class Sign:
    """The state of a part: a name that gives colour and icon, and a word."""

    state: str
    word: str


@dataclass(frozen=True)
class Mark:
    """Something about a part that must not be overlooked."""

    kind: str
    icon: str
    word: str


class Card:
    """A part as ``user`` sees it, on a board and on its page."""

    def __init__(self, part: Part, user: User) -> None:
        self.part = part
        self.user = user
        self.main, self.more = steps_for(part, user)

    @property
    def sign(self) -> Sign:
        return sign_of(self.part)

    @cached_property
    def marks(self) -> list[Mark]:
        return marks_of(self.part, self.user)

    @property
    def is_mine(self) -> bool:
        return is_held_by(self.part, self.user)

    @property
    def file(self) -> PartFile | None:
        """The STEP file whose picture and measures are shown."""
        return self.part.current_step

    @property
    def facts(self) -> dict:
        return (self.file and self.file.facts) or {}

    @property
    def age_level(self) -> int | None:
        """How old the claim is: 1, just taken, to ``AGE_STEPS``, five days and more."""
        if not (self.part.in_shop and self.part.assigned and self.part.claimed_date):
            return None
        share = (timezone.now() - self.part.claimed_date) / OLD_AFTER
        return max(1, min(AGE_STEPS, int(share * AGE_STEPS) + 1))

    @property
    def can_edit(self) -> bool:
        return self.user.can_work

    @property
    def can_delete(self) -> bool:
        if self.user.can_lead:
            return True
        is_own = getattr(self.part, "is_own", False)
        in_review = self.part.category == Category.REVIEW
        return self.user.can_work and is_own and in_review

    @property
    def can_upload(self) -> bool:
        return self.user.can_work


def is_held_by(part: Part, user: User) -> bool:
    return part.assigned.casefold() == user.worker_name.casefold()


def steps_for(part: Part, user: User) -> tuple[Step | None, list[Step]]:
    """Return the one step that is next for ``user``, if any, and the rarer ones."""
    if not user.can_work or part.deleted_at:
        return None, []
    if part.category == Category.REVIEW:
        return _review_steps(part, user)
    if part.category == Category.COMPLETED:
        return None, [REVERT] if user.can_lead else []
    return _shop_steps(part, user)


def _review_steps(part: Part, user: User) -> tuple[Step | None, list[Step]]:
    leads = [APPROVE, SEND_BACK] if user.can_lead else []
    if part.is_sent_back:
        if getattr(part, "is_own", False):
            return RESUBMIT, leads
        return None, [*leads, RESUBMIT]
    return (leads[0], leads[1:]) if leads else (None, [])


def _shop_steps(part: Part, user: User) -> tuple[Step | None, list[Step]]:
    give = [GIVE] if user.can_lead else []
    if not part.assigned:
        return TAKE, [COMPLETE, *give]
    new_file = [ACCEPT] if part.is_outdated else []
    if is_held_by(part, user):
        # The file comes first: what was begun may no longer be what is wanted.
        begin = [START] if part.status != Status.IN_PROGRESS else []
        main, *rest = [*new_file, *begin, COMPLETE]
        return main, [*rest, *give, UNCLAIM]
    if user.can_lead:
        return None, [*new_file, COMPLETE, *give, UNCLAIM]
    return None, []


def sign_of(part: Part) -> Sign:
    if part.category == Category.COMPLETED:
        if part.completed_incorrectly:
            return Sign("wrong", "Made wrong")
        return Sign("completed", "Completed")
    if part.status == Status.CANCELLED:
        return Sign("cancelled", "Cancelled")
    if part.category == Category.REVIEW:
        if part.is_sent_back:
            return Sign("blocked", "Sent back")
        return Sign("waiting", "In review")
    if part.blocked_reason:
        return Sign("blocked", "Blocked")
    if part.status == Status.IN_PROGRESS:
        return Sign("progress", "In progress")
    if part.status == Status.ALREADY_STARTED:
        return Sign("ready", "Already started")
    return Sign("ready", "Ready")


def marks_of(part: Part, user: User) -> list[Mark]:
    marks = []
    if part.is_outdated:
        who = "you" if is_held_by(part, user) else part.assigned
        marks.append(Mark("outdated", "new-file", f"New file since {who} took it"))
    if part.category == Category.COMPLETED:
        return marks
    if part.priority == Priority.URGENT:
        marks.append(Mark("urgent", "urgent", "Urgent"))
    elif part.priority == Priority.HIGH:
        marks.append(Mark("high", "high", "High priority"))
    if part.due_date:
        marks.append(_due(part))
    return marks


def _due(part: Part) -> Mark:
    days = (part.due_date - timezone.localdate()).days
    if days < 0:
        late = "1 day" if days == -1 else f"{-days} days"
        return Mark("overdue", "clock", f"{late} overdue")
    if days <= 1:
        return Mark("soon", "clock", "Due tomorrow" if days else "Due today")
    kind = "soon" if days <= DUE_SOON_DAYS else "due"
    return Mark(
        kind, "clock", f"Due {part.due_date:%a} {part.due_date.day} {part.due_date:%b}"
    )


BOARD_OF = {
    Category.REVIEW: "parts:review",
    Category.COMPLETED: "parts:completed",
}


def board_of(part: Part) -> str:
    """Return the address of the board on which the part stands."""
    return reverse(BOARD_OF.get(part.category, "parts:production"))

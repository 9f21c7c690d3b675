"""How a part is shown to somebody: its sign, its marks, and the steps they may take.

What is offered here is a courtesy; ``workflow`` decides what is allowed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cached_property

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from parts import findings
from parts.models import Category, Part, PartFile, Priority, Queue, Status
from parts.querysets import HELD_TOO_LONG
from partsite.compiled import Unmade

AGE_STEPS = 10
DUE_SOON_DAYS = 3


@dataclass(frozen=True)
class Step:
    """A button: the route it posts to, its words, and what it asks for first."""

    route: str
    label: str | Promise
    asks: str = ""
    icon: str = ""


APPROVE = Step("parts:approve", gettext_lazy("Approve"))
APPROVE_NOTED = Step(
    "parts:approve", gettext_lazy("Approve with a note"), asks="note", icon="message"
)
SEND_BACK = Step(
    "parts:send-back", gettext_lazy("Send back"), asks="reason", icon="back"
)
RESUBMIT = Step("parts:resubmit", gettext_lazy("Hand in again"))
TAKE = Step("parts:assign", gettext_lazy("Take it"))
GIVE = Step("parts:give", gettext_lazy("Give to…"), asks="whom")
START = Step("parts:start", gettext_lazy("Start"))
ACCEPT = Step("parts:accept-revision", gettext_lazy("Accept the new file"))
UNCLAIM = Step("parts:unclaim", gettext_lazy("Let it go"))
COMPLETE = Step("parts:complete", gettext_lazy("Done"), asks="storage")
BLOCK = Step("parts:block", gettext_lazy("Blocked…"), asks="blocked")
UNBLOCK = Step("parts:unblock", gettext_lazy("No longer blocked"))
PLACE = Step("parts:place", gettext_lazy("Change the place"), asks="place")
MADE_WRONG = Step("parts:made-wrong", gettext_lazy("Made wrong"), asks="wrong")
REMAKE = Step("parts:remake", gettext_lazy("Make it again"))
REVERT = Step("parts:revert", gettext_lazy("Reopen"), asks="why")


SIGN_OF_QUEUE = {
    Queue.READY: "ready",
    Queue.IN_PROGRESS: "progress",
    Queue.ALREADY_STARTED: "ready",
    Queue.BLOCKED: "blocked",
    Queue.CANCELLED: "cancelled",
}


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

    twin: findings.Twin | None = None
    is_inspected = False

    def __init__(self, part: Part, user: User) -> None:
        self.part = part
        self.user = user

    @property
    def pk(self) -> int:
        return self.part.pk

    @property
    def category(self) -> str:
        return self.part.category

    @property
    def hashes(self) -> set[str]:
        """The SHA-256 of each current file."""
        return self.part.file_hashes

    @cached_property
    def _steps(self) -> tuple[Step | None, list[Step]]:
        return steps_for(self.part, self.user)

    @property
    def main(self) -> Step | None:
        return self._steps[0]

    @property
    def more(self) -> list[Step]:
        return self._steps[1]

    @cached_property
    def findings(self) -> list[findings.Finding]:
        """What looks wrong with it, if it was inspected."""
        return findings.of(self.part, self.twin) if self.is_inspected else []

    @property
    def beside(self) -> list[Step]:
        """The steps that stand beside the main one: to review is to choose."""
        return self.more if self.main is APPROVE else []

    @property
    def rare(self) -> list[Step]:
        """The steps that a menu holds."""
        return [] if self.main is APPROVE else self.more

    @property
    def wishes(self) -> list[str]:
        """What might be asked of whoever handed it in."""
        return [finding.wish for finding in self.findings if finding.wish]

    @property
    def sign(self) -> Sign:
        return sign_of(self.part)

    @cached_property
    def marks(self) -> list[Mark]:
        return marks_of(self.part, self.user)

    @property
    def version(self) -> str:
        """What changes whenever the card does."""
        at = int(self.part.updated_at.timestamp() * 1_000_000)
        return f"{at:x}{f'-{self.file.pk}{self.file.state[:1]}' if self.file else ''}"

    @property
    def is_mine(self) -> bool:
        return is_held_by(self.part, self.user)

    @property
    def reason(self) -> str:
        """What is wrong with it: why it was sent back, blocked, or made wrong."""
        return self.part.wrong_reason or self.part.blocked_reason

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
        share = (timezone.now() - self.part.claimed_date) / HELD_TOO_LONG
        return max(1, min(AGE_STEPS, int(share * AGE_STEPS) + 1))

    @property
    def can_give(self) -> bool:
        return GIVE in self.more

    @property
    def can_edit(self) -> bool:
        return self.user.can_work

    @property
    def can_delete(self) -> bool:
        if self.user.can_lead:
            return True
        in_review = self.part.category == Category.REVIEW
        return self.user.can_work and in_review and is_own(self.part, self.user)

    @property
    def can_upload(self) -> bool:
        return self.user.can_work


class BoardCard(Card):
    """A card whose part is made of its row only when it has to be drawn."""

    def __init__(self, row: Unmade, user: User) -> None:
        self.row = row
        self.user = user

    @cached_property
    def part(self) -> Part:
        return self.row.make()

    @property
    def pk(self) -> int:
        return self.row["id"]

    @property
    def category(self) -> str:
        return self.row["category"]

    @property
    def queue(self) -> Queue:
        return Queue(self.row["queue"])

    @property
    def is_sent_back(self) -> bool:
        return self.category == Category.REVIEW and bool(self.row["blocked_reason"])

    @property
    def hashes(self) -> set[str]:
        row = self.row
        pair = (row["current_step__sha256"], row["current_drawing__sha256"])
        return {sha256 for sha256 in pair if sha256}

    def known(self) -> tuple:
        """Return everything of the part that is drawn, but the time."""
        twin = self.twin
        return (
            self.row.digest,
            self.row["author_pk"] == self.user.pk,
            is_named(self.row["assigned"], self.user),
            self.is_inspected,
            twin and (twin.part.pk, twin.part.code, twin.part.category, twin.others),
        )

    def lasts_until(self) -> datetime | None:
        """Return when it will look another because of the time alone, if ever.

        It may be told sooner than it is, never later.
        """
        part, now = self.part, timezone.now()
        moments = (part.created_at, part.claimed_date, part.completed_at)
        changes = [_next_age(moment, now) for moment in moments if moment]
        if part.claimed_date:
            changes.append(
                _next_step(part.claimed_date, now, HELD_TOO_LONG / AGE_STEPS)
            )
        if part.due_date:
            changes.append(_midnight())
        return min(changes, default=None)


def _next_age(moment: datetime, now: datetime) -> datetime:
    """Return when it gets older, as finely as is told: minutes, hours, then days."""
    age = now - moment
    unit = timedelta(hours=1) if age < timedelta(days=1) else timedelta(days=1)
    unit = timedelta(minutes=1) if age < timedelta(hours=1) else unit
    return _next_step(moment, now, unit)


def _next_step(moment: datetime, now: datetime, step: timedelta) -> datetime:
    return moment + ((now - moment) // step + 1) * step


def _midnight() -> datetime:
    """Return when the reader's day ends."""
    tomorrow = timezone.localdate() + timedelta(days=1)
    return timezone.make_aware(datetime.combine(tomorrow, time.min))


def inspect(cards: Iterable[Card]) -> None:
    """Tell each card of a part in review what looks wrong, for one query in all."""
    in_review = [card for card in cards if card.category == Category.REVIEW]
    twins = findings.twins({card.pk: card.hashes for card in in_review})
    for card in in_review:
        card.is_inspected, card.twin = True, twins.get(card.pk)


def is_held_by(part: Part, user: User) -> bool:
    return is_named(part.assigned, user)


def is_own(part: Part, user: User) -> bool:
    """Whether ``user`` handed in a part that was read ``with_author``."""
    author = getattr(part, "author_pk", None)
    return author is not None and author == user.pk


def is_named(holder: str, user: User) -> bool:
    return holder.casefold() == user.worker_name.casefold()


def steps_for(part: Part, user: User) -> tuple[Step | None, list[Step]]:
    """Return the one step that is next for ``user``, if any, and the rarer ones."""
    if not user.can_work or part.deleted_at:
        return None, []
    if part.category == Category.REVIEW:
        return _review_steps(part, user)
    if part.category == Category.COMPLETED:
        return None, _steps_after(part, user)
    return _shop_steps(part, user)


def _review_steps(part: Part, user: User) -> tuple[Step | None, list[Step]]:
    leads = [APPROVE, SEND_BACK] if user.can_lead else []
    if part.is_sent_back:
        if is_own(part, user):
            return RESUBMIT, leads
        return None, [*leads, RESUBMIT]
    return (APPROVE, [APPROVE_NOTED, SEND_BACK]) if leads else (None, [])


def _shop_steps(part: Part, user: User) -> tuple[Step | None, list[Step]]:
    give = [GIVE] if user.can_lead else []
    block = UNBLOCK if part.blocked_reason else BLOCK
    if not part.assigned:
        return TAKE, [COMPLETE, *give, block]
    new_file = [ACCEPT] if part.is_outdated else []
    if is_held_by(part, user):
        # The file comes first: what was begun may no longer be what is wanted.
        begin = [START] if part.status != Status.IN_PROGRESS else []
        main, *rest = [*new_file, *begin, COMPLETE]
        return main, [*rest, *give, UNCLAIM, block]
    if user.can_lead:
        return None, [*new_file, COMPLETE, *give, UNCLAIM, block]
    return None, []


def _steps_after(part: Part, user: User) -> list[Step]:
    steps = [PLACE]
    if user.can_lead or not part.assigned or is_held_by(part, user):
        if not part.completed_incorrectly:
            steps.append(MADE_WRONG)
        elif not getattr(part, "remake_pk", None):
            steps.append(REMAKE)
    return [*steps, REVERT] if user.can_lead else steps


def sign_of(part: Part) -> Sign:
    if part.category == Category.COMPLETED:
        if part.completed_incorrectly:
            return Sign("wrong", _("Made wrong"))
        return Sign("completed", _("Completed"))
    if part.status == Status.CANCELLED:
        return Sign("cancelled", _("Cancelled"))
    if part.category == Category.REVIEW:
        if part.is_sent_back:
            return Sign("blocked", _("Sent back"))
        return Sign("waiting", _("In review"))
    if part.blocked_reason:
        return Sign("blocked", _("Blocked"))
    if part.status == Status.IN_PROGRESS:
        return Sign("progress", _("In progress"))
    if part.status == Status.ALREADY_STARTED:
        return Sign("ready", _("Already started"))
    return Sign("ready", _("Ready"))


def marks_of(part: Part, user: User) -> list[Mark]:
    marks = []
    if part.remake_of_id and part.category != Category.COMPLETED:
        marks.append(Mark("remake", "refresh", _("Made again")))
    if part.is_outdated:
        words = (
            _("New file since you took it")
            if is_held_by(part, user)
            else _("New file since %(person)s took it") % {"person": part.assigned}
        )
        marks.append(Mark("outdated", "new-file", words))
    if part.category == Category.COMPLETED:
        return marks
    if part.priority == Priority.URGENT:
        marks.append(Mark("urgent", "urgent", _("Urgent")))
    elif part.priority == Priority.HIGH:
        marks.append(Mark("high", "high", _("High priority")))
    if part.due_date:
        marks.append(_due(part))
    return marks


def _due(part: Part) -> Mark:
    days = (part.due_date - timezone.localdate()).days
    if days < 0:
        late = ngettext("%(count)s day overdue", "%(count)s days overdue", -days)
        return Mark("overdue", "clock", late % {"count": -days})
    if days <= 1:
        return Mark("soon", "clock", _("Due tomorrow") if days else _("Due today"))
    kind = "soon" if days <= DUE_SOON_DAYS else "due"
    due = _("Due %(date)s") % {"date": date_format(part.due_date, "D j M")}
    return Mark(kind, "clock", due)


BOARD_OF = {
    Category.REVIEW: "parts:review",
    Category.COMPLETED: "parts:completed",
}


def board_of(part: Part) -> str:
    """Return the address of the board on which the part stands."""
    return reverse(BOARD_OF.get(part.category, "parts:production"))

"""What is waiting for whoever looks: in hands, in review, ready, stuck."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from urllib.parse import urlencode

from django.db.models import BigIntegerField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from parts import waiting
from parts.models import SHOP, Category, Part, PartEvent, PartFile, Verb
from parts.querysets import OPEN
from partsite.compiled import Compiled, Slot

from .cards import APPROVE, GIVE, UNBLOCK, BoardCard, Card, Mark, Step, inspect
from .live import page_version

ROWS = 6  # of each section; its board has the rest
_REMEMBERED = 30  # finished parts that tell what somebody makes


@dataclass(frozen=True)
class Link:
    """A button that leads to where one decides."""

    address: str
    label: str


@dataclass
class Row:
    """A part in a section: why it is there, since when, and the one thing to do."""

    card: Card
    why: list[Mark]
    since: datetime | None
    step: Step | None = None
    link: Link | None = None
    retry: PartFile | None = None  # to be converted again
    is_first: bool = True  # of this part's rows on the page

    @property
    def part(self) -> Part:
        return self.card.part

    @property
    def told(self) -> dict:
        """All that is drawn of it, in plain values, but how long ago it was."""
        part, file = self.part, self.card.file
        in_review = part.category == Category.REVIEW
        return {
            # As the template of a step asks for it.
            "part": {"pk": part.pk, "storage_location": part.storage_location},
            "name": str(part),
            "code": part.code,
            "subsystem": part.subsystem,
            "author": part.author if in_review else "",
            "file": file and _plain(file, "thumbnail_tag", "is_converting", "state"),
            "why": [(mark.kind, mark.icon, str(mark.word)) for mark in self.why],
            "since": self.since,
            "step": self.step and _plain(self.step, "route", "label", "asks", "icon"),
            "link": self.link and _plain(self.link, "address", "label"),
            "retry": self.retry and _plain(self.retry, "kind", "revision"),
            "is_first": self.is_first,
        }


def _plain(thing: object, *names: str) -> dict:
    """Return what templates read of a thing; words that wait for a language in it."""
    values = {name: getattr(thing, name) for name in names}
    return {
        name: str(value) if isinstance(value, Promise) else value
        for name, value in values.items()
    }


@dataclass
class Section:
    """Some parts under a heading, with where all of them stand.

    Args:
        of: the list in ``waiting`` that it shows.
        tone: how bad it is that there are some: a colour and an icon.
        told: makes a row of a card.
    """

    key: str
    title: str
    of: str
    address: str
    told: Callable[[Card], Row]
    icon: str
    tone: str = ""
    empty: str = ""
    soft: str = ""
    total: int = 0
    rows: list[Row] = field(default_factory=list)

    @property
    def left_out(self) -> int:
        return self.total - len(self.rows)

    @property
    def oldest(self) -> datetime | None:
        return min((row.since for row in self.rows if row.since), default=None)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    version = page_version()
    user = request.user
    lanes = _lanes_of(user) if user.can_work else list(SHOP)
    groups = _groups(user, lanes)
    sections = [section for group in groups for section in group]
    _fill(sections, user, lanes)
    groups = [[s for s in group if s.total or s.empty] for group in groups]
    context = {
        "version": version,
        "gauges": sections,
        "groups": list(filter(None, groups)),
        "is_empty": not any(section.total for section in sections)
        and not Part.objects.on_board(*OPEN).exists(),
    }
    return render(request, "parts/home.html", context)


def _groups(user: User, lanes: list[str]) -> list[list[Section]]:
    """Return what stands together on the page, the most urgent first."""
    if not user.can_work:
        return [_of_onlooker()]
    *own, ready = _of_worker(user, lanes)
    if user.can_lead:
        return [own, _of_shop(), [ready]]
    return [own, [ready, _handed_in()]]


def _of_shop() -> list[Section]:
    search = reverse("parts:search")
    return [
        Section(
            "review",
            _("Waiting for review"),
            "review",
            reverse("parts:review"),
            _to_review,
            "review",
        ),
        Section(
            "overdue",
            _("Overdue"),
            "overdue",
            f"{search}?stuck=overdue",
            _late,
            "clock",
            tone="danger",
        ),
        Section(
            "held",
            _("Held too long"),
            "held-too-long",
            f"{search}?stuck=held-too-long",
            _held,
            "user",
            tone="warn",
        ),
        Section(
            "not-converted",
            _("Not converted"),
            "not-converted",
            f"{search}?stuck=not-converted",
            _not_converted,
            "warning",
            tone="danger",
        ),
        Section(
            "blocked",
            _("Blocked"),
            "blocked",
            f"{search}?stuck=blocked",
            _blocked,
            "blocked",
            tone="danger",
        ),
    ]


def _of_worker(user: User, lanes: list[str]) -> list[Section]:
    production = reverse("parts:production")
    wanted = {"unassigned": "true"}
    if len(lanes) == 1:
        wanted["type"] = lanes[0]
    return [
        Section(
            "mine",
            _("In your hands"),
            "mine",
            f"{production}?mine=1",
            _mine,
            "progress",
            # A lead's own work is beside the point, if there is none.
            empty=""
            if user.can_lead
            else _("Nothing is in your hands. Take a part that is ready."),
        ),
        Section(
            "sent-back",
            _("Sent back to you"),
            "sent-back",
            f"{reverse('parts:review')}?stuck=sent-back",
            _sent_back,
            "back",
            tone="danger",
        ),
        Section(
            "ready",
            _("Ready to make"),
            "ready",
            f"{production}?{urlencode(wanted)}",
            _ready,
            "ready",
            empty=_("Nothing is ready to be made here."),
            soft=", ".join(str(Category(lane).label) for lane in lanes)
            if len(lanes) < len(SHOP)
            else "",
        ),
    ]


def _handed_in() -> Section:
    return Section(
        "handed-in",
        _("Handed in by you, in review"),
        "handed-in",
        reverse("parts:review"),
        _to_review,
        "review",
    )


def _of_onlooker() -> list[Section]:
    production = reverse("parts:production")
    return [
        Section(
            "held",
            _("In progress"),
            "held",
            f"{production}?unassigned=false",
            _held,
            "progress",
            empty=_("Nobody is making anything right now."),
        ),
        Section(
            "ready",
            _("Ready to make"),
            "ready",
            f"{production}?unassigned=true",
            _ready,
            "ready",
            empty=_("Nothing is ready to be made."),
        ),
        Section(
            "review",
            _("Waiting for review"),
            "review",
            reverse("parts:review"),
            _to_review,
            "review",
        ),
        Section(
            "blocked",
            _("Blocked"),
            "blocked",
            f"{reverse('parts:search')}?stuck=blocked",
            _blocked,
            "blocked",
            tone="danger",
        ),
        Section(
            "completed",
            _("Finished this week"),
            "finished",
            reverse("parts:completed"),
            _finished,
            "completed",
        ),
    ]


def _lanes_of(user: User) -> list[str]:
    """Return the lanes of somebody's work: as chosen, else of what they finished."""
    if lane := user.default_lane:
        return [lane]
    made = {type_ or Category.HAND for (type_,) in _types_made().rows(user=user.pk)}
    return [lane for lane in SHOP if lane in made] or list(SHOP)


@cache
def _types_made() -> Compiled:
    """Return what lists the types of the last parts that ``user`` finished."""
    user = Slot("user", BigIntegerField())
    finished = PartEvent.objects.filter(actor=user, verb=Verb.COMPLETED)
    return Compiled(finished.values_list("part__type")[:_REMEMBERED])


def _fill(sections: list[Section], user: User, lanes: list[str]) -> None:
    """Read all sections' first parts in two queries, and what looks wrong in one."""
    lists = waiting.read(
        [section.of for section in sections], user, lanes=lanes, most=ROWS
    )
    ids = {pk for listed in lists for pk in listed.ids}
    rows = Part.objects.cards(sorted(ids))
    cards = {card.pk: card for card in (BoardCard(row, user) for row in rows)}
    inspect(cards.values())
    shown = set()
    for section, listed in zip(sections, lists, strict=True):
        section.total = listed.total
        # Without what was deleted meanwhile.
        section.rows = [section.told(cards[pk]) for pk in listed.ids if pk in cards]
        for row in section.rows:
            row.is_first = row.part.pk not in shown
            shown.add(row.part.pk)


# --- Rows ---------------------------------------------------------------------


def _to_review(card: Card) -> Row:
    part = card.part
    why = [
        Mark(finding.severity, "warning", finding.sentence)
        for finding in card.findings
        if finding.severity != "note"
    ]
    row = Row(card, why[:2], part.created_at)
    if card.main is APPROVE and not why:
        row.step = APPROVE
    elif card.main is APPROVE:
        row.link = _look(part, _("Review"), reverse("parts:review"))
    return row


def _late(card: Card) -> Row:
    part = card.part
    late = [mark for mark in card.marks if mark.kind == "overdue"]
    row = Row(card, [*late, *_holder(card)], part.approved_at or part.created_at)
    return _with_next(row)


def _held(card: Card) -> Row:
    return _with_next(Row(card, _holder(card), card.part.claimed_date))


def _not_converted(card: Card) -> Row:
    file = card.file
    row = Row(card, [Mark("wrong", "warning", file.error)], file.uploaded_at)
    if card.can_upload:
        row.retry = file
    return row


def _blocked(card: Card) -> Row:
    part = card.part
    why = [Mark("wrong", "blocked", part.blocked_reason), *_holder(card)]
    row = Row(card, why, part.updated_at)
    if UNBLOCK in card.more:
        row.step = UNBLOCK
    elif card.user.can_work:
        row.link = _look(part, _("Open"))
    return row


def _mine(card: Card) -> Row:
    part = card.part
    why = list(card.marks)
    if part.blocked_reason:
        why.insert(0, Mark("wrong", "blocked", part.blocked_reason))
    return Row(card, why, part.claimed_date, step=card.main)


def _sent_back(card: Card) -> Row:
    part = card.part
    why = [Mark("wrong", "back", part.blocked_reason)]
    return Row(card, why, part.updated_at, step=card.main)


def _ready(card: Card) -> Row:
    part = card.part
    return Row(card, card.marks, part.approved_at or part.created_at, step=card.main)


def _finished(card: Card) -> Row:
    part = card.part
    why = [Mark("note", "pin", part.storage_location)] if part.storage_location else []
    return Row(card, [*_holder(card), *why], part.completed_at)


def _holder(card: Card) -> list[Mark]:
    if not card.part.assigned:
        return []
    who = _("You") if card.is_mine else card.part.assigned
    return [Mark("note", "user", who)]


def _with_next(row: Row) -> Row:
    """Offer the next step, or else to give the part to somebody, or to look at it."""
    card = row.card
    if not card.user.can_work:
        return row
    if card.main is APPROVE:
        row.link = _look(row.part, _("Review"), reverse("parts:review"))
    elif card.main:
        row.step = card.main
    elif GIVE in card.more:
        row.step = GIVE
    else:
        row.link = _look(row.part, _("Open"))
    return row


def _look(part: Part, label: str, board: str = "") -> Link:
    return Link(f"{board}#part-{part.pk}" if board else part.get_absolute_url(), label)

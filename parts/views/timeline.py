"""The history of a part in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from django.core.exceptions import FieldDoesNotExist
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from parts.models import Kind, Part, PartEvent, Priority, Type, Verb

# The whole sentence each: where the name stands is the language's business.
PLAIN = {
    Verb.CREATED: gettext_lazy("{who} handed it in"),
    Verb.EDITED: gettext_lazy("{who} changed it"),
    Verb.APPROVED: gettext_lazy("{who} approved it"),
    Verb.SENT_BACK: gettext_lazy("{who} sent it back"),
    Verb.RESUBMITTED: gettext_lazy("{who} handed it in again"),
    Verb.ASSIGNED: gettext_lazy("{who} took it"),
    Verb.STARTED: gettext_lazy("{who} started it"),
    Verb.UNCLAIMED: gettext_lazy("{who} let it go"),
    Verb.COMPLETED: gettext_lazy("{who} finished it"),
    Verb.MARKED_WRONG: gettext_lazy("{who} said it was made wrong"),
    Verb.REMADE: gettext_lazy("{who} sent it back to be made again"),
    Verb.REVERTED: gettext_lazy("{who} reopened it"),
    Verb.MARKED_WRONG: gettext_lazy("{who} said it was made wrong"),
    Verb.REMADE: gettext_lazy("{who} sent it back to be made again"),
    Verb.TRASHED: gettext_lazy("{who} moved it to the trash"),
    Verb.RESTORED: gettext_lazy("{who} took it out of the trash"),
    Verb.RETRIED: gettext_lazy("{who} asked for another conversion"),
}
ICONS = {
    Verb.CREATED: "plus",
    Verb.EDITED: "edit",
    Verb.UPLOADED: "upload",
    Verb.APPROVED: "review",
    Verb.SENT_BACK: "back",
    Verb.RESUBMITTED: "refresh",
    Verb.ASSIGNED: "user",
    Verb.STARTED: "ready",
    Verb.ACCEPTED: "new-file",
    Verb.UNCLAIMED: "minus",
    Verb.COMPLETED: "completed",
    Verb.MARKED_WRONG: "wrong",
    Verb.REMADE: "refresh",
    Verb.REVERTED: "back",
    Verb.MARKED_WRONG: "wrong",
    Verb.REMADE: "refresh",
    Verb.TRASHED: "trash",
    Verb.RESTORED: "archive",
    Verb.RETRIED: "refresh",
}
# What an event's sentence tells already, or what follows from the step itself.
OF_STEPS = {
    "approved_at",
    "assigned",
    "blocked_reason",
    "category",
    "claimed_date",
    "claimed_drawing",
    "claimed_revision",
    "completed_at",
    "current_drawing",
    "current_step",
    "deleted_at",
    "extra",
    "file",
    "imported",
    "made",
    "reviewer",
    "status",
    "storage_location",
    "wrong_reason",
}
LABELS = {
    "blocked_reason": gettext_lazy("reason for blocking"),
    "completed_incorrectly": gettext_lazy("made wrong"),
    "material_thickness": gettext_lazy("thickness"),
    "onshape_url": gettext_lazy("Onshape link"),
    "service_method": gettext_lazy("supplier or process"),
    "storage_location": gettext_lazy("storage place"),
}
LONG = 80
_NAMES_A_FILE = {Verb.UPLOADED, Verb.ACCEPTED}  # their note is its kind

FileNames = Mapping[tuple[str, int], str]


@dataclass(frozen=True)
class Change:
    """One field that changed; a long text is named, but not shown."""

    label: str
    before: str
    after: str

    @property
    def is_long(self) -> bool:
        texts = (self.before, self.after)
        return any(len(text) > LONG or "\n" in text for text in texts)


@dataclass(frozen=True)
class Line:
    """One event: a sentence with who did it, when, why, and what it changed.

    ``is_script`` tells that ``who`` is the name of an API key, not of a person.
    """

    who: str
    is_script: bool
    sentence: SafeString
    at: datetime
    verb: str
    note: str
    changes: list[Change]

    @property
    def icon(self) -> str:
        return ICONS[Verb(self.verb)]

    @property
    def day(self) -> date:
        return timezone.localdate(self.at)


@dataclass(frozen=True)
class Day:
    """What happened on one day, as the reader's calendar has it."""

    date: date
    lines: list[Line]

    @property
    def is_today(self) -> bool:
        return self.date == timezone.localdate()

    @property
    def title(self) -> str:
        """How long ago it was, in days."""
        days = (timezone.localdate() - self.date).days
        if days == 0:
            return _("Today")
        if days == 1:
            return _("Yesterday")
        told = ngettext("%(days)d day ago", "%(days)d days ago", days)
        return told % {"days": days}


def told(event: PartEvent, file_names: FileNames | None = None) -> Line:
    """Put an event into words.

    Args:
        file_names: of the part's files, by kind and revision.
    """
    file_name = (file_names or {}).get((event.note, event.revision), "")
    is_script = event.api_key_id is not None
    who = event.actor_name or capfirst(_("the system"))
    template, values = _sentence(event, file_name)
    return Line(
        who=who,
        is_script=is_script,
        sentence=format_html(template, who=_named(who, is_script), **values),
        at=event.at,
        verb=event.verb,
        note="" if event.verb in _NAMES_A_FILE else event.note,
        changes=changes_in(event),
    )


def by_day(lines: Iterable[Line]) -> list[Day]:
    """Group lines, which are in the order of time, by the reader's days."""
    return [Day(day, list(of_day)) for day, of_day in groupby(lines, lambda o: o.day)]


def changes_in(event: PartEvent) -> list[Change]:
    """Return field by field what the event changed beyond its sentence."""
    edited = {"category", "extra", "imported"}
    untold = edited if event.verb == Verb.EDITED else OF_STEPS
    return [
        Change(label_of(field), _word(field, before), _word(field, after))
        for field, (before, after) in sorted(event.changes.items())
        if field not in untold
    ]


def label_of(field: str) -> str:
    """Return the name of a column as people say it."""
    try:
        return str(LABELS.get(field) or Part._meta.get_field(field).verbose_name)
    except FieldDoesNotExist:
        return field


def _named(who: str, is_script: bool) -> SafeString:
    if not is_script:
        return format_html("<strong>{}</strong>", who)
    return format_html(
        '<strong>{}</strong> <span class="timeline__key">{}</span>', who, _("API key")
    )


def _sentence(event: PartEvent, file_name: str) -> tuple[str | Promise, dict[str, str]]:
    """Return the sentence, with places for ``{who}`` and for what else it names."""
    if event.verb in _NAMES_A_FILE:
        return _about_file(event, file_name)
    before, after = event.changes.get("assigned", ["", ""])
    others = {"before": before, "after": after}
    actor = event.actor_name.casefold()
    if event.verb == Verb.ASSIGNED:
        if after and after.casefold() != actor:
            if before:
                return _("{who} gave it to {after} instead of {before}"), others
            return _("{who} gave it to {after}"), others
        if before:
            return _("{who} took it from {before}"), others
    if event.verb == Verb.UNCLAIMED and before and before.casefold() != actor:
        return _("{who} took it from {before}"), others
    if event.verb == Verb.EDITED and not (event.changes or event.note):
        return _("{who} changed nothing"), {}
    return PLAIN[Verb(event.verb)], {}


def _about_file(event: PartEvent, name: str) -> tuple[str, dict[str, str]]:
    file = {"file": name, "revision": event.revision}
    if event.verb == Verb.ACCEPTED:
        if name:
            return _("{who} accepted the new {file} (revision {revision})"), file
        if event.revision:
            return _("{who} accepted the new file (revision {revision})"), file
        return _("{who} accepted the new file"), {}
    if name:
        return _("{who} uploaded {file} (revision {revision})"), file
    if event.note == Kind.DRAWING:
        return _("{who} uploaded a drawing"), {}
    return _("{who} uploaded a STEP file"), {}


def _word(field: str, value: object) -> str:
    """Return a recorded value as people say it; nothing is ``""``."""
    if value is None or value == "":
        return ""
    if field == "priority" and value in Priority.values:
        return str(Priority(value).label)
    if field == "type" and value in Type.values:
        return str(Type(value).label)
    if field == "due_date":
        try:
            return date_format(date.fromisoformat(str(value)), "j M Y")
        except ValueError:
            return str(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)

"""The history of a part in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.core.exceptions import FieldDoesNotExist
from django.utils.formats import date_format

from parts.models import Kind, Part, PartEvent, Priority, Type, Verb

PLAIN = {
    Verb.CREATED: "handed it in",
    Verb.APPROVED: "approved it",
    Verb.SENT_BACK: "sent it back",
    Verb.RESUBMITTED: "handed it in again",
    Verb.STARTED: "started it",
    Verb.UNCLAIMED: "let it go",
    Verb.COMPLETED: "finished it",
    Verb.REVERTED: "reopened it",
    Verb.TRASHED: "moved it to the trash",
    Verb.RESTORED: "took it out of the trash",
    Verb.RETRIED: "asked for another conversion",
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
}
LABELS = {
    "blocked_reason": "reason for blocking",
    "completed_incorrectly": "made wrong",
    "material_thickness": "thickness",
    "onshape_url": "Onshape link",
    "service_method": "supplier or process",
    "storage_location": "storage place",
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
    """One event: who did what and when, why, and what it changed.

    ``is_script`` tells that ``who`` is the name of an API key, not of a person.
    """

    who: str
    is_script: bool
    what: str
    at: datetime
    verb: str
    note: str
    changes: list[Change]


def told(event: PartEvent, file_names: FileNames | None = None) -> Line:
    """Put an event into words.

    Args:
        file_names: of the part's files, by kind and revision.
    """
    file_name = (file_names or {}).get((event.note, event.revision), "")
    return Line(
        who=event.actor_name or "The system",
        is_script=event.api_key_id is not None,
        what=_sentence(event, file_name),
        at=event.at,
        verb=event.verb,
        note="" if event.verb in _NAMES_A_FILE else event.note,
        changes=changes_in(event),
    )


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
        return LABELS.get(field) or str(Part._meta.get_field(field).verbose_name)
    except FieldDoesNotExist:
        return field


def _sentence(event: PartEvent, file_name: str) -> str:
    before, after = event.changes.get("assigned", ["", ""])
    actor = event.actor_name.casefold()
    revision = f" (revision {event.revision})" if event.revision else ""
    if event.verb == Verb.UPLOADED:
        kind = "a drawing" if event.note == Kind.DRAWING else "a STEP file"
        return f"uploaded {file_name or kind}{revision}"
    if event.verb == Verb.ASSIGNED:
        if after and after.casefold() != actor:
            return f"gave it to {after}" + (f" instead of {before}" if before else "")
        return "took it" + (f" from {before}" if before else "")
    if event.verb == Verb.UNCLAIMED and before and before.casefold() != actor:
        return f"took it from {before}"
    if event.verb == Verb.ACCEPTED:
        return f"accepted the new {file_name or 'file'}{revision}"
    if event.verb == Verb.EDITED:
        return "changed it" if event.changes or event.note else "changed nothing"
    return PLAIN.get(event.verb, event.get_verb_display())


def _word(field: str, value: object) -> str:
    """Return a recorded value as people say it; nothing is ``""``."""
    if value is None or value == "":
        return ""
    if field == "priority" and value in Priority.values:
        return Priority(value).label
    if field == "type" and value in Type.values:
        return Type(value).label
    if field == "due_date":
        try:
            return date_format(date.fromisoformat(str(value)), "j M Y")
        except ValueError:
            return str(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)

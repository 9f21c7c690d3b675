"""Bring a row of another server under our rules, and tell what that took.

Pure: no database and no files. Where the meaning of a value is plain it is put
right; what has no place here is kept in the notes in its own words.
"""

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils import timezone

from parts.models import MOST_PIECES, SHOP, Category, Status, Type
from parts.uploads import bare_name

from .source import COLUMNS
from .values import Values, limit_of, parsed_moment, shown

MOST_ID = 2**31 - 1  # new parts count on from the highest
IMPORTED_TEXT = "importedText"  # the key of miscInfo for what the notes cannot hold
_UNREADABLE = "misc_info_unreadable"
_LONGEST = 1_000_000  # characters of one value; lists carry notes and miscInfo
_NAMESPACE = UUID("8c1c4b1e-53d0-4b0b-9d6f-0f2f3ad1c1a4")
_AT_WORK = {
    Status.REVIEWED,
    Status.APPROVED,
    Status.IN_PROGRESS,
    Status.ALREADY_STARTED,
}
_check_address = URLValidator(["http", "https"])


class RowRefused(Exception):
    """A row that cannot be brought over; the text says why and what to do."""


@dataclass(frozen=True)
class Worker:
    """Somebody who was given the part, and when, as far as is known."""

    name: str
    at: datetime | None


@dataclass(frozen=True)
class Row:
    """A part as it can stand here.

    Attributes:
        made_uuid: what ``uuid`` is, or would be if it had none of its own.
        fields: columns of ``Part``, but for ``id``, ``uuid`` and ``file``.
        file: the bare name of what was its current file.
        pictures_at: when the picture of each side was made, as far as is known.
        mends: what was not as it should be, and what became of it.
    """

    id: int
    uuid: UUID
    made_uuid: UUID
    fields: dict[str, Any]
    file: str
    workers: list[Worker]
    pictures_at: dict[int, datetime]
    mends: list[str]


def mend(values: Mapping[str, Any], *, taken: Collection[UUID] = ()) -> Row:
    """Read a foreign row.

    Args:
        values: column to value, as SQLite gave it; later columns may be missing.
        taken: the uuids of other rows.
    Raises:
        RowRefused: it has no usable id, or a value is too large to live with.
    """
    id_ = _id(values.get("id"))
    for column, value in values.items():
        if isinstance(value, str | bytes) and len(value) > _LONGEST:
            raise RowRefused(
                f"Its {column} is {len(value)} characters long, and more than "
                f"{_LONGEST} are not taken. Shorten it there."
            )
    mender = _Mender(values)
    # The same on every run, so that the part is known again.
    made_uuid = uuid5(_NAMESPACE, f"{id_} {values.get('created_at')!r}")
    uuid = mender.uuid(made_uuid, taken)
    file = mender.file_name()
    return Row(
        id=id_,
        uuid=uuid,
        made_uuid=made_uuid,
        fields=mender.fields(uuid),  # last, since the notes hold what all others kept
        file=file,
        workers=mender.workers,
        pictures_at=mender.pictures_at,
        mends=mender.mends,
    )


def _id(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,10}\s*", value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or not 1 <= value <= MOST_ID:
        raise RowRefused(
            f"Its id is {shown(value)}; give it a whole number from 1 to {MOST_ID}."
        )
    return value


class _Mender(Values):
    """One row on its way."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__()
        self._values = values
        self.workers: list[Worker] = []
        self.pictures_at: dict[int, datetime] = {}
        if empty := [column for column, value in values.items() if value == ""]:
            self.note(f"empty text is nothing now: {', '.join(empty)}")

    # --- The columns ----------------------------------------------------------

    def uuid(self, made: UUID, taken: Collection[UUID]) -> UUID:
        told = self._values.get("uuid")
        try:
            is_raw = isinstance(told, bytes) and len(told) == 16
            uuid = UUID(bytes=told) if is_raw else UUID(self.text("uuid", told))
        except ValueError:
            if told not in (None, ""):
                self.mend("uuid", told, made)
            return made
        if uuid in taken:
            self.note(f"uuid: {uuid} is another part's → {made}")
            return made
        return uuid

    def fields(self, uuid: UUID) -> dict[str, Any]:
        misc = self._misc()
        assigned = " ".join(self._column("assigned").split())
        fields: dict[str, Any] = {
            "code": self._fit("code", "part_id") or str(uuid)[:8],
            "name": self._fit("name"),
            "subsystem": self._fit("subsystem"),
            "material": self._fit("material"),
            "material_thickness": self._fit("material_thickness"),
            "amount": self._amount(),
            "onshape_url": self._address(),
            "assigned": self.cut("assigned", "assigned", assigned),
            "storage_location": self._from_misc(misc, "storage", "storage_location"),
            "reviewer": self._from_misc(misc, "reviewer", "reviewer"),
            "service_method": self._from_misc(misc, "serviceMethod", "service_method"),
        }
        fields |= self._state(fields["assigned"])
        fields |= self._completion(misc, fields)
        fields |= self._times(misc)
        self._read_pictures(misc)
        extra = {key: self._shallow(key, value) for key, value in misc.items()}
        if self.workers:
            extra["handWorkers"] = [
                {"name": worker.name, "timestamp": worker.at and worker.at.isoformat()}
                for worker in self.workers
            ]
        fields["notes"] = self._notes(extra)
        fields["extra"] = {k: value for k, value in extra.items() if value is not None}
        return fields

    def file_name(self) -> str:
        told = self._column("file")
        name = bare_name(told)
        if name != told:
            self.mend("file", told, name)
        return name

    def _amount(self) -> int:
        told = self._values.get("amount")
        if told is None:
            return 1
        text = str(told) if isinstance(told, int | float) else self.text("amount", told)
        if re.fullmatch(r"[0-9]{1,10}(\.0+)?", text):
            number = int(text.partition(".")[0])
            if 1 <= number <= MOST_PIECES:
                if not isinstance(told, int):
                    self.mend("amount", told, number)
                return number
        self.mend("amount", told, 1)
        if not re.fullmatch(r"-[0-9.]+|[0.]*", text):  # “about 20” says something
            self.keep("amount", text)
        return 1

    def _address(self) -> str:
        text = self._column("onshape_url")
        try:
            _check_address(text or "http://none.example")
        except ValidationError:
            why = "no web address"
        else:
            limit = limit_of("onshape_url")
            if len(text) <= limit:
                return text
            why = f"longer than {limit} characters"
        self.note(f"onshape_url: {shown(text)} is {why}, moved to the notes")
        self.keep("onshape_url", text)
        return ""

    def _times(self, misc: dict) -> dict[str, datetime | None]:
        names = ("created_at", "updated_at", "claimed_date")
        times = {name: self.moment(name, self._values.get(name)) for name in names}
        known = sorted(at for at in times.values() if at)
        self._read_workers(misc, times["claimed_date"] or (known[0] if known else None))
        if times["created_at"] is None:
            times["created_at"] = known[0] if known else timezone.now()
            self.mend("created_at", None, times["created_at"])
        if times["updated_at"] is None:
            times["updated_at"] = known[-1] if known else times["created_at"]
        return times

    def _state(self, assigned: str) -> dict[str, str]:
        """Return type, category and status that agree with each other."""
        told = {name: self._column(name) for name in ("type", "category", "status")}
        type_ = self.word("type", told["type"], Type.values)
        category = self.word("category", told["category"], Category.values)
        status = self.word("status", told["status"], Status.values)
        if category == Category.COMPLETED or status == Status.COMPLETED:
            if status == Status.CANCELLED:
                self.keep("status", told["status"])
            category, status = Category.COMPLETED, Status.COMPLETED
        elif not category:
            is_at_work = status in _AT_WORK and not told["category"]
            category = (type_ or Category.HAND) if is_at_work else Category.REVIEW
        if category in SHOP:
            # The type says how it is made, and the lane follows from it.
            category = type_ = type_ or category
        if not status:
            ready = Status.IN_PROGRESS if assigned else Status.REVIEWED
            status = Status.PENDING if category == Category.REVIEW else ready
        state = {"type": type_, "category": category, "status": status}
        for name, word in state.items():
            if word != told[name]:
                self.mend(name, told[name], word)
        return {name: str(word) for name, word in state.items()}

    def _completion(self, misc: dict, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Take from ``misc`` how the part was finished; all its pieces were made."""
        told_at = misc.pop("completed_at", None)
        told_wrong = misc.pop("completedIncorrectly", None)
        at = self.moment("misc_info.completed_at", told_at)
        is_wrong = self.truth("misc_info.completedIncorrectly", told_wrong)
        if fields["category"] == Category.COMPLETED:
            return {
                "completed_at": at,
                "completed_incorrectly": is_wrong,
                "made": fields["amount"],
            }
        if at:
            self.mend("misc_info.completed_at", at, None)
        if is_wrong:
            self.mend("misc_info.completedIncorrectly", is_wrong, None)
        return {"completed_at": None, "completed_incorrectly": False, "made": 0}

    def _notes(self, extra: dict[str, Any]) -> str:
        """Return the notes with what was kept; what they cannot hold goes to extra."""
        notes = self._column("notes")
        limit = limit_of("notes")
        lines = [f"{name} before the move: {text}" for name, text in self.kept.items()]
        longer = "\n\n".join(filter(None, [notes, "\n".join(lines)]))
        if len(longer) <= limit:
            return longer
        whole = {"notes": notes, **self.kept} if len(notes) > limit else self.kept
        if IMPORTED_TEXT in extra:
            whole = {IMPORTED_TEXT: json.dumps(extra[IMPORTED_TEXT]), **whole}
        extra[IMPORTED_TEXT] = whole
        self.note(
            f"the notes would be {len(longer)} characters long; what is over {limit} "
            f"is in miscInfo.{IMPORTED_TEXT}"
        )
        return notes[:limit].rstrip()

    # --- misc_info ------------------------------------------------------------

    def _misc(self) -> dict[str, Any]:
        """Return what ``misc_info`` and the columns that are unknown here hold."""
        misc = self._parsed(self._column("misc_info"))
        for column, value in self._values.items():
            if column not in COLUMNS and value not in (None, ""):
                is_number = isinstance(value, int | float)
                plain = value if is_number else self.text(column, value)
                if plain != "":
                    misc.setdefault(column, plain)
        return misc

    def _parsed(self, text: str) -> dict[str, Any]:
        try:
            misc = json.loads(text, parse_constant=self._nan) if text else {}
            if isinstance(misc, str):  # written as JSON twice over
                misc = json.loads(misc, parse_constant=self._nan)
        except (ValueError, RecursionError):
            misc = text
        if misc is None:
            return {}
        if not isinstance(misc, dict):
            self.note(
                f"misc_info: {shown(text)} is no JSON object, "
                f"kept in miscInfo.{_UNREADABLE}"
            )
            return {_UNREADABLE: text}
        return {self.clean("misc_info", key): value for key, value in misc.items()}

    def _nan(self, name: str) -> str:
        self.note(f"misc_info: {name} is no number in JSON, kept as text")
        return name

    def _from_misc(self, misc: dict, key: str, field: str) -> str:
        """Take the text of a key that has a column here."""
        value = misc.pop(key, None)
        if value is None:
            return ""
        label = f"misc_info.{key}"
        if not isinstance(value, str):
            self.mend(label, value, json.dumps(value))
            value = json.dumps(value, ensure_ascii=False)
        return self.cut(label, field, self.clean(label, value).strip())

    def _read_workers(self, misc: dict, fallback: datetime | None) -> None:
        told = misc.pop("handWorkers", None)
        label = "misc_info.handWorkers"
        for entry in told if isinstance(told, list) else [told]:
            worker = entry if isinstance(entry, dict) else {"name": entry}
            name = worker.get("name")
            if isinstance(name, str) and name.strip():
                name = " ".join(self.clean(label, name).split())
                at = self.moment(label, worker.get("timestamp"))
                if at is None:
                    at = fallback
                    self.note(f"{label}: {shown(name)} has no time → {shown(at)}")
                self.workers.append(Worker(self.cut(label, "assigned", name), at))
            elif entry is not None:
                text = self.clean(label, json.dumps(entry, ensure_ascii=False))
                self.note(f"{label}: {shown(text)} names nobody, moved to the notes")
                self.keep(label, text)

    def _read_pictures(self, misc: dict) -> None:
        """Take when the pictures were made; they themselves lie in the folder."""
        views = misc.pop("views", None)
        files = views.get("files") if isinstance(views, dict) else None
        for side, file in files.items() if isinstance(files, dict) else ():
            told = file.get("timestamp") if isinstance(file, dict) else None
            at = parsed_moment(told)
            if at and re.fullmatch("[0-7]", side):
                self.pictures_at[int(side)] = at

    def _shallow(self, key: str, value: Any) -> Any:
        """Return ``value`` no deeper than a request may bring it, without nulls."""
        label = f"misc_info.{key}"
        if isinstance(value, list):
            return [self._scalar(label, item) for item in value if item is not None]
        if isinstance(value, dict):
            return {
                self.clean(label, name): self._scalar(label, item)
                for name, item in value.items()
                if item is not None
            }
        return self._scalar(label, value)

    def _scalar(self, label: str, value: Any) -> str | bool | int | float | None:
        if isinstance(value, str):
            return self.clean(label, value)
        if isinstance(value, list | dict):
            self.note(f"{label}: too deep, kept as JSON text")
            return self.clean(label, json.dumps(value, ensure_ascii=False))
        if isinstance(value, float) and not math.isfinite(value):
            self.mend(label, value, str(value))
            return str(value)
        return value

    # --- Texts ----------------------------------------------------------------

    def _column(self, column: str) -> str:
        return self.text(column, self._values.get(column))

    def _fit(self, field: str, column: str = "") -> str:
        return self.cut(column or field, field, self._column(column or field))

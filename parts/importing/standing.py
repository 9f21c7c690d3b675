"""What stands here already, and whether it is still as an import left it."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from parts.models import Kind, Part, PartEvent, PartFile, Verb

from .mending import Row

MARK = "imported"  # the key in an event's changes by which an import knows its own
TAG_LENGTH = 16
TIMES = {"created_at", "updated_at"}  # one never changes, the other is no content


@dataclass(frozen=True)
class Standing:
    """What stands here of some rows.

    Attributes:
        parts: those with the id of a row, their files loaded.
        owners: the id of every part here that has the uuid of a row.
        marks: the fingerprint of each part as an import wrote it last.
        brought: the hash tags of the files that imports brought, by part.
    """

    parts: dict[int, Part]
    owners: dict[UUID, int]
    marks: dict[int, str]
    brought: dict[int, set[str]]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Standing":
        ids = [row.id for row in rows]
        uuids = [row.uuid for row in rows]
        owners = Part.objects.filter(uuid__in=uuids).values_list("uuid", "pk")
        events = PartEvent.objects.filter(part__in=ids, changes__has_key=MARK)
        marks: dict[int, str] = {}
        brought = defaultdict(set)
        marked = events.order_by("pk").values_list("part", "verb", "changes")
        for part_id, verb, changes in marked:
            tag = changes[MARK][1]
            if verb == Verb.UPLOADED:
                brought[part_id].add(tag)
            else:
                marks[part_id] = tag
        parts = Part.objects.prefetch_related("files").in_bulk(ids)
        return cls(parts, dict(owners), marks, brought)

    def refusal(self, row: Row) -> str:
        """Return why ``row`` cannot stand here, if so."""
        part = self.parts.get(row.id)
        empty = "Import into an empty shop (make run DEMO=0)."
        if part is None:
            owner = self.owners.get(row.uuid)
            return f"Part {owner} here has its uuid already. {empty}" if owner else ""
        is_same = part.uuid in {row.uuid, row.made_uuid} and row.id in self.marks
        return "" if is_same else f"Its id is that of another part here. {empty}"

    def revisions(self, part_id: int, kind: Kind) -> list[PartFile]:
        """List the files of a part, oldest first."""
        part = self.parts.get(part_id)
        files = part.files.all() if part else ()
        own = [file for file in files if file.kind == kind]
        return sorted(own, key=lambda file: file.revision)

    def is_brought(self, file: PartFile) -> bool:
        return file.sha256[:TAG_LENGTH] in self.brought[file.part_id]


def fingerprint(fields: Mapping[str, Any]) -> str:
    """Return a short name of what these columns hold, their pictures included."""
    extra = dict(fields["extra"])
    pictures = picture_hashes(extra.pop("views", {}))
    held = {name: plain(fields[name]) for name in fields.keys() - TIMES}
    held |= {"extra": extra, "pictures": pictures}
    text = json.dumps(_even(held), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:TAG_LENGTH]


def picture_hashes(views: Mapping[str, Any]) -> dict[int, str]:
    """Return the SHA-256 of each picture, by the number of the side."""
    return {
        int(side): PurePosixPath(picture["content"]).stem
        for side, picture in views.get("files", {}).items()
    }


def plain(value: Any) -> Any:
    """Return ``value`` as JSON can hold it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value


def _even(value: Any) -> Any:
    """Return ``value`` with 2.0 as 2, which PostgreSQL's JSON does not tell apart."""
    if isinstance(value, dict):
        return {key: _even(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_even(item) for item in value]
    is_whole = isinstance(value, float) and value.is_integer()
    return int(value) if is_whole else value

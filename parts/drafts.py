"""Files that are sent before their part is handed in: kept, found, told of."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from uuid import UUID, uuid4

from django.core.files.uploadedfile import UploadedFile

from accounts.models import User

from . import guesses, uploads, vocabulary
from .conversion.products import product_name
from .measures import units_of
from .models import DraftFile, Kind, Part, PartFile

TWINS_TOLD = 3


@dataclass
class Draft:
    """A file as it is shown beside its part's form.

    ``twins`` are parts that have this very file already, ``written`` is how the
    team writes thicknesses.
    """

    file: DraftFile
    twins: list[Part] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    @cached_property
    def guesses(self) -> list[guesses.Guess]:
        reader = self.file.owner
        return guesses.guesses(
            self.file,
            self.file.product,
            system=units_of(reader)[0],
            written=self.written,
        )

    @property
    def guesses_json(self) -> str:
        return json.dumps([asdict(guess) for guess in self.guesses])

    @property
    def facts(self) -> dict:
        return self.file.facts or {}

    @property
    def holes(self) -> int:
        return sum(hole["count"] for hole in self.facts.get("holes", []))

    @property
    def pieces(self) -> int:
        """How many parts are in it: more than one in an assembly."""
        return sum(item["count"] for item in self.facts.get("items", []))


def keep(upload: UploadedFile, *, part_uuid: UUID, owner: User) -> DraftFile:
    """Check and store ``upload`` for the part that is to have ``part_uuid``.

    Raises:
        FileRefused: it is not what its name says, or nothing we take.
    """
    stored = uploads.store(upload)
    is_step = stored.kind == Kind.STEP
    return DraftFile.objects.create(
        owner=owner,
        part_uuid=part_uuid,
        kind=stored.kind,
        name=stored.name,
        content=stored.stored_name,
        sha256=stored.sha256,
        size_bytes=stored.size_bytes,
        product=product_name(upload, upload.size)[:200] if is_step else "",
    )


def let_go(file: DraftFile) -> None:
    """Take ``file`` from the part it was sent for; it is deleted with the old ones."""
    DraftFile.objects.filter(pk=file.pk).update(part_uuid=uuid4())


def sent_for(part_uuids: Iterable[UUID], *, owner: User) -> dict[UUID, list[Draft]]:
    """Return what lies ready for each of these parts: of each kind what came last."""
    newest: dict[tuple[UUID, str], DraftFile] = {}
    for file in DraftFile.objects.sent_for(part_uuids, owner=owner):
        newest[file.part_uuid, file.kind] = file
    drafts = told(list(newest.values()))
    found: dict[UUID, list[Draft]] = {}
    # The STEP file first: it is what the part is made from.
    for draft in sorted(drafts, key=lambda draft: draft.file.kind != Kind.STEP):
        found.setdefault(draft.file.part_uuid, []).append(draft)
    return found


def told(files: Sequence[DraftFile]) -> list[Draft]:
    """Return the files with the parts that have the same ones."""
    is_measured = any(file.facts for file in files)
    written = vocabulary.in_use()["thicknesses"] if is_measured else []
    drafts = [Draft(file, written=written) for file in files]
    hashes = {file.sha256 for file in files}
    twins = PartFile.objects.with_hashes(hashes) if hashes else ()
    for twin in twins:
        for draft in drafts:
            is_same = draft.file.sha256 == twin.sha256
            is_new = is_same and twin.part not in draft.twins
            if is_new and len(draft.twins) < TWINS_TOLD:
                draft.twins.append(twin.part)
    return drafts


def by_part(uploads_: Iterable[UploadedFile]) -> list[list[UploadedFile]]:
    """Group files that were sent together: a STEP file and the drawing of its name."""
    groups: dict[tuple[str, int], list[UploadedFile]] = {}
    seen: dict[tuple[str, str], int] = {}
    for upload in uploads_:
        path = PurePosixPath(uploads.bare_name(upload.name))
        kind = uploads.SUFFIXES.get(path.suffix.lower(), path.suffix)
        stem = path.stem.casefold()
        turn = seen[stem, kind] = seen.get((stem, kind), 0) + 1
        groups.setdefault((stem, turn), []).append(upload)
    return list(groups.values())

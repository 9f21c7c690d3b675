"""One part on its way in: what is to be done, its bytes stored, its rows written."""

from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from parts import uploads
from parts.errors import FileRefused
from parts.models import SHOP, Kind, Part, PartEvent, PartFile, Verb

from . import events
from .folder import Contents, Found, opened
from .mending import Row
from .outcomes import Line, Outcome, Subject
from .standing import TIMES, Standing, fingerprint, picture_hashes, plain

_POINTERS = {Kind.STEP: "current_step", Kind.DRAWING: "current_drawing"}


class Overtaken(Exception):
    """Somebody changed the part between our look at it and our writing."""


class Arrival:
    """What becomes of one row: ``decide``, ``store``, ``write``, in this order."""

    def __init__(self, row: Row, here: Standing, contents: Contents) -> None:
        self._row = row
        self._here = here
        self._part = here.parts.get(row.id)
        self._contents = contents
        self._files: list[Found] = []
        self._stored_names: dict[str, str] = {}
        self._outcome = Outcome.CREATED
        self._reasons: list[str] = row.mends
        self._lines: list[Line] = []

    def lines(self) -> Iterator[Line]:
        """Yield what became of the part, its files and its pictures."""
        part_id, name = str(self._row.id), name_of(self._row)
        reasons = tuple(self._reasons)
        yield Line(Subject.PART, part_id, name, self._outcome, reasons)
        yield from self._lines
        yield from self._contents.lines

    # --- What is to be done ---------------------------------------------------

    def decide(self) -> None:
        """Compare there with here, and with what an import wrote here last."""
        if self._part and self._part.deleted_at:
            self._leave("It is in the trash here.")
            self._contents = Contents()
            return
        for kind in Kind:
            self._files += self._files_to_add(kind)
        self._files.sort(key=self._contents.files.index)
        if self._contents.lacks_current:
            why = "Named as the current file, but not in the folder."
            self._tell(Subject.FILE, self._row.file, Outcome.REFUSED, why)
        if self._part:
            self._compare(self._here.marks[self._row.id])

    def _compare(self, mark: str) -> None:
        theirs, ours = fingerprint(self._fields()), fingerprint(self._standing())
        names = ("miscInfo" if name == "extra" else name for name in self._differing())
        differing = ", ".join(names)
        if theirs == ours:
            self._leave("Nothing of it has changed there.")
        elif theirs == mark:
            self._leave(f"Changed here ({differing}), and not there.")
        elif ours == mark:
            self._outcome = Outcome.UPDATED
            self._reasons = [f"changed there: {differing}", *self._row.mends]
        else:
            self._leave(f"Changed here since, and there too ({differing}).")

    def _leave(self, why: str) -> None:
        self._outcome = Outcome.LEFT
        self._reasons = [why]

    def _files_to_add(self, kind: Kind) -> list[Found]:
        """Return what to add, oldest first, so that what is current there is here."""
        theirs = [file for file in self._contents.files if file.kind == kind]
        ours = self._here.revisions(self._row.id, kind)
        known = {file.sha256 for file in ours}
        new = [file for file in theirs if file.sha256 not in known]
        for file in theirs:
            if file.sha256 in known:
                self._tell(Subject.FILE, file.name, Outcome.LEFT, "Here already.")
        if not theirs or not ours:
            return new
        current = ours[-1]
        is_theirs = current.sha256 in {file.sha256 for file in theirs}
        if not is_theirs and not self._here.is_brought(current):
            for file in new:
                why = f"“{current.name}” was uploaded here since."
                self._tell(Subject.FILE, file.name, Outcome.LEFT, why)
            return []
        last = new[-1] if new else current
        return new if last.sha256 == theirs[-1].sha256 else [*new, theirs[-1]]

    # --- The bytes ------------------------------------------------------------

    def store(self) -> None:
        """Put what is to be added into the storage; what fails is told."""
        self._files = [file for file in self._files if self._is_stored(file)]
        if self._takes_pictures:
            self._contents.pictures = {
                side: picture
                for side, picture in self._contents.pictures.items()
                if self._is_stored(picture)
            }

    def _is_stored(self, found: Found) -> bool:
        try:
            with opened(found.path) as upload:
                if found.kind:
                    name = uploads.store(upload).stored_name
                else:
                    name = uploads.store_png(upload)
                if found.sha256 not in name:
                    raise FileRefused("It changed while it was read.")
        except (FileRefused, OSError) as error:
            subject = Subject.FILE if found.kind else Subject.PICTURE
            why = f"It could not be stored: {error}"
            self._tell(subject, found.name, Outcome.REFUSED, why)
            return False
        self._stored_names[found.sha256] = name
        return True

    # --- The rows -------------------------------------------------------------

    def write(self) -> None:
        """Write the part and its history, within a transaction of the caller's.

        Raises:
            Overtaken: the part is no longer as it was looked at.
        """
        if self._part is None:
            self._create()
        elif self._outcome == Outcome.UPDATED or self._files:
            self._update(self._part)
        self._tell_of_pictures()

    def _create(self) -> None:
        row, fields = self._row, self._fields()
        part = Part(pk=row.id, uuid=row.uuid, file=row.file, **fields)
        part.save(force_insert=True)
        if files := self._attach():
            changes = _current(files)
            changes |= self._claim(
                changes.get("current_step"), changes.get("current_drawing")
            )
            Part.objects.filter(pk=row.id).update(**changes)
        PartEvent.objects.bulk_create(
            [
                events.created(row, fingerprint(fields)),
                # A file that was copied may be younger than its part's last change.
                *events.uploads(files, latest=fields["updated_at"]),
                *events.work(row),
            ]
        )

    def _update(self, part: Part) -> None:
        now = timezone.now()
        as_seen = Part.objects.filter(
            pk=part.pk, updated_at=part.updated_at, deleted_at=None
        )
        if not as_seen.update(updated_at=now):
            raise Overtaken
        files = self._attach()
        changes = _current(files)
        history = events.uploads(files, before=part.file, at=now)
        if self._outcome == Outcome.UPDATED:
            fields, standing = self._fields(), self._standing()
            told = {
                name: [plain(standing[name]), plain(fields[name])]
                for name in self._differing()
            }
            changes |= {name: fields[name] for name in told}
            if changes.get("completed_incorrectly") is False:
                changes["wrong_reason"] = ""
            if {"assigned", "claimed_date"} & told.keys():
                changes |= self._claim(
                    changes.get("current_step", part.current_step),
                    changes.get("current_drawing", part.current_drawing),
                )
            marks = [self._here.marks[part.pk], fingerprint(fields)]
            history.append(events.updated(part.pk, told, marks, now))
            worked = part.events.filter(verb__in=[Verb.ASSIGNED, Verb.COMPLETED])
            history += events.work(self._row, known=worked)
        elif self._takes_pictures:
            changes["extra"] = self._with_pictures(part.extra)
        if changes:
            Part.objects.filter(pk=part.pk).update(**changes)
        PartEvent.objects.bulk_create(history)

    def _attach(self) -> list[PartFile]:
        newest = dict.fromkeys(Kind, 0)
        for kind in Kind:
            for file in self._here.revisions(self._row.id, kind):
                newest[kind] = file.revision
        files = []
        for found in self._files:
            newest[found.kind] += 1
            file = PartFile.objects.create(
                part_id=self._row.id,
                kind=found.kind,
                revision=newest[found.kind],
                name=uploads.bare_name(found.name),
                content=self._stored_name(found),
                sha256=found.sha256,
                size_bytes=found.size_bytes,
                uploaded_at=found.at,
            )
            files.append(file)
            why = f"Revision {file.revision}."
            self._tell(Subject.FILE, found.name, Outcome.CREATED, why)
        return files

    def _stored_name(self, found: Found) -> str:
        """Return where its bytes lie; its bare hash if they were not stored."""
        return self._stored_names.get(found.sha256, found.sha256)

    def _claim(
        self, step: PartFile | None, drawing: PartFile | None
    ) -> dict[str, int | None]:
        """Pin the files that the part is made from, as a claim does."""
        fields = self._row.fields
        if not fields["assigned"] or fields["category"] not in SHOP:
            return {"claimed_revision": None, "claimed_drawing": None}
        return {
            "claimed_revision": step.revision if step else 0,
            "claimed_drawing": drawing.revision if drawing else 0,
        }

    # --- What it is made of ---------------------------------------------------

    def _fields(self) -> dict[str, Any]:
        fields = self._row.fields
        return {**fields, "extra": self._with_pictures(fields["extra"])}

    def _standing(self) -> dict[str, Any]:
        return {name: getattr(self._part, name) for name in self._row.fields}

    def _differing(self) -> list[str]:
        fields, standing = self._fields(), self._standing()
        return [
            name
            for name in fields
            if name not in TIMES and plain(fields[name]) != plain(standing[name])
        ]

    @property
    def _brings_step(self) -> bool:
        return any(file.kind == Kind.STEP for file in self._files)

    @property
    def _takes_pictures(self) -> bool:
        return self._outcome != Outcome.LEFT or self._brings_step

    def _with_pictures(self, extra: dict[str, Any]) -> dict[str, Any]:
        """Return ``extra`` with their pictures over ours.

        Ours of an older STEP file are not shown for the one that comes now.
        """
        ours = self._views()
        known = picture_hashes(ours)
        files = {} if self._brings_step else dict(ours.get("files", {}))
        for side, picture in self._contents.pictures.items():
            if known.get(side) == picture.sha256:
                files[str(side)] = ours["files"][str(side)]
                continue
            at = self._row.pictures_at.get(side, picture.at)
            files[str(side)] = {
                "filename": f"view_{side}.png",
                "timestamp": at.isoformat(),
                "content": self._stored_name(picture),
            }
        bare = {key: value for key, value in extra.items() if key != "views"}
        if not files:
            return bare
        newest = max(file["timestamp"] for file in files.values())
        views = {"files": dict(sorted(files.items())), "updated_at": newest}
        return {**bare, "views": views}

    def _views(self) -> dict[str, Any]:
        return self._part.extra.get("views", {}) if self._part else {}

    # --- What is told ---------------------------------------------------------

    def _tell_of_pictures(self) -> None:
        known = picture_hashes(self._views())
        pictures = self._contents.pictures.items()
        same = sum(known.get(side) == picture.sha256 for side, picture in pictures)
        self._tell_many(same, Outcome.LEFT, "Here already.")
        if self._takes_pictures:
            self._tell_many(len(pictures) - same, Outcome.CREATED)
        else:
            why = "The part stays as it is here."
            self._tell_many(len(pictures) - same, Outcome.LEFT, why)

    def _tell_many(self, count: int, outcome: Outcome, *why: str) -> None:
        if count:
            name = f"{count} picture{'s' if count > 1 else ''}"
            line = Line(Subject.PICTURE, str(self._row.id), name, outcome, why, count)
            self._lines.append(line)

    def _tell(self, subject: Subject, name: str, outcome: Outcome, why: str) -> None:
        self._lines.append(Line(subject, str(self._row.id), name, outcome, (why,)))


def name_of(row: Row) -> str:
    return row.fields["name"] or row.fields["code"]


def _current(files: list[PartFile]) -> dict[str, Any]:
    """Return what of the part says which files are current."""
    changes: dict[str, Any] = {}
    for file in files:
        changes |= {_POINTERS[Kind(file.kind)]: file, "file": file.name}
    return changes

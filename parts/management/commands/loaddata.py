"""``manage.py loaddata``, for seed data that names files and is loaded twice."""

from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.core.management.base import CommandError
from django.core.management.commands import loaddata
from django.core.serializers.base import DeserializedObject
from django.utils import timezone

from accounts.models import User
from parts import uploads
from parts.errors import FileRefused
from parts.models import Conversion, Kind, Part, PartEvent, PartFile, Season

SEEDED = (Part, PartEvent, PartFile, Season, User)


class Command(loaddata.Command):
    """Django's command, with two rules of ours for people, parts and history.

    What is there already, by its natural or its primary key, is left as it is:
    seed data adds what is missing and never undoes anybody's work.
    A file's ``content`` may be a path relative to a fixture folder; its bytes
    are then stored under their hash, hash and size need not be given, and the
    newest revision of each kind becomes the part's current one.
    """

    def save_obj(self, obj: DeserializedObject) -> bool:
        row = obj.object
        if isinstance(row, SEEDED):
            known = row.pk and type(row)._base_manager.filter(pk=row.pk).exists()
            if known:
                return False
            # loaddata saves raw, past what the models' save() fills in.
            if isinstance(row, Part) and not row.code:
                row.code = str(row.uuid)[:8]
            if isinstance(row, PartFile):
                _store_content(row)
                if row.kind == Kind.STEP and not row.state:
                    row.state = Conversion.QUEUED
                if row.state == Conversion.QUEUED:
                    row.heartbeat_at = timezone.now()
        saved = super().save_obj(obj)
        if saved and isinstance(row, PartFile):
            _point_to_newest(row)
        return saved


def _store_content(row: PartFile) -> None:
    source = _seed_file(row.content.name)
    if source is None:
        if not (row.sha256 and default_storage.exists(row.content.name)):
            raise CommandError(
                f"“{row.content.name}” is neither in a fixture folder nor in the "
                "storage with its sha256."
            )
        return
    with source.open("rb") as file:
        upload = UploadedFile(File(file), name=row.name, size=source.stat().st_size)
        try:
            stored = uploads.store(upload)
        except FileRefused as error:
            raise CommandError(f"{source}: {error}") from error
    row.content.name = stored.stored_name
    row.sha256 = stored.sha256
    row.size_bytes = stored.size_bytes
    row.kind = Kind(stored.kind)


def _point_to_newest(row: PartFile) -> None:
    """Make ``row`` its part's current file if no newer one is there."""
    pointer = "current_step" if row.kind == Kind.STEP else "current_drawing"
    newest = row.part.files.filter(kind=row.kind).order_by("-revision").first()
    if newest == row:
        Part.objects.filter(pk=row.part_id).update(**{pointer: row, "file": row.name})


def _seed_file(name: str) -> Path | None:
    """Return the file that ``name`` means in a fixture folder, if there is one."""
    for folder in map(Path, settings.FIXTURE_DIRS):
        path = (folder / name).resolve()
        if path.is_relative_to(folder.resolve()) and path.is_file():
            return path
    return None

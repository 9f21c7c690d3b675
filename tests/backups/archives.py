"""Shops to be backed up, and archives to be looked into and damaged."""

import gzip
import hashlib
import io
import json
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management.color import no_style
from django.db import connection

from accounts.models import Role, Scope, Session
from backups import rows
from parts import uploads, workflow
from parts.models import Conversion, Part, PartFile, Season
from tests.factories import (
    TINY_PDF,
    TINY_STEP,
    make_draft,
    make_file,
    make_key,
    make_part,
    make_upload,
    make_user,
)

MODEL, PICTURE = b"glTF of a plate", b"PNG of a plate"


def fill_shop() -> None:
    """Fill the database with people, parts and files, and with odd values."""
    lead = make_user("chief", name="Zoë ς", role=Role.LEAD)
    make_key(scope=Scope.LEAD, owner=lead)
    Session.objects.create(
        digest="d" * 64, data="{}", expires_at=datetime.now(UTC) + timedelta(days=1)
    )
    season = Season.objects.create(name="2026 – “Reefscape”")
    part = make_part(
        name='Gusset "½" \\ 歯車',
        season=season,
        notes="lines\n\ttabs\u2028and more " * 500,
        extra={"big": 2**70, "half": 0.1, "no": None, "list": [1, "ä"]},
        created_at=datetime(1999, 12, 31, 23, 59, 59, 999999, UTC),
        due_date="2027-02-28",
    )
    converted(part)
    make_file(part, "drawing.pdf", TINY_PDF)
    picture = uploads.store_png(make_upload("a.png", b"a picture"))
    workflow.add_views(part, actor=None, views={0: picture})
    make_draft(lead, content=TINY_STEP.replace(b"DATA;", b"DATA; "))
    remake = make_part(category="completed", remake_of=part)
    make_file(remake)  # the same bytes
    make_part().delete()  # its number must not come again


def converted(part: Part) -> PartFile:
    """Attach a STEP file with a model and a picture that are named after their hash."""
    file = make_file(part)
    PartFile.objects.filter(pk=file.pk).update(
        state=Conversion.DONE,
        model=_kept("models", ".glb", MODEL),
        model_bytes=len(MODEL),
        thumbnail=_kept("thumbnails", ".png", PICTURE),
        facts={"box_mm": [1.5, 2, 3]},
    )
    file.refresh_from_db()
    return file


def _kept(folder: str, suffix: str, content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    name = uploads.hashed_name(folder, sha256, suffix)
    return default_storage.save(name, ContentFile(content))


def all_rows() -> dict[str, list[tuple]]:
    """Return the rows of every table that a backup holds."""
    return {
        model._meta.label_lower: list(
            model._base_manager.order_by("pk").values_list(
                *[field.attname for field in model._meta.concrete_fields]
            )
        )
        for model in rows.tables(rows.current_apps)
    }


def stored(media: Path) -> dict[str, bytes]:
    """Return all that is stored, by name."""
    return {
        str(path.relative_to(media)): path.read_bytes()
        for path in media.rglob("*")
        if path.is_file()
    }


def members(path: Path) -> dict[str, bytes]:
    """Return what an archive holds, in its order."""
    with tarfile.open(path) as tar:
        return {info.name: tar.extractfile(info).read() for info in tar}


def pack(path: Path, files: dict[str, bytes]) -> Path:
    """Write ``files`` as an archive, whatever is in them."""
    with (
        gzip.open(path, "wb", compresslevel=1) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def resealed(path: Path, files: dict[str, bytes]) -> Path:
    """Pack ``files`` with sums that are right for them."""
    sums = b"".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()
        for name, content in files.items()
        if name not in {"SHA256SUMS", "manifest.json"}
    )
    manifest = json.loads(files["manifest.json"])
    manifest["sums"] = hashlib.sha256(sums).hexdigest()
    files = {
        **files,
        "SHA256SUMS": sums,
        "manifest.json": json.dumps(manifest).encode(),
    }
    return pack(path, files)


def empty_database() -> None:
    """Leave no row of a shop, as a new installation has none."""
    tables = [model._meta.db_table for model in rows.tables(rows.current_apps)]
    flush = connection.ops.sql_flush(
        no_style(), tables, reset_sequences=True, allow_cascade=True
    )
    connection.ops.execute_sql_flush(flush)

"""Files: whether they can be stored, whether there is room, whether all are there."""

import json
import os
import shutil
import tempfile
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import connection

from parts import inventory
from parts.checks import check_media_writable
from parts.watch import disk

from .findings import Findings, problem, warning

_GB = 1_000_000_000
_FEW_INODES = 10_000
# What npm builds, and pages cannot do without.
_BUILT = ("css/bundle.css", "js/bundle.js", "img/icons.svg", "viewer/viewer.js")
_COLLECT = "Run make setup, or manage.py collectstatic."


def of_storage() -> Findings:
    for message in check_media_writable(None):
        yield problem(message.msg, message.hint)
    try:
        with tempfile.NamedTemporaryFile(prefix="doctor-") as probe:
            probe.write(b"probe")
    except OSError as error:
        yield problem(
            f"Uploads and conversions cannot use {tempfile.gettempdir()}: "
            f"{error.strerror}.",
            "Set TMPDIR to a folder that the site's user may write.",
        )


def of_disk() -> Findings:
    free = {"temporary files": shutil.disk_usage(tempfile.gettempdir()).free}
    if (left := disk.free_bytes()) is not None:
        free["uploads"] = left
    if connection.vendor == "sqlite":
        free["the database"] = shutil.disk_usage(settings.DATA_DIR).free
    upload = settings.UPLOAD_LIMIT_BYTES
    for what, left in free.items():
        words = f"Only {left / _GB:.1f} GB are left for {what}."
        if left < 2 * upload:
            yield problem(words, "Free some, or move to a larger disk.")
        elif left < max(_GB, 10 * upload):
            yield warning(words, "See that it does not fill up.")
    room = os.statvfs(settings.DATA_DIR)
    if room.f_files and room.f_favail < _FEW_INODES:  # some file systems tell none
        yield problem(
            f"The disk of {settings.DATA_DIR} takes only {room.f_favail} more files.",
            "Delete small files, or move DATA_DIR to another disk.",
        )


def of_static_files() -> Findings:
    built = {name: finders.find(name) for name in _BUILT}
    if missing := [name for name, path in built.items() if path is None]:
        yield problem(f"Not built: {', '.join(missing)}.", "Run make setup.")
        return
    if not hasattr(staticfiles_storage, "manifest_name"):
        return  # served as they are
    root = Path(settings.STATIC_ROOT)
    manifest = root / staticfiles_storage.manifest_name
    if not manifest.exists():
        yield problem(f"No static files are collected in {root}.", _COLLECT)
        return
    names = json.loads(manifest.read_text())["paths"]
    if gone := [name for name in names.values() if not (root / name).exists()]:
        yield problem(f"Static files are gone, {len(gone)}: {gone[0]} first.", _COLLECT)
    collected = manifest.stat().st_mtime
    if newer := [
        name
        for name, path in built.items()
        if name not in names or Path(path).stat().st_mtime > collected
    ]:
        yield warning(f"Built, and not collected since: {', '.join(newer)}.", _COLLECT)


def of_stored_files() -> Findings:
    found = inventory.check(with_hashes=False)
    mend = "Run manage.py check_files --mend; docs/operate.md says what it does."
    if found.losses:
        lost = found.losses[0]
        yield problem(
            f"Files are lost, {len(found.losses)}: {lost.name} first, "
            f"{'; '.join(lost.of)}.",
            mend,
        )
    if count := len(found.orphans) + len(found.leftovers):
        first = [*found.orphans, *found.leftovers][0]
        yield warning(f"Nobody names {count} files, {first} first.", mend)

"""Damaged archives, each told of in words, whatever was done to them."""

import gzip
import io
import json
import shutil
import sqlite3
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from backups import checking, making
from backups.errors import ArchiveDamaged, BackupError

from .archives import fill_shop, members, pack, resealed

pytestmark = pytest.mark.django_db

STEP = "media/files/"
ROWS = "rows/parts.part.jsonl"


@pytest.fixture(scope="module")
def whole(tmp_path_factory, django_db_setup, django_db_blocker) -> Path:
    """An archive of a shop, which is gone; made once for all tests here."""
    folder = tmp_path_factory.mktemp("shop")
    with django_db_blocker.unblock(), override_settings(MEDIA_ROOT=folder / "media"):
        fill_shop()
        try:
            return making.make(folder).path
        finally:
            call_command("flush", verbosity=0, interactive=False)


@pytest.fixture
def archive(whole, tmp_path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copy(whole, tmp_path))


def _first(files: dict[str, bytes], start: str) -> str:
    return next(name for name in files if name.startswith(start))


def test_a_whole_one_is_told_of(archive, capsys):
    call_command("verify_backup", archive)
    said = capsys.readouterr().out
    assert said.startswith(f"{archive} is whole: ")
    assert " tables, 6 files, made at 20" in said


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
def test_one_that_is_cut_off(archive, share):
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ArchiveDamaged, match="damaged, cut off or none at all"):
        checking.check(archive)


@pytest.mark.parametrize("share", [0, 0.01, 0.2, 0.4, 0.6, 0.8, 0.95, 1])
def test_a_flipped_byte_anywhere(archive, share):
    content = archive.read_bytes()
    archive.write_bytes(_flipped(content, int((len(content) - 1) * share)))
    with pytest.raises(ArchiveDamaged):
        checking.check(archive)


def test_a_flipped_byte_that_says_nothing(archive):
    content = bytearray(archive.read_bytes())
    content[4] ^= 0xFF  # when it was packed, which nobody reads
    archive.write_bytes(content)
    assert checking.check(archive)


def _flipped(content: bytes, place: int) -> bytes:
    """Flip the first byte from a place on that is another word when unpacked.

    One in two hundred is not: it says where the same letters stand once more.
    """
    for flipped in (_with_flip(content, at) for at in range(place, len(content))):
        try:
            is_same = gzip.decompress(flipped) == gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return flipped
        if not is_same:
            return flipped
    pytest.fail("No byte means anything.")


def _with_flip(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def test_no_archive_at_all(tmp_path):
    path = tmp_path / "a.tar.gz"
    path.write_text("Parts of a shop")
    with pytest.raises(CommandError, match=f"{path}: The archive is damaged, cut off"):
        call_command("verify_backup", path)
    with pytest.raises(CommandError, match="No such file"):
        call_command("verify_backup", tmp_path / "b.tar.gz")


def test_a_full_disk_is_told_in_words(archive, monkeypatch):
    def full(name):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("backups.checking.Names.mark", lambda names, name: full(name))
    with pytest.raises(CommandError, match=f"{archive}: database or disk is full"):
        call_command("verify_backup", archive)


def _no_manifest(files):
    del files["manifest.json"]


def _no_file(files):
    del files[_first(files, STEP)]


def _another_file(files):
    files[_first(files, STEP)] = b"ISO-10303-21; of somebody else"


def _another_row(files):
    files[ROWS] = files[ROWS].replace(b"Gusset", b"Gasket")


def _a_file_more(files):
    files["media/files/00/more.step"] = b"more"
    files["manifest.json"] = files.pop("manifest.json")


def _behind_the_manifest(files):
    files["media/files/00/more.step"] = b"more"


def _manifest_of_nonsense(files):
    files["manifest.json"] = b'{"format": 1, "files": 3}'


def _manifest_of_another_form(files):
    files["manifest.json"] = b'{"format": 9}'


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_no_manifest, "The archive is cut off: it has no manifest."),
        (_no_file, f"{STEP}.* is not what it was when the backup was made."),
        (_another_file, f"{STEP}.* is not what it was when the backup was made."),
        (_another_row, f"{ROWS} is not what it was when the backup was made."),
        (_a_file_more, "No row names media/files/00/more.step."),
        (_behind_the_manifest, "more.step stands behind the manifest."),
        (_manifest_of_nonsense, "The manifest cannot be read."),
        (_manifest_of_another_form, "of form 9; this release reads form 1."),
    ],
)
def test_something_is_not_as_it_was(archive, tmp_path, damage, told):
    files = members(archive)
    damage(files)
    with pytest.raises(BackupError, match=told):
        checking.check(pack(tmp_path / "bad.tar.gz", files))


def _lost_row(files):
    lines = files[ROWS].splitlines(keepends=True)
    files[ROWS] = b"".join(lines[:-1])


def _short_row(files):
    files[ROWS] += b"[1]\n"


def _no_json(files):
    files[ROWS] += b"{\n"


def _half_a_line(files):
    files[ROWS] = files[ROWS][:-1]


def _no_columns(files):
    files[ROWS] = files[ROWS].partition(b"\n")[2]


def _no_time(files):
    files[ROWS] = files[ROWS].replace(b"1999-12-31T23:59", b"1999-12-31T25:59")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_no_file, "stored files, the manifest says 6."),
        (_lost_row, "parts.part has 1 rows, the manifest says 2."),
        (_short_row, f"Line 4 of {ROWS} is no row of that table."),
        (_no_json, f"{ROWS} is no JSON"),
        (_half_a_line, f"A line of {ROWS} is cut off."),
        (_no_columns, f"{ROWS} does not begin with its columns."),
        (_no_time, f"Line [23] of {ROWS} cannot be read"),
    ],
)
def test_sums_that_are_right_help_nothing(archive, tmp_path, damage, told):
    files = members(archive)
    damage(files)
    with pytest.raises(ArchiveDamaged, match=told):
        checking.check(resealed(tmp_path / "bad.tar.gz", files))


def test_a_stored_file_that_rows_name_has_to_be_there(archive, tmp_path):
    files = members(archive)
    gone = len(files.pop(_first(files, STEP)))
    manifest = json.loads(files["manifest.json"])
    manifest["files"]["count"] -= 1
    manifest["files"]["bytes"] -= gone
    files["manifest.json"] = json.dumps(manifest).encode()
    with pytest.raises(ArchiveDamaged, match=f"are not in the archive: {STEP[6:]}"):
        checking.check(resealed(tmp_path / "bad.tar.gz", files))


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "/etc/passwd",
        "media/../../outside",
        "media//etc/passwd",
        "media/",
        "media/files\\..\\outside",
        "rows/../manifest.json",
        "rows/parts.part.jsonl/more",
        "media/files/a\nb",
    ],
)
def test_names_that_lead_elsewhere(archive, tmp_path, name):
    files = {name: b"x", **members(archive)}
    with pytest.raises(ArchiveDamaged, match="which is no file of ours"):
        checking.check(resealed(tmp_path / "bad.tar.gz", files))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE]
)
def test_what_is_no_plain_file(tmp_path, kind):
    def link(tar: tarfile.TarFile) -> None:
        info = tarfile.TarInfo("media/files/aa/link")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)

    with pytest.raises(ArchiveDamaged, match="media/files/aa/link is no plain file"):
        checking.check(_made(tmp_path / "bad.tar.gz", link))


def _made(path: Path, write: Callable[[tarfile.TarFile], None]) -> Path:
    with (
        gzip.open(path, "wb", compresslevel=1) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        write(tar)
    return path


def _header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (_header("manifest.json", 2**40), r"manifest.json says it has \d+ bytes."),
        (_header("media/files/aa/a", 2**40), "damaged, cut off or none at all"),
        (_header("x", 2**40, tarfile.XHDTYPE), "a header of tar's is too long"),
        (_header(ROWS, 2**40), "damaged, cut off or none at all"),
    ],
    ids=["manifest", "file", "tar", "rows"],
)
def test_a_lie_about_a_size_costs_nothing(tmp_path, header, told):
    path = tmp_path / "bomb.tar.gz"
    with gzip.open(path, "wb", compresslevel=9) as zipped:
        zipped.write(header + bytes(1024 * 1024))
    with pytest.raises(ArchiveDamaged, match=told):
        checking.check(path)


def test_one_file_twice(archive, tmp_path):
    files = members(archive)

    def twice(tar: tarfile.TarFile) -> None:
        for name, content in (*files.items(), *files.items()):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if name != "manifest.json":
                tar.addfile(info, io.BytesIO(content))

    with pytest.raises(ArchiveDamaged, match="is there twice."):
        checking.check(_made(tmp_path / "bad.tar.gz", twice))

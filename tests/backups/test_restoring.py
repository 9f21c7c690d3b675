"""Bringing an archive back: everything, or nothing at all."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from accounts.models import Session
from backups import making, restoring
from backups.errors import BackupError
from parts import inventory, kept, stats
from parts.models import Part, PartEvent, PartFile
from parts.tasks import PURGE_LOCK
from partsite import locks
from partsite.room import DiskFull
from tests.buckets import bucket_options, keep_files_in
from tests.factories import make_part

from .archives import (
    all_rows,
    empty_database,
    fill_shop,
    members,
    pack,
    resealed,
    stored,
)

of_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="PostgreSQL's own limit"
)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def archive(tmp_path) -> Path:
    """Return an archive of a shop, which is still there."""
    fill_shop()
    return making.make(tmp_path / "archives").path


def leave(media: Path) -> None:
    """Make the installation an empty one."""
    empty_database()
    shutil.rmtree(media)


def test_everything_comes_back(archive, media):
    rows, files, counts = all_rows(), stored(media), stats.counts()
    leave(media)
    restored = restoring.restore(archive)
    assert all_rows() == rows
    assert stored(media) == files
    assert stats.counts() == counts
    assert kept.recount() == 0
    assert (restored.is_older, restored.warnings) == (False, [])
    assert restored.contents.files == 6


def test_no_number_of_a_part_is_used_again(archive, media):
    number = make_part().pk
    assert number > Part.objects.order_by("pk").values_list("pk", flat=True)[1] + 1
    leave(media)
    restoring.restore(archive)
    assert make_part().pk == number


def test_everybody_signs_in_anew(archive, media):
    assert Session.objects.count() == 1
    leave(media)
    Session.objects.all().delete()
    restoring.restore(archive)
    assert not Session.objects.exists()


def test_an_installation_in_use_is_left_alone(archive, media):
    before = all_rows()
    (media / PartFile.objects.first().content.name).unlink()
    files = stored(media)
    with pytest.raises(CommandError) as refused:
        call_command("restore", archive)
    assert str(refused.value) == (
        "This installation is not empty, and nothing was changed. A restore would "
        "overwrite these rows: 1 in accounts.apikey, 1 in accounts.user, 1 in "
        "parts.draftfile, 2 in parts.part, 4 in parts.partevent, 3 in "
        "parts.partfile, 1 in parts.season. Give it an empty database: another "
        "DATA_DIR or DATABASE_URL, or move the old one away."
    )
    assert (all_rows(), stored(media)) == (before, files)


def test_the_command_says_what_came_back(archive, media, capsys):
    rows = sum(len(rows) for rows in all_rows().values())
    leave(media)
    call_command("restore", archive)
    said = capsys.readouterr().out
    assert said.startswith(f"Restored {rows} rows of {len(all_rows())} tables and 6 ")


def test_another_secret_key_is_told_of(archive, media, settings):
    leave(media)
    settings.SECRET_KEY = "another"  # noqa: S105
    (warning,) = restoring.restore(archive).warnings
    assert "has another SECRET_KEY" in warning


@pytest.mark.parametrize("failing", [1, 4])
def test_when_a_file_cannot_be_stored_nothing_is_there(
    archive, media, monkeypatch, failing
):
    leave(media)
    save = restoring.default_storage.save
    saved = []

    def full(name, content):
        saved.append(name)
        if len(saved) == failing:
            raise DiskFull("No space left on device")
        return save(name, content)

    monkeypatch.setattr(restoring.default_storage, "save", full)
    with pytest.raises(BackupError, match="Nothing was restored: .*No space left"):
        restoring.restore(archive)
    assert restoring.standing() == {}
    assert stored(media) == {}
    monkeypatch.undo()
    assert make_part().pk == 1
    assert kept.recount() == 0


def test_a_database_that_goes_away_is_told_of_not_what_follows_from_it(
    archive, media, monkeypatch
):
    leave(media)

    def gone(*args, **how):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("backups.restoring.rows.load", gone)
    with monkeypatch.context() as also:
        also.setattr("backups.restoring.call_command", gone)
        with pytest.raises(CommandError, match="Nothing was restored: server closed"):
            call_command("restore", archive)
    restoring._settle()


def test_what_is_restored_and_not_migrated_is_not_called_nothing(
    archive, media, monkeypatch
):
    def gone(*args, **how):
        raise OperationalError("server closed the connection unexpectedly")

    leave(media)
    with monkeypatch.context() as also:
        also.setattr("backups.restoring.call_command", gone)
        with pytest.raises(CommandError, match="Everything was restored, but is not"):
            call_command("restore", archive)
    assert restoring.standing()["parts.part"] == 2
    restoring._settle()


def test_two_restores_at_once_do_not_undo_each_other(archive, media, monkeypatch):
    monkeypatch.setattr("backups.restoring._CLEANING_SECONDS", 0)
    leave(media)
    with (
        locks.exclusive(PURGE_LOCK),
        pytest.raises(BackupError, match="Nothing was restored: a backup, another"),
    ):
        restoring.restore(archive)
    assert stored(media) == {}


@of_postgresql
def test_a_server_that_ends_idle_transactions_ends_no_restore(
    archive, media, monkeypatch
):
    put = restoring._put

    def slow(*args) -> None:
        # PostgreSQL 15 does not count after many statements in one go, only after one.
        assert Part.objects.exists()
        time.sleep(0.3)
        put(*args)

    leave(media)
    monkeypatch.setattr("backups.restoring._put", slow)
    with connection.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = 100")
    try:
        assert restoring.restore(archive).contents.files == 6
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET idle_in_transaction_session_timeout")


def test_rows_that_contradict_each_other_are_not_let_in(archive, media, tmp_path):
    files = members(archive)
    label = "rows/parts.partevent.jsonl"
    lines = files[label].splitlines()
    at = json.loads(lines[0])["columns"].index("part_id")
    row = json.loads(lines[1])
    row[at] = 999
    files[label] = b"\n".join([lines[0], json.dumps(row).encode(), *lines[2:], b""])
    leave(media)
    # As if it had been made so: all sums are right.
    with pytest.raises(BackupError, match="Nothing was restored: .*parts_partevent"):
        restoring.restore(resealed(tmp_path / "bad.tar.gz", files))
    assert restoring.standing() == {}
    assert stored(media) == {}


def test_a_damaged_file_that_lies_there_is_replaced(archive, media):
    files = stored(media)
    rotten = media / PartFile.objects.first().content.name
    empty_database()
    rotten.write_bytes(rotten.read_bytes()[::-1])
    restoring.restore(archive)
    assert stored(media) == files


def test_a_database_alone_comes_back_to_its_files(archive, media, tmp_path):
    path = making.make(tmp_path / "archives", with_files=False).path
    rows = all_rows()
    empty_database()
    assert restoring.restore(path).warnings == []
    assert all_rows() == rows


def test_a_database_alone_without_its_files_says_so(archive, media, tmp_path):
    path = making.make(tmp_path / "archives", with_files=False).path
    leave(media)
    assert restoring.restore(path).warnings == [
        "The backup is of the database alone, and the storage lacks 6 of the 6 files "
        "that it names."
    ]


def test_an_archive_of_a_newer_release_is_refused(archive, media, tmp_path):
    files = members(archive)
    manifest = json.loads(files["manifest.json"])
    manifest["migrations"].append(["parts", "0999_the_future"])
    files["manifest.json"] = json.dumps(manifest).encode()
    leave(media)
    with pytest.raises(BackupError, match=r"no migration parts\.0999_the_future\."):
        restoring.restore(pack(tmp_path / "new.tar.gz", files))


def test_a_disk_that_is_too_small_is_noticed_before(archive, media, monkeypatch):
    leave(media)
    monkeypatch.setattr("backups.restoring.disk.free_bytes", lambda: 10)
    with pytest.raises(BackupError, match="files need 0 MB, and .* has 0 MB left"):
        restoring.restore(archive)
    assert not Part.objects.exists()


def test_files_that_lie_there_need_no_room(archive, media, monkeypatch):
    empty_database()
    monkeypatch.setattr("backups.restoring.disk.free_bytes", lambda: 10)
    assert restoring.restore(archive).contents.files == 6


# --- Older releases ------------------------------------------------------------


def test_no_migration_without_its_backup(archive, settings, monkeypatch):
    settings.BACKUP_DIR = archive  # no folder
    monkeypatch.setattr("backups.management.commands.migrate._changes", bool)
    with pytest.raises(CommandError, match="Nothing was migrated, since no backup"):
        call_command("migrate")
    assert PartEvent.objects.exists()


def test_no_file_is_copied_before_an_upgrade(archive, tmp_path, settings, monkeypatch):
    settings.BACKUP_DIR = tmp_path / "upgrades"
    monkeypatch.setattr("backups.management.commands.migrate._changes", bool)
    call_command("migrate", verbosity=0)
    (path,) = settings.BACKUP_DIR.iterdir()
    assert not [name for name in members(path) if name.startswith("media/")]


# --- Files in a bucket ---------------------------------------------------------


def in_storage() -> dict[str, bytes]:
    found = {}
    for name in inventory.stored():
        with default_storage.open(name) as file:
            found[name] = file.read()
    return found


def test_files_come_back_from_a_bucket_into_a_folder_and_the_other_way(
    settings, s3, tmp_path
):
    fill_shop()
    files, rows = in_storage(), all_rows()
    assert len(files) == 6
    in_folder = settings.STORAGES

    def move(to: Callable[[], None]) -> None:
        path = making.make(tmp_path / "archives").path
        empty_database()
        to()
        assert in_storage() == {}
        restoring.restore(path)
        assert (in_storage(), all_rows()) == (files, rows)

    def to_folder() -> None:
        settings.STORAGES = in_folder
        settings.MEDIA_ROOT = tmp_path / "other"

    move(lambda: keep_files_in(settings, bucket_options(s3)))
    move(to_folder)

"""Making an archive: what is in it, and what happens when something is wrong."""

import errno
import json
import os
import sqlite3
import stat
import subprocess
import tarfile
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.models import User
from backups import archive, checking, making, snapshot
from backups.errors import BackupError
from backups.models import Backup
from parts import tasks
from parts.models import Part, PartFile
from partsite import locks
from tests.buckets import bucket_options, keep_files_in
from tests.factories import make_part

from .archives import all_rows, fill_shop, members, stored

of_sqlite = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="SQLite's own form of the database"
)
of_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="PostgreSQL's own form of the database"
)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop():
    fill_shop()


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "archives"


def test_an_archive_holds_every_row_and_every_file(shop, target, media):
    made = making.make(target)
    held = members(made.path)
    assert made.tables == {label: len(rows) for label, rows in all_rows().items()}
    assert made.tables["parts.part"] == 2
    files = {f"media/{name}": content for name, content in stored(media).items()}
    assert len(files) == 6
    assert {n: c for n, c in held.items() if n.startswith("media/")} == files
    assert (made.files, made.warnings) == (6, [])
    assert held["rows/accounts.user.jsonl"].count(json.dumps("Zoë ς").encode()) == 1
    assert checking.check(made.path).tables == made.tables


def test_only_its_owner_may_read_it_and_nothing_else_is_left(shop, target):
    path = making.make(target).path
    assert list(target.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o600
    assert target.stat().st_mode & 0o777 == 0o700


def test_it_is_read_by_everyday_tools(shop, target, tmp_path):
    path = making.make(target).path
    with tarfile.open(path) as tar:
        tar.extractall(tmp_path / "out", filter="data")
    told = subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"],  # noqa: S607
        cwd=tmp_path / "out",
        capture_output=True,
        check=False,
    )
    assert (told.returncode, told.stdout) == (0, b"")


@of_sqlite
def test_sqlites_copy_is_a_database_to_be_put_in_place(shop, target, tmp_path):
    copy = tmp_path / "db.sqlite3"
    copy.write_bytes(members(making.make(target).path)["database.sqlite3"])
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT sum(parts) FROM parts_tally").fetchone() == (2,)
        found = database.execute("SELECT name FROM parts ORDER BY id").fetchall()
    assert found == list(Part.objects.order_by("id").values_list("name"))


@of_postgresql
def test_postgresqls_dump_is_one_that_pg_restore_reads(shop, target, tmp_path):
    dump = tmp_path / "database.pgdump"
    dump.write_bytes(members(making.make(target).path)["database.pgdump"])
    listed = subprocess.run(  # noqa: S603 - our own file
        ["pg_restore", "--list", dump],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    assert " TABLE DATA public parts " in listed.stdout


def test_what_belongs_to_the_installation_stays_there(shop, target):
    held = members(making.make(target).path)
    for label in ("accounts.session", "django_q.schedule", "backups.backup"):
        assert f"rows/{label}.jsonl" not in held


def test_a_lost_file_is_told_of_and_does_not_prevent_the_rest(shop, target, media):
    lost = media / PartFile.objects.exclude(model="").first().model.name
    lost.unlink()
    made = making.make(target)
    assert made.warnings == [
        "1 file is lost: the database names it, the storage has not. "
        "Run manage.py check_files."
    ]
    contents = checking.check(made.path)
    assert (contents.files, contents.missing) == (5, 1)
    assert Backup.objects.get().warnings == made.warnings[0]


def test_a_rotten_file_is_told_of(shop, target, media):
    rotten = media / PartFile.objects.exclude(model="").first().model.name
    rotten.write_bytes(b"glTF of a plata")
    assert making.make(target).warnings == [
        "1 file is not what was uploaded any more. Run manage.py check_files."
    ]


def test_a_bucket_that_is_not_there_is_no_lost_file(shop, target, settings, s3):
    keep_files_in(settings, {**bucket_options(s3), "bucket_name": "no-such-bucket"})
    with pytest.raises(BackupError, match="The files could not be read: .*404"):
        making.make(target)
    assert list(target.iterdir()) == []


def test_the_database_alone(shop, target):
    made = making.make(target, with_files=False)
    held = members(made.path)
    assert not [name for name in held if name.startswith("media/")]
    contents = checking.check(made.path)
    assert (contents.with_files, contents.missing) == (False, 0)


def test_a_full_disk_leaves_no_half_archive(shop, target, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("backups.archive.os.fsync", full)
    told = "The backup could not be made: No space left on device."
    with pytest.raises(BackupError, match=told):
        making.make(target)
    assert list(target.iterdir()) == []
    assert Backup.objects.get().error == told


@of_sqlite
def test_a_disk_that_is_full_while_the_database_is_copied(shop, target, monkeypatch):
    def full(source):
        source.close()
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorname = "SQLITE_FULL"
        raise error

    monkeypatch.setattr("backups.snapshot.closing", full)
    with pytest.raises(BackupError, match="not be made: No space left on device."):
        making.make(target)


@of_postgresql
def test_a_server_that_ends_idle_transactions_ends_no_backup(shop, target, monkeypatch):
    dump = snapshot._dump

    def slow(*args) -> str:
        time.sleep(0.3)
        return dump(*args)

    monkeypatch.setattr("backups.snapshot._dump", slow)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        name = connection.ops.quote_name(cursor.fetchone()[0])
        limit = "idle_in_transaction_session_timeout"
        cursor.execute(f"ALTER DATABASE {name} SET {limit} = 100")
    try:
        assert making.make(target).warnings == []
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} RESET {limit}")


def test_a_disk_that_breaks_in_the_middle_leaves_none_either(shop, target, monkeypatch):
    open_file = making.default_storage.open
    opened = []

    def broken(name, mode):
        opened.append(name)
        if len(opened) == 3:
            raise OSError(errno.EIO, "Input/output error")
        return open_file(name, mode)

    monkeypatch.setattr(making.default_storage, "open", broken)
    with pytest.raises(BackupError, match="could not be made: Input/output error"):
        making.make(target)
    assert list(target.iterdir()) == []


def test_what_a_killed_backup_left_is_gone_after_the_next(shop, target):
    target.mkdir()
    (target / ".draft-file").touch()
    (target / ".draft-folder").mkdir()
    (target / ".draft-folder" / "database.sqlite3").touch()
    path = making.make(target).path
    assert list(target.iterdir()) == [path]


@pytest.mark.parametrize("knows_links", [True, False])
def test_a_backup_of_another_site_in_the_same_folder_is_left_alone(
    shop, target, monkeypatch, knows_links
):
    def refuse(*args) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if not knows_links:
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    target.mkdir()
    with archive.new_folder(target) as scratch, archive.draft(target) as theirs:
        theirs.file.write(b"theirs")
        ours = making.make(target).path
        assert scratch.exists()
        kept = theirs.keep(ours.name.removesuffix(archive.SUFFIX))
    assert kept.read_bytes() == b"theirs"
    assert kept != ours
    assert checking.check(ours).manifest
    assert {*target.iterdir()} == {ours, kept}


def test_a_file_system_that_syncs_no_folders_will_do(shop, target, monkeypatch):
    sync = os.fsync

    def no_folder(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(handle)

    monkeypatch.setattr("backups.archive.os.fsync", no_folder)
    assert making.make(target).path.exists()


def test_two_of_one_second_have_two_names(shop, target):
    first, second = making.make(target).path, making.make(target).path
    assert first != second
    assert first.exists()


def test_nothing_is_deleted_for_good_while_a_backup_is_made(shop, target, monkeypatch):
    monkeypatch.setattr("parts.tasks._PURGE_WAIT_SECONDS", 0)
    Part.objects.update(deleted_at=timezone.now() - timedelta(days=31))
    count = Part.objects.count()
    purged = []
    write = making._write_files

    def purging(*args):
        purged.append(tasks.empty_trash())
        return write(*args)

    monkeypatch.setattr("backups.making._write_files", purging)
    making.make(target)
    assert (purged, Part.objects.count()) == ([0], count)
    assert tasks.empty_trash() == count


def test_a_second_backup_at_the_same_time_says_so(shop, target, monkeypatch):
    monkeypatch.setattr("backups.making._PURGE_SECONDS", 0)
    with (
        locks.exclusive(tasks.PURGE_LOCK),
        pytest.raises(BackupError, match="Another backup, or the clean-up"),
    ):
        making.make(target)


def test_rows_that_come_later_are_not_in_it(shop, target, monkeypatch):
    names = {user.username for user in User.objects.all()}
    write = making.rows.dump
    once = []

    def dump(*args):
        if not once:
            once.append(make_part(name="Late"))
        return write(*args)

    monkeypatch.setattr("backups.rows.dump", dump)
    made = making.make(target)
    assert made.tables["parts.part"] == 2
    assert made.tables["accounts.user"] == len(names)
    assert Part.objects.filter(name="Late").exists()


def test_the_command_says_where_it_is(shop, target, capsys):
    call_command("backup", to=target)
    path = next(target.iterdir())
    size = path.stat().st_size / 1e6
    rows = sum(len(rows) for rows in all_rows().values())
    tables = len(all_rows())
    assert capsys.readouterr().out == (
        f"{path}\n{size:.1f} MB: {rows} rows of {tables} tables, 6 files.\n"
    )


def test_the_command_fails_in_words(target):
    target.parent.mkdir(exist_ok=True)
    target.touch()
    with pytest.raises(CommandError, match="The backup could not be made: "):
        call_command("backup", to=target)


def test_leads_see_what_became_of_backups(shop, target, lead_page):
    made = making.make(target)
    page = lead_page.get("/admin/backups/backup/").content.decode()
    assert made.path.name in page
    backup = Backup.objects.get()
    page = lead_page.get(f"/admin/backups/backup/{backup.pk}/change/").content.decode()
    assert str(made.path) in page


@of_sqlite
def test_a_damaged_database_is_not_passed_off_as_a_backup(shop, target, monkeypatch):
    monkeypatch.setattr(
        "backups.snapshot.sqlite3.connect", lambda path, **how: _Damaged()
    )
    with pytest.raises(BackupError, match="the database is damaged: page 7 is bad"):
        making.make(target)


class _Damaged:
    def backup(self, target) -> None:
        pass

    def execute(self, statement: str) -> "_Damaged":
        return self

    def fetchone(self) -> tuple[str]:
        return ("page 7 is bad",)

    def close(self) -> None:
        pass

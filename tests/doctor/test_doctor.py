"""The doctor finds what is wrong, each thing made so, and says what to do."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone
from django_q.models import Failure, Schedule

from accounts.models import Role
from backups.models import Backup
from doctor import database, examination, files, services, site
from doctor.findings import Level, problem, warning
from parts.models import Part, PartEvent, PartFile
from tests.factories import make_file, make_part, make_user
from tests.running import ROOT

Usage = namedtuple("Usage", "total used free")
MB = 1_000_000


def _told(look) -> list[tuple[str, str]]:
    return [(finding.level.name, finding.what) for finding in look()]


def _one(look) -> tuple[str, str]:
    [finding] = look()
    assert finding.do.endswith(".") or finding.do.startswith("chmod")
    return finding.level.name, finding.what


# --- Settings -----------------------------------------------------------------


@pytest.fixture
def sound(settings):
    """Settings that nothing is wrong with."""
    settings.SECRET_KEY = "0123456789abcdefghij" * 4
    return settings


@pytest.fixture
def production(sound, monkeypatch):
    """Those of a server: what Django itself looks at there is tested elsewhere."""
    monkeypatch.setattr("doctor.site._is_production", lambda: True)
    sound.SECURE_SSL_REDIRECT = True
    sound.SECURE_HSTS_SECONDS = 31_536_000
    sound.SECURE_HSTS_INCLUDE_SUBDOMAINS = sound.SECURE_HSTS_PRELOAD = True
    sound.SESSION_COOKIE_SECURE = sound.CSRF_COOKIE_SECURE = True
    sound.ALLOWED_HOSTS = ["parts.example.org"]
    sound.TRUSTED_PROXIES = ["127.0.0.1"]
    return sound


def test_sound_settings_are_sound(sound):
    assert _told(site.of_settings) == []


def test_sound_settings_of_a_server_are_sound(production):
    assert _told(site.of_settings) == []


def test_a_weak_secret_key_is_found(settings):
    settings.SECRET_KEY = "short"  # noqa: S105 - that is the point
    level, what = _one(site.of_settings)
    assert level == "WARNING"
    assert what.startswith("Your SECRET_KEY has less than 50 characters")


def test_what_djangos_checks_find_is_told(sound):
    sound.TRUSTED_PROXIES = ["the proxy"]
    level, what = _one(site.of_settings)
    assert level == "PROBLEM"
    assert what.startswith("TRUSTED_PROXIES: 'the proxy' does not appear")


def test_a_server_without_tls_is_found(production):
    production.SECURE_SSL_REDIRECT = False
    assert [what[:47] for _level, what in _told(site.of_settings)] == [
        "Your SECURE_SSL_REDIRECT setting is not set to "
    ]


def test_debug_where_others_reach_the_site_is_found(sound):
    sound.DEBUG = sound.FIRST_LEAD_HERE = True
    assert _told(site.of_settings) == []
    sound.FIRST_LEAD_HERE = False
    level, what = _one(site.of_settings)
    assert (level, what[:31]) == ("PROBLEM", "DEBUG is on where others reach ")


def test_a_server_of_any_name_is_found(production):
    production.ALLOWED_HOSTS = ["*"]
    level, what = _one(site.of_settings)
    assert (level, what[:32]) == ("WARNING", "ALLOWED_HOSTS lets any name pass")


def test_a_server_without_trusted_proxies_is_found(production):
    production.TRUSTED_PROXIES = []
    level, what = _one(site.of_settings)
    assert (level, what[:24]) == ("WARNING", "TRUSTED_PROXIES is empty")


def test_a_secret_that_others_may_read_is_found(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    path = tmp_path / "secret-key"
    path.touch(mode=0o600)
    assert _told(site.of_secrets) == []
    path.chmod(0o640)
    assert _one(site.of_secrets) == (
        "PROBLEM",
        f"Others on this machine may read {path}.",
    )


def test_another_time_zone_than_the_machines_is_found(settings, monkeypatch):
    settings.TIME_ZONE = "UTC"
    monkeypatch.delenv("TIME_ZONE", raising=False)
    monkeypatch.setattr("doctor.site._zone_of_machine", lambda: "Europe/Berlin")
    assert _one(site.of_time_zone) == (
        "WARNING",
        "Pages show times in UTC; this machine is in Europe/Berlin.",
    )
    monkeypatch.setenv("TIME_ZONE", "UTC")  # it is meant so
    assert _told(site.of_time_zone) == []


def test_a_machine_without_time_zones_is_found(settings, monkeypatch):
    monkeypatch.setenv("TIME_ZONE", "Nowhere/City")
    monkeypatch.setattr("doctor.site.settings.TIME_ZONE", "Nowhere/City")
    assert _one(site.of_time_zone) == (
        "PROBLEM",
        "This machine does not know the time zone Nowhere/City.",
    )


# --- Files --------------------------------------------------------------------


def test_folders_that_take_no_files_are_found(media, monkeypatch, tmp_path):
    assert _told(files.of_storage) == []
    media.rmdir()
    media.write_text("in the way")
    level, what = _one(files.of_storage)
    assert (level, what) == (
        "PROBLEM",
        f"Files cannot be stored in {media}: File exists.",
    )
    media.unlink()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    level, what = _one(files.of_storage)
    assert level == "PROBLEM"
    assert what.startswith(f"Uploads and conversions cannot use {tmp_path}/gone: No")


@pytest.mark.parametrize(
    ("free_mb", "level"), [(2000, None), (900, "WARNING"), (100, "PROBLEM")]
)
def test_a_disk_that_fills_up_is_found(settings, monkeypatch, free_mb, level):
    settings.UPLOAD_LIMIT_BYTES = 100 * MB
    usage = Usage(0, 0, free_mb * MB)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    told = _told(files.of_disk)
    assert {found for found, _what in told} == ({level} if level else set())
    if level:
        left = f"{free_mb / 1000:.1f}"
        assert (level, f"Only {left} GB are left for uploads.") in told


def test_a_disk_that_takes_no_more_files_is_found(settings, monkeypatch):
    told = os.statvfs(settings.DATA_DIR)

    class Full:
        f_files, f_favail = told.f_files or 1000, 7

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(0, 0, 9000 * MB))
    monkeypatch.setattr("os.statvfs", lambda path: Full)
    assert _told(files.of_disk)[-1] == (
        "PROBLEM",
        f"The disk of {settings.DATA_DIR} takes only 7 more files.",
    )


@pytest.fixture
def collected(settings, tmp_path):
    """Static files as a server has them: collected, with their names in a list."""
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "partsite.storage.HashedStaticStorage"},
    }
    settings.STATIC_ROOT.mkdir()
    names = {}
    for name in files._BUILT:
        path = settings.STATIC_ROOT / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        names[name] = name
    manifest = settings.STATIC_ROOT / staticfiles_storage.manifest_name
    manifest.write_text(json.dumps({"paths": names}))
    return settings.STATIC_ROOT


def test_collected_static_files_are_well(collected):
    assert _told(files.of_static_files) == []


def test_static_files_that_are_not_collected_are_found(collected):
    (collected / "staticfiles.json").unlink()
    assert _one(files.of_static_files) == (
        "PROBLEM",
        f"No static files are collected in {collected}.",
    )


def test_static_files_that_are_gone_are_found(collected):
    (collected / "js/bundle.js").unlink()
    assert _one(files.of_static_files) == (
        "PROBLEM",
        "Static files are gone, 1: js/bundle.js first.",
    )


def test_static_files_of_an_older_build_are_found(collected):
    long_ago = time.time() - 10 * 365 * 86_400
    os.utime(collected / "staticfiles.json", (long_ago, long_ago))
    level, what = _one(files.of_static_files)
    assert level == "WARNING"
    assert what.startswith("Built, and not collected since: css/bundle.css, ")


def test_a_bundle_that_is_not_built_is_found(collected, monkeypatch):
    monkeypatch.setattr(
        "doctor.files.finders.find", lambda name: None if "viewer" in name else name
    )
    assert _one(files.of_static_files) == ("PROBLEM", "Not built: viewer/viewer.js.")


@pytest.mark.django_db
def test_a_lost_file_is_found():
    file = make_file(make_part())
    assert _told(files.of_stored_files) == []
    default_storage.delete(file.content.name)
    level, what = _one(files.of_stored_files)
    assert level == "PROBLEM"
    assert what.startswith(f"Files are lost, 1: {file.content.name} first, ")


@pytest.mark.django_db
def test_a_file_that_nobody_names_is_found(media):
    file = make_file(make_part())
    path = media / file.content.name
    other = path.with_name("f" * 64 + ".step")
    shutil.copy(path, other)
    long_ago = time.time() - 3 * 86_400
    os.utime(other, (long_ago, long_ago))
    level, what = _one(files.of_stored_files)
    assert level == "WARNING"
    assert what == f"Nobody names 1 files, {other.relative_to(media)} first."


# --- Database -----------------------------------------------------------------


@pytest.mark.django_db
def test_a_database_that_does_not_answer_is_found(monkeypatch):
    assert _told(database.of_database) == []

    def fail() -> None:
        raise OperationalError("connection refused\nIs it running?")

    monkeypatch.setattr(connection, "cursor", fail)
    assert _one(database.of_database) == (
        "PROBLEM",
        "The database does not answer: connection refused.",
    )


@pytest.mark.django_db
def test_a_damaged_database_is_found(monkeypatch):
    class Cursor:
        def __enter__(self):
            return self

        def __exit__(self, *raised):
            pass

        def execute(self, sql):
            pass

        def fetchone(self):
            return ("row 7 missing from index\nand more",)

    monkeypatch.setattr(connection, "cursor", Cursor)
    assert _one(database.of_database) == (
        "PROBLEM",
        "The database is damaged: row 7 missing from index.",
    )


@pytest.mark.django_db
def test_an_older_database_is_found():
    assert _told(database.of_migrations) == []
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'accounts'")
    level, what = _one(database.of_migrations)
    assert level == "PROBLEM"
    assert what.startswith("The database is older than the code, and lacks accounts.0")


@pytest.mark.django_db
def test_missing_triggers_are_found():
    assert _told(database.of_sums) == []
    with connection.cursor() as cursor:
        cursor.execute("UPDATE parts_kept SET made_of = 'another release'")
    level, what = _one(database.of_sums)
    assert (level, what[:29]) == ("PROBLEM", "Sums and search are not kept:")


@pytest.mark.django_db
def test_a_shop_without_a_lead_is_found():
    make_user(role=Role.MEMBER)
    make_user(role=Role.LEAD, is_active=False)
    level, what = _one(database.of_people)
    assert (level, what[:14]) == ("WARNING", "Nobody leads: ")
    make_user(role=Role.LEAD)
    assert _told(database.of_people) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("model", "field", "words"),
    [
        (Part, "updated_at", "a part was changed"),
        (PartFile, "uploaded_at", "a file was uploaded"),
        (PartEvent, "at", "a step was taken"),
    ],
)
def test_times_in_the_future_are_found(model, field, words):
    make_file(make_part())
    assert _told(database.of_clocks) == []
    at = timezone.now() + timedelta(days=1)
    model.objects.update(**{field: at})
    level, what = _one(database.of_clocks)
    assert level == "WARNING"
    assert what == (
        f"In the future, on {at:%Y-%m-%d at %H:%M} UTC, {words}: a clock was wrong."
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(4, None), (-4, None), (7, "7 s ahead of"), (-90, "90 s behind")],
)
def test_clocks_that_differ_are_found(seconds, words):
    theirs = timezone.now() + timedelta(seconds=seconds, milliseconds=200)
    found = [f.what for f in database._compared("Redis", theirs)]
    assert found == (
        [f"The clock of Redis is {words} this machine's."] if words else []
    )


# --- Services -----------------------------------------------------------------


@pytest.mark.django_db
def test_a_cache_that_keeps_nothing_is_found(monkeypatch, cache_class):
    assert _told(services.of_cache) == []
    monkeypatch.setattr(cache_class, "incr", lambda cache, key: 1)
    level, what = _one(services.of_cache)
    assert (level, what[:15]) == ("PROBLEM", "The cache loses")


# --- The virus scanner --------------------------------------------------------


@pytest.fixture
def fresh(scanner):
    """A scanner with signatures of yesterday."""
    made = datetime.now() - timedelta(days=1)
    scanner.version = f"ClamAV 1.4.6/27500/{made:%a %b %d %H:%M:%S %Y}\0".encode()
    return scanner


def test_a_scanner_that_works_is_sound(fresh, settings):
    settings.UPLOAD_LIMIT_BYTES = 3 * 1024 * 1024
    assert _told(services.of_scanner) == []
    assert [len(file) for file in fresh.seen] == [1024 * 1024, 3 * 1024 * 1024]


def test_no_scanner_is_sound(settings):
    settings.CLAMD = None
    assert _told(services.of_scanner) == []


def test_a_scanner_that_is_away_is_found(fresh):
    fresh.close()
    assert _one(services.of_scanner) == (
        "PROBLEM",
        "The virus scanner does not answer, so no file is taken: [Errno 111] "
        "Connection refused.",
    )


def test_old_signatures_are_found(fresh, settings):
    settings.UPLOAD_LIMIT_BYTES = 1024 * 1024
    fresh.version = b"ClamAV 1.4.6/27500/Tue Nov  3 08:30:00 2020\0"
    level, what = _one(services.of_scanner)
    assert level == "WARNING"
    assert re.fullmatch(r"The virus scanner's signatures are \d{4} days old\.", what)
    fresh.version = b"ClamAV 1.4.6\0"
    assert _one(services.of_scanner) == (
        "WARNING",
        "The virus scanner does not say how old its signatures are.",
    )


def test_a_scanner_that_knows_nothing_is_found(fresh):
    fresh.says = b"stream: OK\0"
    assert _one(services.of_scanner) == (
        "WARNING",
        "The virus scanner does not know the test virus of EICAR.",
    )


@pytest.mark.parametrize("takes_bytes", [2 * 1024 * 1024, 1000])
def test_a_scanner_that_takes_less_than_the_site_is_found(fresh, settings, takes_bytes):
    settings.UPLOAD_LIMIT_BYTES = 3 * 1024 * 1024
    fresh.takes_bytes = takes_bytes
    assert _one(services.of_scanner) == (
        "WARNING",
        "The virus scanner takes no file of 3 MB.",
    )


def test_a_scanner_that_calls_clean_what_it_does_not_look_at_is_found(fresh, settings):
    settings.UPLOAD_LIMIT_BYTES = 3 * 1024 * 1024
    fresh.looks_at_bytes = 2 * 1024 * 1024
    assert _one(services.of_scanner) == (
        "PROBLEM",
        "The virus scanner calls a file of 3 MB clean though a virus is in it.",
    )


# --- Worker, queue, backups ---------------------------------------------------


@pytest.mark.django_db
def test_a_dead_worker_is_found():
    cache.set("worker-seen", time.time(), None)
    assert _told(services.of_worker) == []
    cache.set("worker-seen", time.time() - 600, None)
    assert _one(services.of_worker) == (
        "PROBLEM",
        "Nothing is converted: no worker has shown itself for 10 min; "
        "start manage.py worker.",
    )


@pytest.mark.django_db
def test_a_queue_that_stands_still_is_found():
    cache.set("worker-seen", time.time(), None)
    make_file(make_part())
    PartFile.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    level, what = _one(services.of_worker)
    assert (level, what[:24]) == ("PROBLEM", "The queue stands still: ")


@pytest.mark.django_db
def test_what_is_overdue_and_what_failed_is_found():
    cache.set("worker-seen", time.time(), None)
    now = timezone.now()
    Schedule.objects.create(func="parts.kept.tidy", next_run=now - timedelta(hours=2))
    for days in (0, 2):
        at = now - timedelta(days=days)
        Failure.objects.create(
            id=str(days),
            name="x",
            func=f"f{days}",
            started=at,
            stopped=at,
            success=False,
        )
    assert _told(services.of_worker) == [
        ("WARNING", "Overdue: parts.kept.tidy."),
        ("WARNING", "Failed within a day: f0."),
    ]


@pytest.mark.django_db
def test_missing_and_failed_backups_are_found(settings, tmp_path):
    settings.BACKUP_DIR = None
    assert _one(services.of_backups) == (
        "WARNING",
        "No backup is made by itself: BACKUP_DIR is not set.",
    )
    settings.BACKUP_DIR = tmp_path
    Backup.objects.create(error="disk full")
    assert any("disk full" in what for _level, what in _told(services.of_backups))


# --- All of it ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "status", "last"),
    [
        ([], 0, "0 problems, 0 warnings"),
        ([warning("It rusts.", "Oil it.")], 1, "0 problems, 1 warnings"),
        (
            [problem("It broke.", "Mend it."), warning("It rusts.", "Oil it.")],
            2,
            "1 problems, 1 warnings",
        ),
    ],
)
def test_the_exit_status_says_how_bad_it_is(monkeypatch, capsys, found, status, last):
    subjects = [("mill", lambda: found, ""), ("lathe", lambda: iter([]), "mill")]
    monkeypatch.setattr(examination, "_SUBJECTS", subjects)
    if status:
        with pytest.raises(SystemExit) as ended:
            call_command("doctor")
        assert ended.value.code == status
    else:
        call_command("doctor")
    told = capsys.readouterr().out.splitlines()
    assert told[-1] == last
    assert ("skipped  lathe" in told) is bool(found)
    if status == 2:
        assert told[:2] == ["PROBLEM  mill: It broke.", "         Mend it."]


def test_what_cannot_be_looked_at_is_told_and_the_rest_goes_on(monkeypatch):
    def broken():
        raise RuntimeError("of all things\nwith more")

    subjects = [("mill", broken, ""), ("lathe", lambda: iter([]), "")]
    monkeypatch.setattr(examination, "_SUBJECTS", subjects)
    (_mill, [finding]), lathe = examination.examine()
    assert finding.level == Level.PROBLEM
    assert finding.what == "It fails: RuntimeError, of all things"
    assert lathe == ("lathe", [])


def test_a_fresh_installation_is_told_what_it_lacks(tmp_path):
    run = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "manage.py", "doctor"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "TIME_ZONE": "UTC"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 2, run.stderr
    told = re.sub(r"\n {9}", " ", run.stdout).splitlines()
    assert [line for line in told if line.startswith("PROBLEM")] == [
        line for line in told if "The database is older than the code" in line
    ]
    assert "skipped  worker and queue" in told
    assert Path(tmp_path, "secret-key").stat().st_mode & 0o077 == 0

"""The backup of each night: when, what it replaces, and what is told of it."""

import errno
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.models import Schedule

from backups import daily, making
from backups.errors import ArchiveDamaged
from backups.models import Backup
from parts.management.commands.worker import Command as Worker
from tests.factories import make_file, make_part

LONG_AGO = datetime(2020, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def folder(settings, tmp_path):
    settings.BACKUP_DIR = tmp_path / "nightly"
    settings.BACKUP_DIR.mkdir()
    return settings.BACKUP_DIR


def put(folder, at: datetime, reason: str = "daily", more: str = "", lacking: int = 0):
    """Put an archive there that this site has made."""
    path = put_of_others(folder, at, reason, more)
    Backup.objects.create(
        reason=reason, path=path, started_at=at, lacking=lacking, warnings="Lost."
    )
    return path


def put_of_others(folder, at: datetime, reason: str = "daily", more: str = ""):
    """Put an archive's name there."""
    reason = f"-{reason}" if reason else ""
    path = folder / f"parts-{at:%Y-%m-%dT%H%M%SZ}{reason}{more}.tar.gz"
    path.touch()
    return path


@pytest.mark.django_db(transaction=True)
def test_a_nights_backup_replaces_what_is_too_old(folder, settings):
    settings.BACKUP_KEEP_DAYS, settings.BACKUP_KEEP_WEEKS = 1, 0
    settings.BACKUP_KEEP_MONTHS = 0
    old = put(folder, LONG_AGO)
    make_part()
    call_command("backup", "--daily")
    (path,) = folder.iterdir()
    assert path != old
    assert path.name.endswith("-daily.tar.gz")
    assert Backup.objects.first().path == str(path)
    assert daily.trouble() == []


@pytest.mark.django_db(transaction=True)
def test_one_without_its_files_does_not_replace_the_last_that_has_them(
    folder, settings, media
):
    settings.BACKUP_KEEP_DAYS, settings.BACKUP_KEEP_WEEKS = 1, 0
    settings.BACKUP_KEEP_MONTHS = 0
    older = put(folder, LONG_AGO - timedelta(days=2))
    whole = put(folder, LONG_AGO - timedelta(days=1))
    put(folder, LONG_AGO, lacking=1)
    make_file(make_part())
    shutil.rmtree(media)  # as if it were not mounted
    call_command("backup", "--daily")
    assert whole in folder.iterdir()
    assert older not in folder.iterdir()
    assert len(list(folder.iterdir())) == 2
    (told,) = daily.trouble()
    assert "is not whole: 1 file is lost" in told


@pytest.mark.django_db(transaction=True)
def test_the_one_just_made_stays_whatever_the_clock_said_before(folder, settings):
    settings.BACKUP_KEEP_DAYS, settings.BACKUP_KEEP_WEEKS = 1, 0
    settings.BACKUP_KEEP_MONTHS = 0
    ahead = put(folder, timezone.now() + timedelta(days=4000))
    made = daily.run()
    assert {*folder.iterdir()} == {made.path, ahead}


@pytest.mark.django_db(transaction=True)
def test_those_of_another_site_in_the_same_folder_stay(folder, settings):
    settings.BACKUP_KEEP_DAYS, settings.BACKUP_KEEP_WEEKS = 1, 0
    settings.BACKUP_KEEP_MONTHS = 0
    others = put_of_others(folder, LONG_AGO)
    made = daily.run()
    assert {*folder.iterdir()} == {made.path, others}


@pytest.mark.django_db(transaction=True)
def test_a_damaged_one_is_put_aside_and_replaces_nothing(folder, monkeypatch):
    old = put(folder, LONG_AGO)

    def damaged(path):
        raise ArchiveDamaged("The archive is damaged.")

    monkeypatch.setattr("backups.daily.checking.check", damaged)
    aside = folder / "damaged.tar.gz"
    told = f"The archive is damaged. It now lies in {aside}."
    with pytest.raises(CommandError, match=told):
        call_command("backup", "--daily")
    assert {*folder.iterdir()} == {old, aside}
    (late,) = (told for told in daily.trouble() if "last nightly" in told)
    assert f"is of {timezone.localtime(LONG_AGO):%Y-%m-%d}" in late
    assert daily.trouble()[0].endswith(f"failed: {told}")


@pytest.mark.django_db(transaction=True)
def test_one_that_cannot_be_checked_stays_and_replaces_nothing(folder, monkeypatch):
    old = put(folder, LONG_AGO)

    def broken(path):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("backups.daily.checking.check", broken)
    with pytest.raises(CommandError, match="could not be checked, and no other was"):
        call_command("backup", "--daily")
    assert old in folder.iterdir()
    assert len(list(folder.iterdir())) == 2
    assert "Input/output error" in daily.trouble()[0]


@pytest.mark.parametrize(
    ("now", "due"), [("02:59", "2026-11-26 03:00"), ("03:00", "2026-11-27 03:00")]
)
def test_it_is_due_at_three_in_the_sites_own_time(monkeypatch, settings, now, due):
    settings.TIME_ZONE = "America/New_York"
    here = timezone.get_default_timezone()
    at = datetime.fromisoformat(f"2026-11-26 {now}").replace(tzinfo=here)
    monkeypatch.setattr("django.utils.timezone.now", lambda: at)
    assert f"{daily.next_time():%Y-%m-%d %H:%M %Z}" == f"{due} EST"


@pytest.fixture
def _no_cluster(monkeypatch):
    module = "parts.management.commands.worker"
    monkeypatch.setattr(f"{module}.call_command", lambda *words: None)
    # The tests' own process would stay as it is then.
    monkeypatch.setattr(f"{module}.yielding.give_way", lambda: None)


@pytest.mark.django_db
@pytest.mark.usefixtures("_no_cluster")
def test_the_worker_makes_one_each_night_only_where_there_is_a_folder(settings, folder):
    ours = Schedule.objects.filter(func="backups.daily.start")
    Worker().handle()
    assert ours.get().next_run.hour == daily.next_time().astimezone(UTC).hour
    later = timezone.now() + timedelta(hours=5)
    ours.update(next_run=later)
    Worker().handle()
    assert ours.get().next_run == later
    settings.BACKUP_DIR = None
    Worker().handle()
    assert not ours.exists()


def test_the_queue_does_not_wait_for_it(folder, monkeypatch):
    started = []
    monkeypatch.setattr(
        "backups.daily.subprocess.Popen", lambda words, **how: started.append(words[1:])
    )
    daily.start()
    assert started == [["manage.py", "backup", "--daily"]]


@pytest.mark.django_db
def test_trouble_is_told_in_sentences(folder, settings):
    assert daily.trouble() == ["There is no nightly backup yet."]
    long_ago = timezone.now() - timedelta(days=3)
    Backup.objects.create(reason="daily", path="/b/a.tar.gz", started_at=long_ago)
    day = f"{timezone.localtime(long_ago):%Y-%m-%d %H:%M}"
    late = f"The last nightly backup is of {day}. Is the worker running?"
    assert daily.trouble() == [late]
    failed = Backup.objects.create(error="The disk is full.")
    now = f"{timezone.localtime(failed.started_at):%Y-%m-%d %H:%M}"
    assert daily.trouble() == [
        f"The last backup, of {now}, failed: The disk is full.",
        late,
    ]
    settings.BACKUP_DIR = None
    assert daily.trouble() == ["No backup is made by itself: BACKUP_DIR is not set."]


@pytest.mark.django_db
def test_one_of_a_clock_that_was_ahead_hides_no_trouble(folder):
    ahead = timezone.now() + timedelta(days=4000)
    Backup.objects.create(reason="daily", path="/b/a.tar.gz", started_at=ahead)
    assert daily.trouble() == ["There is no nightly backup yet."]


@pytest.mark.parametrize("more", [["--to", "elsewhere"], ["--database-only"]])
def test_a_nightly_one_is_what_it_is(folder, more):
    with pytest.raises(CommandError, match="goes into BACKUP_DIR, and has all files"):
        call_command("backup", "--daily", *more)


@pytest.mark.django_db
def test_a_disk_that_the_next_one_may_fill_is_told_of(folder, monkeypatch):
    Backup.objects.create(reason="daily", path="/b/a.tar.gz", size_bytes=2_500_000_000)
    usage = shutil._ntuple_diskusage(10**12, 10**12, 4_900_000_000)
    monkeypatch.setattr("backups.daily.shutil.disk_usage", lambda path: usage)
    assert daily.trouble() == [
        f"Only 4.9 GB are left in {folder}; the last nightly backup took 2.5 GB."
    ]
    monkeypatch.undo()
    folder.rmdir()
    assert daily.trouble() == [
        "The folder of backups cannot be looked at: No such file or directory."
    ]


def test_a_folder_of_ones_own_or_that_of_the_data(settings, folder):
    assert making.folder() == folder
    settings.BACKUP_DIR = None
    assert making.folder() == settings.DATA_DIR / "backups"

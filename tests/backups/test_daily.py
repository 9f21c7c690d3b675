"""The backup of each night: when, which stay, and what is told of it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.models import Schedule

from backups import daily, making
from backups.errors import ArchiveDamaged
from backups.models import Backup
from parts.management.commands.worker import Command as Worker
from tests.factories import make_part

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def folder(settings, tmp_path):
    settings.BACKUP_DIR = tmp_path / "nightly"
    settings.BACKUP_DIR.mkdir()
    return settings.BACKUP_DIR


def put(folder, at: datetime, reason: str = "daily", more: str = ""):
    """Put an archive's name there."""
    reason = f"-{reason}" if reason else ""
    path = folder / f"parts-{at:%Y-%m-%dT%H%M%SZ}{reason}{more}.tar.gz"
    path.touch()
    return path


def test_there_stays_one_of_each_day_week_and_month(folder, settings):
    settings.BACKUP_KEEP_DAYS = 3
    settings.BACKUP_KEEP_WEEKS = 2
    settings.BACKUP_KEEP_MONTHS = 3
    for days in range(100):
        put(folder, NOON - timedelta(days=days))
    gone = set(daily.outlived(folder))
    stay = {path.name[6:16] for path in set(folder.iterdir()) - gone}
    assert stay == {
        *("2026-11-26", "2026-11-25", "2026-11-24"),  # days
        "2026-11-22",  # the week before
        *("2026-10-31", "2026-09-30"),  # months
    }


def test_of_one_day_the_newest_stays(folder):
    first, last = put(folder, NOON), put(folder, NOON + timedelta(hours=2))
    put(folder, NOON + timedelta(hours=2), more="-2")
    assert daily.outlived(folder) == [first, last]


def test_days_without_a_backup_are_not_counted(folder, settings):
    settings.BACKUP_KEEP_DAYS = 2
    put(folder, NOON)
    put(folder, NOON - timedelta(days=200))
    oldest = put(folder, NOON - timedelta(days=201))
    assert daily.outlived(folder) == [oldest]


def test_of_those_before_an_upgrade_the_last_stay_and_others_always(folder):
    upgrades = [
        put(folder, NOON - timedelta(days=days), "before-upgrade") for days in range(7)
    ]
    for days in range(9):
        put(folder, NOON - timedelta(days=days), "")
    (folder / "parts-of-a-bicycle.tar.gz").touch()
    assert daily.outlived(folder) == sorted(upgrades[5:])


@pytest.mark.django_db(transaction=True)
def test_a_nights_backup_replaces_what_is_too_old(folder, settings):
    settings.BACKUP_KEEP_DAYS, settings.BACKUP_KEEP_WEEKS = 1, 0
    settings.BACKUP_KEEP_MONTHS = 0
    old = put(folder, NOON - timedelta(days=400))
    make_part()
    call_command("backup", "--daily")
    (path,) = folder.iterdir()
    assert path != old
    assert path.name.endswith("-daily.tar.gz")
    assert Backup.objects.get().path == str(path)
    assert daily.trouble() == []


@pytest.mark.django_db(transaction=True)
def test_a_backup_that_cannot_be_read_replaces_nothing(folder, monkeypatch):
    old = put(folder, NOON - timedelta(days=400))

    def damaged(path):
        raise ArchiveDamaged("The archive is damaged.")

    monkeypatch.setattr("backups.daily.checking.check", damaged)
    with pytest.raises(CommandError, match="The archive is damaged."):
        call_command("backup", "--daily")
    assert old.exists()
    assert daily.trouble()[0].endswith("failed: The archive is damaged.")


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
    monkeypatch.setattr(
        "parts.management.commands.worker.call_command", lambda *words: None
    )


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


def test_a_folder_of_ones_own_or_that_of_the_data(settings, folder):
    assert making.folder() == folder
    settings.BACKUP_DIR = None
    assert making.folder() == settings.DATA_DIR / "backups"

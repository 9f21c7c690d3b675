"""Which archives stay, of those that a site has made for the same reason."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from backups import making, rotation
from backups.models import Reason
from backups.rotation import outlived

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def put(folder, at: datetime, reason: str = "daily", more: str = ""):
    """Put an archive's name there."""
    reason = f"-{reason}" if reason else ""
    path = folder / f"parts-{at:%Y-%m-%dT%H%M%SZ}{reason}{more}.tar.gz"
    path.touch()
    return path


def gone(folder, reason: Reason = Reason.DAILY, now: datetime = NOON) -> list:
    return outlived(rotation.archives(folder, reason), reason, now)


def test_there_stays_one_of_each_day_week_and_month(folder, settings):
    settings.BACKUP_KEEP_DAYS = 3
    settings.BACKUP_KEEP_WEEKS = 2
    settings.BACKUP_KEEP_MONTHS = 3
    for days in range(100):
        put(folder, NOON - timedelta(days=days))
    stay = {path.name[6:16] for path in set(folder.iterdir()) - set(gone(folder))}
    assert stay == {
        *("2026-11-26", "2026-11-25", "2026-11-24"),  # days
        "2026-11-22",  # the week before
        *("2026-10-31", "2026-09-30"),  # months
    }


def test_of_one_day_the_newest_stays(folder):
    first, last = put(folder, NOON), put(folder, NOON + timedelta(hours=2))
    put(folder, NOON + timedelta(hours=2), more="-2")
    assert gone(folder) == [first, last]


def test_days_without_a_backup_are_not_counted(folder, settings):
    settings.BACKUP_KEEP_DAYS = 2
    put(folder, NOON)
    put(folder, NOON - timedelta(days=200))
    oldest = put(folder, NOON - timedelta(days=201))
    assert gone(folder) == [oldest]


def test_those_of_a_clock_that_was_ahead_push_none_out(folder, settings):
    settings.BACKUP_KEEP_DAYS, settings.BACKUP_KEEP_WEEKS = 2, 0
    settings.BACKUP_KEEP_MONTHS = 0
    for days in range(1, 9):
        put(folder, NOON + timedelta(days=100 * days))
    oldest = put(folder, NOON - timedelta(days=2))
    put(folder, NOON - timedelta(days=1))
    put(folder, NOON)
    assert gone(folder) == [oldest]


def test_of_those_before_an_upgrade_the_last_stay_and_others_always(folder):
    upgrades = [
        put(folder, NOON - timedelta(days=days), "before-upgrade") for days in range(7)
    ]
    for days in range(9):
        put(folder, NOON - timedelta(days=days), "")
    (folder / "parts-of-a-bicycle.tar.gz").touch()
    assert gone(folder, Reason.BEFORE_UPGRADE) == upgrades[:4:-1]
    assert gone(folder, Reason.BEFORE_WIPE) == []


def test_of_an_upgrade_that_is_tried_again_and_again_the_first_stays(folder):
    tries = [
        put(folder, NOON + timedelta(minutes=minutes), "before-upgrade")
        for minutes in range(9)
    ]
    assert gone(folder, Reason.BEFORE_UPGRADE) == tries[1:4]


@pytest.mark.django_db(transaction=True)
def test_before_a_wipe_too_the_folder_does_not_fill_up(folder):
    made = [
        making.make(folder / "there", reason=Reason.BEFORE_WIPE).path for _ in range(7)
    ]
    assert {*(folder / "there").iterdir()} == {made[0], *made[2:]}


@pytest.mark.django_db(transaction=True)
def test_without_its_table_nothing_is_deleted(folder):
    old = [put(folder, NOON - timedelta(days=days), "before-wipe") for days in range(9)]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE backups_backup RENAME TO not_yet")
    try:
        making.make(folder, reason=Reason.BEFORE_WIPE)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE not_yet RENAME TO backups_backup")
    assert {*old} < {*folder.iterdir()}

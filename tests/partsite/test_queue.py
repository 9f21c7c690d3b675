"""The queue's own sense of time, after a clock was set."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from django_q.models import Schedule

from partsite import queue

pytestmark = pytest.mark.django_db


def test_a_sign_of_life_from_ahead_is_none(clock):
    queue.Broker().set_stat("key", "stat", 3)
    clock.sleep(-30)
    assert queue.silent_seconds() <= queue.DEAD_AFTER_SECONDS  # clocks differ
    clock.sleep(-86400)
    assert queue.silent_seconds() > queue.DEAD_AFTER_SECONDS
    queue.Broker().set_stat("key", "stat", 3)
    assert queue.silent_seconds() == 0


def _scheduled(kind: str, **fields) -> Schedule:
    return Schedule.objects.create(name=kind, func="f", schedule_type=kind, **fields)


def test_nothing_waits_until_the_clock_is_where_it_was():
    now = timezone.now()
    ahead = timedelta(days=10, minutes=3)
    often = _scheduled(Schedule.MINUTES, minutes=1, next_run=now + ahead)
    hourly = _scheduled(Schedule.HOURLY, next_run=now + ahead)
    nightly = _scheduled(Schedule.DAILY, next_run=now + ahead)
    soon = _scheduled(Schedule.HOURLY, next_run=now + timedelta(minutes=50))
    assert queue.bring_schedules_near() == 3
    for schedule, longest in (
        (often, timedelta(minutes=1)),
        (hourly, timedelta(hours=1)),
        (nightly, timedelta(days=1)),
        (soon, timedelta(hours=1)),
    ):
        schedule.refresh_from_db()
        assert now - timedelta(seconds=1) <= schedule.next_run <= now + longest
    # At the same time of the day as ever.
    assert nightly.next_run == now + timedelta(minutes=3)
    assert queue.bring_schedules_near() == 0


def test_a_cluster_notices_that_the_clock_was_set_back(clock, monkeypatch):
    seconds = 100.0
    monkeypatch.setattr("time.monotonic", lambda: seconds)
    broker = queue.Broker()
    broker.set_stat("key", "stat", 3)
    far = _scheduled(Schedule.MINUTES, minutes=1, next_run=timezone.now())
    Schedule.objects.update(next_run=timezone.now() + timedelta(days=2))
    seconds += 6
    clock.sleep(6)
    broker.set_stat("key", "stat", 3)
    far.refresh_from_db()
    assert far.next_run > timezone.now() + timedelta(days=1)
    seconds += 6
    clock.sleep(-86400)
    broker.set_stat("key", "stat", 3)
    far.refresh_from_db()
    assert far.next_run <= timezone.now() + timedelta(minutes=1)
    assert cache.get("worker-seen") == clock.now

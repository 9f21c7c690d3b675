"""Waiting that a clock which is set cannot make longer."""

import multiprocessing
import threading
import time

import pytest
from django_q import cluster

from partsite import steady
from partsite.steady import SteadyEvent


@pytest.fixture
def event() -> SteadyEvent:
    return SteadyEvent(ctx=multiprocessing.get_context())


def test_whoever_waits_goes_on_when_it_is_set(event):
    threading.Timer(0.05, event.set).start()
    assert event.wait(60)
    assert event.wait()


def test_nobody_waits_for_longer_than_asked(event):
    assert not event.wait(0)
    assert not event.wait(0.01)


def test_the_time_of_day_does_not_matter(event, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: pytest.fail("It was asked."))
    monkeypatch.setattr(
        event._cond, "wait", lambda *args: pytest.fail("The system's own wait.")
    )
    assert not event.wait(0.01)


def test_a_cluster_is_given_such_events(monkeypatch):
    monkeypatch.setattr(cluster, "Event", cluster.Event)
    steady.steady_clusters()
    assert isinstance(cluster.Event(), SteadyEvent)

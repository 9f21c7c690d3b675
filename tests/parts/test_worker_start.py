"""What a worker does that is started while something it needs is away."""

import logging

import pytest
import redis
from django.db import OperationalError

from parts.management.commands import worker


@pytest.fixture
def passing(monkeypatch):
    """A clock that only waiting moves; what it showed is noted."""
    waits = []
    monkeypatch.setattr(worker.time, "sleep", waits.append)
    monkeypatch.setattr(worker.time, "monotonic", lambda: sum(waits))
    return waits


@pytest.fixture
def failing(monkeypatch):
    """Return what has the preparations fail, one after the other."""

    def fail(*errors):
        left = iter(errors)
        monkeypatch.setattr(worker, "_prepare", lambda: _raise(next(left, None)))

    return fail


def _raise(error):
    if error:
        raise error


def said(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.mark.django_db
def test_it_says_in_one_line_what_it_waits_for(passing, failing, caplog):
    caplog.set_level(logging.WARNING)
    failing(
        OperationalError("refused"),
        OperationalError("refused"),
        redis.ConnectionError("no Redis"),
    )
    worker._prepare_as_soon_as_it_can()
    assert said(caplog) == [
        "worker_waits for=database why=refused",
        "worker_waits for=Redis why=no Redis",
        "worker_goes_on",
    ]
    assert passing == [3, 3, 3]
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.django_db
def test_it_says_so_again_each_minute(passing, failing, caplog):
    failing(*[OperationalError("refused")] * 41)
    worker._prepare_as_soon_as_it_can()
    assert said(caplog).count("worker_waits for=database why=refused") == 3


@pytest.mark.django_db
def test_it_waits_for_nothing_that_is_no_outage(passing, failing):
    failing(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        worker._prepare_as_soon_as_it_can()
    assert passing == []

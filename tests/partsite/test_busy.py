"""How often open pages had better ask, followed from how long requests wait."""

import itertools

import pytest

from partsite import busy
from partsite.busy import LONGEST_SECONDS, Load


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """What the time is: the test sets it."""
    now = [100.0]
    monkeypatch.setattr(busy.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def load(clock) -> Load:
    return Load()


def _have(load: Load, clock: list[float], wait_seconds: float, seconds: int) -> None:
    """Let so many seconds pass in which requests wait so long, ten a second."""
    for _ in range(10 * seconds):
        clock[0] += 0.1
        load.note(wait_seconds)


def test_where_nobody_waits_nobody_is_put_off(load, clock):
    _have(load, clock, 0.0, 60)
    assert load.wished_pause_seconds() == 0


def test_one_that_waits_puts_nobody_off(load, clock):
    clock[0] += 0.01
    load.note(0.5)
    assert load.wished_pause_seconds() == 0


def test_the_pause_grows_with_the_wait_and_goes_slowly(load, clock):
    _have(load, clock, 0.06, 30)
    assert load.pause_seconds == pytest.approx(15, abs=0.1)
    _have(load, clock, 0.0, 20)
    assert 8 < load.pause_seconds < 10
    _have(load, clock, 0.0, 200)
    assert load.wished_pause_seconds() == 0


def test_how_many_come_at_once_does_not_matter(load, clock):
    _have(load, clock, 0.1, 10)
    before = load.pause_seconds
    for _ in range(1000):
        load.note(9.0)
    assert load.pause_seconds == before


def test_nobody_is_put_off_for_long(load, clock):
    _have(load, clock, 60.0, 60)
    said = {load.wished_pause_seconds() for _ in range(200)}
    assert 0.6 * LONGEST_SECONDS < min(said) < max(said) < 1.4 * LONGEST_SECONDS


def test_no_two_are_told_the_same(load, clock):
    _have(load, clock, 0.2, 60)
    said = [load.wished_pause_seconds() for _ in range(50)]
    assert len({*said}) > 5
    assert any(a != b for a, b in itertools.pairwise(said))

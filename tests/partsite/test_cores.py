"""Which cores a web process answers on."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from partsite import cores


@pytest.mark.parametrize(
    ("has", "shares"),
    [
        ([0, 1], [[0], [1]]),
        ([0, 1], [[0, 1]]),
        ([64, 1, 66, 3], [[1, 3], [64, 66]]),
        ([0, 1, 2], [[0], [1, 2]]),
        ([0, 1, 2, 3, 4], [[0], [1, 2], [3, 4]]),
        # More processes than cores: as many on each, or else all on all.
        ([0, 1], [[0], [1], [0], [1]]),
        ([0, 1], [[0, 1], [0, 1], [0, 1]]),
        ([3], [[3], [3]]),
    ],
)
def test_processes_share_the_cores_out(monkeypatch, has, shares):
    monkeypatch.setattr(
        cores.os, "sched_getaffinity", lambda pid: {*has}, raising=False
    )
    processes = len(shares)
    assert [cores.share(number, processes) for number in range(processes)] == shares


def test_a_system_that_does_not_say_which_cores_there_are_has_none_to_share(
    monkeypatch,
):
    monkeypatch.delattr(cores.os, "sched_getaffinity", raising=False)
    assert cores.share(0, 2) == []


@pytest.mark.skipif(sys.platform != "linux", reason="others keep threads to no cores")
def test_a_thread_keeps_to_its_cores_and_others_do_not():
    before = os.sched_getaffinity(0)
    one = min(before)
    with ThreadPoolExecutor(1, initializer=cores.keep_to, initargs=([one],)) as pool:
        assert pool.submit(os.sched_getaffinity, 0).result() == {one}
    assert os.sched_getaffinity(0) == before


@pytest.mark.skipif(sys.platform != "linux", reason="others keep threads to no cores")
def test_a_core_that_there_is_not_is_left_out():
    before = os.sched_getaffinity(0)
    with ThreadPoolExecutor(1, initializer=cores.keep_to, initargs=([1000],)) as pool:
        assert pool.submit(os.sched_getaffinity, 0).result() == before


@pytest.mark.skipif(sys.platform != "linux", reason="others keep threads to no cores")
def test_a_thread_keeps_from_cores_where_there_are_others():
    every = os.sched_getaffinity(0)
    one = min(every)
    with ThreadPoolExecutor(1, initializer=cores.keep_from, initargs=([one],)) as pool:
        left = pool.submit(os.sched_getaffinity, 0).result()
    assert left == (every - {one} or every)
    with ThreadPoolExecutor(1, initializer=cores.keep_from, initargs=(every,)) as pool:
        assert pool.submit(os.sched_getaffinity, 0).result() == every

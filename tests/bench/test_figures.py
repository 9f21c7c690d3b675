"""Medians, percentiles and what is made of them."""

import math

import pytest

from bench.client import Sample
from bench.figures import figures, percentile


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1), (0.5, 5), (0.95, 10), (0.9, 9), (0.99, 10), (1, 10)]
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(share, value):
    assert percentile(list(range(1, 11)), share) == value


def test_each_figure_is_the_median_of_its_rounds():
    rounds = [
        Sample(seconds=1, latencies=[0.001, 0.002, 0.003]),
        Sample(seconds=1, latencies=[0.010]),
        Sample(seconds=1, latencies=[0.004, 0.002], errors=["500"]),
    ]
    found = figures(rounds, cpu_seconds=0.012)
    assert found.per_second == 2
    assert found.p50_ms == pytest.approx(2)
    assert found.p99_ms == pytest.approx(4)
    assert found.cpu_ms == pytest.approx(2)
    assert found.errors == 1


def test_rounds_without_an_answer_have_no_times():
    found = figures([Sample(seconds=1, errors=["refused"])])
    assert found.per_second == 0
    assert math.isnan(found.p50_ms)
    assert math.isnan(found.cpu_ms)

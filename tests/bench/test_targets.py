"""What is wanted, against what was measured."""

from bench import targets
from bench.figures import Figures
from bench.rounds import Cell
from bench.sites import ANEW, BARE, ON_POSTGRES, PLAIN, SITE
from bench.targets import Target
from bench.workload import (
    BOARD_ALONE,
    CLAIM,
    COMPLETE,
    CREATE,
    LIST,
    ONE,
    SEARCH_RARE,
    STATS,
)


def test_a_target_is_met_at_its_edge():
    assert Target("fast", 300, 4, at_least=4).is_met
    assert not Target("fast", 300, 3.99, at_least=4).is_met
    assert Target("small", 300, 2, at_most=2).is_met
    assert not Target("small", 300, 2.01, at_most=2).is_met
    assert Target("fast", 300, 4, at_least=0.5, unit=" ×").wanted == "≥ 0.5 ×"
    assert Target("small", 300, 4, at_most=12, unit=" ms").wanted == "≤ 12 ms"


def test_lists_are_measured_against_both_yardsticks():
    found = _by_name(
        targets.of_reads(
            {
                Cell(LIST, SITE, 300): _figures(400),
                Cell(LIST, PLAIN, 300): _figures(100),
                Cell(LIST, BARE, 300): _figures(1000),
                Cell(LIST, ANEW, 300): _figures(400),
                Cell(LIST, ANEW, 10_000): _figures(380),
            }
        )
    )
    assert found == {
        (f"{LIST}: × plain DRF", 300): (4, True),
        (f"{LIST}: × bare WSGI", 300): (0.4, False),
        (f"{LIST}: × itself at 300", 10_000): (0.95, True),
    }


def test_growth_is_what_a_request_costs_more_than_at_300():
    found = _by_name(
        targets.of_reads(
            {
                Cell(ONE, ANEW, 300): _figures(100),
                Cell(ONE, ANEW, 100_000): _figures(80),
                Cell(SEARCH_RARE, ANEW, 300): _figures(100),
                Cell(SEARCH_RARE, ANEW, 100_000): _figures(25),
                Cell(STATS, ANEW, 300): _figures(100),
                Cell(STATS, ANEW, 100_000): _figures(40),
            }
        )
    )
    assert found == {
        (f"{ONE}: × itself at 300", 100_000): (0.8, False),
        (f"{SEARCH_RARE}: cost × that at 300", 100_000): (4, True),
        (f"{STATS}: cost × that at 300", 100_000): (2.5, False),
    }


def test_ratios_are_told_by_processor_time_too():
    faster, growing = targets.of_reads(
        {
            Cell(LIST, SITE, 300): _figures(200, cpu_ms=2),
            Cell(LIST, PLAIN, 300): _figures(50, cpu_ms=9),
            Cell(STATS, ANEW, 300): _figures(100, cpu_ms=2),
            Cell(STATS, ANEW, 10_000): _figures(80, cpu_ms=3),
        }
    )
    assert (faster.measured, faster.by_cpu) == (4, 4.5)
    assert (growing.measured, growing.by_cpu) == (1.25, 1.5)


def test_a_board_is_measured_by_the_clock_of_one_visitor():
    found = _by_name(
        targets.of_reads(
            {
                Cell(BOARD_ALONE, SITE, 300): _figures(80, p50_ms=12),
                Cell(BOARD_ALONE, ANEW, 300): _figures(80, p50_ms=16),
                Cell(BOARD_ALONE, ANEW, 10_000): _figures(80, p50_ms=20),
            }
        )
    )
    assert found == {
        (f"{BOARD_ALONE}: p50", 300): (12, True),
        (f"{BOARD_ALONE}: p50 × that at 300", 10_000): (1.25, False),
    }


def test_writes_are_measured_against_a_peer_and_by_their_slowest():
    cell = Cell(CLAIM, ON_POSTGRES, 300)
    found = _by_name(targets.of_writes({cell: _figures(216, p99_ms=59)}))
    assert found == {
        (f"{CLAIM} on PostgreSQL: a second", 300): (216, False),
        (f"{CLAIM} on PostgreSQL: p99", 300): (59, True),
    }


def test_writes_are_measured_against_both_yardsticks():
    found = targets.of_writes(
        {
            Cell(CREATE, SITE, 300): _figures(500, cpu_ms=2),
            Cell(CREATE, BARE, 300): _figures(1000, cpu_ms=1),
            Cell(CREATE, PLAIN, 300): _figures(250, cpu_ms=5),
            Cell(COMPLETE, SITE, 10_000): _figures(300),
            Cell(COMPLETE, BARE, 10_000): _figures(1000),
            Cell(COMPLETE, PLAIN, 10_000): _figures(250),
        }
    )
    assert _by_name(found) == {
        (f"{CREATE}: a second", 300): (500, True),
        (f"{CREATE}: p99", 300): (1, True),
        (f"{CREATE}: × plain DRF", 300): (2, True),
        (f"{CREATE}: × bare WSGI", 300): (0.5, True),
        (f"{COMPLETE}: a second", 10_000): (300, True),
        (f"{COMPLETE}: p99", 10_000): (1, True),
        (f"{COMPLETE}: × plain DRF", 10_000): (1.2, False),
        (f"{COMPLETE}: × bare WSGI", 10_000): (0.3, False),
    }
    by_cpu = {t.what: t.by_cpu for t in found if t.size == 300 and t.unit == " ×"}
    assert by_cpu == {f"{CREATE}: × plain DRF": 2.5, f"{CREATE}: × bare WSGI": 0.5}


def _figures(per_second: float, **times: float) -> Figures:
    return Figures(
        **{
            "per_second": per_second,
            "p50_ms": 1,
            "p95_ms": 1,
            "p99_ms": 1,
            "cpu_ms": 1,
            "errors": 0,
            **times,
        }
    )


def _by_name(found: list[Target]) -> dict:
    return {
        (target.what, target.size): (round(target.measured, 6), target.is_met)
        for target in found
    }

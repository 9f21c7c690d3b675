"""What the project wants to reach, each as a ratio in one run, and what came of it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from .rounds import Cell, Results
from .sites import BARE, ON_POSTGRES, PLAIN, SITE
from .workload import (
    ALL,
    BOARD_ALONE,
    CLAIM,
    COMPLETE,
    CREATE,
    DETAILED,
    LEADERBOARD,
    LIST,
    ONE,
    SEARCHES,
    SMALL,
    STATS,
)

# How the cost, or the speed, at a size may stand to that at 300.
_GROWN = {10_000: (1.5, 2, 0.9, 1.2), 100_000: (2, 4, 0.7, 1.5)}
_SAME_ONE = 0.85
# The quickest peer of this API on two such cores.
_PEER = {CREATE: 451, CLAIM: 217, COMPLETE: 183}
_WRITE_P99_MS = 60


@dataclass(frozen=True)
class Target:
    """One wish: ``measured`` has to be ``at_least`` or ``at_most`` something."""

    what: str
    size: int | None
    measured: float
    at_least: float | None = None
    at_most: float | None = None
    unit: str = ""

    @property
    def is_met(self) -> bool:
        return (self.at_least is None or self.measured >= self.at_least) and (
            self.at_most is None or self.measured <= self.at_most
        )

    @property
    def wanted(self) -> str:
        if self.at_most is None:
            return f"≥ {self.at_least:g}{self.unit}"
        return f"≤ {self.at_most:g}{self.unit}"


def of_reads(results: Results) -> list[Target]:
    """Return the wishes that ``results`` can tell of."""
    return list(_told(_of_lists(results), _of_growth(results), _of_boards(results)))


def of_writes(results: Results) -> list[Target]:
    return list(_told(_of_writes(results)))


def speed(
    results: Results, ask: str, kind: str, size: int, other: str, other_size: int
) -> float:
    """Return how many times as many requests the one serves as the other."""
    one = results.get(Cell(ask, kind, size))
    against = results.get(Cell(ask, other, other_size))
    if one is None or against is None or not against.per_second:
        return math.nan
    return one.per_second / against.per_second


def _of_lists(results: Results) -> Iterator[Target]:
    for size in _sizes(results):

        def against(ask: str, other: str, size: int = size) -> float:
            return speed(results, ask, SITE, size, other, size)

        yield Target(f"{LIST}: × {PLAIN}", size, against(LIST, PLAIN), 4, unit=" ×")
        yield Target(f"{LIST}: × {BARE}", size, against(LIST, BARE), 0.5, unit=" ×")
        yield Target(f"{ALL}: × {PLAIN}", size, against(ALL, PLAIN), 8, unit=" ×")
        if size == SMALL:
            yield Target(f"{ONE}: × {BARE}", size, against(ONE, BARE), 0.4, unit=" ×")


def _of_growth(results: Results) -> Iterator[Target]:
    for size, (stats, searches, lists, _) in _GROWN.items():

        def grown(ask: str, size: int = size) -> float:
            return speed(results, ask, SITE, size, SITE, SMALL)

        yield Target(f"{LIST}: × itself at 300", size, grown(LIST), lists, unit=" ×")
        yield Target(f"{ONE}: × itself at 300", size, grown(ONE), _SAME_ONE, unit=" ×")
        for ask in SEARCHES:
            cost = 1 / grown(ask)
            yield Target(
                f"{ask}: cost × that at 300", size, cost, at_most=searches, unit=" ×"
            )
        for ask in (STATS, DETAILED, LEADERBOARD):
            cost = 1 / grown(ask)
            yield Target(
                f"{ask}: cost × that at 300", size, cost, at_most=stats, unit=" ×"
            )


def _of_boards(results: Results) -> Iterator[Target]:
    small = results.get(Cell(BOARD_ALONE, SITE, SMALL))
    if small is None:
        return
    yield Target(f"{BOARD_ALONE}: p50", SMALL, small.p50_ms, at_most=12, unit=" ms")
    for size, (*_, most) in _GROWN.items():
        if large := results.get(Cell(BOARD_ALONE, SITE, size)):
            yield Target(
                f"{BOARD_ALONE}: p50 × that at 300",
                size,
                large.p50_ms / small.p50_ms,
                at_most=most,
                unit=" ×",
            )


def _of_writes(results: Results) -> Iterator[Target]:
    for cell, found in results.items():
        where = " on PostgreSQL" if cell.kind == ON_POSTGRES else ""
        name = f"{cell.ask}{where}"
        peer = _PEER[cell.ask]
        yield Target(f"{name}: a second", cell.size, found.per_second, peer)
        yield Target(
            f"{name}: p99", cell.size, found.p99_ms, at_most=_WRITE_P99_MS, unit=" ms"
        )


def _told(*groups: Iterator[Target]) -> Iterator[Target]:
    """Leave out what was not measured."""
    for group in groups:
        yield from (target for target in group if not math.isnan(target.measured))


def _sizes(results: Results) -> list[int]:
    return sorted({cell.size for cell in results})

"""What the project wants to reach, each as a ratio in one run, and what came of it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from .figures import Figures
from .rounds import Cell, Results
from .sites import ANEW, BARE, ON_POSTGRES, PLAIN, SITE
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
    WRITES,
)

# How the cost, or the speed, at a size may stand to that at 300.
_GROWN = {10_000: (1.5, 2, 0.9, 1.2), 100_000: (2, 4, 0.7, 1.5)}
_SAME_ONE = 0.85
# The quickest peer of this API on two such cores.
_PEER = {CREATE: 451, CLAIM: 217, COMPLETE: 183}
_WRITE_P99_MS = 60
# How the speed of a write may stand to that of the yardsticks: well ahead of what
# writes the row alone, and as near to the limit as one part is that is read.
_WRITE_YARDSTICKS = {PLAIN: 1.5, BARE: 0.4}


@dataclass(frozen=True)
class Target:
    """One wish: ``measured`` has to be ``at_least`` or ``at_most`` something.

    ``by_cpu`` is the same ratio of processor times, which a busy machine disturbs
    least; it decides nothing.
    """

    what: str
    size: int | None
    measured: float
    at_least: float | None = None
    at_most: float | None = None
    unit: str = ""
    by_cpu: float = math.nan

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
    return [*_of_lists(results), *_of_growth(results), *_of_boards(results)]


def of_writes(results: Results) -> list[Target]:
    return list(_of_writes(results))


def _times(
    results: Results,
    what: str,
    one: Cell,
    other: Cell,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Iterator[Target]:
    """Tell how many times the speed of ``other`` is that of ``one``.

    Where that is wanted ``at_most`` so much, it is of the cost instead.
    """
    ours, theirs = results.get(one), results.get(other)
    if ours is None or theirs is None or not (ours.per_second and theirs.per_second):
        return
    speed = ours.per_second / theirs.per_second
    by_cpu = theirs.cpu_ms / ours.cpu_ms if ours.cpu_ms else math.nan
    if at_most is not None:
        speed, by_cpu = 1 / speed, 1 / by_cpu if by_cpu else math.nan
    yield Target(what, one.size, speed, at_least, at_most, " ×", by_cpu)


def _of_lists(results: Results) -> Iterator[Target]:
    for size in _sizes(results):
        wanted = [(LIST, PLAIN, 4), (LIST, BARE, 0.5), (ALL, PLAIN, 8)]
        if size == SMALL:
            wanted.append((ONE, BARE, 0.4))
        for ask, kind, least in wanted:
            yield from _times(
                results,
                f"{ask}: × {kind}",
                Cell(ask, SITE, size),
                Cell(ask, kind, size),
                at_least=least,
            )


def _of_growth(results: Results) -> Iterator[Target]:
    """Yield what may grow; an answer that is remembered does not, and tells nothing."""
    for size, (stats, searches, lists, _) in _GROWN.items():
        for ask, least in ((LIST, lists), (ONE, _SAME_ONE)):
            yield from _times(
                results,
                f"{ask}: × itself at 300",
                Cell(ask, ANEW, size),
                Cell(ask, ANEW, SMALL),
                at_least=least,
            )
        costs = dict.fromkeys(SEARCHES, searches)
        costs |= dict.fromkeys((STATS, DETAILED, LEADERBOARD), stats)
        for ask, most in costs.items():
            yield from _times(
                results,
                f"{ask}: cost × that at 300",
                Cell(ask, ANEW, size),
                Cell(ask, ANEW, SMALL),
                at_most=most,
            )


def _of_boards(results: Results) -> Iterator[Target]:
    small = results.get(Cell(BOARD_ALONE, SITE, SMALL))
    if small is None:
        return
    yield Target(f"{BOARD_ALONE}: p50", SMALL, small.p50_ms, at_most=12, unit=" ms")
    anew = results.get(Cell(BOARD_ALONE, ANEW, SMALL))
    for size, (*_, most) in _GROWN.items():
        large = results.get(Cell(BOARD_ALONE, ANEW, size))
        if anew and large:
            yield Target(
                f"{BOARD_ALONE}: p50 × that at 300",
                size,
                large.p50_ms / anew.p50_ms,
                at_most=most,
                unit=" ×",
                by_cpu=large.cpu_ms / anew.cpu_ms,
            )


def _of_writes(results: Results) -> Iterator[Target]:
    for size in _sizes(results):
        for cell, found in results.items():
            if cell.size == size and cell.kind in (SITE, ON_POSTGRES):
                yield from _of_writer(cell, found)
        for ask in WRITES:
            for kind, least in _WRITE_YARDSTICKS.items():
                yield from _times(
                    results,
                    f"{ask}: × {kind}",
                    Cell(ask, SITE, size),
                    Cell(ask, kind, size),
                    at_least=least,
                )


def _of_writer(cell: Cell, found: Figures) -> Iterator[Target]:
    """Yield what is wished of one alone, on such a machine."""
    where = " on PostgreSQL" if cell.kind == ON_POSTGRES else ""
    name = f"{cell.ask}{where}"
    yield Target(f"{name}: a second", cell.size, found.per_second, _PEER[cell.ask])
    yield Target(
        f"{name}: p99", cell.size, found.p99_ms, at_most=_WRITE_P99_MS, unit=" ms"
    )


def _sizes(results: Results) -> list[int]:
    return sorted({cell.size for cell in results})

"""The benchmark: ``make bench``, or ``python -m bench --help``."""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from services import Postgres

from . import conversion, crowd, report, rounds, sites, targets, weight, workload
from .sites import ANEW, BARE, LIMITED, ON_POSTGRES, PLAIN, ROOT, SITE

SIZES = [300, 10_000, 100_000]
_PROCESSES = [(1, 8), (2, 2), (2, 4), (2, 8), (3, 2), (3, 4), (4, 2)]
_TYPICAL = {workload.LIST, workload.ONE, workload.BOARD, workload.BOARD_ALONE}


def main() -> None:
    asked = _arguments()
    # As after Ctrl-C, what was started is ended and what was written is deleted.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    failed = []
    for name in asked.only:
        _say(f"== {name}")
        failed += SECTIONS[name](asked)
    for target in failed:
        _say(f"missed: {target.what} at {target.size}: {target.measured:.3g}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parser.add_argument
    add("--sizes", type=_numbers, default=SIZES, help="parts, such as 300,10000")
    add("--rounds", type=int, default=5, help="of which each figure is the median")
    add(
        "--seconds",
        type=float,
        help=f"of a round of one request (1), of the whole load ({crowd.SECONDS})",
    )
    add(
        "--only",
        type=_words,
        default=list(SECTIONS),
        help=f"some of {','.join(SECTIONS)}",
    )
    add(
        "--processes",
        type=_pairs,
        default=_PROCESSES,
        help="gunicorn's processes and threads in each, such as 2x8,4x2",
    )
    add("--asks", default="", help="only requests whose name holds this")
    add("--kinds", type=_words, default=[], help="only these contestants")
    add(
        "--step",
        type=Path,
        default=conversion.SAMPLES,
        help="folder with STEP files to convert",
    )
    add("--write", action="store_true", help="put the tables into docs/performance.md")
    asked = parser.parse_args()
    if unknown := set(asked.only) - SECTIONS.keys():
        parser.error(f"there is no {', '.join(unknown)}")
    return asked


def _reads(asked: argparse.Namespace) -> list[targets.Target]:
    asks = [ask for ask in workload.READS if asked.asks in ask.name]
    kinds = asked.kinds or [SITE, ANEW, LIMITED, ON_POSTGRES, BARE, PLAIN]
    with _contestants(asked, kinds) as (running, version):
        rounds.check_yardsticks(running)
        results = rounds.reads(
            running, asks, rounds=asked.rounds, seconds=asked.seconds or 1, say=_say
        )
    how = f"{asked.rounds} rounds of {asked.seconds or 1:g} s each."
    found = targets.of_reads(results)
    return _told("reads", asked, found, results, version=version, how=how)


def _writes(asked: argparse.Namespace) -> list[targets.Target]:
    kinds = asked.kinds or [SITE, ON_POSTGRES, BARE, PLAIN]
    with _contestants(asked, kinds, is_apart=True) as (running, version):
        rounds.check_writers(running)
        results = rounds.writes(running, rounds=asked.rounds, say=_say)
    how = f"{asked.rounds} rounds of {rounds.WRITES_OF_A_ROUND} each."
    found = targets.of_writes(results)
    return _told("writes", asked, found, results, version=version, how=how)


def _processes(asked: argparse.Namespace) -> list[targets.Target]:
    """Compare process and thread counts of gunicorn; nothing is wished for."""
    with folder() as data, ExitStack() as stack:
        shop = sites.seeded(workload.SMALL, data / "shop")
        running = []
        for processes, threads in asked.processes:
            variables = {"WEB_PROCESSES": str(processes), "WEB_THREADS": str(threads)}
            site = stack.enter_context(
                sites.running(SITE, shop, is_web_alone=True, **variables)
            )
            running.append(replace(site, kind=f"{processes} × {threads}"))
        kinds = frozenset(site.kind for site in running)
        asks = [replace(a, kinds=kinds) for a in workload.READS if a.name in _TYPICAL]
        results = rounds.reads(
            running, asks, rounds=asked.rounds, seconds=asked.seconds or 1, say=_say
        )
        results |= rounds.writes(running, rounds=asked.rounds, say=_say)
    how = f"{asked.rounds} rounds; processes × threads in each."
    return _told("processes", asked, [], results, how=how)


def _conversion(asked: argparse.Namespace) -> list[targets.Target]:
    with folder() as data:
        shop = sites.seeded(workload.SMALL, data / "shop")
        with sites.running(SITE, shop) as site:
            found = conversion.measure(site, asked.step, rounds=asked.rounds, say=_say)
    return _told("conversion", asked, found)


def _weight(asked: argparse.Namespace) -> list[targets.Target]:
    with folder() as data:
        shop = sites.seeded(workload.SMALL, data / "shop")
        found = weight.of_start(shop, rounds=asked.rounds)
        with sites.running(SITE, shop) as site:
            found += weight.at_rest(site, _say)
            found += weight.of_upload(site)
    return _told("weight", asked, found)


def _load(asked: argparse.Namespace) -> list[targets.Target]:
    """Let a crowd loose on each site, one after the other: each has the machine."""
    kinds = asked.kinds or [SITE, ON_POSTGRES]
    size = sorted(asked.sizes)[len(asked.sizes) // 2]  # a large shop, not the largest
    seconds = asked.seconds or crowd.SECONDS
    found, results = [], {}
    with folder() as data, _cluster(ON_POSTGRES in kinds) as cluster:
        version = cluster.version if cluster else None
        for kind in kinds:
            if kind == ON_POSTGRES and cluster is None:
                continue
            url = cluster.database("load") if kind == ON_POSTGRES else ""
            shop = sites.seeded(size, data / kind, url, visitors=crowd.PEOPLE)
            crowd.prepare(shop)
            with sites.running(kind, shop, cluster, **crowd.LIMITS) as site:
                wishes, of_kind = crowd.measure(
                    site, asked.step, seconds=seconds, say=_say
                )
            found += wishes
            results |= of_kind
    how = f"{seconds:g} s each."
    rows = crowd.in_order(results)
    return _told("load", asked, found, rows, version=version, how=how)


@contextmanager
def _contestants(
    asked: argparse.Namespace, kinds: list[str], **how: bool
) -> Iterator[tuple[list[sites.Site], str | None]]:
    with folder() as data, _cluster(ON_POSTGRES in kinds) as cluster:
        _say(f"seeding {', '.join(map(str, asked.sizes))} parts")
        with sites.all_running(asked.sizes, kinds, data, cluster, **how) as running:
            yield running, cluster.version if cluster else None


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder on the disk that the site's own data would lie on."""
    parent = ROOT / "build"
    parent.mkdir(exist_ok=True)
    path = Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _cluster(is_wanted: bool) -> Iterator[Postgres | None]:
    if is_wanted and Postgres.is_here():
        with Postgres.running() as cluster:
            yield cluster
        return
    if is_wanted:
        _say("PostgreSQL is not installed here, so its rows are left out.")
    yield None


def _told(
    section: str,
    asked: argparse.Namespace,
    found: list[targets.Target],
    results: rounds.Results | None = None,
    *,
    version: str | None = None,
    how: str = "",
) -> list[targets.Target]:
    """Print a section, write it where that is asked for; return what was missed."""
    blocks = [f"{report.machine(version)} {how}".strip()]
    if found:
        blocks.append(report.targets_table(found))
    if results:
        blocks.append(report.figures_tables(results))
    text = "\n\n".join(blocks)
    _say(text)
    if asked.write:
        report.write(section, text)
    return [target for target in found if not target.is_met]


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _pairs(text: str) -> list[tuple[int, int]]:
    return [tuple(map(int, pair.split("x"))) for pair in text.split(",")]


def _words(text: str) -> list[str]:
    return text.split(",")


SECTIONS: dict[str, Callable[[argparse.Namespace], list[targets.Target]]] = {
    "reads": _reads,
    "writes": _writes,
    "processes": _processes,
    "conversion": _conversion,
    "weight": _weight,
    "load": _load,
}

if __name__ == "__main__":
    main()

"""The benchmark: ``make bench``, or ``python -m bench --help``."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from . import postgres, report, rounds, sites, targets, workload
from .sites import BARE, LIMITED, ON_POSTGRES, PLAIN, ROOT, SITE

SIZES = [300, 10_000, 100_000]


def main() -> None:
    asked = _arguments()
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
    add("--seconds", type=float, default=1.0, help="of a round of one request")
    add(
        "--only",
        type=_words,
        default=list(SECTIONS),
        help=f"some of {','.join(SECTIONS)}",
    )
    add("--asks", default="", help="only requests whose name holds this")
    add("--kinds", type=_words, default=[], help="only these contestants")
    add("--write", action="store_true", help="put the tables into docs/performance.md")
    asked = parser.parse_args()
    if unknown := set(asked.only) - SECTIONS.keys():
        parser.error(f"there is no {', '.join(unknown)}")
    return asked


def _reads(asked: argparse.Namespace) -> list[targets.Target]:
    asks = [ask for ask in workload.READS if asked.asks in ask.name]
    kinds = asked.kinds or [SITE, LIMITED, ON_POSTGRES, BARE, PLAIN]
    with _contestants(asked, kinds) as (running, version):
        rounds.check_yardsticks(running)
        results = rounds.reads(
            running, asks, rounds=asked.rounds, seconds=asked.seconds, say=_say
        )
    found = targets.of_reads(results)
    how = f"{asked.rounds} rounds of {asked.seconds:g} s each."
    _tell("reads", asked, f"{report.machine(version)} {how}", results, found)
    return [target for target in found if not target.is_met]


def _writes(asked: argparse.Namespace) -> list[targets.Target]:
    with _contestants(asked, asked.kinds or [SITE, ON_POSTGRES]) as (running, version):
        results = rounds.writes(running, rounds=asked.rounds, say=_say)
    found = targets.of_writes(results)
    how = f"{asked.rounds} rounds of {rounds.WRITES_OF_A_ROUND} each."
    _tell("writes", asked, f"{report.machine(version)} {how}", results, found)
    return [target for target in found if not target.is_met]


@contextmanager
def _contestants(
    asked: argparse.Namespace, kinds: list[str]
) -> Iterator[tuple[list[sites.Site], str | None]]:
    with folder() as data, _cluster(ON_POSTGRES in kinds) as cluster:
        _say(f"seeding {', '.join(map(str, asked.sizes))} parts")
        with sites.all_running(asked.sizes, kinds, data, cluster) as running:
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
def _cluster(is_wanted: bool) -> Iterator[postgres.Cluster | None]:
    if is_wanted and postgres.binaries():
        with postgres.cluster() as cluster:
            yield cluster
        return
    if is_wanted:
        _say("PostgreSQL is not installed here, so its rows are left out.")
    yield None


def _tell(
    section: str,
    asked: argparse.Namespace,
    head: str,
    results: rounds.Results,
    found: list[targets.Target],
) -> None:
    parts = [head, report.targets_table(found), report.figures_tables(results)]
    text = "\n\n".join(parts)
    _say(text)
    if asked.write:
        report.write(section, text)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _words(text: str) -> list[str]:
    return text.split(",")


SECTIONS: dict[str, Callable[[argparse.Namespace], list[targets.Target]]] = {
    "reads": _reads,
    "writes": _writes,
}

if __name__ == "__main__":
    main()

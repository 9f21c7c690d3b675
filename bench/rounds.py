"""Rounds over all contestants in turn, so that what disturbs one disturbs all."""

import itertools
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from . import client, processes, workload
from .client import Sample
from .figures import Figures, figures
from .lives import MEMBERS, member_of
from .sites import SITE, Site
from .workload import Ask

WARM_SECONDS = 0.3
WRITES_OF_A_ROUND = 200
_LIVES = 20  # among them parts of all lanes
_ITS_OWN = {"id", "uuid", "partId", "model"}


@dataclass(frozen=True)
class Cell:
    """One place of a table: what was asked, of whom, at which size."""

    ask: str
    kind: str
    size: int


Results = dict[Cell, Figures]
T = TypeVar("T")
Say = Callable[[str], None]


class _Tally:
    """Collects the rounds of each cell, with what they cost the server."""

    def __init__(self) -> None:
        self._samples: dict[Cell, list[Sample]] = {}
        self._cpu_seconds: dict[Cell, float] = {}

    def take(self, name: str, site: Site, requests: Iterable[bytes], **how) -> Sample:
        cell = Cell(name, site.kind, site.shop.size)
        before = processes.cpu_seconds(site.paid)
        sample = client.load(site.address, requests, **how)
        spent = processes.cpu_seconds(site.paid) - before
        self._samples.setdefault(cell, []).append(sample)
        self._cpu_seconds[cell] = self._cpu_seconds.get(cell, 0) + spent
        return sample

    def results(self) -> Results:
        return {
            cell: figures(samples, self._cpu_seconds[cell])
            for cell, samples in self._samples.items()
        }


def reads(
    sites: list[Site], asks: list[Ask], *, rounds: int, seconds: float, say: Say
) -> Results:
    """Measure every request against everybody it is for, size by size in turn."""
    tally = _Tally()
    for ask in asks:
        say(ask.name)
        asked = [
            (site, ask.requests(site.shop))
            for site in sites
            if ask.is_for(site.kind, site.shop.size)
        ]
        for site, requests in asked:
            client.load(
                site.address,
                itertools.cycle(requests),
                connections=ask.connections,
                seconds=WARM_SECONDS,
            )
        for number in range(rounds):
            for site, requests in _in_turn(asked, number):
                tally.take(
                    ask.name,
                    site,
                    itertools.cycle(requests),
                    connections=ask.connections,
                    seconds=seconds,
                )
    return tally.results()


def writes(sites: list[Site], *, rounds: int, say: Say) -> Results:
    """Have parts handed in, then claimed, then finished, always by 8 at once."""
    tally = _Tally()
    # The first who waits for the disk would wait for all that the shops were made of.
    os.sync()
    say("writes, to warm up")
    for site in sites:
        _write(_Tally(), site, Random(-1), WRITES_OF_A_ROUND // 5)
    for number in range(rounds):
        say(f"writes, round {number + 1}")
        for site in _in_turn(sites, number):
            _write(tally, site, Random(number), WRITES_OF_A_ROUND)
    results = tally.results()
    return {
        cell: results[cell]
        for ask in workload.WRITES
        for cell in results
        if cell.ask == ask
    }


def _in_turn(all_asked: list[T], number: int) -> list[T]:
    """Return who comes when in a round: nobody always first."""
    first = number % len(all_asked)
    return all_asked[first:] + all_asked[:first]


def _write(tally: _Tally, site: Site, chance: Random, count: int) -> None:
    shop = site.shop
    os.sync()  # or it would wait for what the one before it has written
    handed_in = workload.creates(shop, count, chance)
    sample = tally.take(workload.CREATE, site, handed_in, is_kept=True)
    ids = [
        json.loads(answer.body)["id"]
        for _, answer in sample.answers
        if answer.status == 201
    ]
    tally.take(workload.CLAIM, site, workload.claims(shop, ids, member_of))
    tally.take(workload.COMPLETE, site, workload.completions(shop, ids))


def check_yardsticks(sites: list[Site]) -> None:
    """See that the yardsticks answer what the site does.

    Raises:
        SystemExit: they do not, so their figures would say nothing.
    """
    for site, other in _compared(sites):
        for path in workload.COMPARED[other.kind]:
            if _told(other, path) != _told(site, path):
                raise _differs(site, other, path)


def check_writers(sites: list[Site]) -> None:
    """See that the yardsticks answer what the site does when parts are written.

    It leaves a few parts in each shop.

    Raises:
        SystemExit: as ``check_yardsticks``.
    """
    for site, other in _compared(sites):
        for ours, theirs in zip(_lives(site), _lives(other), strict=True):
            if ours != theirs:
                raise _differs(site, other, f"{ours[0]} of a part")


def _compared(sites: list[Site]) -> Iterator[tuple[Site, Site]]:
    """Yield each site with each yardstick of its size."""
    for site in sites:
        for other in sites:
            if (
                site.kind == SITE
                and other.kind in workload.COMPARED
                and other.shop.size == site.shop.size
            ):
                yield site, other


def _differs(site: Site, other: Site, what: str) -> SystemExit:
    return SystemExit(
        f"{other.kind} answers {what} in another way than the site, "
        f"with {site.shop.size} parts."
    )


def _told(site: Site, path: str) -> object:
    asked = client.request("GET", path, {"X-API-Key": site.shop.key})
    body = client.ask(site.address, asked).body
    # REST framework writes the same zone in another way.
    return json.loads(re.sub(rb'(T[0-9:.]+)Z"', rb'\1+00:00"', body))


def _lives(site: Site) -> Iterator[tuple[str, int, dict]]:
    """Yield what a few parts are told to be, as they are made, with its status.

    Without what no two parts share, their models, and the times.

    Raises:
        SystemExit: it is refused.
    """
    for handed_in in workload.creates(site.shop, _LIVES, Random(0)):
        ids: list[int] = []
        for step in workload.WRITES:
            asked = handed_in
            if step == workload.CLAIM:
                [asked] = workload.claims(site.shop, ids, lambda number: MEMBERS[0])
            elif step == workload.COMPLETE:
                [asked] = workload.completions(site.shop, ids)
            answer = client.ask(site.address, asked)
            if answer.status not in (200, 201):
                raise SystemExit(f"{site.kind} answers {step} with {answer.status}.")
            part = json.loads(re.sub(rb'"[0-9-]{10}T[^"]+"', b'"a time"', answer.body))
            ids = ids or [part["id"]]
            told = {name: part[name] for name in part.keys() - _ITS_OWN}
            yield step, answer.status, told

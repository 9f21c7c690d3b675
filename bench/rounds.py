"""Rounds over all contestants in turn, so that what disturbs one disturbs all."""

import itertools
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from . import client, processes, workload
from .client import Sample
from .figures import Figures, figures
from .lives import member_of
from .sites import SITE, Site
from .workload import Ask

WARM_SECONDS = 0.3
WRITES_OF_A_ROUND = 200


@dataclass(frozen=True)
class Cell:
    """One place of a table: what was asked, of whom, at which size."""

    ask: str
    kind: str
    size: int


Results = dict[Cell, Figures]
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
            # Nobody always comes first.
            for site, requests in (
                asked[number % len(asked) :] + asked[: number % len(asked)]
            ):
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
    for number in range(-1, rounds):
        say(f"writes, round {number + 1}" if number >= 0 else "writes, to warm up")
        for site in sites:
            if number < 0:
                _write(_Tally(), site, Random(number), WRITES_OF_A_ROUND // 5)
            else:
                _write(tally, site, Random(number), WRITES_OF_A_ROUND)
    return tally.results()


def _write(tally: _Tally, site: Site, chance: Random, count: int) -> None:
    shop = site.shop
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
    for site in sites:
        if site.kind != SITE:
            continue
        for other in sites:
            if other.shop is not site.shop or other.kind not in workload.COMPARED:
                continue
            for path in workload.COMPARED[other.kind]:
                if _told(other, path) != _told(site, path):
                    raise SystemExit(
                        f"{other.kind} answers {path} in another way than the site, "
                        f"with {site.shop.size} parts."
                    )


def _told(site: Site, path: str) -> object:
    asked = client.request("GET", path, {"X-API-Key": site.shop.key})
    body = client.ask(site.address, asked).body
    # REST framework writes the same zone in another way.
    return json.loads(re.sub(rb'(T[0-9:.]+)Z"', rb'\1+00:00"', body))

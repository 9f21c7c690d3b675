"""What the site costs before anybody asks for anything, and what an upload adds."""

import statistics
import subprocess
import sys
import time

from . import client, processes
from .conversion import upload_request
from .rounds import Say
from .sites import ROOT, SITE, Shop, Site, environment, running
from .targets import Target

LARGE_BYTES = 100 * 1000 * 1000
_SETTLED_SECONDS = 5
_MB = 1024 * 1024


def of_start(shop: Shop, *, rounds: int) -> list[Target]:
    """Measure how long ``manage.py check`` and the web server take to be ready."""
    checks, ready = [], []
    for _ in range(rounds):
        checks.append(_check_seconds(shop))
        ready.append(_ready_seconds(shop))
    return [
        Target(
            "manage.py check", None, statistics.median(checks), at_most=1.0, unit=" s"
        ),
        Target(
            "web server started until it answers",
            None,
            statistics.median(ready),
            at_most=1.5,
            unit=" s",
        ),
    ]


def at_rest(site: Site, say: Say) -> list[Target]:
    """Measure the memory of all that ``make run`` started, and nobody uses."""
    time.sleep(_SETTLED_SECONDS)
    for pid in processes.tree(site.pid):
        say(f"{processes.pss_bytes([pid]) / _MB:7.1f} MB  {processes.command(pid)}")
    memory = processes.pss_bytes(processes.tree(site.pid))
    return [
        Target("memory of make run, idle", None, memory / _MB, at_most=250, unit=" MB")
    ]


def of_upload(site: Site) -> list[Target]:
    """Measure what the web processes grow by while a large file comes in."""
    head = b"ISO-10303-21;\nHEADER;\nENDSEC;\nDATA;\n/*"
    tail = b"*/\nENDSEC;\nEND-ISO-10303-21;\n"
    content = head + b"x" * (LARGE_BYTES - len(head) - len(tail)) + tail
    number = site.shop.ids[-1]
    # The first request and the first small upload load what every one needs.
    small = upload_request(site.shop, number, "small.step", head + b"small" + tail)
    for _ in range(10):
        client.load(site.address, [small] * 8)
    pids = processes.named(processes.tree(site.pid), "gunicorn")
    before = processes.resident_bytes(pids)
    processes.forget_peak(pids)
    large = upload_request(site.shop, number, "large.step", content)
    answer = client.ask(site.address, large)
    if answer.status != 201:
        raise RuntimeError(f"The large file was refused: {answer.body!r}")
    grown = processes.peak_bytes(pids) - before
    return [
        Target(
            f"web processes grow for a file of {LARGE_BYTES // 1_000_000} MB",
            None,
            grown / _MB,
            at_most=20,
            unit=" MB",
        )
    ]


def _check_seconds(shop: Shop) -> float:
    began = time.perf_counter()
    subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=environment(shop.variables),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - began


def _ready_seconds(shop: Shop) -> float:
    with running(SITE, shop, is_web_alone=True) as site:
        return site.ready_seconds

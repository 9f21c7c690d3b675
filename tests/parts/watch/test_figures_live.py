"""Figures of real web servers, whose processes count together."""

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import requests

from tests.running import serving_site

from .figures import read_figures

ADDRESS = "/metrics"
HERE = "127.0.0.1"


def test_requests_are_counted_over_all_processes_and_their_ends(shop):
    given = {"METRICS_ALLOW": HERE, "WEB_PROCESSES": "2", "API_READS_PER_MINUTE": "0"}
    with serving_site(shop, **given) as site:

        def ask(address: str, method: str = "GET", **headers: str) -> requests.Response:
            # A connection each, which either process may take.
            headers["Connection"] = "close"
            return requests.request(
                method, site.address + address, headers=headers, timeout=10
            )

        for _ in range(20):
            ask("/api/parts/?limit=1", **{"X-API-Key": site.key})
            ask("/account/login/")
        ask("/api/parts/stats")
        ask("/health", method="FOO")
        before = read_figures(ask(ADDRESS).text)
        status = "django_http_responses_total_by_status_view_method_total method=GET "
        of_keys = "partsite_reads_by_key_seconds_count status=200"
        assert before[of_keys] == 20
        assert before[status + "status=200 view=accounts:login"] == 20
        assert before[status + "status=401 view=api:part-stats"] == 1
        assert not any("FOO" in name for name in before)
        _end_a_web_process(shop)
        ask("/api/parts/?limit=1", **{"X-API-Key": site.key})
        after = read_figures(ask(ADDRESS).text)
        assert after[of_keys] == 21
        folder = _folder_of_figures(shop)
        # A process that took another's place counts in its files.
        names = sorted(re.sub(r"^\w+?_", "", path.name) for path in folder.iterdir())
        assert set(names) <= {"master.db", "0.db", "1.db"}
    assert not folder.exists()


def _processes(shop: Path) -> list[int]:
    """Return gunicorn's process of this shop, then those that it made."""
    found = subprocess.run(  # noqa: S603 - our own words
        ["/usr/bin/env", "pgrep", "-f", "gunicorn partsite.wsgi"],
        capture_output=True,
        text=True,
        check=True,
    )
    mine, processes = f"DATA_DIR={shop}".encode(), []
    for pid in map(int, found.stdout.split()):
        # Others' too, which may just be ending.
        with suppress(FileNotFoundError, ProcessLookupError):
            if mine in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                processes.append(pid)
    return processes


def _end_a_web_process(shop: Path) -> None:
    _master, *processes = _processes(shop)
    os.kill(processes[0], signal.SIGKILL)
    deadline = time.monotonic() + 20
    while len(now := _processes(shop)) < 3 or processes[0] in now:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _folder_of_figures(shop: Path) -> Path:
    master, *_processes_made = _processes(shop)
    maps = Path(f"/proc/{master}/maps").read_text()
    return Path(re.search(r"(/\S+/metrics-[^/\s]+)/\S+\.db", maps).group(1))

"""The tables of ``docs/performance.md``, each between marks of its own."""

import importlib.metadata
import math
import os
import platform
import re
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from .rounds import Results
from .sites import ROOT
from .targets import Target

PAGE = ROOT / "docs" / "performance.md"
_PACKAGES = ("Django", "djangorestframework", "gunicorn")


def machine(postgres_version: str | None = None) -> str:
    """Return one line on where and with what was measured, and when."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    versions = [
        f"Python {platform.python_version()}",
        *(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES),
        f"SQLite {sqlite3.sqlite_version}",
    ]
    if postgres_version:
        versions.append(f"PostgreSQL {postgres_version.split()[0]}")
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores of "
        f"{cpu[1] if cpu else platform.machine()}, "
        f"{int(memory[1]) / 1024**2:.0f} GB, Linux {platform.release()}{_system()}; "
        f"{', '.join(versions)}."
    )


def _system() -> str:
    """Return whose Python it may be, which may be a fifth faster than another's."""
    with suppress(OSError):
        return f", {platform.freedesktop_os_release()['PRETTY_NAME']}"
    return ""


def figures_tables(results: Results) -> str:
    """Return a table of all figures for each size."""
    blocks = []
    for size in sorted({cell.size for cell in results}):
        rows = []
        last = None
        for cell, found in results.items():
            if cell.size != size:
                continue
            rows.append(
                [
                    "" if cell.ask == last else cell.ask,
                    cell.kind,
                    _short(found.per_second),
                    *map(_short, (found.p50_ms, found.p95_ms, found.p99_ms)),
                    _short(found.cpu_ms),
                    str(found.errors),
                ]
            )
            last = cell.ask
        heads = [
            "request",
            "of",
            "per s",
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "CPU ms",
            "errors",
        ]
        blocks.append(f"**{_grouped(size)} parts**\n\n{table(heads, rows, left=2)}")
    return "\n\n".join(blocks)


def targets_table(targets: Iterable[Target]) -> str:
    rows = [
        [
            target.what,
            "" if target.size is None else _grouped(target.size),
            target.wanted,
            f"{_short(target.measured)}{target.unit}",
            "" if math.isnan(target.by_cpu) else f"{_short(target.by_cpu)} ×",
            "yes" if target.is_met else "**no**",
        ]
        for target in targets
    ]
    heads = ["target", "parts", "wanted", "measured", "by CPU", "met"]
    return table(heads, rows, left=1)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, left: int) -> str:
    """Return a Markdown table whose first columns are text and the others numbers."""
    line = ["---" if n < left else "---:" for n in range(len(heads))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, line, *rows))


def write(section: str, text: str, page: Path = PAGE) -> None:
    """Put ``text`` between the marks of ``section``, and leave all else as it is."""
    begin, end = f"<!-- bench: {section} -->", f"<!-- /bench: {section} -->"
    whole = page.read_text(encoding="utf-8")
    before, mark, rest = whole.partition(begin)
    _, end_mark, after = rest.partition(end)
    if not (mark and end_mark):
        raise ValueError(f"{page.name} has no marks of {section!r}.")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def _short(value: float) -> str:
    """Write three digits that count, no more."""
    if math.isnan(value):
        return "–"
    if value >= 100:
        return _grouped(round(value))
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", " ")

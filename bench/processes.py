"""What processes cost, as Linux counts it."""

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """Return ``root`` and all that came from it."""
    children = defaultdict(list)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _stat(int(folder.name))):
            children[int(fields[1])].append(int(folder.name))
    found = [root]
    for pid in found:
        found += children[pid]
    return found


def named(pids: Iterable[int], word: str) -> list[int]:
    """Keep those whose command line holds ``word``."""
    return [pid for pid in pids if word in command(pid)]


def command(pid: int) -> str:
    return _read(pid, "cmdline").replace("\0", " ").strip()


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the processor time of processes, and of their children that ended."""
    stats = filter(None, map(_stat, pids))
    return sum(sum(map(int, fields[11:15])) for fields in stats) / _TICKS


def pss_bytes(pids: Iterable[int]) -> int:
    """Return the memory that processes have, what they share counted once."""
    return sum(_kilobytes(_read(pid, "smaps_rollup"), "Pss:") for pid in pids) * 1024


def forget_peak(pids: Iterable[int]) -> None:
    """Have ``peak_bytes`` count from now on."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_bytes(pids: Iterable[int]) -> int:
    """Return the sum of the most memory that each has had resident."""
    return sum(_kilobytes(_read(pid, "status"), "VmHWM:") for pid in pids) * 1024


def resident_bytes(pids: Iterable[int]) -> int:
    return sum(_kilobytes(_read(pid, "status"), "VmRSS:") for pid in pids) * 1024


def _kilobytes(text: str, name: str) -> int:
    lines = [line for line in text.splitlines() if line.startswith(name)]
    return int(lines[0].split()[1]) if lines else 0


def _stat(pid: int) -> list[str]:
    """Return the fields of ``/proc/…/stat`` from the third, the state, on."""
    return _read(pid, "stat").rpartition(")")[2].split()


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""  # it has ended

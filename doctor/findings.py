"""What is said of an installation."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad it is; the number is the command's exit status."""

    WARNING = 1
    PROBLEM = 2


@dataclass(frozen=True)
class Finding:
    """What is wrong, and what to do."""

    level: Level
    what: str
    do: str


Findings = Iterator[Finding]


def problem(what: str, do: str) -> Finding:
    return Finding(Level.PROBLEM, what, do)


def warning(what: str, do: str) -> Finding:
    return Finding(Level.WARNING, what, do)

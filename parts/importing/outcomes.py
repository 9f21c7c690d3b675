"""What became of each part, file and picture."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    LEFT = "left"
    REFUSED = "refused"


class Subject(StrEnum):
    PART = "part"
    FILE = "file"
    PICTURE = "picture"


@dataclass(frozen=True)
class Line:
    """One line of the report, on ``count`` things that fared the same.

    ``part_id`` is as the other server has it.
    """

    subject: Subject
    part_id: str
    name: str
    outcome: Outcome
    reasons: tuple[str, ...] = ()
    count: int = 1

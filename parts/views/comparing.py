"""Two revisions of a part side by side."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from parts.models import Kind, Part, PartFile
from parts.revisions import Measure, Row, compare

BULK = {Measure.VOLUME, Measure.AREA}

_PAIR = re.compile(r"(\d{1,9})-(\d{1,9})")


@dataclass(frozen=True)
class Comparison:
    """What differs from ``before`` to ``after``, out of ``revisions``, newest first.

    ``is_asked`` tells that somebody chose the two, ``is_since_claim`` that whoever
    has the part took it for ``before``.
    """

    before: PartFile
    after: PartFile
    revisions: Sequence[PartFile]
    is_asked: bool = False
    is_since_claim: bool = False

    @property
    def address(self) -> str:
        """What the part's address is followed by to show these two."""
        return f"?compare={self.before.revision}-{self.after.revision}"

    @property
    def newest(self) -> PartFile:
        return self.revisions[0]

    @property
    def is_same_file(self) -> bool:
        return self.before.sha256 == self.after.sha256

    @property
    def unmeasured(self) -> list[PartFile]:
        return [file for file in (self.before, self.after) if not file.facts]

    @cached_property
    def rows(self) -> list[Row]:
        if self.unmeasured:
            return []
        return compare(self.before.facts, self.after.facts)

    @property
    def changed(self) -> list[Row]:
        return [row for row in self.rows if row.is_changed]

    @property
    def telling(self) -> list[Row]:
        """What changed, without what follows from it."""
        return [row for row in self.changed if row.measure not in BULK] or self.changed

    @property
    def older(self) -> list[PartFile]:
        """The revisions that may take the place of ``before``."""
        return [file for file in self.revisions if file.pk != self.after.pk]

    @property
    def newer(self) -> list[PartFile]:
        return [file for file in self.revisions if file.pk != self.before.pk]


def comparison(
    part: Part, files: Sequence[PartFile], asked: str = ""
) -> Comparison | None:
    """Compare the two revisions that are asked for, as "1-3".

    By default it is the newest with the one that its holder took, if that is
    outdated, and else with the one before. None if there is but one.
    """
    steps = sorted(
        (file for file in files if file.kind == Kind.STEP),
        key=lambda file: file.revision,
        reverse=True,
    )
    by_number = {file.revision: file for file in steps}
    if match := _PAIR.fullmatch(asked):
        pair = [by_number.get(int(number)) for number in match.groups()]
        if None not in pair and pair[0] != pair[1]:
            return Comparison(*pair, steps, is_asked=True)
    if len(steps) < 2:
        return None
    newest, previous, *_ = steps
    taken = by_number.get(part.claimed_revision) if part.is_outdated else None
    if taken and taken != newest:
        return Comparison(taken, newest, steps, is_since_claim=True)
    return Comparison(previous, newest, steps)

"""What differs between two revisions of a part, read from their measures.

How finely two measures can be told apart follows from how they are taken: what is
read from exact surfaces (thickness, holes) to 0.005 mm, a box to 0.05 mm, and an
area or volume, which are the mesh's, to a share of themselves.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isclose
from typing import Any

Facts = Mapping[str, Any]

SAME_MM = 0.005
SAME_BOX_MM = 0.05
SAME_SHARE = 0.0005
SAME_SHARE_OPEN = 0.01  # of a mesh that is not closed, everything is about
RESIZED_SHARE = 0.35  # beyond it, one hole was closed and another one drilled


class Measure(StrEnum):
    """What is compared, in the order in which it is told."""

    BOX = "box"
    THICKNESS = "thickness"
    HOLES = "holes"
    VOLUME = "volume"
    AREA = "area"
    SOLIDS = "solids"
    ITEM = "item"


@dataclass(frozen=True)
class Holes:
    """So many holes of one diameter."""

    count: int
    diameter_mm: float


@dataclass(frozen=True)
class Row:
    """One measure of both revisions, None where one of them does not have it.

    A box is a tuple of its sides in mm, holes are ``Holes``, an item of the part
    list, called ``name``, and solids are counts, all else is a number in mm, mm²
    or mm³.
    """

    measure: Measure
    before: Any
    after: Any
    is_changed: bool
    name: str = ""

    @property
    def change(self) -> Any:
        """The difference in the measure's own unit; None if it has none."""
        if not self.is_changed or self.before is None or self.after is None:
            return None
        if self.measure == Measure.BOX:
            if len(self.before) != len(self.after):
                return None
            return tuple(_rounded(a - b) for b, a in self._sides)
        if self.measure == Measure.HOLES:
            if self.is_resized:
                return _rounded(self.after.diameter_mm - self.before.diameter_mm)
            return self.after.count - self.before.count
        return _rounded(self.after - self.before)

    @property
    def is_resized(self) -> bool:
        """Whether as many holes have another diameter now."""
        return (
            self.measure == Measure.HOLES
            and None not in (self.before, self.after)
            and self.before.count == self.after.count
        )

    @property
    def _sides(self) -> Iterable[tuple[float, float]]:
        return zip(self.before, self.after, strict=True)


def compare(before: Facts, after: Facts) -> list[Row]:
    """Return row by row what the two revisions measure; what neither has is left out.

    Measures cannot tell that a feature has moved, nor left from right.
    """
    rows = [
        _box(before, after),
        _number(Measure.THICKNESS, "thickness_mm", before, after, tolerance=SAME_MM),
        *_holes(_sizes(before), _sizes(after)),
        _number(
            Measure.VOLUME, "volume_mm3", before, after, share=_share(before, after)
        ),
        _number(Measure.AREA, "area_mm2", before, after, share=_share(before, after)),
        _number(Measure.SOLIDS, "solids", before, after),
        *_items(before, after),
    ]
    return [row for row in rows if row is not None]


def _share(before: Facts, after: Facts) -> float:
    are_closed = before.get("closed") and after.get("closed")
    return SAME_SHARE if are_closed else SAME_SHARE_OPEN


def _box(before: Facts, after: Facts) -> Row | None:
    one, other = (tuple(facts.get("box_mm") or ()) or None for facts in (before, after))
    if one is None and other is None:
        return None
    is_same = (
        None not in (one, other)
        and len(one) == len(other)
        and all(
            isclose(b, a, rel_tol=0, abs_tol=SAME_BOX_MM)
            for b, a in zip(one, other, strict=True)
        )
    )
    return Row(Measure.BOX, one, other, not is_same)


def _number(
    measure: Measure,
    key: str,
    before: Facts,
    after: Facts,
    *,
    tolerance: float = 0,
    share: float = 0,
) -> Row | None:
    one, other = before.get(key), after.get(key)
    if one is None and other is None:
        return None
    is_same = None not in (one, other) and isclose(
        one, other, rel_tol=share, abs_tol=tolerance
    )
    return Row(measure, one, other, not is_same)


def _sizes(facts: Facts) -> list[Holes]:
    holes = [Holes(h["count"], h["diameter_mm"]) for h in facts.get("holes") or []]
    return sorted(holes, key=lambda holes: holes.diameter_mm)


def _holes(before: Sequence[Holes], after: Sequence[Holes]) -> list[Row]:
    """Pair holes of one diameter, then as many holes of the next diameter.

    What is left was closed or drilled.
    """
    pairs, gone, new = _of_one_diameter(before, after)
    resized = _resized(gone, new)
    rows = [(b, a, b.count != a.count) for b, a in pairs]
    rows += [(b, a, True) for b, a in resized]
    rows += [(b, None, True) for b in gone if b not in {b for b, _ in resized}]
    rows += [(None, a, True) for a in new if a not in {a for _, a in resized}]
    rows.sort(key=lambda row: (row[1] or row[0]).diameter_mm)
    return [Row(Measure.HOLES, *row) for row in rows]


def _of_one_diameter(
    before: Sequence[Holes], after: Sequence[Holes]
) -> tuple[list[tuple[Holes, Holes]], list[Holes], list[Holes]]:
    pairs, gone, new = [], [], list(after)
    for holes in before:
        nearest = _nearest(holes, new)
        if nearest and _apart(holes, nearest) <= SAME_MM:
            pairs.append((holes, nearest))
            new.remove(nearest)
        else:
            gone.append(holes)
    return pairs, gone, new


def _resized(gone: Sequence[Holes], new: Sequence[Holes]) -> list[tuple[Holes, Holes]]:
    """Pair as many holes with as many of another diameter, the nearest first."""
    near = sorted(
        (
            (_apart(b, a), b, a)
            for b in gone
            for a in new
            if b.count == a.count
            and _apart(b, a) <= RESIZED_SHARE * max(b.diameter_mm, a.diameter_mm)
        ),
        key=lambda found: found[0],
    )
    pairs: list[tuple[Holes, Holes]] = []
    for _, b, a in near:
        if not any(b is one or a is other for one, other in pairs):
            pairs.append((b, a))
    return pairs


def _nearest(holes: Holes, others: Sequence[Holes]) -> Holes | None:
    return min(others, key=lambda other: _apart(holes, other), default=None)


def _apart(one: Holes, other: Holes) -> float:
    # The measures have four decimals; their difference has more by accident.
    return _rounded(abs(one.diameter_mm - other.diameter_mm))


def _items(before: Facts, after: Facts) -> list[Row]:
    """Compare part lists, unless neither is one of an assembly."""
    lists = [_counted(facts) for facts in (before, after)]
    if all(sum(items.values()) <= 1 for items in lists):
        return []
    one, other = lists
    return [
        Row(Measure.ITEM, b, a, b != a, name)
        for name in dict.fromkeys([*one, *other])
        for b, a in [(one.get(name), other.get(name))]
    ]


def _counted(facts: Facts) -> Counter[str]:
    items: Counter[str] = Counter()
    for item in facts.get("items") or []:
        items[item["name"]] += item["count"]
    return items


def _rounded(value: float) -> float:
    return round(value, 4)

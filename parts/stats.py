"""Counts, times and scores over all parts, as the API tells them."""

from collections import Counter
from typing import Any

from . import tallies
from .models import Category, Status, Type

# The names are those of the wire.
CLASSES = ("< 1 hour", "1-4 hours", "4-8 hours", "8-24 hours", "> 24 hours")
_MICROSECONDS_OF_HOUR = 3_600_000_000


def counts() -> dict[str, Any]:
    """Count parts by category, by status, and by whether somebody has them."""
    names = {
        Status.PENDING: "pending",
        Status.IN_PROGRESS: "in_progress",
        Status.COMPLETED: "completed",
    }
    by_category = dict.fromkeys(Category.values, 0)
    by_status = dict.fromkeys(names.values(), 0)
    assigned = unassigned = 0
    standing = tallies.standing("category", "status", "has_holder")
    for (category, status, has_holder), tally in standing.items():
        by_category[category] += tally.parts
        if status in names:
            by_status[names[status]] += tally.parts
        if has_holder:
            assigned += tally.parts
        else:
            unassigned += tally.parts
    return {
        "by_category": by_category,
        "by_status": by_status,
        "assignment": {"assigned": assigned, "unassigned": unassigned},
        "total": assigned + unassigned,
    }


def pieces() -> dict[str, Any]:
    """Count pieces, and the hours from claim to completion, weighted by pieces."""
    by_category = dict.fromkeys(Category.values, 0)
    by_type = dict.fromkeys(Type.values, 0)
    by_class = dict.fromkeys(CLASSES, 0)
    in_progress = timed = 0
    microseconds = 0.0
    standing = tallies.standing("category", "status", "type", "took")
    for (category, status, type_, took), tally in standing.items():
        by_category[category] += tally.pieces
        if type_:
            by_type[type_] += tally.pieces
        if status == Status.IN_PROGRESS:
            in_progress += tally.pieces
        if took:
            by_class[CLASSES[took - 1]] += tally.pieces
            timed += tally.pieces
            microseconds += tally.microseconds
    hours = microseconds / _MICROSECONDS_OF_HOUR
    return {
        "total_parts": sum(by_category.values()),
        "completed_parts": by_category[Category.COMPLETED],
        "in_progress_parts": in_progress,
        "average_completion_time": round(hours / timed, 2) if timed else None,
        "completion_time_distribution": by_class,
        "by_type": by_type,
        "by_category": by_category,
        "top_contributors": _top_contributors(5),
    }


def scores() -> list[dict[str, Any]]:
    """Rank people by the completed parts they worked on, best first.

    Whoever had a part at the end gets 1 point, or loses 1 if it was made wrong;
    everybody else who had worked on it gets 0.5. Each counts once for a part.
    """
    ranked = sorted(
        tallies.credits(), key=lambda credit: (-credit.points, credit.name.casefold())
    )
    return [{"name": credit.name, "score": credit.points} for credit in ranked]


def _top_contributors(count: int) -> list[dict[str, Any]]:
    """Return who has finished most pieces."""
    finished = tallies.words("assigned", categories=[Category.COMPLETED])
    pieces: Counter[str] = Counter()
    spelt: dict[str, str] = {}
    for name, uses in sorted(finished["assigned"].items()):
        pieces[name.casefold()] += uses.pieces
        spelt[name.casefold()] = name
    ranked = sorted(pieces.items(), key=lambda item: (-item[1], item[0]))
    return [{"name": spelt[name], "count": number} for name, number in ranked[:count]]

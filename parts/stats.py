"""Counts, times and scores over all parts: aggregates, read-only."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, F, Q, Sum

from .models import Category, Part, PartEvent, Status, Type, Verb

# The names are those of the wire.
CLASSES = ("< 1 hour", "1-4 hours", "4-8 hours", "8-24 hours", "> 24 hours")
_SECONDS_OF_HOUR = 3600
_MADE, _MADE_WRONG, _HELPED = 1.0, -1.0, 0.5


def counts() -> dict[str, Any]:
    """Count parts by category, by status, and by whether somebody has them."""
    by_status = {
        "pending": Status.PENDING,
        "in_progress": Status.IN_PROGRESS,
        "completed": Status.COMPLETED,
    }
    row = Part.objects.live().aggregate(
        total=Count("pk"),
        assigned=Count("pk", filter=~Q(assigned="")),
        **{f"in_{c}": Count("pk", filter=Q(category=c)) for c in Category.values},
        **{f"is_{k}": Count("pk", filter=Q(status=s)) for k, s in by_status.items()},
    )
    return {
        "by_category": {c: row[f"in_{c}"] for c in Category.values},
        "by_status": {name: row[f"is_{name}"] for name in by_status},
        "assignment": {
            "assigned": row["assigned"],
            "unassigned": row["total"] - row["assigned"],
        },
        "total": row["total"],
    }


def pieces() -> dict[str, Any]:
    """Count pieces, and the hours from claim to completion, weighted by pieces."""
    row = Part.objects.live().aggregate(
        total=_pieces(Q()),
        completed=_pieces(Q(category=Category.COMPLETED)),
        in_progress=_pieces(Q(status=Status.IN_PROGRESS)),
        **{f"of_{t}": _pieces(Q(type=t)) for t in Type.values},
        **{f"in_{c}": _pieces(Q(category=c)) for c in Category.values},
    )
    average_hours, by_class = _completion_times()
    return {
        "total_parts": row["total"],
        "completed_parts": row["completed"],
        "in_progress_parts": row["in_progress"],
        "average_completion_time": average_hours,
        "completion_time_distribution": by_class,
        "by_type": {t: row[f"of_{t}"] for t in Type.values},
        "by_category": {c: row[f"in_{c}"] for c in Category.values},
        "top_contributors": _top_contributors(5),
    }


def scores() -> list[dict[str, Any]]:
    """Rank people by the completed parts they worked on, best first.

    Whoever had a part at the end gets 1 point, or loses 1 if it was made wrong;
    everybody else who had worked on it gets 0.5. Each counts once for a part.
    """
    completed = Part.objects.on_board(Category.COMPLETED)
    ends = {}
    worked: dict[int, set[str]] = {}
    rows = completed.values_list(
        "pk", "assigned", "completed_incorrectly", "extra__handWorkers"
    )
    for pk, last, is_wrong, hand_workers in rows:
        ends[pk] = (last, is_wrong)
        worked[pk] = {worker["name"] for worker in hand_workers or []}
    for pk, pair in _claims():
        worked.setdefault(pk, set()).update(name for name in pair if name)
    points: Counter[str] = Counter()
    spelt: dict[str, str] = {}
    for pk, (last, is_wrong) in ends.items():
        names = {name.casefold(): name for name in sorted(worked[pk])}
        if last:
            names[last.casefold()] = last
        spelt |= names
        for name in names:
            points[name] += _HELPED
        if last:
            end = _MADE_WRONG if is_wrong else _MADE
            points[last.casefold()] += end - _HELPED
    ranked = sorted(points.items(), key=lambda item: (-item[1], item[0]))
    return [{"name": spelt[name], "score": score} for name, score in ranked]


def _claims() -> Iterator[tuple[int, list[str]]]:
    """List part and ``[before, after]`` of every change of holder, if completed."""
    events = PartEvent.objects.filter(
        verb__in=[Verb.ASSIGNED, Verb.UNCLAIMED],
        part__category=Category.COMPLETED,
        part__deleted_at=None,
        changes__assigned__isnull=False,
    )
    return events.values_list("part_id", "changes__assigned").iterator()


def _pieces(where: Q) -> Sum:
    return Sum("amount", filter=where, default=0)


def _completion_times() -> tuple[float | None, dict[str, int]]:
    timed = Part.objects.on_board(Category.COMPLETED).filter(
        claimed_date__isnull=False, completed_at__gte=F("claimed_date")
    )
    took = ExpressionWrapper(
        F("completed_at") - F("claimed_date"), output_field=DurationField()
    )
    by_class = dict.fromkeys(CLASSES, 0)
    seconds = amounts = 0
    rows = timed.annotate(took=took).values_list("took", "amount").iterator()
    for took, amount in rows:
        hours = took.total_seconds() / _SECONDS_OF_HOUR
        seconds += took.total_seconds() * amount
        amounts += amount
        by_class[_class_of(hours)] += amount
    if not amounts:
        return None, by_class
    return round(seconds / amounts / _SECONDS_OF_HOUR, 2), by_class


def _class_of(hours: float) -> str:
    return CLASSES[bisect_right((1, 4, 8), hours) + (hours > 24)]


def _top_contributors(count: int) -> list[dict[str, Any]]:
    """Return who has finished most pieces."""
    finished = Part.objects.on_board(Category.COMPLETED).exclude(assigned="")
    rows = finished.order_by().values("assigned").annotate(count=Sum("amount"))
    pieces: Counter[str] = Counter()
    spelt: dict[str, str] = {}
    for row in rows.order_by("assigned"):
        pieces[row["assigned"].casefold()] += row["count"]
        spelt[row["assigned"].casefold()] = row["assigned"]
    ranked = sorted(pieces.items(), key=lambda item: (-item[1], item[0]))
    return [{"name": spelt[name], "count": number} for name, number in ranked[:count]]

"""The lists of what waits: the first parts of each, and how many there are.

Home reads up to eight of them at a time, in one statement that is written once.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple

from django.db import connection
from django.db.models import BigIntegerField, DateField, DateTimeField, F
from django.utils import timezone

from accounts.models import User
from partsite.compiled import AnyCaseField, Slot, Statement

from .models import Part, PartEvent
from .querysets import HELD_TOO_LONG, PartQuerySet

RECENT = timedelta(days=7)

_USER = Slot("user", BigIntegerField())
_NAME = Slot("name", AnyCaseField())
_TODAY = Slot("today", DateField())
_TOO_LONG_AGO = Slot("too_long_ago", DateTimeField())
_RECENTLY = Slot("recently", DateTimeField())


class _List(NamedTuple):
    parts: Callable[[PartQuerySet], PartQuerySet]
    # SQLite, which knows nothing of how many there are, would take another.
    index: str
    index_of_files: str = ""


_LISTS = {
    "review": _List(
        lambda parts: parts.in_review().order_by("created_at", "id"), "part_in_review"
    ),
    "handed-in": _List(
        lambda parts: (
            parts.in_review()
            .filter(pk__in=PartEvent.objects.parts_handed_in_by(_USER))
            .order_by("created_at", "id")
        ),
        "part_in_review",
    ),
    "sent-back": _List(
        lambda parts: (
            parts.sent_back().handed_in_by(_USER).order_by("updated_at", "id")
        ),
        "part_lane",
    ),
    "mine": _List(
        lambda parts: parts.in_shop().held_by(_NAME).in_holders_order(), "part_held"
    ),
    "held": _List(
        lambda parts: parts.held().order_by(
            F("claimed_date").desc(nulls_last=True), "id"
        ),
        "part_held",
    ),
    "held-too-long": _List(
        lambda parts: parts.held_too_long(_TOO_LONG_AGO).order_by("claimed_date", "id"),
        "part_held",
    ),
    "overdue": _List(
        lambda parts: parts.overdue(_TODAY).order_by("due_date", "id"), "part_overdue"
    ),
    "not-converted": _List(
        lambda parts: parts.not_converted().order_by("created_at", "id"),
        "part_of_step",
        "partfile_failed",
    ),
    "blocked": _List(lambda parts: parts.blocked().in_queue_order(), "part_lane"),
    "ready": _List(lambda parts: parts.ready().in_queue_order(), "part_ready"),
    "finished": _List(
        lambda parts: parts.finished_since(_RECENTLY).in_finish_order(),
        "part_finished",
    ),
}


class Waiting(NamedTuple):
    """The first parts of a list, by their ids, and how many it has."""

    ids: list[int]
    total: int


def read(
    names: Sequence[str], user: User, *, lanes: Sequence[str], most: int
) -> list[Waiting]:
    """Read these lists as ``user`` has them, without archived seasons, in one query.

    Args:
        lanes: of what is ready.
        most: how many parts of each.
    """
    now = timezone.now()
    rows = _statement(tuple(names), tuple(lanes), most).rows(
        user=user.pk,
        name=user.worker_name,
        today=timezone.localdate(),
        too_long_ago=now - HELD_TOO_LONG,
        recently=now - RECENT,
    )
    heads: list[list[tuple[int, int]]] = [[] for _ in names]
    totals = [0] * len(names)
    for number, place, value in rows:
        if place:
            heads[number].append((place, value))
        else:
            totals[number] = value
    return [
        Waiting([pk for _place, pk in sorted(head)], total)
        for head, total in zip(heads, totals, strict=True)
    ]


@lru_cache(maxsize=100)
def _statement(names: tuple[str, ...], lanes: tuple[str, ...], most: int) -> Statement:
    """Return what lists number and place of each part, and in place 0 the total."""
    selects, params = [], []
    for number, name in enumerate(names):
        listed = _LISTS[name]
        parts = listed.parts(Part.objects).of_kept_seasons()
        if name == "ready":
            parts = parts.filter(category__in=lanes)
        for start, query in (
            ("row_number() OVER (), p.*", parts.values("pk")[:most]),
            ("0, count(*)", parts.order_by().values("pk")),
        ):
            sql, values = query.query.sql_with_params()
            if connection.vendor == "sqlite":
                sql = _read_by(listed, sql)
            # A sorted, cut one in FROM: SQLite takes none of its own in UNION.
            selects.append(f"SELECT {number}, {start} FROM ({sql}) p")
            params += values
    return Statement.spelt_out(" UNION ALL ".join(selects), params, Part.objects.db)


def _read_by(listed: _List, sql: str) -> str:
    """Name the index by which SQLite is to read the list."""
    parts, files = 'FROM "parts"', 'JOIN "parts_partfile"'
    sql = sql.replace(parts, f"{parts} INDEXED BY {listed.index}", 1)
    if listed.index_of_files:
        sql = sql.replace(files, f"{files} INDEXED BY {listed.index_of_files}", 1)
    return sql

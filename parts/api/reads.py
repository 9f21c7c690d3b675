"""What is read with a key: one part, lists, sums.

A wrong word, or a part that is not there, is left to the views to refuse.
"""

import hashlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from http import HTTPStatus
from typing import Any

import orjson
from django.conf import settings
from django.http import QueryDict
from django.urls import get_script_prefix
from django.utils.http import parse_etags
from rest_framework.exceptions import ValidationError

from accounts import keys
from accounts.models import ApiKey
from parts import stats, tallies
from parts.filters import PartFilter, sort
from parts.models import SORTABLE, Category, Part
from parts.querysets import PartQuerySet
from partsite.seen import ALONE, LISTS, Shown, State, memory
from partsite.shelf import shelf

from . import throttling
from .pagination import MOST, asked
from .plain import Answer, Plain
from .rows import Rows, Statement
from .serializers import PartDetailSerializer, PartSerializer

logger = logging.getLogger(__name__)

WAYS = re.compile(
    r"/api/parts(?:/(?P<pk>[0-9]{1,18})|/categories/(?P<category>[a-z]+)"
    r"|/(?P<sums>stats|stats/detailed|leaderboard))?/?"
)
_METHODS_OF_PART = "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
_METHODS_OF_LIST = "GET, POST, HEAD, OPTIONS"
_ONLY_READ = "GET, HEAD, OPTIONS"


def answer(asked: Plain) -> tuple[ApiKey, Answer] | None:
    """Read what is asked for; None leaves it to the views.

    As long as nobody writes what is shown, nothing that was read is read again.
    """
    found = _read(asked)
    if found is None:
        return None
    key, made = found
    headers = [("ETag", made.etag)]
    if (known := asked.environ.get("HTTP_IF_NONE_MATCH")) and _is_known(
        made.etag, known
    ):
        return key, Answer(HTTPStatus.NOT_MODIFIED, headers, b"")
    headers.append(("Allow", made.methods))
    return key, Answer(HTTPStatus.OK, headers, made.content)


# --- Answers ------------------------------------------------------------------


@dataclass(frozen=True)
class _Made:
    """An answer's own part: what it says, and what its address can do."""

    content: bytes
    etag: str
    methods: str


def _is_known(etag: str, if_none_match: str) -> bool:
    known = parse_etags(if_none_match)
    return known == ["*"] or etag in (text.removeprefix("W/") for text in known)


def _read(asked: Plain) -> tuple[ApiKey, _Made] | None:
    found = keys.find_to_read(asked.key_text)
    if found is None:
        return None
    key, shown = found
    way = asked.way
    kind, state = _state(way, shown)
    question = (way[0], asked.query, get_script_prefix())
    made, plan = _found(question, state, kind), None
    if made is None and (plan := _plan(way, asked.params)) is None:
        return None
    # A refused request costs nothing, so the views may count it once more.
    if throttling.wait_seconds(key, "reads"):
        return None
    if plan is not None:
        methods, read = plan
        content = read()
        # Half the price of the MD5 that Django takes.
        digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        made = _Made(content, f'"{digest}"', methods)
        _keep(question, made, state, kind)
    return key, made


def _state(way: re.Match, shown: Shown) -> tuple[str, State]:
    """Return the state that an answer stands for, and the name of its kind."""
    if way["pk"]:
        return ALONE, shown.alone
    if way["sums"]:
        return "sums", shown.parts
    if category := way["category"]:
        return f"{LISTS} {category}", shown.of_category(category)
    return LISTS, shown.lists


def _found(question: tuple[str, ...], state: State, kind: str) -> _Made | None:
    """Return what was made before, in this process or in another."""
    made = memory.find(question, state, kind)
    if made is None and state is not None:
        if (told := shelf.find(_label(question, state, kind))) is None:
            return None
        etag, methods, content = told.split(b"\n", 2)
        made = _Made(content, etag.decode(), methods.decode())
        memory.keep(question, made, len(content), state, kind)
    return made


def _keep(question: tuple[str, ...], made: _Made, state: State, kind: str) -> None:
    memory.keep(question, made, len(made.content), state, kind)
    if state is not None and settings.REMEMBERED_BYTES:
        head = f"{made.etag}\n{made.methods}\n".encode()
        shelf.put(_label(question, state, kind), head + made.content)


def _label(question: tuple[str, ...], state: State, kind: str) -> bytes:
    return repr((kind, state, question)).encode("utf-8", "backslashreplace")


# --- What is read -------------------------------------------------------------

Plan = tuple[str, Callable[[], bytes]]


def _plan(way: re.Match, params: QueryDict) -> Plan | None:
    """Return what an address can do, and what reads it."""
    if way["pk"]:
        read = _part(int(way["pk"]))
        return read and (_METHODS_OF_PART, read)
    if way["sums"]:
        return _ONLY_READ, partial(_summed, _SUMS[way["sums"]])
    read = _list(params, way["category"])
    return read and (_ONLY_READ if way["category"] else _METHODS_OF_LIST, read)


_SUMS: dict[str, Callable[[], Any]] = {
    "stats": stats.counts,
    "stats/detailed": stats.pieces,
    "leaderboard": lambda: {"leaderboard": stats.scores()},
}


def _summed(make: Callable[[], Any]) -> bytes:
    return orjson.dumps(make())


def _part(number: int) -> Callable[[], bytes] | None:
    sql, _values = _statement_of_part()
    found = _PART.read((sql, (number,)))
    return found[0].encode if found else None


@cache
def _statement_of_part() -> Statement:
    return _PART.statement(Part.objects.live().filter(pk=0))


def _list(params: QueryDict, category: str | None) -> Callable[[], bytes] | None:
    try:
        limit, offset = asked(params)
    except ValidationError:
        return None
    if offset > MOST or (limit or 0) > MOST:
        return None
    filters = {name for name in PartFilter.base_filters if params.get(name)}
    if filters == {"category"} and category is None:
        category, filters = params["category"], set()
    if category is not None and category not in Category.values:
        return None
    by = params.get("sort_by")
    sorting = (
        by if by in SORTABLE else "created_at",
        "asc" if params.get("sort_order") == "asc" else "desc",
    )
    if not filters:
        statement = _statement_of_list(category, *sorting, limit, offset)
        count = partial(tallies.live_parts, *([category] if category else []))
    else:
        found = PartFilter(params, queryset=_parts(category), request=None)
        if not found.is_valid():
            return None
        statement = _LIST.statement(_page(found.qs, *sorting, limit, offset))
        count = found.qs.count

    def read() -> bytes:
        parts = _LIST.read(statement)
        total = len(parts) if limit is None and not offset else count()
        shown = "null" if limit is None else limit
        return (
            f'{{"parts":[{",".join(parts)}],'
            f'"total":{total},"limit":{shown},"offset":{offset}}}'
        ).encode()

    return read


# Writing the statement takes as long as running it (0.4 ms, measured), and clients
# ask for the same few pages.
@lru_cache(maxsize=500)
def _statement_of_list(
    category: str | None, by: str, order: str, limit: int | None, offset: int
) -> Statement | None:
    return _LIST.statement(_page(_parts(category), by, order, limit, offset))


def _page(
    parts: PartQuerySet, by: str, order: str, limit: int | None, offset: int
) -> PartQuerySet:
    parts = sort(parts, by, order)
    if not offset:
        return parts if limit is None else parts[:limit]
    return parts.cut(offset, None if limit is None else offset + limit)


def _parts(category: str | None) -> PartQuerySet:
    return Part.objects.on_board(category) if category else Part.objects.live()


_LIST = Rows(PartSerializer(), Part)
_PART = Rows(PartDetailSerializer(), Part)

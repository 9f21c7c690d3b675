"""Reading parts with a key, as scripts and front ends do all day.

A GET with a good key is answered here, before sessions, languages, forms and REST
framework have had their turn, which cost ten times what the reading does (measured).
Whatever is not as plain as that goes on to the views: a wrong key, a wrong word, a
part that is not there, HTML. So nothing is refused here.
"""

import hashlib
import re
from collections.abc import Callable
from functools import cache, lru_cache, partial

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.cache import get_conditional_response
from rest_framework.exceptions import ValidationError

from accounts import keys
from accounts.authentication import carried_before_body
from parts import tallies
from parts.filters import PartFilter, sort
from parts.models import SORTABLE, Category, Part
from parts.querysets import PartQuerySet

from . import throttling
from .pagination import MOST, asked
from .rows import Rows, Statement
from .serializers import PartDetailSerializer, PartSerializer
from .wire import NOT_WITHOUT_ASKING

_PATH = re.compile(
    r"/api/parts(?:/(?P<pk>[0-9]{1,18})|/categories/(?P<category>[a-z]+))?/?"
)
_METHODS_OF_PART = "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
_METHODS_OF_LIST = "GET, POST, HEAD, OPTIONS"
_METHODS_OF_CATEGORY = "GET, HEAD, OPTIONS"


class KeyReads:
    """The middleware; stands before all that a key has no need of."""

    def __init__(self, get_response: Callable) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return _answer(request) or self._get_response(request)


def _answer(request: HttpRequest) -> HttpResponse | None:
    """Answer a plain read; None for everything else."""
    if request.method != "GET" or not (way := _PATH.fullmatch(request.path_info)):
        return None
    text = carried_before_body(request)
    if text is None or not _wants_plain_json(request):
        return None
    try:
        key = keys.find(text)
        if key is None:
            return None
        if way["pk"]:
            methods, read = _METHODS_OF_PART, _part(int(way["pk"]))
        else:
            methods = _METHODS_OF_CATEGORY if way["category"] else _METHODS_OF_LIST
            read = _list(request.GET, way["category"])
        # A refused request costs nothing, so the views may count it once more.
        if read is None or throttling.wait_seconds(key, "reads"):
            return None
        content = read().encode()
    except DatabaseError:
        return None  # the views fail too, and say so
    # Half the price of the MD5 that Django takes.
    digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "ETag": f'"{digest}"',
        "Vary": "Accept, X-API-Key",
        "Allow": methods,
        "Cache-Control": NOT_WITHOUT_ASKING,
    }
    return get_conditional_response(
        request, etag=headers["ETag"], response=HttpResponse(content, headers=headers)
    )


def _wants_plain_json(request: HttpRequest) -> bool:
    accepts = request.META.get("HTTP_ACCEPT", "")
    return not ("text/" in accepts or "indent" in accepts or "format" in request.GET)


# --- One part -----------------------------------------------------------------


def _part(number: int) -> Callable[[], str] | None:
    sql, _values = _statement_of_part()
    found = _PART.read((sql, (number,)))
    return found.pop if found else None


@cache
def _statement_of_part() -> Statement:
    return _PART.statement(Part.objects.live().filter(pk=0))


# --- Lists --------------------------------------------------------------------


def _list(params: QueryDict, category: str | None) -> Callable[[], str] | None:
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

    def read() -> str:
        parts = _LIST.read(statement)
        total = len(parts) if limit is None and not offset else count()
        shown = "null" if limit is None else limit
        return (
            f'{{"parts":[{",".join(parts)}],'
            f'"total":{total},"limit":{shown},"offset":{offset}}}'
        )

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

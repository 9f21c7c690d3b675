"""Reading parts with a key, as scripts and front ends do all day.

A GET with a good key is answered here, before Django has had its turn, which cost ten
times what the reading does (measured). Whatever is not as plain as that goes on to
the views: a wrong key, a wrong word, a part that is not there, HTML. So nothing is
refused here. And as long as nobody writes, nothing that was read before is read again.
"""

import hashlib
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from http import HTTPStatus
from typing import Any

import orjson
from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import get_script_name
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.http import QueryDict
from django.urls import get_script_prefix, set_script_prefix
from django.utils.http import parse_etags
from rest_framework.exceptions import ValidationError

from accounts import keys
from accounts.models import ApiKey
from parts import stats, tallies
from parts.filters import PartFilter, sort
from parts.models import SORTABLE, Category, Part
from parts.querysets import PartQuerySet
from partsite import outage, requestlog
from partsite.seen import State
from partsite.surroundings import Headers, Surroundings

from . import throttling
from .exceptions import told
from .pagination import MOST, asked
from .rows import Rows, Statement
from .serializers import PartDetailSerializer, PartSerializer
from .wire import NOT_WITHOUT_ASKING

logger = logging.getLogger(__name__)

_WAYS = re.compile(
    r"/api/parts(?:/(?P<pk>[0-9]{1,18})|/categories/(?P<category>[a-z]+)"
    r"|/(?P<sums>stats|stats/detailed|leaderboard))?/?"
)
_METHODS_OF_PART = "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
_METHODS_OF_LIST = "GET, POST, HEAD, OPTIONS"
_ONLY_READ = "GET, HEAD, OPTIONS"
_HEADERS = {
    "Content-Type": "application/json",
    "Vary": "Accept, X-API-Key",
    "Cache-Control": NOT_WITHOUT_ASKING,
}
_CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE")

Answer = tuple[HTTPStatus, list[tuple[str, str]], bytes]


class KeyReads:
    """The WSGI application; has ``site`` answer all that is not plain."""

    def __init__(self, site: BaseHandler) -> None:
        self._site = site
        self._surroundings = Surroundings(site.get_response, "/api/parts/", _HEADERS)

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        found = self.answer(environ)
        if found is None:
            return self._site(environ, start_response)
        status, headers, body = found
        start_response(f"{status} {status.phrase}", headers)
        return [body]

    def answer(self, environ: dict) -> Answer | None:
        """Return status, headers and body of a plain read; None for all else."""
        try:
            return self._answer(environ)
        except DatabaseError:
            return None  # the views fail too, and say so
        except Exception:
            # The process boundary: the views do without this, and tell a fault.
            logger.exception("key_read_broke path=%s", environ["PATH_INFO"])
            return None

    def _answer(self, environ: dict) -> Answer | None:
        if environ["REQUEST_METHOD"] != "GET" or not (
            way := _WAYS.fullmatch(environ["PATH_INFO"])
        ):
            return None
        with requestlog.Numbered(environ) as number:
            return self._numbered_answer(environ, way, number)

    def _numbered_answer(
        self, environ: dict, way: re.Match, number: str
    ) -> Answer | None:
        started = time.perf_counter()
        query = environ.get("QUERY_STRING", "")
        params = QueryDict(query)
        text = environ.get("HTTP_X_API_KEY", "").strip() or params.get("api_key")
        if not text or not _wants_plain_json(environ, query):
            return None
        if (around := self._surroundings.of(environ)) is None:
            return None
        if "api_key" in params:
            query = _without_key(params)
        set_script_prefix(get_script_name(environ))
        try:
            found = _read(text, way, params, query)
        except DatabaseError as error:
            if (away := _away(environ, around, error)) is None:
                raise
            status, headers, body = away
            return status, [*headers, (requestlog.HEADER, number)], body
        finally:
            _end()
        if found is None:
            return None
        key, made = found
        status, headers, body = _told(made, around, environ.get("HTTP_IF_NONE_MATCH"))
        if settings.METRICS_ALLOW:
            _count(status, time.perf_counter() - started)
        requestlog.tell("GET", way[0], status, started, who={"key": key.prefix})
        return status, [*headers, (requestlog.HEADER, number)], body


def _away(environ: dict, around: Headers, error: DatabaseError) -> Answer | None:
    """Say that there is no database: the views would wait for it once more."""
    if (down := outage.of(error)) is None:
        return None
    outage.note(environ["PATH_INFO"], down, error)
    body = orjson.dumps(told(error)[1])
    headers = [
        *around,
        ("Retry-After", str(outage.WAIT_SECONDS)),
        ("Content-Length", str(len(body))),
    ]
    return HTTPStatus(down.status), headers, body


def _count(status: HTTPStatus, seconds: float) -> None:
    # Not at the start: most sites are watched by nobody.
    from parts.watch.counting import READS_BY_KEY

    READS_BY_KEY.labels(int(status)).observe(seconds)


def _without_key(params: QueryDict) -> str:
    others = params.copy()
    del others["api_key"]
    return others.urlencode()


def _wants_plain_json(environ: dict, query: str) -> bool:
    accepts = environ.get("HTTP_ACCEPT", "")
    return not (
        "text/" in accepts
        or "indent" in accepts
        or "format" in query
        or any(name in environ for name in _CONDITIONS)
    )


def _end() -> None:
    """Give the connection back, as Django does at the end of a request."""
    database = connections[DEFAULT_DB_ALIAS]
    if database.in_atomic_block:  # that of a test
        return
    if database.close_at is not None and time.monotonic() >= database.close_at:
        database.close()


# --- Answers ------------------------------------------------------------------


@dataclass(frozen=True)
class _Made:
    """An answer's own part: what it says, and what its address can do."""

    content: bytes
    etag: str
    methods: str


def _told(made: _Made, around: Headers, if_none_match: str | None) -> Answer:
    if if_none_match and _is_known(made.etag, if_none_match):
        headers = [pair for pair in around if pair[0] != "Content-Type"]
        return HTTPStatus.NOT_MODIFIED, [*headers, ("ETag", made.etag)], b""
    return (
        HTTPStatus.OK,
        [
            *around,
            ("ETag", made.etag),
            ("Allow", made.methods),
            ("Content-Length", str(len(made.content))),
        ],
        made.content,
    )


def _is_known(etag: str, if_none_match: str) -> bool:
    known = parse_etags(if_none_match)
    return known == ["*"] or etag in (text.removeprefix("W/") for text in known)


class _Remembered(threading.local):
    """What was answered in the state that the thread's connection saw last."""

    def __init__(self) -> None:
        self._state: State = None
        self._answers: dict[tuple, _Made] = {}
        self._bytes = 0

    def find(self, asked: tuple, state: State) -> _Made | None:
        if state != self._state or state is None:
            self._state, self._answers, self._bytes = state, {}, 0
        return self._answers.get(asked)

    def keep(self, asked: tuple, made: _Made) -> None:
        size, most = len(made.content), settings.API_REMEMBERED_BYTES
        if self._state is None or size > most:
            return
        if self._bytes + size > most:
            self._answers, self._bytes = {}, 0
        self._answers[asked] = made
        self._bytes += size


_remembered = _Remembered()


def _read(
    text: str, way: re.Match, params: QueryDict, query: str
) -> tuple[ApiKey, _Made] | None:
    found = keys.find_to_read(text)
    if found is None:
        return None
    key, state = found
    asked = (way[0], query, get_script_prefix())
    made, plan = _remembered.find(asked, state), None
    if made is None and (plan := _plan(way, params)) is None:
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
        _remembered.keep(asked, made)
    return key, made


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

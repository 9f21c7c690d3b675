"""What is asked with a key, as scripts and front ends do all day.

A plain request with a good key is answered here, before Django has had its turn:
that cost ten times what a read does, and half of what a step does (measured). What
is read is in ``reads``, what is done in ``writes``. All else goes on to the views: a
wrong key or one that may not, another method, HTML.
"""

import logging
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus

import orjson
from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import get_script_name
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.http import QueryDict
from django.urls import set_script_prefix

from accounts.authentication import key_out_of_place
from accounts.models import ApiKey
from partsite import outage, requestlog
from partsite.surroundings import Headers, Surroundings

from . import reads, writes
from .exceptions import told
from .plain import Answer, Plain
from .wire import NOT_WITHOUT_ASKING

logger = logging.getLogger(__name__)

_BY_METHOD = {"GET": reads, "POST": writes}
_HEADERS = {
    "Content-Type": "application/json",
    "Vary": "Accept, X-API-Key",
    "Cache-Control": NOT_WITHOUT_ASKING,
}

_NOTHING_ASKED = QueryDict("", encoding="utf-8")  # it cannot be changed

Whole = tuple[HTTPStatus, list[tuple[str, str]], bytes]


class Front:
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

    def answer(self, environ: dict) -> Whole | None:
        """Return status, headers and body of a plain answer; None for all else.

        What has done something is an answer, whatever happens then: the views would
        do it once more.
        """
        kind = _BY_METHOD.get(environ["REQUEST_METHOD"])
        way = kind and kind.WAYS.fullmatch(environ["PATH_INFO"])
        if not way:
            return None
        started = time.perf_counter()
        with requestlog.Numbered(environ) as number:
            found = self._answered(environ, kind.answer, way)
            if found is None:
                return None
            key, answer, around = found
            if settings.METRICS_ALLOW:
                _count(environ["REQUEST_METHOD"], answer.status, started)
            requestlog.tell(
                environ["REQUEST_METHOD"],
                way[0],
                answer.status,
                started,
                who={"key": key.prefix} if key else {},
            )
        if answer.status == HTTPStatus.NOT_MODIFIED:
            around = [pair for pair in around if pair[0] != "Content-Type"]
        else:
            around = [*around, ("Content-Length", str(len(answer.body)))]
        headers = [*around, *answer.headers, (requestlog.HEADER, number)]
        return answer.status, headers, answer.body

    def _answered(
        self, environ: dict, answer: Callable, way
    ) -> tuple[ApiKey | None, Answer, Headers] | None:
        query = environ.get("QUERY_STRING", "")
        params = QueryDict(query) if query else _NOTHING_ASKED
        text = environ.get("HTTP_X_API_KEY", "").strip() or params.get("api_key")
        if not text or key_out_of_place(params):
            return None
        if not _wants_plain_json(environ, query):
            return None
        try:
            if (around := self._surroundings.of(environ)) is None:
                return None
            if "api_key" in params:
                query = _without_key(params)
            set_script_prefix(get_script_name(environ))
            found = answer(Plain(environ, way, query, params, text))
        except DatabaseError as error:
            # The views would wait for it once more.
            found = _away(environ, error)
        except Exception:
            # The process boundary: the views do without this, and tell a fault.
            logger.exception("front_broke path=%s", environ["PATH_INFO"])
            return None
        finally:
            _end()
        return found and (*found, around)


def _away(environ: dict, error: DatabaseError) -> tuple[None, Answer] | None:
    """Say that there is no database, if that is it."""
    if (down := outage.of(error)) is None:
        return None
    outage.note(environ["PATH_INFO"], down, error)
    headers = [("Retry-After", str(outage.WAIT_SECONDS))]
    return None, Answer(HTTPStatus(down.status), headers, orjson.dumps(told(error)[1]))


def _count(method: str, status: HTTPStatus, started: float) -> None:
    # Not at the start: most sites are watched by nobody.
    from parts.watch.counting import BY_KEY

    BY_KEY[method].labels(int(status)).observe(time.perf_counter() - started)


def _without_key(params: QueryDict) -> str:
    others = params.copy()
    del others["api_key"]
    return others.urlencode()


def _wants_plain_json(environ: dict, query: str) -> bool:
    accepts = environ.get("HTTP_ACCEPT", "")
    return not ("text/" in accepts or "indent" in accepts or "format" in query)


def _end() -> None:
    """Give the connection back, as Django does at the end of a request."""
    database = connections[DEFAULT_DB_ALIAS]
    if database.in_atomic_block:  # that of a test
        return
    is_old = database.close_at is not None and time.monotonic() >= database.close_at
    if is_old or database.errors_occurred:
        database.close_if_unusable_or_obsolete()

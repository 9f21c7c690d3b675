"""Each request's number, and one line about it in the log."""

import logging
import re
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from random import getrandbits

from django.http import HttpRequest, HttpResponse

from .surroundings import is_bare

logger = logging.getLogger(__name__)

HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Asked all day long by machines and by every page.
_DULL = re.compile(r"/(health|metrics|static)(/|\Z)")
_PATH_MOST = 500  # characters
_IN_ENVIRON = "partsite.request"  # no client can send a name like this
_number: ContextVar[str] = ContextVar("number", default="")


class RequestLog:
    """The middleware; stands first, so that it sees every answer.

    A proxy's X-Request-ID is taken over, so that its log and ours can be laid side
    by side, and the number is sent back for whoever has something to report.
    """

    def __init__(self, get_response: Callable) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_bare(request):
            return self._get_response(request)
        started = time.perf_counter()
        with Numbered(request.META) as number:
            response = self._get_response(request)
            response[HEADER] = number
            tell(
                request.method,
                request.path,
                response.status_code,
                started,
                who=_who(request),
            )
        return response


class OfRequest(logging.Filter):
    """Give a record the number of the request that it comes from."""

    def filter(self, record: logging.LogRecord) -> bool:
        number = current_number()
        request = getattr(record, "request", None)
        if not number and isinstance(request, HttpRequest):
            number = number_of(request)  # Django tells of some when all is over
        if number:
            record.request_id = number
        return True


class Numbered:
    """Give a request its number, that of a proxy or a new one, for all that it causes.

    A context, written out since it is a tenth of a read by key otherwise (measured).

    Args:
        environ: of WSGI; whoever comes to the same request later finds the number.
    """

    def __init__(self, environ: dict) -> None:
        sent = environ.get(_IN_ENVIRON) or environ.get("HTTP_X_REQUEST_ID")
        if not sent or not _SANE.fullmatch(sent):
            sent = f"{getrandbits(64):016x}"  # noqa: S311 - it guards nothing
        self._number = environ[_IN_ENVIRON] = sent

    def __enter__(self) -> str:
        self._before = _number.set(self._number)
        return self._number

    def __exit__(self, *raised) -> None:
        _number.reset(self._before)


def number_of(request: HttpRequest) -> str:
    """Return the request's number; a test's own may have none."""
    return request.META.get(_IN_ENVIRON, "")


def current_number() -> str:
    """Return the number of the request that is being answered, if one is."""
    return _number.get()


def tell(
    method: str,
    path: str,
    status: int,
    started: float,
    *,
    who: Mapping[str, str],
) -> None:
    """Write the line of a request that has been answered.

    Args:
        path: without its query, which may hold a key.
        started: of the clock ``time.perf_counter``.
        who: the key's prefix or the person's name, under what it is.
    """
    if not logger.isEnabledFor(logging.INFO):
        return
    level = logging.DEBUG if _DULL.search(path) else logging.INFO
    if not logger.isEnabledFor(level):
        return
    fields = {
        "method": method,
        "path": path[:_PATH_MOST],
        "status": int(status),
        "ms": round((time.perf_counter() - started) * 1000, 1),
        **who,
    }
    told = " ".join(f"{name}={value}" for name, value in fields.items())
    logger.log(level, "request %s", told, extra={"fields": fields})


def _who(request: HttpRequest) -> dict[str, str]:
    """Return the key's prefix or the person's name, as far as it is known already."""
    if prefix := getattr(getattr(request, "auth", None), "prefix", ""):
        return {"key": prefix}
    # What Django keeps once somebody has asked; asking costs two queries.
    user = getattr(request, "_cached_user", None)
    return {"user": user.get_username()} if user and user.is_authenticated else {}

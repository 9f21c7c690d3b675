"""Each request's number, and one line about it in the log."""

import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

from .surroundings import is_bare

logger = logging.getLogger(__name__)

HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Asked all day long by machines and by every page.
_DULL = re.compile(r"/(health|metrics|static)(/|\Z)")
_PATH_MOST = 500  # characters
_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


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
        request.number = number_from(request.META.get("HTTP_X_REQUEST_ID", ""))
        before = _request.set(request)
        try:
            response = self._get_response(request)
            response[HEADER] = request.number
            tell(
                request.number,
                request.method,
                request.path,
                response.status_code,
                started,
                who=_who(request),
            )
        finally:
            _request.reset(before)
        return response


class OfRequest(logging.Filter):
    """Give a record the number of the request that it comes from."""

    def filter(self, record: logging.LogRecord) -> bool:
        if number := current_number():
            record.request_id = number
        return True


def number_from(sent: str) -> str:
    """Return the number that a request has: that of a proxy, or a new one."""
    return sent if _SANE.fullmatch(sent) else secrets.token_hex(8)


def number_of(request: HttpRequest) -> str:
    """Return the request's number; a test's own may have none."""
    return getattr(request, "number", "")


def current_number() -> str:
    """Return the number of the request that is being answered, if one is."""
    request = _request.get()
    return request.number if request else ""


def tell(
    number: str,
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
    extra = {"fields": fields, "request_id": number}
    logger.log(level, "request %s", told, extra=extra)


def _who(request: HttpRequest) -> dict[str, str]:
    """Return the key's prefix or the person's name, as far as it is known already."""
    if prefix := getattr(getattr(request, "auth", None), "prefix", ""):
        return {"key": prefix}
    # What Django keeps once somebody has asked; asking costs two queries.
    user = getattr(request, "_cached_user", None)
    return {"user": user.get_username()} if user and user.is_authenticated else {}

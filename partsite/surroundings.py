"""What every answer of the site carries, for answers that Django has no part in.

The site itself is asked, once for each kind of request: a bare request goes through
the middleware that stands before everything else, and what that adds is remembered.
It holds nothing but what the middleware may look at, so nothing else can matter.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from io import BytesIO

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse

_LOOKED_AT = (
    "wsgi.url_scheme",
    "SERVER_NAME",
    "SERVER_PORT",
    "HTTP_HOST",
    "HTTP_ORIGIN",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PROTO",
)
_BARE = "partsite.bare"  # no client can send a name like this
_MOST = 200  # each a kilobyte
Headers = tuple[tuple[str, str], ...]
Respond = Callable[[HttpRequest], HttpResponse]


class Surroundings:
    """What ``respond``, which is Django's handler, puts around good answers.

    Args:
        path: of any of them.
        own: the headers that they have by themselves.
    """

    def __init__(self, respond: Respond, path: str, own: Mapping[str, str]) -> None:
        self._respond = respond
        self._path = path
        self._own = dict(own)
        self._remembered = lru_cache(maxsize=_MOST)(self._asked)

    def of(self, environ: Mapping) -> Headers | None:
        """Return all headers of the answer to a GET; None if it must not be good.

        That is so for a host that is not ours, or plain HTTP that is sent on.
        """
        return self._remembered(tuple(map(environ.get, _LOOKED_AT)))

    def _asked(self, values: tuple[str | None, ...]) -> Headers | None:
        looked_at = zip(_LOOKED_AT, values, strict=True)
        environ = {name: value for name, value in looked_at if value is not None}
        request = WSGIRequest(
            {
                **environ,
                "REQUEST_METHOD": "GET",
                "PATH_INFO": self._path,
                "SCRIPT_NAME": "",
                "wsgi.input": BytesIO(),
                _BARE: self._own,
            }
        )
        answer = self._respond(request)
        if answer.status_code != 200 or answer.cookies:
            return None
        del answer["Content-Length"]
        return tuple(answer.items())


def is_bare(request: HttpRequest) -> bool:
    """Whether nobody asked this but the site itself, for what stands around."""
    return _BARE in request.META


class EndOfBare:
    """The middleware that a bare request ends at; all others pass."""

    def __init__(self, get_response: Respond) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_bare(request):
            return HttpResponse(headers=request.META[_BARE])
        return self._get_response(request)

"""The WSGI entry point, on production settings unless told otherwise."""

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress

from django.core.handlers.wsgi import LimitedStream
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partsite.settings.prod")
_site = get_wsgi_application()
_ENCODING = re.compile(
    r""";\s*(?:charset|[^;=\s]*\*)\s*=\s*(?:"[^"]*"|[^;]*)""", re.IGNORECASE
)
_DROPPED_BYTES = 512 * 1024 * 1024


def application(environ: dict, start_response: Callable) -> Iterable[bytes]:
    """Answer a request that Django would die of, or its client hang up on."""
    _ignore_charset(environ)
    body = _limited_body(environ)
    answer = _site(environ, start_response)
    if body.limit <= _DROPPED_BYTES:
        _drop_rest(body)
    return answer


def _ignore_charset(environ: dict) -> None:
    """Take everything for UTF-8, whatever its Content-Type names.

    Django 5.2 dies of a charset that Python knows but that is no text (zip),
    before any view or error handler sees the request.
    """
    if content_type := environ.get("CONTENT_TYPE"):
        environ["CONTENT_TYPE"] = _ENCODING.sub("", content_type)


def _limited_body(environ: dict) -> LimitedStream:
    """Put a body that ends where it says in the place of the socket, and return it."""
    length = environ.get("CONTENT_LENGTH") or ""
    limit = int(length) if length.isdecimal() else 0
    body = environ["wsgi.input"] = LimitedStream(environ["wsgi.input"], limit)
    return body


def _drop_rest(body: LimitedStream) -> None:
    """Read what a refusal left unread.

    Most clients send everything before they read the answer; if gunicorn
    closes before that, they see a broken connection instead (measured).
    """
    with suppress(OSError):
        while body.read(64 * 1024):
            pass

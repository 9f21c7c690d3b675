"""The WSGI entry point, on production settings unless told otherwise."""

import json
import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module

from django.conf import settings
from django.core.handlers.wsgi import LimitedStream
from django.core.wsgi import get_wsgi_application

from partsite import basepath, pool

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partsite.settings.prod")
pool.share_connections(settings.DATABASES, settings.DATABASE_POOL)
_django = get_wsgi_application()
# Only now can models be imported.
_site = basepath.under(import_module("parts.api.front").Front(_django))
import_module(settings.ROOT_URLCONF)  # here rather than for the first visitor
_ENCODING = re.compile(
    r""";\s*(?:charset|[^;=\s]*\*)\s*=\s*(?:"[^"]*"|[^;]*)""", re.IGNORECASE
)
_DROPPED_BYTES = 512 * 1024 * 1024


def application(environ: dict, start_response: Callable) -> Iterable[bytes]:
    """Answer a request that Django would die of, or its client hang up on."""
    if environ.get("HTTP_TRANSFER_ENCODING"):
        return _length_required(environ, start_response)
    _ignore_charset(environ)
    body = _limited_body(environ)
    answer = _site(environ, start_response)
    if environ["REQUEST_METHOD"] == "HEAD":
        # Django leaves this to the server, and gunicorn 27 warns each time.
        if hasattr(answer, "close"):
            answer.close()
        answer = []
    if body.limit <= _DROPPED_BYTES:
        _drop_rest(body)
    return answer


def _length_required(environ: dict, start_response: Callable) -> list[bytes]:
    """Refuse a body that comes in chunks, in the words of an API error.

    Django takes it for an empty one: a PATCH would answer 200 and change nothing.
    Browsers never send one, and no size can be checked before it is there.
    """
    _drop_rest(LimitedStream(environ["wsgi.input"], _DROPPED_BYTES))
    body = json.dumps(
        {
            "error": "Length required",
            "details": "Send the header Content-Length; a body in chunks is not read.",
        }
    ).encode()
    start_response(
        "411 Length Required",
        [("Content-Type", "application/json"), ("Content-Length", str(len(body)))],
    )
    return [body]


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

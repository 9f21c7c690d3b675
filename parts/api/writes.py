"""What is done with a key: parts handed in, and the steps of their life."""

import re
from http import HTTPStatus
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from rest_framework.exceptions import ParseError
from rest_framework.renderers import JSONRenderer

from accounts import keys
from accounts.models import ApiKey
from partsite.language import english
from partsite.seen import knowing

from . import steps, throttling
from .exceptions import refusal
from .plain import Answer, Plain
from .rows import dumped
from .serializers import PartDetailSerializer, address_of
from .steps import STEPS, Step
from .wire import StrictJSONParser

WAYS = re.compile(
    rf"/api/parts(?:/(?P<pk>[0-9]{{1,18}})/(?P<step>{'|'.join(STEPS)}))?/?"
)
_ALLOW = {True: "POST, OPTIONS", False: "GET, POST, HEAD, OPTIONS"}
_MOST_BYTES = 64 * 1024
_JSON = StrictJSONParser(), JSONRenderer()
_PART = PartDetailSerializer()


def answer(asked: Plain) -> tuple[ApiKey, Answer] | None:
    """Do what is asked, or refuse it; None leaves it to the views, and nothing done."""
    if (body := _body(asked.environ)) is None:
        return None
    return _answer(asked, body)


def _answer(asked: Plain, body: bytes) -> tuple[ApiKey, Answer] | None:
    found = keys.find_to_read(asked.key_text)
    if found is None or not found[0].can_work:
        return None
    key, shown = found
    try:
        data = _JSON[0].parse(BytesIO(body)) if body else {}
    except ParseError:
        return None
    # A refused request costs nothing, so the views may count it once more.
    if throttling.wait_seconds(key, "writes"):
        return None
    with english(), knowing(shown):
        return key, _done(asked, key, data)


def _body(environ: dict) -> bytes | None:
    """Return a body of JSON; None is another, which the views can still read."""
    kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    length = environ.get("CONTENT_LENGTH") or "0"
    if kind != "application/json" or not length.isdecimal():
        return None
    size = int(length)
    if size > min(_MOST_BYTES, settings.DATA_UPLOAD_MAX_MEMORY_SIZE):
        return None
    try:
        body = environ["wsgi.input"].read(size)
    except OSError:
        return None
    environ["wsgi.input"] = BytesIO(body)
    return body if len(body) == size else None


def _done(asked: Plain, key: ApiKey, data: Any) -> Answer:
    step = STEPS.get(asked.way["step"])
    headers = {"Allow": _ALLOW[step is not None]}
    try:
        status, part = _part(step, asked, key, data)
        if step is None:
            headers["Location"] = address_of(part.pk)
        body = dumped(_PART.to_representation(part)).encode()
    except Exception as error:  # noqa: BLE001 - the process boundary; it is told
        status, said, more = refusal(error, WSGIRequest(asked.environ))
        headers |= more
        body = _JSON[1].render(said)
    return Answer(HTTPStatus(status), [*headers.items()], body)


def _part(step: Step | None, asked: Plain, key: ApiKey, data: Any) -> tuple[int, Any]:
    if step is None:
        return 201, steps.create(key, data)
    return 200, steps.take(step, int(asked.way["pk"]), key, lambda: data)

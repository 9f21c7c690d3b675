"""How a request proves who it is, by a key."""

import json

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, QueryDict, UnreadablePostError
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from partsite import ratelimit

from . import keys, trail
from .models import ApiKey, User

_BODY_METHODS = {"POST", "PUT", "PATCH"}


class RateLimited(Throttled):
    """Asked again too soon."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__(wait=wait_seconds)
        self.wait_seconds = wait_seconds  # DRF rounds ``wait`` up


class KeyInAddress(AuthenticationFailed):
    """A key where this site takes none, since addresses are kept in many places."""


class ApiKeyAuthentication(BaseAuthentication):
    """Take the first key that a request carries, in header, query or JSON body.

    ``request.auth`` is then the key, and ``request.user`` its owner, or nobody
    for a key of nobody. The first key counts even when it is wrong and a better
    one, or a session, stands behind it.
    """

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, ApiKey]:
        if in_address := key_out_of_place(request.GET):
            trail.warn(
                request, "key_in_address", key=keys.prefix_of(in_address) or "(none)"
            )
            raise KeyInAddress
        text = _carried(request)
        if text is None:
            return None
        key = keys.find(text)
        if key is None:
            # Only failures are limited: a whole school may share one address,
            # and one wrong key there must not lock out the right ones.
            wait_seconds = ratelimit.FAILED_AUTHENTICATION.wait_seconds(
                ratelimit.client_network(request)
            )
            event = "key_not_tried" if wait_seconds else "key_refused"
            trail.warn(request, event, key=keys.prefix_of(text) or "(none)")
            if wait_seconds:
                raise RateLimited(wait_seconds)
            raise AuthenticationFailed
        return key.owner or AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        """Say how to authenticate; without it DRF answers 403 instead of 401."""
        return 'ApiKey realm="api"'


def key_out_of_place(query: QueryDict) -> str | None:
    """Return the key in an address, if this site takes none there."""
    if settings.API_KEY_IN_ADDRESS:
        return None
    return next(filter(None, query.getlist("api_key")), None)


def carried_before_body(request: HttpRequest | Request) -> str | None:
    """Return the key in the header or the address of a request; a blank is none."""
    return (
        request.META.get("HTTP_X_API_KEY", "").strip()
        or request.GET.get("api_key")
        or None
    )


def _carried(request: Request) -> str | None:
    return carried_before_body(request) or _in_body(request) or None


def _in_body(request: Request) -> str | None:
    media_type = request.content_type.partition(";")[0].strip().lower()
    if request.method not in _BODY_METHODS or media_type != "application/json":
        return None
    try:
        # Not request.data: DRF forgets a parser's refusal once it is caught,
        # and the view must still see it. What is wrong with the body is said
        # there, when it is known who asks.
        body = json.loads(request.body)
    except (ValueError, RecursionError, SuspiciousOperation, UnreadablePostError):
        return None
    key = body.get("api_key") if isinstance(body, dict) else None
    return key if key is None or isinstance(key, str) else "not even text"

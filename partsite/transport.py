"""What may come over plain HTTP where the site is meant to be reached over TLS."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse


class NoPlainApi:
    """The middleware that refuses scripts what pages are sent on for.

    A script whose address begins with http:// would follow to https:// each time, and
    nobody would see that its key crosses the net in the clear before.
    """

    def __init__(self, get_response: Callable) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            settings.SECURE_SSL_REDIRECT
            and not request.is_secure()
            and request.path_info.startswith("/api/")
            and not request.path_info.startswith("/api/docs")  # a page
        ):
            told = {
                "error": "HTTPS required",
                "details": "Write https:// in the address. A key that was sent over "
                "plain HTTP may have been read on the way; make a new one.",
            }
            return JsonResponse(told, status=403)
        return self._get_response(request)

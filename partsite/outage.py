"""Say so when something that the site stands on does not answer."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .storage import StorageDown

logger = logging.getLogger(__name__)

WAIT_SECONDS = 10


class OutageMiddleware:
    """Answer 503 on a page where the storage of the files is away; the API has its own.

    Nothing is half done then: bytes are stored before any row that names them.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
        if not isinstance(exception, StorageDown):
            return None
        logger.error("storage_down path=%s why=%s", request.path, exception)
        answer = render(request, "503.html", status=503)
        answer["Retry-After"] = str(WAIT_SECONDS)
        return answer

"""Who is let in before a view is asked, and by which clock they read."""

from collections.abc import Callable

from django.contrib.auth import middleware
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from . import clock


class LoginRequiredMiddleware(middleware.LoginRequiredMiddleware):
    """Django's own, which asks who comes even where everybody may come (5.2).

    That costs two queries for every file of a front end, and lets no cache keep
    it for more than one person.
    """

    def process_view(
        self, request: HttpRequest, view_func: Callable, view_args, view_kwargs
    ) -> HttpResponse | None:
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)


class TimeZoneMiddleware:
    """Have the pages written in the reader's time zone.

    Stands after the one that asks who comes, so that it costs no query.
    """

    def __init__(self, get_response: Callable) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self._get_response(request)
        finally:
            # A thread answers many people, one after the other.
            timezone.deactivate()

    def process_view(
        self, request: HttpRequest, view_func: Callable, view_args, view_kwargs
    ) -> None:
        if request.path_info.startswith("/api/"):
            return  # scripts read one clock, whatever cookies come with them
        asks_account = getattr(view_func, "login_required", True)
        if zone := clock.zone_of(request, asks_account=asks_account):
            timezone.activate(zone)

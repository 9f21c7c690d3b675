"""Who comes from where, who is let in, and by which clock they read."""

from collections.abc import Callable

from django.contrib.auth import middleware
from django.contrib.auth.views import redirect_to_login
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from partsite.ratelimit import client_address

from . import clock, kept
from .views import door


class SessionMiddleware(sessions.SessionMiddleware):
    """Django's own, which also notes where a session is used, and that it is."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.session.user_agent = request.headers.get("User-Agent", "")
        request.session.address = client_address(request)

    def process_response(
        self, request: HttpRequest, response: HttpResponse
    ) -> HttpResponse:
        request.session.note_use()
        return super().process_response(request, response)


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

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable
    ) -> HttpResponse:
        """Send strangers to the sign-in, with what they typed, if it was that."""
        if carried := kept.catch(request):
            return door.ask_again(request, carried)
        if page := kept.page_of_button(request):
            return redirect_to_login(page)
        return super().handle_no_permission(request, view_func)


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

"""Who comes from where, who is let in, and by which clock they read."""

from collections.abc import Callable
from dataclasses import asdict

from django.contrib.auth import middleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from partsite.ratelimit import client_address

from . import clock, factors, kept
from .access import owes
from .models import User
from .views import door, entering


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


class AuthenticationMiddleware(middleware.AuthenticationMiddleware):
    """Django's own, to which nobody comes who must set a second factor up first.

    So nothing is open to them, whatever asks who comes: pages, admin, API.
    """

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        del request.auser  # would know nothing of that, and nobody asks it

        def found() -> User | AnonymousUser:
            user = who_comes(request)
            if request.user is lazy:
                # Each look through the other one costs a microsecond, and a page
                # takes hundreds.
                request.user = user
            return user

        request.user = lazy = SimpleLazyObject(found)


def who_comes(request: HttpRequest) -> User | AnonymousUser:
    user = middleware.get_user(request)
    if user.is_authenticated and factors.is_owed(user, request.session):
        request.owing = user
        return AnonymousUser()
    return user


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
        if owes(request):
            return self._handle_owing(request, view_func)
        if carried := kept.catch(request):
            return door.ask_again(request, carried)
        if page := kept.page_of_button(request):
            return redirect_to_login(page)
        return super().handle_no_permission(request, view_func)

    def _handle_owing(
        self, request: HttpRequest, view_func: Callable
    ) -> HttpResponse | None:
        if getattr(view_func, "is_open_while_owing", False):
            return None
        if carried := kept.catch(request):
            request.session[entering.IN_SESSION] = asdict(carried)
        return redirect("accounts:factor")


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

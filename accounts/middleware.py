"""Who is let in before a view is asked."""

from collections.abc import Callable

from django.contrib.auth import middleware
from django.http import HttpRequest, HttpResponse


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

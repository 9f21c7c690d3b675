"""Who may see a page: decorators of views, and who it is that comes."""

from collections.abc import Callable
from functools import wraps

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from .models import User

View = Callable[..., HttpResponse]


def leads_only(view: View) -> View:
    """Refuse whoever is no lead."""

    @wraps(view)
    def check(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if not request.user.can_lead:
            raise PermissionDenied(_("Only leads manage people."))
        return view(request, *args, **kwargs)

    return check


def open_while_owing(view: View) -> View:
    """Let in who must set a second factor up first, beside whoever is signed in."""
    view.is_open_while_owing = True
    return view


def owes(request: HttpRequest) -> bool:
    """Whether a session is that of somebody who must set a second factor up.

    As long as they do, ``request.user`` is nobody (``middleware.who_comes``).
    """
    return not request.user.is_authenticated and hasattr(request, "owing")


def whoever(request: HttpRequest) -> User:
    """Return who is signed in, be it with a second factor owed."""
    return request.owing if owes(request) else request.user

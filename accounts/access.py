"""Who may see a page: decorators of views."""

from collections.abc import Callable
from functools import wraps

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

View = Callable[..., HttpResponse]


def leads_only(view: View) -> View:
    """Refuse whoever is no lead."""

    @wraps(view)
    def check(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if not request.user.can_lead:
            raise PermissionDenied(_("Only leads manage people."))
        return view(request, *args, **kwargs)

    return check

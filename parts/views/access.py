"""Who may come in, and how: decorators of views."""

from collections.abc import Callable
from functools import wraps

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

View = Callable[..., HttpResponse]


def workers_only(view: View) -> View:
    """Refuse whoever may only look."""

    @wraps(view)
    def check(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if not request.user.can_work:
            raise PermissionDenied(_("You may look at parts, but not change them."))
        return view(request, *args, **kwargs)

    return check


def posted(view: View) -> View:
    """Answer anything but POST with 405, and a way back to the part.

    People come here by signing in again after a button found them signed out.
    """

    @wraps(view)
    def check(request: HttpRequest, pk: int, *args, **kwargs) -> HttpResponse:
        if request.method == "POST":
            return view(request, pk, *args, **kwargs)
        context = {"part_address": reverse("parts:detail", args=[pk])}
        response = render(request, "405.html", context, status=405)
        response["Allow"] = "POST"
        return response

    return check

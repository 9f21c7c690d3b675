"""The API's addresses, each with a slash at its end and without."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.routers import SimpleRouter

from .views import KeyCheck, NothingHere, PartViewSet

app_name = "api"


def _reader(name: str) -> Callable:
    """Return a view of ``reader``, which takes a while to import and few ask for."""

    @login_not_required
    @csrf_exempt
    def view(request: HttpRequest) -> HttpResponse:
        from . import reader

        return getattr(reader, name).as_view()(request)

    return view


def _routes(trailing_slash: bool) -> list:
    router = SimpleRouter(trailing_slash=trailing_slash, use_regex_path=False)
    router.register("parts", PartViewSet, basename="part")
    slash = "/" if trailing_slash else ""
    return [
        path(f"parts/auth/check{slash}", KeyCheck.as_view(), name="key-check"),
        path(f"openapi.json{slash}", _reader("Document"), name="openapi"),
        path(f"docs{slash}", _reader("Reader"), name="docs"),
        *router.urls,
    ]


# Both forms answer, since a redirect would lose a POST. Reversing takes the
# form that stands last: without a slash, but for the list and the reader.
_bare, _slashed = _routes(False), _routes(True)
urlpatterns = [
    *_slashed,
    *_bare,
    *(route for route in _slashed if route.name in {"part-list", "docs"}),
    re_path("", NothingHere.as_view()),
]

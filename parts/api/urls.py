"""The API's addresses, each with a slash at its end and without."""

from django.urls import path, re_path
from rest_framework.routers import SimpleRouter

from .reader import Document, Reader
from .views import KeyCheck, NothingHere, PartViewSet

app_name = "api"


def _routes(trailing_slash: bool) -> list:
    router = SimpleRouter(trailing_slash=trailing_slash, use_regex_path=False)
    router.register("parts", PartViewSet, basename="part")
    slash = "/" if trailing_slash else ""
    return [
        path(f"parts/auth/check{slash}", KeyCheck.as_view(), name="key-check"),
        path(f"openapi.json{slash}", Document.as_view(), name="openapi"),
        path(f"docs{slash}", Reader.as_view(), name="docs"),
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

"""The root routes."""

import os

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path

from partsite import frontend
from partsite.health import Health


@login_not_required
def favicon(request: HttpRequest) -> HttpResponse:
    """Lead to the logo where a browser asks by itself: the admin, a PDF, JSON."""
    own = settings.FRONTEND_DIR and settings.FRONTEND_DIR / "favicon.ico"
    if own and os.access(own, os.R_OK):
        return frontend.frontend(request)
    return redirect(static("img/logo.svg"))


def routes(*, has_frontend: bool) -> list:
    """Return all routes; a front end has the root, and the boards give way to it."""
    boards = include("parts.urls")
    return [
        path("admin/", admin.site.urls),
        path("account/", include("accounts.urls")),
        path("api/", include("parts.api.urls")),
        path("health", Health.as_view(), name="health"),
        path("health/", Health.as_view()),
        path("favicon.ico", favicon),
        *(
            [path("boards/", boards), frontend.route]
            if has_frontend
            else [path("", boards)]
        ),
    ]


urlpatterns = routes(has_frontend=bool(settings.FRONTEND_DIR))

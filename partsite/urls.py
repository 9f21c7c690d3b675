"""The root routes."""

import os
import sys

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import DisallowedHost
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseServerError,
    JsonResponse,
)
from django.shortcuts import redirect
from django.template import loader
from django.templatetags.static import static
from django.urls import include, path
from django.views import defaults
from django.views.i18n import JavaScriptCatalog

from parts.api.exceptions import broken, told
from partsite import frontend, outage, requestlog
from partsite.health import Health, ready
from partsite.metrics import metrics


@login_not_required
def favicon(request: HttpRequest) -> HttpResponse:
    """Lead to the logo where a browser asks by itself: the admin, a PDF, JSON."""
    own = settings.FRONTEND_DIR and settings.FRONTEND_DIR / "favicon.ico"
    if own and os.access(own, os.R_OK):
        return frontend.frontend(request)
    return redirect(static("img/logo.svg"))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that no view ever saw: a wrong Host, a broken address."""
    if not request.path_info.startswith("/api/"):
        return defaults.bad_request(request, exception)
    is_host = isinstance(exception, DisallowedHost)
    details = (
        "This server does not answer to that name; ALLOWED_HOSTS has those it does."
        if is_host
        else "It could not be read."
    )
    return JsonResponse({"error": "Malformed request", "details": details}, status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Say that the site made a mistake, and by which number it can be found.

    Or that something was away before any view had its turn, as for who asks who
    comes.
    """
    exception = sys.exc_info()[1]
    if down := outage.of(exception):
        if not request.path_info.startswith("/api/"):
            return outage.page(request, down)
        status, body = told(exception)
        headers = {"Retry-After": str(outage.WAIT_SECONDS)}
        return JsonResponse(body, status=status, headers=headers)
    if request.path_info.startswith("/api/"):
        return JsonResponse(broken(request), status=500)
    number = requestlog.number_of(request)
    page = loader.get_template("500.html").render({"number": number})
    return HttpResponseServerError(page)


def routes(*, has_frontend: bool) -> list:
    """Return all routes; a front end has the root, and the boards give way to it."""
    boards = include("parts.urls")
    return [
        path("admin/", admin.site.urls),
        path("account/", include("accounts.urls")),
        path("account/", include("parts.people_urls")),
        path("api/", include("parts.api.urls")),
        path("health", Health.as_view(), name="health"),
        path("health/", Health.as_view()),
        path("health/ready", ready, name="health-ready"),
        path("metrics", metrics, name="metrics"),
        path("favicon.ico", favicon),
        # Only pages in another language than English ask for it.
        path(
            "words.js",
            login_not_required(JavaScriptCatalog.as_view()),
            name="words",
        ),
        *(
            [path("boards/", boards), frontend.route]
            if has_frontend
            else [path("", boards)]
        ),
    ]


handler400 = bad_request
handler500 = server_error
urlpatterns = routes(has_frontend=bool(settings.FRONTEND_DIR))

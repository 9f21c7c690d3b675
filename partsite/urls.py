"""The root routes."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path

from partsite.health import Health


@login_not_required
def favicon(request: HttpRequest) -> HttpResponse:
    """Lead to the logo where a browser asks by itself: the admin, a PDF, JSON."""
    return redirect(static("img/logo.svg"))


urlpatterns = [
    path("admin/", admin.site.urls),
    path("account/", include("accounts.urls")),
    path("api/", include("parts.api.urls")),
    path("health", Health.as_view(), name="health"),
    path("health/", Health.as_view()),
    path("favicon.ico", favicon),
    path("", include("parts.urls")),
]

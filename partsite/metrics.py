"""Figures for Prometheus: who may read them."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse

from partsite import frontend, ratelimit


@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer addresses of ``METRICS_ALLOW``; for others there is no such page."""
    if settings.FRONTEND_DIR and not settings.METRICS_ALLOW:
        return frontend.frontend(request)  # it may have a page of that name
    if not ratelimit.is_client_of(request, "METRICS_ALLOW"):
        raise Http404("There is no such page.")
    # Not at the start: most sites are watched by nobody.
    from parts.watch.figures import exposition

    return exposition()

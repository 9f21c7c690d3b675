"""How requests are counted where somebody watches."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django_prometheus.middleware import (
    PrometheusAfterMiddleware,
    PrometheusBeforeMiddleware,
)
from prometheus_client import Histogram

from partsite.surroundings import is_bare

# Django, and so the library, has no part in them.
BY_KEY = {
    method: Histogram(
        f"partsite_{what}_by_key_seconds",
        f"{what.capitalize()} by key that were answered before Django.",
        ["status"],
    )
    for method, what in (("GET", "reads"), ("POST", "writes"))
}


class AllRequests(PrometheusBeforeMiddleware):
    """The library's own, around everything."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return (
            self.get_response(request)
            if is_bare(request)
            else super().__call__(request)
        )


class Requests(PrometheusAfterMiddleware):
    """The library's own, by view, method and status."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return (
            self.get_response(request)
            if is_bare(request)
            else super().__call__(request)
        )

    def label_metric(
        self, metric: Any, request: HttpRequest, response: Any = None, **labels: str
    ) -> Any:
        if "method" in labels:
            # It names one of its figures by whatever word a stranger sent (2.5.0),
            # and each would be kept for ever.
            labels["method"] = self._method(request)
        return super().label_metric(metric, request, response, **labels)

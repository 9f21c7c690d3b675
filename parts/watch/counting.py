"""How requests are counted where somebody watches."""

from typing import Any

from django.http import HttpRequest
from django_prometheus.middleware import PrometheusAfterMiddleware


class Requests(PrometheusAfterMiddleware):
    """The library's own, by view, method and status, reads by key among them."""

    def label_metric(
        self, metric: Any, request: HttpRequest, response: Any = None, **labels: str
    ) -> Any:
        if "method" in labels:
            # It names one of its figures by whatever word a stranger sent (2.5.0),
            # and each would be kept for ever.
            labels["method"] = self._method(request)
        return super().label_metric(metric, request, response, **labels)

    def _get_view_name(self, request: HttpRequest) -> str:
        if request.resolver_match is None and hasattr(request, "auth"):
            return "read-by-key"  # which no view has seen
        return super()._get_view_name(request)

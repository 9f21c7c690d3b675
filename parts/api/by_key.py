"""Requests with a key, which have no need of what pages do for people."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.urls import resolve

from accounts.authentication import carried_before_body
from partsite.language import english


class StraightToView:
    """The middleware; a request with a key goes past all that stands behind it.

    Sessions, languages, messages and the like cost a tenth of what a claim does
    (measured). Only views that these ask nothing of are gone to: who may do what is
    then for REST framework to say, as ever.
    """

    def __init__(self, get_response: Callable) -> None:
        # What counts requests by view is told of a view by Django's handler alone.
        if settings.METRICS_ALLOW:
            raise MiddlewareNotUsed
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith("/api/") and carried_before_body(request):
            way = resolve(request.path_info)
            is_open = not getattr(way.func, "login_required", True)
            if is_open and getattr(way.func, "csrf_exempt", False):
                request.resolver_match = way
                with english():
                    answer = way.func(request, *way.args, **way.kwargs)
                    return answer.render() if hasattr(answer, "render") else answer
        return self._get_response(request)

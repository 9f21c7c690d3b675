"""The error envelope: every refusal as the contract writes it."""

import logging
import math
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from accounts.authentication import KeyInAddress, RateLimited
from parts.errors import BadInput, PartError
from partsite import outage, requestlog

logger = logging.getLogger(__name__)

_BODY_IS_WRONG = "non_field_errors"


class Missing(exceptions.NotFound):
    """Something other than the part itself is not there."""

    def __init__(self, error: str, details: str) -> None:
        super().__init__(details)
        self.error = error


class ConversionFailed(exceptions.APIException):
    """There is no model, and waiting does not help."""

    status_code = 422


class StillConverting(exceptions.APIException):
    """There is no model yet."""

    status_code = 503
    wait = 2


class StillFetching(exceptions.APIException):
    """There is no newer drawing yet."""

    status_code = 503
    wait = 2


def handle(exc: Exception, context: dict) -> Response:
    """Answer any exception of a view."""
    set_rollback()
    status, body, headers = refusal(exc, context["request"]._request)
    return Response(body, status=status, headers=headers)


def refusal(
    exc: Exception, request: HttpRequest
) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return status, body and headers of the answer, and note what has to be noted.

    What nobody foresaw is a bare 500.
    """
    status, body = told(exc)
    if status == 500:
        # The process boundary. The signal is what Django itself would send, so
        # that tests and error reporters see the exception.
        logger.error("api_broke path=%s", request.path, exc_info=exc)
        got_request_exception.send(sender=None, request=request)
        body = broken(request)
    headers = {}
    if down := outage.of(exc):
        outage.note(request.path, down, exc)
        headers["Retry-After"] = str(outage.WAIT_SECONDS)
    if authenticate := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = authenticate
    if wait_seconds := getattr(exc, "wait", None):
        headers["Retry-After"] = str(wait_seconds)
    return status, body, headers


def broken(request: HttpRequest) -> dict[str, Any]:
    """Return the body of a 500, with the number by which the log has it."""
    return {**told(Exception())[1], "requestId": requestlog.number_of(request)}


def told(exc: Exception) -> tuple[int, dict[str, Any]]:
    """Return status and body of the answer to an exception."""
    if down := outage.of(exc):
        return down.status, _said(down.error, down.details)
    match exc:
        case BadInput():
            return 400, _invalid({exc.field or _BODY_IS_WRONG: [str(exc)]})
        case PartError():
            field = {"field": exc.field} if exc.field else {}
            return exc.status, _said(str(exc), code=exc.code, **field)
        case exceptions.ValidationError():
            return 400, _invalid(exc.detail)
        case exceptions.ParseError():
            return 400, _said("Malformed request", exc.detail)
        case exceptions.NotAuthenticated():
            return 401, _said(
                "API key required",
                "Send a key in the header X-API-Key, or sign in.",
            )
        case KeyInAddress():
            return 401, _said(
                "API key in the address",
                "Send it in the header X-API-Key: this site takes none in ?api_key=, "
                "since addresses are kept in logs and histories.",
            )
        case exceptions.AuthenticationFailed():
            return 401, _said(
                "Invalid API key", "This key is unknown, has expired or was revoked."
            )
        case RateLimited():
            return 429, {
                "error": "Rate limited",
                "message": "Too many requests; wait a moment.",
                "retry_after": round(exc.wait_seconds, 3),
                "details": f"Ask again in {math.ceil(exc.wait_seconds)} s.",
            }
        case Missing():
            return 404, _said(exc.error, exc.detail)
        case Http404() | exceptions.NotFound():
            return 404, _said("Part not found", "There is no part with this number.")
        case PermissionDenied() | exceptions.PermissionDenied():
            return 403, _said(str(getattr(exc, "detail", exc)) or "Not allowed")
        case exceptions.MethodNotAllowed():
            return 405, _said("Method not allowed", "See the header Allow.")
        case exceptions.UnsupportedMediaType():
            return 415, _said(
                "Unsupported media type",
                "Send application/json, and a file as multipart/form-data.",
            )
        case ConversionFailed():
            return 422, _said("Model conversion failed", exc.detail)
        case StillConverting():
            return 503, _said("Model is still being converted", "Ask again soon.")
        case StillFetching():
            return 503, _said("Drawing is still being fetched", "Ask again soon.")
        case RequestDataTooBig():
            return 413, _said("Request too large", "Only a file may be this large.")
        case SuspiciousOperation() | UnreadablePostError():
            return 400, _said("Malformed request", "It could not be read.")
        case exceptions.APIException():
            return exc.status_code, _said(exc.default_detail, exc.detail)
    return 500, _said("Internal server error", "It has been noted. Try again.")


def _said(error: str, details: Any = None, **more: str) -> dict[str, Any]:
    # Existing clients show ``error`` and nothing else, so a sentence for people
    # stands there too.
    return {"error": error, "details": error if details is None else details, **more}


def _invalid(detail: Any) -> dict[str, Any]:
    errors = dict(_flat(detail))
    field, messages = next(iter(errors.items()))
    body = {"error": "Validation Error", "details": messages[0], "errors": errors}
    return body if field == _BODY_IS_WRONG else {**body, "field": field}


def _flat(detail: Any) -> Iterator[tuple[str, list[str]]]:
    if not isinstance(detail, Mapping):
        detail = {_BODY_IS_WRONG: detail}
    for field, messages in detail.items():
        yield (
            str(field),
            [str(m) for m in messages]
            if isinstance(messages, list)
            else [str(messages)],
        )

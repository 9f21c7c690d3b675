"""Pages that ask for the password again, or for a code."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.forms import CodeForm, PasswordAgainForm


def asked(request: HttpRequest) -> PasswordAgainForm:
    """Return the form as it was sent, or empty for a page that is only looked at."""
    data = request.POST if request.method == "POST" else None
    return PasswordAgainForm(data, account=request.user)


def shown(
    request: HttpRequest,
    template: str,
    form: PasswordAgainForm | CodeForm,
    **context: Any,
) -> HttpResponse:
    """Return the page of ``form``, with the status of what is wrong with it."""
    status = 429 if form.wait_seconds else 422 if form.is_bound else 200
    response = render(request, template, {"form": form, **context}, status=status)
    if form.wait_seconds:
        response["Retry-After"] = str(form.wait_seconds)
    return response

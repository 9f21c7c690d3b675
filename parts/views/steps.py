"""The workflow's steps as buttons: each takes a POST, takes the step, leads back."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import url_has_allowed_host_and_scheme

from parts import workflow
from parts.errors import PartError
from parts.models import Part

from .access import posted
from .cards import board_of


@posted
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    return _take(request, pk, workflow.approve, "{part} is ready to be made.")


@posted
def send_back(request: HttpRequest, pk: int) -> HttpResponse:
    reason = request.POST.get("reason", "")
    return _take(request, pk, workflow.send_back, "{part} is sent back.", reason=reason)


@posted
def resubmit(request: HttpRequest, pk: int) -> HttpResponse:
    return _take(request, pk, workflow.resubmit, "{part} waits for review again.")


@posted
def assign(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a part, or give it to whoever ``assigned`` names."""
    worker = request.POST.get("assigned")
    if worker is None:
        me = request.user.worker_name
        return _take(request, pk, workflow.assign, "{part} is yours.", worker=me)
    said = "{part.assigned} has {part} now."
    return _take(request, pk, workflow.reassign, said, worker=worker)


@posted
def start(request: HttpRequest, pk: int) -> HttpResponse:
    return _take(request, pk, workflow.start, "{part} is in progress.")


@posted
def accept_revision(request: HttpRequest, pk: int) -> HttpResponse:
    said = "You go on with the new file of {part}."
    return _take(request, pk, workflow.accept_revision, said)


@posted
def unclaim(request: HttpRequest, pk: int) -> HttpResponse:
    return _take(request, pk, workflow.unclaim, "{part} is free again.")


@posted
def complete(request: HttpRequest, pk: int) -> HttpResponse:
    storage = request.POST.get("storage", "")
    said = "{part} is done."
    return _take(request, pk, workflow.complete, said, tags="joy", storage=storage)


@posted
def revert(request: HttpRequest, pk: int) -> HttpResponse:
    reason = request.POST.get("why", "")
    return _take(request, pk, workflow.revert, "{part} is reopened.", reason=reason)


@posted
def trash(request: HttpRequest, pk: int) -> HttpResponse:
    said = "{part} is in the trash. A lead can restore it for 30 days."
    return _take(request, pk, workflow.trash, said)


def _take(
    request: HttpRequest,
    pk: int,
    step: Callable[..., Part],
    said: str,
    *,
    tags: str = "",
    **asked: str,
) -> HttpResponse:
    part = get_object_or_404(Part.objects.live(), pk=pk)
    try:
        step(part, actor=request.user, **asked)
    except PartError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said.format(part=part), extra_tags=tags)
    return redirect(_back(request, part))


def _back(request: HttpRequest, part: Part) -> str:
    """Return where the button was pressed: a board, at the card, or the part's page."""
    page = request.POST.get("next", "").partition("#")[0]
    if part.deleted_at and page in {"", part.get_absolute_url()}:
        page = board_of(part)
    if not url_has_allowed_host_and_scheme(
        page, {request.get_host()}, require_https=request.is_secure()
    ):
        page = part.get_absolute_url()
    if page == part.get_absolute_url():
        return page
    return f"{page}#part-{part.pk}"

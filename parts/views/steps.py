"""The workflow's steps as buttons: each takes a POST, takes the step, leads back."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from parts import workflow
from parts.errors import PartError
from parts.models import Part

from .access import posted
from .cards import board_of


@posted
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    note = request.POST.get("note", "")
    said = _("%(part)s is ready to be made.")
    return _take(request, pk, workflow.approve, said, note=note)


@posted
def send_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Send it back for the reasons that were ticked, and the one that was written."""
    reasons = [*request.POST.getlist("wish"), request.POST.get("reason", "")]
    reason = "\n".join(filter(None, (reason.strip() for reason in reasons)))
    said = _("%(part)s is sent back.")
    return _take(request, pk, workflow.send_back, said, reason=reason)


@posted
def resubmit(request: HttpRequest, pk: int) -> HttpResponse:
    said = _("%(part)s waits for review again.")
    return _take(request, pk, workflow.resubmit, said)


@posted
def assign(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a part, or give it to whoever ``assigned`` names."""
    worker = request.POST.get("assigned")
    if worker is None:
        me = request.user.worker_name
        said = _("%(part)s is yours.")
        return _take(request, pk, workflow.assign, said, worker=me)
    said = _("%(person)s has %(part)s now.")
    return _take(request, pk, workflow.reassign, said, worker=worker)


@posted
def start(request: HttpRequest, pk: int) -> HttpResponse:
    said = _("%(part)s is in progress.")
    return _take(request, pk, workflow.start, said)


@posted
def accept_revision(request: HttpRequest, pk: int) -> HttpResponse:
    said = _("You go on with the new file of %(part)s.")
    return _take(request, pk, workflow.accept_revision, said)


@posted
def unclaim(request: HttpRequest, pk: int) -> HttpResponse:
    said = _("%(part)s is free again.")
    return _take(request, pk, workflow.unclaim, said)


@posted
def complete(request: HttpRequest, pk: int) -> HttpResponse:
    storage = request.POST.get("storage", "")
    said = _("%(part)s is done.")
    return _take(request, pk, workflow.complete, said, tags="joy", storage=storage)


@posted
def block(request: HttpRequest, pk: int) -> HttpResponse:
    said = _("It is noted what blocks %(part)s.")
    return _take(
        request, pk, workflow.block, said, reason=request.POST.get("blocked", "")
    )


@posted
def unblock(request: HttpRequest, pk: int) -> HttpResponse:
    said = _("%(part)s can be made again.")
    return _take(request, pk, workflow.unblock, said)


@posted
def place(request: HttpRequest, pk: int) -> HttpResponse:
    """Say where a part lies."""
    said = _("It is noted where %(part)s lies.")
    return _take(
        request, pk, workflow.put, said, storage=request.POST.get("storage", "")
    )


@posted
def made_wrong(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark a part, and with ``again`` have it made again."""
    reason = request.POST.get("wrong_reason", "")
    if "again" in request.POST:
        return _remake(request, pk, reason=reason, pieces=request.POST.get("pieces"))
    said = _("%(part)s is marked as made wrong.")
    return _take(request, pk, workflow.mark_wrong, said, reason=reason)


@posted
def remake(request: HttpRequest, pk: int) -> HttpResponse:
    return _remake(request, pk)


def _remake(
    request: HttpRequest, pk: int, *, reason: str = "", pieces: str | None = None
) -> HttpResponse:
    part = get_object_or_404(Part.objects.live(), pk=pk)
    try:
        new = workflow.remake(
            part, actor=request.user, reason=reason, pieces=_count(pieces)
        )
    except PartError as error:
        messages.error(request, str(error))
    else:
        said = _("%(part)s is in production again, as %(code)s.")
        messages.success(request, said % {"part": part, "code": new.code})
    return redirect(_back(request, part))


def _count(text: str | None) -> int | None:
    """Return the whole number that was typed; 0, which is refused, for nonsense."""
    if text is None:
        return None
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 else 0


@posted
def revert(request: HttpRequest, pk: int) -> HttpResponse:
    reason = request.POST.get("why", "")
    said = _("%(part)s is reopened.")
    return _take(request, pk, workflow.revert, said, reason=reason)


@posted
def trash(request: HttpRequest, pk: int) -> HttpResponse:
    said = _("%(part)s is in the trash. A lead can restore it for 30 days.")
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
        words = {"part": part, "person": part.assigned}
        messages.success(request, said % words, extra_tags=tags)
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

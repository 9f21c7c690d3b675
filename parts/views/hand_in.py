"""Handing in parts: the page, and the files that are sent before it is done."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from parts import delivery, drafts, uploads
from parts.errors import FileRefused
from parts.intake import MOST_PARTS, HandIn
from parts.models import DraftFile

from .access import workers_only


@require_http_methods(["GET", "HEAD", "POST"])
@workers_only
def create(request: HttpRequest) -> HttpResponse:
    hand_in = HandIn(request)
    if request.method == "POST" and hand_in.save():
        messages.success(request, _said(hand_in))
        alone = hand_in.handed_in[0] if len(hand_in.handed_in) == 1 else None
        return redirect(alone or "parts:review")
    context = {"hand_in": hand_in, "most_parts": MOST_PARTS}
    answer = render(request, "parts/create.html", context, status=hand_in.status)
    if wait := hand_in.files.wait:
        answer["Retry-After"] = str(wait)
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@workers_only
def files(request: HttpRequest) -> HttpResponse:
    """Take a file for a part that is not handed in yet, or tell how far some are."""
    if request.method != "POST":
        uuids = [_uuid(text) for text in request.GET.get("parts", "").split(",")]
        known = [uuid for uuid in uuids[:MOST_PARTS] if uuid]
        found = drafts.sent_for(known, owner=request.user).values()
        return _told(request, [draft for group in found for draft in group])
    part_uuid = _uuid(request.POST.get("part"))
    if part_uuid is None:
        return JsonResponse({"error": _("Reload the page and try again.")}, status=400)
    try:
        upload = uploads.received(request)
        file = drafts.keep(upload, part_uuid=part_uuid, owner=request.user)
    except FileRefused as error:
        answer = JsonResponse({"error": str(error)}, status=error.status)
        if error.wait:
            answer["Retry-After"] = str(error.wait)
        return answer
    return _told(request, drafts.told([file]), status=201)


@require_POST
@workers_only
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a file that its owner sent from the part it was sent for."""
    drafts.let_go(get_object_or_404(DraftFile, pk=pk, owner=request.user))
    return HttpResponse(status=204)


@require_safe
@workers_only
def picture(request: HttpRequest, pk: int, tag: str) -> HttpResponse:
    """Return the picture of a file that its owner sent."""
    file = get_object_or_404(DraftFile, pk=pk, owner=request.user)
    if not file.thumbnail or file.thumbnail_tag != tag:
        raise Http404
    try:
        response = delivery.made(request, file.thumbnail.name, "image/png")
    except FileNotFoundError:
        raise Http404 from None
    response["Cache-Control"] = "private, max-age=86400, immutable"
    return response


def _told(
    request: HttpRequest, found: list[drafts.Draft], status: int = 200
) -> HttpResponse:
    context = {"drafts": found}
    response = render(request, "parts/_drafts.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _said(hand_in: HandIn) -> str:
    count = len(hand_in.handed_in)
    if count == 1:
        told = _("%(part)s is handed in and waits for review.")
        return told % {"part": hand_in.handed_in[0]}
    told = ngettext(
        "%(count)s part is handed in and waits for review.",
        "%(count)s parts are handed in and wait for review.",
        count,
    )
    return told % {"count": count}


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None

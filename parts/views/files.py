"""A part's files: one comes in, goes out, is converted again or fetched."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from parts import delivery, drawings, workflow
from parts.errors import PartError
from parts.forms import RevisionForm
from parts.models import Kind, Part, PartFile

from .access import posted, workers_only
from .parts import part_page


@posted
@workers_only
def upload(request: HttpRequest, pk: int) -> HttpResponse:
    part = get_object_or_404(Part.objects.live(), pk=pk)
    form = RevisionForm(request.POST, request.FILES, request=request)
    if not form.is_valid():
        return part_page(request, pk, revision_form=form)
    try:
        file = form.save(part)
    except PartError as error:
        messages.error(request, str(error))
    else:
        said = _("%(file)s is here as revision %(revision)d.")
        told = {"file": file.name, "revision": file.revision}
        messages.success(request, said % told)
    return redirect(part)


@require_safe
def download(request: HttpRequest, pk: int, kind: str, revision: int) -> HttpResponse:
    """Give the file away, or, asked with ``show``, let a drawing be looked at."""
    file = _file(pk, kind, revision)
    is_shown = "show" in request.GET and kind == Kind.DRAWING
    try:
        if is_shown:
            return delivery.shown(request, file)
        return delivery.original(request, file, as_attachment=True, may_redirect=True)
    except FileNotFoundError:
        return _lost(request, _("The bytes of this file are gone."))


@require_safe
def picture(request: HttpRequest, pk: int, revision: int, tag: str) -> HttpResponse:
    """Show the picture of a revision; its address names its bytes, so it is kept."""
    file = _file(pk, Kind.STEP, revision)
    if not file.thumbnail or file.thumbnail_tag != tag:
        raise Http404(_("There is no such picture."))
    try:
        answer = delivery.made(request, file.thumbnail.name, "image/png")
    except FileNotFoundError:
        return _lost(request, _("The bytes of this picture are gone."))
    answer["Cache-Control"] = "private, max-age=31536000, immutable"
    return answer


@posted
@workers_only
def retry(request: HttpRequest, pk: int, kind: str, revision: int) -> HttpResponse:
    file = _file(pk, kind, revision)
    try:
        workflow.convert_again(file.part, actor=request.user, file=file)
    except PartError as error:
        messages.error(request, str(error))
    else:
        said = _("%(file)s is converted again.") % {"file": file.name}
        messages.success(request, said)
    return redirect(file.part)


@posted
@workers_only
def fetch_drawing(request: HttpRequest, pk: int) -> HttpResponse:
    part = get_object_or_404(Part.objects.live(), pk=pk)
    try:
        drawings.ask(part, actor=request.user)
    except PartError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The drawing is being fetched from Onshape."))
    return redirect(part)


def _lost(request: HttpRequest, said: str) -> HttpResponse:
    return render(request, "404.html", {"said": said}, status=404)


def _file(pk: int, kind: str, revision: int) -> PartFile:
    files = PartFile.objects.filter(part__deleted_at=None).select_related("part")
    return get_object_or_404(files, part=pk, kind=kind, revision=revision)

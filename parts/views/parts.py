"""A part's own pages: look at it, change it, delete it."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from parts import drawings, workflow
from parts.errors import PartError
from parts.forms import EditForm, FieldForm, RevisionForm
from parts.models import Part

from . import notes, timeline
from .access import workers_only
from .cards import Card, board_of, inspect
from .comparing import comparison
from .fields import fields_of
from .live import page_version
from .sheet import Sheet

EVENTS_SHOWN = 20
EVENTS_MOST = 500


@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    return part_page(request, pk)


def part_page(
    request: HttpRequest, pk: int, revision_form: RevisionForm | None = None
) -> HttpResponse:
    """Show a part, with what is wrong with the file that was just sent, if any."""
    version = page_version()
    part = next((row.make() for row in Part.objects.cards([pk])), None)
    if part is None or part.deleted_at:
        raise Http404
    inspect([card := Card(part, request.user)])
    shows_all = request.GET.get("history") == "all"
    limit = EVENTS_MOST if shows_all else EVENTS_SHOWN
    events = list(part.events.all()[: limit + 1])
    files = list(part.files.order_by("-uploaded_at", "-pk"))
    names = {(file.kind, file.revision): file.name for file in files}
    context = {
        "part": part,
        "version": version,
        "card": card,
        "next": part.get_absolute_url(),
        "board_address": board_of(part),
        "fields": fields_of(part, request.user),
        "notes": notes.linked(part),
        "files": files,
        "comparison": comparison(part, files, request.GET.get("compare", "")),
        "days": timeline.by_day(timeline.told(each, names) for each in events[:limit]),
        "has_more_events": len(events) > limit and not shows_all,
        "revision_form": revision_form or RevisionForm(request=request),
        "can_fetch": (can_fetch := drawings.can_ask(part)),
        "fetch": drawings.latest(part) if can_fetch else None,
        "sheet": Sheet(part, request),
    }
    status = revision_form.status if revision_form else 200
    answer = render(request, "parts/detail.html", context, status=status)
    if revision_form and (wait := revision_form.wait):
        answer["Retry-After"] = str(wait)
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@workers_only
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    part = get_object_or_404(Part.objects.live(), pk=pk)
    if request.method != "POST":
        return _edit_page(request, EditForm(part=part, request=request))
    form = EditForm(request.POST, part=part, request=request)
    if form.is_stale():
        return _edit_page(request, form.rebased(), status=409)
    if not form.is_valid():
        return _edit_page(request, form, status=form.status)
    try:
        part = form.save()
    except PartError as error:
        form.add_error(None, str(error))
        return _edit_page(request, form, status=error.status)
    messages.success(request, _("%(part)s is saved.") % {"part": part})
    return redirect(part)


@require_http_methods(["GET", "HEAD", "POST"])
@workers_only
def edit_field(request: HttpRequest, pk: int, field: str) -> HttpResponse:
    """Change one field, on a small page of its own or where it stands."""
    part = get_object_or_404(Part.objects.live(), pk=pk)
    if field in workflow.LEADS_ONLY and not request.user.can_lead:
        raise PermissionDenied(_("Only a lead may set priority and due date."))
    data = request.POST if request.method == "POST" else None
    try:
        form = FieldForm(data, field=field, part=part, request=request)
    except KeyError:
        raise Http404(_("A part has no such field.")) from None
    if data is None:
        return _field_page(request, form)
    if form.is_stale():
        return _field_page(request, form.rebased(), status=409)
    if not form.is_valid():
        return _field_page(request, form, status=form.status)
    try:
        form.save()
    except PartError as error:
        form.add_error(None, str(error))
        return _field_page(request, form, status=error.status)
    if form.has_changed():
        said = _("%(field)s is saved.") % {"field": form.field.label}
        messages.success(request, said)
    return redirect(f"{part.get_absolute_url()}#field-{field}")


def _field_page(
    request: HttpRequest, form: FieldForm, status: int = 200
) -> HttpResponse:
    meanwhile = reversed(form.meanwhile or [])
    theirs = next((event for event in meanwhile if form.only in event.changes), None)
    context = {
        "form": form,
        "part": form.part,
        "is_conflict": form.meanwhile is not None,
        "theirs": theirs,
    }
    return render(request, "parts/edit_field.html", context, status=status)


def _edit_page(request: HttpRequest, form: EditForm, status: int = 200) -> HttpResponse:
    meanwhile = form.meanwhile
    context = {
        "form": form,
        "part": form.part,
        "is_conflict": meanwhile is not None,
        "lines": [timeline.told(event) for event in meanwhile or []],
    }
    return render(request, "parts/edit.html", context, status=status)


@require_safe
@workers_only
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    parts = Part.objects.live().with_files().with_author()
    part = get_object_or_404(parts, pk=pk)
    card = Card(part, request.user)
    if not card.can_delete:
        raise PermissionDenied(
            _(
                "Only a lead, or whoever handed it in while it is in review, may "
                "delete a part."
            )
        )
    context = {"part": part, "card": card, "next": board_of(part)}
    return render(request, "parts/confirm_delete.html", context)

"""Parts and seasons: lists, the part's page, and its way through ``workflow``."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import Count, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from parts import workflow
from parts.errors import PartError
from parts.kept.sums import SEARCHED
from parts.models import Part, Priority, Season, Status

from . import steps
from .events import EVENTS_SHOWN, EventInline
from .files import FileInline
from .forms import PartForm, take
from .shown import picture, sign

# The colour of a status; its word always stands beside it.
_SIGNS = {
    Status.PENDING: "waiting",
    Status.REVIEWED: "ready",
    Status.APPROVED: "ready",
    Status.IN_PROGRESS: "doing",
    Status.ALREADY_STARTED: "ready",
    Status.COMPLETED: "done",
    Status.CANCELLED: "waiting",
}


class TrashFilter(admin.SimpleListFilter):
    title = _("trash")
    parameter_name = "trash"

    def lookups(self, request, model_admin) -> list[tuple[str, str]]:
        return [("only", _("In the trash")), ("with", _("Both"))]

    def choices(self, changelist):
        first, *others = super().choices(changelist)
        yield {**first, "display": _("Not in the trash")}
        yield from others

    def queryset(self, request, queryset: QuerySet) -> QuerySet:
        if self.value() == "with":
            return queryset
        return queryset.in_trash() if self.value() == "only" else queryset.live()


class ConversionFilter(admin.ChoicesFieldListFilter):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.title = "conversion of the STEP file"


def _bulk(name: str) -> Callable:
    """Make the bulk action that takes one step with each chosen part."""

    def action(modeladmin, request, queryset) -> HttpResponse:
        return steps.run(
            request,
            name,
            queryset,
            site=modeladmin.admin_site,
            back=request.get_full_path(),
            bulk=True,
        )

    action.__name__ = name
    return admin.action(action, description=steps.STEPS[name].label)


@admin.register(Part)
class PartAdmin(admin.ModelAdmin):
    form = PartForm
    change_form_template = "admin/change_form_with_steps.html"
    list_display = [
        "picture",
        "title",
        "place",
        "stage",
        "assigned",
        "pieces",
        "due",
    ]
    list_display_links = ["title"]
    list_filter = [
        "category",
        "status",
        "type",
        "priority",
        ("season", admin.RelatedFieldListFilter),
        ("current_step__state", ConversionFilter),
        TrashFilter,
    ]
    list_per_page = 50
    search_fields = SEARCHED
    search_help_text = "Name, number, subsystem, material, holder or notes"
    actions = [_bulk(name) for name in steps.BULK]
    readonly_fields = [
        "picture",
        "state",
        "category",
        "assigned",
        "claimed_date",
        "claimed_revision",
        "claimed_drawing",
        "approved_at",
        "completed_at",
        "created_at",
        "updated_at",
        "deleted_at",
        "uuid",
    ]
    _written = [
        (
            None,
            {
                "fields": [
                    "name",
                    "code",
                    ("type", "subsystem", "season"),
                    ("priority", "due_date"),
                ]
            },
        ),
        (
            _("What is made"),
            {
                "fields": [
                    "amount",
                    ("material", "material_thickness"),
                    "onshape_url",
                    "service_method",
                    "notes",
                ]
            },
        ),
    ]
    _upload = (_("Add a file"), {"fields": ["upload"]})
    _stands = (
        _("Where it stands"),
        {
            "fields": [
                "picture",
                ("state", "category"),
                ("assigned", "claimed_date"),
                ("claimed_revision", "claimed_drawing"),
                ("approved_at", "completed_at"),
                ("created_at", "updated_at", "deleted_at"),
            ],
            "description": "Changed by the steps above, not by hand.",
        },
    )
    _progress = (
        "Progress",
        {
            "fields": [
                ("made", "scrapped", "completed_incorrectly"),
                "storage_location",
                "blocked_reason",
                "reviewer",
            ]
        },
    )
    _further = (
        _("Further data"),
        {"classes": ["collapse"], "fields": ["extra", "uuid"]},
    )

    # Lists

    def get_queryset(self, request) -> QuerySet[Part]:
        return super().get_queryset(request).with_files()

    def get_actions(self, request) -> dict:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # “Move to trash” stands for it
        return actions

    @admin.display(description=_("picture"))
    def picture(self, part: Part) -> str:
        return picture(part.current_step)

    @admin.display(description=_("part"), ordering="name")
    def title(self, part: Part) -> str:
        return str(part)

    @admin.display(description=_("number"), ordering="code")
    def place(self, part: Part) -> str:
        return format_html(
            '{}<div class="quiet">{}</div>', part.code or "–", part.subsystem
        )

    @admin.display(description=_("status"), ordering="status")
    def state(self, part: Part) -> str:
        signs = [(_SIGNS[part.status], part.get_status_display())]
        if part.deleted_at:
            signs.append(("blocked", _("In the trash")))
        if part.blocked_reason:
            signs.append(
                ("blocked", _("Sent back") if part.is_sent_back else _("Blocked"))
            )
        if part.is_outdated:
            signs.append(("blocked", _("Newer file than its claim")))
        if part.completed_incorrectly:
            signs.append(("wrong", _("Made wrong")))
        return format_html_join(" ", "{}", ((sign(*one),) for one in signs))

    @admin.display(description=_("stage"), ordering="category")
    def stage(self, part: Part) -> str:
        category = part.get_category_display()
        return format_html('{}<div class="quiet">{}</div>', self.state(part), category)

    @admin.display(description=_("made"), ordering="amount")
    def pieces(self, part: Part) -> str:
        return f"{part.made} of {part.amount}"

    @admin.display(description=_("due"), ordering="due_date")
    def due(self, part: Part) -> str:
        day = date_format(part.due_date, "DATE_FORMAT") if part.due_date else "–"
        urgency = (
            "" if part.priority == Priority.NORMAL else part.get_priority_display()
        )
        return format_html('{}<div class="quiet">{}</div>', day, urgency)

    # One part

    def get_urls(self) -> list:
        step = self.admin_site.admin_view(self.step_view)
        return [
            path("<int:pk>/step/<slug:name>/", step, name="parts_part_step"),
            *super().get_urls(),
        ]

    def step_view(self, request, pk: int, name: str) -> HttpResponse:
        """Take one step with one part, from its page."""
        if name not in steps.STEPS:
            raise Http404(_("There is no such step."))
        part = get_object_or_404(self.get_queryset(request), pk=pk)
        return steps.run(
            request,
            name,
            [part],
            site=self.admin_site,
            back=reverse("admin:parts_part_change", args=[pk]),
        )

    def delete_view(self, request, object_id, extra_context=None) -> HttpResponse:
        """Ask about the trash: Django's own page would delete the part for good."""
        part = self.get_object(request, unquote(object_id))
        if part is None:
            raise Http404(_("There is no such part."))
        return redirect("admin:parts_part_step", part.pk, "trash")

    def history_view(self, request, object_id, extra_context=None) -> HttpResponse:
        """Show the part's own history, which tells more than the admin's log."""
        chosen = {"part__id__exact": unquote(object_id)}
        return redirect(reverse("admin:parts_partevent_changelist", query=chosen))

    def view_on_site(self, part: Part) -> str:
        return part.get_absolute_url()

    def has_change_permission(self, request, obj=None) -> bool:
        # What is in the trash is only shown. A form that was open when its part
        # went there may still be posted: workflow refuses it in words.
        shown_only = obj and obj.deleted_at and request.method != "POST"
        return super().has_change_permission(request, obj) and not shown_only

    def has_delete_permission(self, request, obj=None) -> bool:
        return super().has_delete_permission(request, obj) and not (
            obj and obj.deleted_at
        )

    def get_fieldsets(self, request, obj=None) -> list:
        if obj is None:
            return [*self._written, self._upload, self._further]
        upload = [] if obj.deleted_at else [self._upload]
        return [self._stands, *self._written, *upload, self._progress, self._further]

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "season":
            # A season is deleted or renamed in its own list, not from a part.
            field.widget.can_delete_related = False
            field.widget.can_change_related = False
            field.widget.can_view_related = False
        return field

    def get_inlines(self, request, obj) -> list:
        return [FileInline, EventInline] if obj else []

    def get_formset_kwargs(self, request, obj, inline, prefix) -> dict[str, Any]:
        rows = inline.get_queryset(request)
        if isinstance(inline, EventInline):
            newest = obj.events.values("pk")[:EVENTS_SHOWN]
            rows = rows.filter(pk__in=newest)
        return {"instance": obj, "prefix": prefix, "queryset": rows}

    def get_changeform_initial_data(self, request) -> dict[str, Any]:
        return {
            "season": Season.objects.current(),
            **super().get_changeform_initial_data(request),
        }

    def get_form(self, request, obj=None, change=False, **kwargs) -> type[PartForm]:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.request = request
        return form

    def render_change_form(
        self, request, context, add=False, change=False, form_url="", obj=None
    ) -> HttpResponse:
        context["steps"] = steps.offered(obj) if obj else []
        return super().render_change_form(request, context, add, change, form_url, obj)

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        # Before the admin's transaction, which keeps others from writing on SQLite: to
        # store a file takes its time.
        request.taken = take(request)
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except PartError as error:
            # The form was valid when it was read: somebody was faster.
            messages.error(request, str(error))
            return redirect(request.get_full_path())

    def save_model(self, request, obj: Part, form: PartForm, change: bool) -> None:
        stored = form.cleaned_data.get("upload")
        if change:
            workflow.edit(obj, actor=request.user, **form.typed())
            if stored:
                workflow.attach(obj, stored, actor=request.user)
            return
        written = workflow.EDITABLE & form.cleaned_data.keys()
        part = workflow.create(
            actor=request.user,
            upload=stored,
            **{name: form.cleaned_data[name] for name in written},
        )
        obj.pk = part.pk
        obj.refresh_from_db()


@admin.register(Season)
class SeasonAdmin(admin.ModelAdmin):
    list_display = ["name", "archived", "part_count", "created_at"]
    list_filter = ["archived"]
    search_fields = ["name"]
    fields = ["name", "archived", "created_at"]
    readonly_fields = ["created_at"]
    actions = ["archive", "unarchive"]

    def get_queryset(self, request) -> QuerySet[Season]:
        return super().get_queryset(request).annotate(part_count=Count("parts"))

    @admin.display(description=_("parts"), ordering="part_count")
    def part_count(self, season: Season) -> str:
        url = reverse(
            "admin:parts_part_changelist",
            query={"season__id__exact": season.pk, "trash": "with"},
        )
        return format_html('<a href="{}">{}</a>', url, season.part_count)

    @admin.action(description=_("Archive"))
    def archive(self, request, queryset) -> None:
        self._set_archived(request, queryset, True, _("archived"))

    @admin.action(description=_("Take out of the archive"))
    def unarchive(self, request, queryset) -> None:
        self._set_archived(request, queryset, False, _("in use again"))

    def _set_archived(self, request, queryset, archived: bool, deed: str) -> None:
        names = [season.name for season in queryset]
        Season.objects.filter(name__in=names).update(archived=archived)
        steps.tell(request, deed, names, [], _("seasons"))

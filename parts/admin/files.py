"""Uploaded files: looked at, converted again, never changed."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from parts import delivery, workflow
from parts.errors import PartError
from parts.models import Conversion, PartFile

from .shown import ReadOnly, Shown, part_link, picture, sign
from .steps import tell

_SIGNS = {
    Conversion.QUEUED: "waiting",
    Conversion.RUNNING: "doing",
    Conversion.DONE: "done",
    Conversion.FAILED: "blocked",
}


class FileColumns:
    """Columns that a file has in its list, its page and its part's page."""

    @admin.display(description=_("picture"))
    def picture(self, file: PartFile) -> str:
        return picture(file)

    @admin.display(description=_("conversion"), ordering="state")
    def conversion(self, file: PartFile) -> str:
        if not file.state:
            return ""
        word = sign(_SIGNS[file.state], file.get_state_display())
        if not file.error:
            return word
        return format_html('{}<div class="quiet why">{}</div>', word, file.error)

    @admin.display(description=_("size"), ordering="size_bytes")
    def size(self, file: PartFile) -> str:
        return f"{file.size_bytes / 1_000_000:.2f} MB"

    @admin.display(description=_("by"), ordering="uploaded_by_name")
    def by(self, file: PartFile) -> str:
        return file.uploaded_by_name or _("The system")


class FileInline(FileColumns, Shown):
    model = PartFile
    fields = [
        "picture",
        "opened",
        "kind",
        "revision",
        "conversion",
        "size",
        "by",
        "uploaded_at",
    ]
    readonly_fields = ["picture", "opened", "conversion", "size", "by"]
    verbose_name_plural = _("Files")

    @admin.display(description=_("name"))
    def opened(self, file: PartFile) -> str:
        url = reverse("admin:parts_partfile_change", args=[file.pk])
        return format_html('<a href="{}">{}</a>', url, file.name)


@admin.register(PartFile)
class PartFileAdmin(FileColumns, ReadOnly, admin.ModelAdmin):
    change_form_template = "admin/change_form_with_steps.html"
    list_display = [
        "picture",
        "name",
        "of_part",
        "kind",
        "revision",
        "conversion",
        "size",
        "by",
        "uploaded_at",
    ]
    list_display_links = ["name"]
    list_filter = ["state", "kind", "uploaded_at"]
    list_per_page = 50
    search_fields = ["name", "sha256", "part__name", "part__code", "uploaded_by_name"]
    ordering = ["-uploaded_at", "-pk"]
    actions = ["retry"]
    fieldsets = [
        (None, {"fields": list_display}),
        ("Conversion", {"fields": ["attempts", "took_seconds", "model_bytes"]}),
        ("Stored", {"fields": ["sha256", "stored", "facts"]}),
    ]
    readonly_fields = ["stored"]

    def get_queryset(self, request) -> QuerySet[PartFile]:
        return super().get_queryset(request).select_related("part")

    @admin.display(description=_("part"), ordering="part__name")
    def of_part(self, file: PartFile) -> str:
        return part_link(file.part)

    @admin.display(description=_("in the storage as"))
    def stored(self, file: PartFile) -> str:
        # Names only: nothing in the storage has an address of its own.
        return ", ".join(
            field.name for field in (file.content, file.model, file.thumbnail) if field
        )

    def get_urls(self) -> list:
        retry = self.admin_site.admin_view(require_POST(self.retry_view))
        shown = self.admin_site.admin_view(self.picture_view, cacheable=True)
        return [
            path(
                "<int:pk>/picture/<str:tag>.png", shown, name="parts_partfile_picture"
            ),
            path("<int:pk>/retry/", retry, name="parts_partfile_retry"),
            *super().get_urls(),
        ]

    def picture_view(self, request, pk: int, tag: str) -> HttpResponse:
        file = get_object_or_404(PartFile, pk=pk)
        if file.thumbnail_tag != tag:
            raise Http404(_("There is no such picture."))
        try:
            response = delivery.made(request, file.thumbnail.name, "image/png")
        except FileNotFoundError as error:
            raise Http404(_("The picture is lost.")) from error
        # The tag is of its bytes, so what is at this address never changes.
        response["Cache-Control"] = "private, max-age=31536000, immutable"
        return response

    def retry_view(self, request, pk: int) -> HttpResponse:
        self.retry(request, self.get_queryset(request).filter(pk=pk))
        return redirect("admin:parts_partfile_change", pk)

    def render_change_form(
        self, request, context, add=False, change=False, form_url="", obj=None
    ) -> HttpResponse:
        if obj.state in {Conversion.DONE, Conversion.FAILED}:
            url = reverse("admin:parts_partfile_retry", args=[obj.pk])
            context["steps"] = [{"label": _("Convert again"), "url": url}]
        return super().render_change_form(request, context, add, change, form_url, obj)

    @admin.action(description=_("Convert again"))
    def retry(self, request, queryset) -> None:
        done, refused = [], []
        for file in queryset:
            try:
                workflow.convert_again(file.part, actor=request.user, file=file)
            except PartError as error:
                refused.append(str(error))
            else:
                done.append(file.name)
        tell(request, "queued for conversion", done, refused, "files")

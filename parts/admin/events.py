"""The history of parts: looked at, never changed."""

from typing import Any

from django.contrib import admin
from django.db.models import DateTimeField, Field, QuerySet
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from parts.models import Part, PartEvent

from .shown import ReadOnly, Shown, part_link

EVENTS_SHOWN = 50


class EventColumns:
    @admin.display(description=_("who"), ordering="actor_name")
    def who(self, event: PartEvent) -> str:
        return event.actor_name or _("The system")

    @admin.display(description=_("what changed"))
    def what(self, event: PartEvent) -> str:
        return format_html_join(
            "",
            '<div><span class="quiet">{}:</span> {} → {}</div>',
            (
                _told(name, before, after)
                for name, (before, after) in sorted(event.changes.items())
            ),
        )


def _told(name: str, before: Any, after: Any) -> tuple[str, str, str]:
    """Return a change as people call it, even of a column that is no more."""
    field = next((field for field in Part._meta.fields if field.name == name), None)
    label = field.verbose_name if field else name.replace("_", " ")
    return str(label), _word(field, before), _word(field, after)


def _word(field: Field | None, value: Any) -> str:
    if value in ("", None):
        return "–"
    if isinstance(field, DateTimeField) and (at := parse_datetime(str(value))):
        return date_format(localtime(at), "DATETIME_FORMAT")
    choices = field.flatchoices if field else []
    text = next((label for choice, label in choices if choice == value), str(value))
    return text if len(text) <= 80 else f"{text[:79]}…"


class EventInline(EventColumns, Shown):
    model = PartEvent
    fields = ["at", "who", "verb", "what", "revision", "note"]
    readonly_fields = ["who", "what"]
    verbose_name_plural = _("History, the newest lines")


@admin.register(PartEvent)
class PartEventAdmin(EventColumns, ReadOnly, admin.ModelAdmin):
    list_display = ["at", "who", "verb", "of_part", "what", "revision", "note"]
    list_filter = ["verb", "at"]
    list_per_page = 50
    search_fields = ["actor_name", "part__name", "part__code", "note"]
    fields = ["at", "who", "api_key", "verb", "of_part", "what", "revision", "note"]

    def get_queryset(self, request) -> QuerySet[PartEvent]:
        return super().get_queryset(request).select_related("part", "api_key")

    @admin.display(description=_("part"), ordering="part__name")
    def of_part(self, event: PartEvent) -> str:
        return part_link(event.part)

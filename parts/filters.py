"""One filter for boards and API, so that they never disagree."""

from collections.abc import Callable

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from .models import SORTABLE, Category, Part, Queue, Status, Type

# Why a part does not move on: each is a named read of parts.
STUCK = [
    ("overdue", _("Overdue")),
    ("held-too-long", _("Held too long")),
    ("not-converted", _("Not converted")),
    ("blocked", _("Blocked")),
    ("sent-back", _("Sent back")),
]


class FlagField(forms.Field):
    """true, false or nothing; Django's own takes what it cannot read for nothing."""

    def to_python(self, value: str | None) -> bool | None:
        flags = {"true": True, "1": True, "false": False, "0": False, "": None}
        try:
            return flags[(value or "").strip().lower()]
        except KeyError:
            raise forms.ValidationError("Use true or false.") from None


class FlagFilter(django_filters.BooleanFilter):
    field_class = FlagField


class PartFilter(django_filters.FilterSet):
    search = django_filters.CharFilter(method="filter_search", label=_("Search"))
    category = django_filters.ChoiceFilter(choices=Category.choices)
    type = django_filters.ChoiceFilter(choices=Type.choices)
    status = django_filters.ChoiceFilter(choices=Status.choices)
    subsystem = django_filters.CharFilter(lookup_expr="iexact")
    material = django_filters.CharFilter(lookup_expr="iexact")
    assigned = django_filters.CharFilter(lookup_expr="iexact")
    unassigned = FlagFilter(method="filter_unassigned")

    class Meta:
        model = Part
        fields: list[str] = []

    def get_form_class(self) -> Callable[..., forms.Form]:
        """Return the form, which is the same each time, and made once."""
        cls = type(self)
        if "_form_class" not in vars(cls):
            cls._form_class = super().get_form_class()
        return cls._form_class

    def filter_search(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.matching(value)

    def filter_unassigned(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        return queryset.unassigned() if value else queryset.exclude(assigned="")


class BoardFilter(PartFilter):
    """What a board filters by besides; it leaves archived seasons out unless asked."""

    mine = FlagFilter(method="filter_mine")
    season = django_filters.CharFilter(method="filter_season")
    stuck = django_filters.ChoiceFilter(choices=STUCK, method="filter_stuck")
    queue = django_filters.ChoiceFilter(
        choices=[(queue.slug, queue.label) for queue in Queue], method="filter_queue"
    )
    thickness = django_filters.CharFilter(method="filter_thickness")
    storage = django_filters.CharFilter(method="filter_storage")
    wrong = FlagFilter(field_name="completed_incorrectly")

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        if not self.form.cleaned_data.get("season"):
            queryset = queryset.of_kept_seasons()
        return super().filter_queryset(queryset)

    def filter_search(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.found_by(value)

    def filter_mine(self, queryset: QuerySet, name: str, value: bool) -> QuerySet:
        return queryset.held_by(self.request.user.worker_name) if value else queryset

    def filter_stuck(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return getattr(queryset, value.replace("-", "_"))()

    def filter_queue(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.filter(queue={queue.slug: queue for queue in Queue}[value])

    def filter_thickness(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.of_thickness(value)

    def filter_storage(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset.lying_in(value)

    def filter_season(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset if value == "all" else queryset.filter(season__name=value)


def sort(queryset: QuerySet, by: str, order: str) -> QuerySet:
    """Order by a column of ``SORTABLE``; ties by id, so that pages never overlap.

    An unknown column is ``created_at``, any order but ``asc`` is ``desc``.
    """
    column = by if by in SORTABLE else "created_at"
    sign = "" if order == "asc" else "-"
    return queryset.order_by(f"{sign}{column}", f"{sign}id")

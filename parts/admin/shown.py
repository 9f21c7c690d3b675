"""What the admin shows and nobody writes: words with a colour, pictures, rows."""

from django.contrib import admin
from django.forms.models import BaseInlineFormSet
from django.urls import reverse
from django.utils.html import format_html

from parts.models import Part, PartFile


def sign(kind: str, word: str) -> str:
    """Return a word with its colour."""
    return format_html('<span class="sign" data-sign="{}">{}</span>', kind, word)


def picture(file: PartFile | None) -> str:
    """Return the small picture of a STEP file, or a plain ground."""
    if file is None or not file.thumbnail:
        return format_html('<span class="picture"{}></span>', "")
    # Not the API's address: that one is of current files outside the trash only.
    url = reverse("admin:parts_partfile_picture", args=[file.pk, file.thumbnail_tag])
    return format_html(
        '<img class="picture" src="{}" alt="" width="72" height="54" loading="lazy">',
        url,
    )


def part_link(part: Part) -> str:
    """Return the name of a part, leading to its page in the admin."""
    url = reverse("admin:parts_part_change", args=[part.pk])
    return format_html('<a href="{}">{}</a>', url, part)


class ReadOnly:
    """Rows that the admin shows and nobody adds, changes or deletes there."""

    def has_add_permission(self, request, obj=None) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


class ShownFormSet(BaseInlineFormSet):
    """Rows that a page shows: what is posted about them is not even read."""

    def is_valid(self) -> bool:
        return True

    def save(self, commit=True) -> list:
        self.new_objects, self.changed_objects, self.deleted_objects = [], [], []
        return []


class Shown(ReadOnly, admin.TabularInline):
    formset = ShownFormSet
    extra = 0

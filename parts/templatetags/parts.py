"""Presentation only: icons, times and measures in words."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from parts.measures import rounded, trimmed
from parts.models import Kind, PartFile

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw a sign of the sprite; it says nothing that words beside it do not."""
    # From the site itself even where there is a CDN: no browser draws a <use> of
    # another origin.
    here = f"{settings.BASE_PATH}{settings.WHITENOISE_STATIC_PREFIX}"
    return format_html(
        '<svg class="icon" data-icon="{}" aria-hidden="true" focusable="false">'
        '<use href="{}#{}"></use></svg>',
        name,
        static("img/icons.svg").replace(settings.STATIC_URL, here, 1),
        name,
    )


@register.filter
def ago(moment: datetime | None) -> str:
    """Say how long ago: “just now”, “4 minutes ago”, “3 days ago”."""
    words = lasting(moment)
    if words in {"", _("just now")}:
        return words
    return _("%(span)s ago") % {"span": words}


@register.filter
def lasting(moment: datetime | None) -> str:
    """Say for how long: “just now”, “4 minutes”, “3 days”, “9 days”."""
    if moment is None:
        return ""
    age = timezone.now() - moment
    if age < timedelta(minutes=1):
        return _("just now")
    if timedelta(weeks=1) <= age < timedelta(days=60):
        # “1 week” would hide most of a second one.
        return ngettext("%(count)s\xa0day", "%(count)s\xa0days", age.days) % {
            "count": age.days
        }
    return timesince(moment, timezone.now(), depth=1)


@register.filter
def short(number: float | None) -> str:
    """Write a number with three figures, as on a card: 203, 76.2, 2.29."""
    if number is None:
        return ""
    places = 2 if abs(number) < 10 else 1 if abs(number) < 100 else 0
    return trimmed(rounded(number, places))


@register.filter
def short_box(sides: Iterable[float] | None) -> str:
    """Write a box as on a card: 203 × 76.2 × 2.29."""
    return " × ".join(short(side) for side in sides or [])


@register.filter
def models_json(files: Iterable[PartFile]) -> str:
    """Write the models among a part's files as JSON, newest first, for the viewer."""
    shown = [file for file in files if file.kind == Kind.STEP and file.model]
    shown.sort(key=lambda file: file.revision, reverse=True)
    return json.dumps([_model(file) for file in shown])


def _model(file: PartFile) -> dict:
    address = reverse("api:part-revision-model", args=[file.part_id, file.revision])
    return {
        "revision": file.revision,
        "name": file.name,
        "src": f"{address}?v={file.model_tag}",
        "bytes": file.model_bytes,
    }

"""Presentation only: measures in both units, the reader's first."""

from collections.abc import Sequence

from django import template
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from parts.measures import units_of, written

register = template.Library()


@register.simple_tag(takes_context=True)
def measure(
    context: Context,
    value: float | Sequence[float] | None,
    quantity: str = "length",
    signed: bool = False,
) -> SafeString | str:
    """Write a measure in the reader's unit, and softer in the other."""
    if value is None:
        return ""
    first, other = (
        written(value, quantity, system, is_signed=signed)
        for system in units_of(context["user"])
    )
    return format_html(
        '<span class="measure">{}</span> <span class="measure facts__soft">{}</span>',
        first,
        other,
    )

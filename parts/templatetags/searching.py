"""Where a part was found, for templates."""

from django import template
from django.template import Context

from parts.models import Part
from parts.search import Found, where_found

register = template.Library()


@register.filter
def found_by(part: Part, text: str) -> list[Found]:
    return where_found(part, text)


@register.simple_tag(takes_context=True)
def where_it_was_found(context: Context, part: Part) -> list[Found]:
    """Say it on a board that is searched; ``chosen`` is what it is filtered by."""
    text = context.get("chosen", {}).get("search")
    return where_found(part, text) if text else []

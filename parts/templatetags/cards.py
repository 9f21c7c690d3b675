"""Cards that are drawn once, for as long as they would look the same."""

from hashlib import blake2b
from typing import Any

from django import template
from django.core.cache import caches
from django.template import Context
from django.template.loader import get_template
from django.urls import get_script_prefix
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

register = template.Library()

# Stands in a kept card where each reader's own token has to be.
_TOKEN = "the-token-of-who-reads"  # noqa: S105


@register.simple_tag(takes_context=True)
def draw_card(context: Context, template_name: str, level: int = 3) -> SafeString:
    """Draw ``card`` by a template, or find it drawn already.

    To draw 50 cards takes ten times as long as all the rest of their board. A card
    is known again by everything that is in it: when anything of that is another, so
    is the card. Nothing has to be thrown away, then, and nothing can be out of date.
    """
    card = context["card"]
    drawing = (draw_card, template_name, level)
    if drawing not in context.render_context:
        context.render_context[drawing] = _told(context, template_name, level)
    shared, digest = context.render_context[drawing]
    digest = digest.copy()
    digest.update(card.shown())
    key = digest.hexdigest()
    html = caches["drawn"].get(key)
    if html is None:
        html = get_template(template_name).render({**shared, "card": card})
        caches["drawn"].set(key, html)
    return mark_safe(html.replace(_TOKEN, str(context["csrf_token"])))  # noqa: S308


def _told(context: Context, template_name: str, level: int) -> tuple[dict, Any]:
    """Return what all cards of a page are told, and a digest that begins with it."""
    user = context["user"]
    shared = {
        "next": context["next"],
        "chosen": {"search": context.get("chosen", {}).get("search")},
        "level": level,
    }
    known = (
        template_name,
        shared,
        (user.can_work, user.can_lead, user.units),
        get_language(),
        timezone.get_current_timezone_name(),
        get_script_prefix(),
    )
    digest = blake2b(repr(known).encode(), digest_size=16)
    return {**shared, "user": user, "csrf_token": _TOKEN}, digest

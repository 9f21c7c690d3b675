"""Cards that are drawn once, for as long as they would look the same."""

import math
import secrets
from hashlib import blake2b
from urllib.parse import quote

from django import template
from django.core.cache import caches
from django.template import Context
from django.template.loader import get_template
from django.urls import get_script_prefix
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from parts.views.cards import BoardCard

register = template.Library()

# Stand in a kept card where each reader's own have to be. Nobody can write them.
_TOKEN = f"token-{secrets.token_hex()}"
_NEXT = f"next-{secrets.token_hex()}"


@register.simple_tag(takes_context=True)
def draw_card(context: Context, template_name: str, level: int = 3) -> SafeString:
    """Draw ``card`` by a template, or find it drawn already.

    To draw 50 cards takes ten times as long as all the rest of their board. A card
    is known again by everything that is in it, and kept with the time for which it
    looks so: nothing has to be thrown away, then, and nothing can be out of date.
    """
    card = context["card"]
    drawing = (draw_card, template_name, level)
    if drawing not in context.render_context:
        context.render_context[drawing] = Drawing(context, template_name, level)
    return context.render_context[drawing].of(card)


class Drawing:
    """How the cards of a page are drawn."""

    def __init__(self, context: Context, template_name: str, level: int) -> None:
        user = context["user"]
        self._template_name = template_name
        shared = {
            "next": _NEXT,
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
        self._shared = {**shared, "user": user, "csrf_token": _TOKEN}
        self._digest = blake2b(repr(known).encode(), digest_size=16)
        token, address = str(context["csrf_token"]), context["next"]
        self._own = (
            (_TOKEN, token),
            (f"?next={_NEXT}", f"?next={quote(address, safe='')}"),
            (_NEXT, escape(address)),
        )

    def of(self, card: BoardCard) -> SafeString:
        digest = self._digest.copy()
        digest.update(card.known())
        key, now = digest.hexdigest(), timezone.now().timestamp()
        begins, ends, html = caches["drawn"].get(key, (now, now, ""))
        if not begins <= now < ends:
            # Asked before it is drawn, so that it ends too soon and not too late.
            until = card.lasts_until()
            ends = until.timestamp() if until else math.inf
            told = {**self._shared, "card": card}
            html = str(get_template(self._template_name).render(told))
            caches["drawn"].set(key, (now, ends, html))
        for stands, own in self._own:
            html = html.replace(stands, own)
        return mark_safe(html)  # noqa: S308 - a template drew it

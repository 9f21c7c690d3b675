"""Pieces of pages that are drawn once, for as long as they would look the same.

A piece is known again by everything that is in it, and kept with the time for which
it looks so: nothing has to be thrown away, then, and nothing can be out of date.
"""

import contextlib
import math
import pickle
import re
import secrets
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Any
from urllib.parse import quote

from django import template
from django.http import HttpRequest, HttpResponse
from django.template import Context, loader
from django.template.loader import get_template
from django.urls import get_script_prefix
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from parts.views.cards import BoardCard

register = template.Library()

# Some 4 KB each. Each person has some of their own, such as the bar; with too few
# places the cards of all boards would be thrown out before they are asked for again.
PIECES = 3000

# Stand in what is kept where each reader's own have to be: the token, and the address
# that a button leads back to. Nobody can write them into a part.
_TOKEN = f"token-{secrets.token_hex()}"
_NEXT = f"next-{secrets.token_hex()}"
_STAND_INS = {"csrf_token": _TOKEN, "next": _NEXT}
_STANDING_IN = re.compile(rf"({_TOKEN}|(?:\?next=)?{_NEXT})")

# What was drawn, cut where each reader's own has to be: to look for those places costs
# more than all else once a board's cards are drawn (measured).
Piece = tuple[bytes, ...]

# Stands in a page for what is put in at the end, followed by its number.
_LATER = f"later-{secrets.token_hex()}-"
_FOR_LATER = re.compile(rf"{_LATER}(\d+);")


def page(request: HttpRequest, template_name: str, context: dict) -> HttpResponse:
    """Answer with a page whose cards are put in when all around them is there.

    Every level of a template copies all that is in it: a board's 200 KB of cards went
    through twelve, for a tenth of the time that the page took (measured).
    """
    later = request.drawn_for_later = []
    request.drawn_in = _surroundings()
    try:
        html = loader.render_to_string(template_name, context, request)
    finally:
        del request.drawn_in  # a page that tells of an error may have others
    texts = _FOR_LATER.split(html)
    for place, text in enumerate(texts):
        texts[place] = later[int(text)] if place % 2 else text.encode()
    return HttpResponse(b"".join(texts))


@register.simple_tag(takes_context=True)
def draw(context: Context, template_name: str, **told) -> SafeString:
    """Draw a piece by what it is told, which is all that it sees of the page.

    What it is told must be plain values; ``next`` and the token it has besides.
    """
    key = _digest((template_name, told, *_around(context)))
    piece = pieces.find(key, _now()) or _keep(
        key, template_name, {**told, **_STAND_INS}
    )
    html = _finished(piece, _own(context) if len(piece) > 1 else {})
    return mark_safe(html.decode())  # noqa: S308 # nosec B703 - a template's


@register.simple_tag(takes_context=True)
def draw_cards(
    context: Context, cards: Iterable[BoardCard], template_name: str, level: int = 3
) -> SafeString:
    """Draw cards: to draw 50 takes ten times as long as all the rest of a board.

    Their template sees ``card``, ``level``, ``user``, and what the board is searched
    for.
    """
    user = context["user"]
    told = {
        "chosen": {"search": context.get("chosen", {}).get("search")},
        "level": level,
    }
    rights = (user.can_work, user.can_lead, user.units)
    of_all = _digest((template_name, told, rights, *_around(context)))
    told |= {"user": user, **_STAND_INS}
    drawn: list[bytes] = []
    now = _now()
    for card in cards:
        key = (of_all, *card.known())
        piece = pieces.find(key, now)
        if not piece:
            # Asked before it is drawn, so that it ends too soon and not too late.
            until = card.lasts_until()
            piece = _keep(key, template_name, {**told, "card": card}, until)
        drawn += piece
    html = _finished(drawn, _own(context))
    later = context["request"].drawn_for_later
    later.append(html)
    return mark_safe(f"{_LATER}{len(later) - 1};")  # noqa: S308 # nosec B703 - as above


class _Pieces:
    """What was drawn in this process, the last ``most`` that were asked for.

    Django's own memory packs and unpacks each piece, which takes longer than all else
    that a card costs once it is drawn (measured).
    """

    def __init__(self, most: int) -> None:
        self._most = most
        # By all that is in it: from when on it looks so, until when, and what it is.
        self._kept: OrderedDict[Hashable, tuple[float, float, Piece]] = OrderedDict()

    def find(self, key: Hashable, now: float) -> Piece:
        """Return a piece that looks so at ``now``, in seconds since 1970, else ()."""
        begins, ends, piece = self._kept.get(key, (math.inf, math.inf, ()))
        if not begins <= now < ends:
            return ()
        with contextlib.suppress(KeyError):  # another thread threw it out
            self._kept.move_to_end(key)
        return piece

    def keep(self, key: Hashable, begins: float, ends: float, piece: Piece) -> None:
        self._kept[key] = (begins, ends, piece)
        while len(self._kept) > self._most:
            with contextlib.suppress(KeyError):
                self._kept.popitem(last=False)

    def clear(self) -> None:
        self._kept.clear()


pieces = _Pieces(PIECES)


def _now() -> float:
    return timezone.now().timestamp()


def _around(context: Context) -> tuple:
    """Return what is drawn into everything, found out once for a whole page."""
    return getattr(context["request"], "drawn_in", None) or _surroundings()


def _surroundings() -> tuple:
    zone = timezone.get_current_timezone_name()
    return get_language(), zone, get_script_prefix()


def _digest(known: tuple) -> bytes:
    return blake2b(pickle.dumps(known), digest_size=16).digest()


def _own(context: Context) -> dict[bytes, bytes]:
    """Return what the reader's own stands instead of."""
    request: HttpRequest = context["request"]
    if not hasattr(request, "own_in_drawn"):
        address = request.get_full_path()
        own = {
            _TOKEN: str(context["csrf_token"]),
            f"?next={_NEXT}": f"?next={quote(address, safe='')}",
            _NEXT: escape(address),
        }
        request.own_in_drawn = {
            stands.encode(): instead.encode() for stands, instead in own.items()
        }
    return request.own_in_drawn


def _finished(drawn: Iterable[bytes], own: dict[bytes, bytes]) -> bytes:
    return b"".join([own.get(text, text) for text in drawn])


def _keep(
    key: Hashable,
    template_name: str,
    told: dict[str, Any],
    until: datetime | None = None,
) -> Piece:
    """Draw a piece, and keep it for as long as it lasts."""
    begins = _now()
    ends = until.timestamp() if until else math.inf
    html = str(get_template(template_name).render(told))
    piece = tuple(text.encode() for text in _STANDING_IN.split(html))
    pieces.keep(key, begins, ends, piece)
    return piece

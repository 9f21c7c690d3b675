"""Finding a part while its name is being typed, wherever it stands."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from parts.models import Part
from parts.querysets import words_of

from .cards import Card

MOST_FOUND = 8


@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """Answer the best few parts for ``search``, as a piece of a page."""
    text = request.GET.get("search", "")[:200]
    found = Part.objects.live().of_kept_seasons().found_by(text)
    if not words_of(text):
        found = found.none()
    parts = list(found.best_first(text).with_files()[: MOST_FOUND + 1])
    context = {
        "cards": [Card(part, request.user) for part in parts[:MOST_FOUND]],
        "has_more": len(parts) > MOST_FOUND,
        "text": text,
    }
    return render(request, "parts/_found.html", context)

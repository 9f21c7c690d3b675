"""To whom a lead gives a part: a page of names, opened over the board by a script."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from parts import tallies
from parts.models import SHOP, Part

from .cards import board_of


@require_safe
def give(request: HttpRequest, pk: int) -> HttpResponse:
    if not request.user.can_lead:
        raise PermissionDenied(_("Only leads may give a part to somebody."))
    part = get_object_or_404(Part.objects.in_shop(), pk=pk)
    page = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(
        page, {request.get_host()}, require_https=request.is_secure()
    ):
        page = board_of(part)
    context = {"part": part, "next": page, "people": _people(part)}
    return render(request, "parts/give.html", context)


def _people(part: Part) -> list[dict]:
    """List who can be given a part, by name, with how many parts they have."""
    loads = tallies.words("assigned", categories=SHOP)["assigned"]
    people = {
        name.casefold(): {"name": name, "load": loads[name].parts} for name in loads
    }
    for user in User.objects.workers():
        person = people.setdefault(user.name.casefold(), {"load": 0})
        person["name"] = user.name
    people.pop(part.assigned.casefold(), None)
    return [people[key] for key in sorted(people)]

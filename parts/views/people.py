"""People and what they hold: the own account, and everybody's for leads."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts import people, trail
from accounts.access import leads_only
from accounts.forms import ProfileForm
from accounts.models import Role, User
from accounts.people import PeopleError
from accounts.views.profile import remember_look
from parts import workflow
from parts.lettercase import fold
from parts.models import Part

PEOPLE_PER_PAGE = 50
SESSIONS_SHOWN = 20
PARTS_SHOWN = 12


# --- The own account ----------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Show and change the own account; see where it is signed in."""
    here = {"density": request.COOKIES.get("density", "comfortable")}
    if request.method != "POST":
        return _profile_page(request, ProfileForm(instance=request.user, initial=here))
    own = User.objects.get(pk=request.user.pk)
    form = ProfileForm(request.POST, instance=own, initial=here)
    if not form.is_valid():
        return _profile_page(request, form, status=422)
    try:
        with transaction.atomic():
            own.save(update_fields=form.changed_columns)
            moved = workflow.rename_holder(request.user.name, actor=own)
    except IntegrityError:
        form.add_error("name", _("Somebody else has this display name."))
        return _profile_page(request, form, status=422)
    messages.success(request, _said_of_profile(moved))
    response = redirect("people:profile")
    remember_look(request, response, form.cleaned_data)
    return response


def _said_of_profile(moved: int) -> str:
    if not moved:
        return _("Saved.")
    return ngettext(
        "Saved. %(n)s part that you hold has your new name.",
        "Saved. %(n)s parts that you hold have your new name.",
        moved,
    ) % {"n": moved}


def _profile_page(
    request: HttpRequest, form: ProfileForm, status: int = 200
) -> HttpResponse:
    sessions = list(request.user.sessions.live()[: SESSIONS_SHOWN + 1])
    context = {
        "form": form,
        "sessions": sessions[:SESSIONS_SHOWN],
        "has_more_sessions": len(sessions) > SESSIONS_SHOWN,
        "here": request.session.row,
        "key_count": request.user.api_keys.usable().count(),
    }
    return render(request, "accounts/profile.html", context, status=status)


# --- Everybody's --------------------------------------------------------------


@require_http_methods(["GET", "HEAD"])
@leads_only
def people_list(request: HttpRequest) -> HttpResponse:
    """List people with what a lead has to know of them."""
    wanted = {name: request.GET.get(name, "") for name in ("search", "role", "state")}
    found = User.objects.found_by(**wanted).with_key_count().with_second_factor()
    page = Paginator(found, PEOPLE_PER_PAGE).get_page(request.GET.get("page"))
    held = Part.objects.in_shop().tally_of_holders([user.name for user in page])
    for user in page:
        user.held = held.get(fold(user.name), 0)
    context = {
        "page": page,
        "wanted": wanted,
        "is_narrowed": any(wanted.values()),
        "roles": Role,
        "ticket": get_random_string(22),
    }
    return render(request, "accounts/people.html", context)


@require_POST
@leads_only
def role(request: HttpRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    try:
        people.set_role(user, request.POST.get("role", ""))
    except PeopleError as error:
        messages.error(request, str(error))
    else:
        _note(request, "role_given", user, role=user.role)
        said = _("%(name)s is now a %(role)s.")
        kind = user.get_role_display().lower()
        messages.success(request, said % {"name": user.name, "role": kind})
    return _back_to_list(request, pk)


@require_http_methods(["GET", "HEAD", "POST"])
@leads_only
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, and close an account; what it holds may go back to the board."""
    user = get_object_or_404(User, pk=pk)
    held = Part.objects.in_shop().held_by(user.name).in_queue_order()
    if request.method != "POST":
        parts = list(held)
        context = {
            "person": user,
            "parts": parts[:PARTS_SHOWN],
            "count": len(parts),
            "more": len(parts) - PARTS_SHOWN,
        }
        return render(request, "accounts/close.html", context)
    freed = 0
    try:
        with transaction.atomic():
            people.deactivate(user)
            if request.POST.get("let_go"):
                freed = workflow.let_go_all(user.name, actor=request.user)
    except PeopleError as error:
        messages.error(request, str(error))
    else:
        _note(request, "account_closed", user)
        said = _("%(name)s’s account is closed.") % {"name": user.name}
        if freed:
            said += " " + ngettext(
                "%(n)s part is free again.", "%(n)s parts are free again.", freed
            ) % {"n": freed}
        messages.success(request, said)
    return _back_to_list(request, pk)


@require_POST
@leads_only
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    user = people.activate(get_object_or_404(User, pk=pk))
    _note(request, "account_opened", user)
    said = _("%(name)s can sign in again.") % {"name": user.name}
    messages.success(request, said)
    return _back_to_list(request, pk)


def _note(request: HttpRequest, event: str, user: User, **told: str) -> None:
    by = request.user.username
    trail.note(request, event, user=by, account=user.username, **told)


def _back_to_list(request: HttpRequest, pk: int) -> HttpResponse:
    """Return to the person, on the page of the list where the button was pressed."""
    query = QueryDict(request.POST.get("query", "")).urlencode()
    response = redirect("people:list")
    response["Location"] += f"{'?' + query if query else ''}#person-{pk}"
    return response

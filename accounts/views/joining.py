"""Coming in for the first time: by an invitation, or as the first of all."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_ratelimit.core import get_usage

from accounts import invitations, trail
from accounts.forms import ChosenPasswordForm, JoinForm
from accounts.invitations import InvitationRefused
from accounts.models import Invitation, Role, User
from partsite.ratelimit import client_network

from .entering import enter

_WRONG_LINKS = "20/5m"


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def first(request: HttpRequest) -> HttpResponse:
    """Make the lead that a site without people begins with."""
    if User.objects.exists():
        return redirect(settings.LOGIN_URL)
    if not _is_at_the_machine(request):
        return render(request, "accounts/first_closed.html", status=403)
    form = JoinForm(request.POST or None)
    context = {"form": form, "is_first": True, "role": Role.LEAD}
    if request.method == "POST" and form.is_valid():
        try:
            user = invitations.first_lead(**form.cleaned_data)
        except InvitationRefused as error:
            messages.error(request, str(error))
            return redirect(settings.LOGIN_URL)
        return _welcome(request, user)
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/join.html", context, status=status)


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invited(request: HttpRequest) -> HttpResponse:
    """Let somebody in by a link: to an account of their own, or a new password."""
    token = request.POST.get("link") or request.GET.get("link", "")
    if tries := _spent(request):
        seconds = max(1, tries["time_left"])  # 0 in the last second of all
        response = render(request, "429.html", {"retry_after": seconds}, status=429)
        response["Retry-After"] = str(seconds)
        return response
    invitation = invitations.find(token)
    if invitation is None:
        _spent(request, increment=True)
        trail.warn(request, "link_unknown")
    if refusal := invitations.refusal(invitation):
        return _ended(request, refusal, 404 if invitation is None else 410)
    answer = _choose_password if invitation.account else _join
    return answer(request, invitation, token)


def _join(request: HttpRequest, invitation: Invitation, token: str) -> HttpResponse:
    form = JoinForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = invitations.join(invitation, **form.cleaned_data)
        except InvitationRefused as error:
            return _ended(request, str(error), 410)
        except IntegrityError:
            form.add_error(
                None, _("Somebody took this name in this moment; choose another.")
            )
        else:
            return _welcome(request, user)
    context = {
        "form": form,
        "token": token,
        "role": Role(invitation.role),
        "host": invitation.made_by,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/join.html", context, status=status)


def _choose_password(
    request: HttpRequest, invitation: Invitation, token: str
) -> HttpResponse:
    account = invitation.account
    form = ChosenPasswordForm(request.POST or None, account=account)
    if request.method == "POST" and form.is_valid():
        try:
            user = invitations.set_password(invitation, form.cleaned_data["password"])
        except InvitationRefused as error:
            return _ended(request, str(error), 410)
        return _welcome(request, user, _("Your new password is set."))
    context = {"form": form, "token": token, "account": account}
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/choose_password.html", context, status=status)


def _welcome(request: HttpRequest, user: User, words: str = "") -> HttpResponse:
    event = "password_set_by_link" if words else "joined"
    trail.note(request, event, user=user.username, role=user.role)
    words = words or _("Welcome, %(name)s.") % {"name": user.name}
    messages.success(request, words)
    return enter(request, user, page=resolve_url(settings.LOGIN_REDIRECT_URL))


def _ended(request: HttpRequest, words: str, status: int) -> HttpResponse:
    return render(request, "accounts/link_ended.html", {"words": words}, status=status)


def _spent(request: HttpRequest, *, increment: bool = False) -> dict | None:
    """Return how the tries of wrong links stand if there were too many."""
    usage = get_usage(
        request,
        group="invited",
        key=lambda group, request: client_network(request),
        rate=_WRONG_LINKS,
        increment=increment,
    )
    return usage if usage["count"] >= usage["limit"] else None


def _is_at_the_machine(request: HttpRequest) -> bool:
    """Whether somebody sits where the site runs, and so may be its first lead.

    The site listens to this machine alone (``FIRST_LEAD_HERE``), and no proxy or
    tunnel brought the request: those name whom they bring.
    """
    carried = {"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"}
    return (
        settings.FIRST_LEAD_HERE
        and request.META.get("REMOTE_ADDR") in {"127.0.0.1", "::1"}
        and not carried & set(request.headers)
    )

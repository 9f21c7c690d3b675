"""Leads make links that let somebody in, see which there are, and end them."""

from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import invitations
from accounts.access import leads_only
from accounts.forms import InvitationForm
from accounts.models import Invitation, User

from .qr import drawn
from .tickets import is_sent_before

PER_PAGE = 40
_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@leads_only
def invitation_list(request: HttpRequest) -> HttpResponse:
    """Show the links there are, or the one that was just made, this once."""
    if request.method != "POST":
        return _page(request, InvitationForm())
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    if is_sent_before(request):
        return _said_before(request)
    chosen = form.cleaned_data
    invitation, token = invitations.invite(
        chosen["role"],
        lasts=form.lasts_for,
        uses=chosen["uses"],
        note=chosen["note"],
        by=request.user,
    )
    return _made(request, invitation, token)


@never_cache
@require_POST
@leads_only
def password_link(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a link by which somebody who forgot the password chooses another."""
    account = get_object_or_404(User, pk=pk)
    if not account.is_active:
        raise PermissionDenied(
            _("%(name)s’s account is closed; open it first.") % {"name": account.name}
        )
    if is_sent_before(request):
        return _said_before(request)
    return _made(request, *invitations.new_password(account, by=request.user))


@require_POST
@leads_only
def invitation_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    invitation = get_object_or_404(Invitation, pk=pk)
    if invitations.revoke(invitation):
        messages.success(request, _("The link is revoked; it lets nobody in."))
    else:
        messages.info(request, _("This link had ended already."))
    return redirect("accounts:invitations")


def _page(
    request: HttpRequest, form: InvitationForm, status: int = 200
) -> HttpResponse:
    links = Invitation.objects.select_related("account", "made_by").open_first()
    context = {
        "form": form,
        "page": Paginator(links, PER_PAGE).get_page(request.GET.get("page")),
        "ticket": get_random_string(22),
    }
    return render(request, "accounts/invitations.html", context, status=status)


def _made(request: HttpRequest, invitation: Invitation, token: str) -> HttpResponse:
    # In the answer itself: messages, sessions and caches are stored.
    path = reverse("accounts:invited", query={"link": token})
    address = request.build_absolute_uri(path)
    context = {
        "invitation": invitation,
        "address": address,
        "is_here_only": urlsplit(address).hostname in _THIS_MACHINE,
        "qr": drawn(address),
    }
    return render(request, "accounts/invitation_made.html", context)


def _said_before(request: HttpRequest) -> HttpResponse:
    messages.info(
        request,
        _(
            "This form was sent before, and a link is shown only once. If you did "
            "not copy it, revoke it and make another."
        ),
    )
    return redirect("accounts:invitations")

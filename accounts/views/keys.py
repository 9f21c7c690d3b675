"""One's own API keys."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import keys, trail
from accounts.forms import KeyForm

from .tickets import is_sent_before

KEYS_PER_PAGE = 40


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def key_list(request: HttpRequest) -> HttpResponse:
    """Show somebody's own keys, or the one that was just made, this once."""
    if request.method != "POST":
        return _page(request, KeyForm(owner=request.user))
    form = KeyForm(request.POST, owner=request.user)
    if not form.is_valid():
        return _page(request, form, status=422)
    if is_sent_before(request):
        messages.info(
            request,
            _(
                "This form was sent before, and a key is shown only once. If you did "
                "not copy it, revoke it and make another."
            ),
        )
        return redirect("accounts:keys")
    try:
        key, text = form.save()
    except keys.KeyRefused as error:
        form.add_error(None, str(error))
        return _page(request, form, status=422)
    by = request.user.username
    trail.note(request, "key_made", user=by, key=key.prefix, scope=key.scope)
    # In the answer itself: messages, sessions and caches are stored.
    address = request.build_absolute_uri(reverse("api:part-list"))
    context = {"key": key, "text": text, "address": address}
    return render(request, "accounts/key_made.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def key_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, and end a key of one's own."""
    key = get_object_or_404(request.user.api_keys, pk=pk)
    if key.revoked_at:
        messages.info(request, _("“%(key)s” was revoked before.") % {"key": key.name})
        return redirect("accounts:keys")
    if request.method != "POST":
        return render(request, "accounts/key_revoke.html", {"key": key})
    keys.revoke(key)
    trail.note(request, "key_revoked", user=request.user.username, key=key.prefix)
    messages.success(
        request,
        _("“%(key)s” is revoked; nothing gets in with it any more.")
        % {"key": key.name},
    )
    return redirect("accounts:keys")


def _page(request: HttpRequest, form: KeyForm, status: int = 200) -> HttpResponse:
    own = request.user.api_keys
    pages = Paginator(own.usable_first(), KEYS_PER_PAGE)
    context = {
        "form": form,
        "page": pages.get_page(request.GET.get("page")),
        "is_full": own.usable().count() >= keys.MOST_USABLE,
        "most": keys.MOST_USABLE,
        "ticket": get_random_string(22),
    }
    return render(request, "accounts/keys.html", context, status=status)

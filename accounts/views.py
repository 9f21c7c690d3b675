"""Signing in and out, one's password and API keys, and how the pages look."""

import unicodedata

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth
from django.core.paginator import Paginator
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.urls import reverse, reverse_lazy
from django.utils.crypto import get_random_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django_ratelimit.core import get_usage

from partsite.ratelimit import Limit, client_network

from . import keys
from .forms import KeyForm, LoginForm, NewPasswordForm
from .models import Theme, User

LOOKS = {
    "theme": set(Theme.values),
    "density": {"compact", "comfortable"},
}
LOOK_SECONDS = 365 * 24 * 60 * 60
KEYS_PER_PAGE = 40
# A form makes one key, however often it is sent; no session lasts longer.
FORM_SENT = Limit("key-form", burst=1, every_seconds=settings.SESSION_COOKIE_AGE)

LogoutView = auth.LogoutView


class Answers422:
    """Answer an invalid form with 422."""

    def form_invalid(self, form: Form) -> HttpResponse:
        context = self.get_context_data(form=form)
        return self.render_to_response(context, status=422)


def _guessed_account(group: str, request: HttpRequest) -> str:
    """Return whose password is being guessed from where."""
    # As the form reads it: blanks off, letters in their plain form.
    name = unicodedata.normalize("NFKC", request.POST.get("username", "").strip())
    name = name[:100].casefold()
    return f"{client_network(request)} {name}"


def _guessing_place(group: str, request: HttpRequest) -> str:
    return client_network(request)


# Wrong passwords in five minutes; a whole school may share one address.
GUESSES = {"10/5m": _guessed_account, "100/5m": _guessing_place}


class Login(Answers422, auth.LoginView):
    template_name = "accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if spent := [use for use in self._guesses() if use["count"] >= use["limit"]]:
            wait_seconds = max(use["time_left"] for use in spent)
            context = {"retry_after": wait_seconds}
            response = render(request, "429.html", context, status=429)
            response["Retry-After"] = str(wait_seconds)
            return response
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: Form) -> HttpResponse:
        self._guesses(increment=True)
        return super().form_invalid(form)

    def _guesses(self, *, increment: bool = False) -> list[dict]:
        return [
            get_usage(
                self.request, group="login", key=key, rate=rate, increment=increment
            )
            for rate, key in GUESSES.items()
        ]


class PasswordChange(Answers422, auth.PasswordChangeView):
    template_name = "accounts/password_change.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("accounts:password-change-done")


class PasswordChangeDone(auth.PasswordChangeDoneView):
    template_name = "accounts/password_change_done.html"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def key_list(request: HttpRequest) -> HttpResponse:
    """Show somebody's own keys, or the one that was just made, this once."""
    if request.method != "POST":
        return _keys_page(request, KeyForm(owner=request.user))
    form = KeyForm(request.POST, owner=request.user)
    if not form.is_valid():
        return _keys_page(request, form, status=422)
    ticket = request.POST.get("ticket") or get_random_string(22)
    if FORM_SENT.wait_seconds(str(request.user.pk), ticket):
        messages.info(
            request,
            "This form was sent before, and a key is shown only once. If you did "
            "not copy it, revoke it and make another.",
        )
        return redirect("accounts:keys")
    try:
        key, text = form.save()
    except keys.KeyRefused as error:
        form.add_error(None, str(error))
        return _keys_page(request, form, status=422)
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
        messages.info(request, f"“{key.name}” was revoked before.")
        return redirect("accounts:keys")
    if request.method != "POST":
        return render(request, "accounts/key_revoke.html", {"key": key})
    keys.revoke(key)
    messages.success(
        request, f"“{key.name}” is revoked; nothing gets in with it any more."
    )
    return redirect("accounts:keys")


def _keys_page(request: HttpRequest, form: KeyForm, status: int = 200) -> HttpResponse:
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


@require_POST
def look(request: HttpRequest) -> HttpResponse:
    """Remember how somebody likes the pages: the theme everywhere, the rest here.

    The cookie of the theme is for the pages before the sign-in.
    """
    page = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(
        page, {request.get_host()}, require_https=request.is_secure()
    ):
        page = resolve_url(settings.LOGIN_REDIRECT_URL)
    response = redirect(page)
    if (theme := request.POST.get("theme")) in LOOKS["theme"]:
        User.objects.filter(pk=request.user.pk).update(theme=theme)
    for name, known in LOOKS.items():
        if request.POST.get(name) in known:
            response.set_cookie(
                name,
                request.POST[name],
                max_age=LOOK_SECONDS,
                path=settings.SESSION_COOKIE_PATH,
                samesite="Lax",
                secure=request.is_secure(),
                httponly=True,
            )
    return response

"""Signing in and out, changing one's password, and how the pages look to one."""

import unicodedata

from django.conf import settings
from django.contrib.auth import views as auth
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST
from django_ratelimit.core import get_usage

from partsite.ratelimit import client_network

from .forms import LoginForm, NewPasswordForm

LOOKS = {
    "theme": {"light", "dark", "auto"},
    "density": {"compact", "comfortable"},
}
LOOK_SECONDS = 365 * 24 * 60 * 60

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


@require_POST
def look(request: HttpRequest) -> HttpResponse:
    """Remember on this device how somebody likes the pages."""
    page = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(
        page, {request.get_host()}, require_https=request.is_secure()
    ):
        page = resolve_url(settings.LOGIN_REDIRECT_URL)
    response = redirect(page)
    for name, known in LOOKS.items():
        if request.POST.get(name) in known:
            response.set_cookie(
                name,
                request.POST[name],
                max_age=LOOK_SECONDS,
                samesite="Lax",
                secure=request.is_secure(),
                httponly=True,
            )
    return response

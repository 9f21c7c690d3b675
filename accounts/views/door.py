"""Signing in and out, with what was typed before the session was lost."""

import unicodedata

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.csrf import csrf_failure as plain_csrf_failure
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_ratelimit.core import get_usage

from accounts import factors, kept, sessions, trail
from accounts.access import open_while_owing, owes, whoever
from accounts.factors import CodeRefused
from accounts.forms import CodeForm, LoginForm, NewPasswordForm
from accounts.kept import Kept
from accounts.models import User
from partsite.ratelimit import client_network

from .confirming import shown
from .entering import IN_SESSION, admit, enter, half_in, show_again


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


def _known(request: HttpRequest) -> str:
    """Return whose name was typed; what is nobody's may be a password."""
    typed = request.POST.get("username", "").strip().replace("\0", "")
    found = User.objects.filter(username__iexact=typed).values_list("username")
    return found[0][0] if found else "(nobody)"


# Wrong passwords in five minutes; a whole school may share one address.
GUESSES = {"10/5m": _guessed_account, "100/5m": _guessing_place}


class Login(Answers422, auth.LoginView):
    template_name = "accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def get(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if owes(request):
            return redirect("accounts:factor")
        if not User.objects.exists():
            return redirect("accounts:first")
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if spent := [use for use in self._guesses() if use["count"] >= use["limit"]]:
            trail.warn(request, "sign_in_not_tried", user=_known(request))
            # 0 in the last second of all.
            return self._wait(max(1, *(use["time_left"] for use in spent)))
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: Form) -> HttpResponse:
        carried = kept.read(self.request.POST.get(kept.FIELD, ""))
        page = self.get_success_url()
        return enter(self.request, form.get_user(), page=page, carried=carried)

    def form_invalid(self, form: Form) -> HttpResponse:
        self._guesses(increment=True)
        trail.warn(self.request, "sign_in_refused", user=_known(self.request))
        return super().form_invalid(form)

    def get_context_data(self, **kwargs) -> dict:
        carried = kept.read(self.request.POST.get(kept.FIELD, ""))
        return super().get_context_data(**kwargs) | _carrying(carried)

    def _wait(self, seconds: int) -> HttpResponse:
        """Refuse to look at a password, and say for how long."""
        form = self.get_form()
        form.refusal = ngettext(
            "Too many wrong passwords. Wait %(n)s second, then try again.",
            "Too many wrong passwords. Wait %(n)s seconds, then try again.",
            seconds,
        ) % {"n": seconds}
        context = self.get_context_data(form=form)
        response = self.render_to_response(context, status=429)
        response["Retry-After"] = str(seconds)
        return response

    def _guesses(self, *, increment: bool = False) -> list[dict]:
        return [
            get_usage(
                self.request, group="login", key=key, rate=rate, increment=increment
            )
            for rate, key in GUESSES.items()
        ]


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Ask who gave the right password for a code, and let them in."""
    half = half_in(request)
    user = half and half.user()
    if user is None:
        if request.method == "POST":
            messages.info(request, _("That took too long. Sign in again."))
        return redirect("accounts:login")
    is_lost = "lost" in request.GET
    data = request.POST if request.method == "POST" else None
    form = CodeForm(data, is_lost=is_lost)
    if form.is_valid():
        try:
            kind = factors.spend(user, form.cleaned_data["code"])
        except CodeRefused as error:
            event = "code_not_tried" if error.wait_seconds else "code_refused"
            trail.warn(request, event, user=user.username)
            form.add_error("code", str(error))
            form.wait_seconds = error.wait_seconds
        else:
            return admit(request, user, half, code=kind)
    return shown(request, "accounts/code.html", form, is_lost=is_lost)


@method_decorator(open_while_owing, name="dispatch")
class Logout(auth.LogoutView):
    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        username = whoever(request).username
        response = super().post(request, *args, **kwargs)
        trail.note(request, "signed_out", user=username)
        # Pages that others find with the button Back, on a shared machine.
        response["Clear-Site-Data"] = '"cache"'
        kept.forget_person(response, settings.SESSION_COOKIE_PATH)
        return response


class PasswordChange(Answers422, auth.PasswordChangeView):
    template_name = "accounts/password_change.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("accounts:password-change-done")

    def form_valid(self, form: Form) -> HttpResponse:
        response = super().form_valid(form)
        sessions.end_others(self.request.user, self.request.session)
        trail.note(self.request, "password_changed", user=self.request.user.username)
        return response


class PasswordChangeDone(auth.PasswordChangeDoneView):
    template_name = "accounts/password_change_done.html"


# --- What was typed before the session was lost -------------------------------


def ask_again(request: HttpRequest, carried: Kept) -> HttpResponse:
    """Answer a form of somebody signed out with the sign-in, which carries it."""
    form = LoginForm(request)
    context = {"form": form, "next": carried.page, **_carrying(carried)}
    return render(request, "accounts/login.html", context, status=401)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def again(request: HttpRequest) -> HttpResponse:
    """Show what was typed before the session was lost, and send it on.

    The browser sends it a second time, to where it was to go at first (307).
    """
    stored = request.session.get(IN_SESSION)
    carried = Kept(**stored) if stored else None
    if request.method == "POST":
        request.session.pop(IN_SESSION, None)
        if carried and "drop" not in request.POST:
            return redirect(carried.path, preserve_request=True)
    if carried is None or request.method == "POST":
        return redirect((carried and carried.page) or settings.LOGIN_REDIRECT_URL)
    return render(request, "accounts/again.html", {"kept": carried})


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Keep what was typed on a page whose token is of an earlier sign-in.

    Only if this site's own page sent it: a strange one must not be able to put
    words into anybody's hand.
    """
    if _is_own_page(request) and settings.CSRF_COOKIE_NAME in request.COOKIES:
        carried = kept.read(request.POST.get(kept.FIELD, "")) or kept.catch(request)
        if request.user.is_authenticated and carried:
            return show_again(request, carried)
        for page in ("accounts:login", "accounts:code"):
            if request.path == reverse(page):
                return redirect(page)
    return plain_csrf_failure(request, reason)


def _carrying(carried: Kept | None) -> dict:
    return {"kept": carried, "kept_signed": kept.sign(carried) if carried else ""}


def _is_own_page(request: HttpRequest) -> bool:
    origin = request.headers.get("Origin", "")
    return origin == f"{request.scheme}://{request.get_host()}" or (
        origin in settings.CSRF_TRUSTED_ORIGINS
    )

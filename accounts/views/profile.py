"""How somebody likes the pages, and where they are signed in."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import sessions
from accounts.models import Theme, User

from .confirming import asked, shown

LOOKS = {
    "theme": set(Theme.values),
    "density": {"compact", "comfortable"},
}
LOOK_SECONDS = 365 * 24 * 60 * 60


@require_POST
def look(request: HttpRequest) -> HttpResponse:
    """Remember how somebody likes the pages: the theme everywhere, the rest here."""
    page = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(
        page, {request.get_host()}, require_https=request.is_secure()
    ):
        page = resolve_url(settings.LOGIN_REDIRECT_URL)
    response = redirect(page)
    if (theme := request.POST.get("theme")) in LOOKS["theme"]:
        User.objects.filter(pk=request.user.pk).update(theme=theme)
    remember_look(request, response, request.POST)
    return response


def remember_look(request: HttpRequest, response: HttpResponse, chosen) -> None:
    """Keep on this device what of ``chosen`` is known; the theme for the sign-in."""
    for name, known in LOOKS.items():
        if chosen.get(name) in known:
            response.set_cookie(
                name,
                chosen[name],
                max_age=LOOK_SECONDS,
                path=settings.SESSION_COOKIE_PATH,
                samesite="Lax",
                secure=request.is_secure(),
                httponly=True,
            )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, and sign somebody's own other device out."""
    session = request.user.sessions.filter(pk=pk).first()
    if session is None:
        messages.info(request, _("That device is signed out already."))
        return redirect("people:profile")
    if session.pk == request.session.row.pk:
        messages.info(request, _("This is the device you are using. Sign out instead."))
        return redirect("people:profile")
    form = asked(request)
    if not form.is_valid():
        return shown(request, "accounts/session_end.html", form, session=session)
    session.delete()
    messages.success(
        request, _("%(device)s is signed out.") % {"device": session.device}
    )
    return redirect("people:profile")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sessions_end(request: HttpRequest) -> HttpResponse:
    """Ask, and sign somebody out everywhere but here."""
    form = asked(request)
    if not form.is_valid():
        return shown(request, "accounts/session_end.html", form)
    count = sessions.end_others(request.user, request.session)
    messages.success(
        request,
        ngettext(
            "%(n)s other device is signed out.",
            "%(n)s other devices are signed out.",
            count,
        )
        % {"n": count},
    )
    return redirect("people:profile")

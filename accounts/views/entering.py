"""Letting somebody in who gave the right password, at once or after a code.

Whoever has a second factor is half in until the code: the session names them, and is
nobody's as far as any other page goes.
"""

from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.crypto import constant_time_compare

from accounts import factors, kept, trail
from accounts.kept import Kept
from accounts.models import User

IN_SESSION = "kept"
_BACKEND = "django.contrib.auth.backends.ModelBackend"
_HALF = "half_in"
_HALF_LASTS_SECONDS = 10 * 60


@dataclass(frozen=True)
class Half:
    """Somebody who gave the password: with which hash, and where they were to go."""

    person: int
    password: str
    page: str
    kept: dict[str, Any] | None

    def user(self) -> User | None:
        """Return who it is, if the account and its password are still the same."""
        user = User.objects.filter(pk=self.person, is_active=True).first()
        if user is None:
            return None
        is_same = constant_time_compare(self.password, user.get_session_auth_hash())
        return user if is_same else None


def enter(
    request: HttpRequest, user: User, *, page: str, carried: Kept | None = None
) -> HttpResponse:
    """Let ``user`` in, or lead to where they give a code first."""
    half = Half(
        person=user.pk,
        password=user.get_session_auth_hash(),
        page=page,
        kept=carried and asdict(carried),
    )
    if not factors.is_on(user):
        return admit(request, user, half)
    logout(request)  # whoever was here before
    request.session[_HALF] = asdict(half)
    request.session.set_expiry(_HALF_LASTS_SECONDS)
    return redirect("accounts:code")


def half_in(request: HttpRequest) -> Half | None:
    found = request.session.get(_HALF)
    return Half(**found) if found else None


def admit(
    request: HttpRequest, user: User, half: Half, *, code: str = ""
) -> HttpResponse:
    """Sign ``user`` in, in a session of a new id, and lead on.

    Args:
        code: of which kind a code was that they gave, if they did.
    """
    if request.session.pop(_HALF, None):
        request.session.set_expiry(None)
    login(request, user, _BACKEND)
    if code:
        request.session[factors.MARK] = True
    told = {"code": code} if code else {}
    trail.note(request, "signed_in", user=user.username, **told)
    response = redirect(half.page)
    kept.remember_person(request, response, settings.SESSION_COOKIE_PATH)
    if half.kept:
        return show_again(request, Kept(**half.kept), response)
    return response


def show_again(
    request: HttpRequest, carried: Kept, otherwise: HttpResponse | None = None
) -> HttpResponse:
    """Lead to what was typed before the session was lost, if the same person did."""
    if not carried.is_of(request.user):
        return otherwise or redirect(settings.LOGIN_REDIRECT_URL)
    request.session[IN_SESSION] = asdict(carried)
    response = redirect("accounts:again")
    if otherwise:
        response.cookies = otherwise.cookies
    return response

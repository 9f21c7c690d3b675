"""The own second factor, and a lead's way to take away one that is lost."""

from django.contrib import messages
from django.contrib.auth import logout
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import factors, sessions, tokens, trail
from accounts.access import leads_only, open_while_owing, owes, whoever
from accounts.factors import CodeRefused, HasOne
from accounts.forms import FactorForm, PasswordAgainForm, TurnOffForm
from accounts.models import SecondFactor, User

from .confirming import asked, shown
from .entering import IN_SESSION
from .qr import drawn

_SALT = "accounts.factor"
_SEED_LASTS_SECONDS = 60 * 60
_ON_ALREADY = gettext_lazy("Your second factor is on already.")


@open_while_owing
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def factor(request: HttpRequest) -> HttpResponse:
    """Set a second factor up, or see to the one there is."""
    user = whoever(request)
    if found := SecondFactor.objects.filter(user=user).first():
        if owes(request):
            # Set up at another device after this one signed in, so that it should
            # have ended then; it comes in as any other, by a code.
            logout(request)
            return redirect("accounts:login")
        if request.method == "POST":
            messages.info(request, _ON_ALREADY)
            return redirect("accounts:factor")
        return _page(request, found)
    if request.method != "POST":
        seed = tokens.new()
        return _set_up_page(request, seed, FactorForm(account=user))
    seed = _seed_of(request.POST.get("seed", ""), user)
    if seed is None:
        messages.info(request, _("That took too long. Begin with this new code."))
        return redirect("accounts:factor")
    form = FactorForm(request.POST, account=user)
    if form.is_valid():
        try:
            codes = factors.turn_on(user, seed, form.cleaned_data["code"])
        except CodeRefused as error:
            form.add_error("code", str(error))
        except HasOne:
            messages.info(request, _ON_ALREADY)
            return redirect("accounts:factor")
        else:
            return _turned_on(request, user, codes)
    return _set_up_page(request, seed, form)


def _turned_on(request: HttpRequest, user: User, codes: list[str]) -> HttpResponse:
    sessions.end_others(user, request.session)
    request.session.cycle_key()
    request.session[factors.MARK] = True
    request.user = user  # who owed it is in now
    trail.note(request, "factor_set_up", user=user.username)
    return _codes_page(request, codes, is_new=True)


@never_cache
@require_POST
def renew_codes(request: HttpRequest) -> HttpResponse:
    """Make new recovery codes and show them, this once."""
    found = SecondFactor.objects.filter(user=request.user).first()
    if found is None:
        return redirect("accounts:factor")
    form = _renewing(request, request.POST)
    if not form.is_valid():
        return _page(request, found, renewing=form)
    codes = factors.renew_codes(request.user)
    trail.note(request, "recovery_codes_made", user=request.user.username)
    return _codes_page(request, codes)


@never_cache
@require_POST
def turn_off(request: HttpRequest) -> HttpResponse:
    """Do without a second factor from now on; other devices are signed out."""
    user = request.user
    found = SecondFactor.objects.filter(user=user).first()
    if found is None:
        return redirect("accounts:factor")
    form = _turning_off(request, request.POST)
    if form.is_valid():
        try:
            factors.spend(user, form.cleaned_data["code"])
        except CodeRefused as error:
            form.wait_seconds = error.wait_seconds
            form.add_error("code", str(error))
    if not form.is_valid():
        return _page(request, found, turning_off=form)
    factors.remove(user)
    sessions.end_others(user, request.session)
    request.session.pop(factors.MARK, None)
    request.session.cycle_key()
    trail.note(request, "factor_turned_off", user=user.username)
    messages.success(request, _("The second factor is off; the password lets you in."))
    return redirect("people:profile")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@leads_only
def take_away(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, and take somebody's second factor away: they have lost it."""
    person = get_object_or_404(User, pk=pk)
    if person == request.user:
        messages.info(request, _("This is your own; here you turn it off."))
        return redirect("accounts:factor")
    if not factors.is_on(person):
        said = _("%(name)s has no second factor.") % {"name": person.name}
        messages.info(request, said)
        return redirect("people:list")
    form = asked(request)
    if not form.is_valid():
        return shown(request, "accounts/factor_take_away.html", form, person=person)
    factors.take_away(person)
    by = request.user.username
    trail.note(request, "factor_taken_away", user=by, account=person.username)
    said = _("%(name)s has no second factor any more, and is signed out everywhere.")
    messages.success(request, said % {"name": person.name})
    return redirect("people:list")


def _set_up_page(request: HttpRequest, seed: str, form: FactorForm) -> HttpResponse:
    user = form.account
    address = factors.address_of(seed, user, site=request.get_host().partition(":")[0])
    secret = factors.secret_of(seed)
    context = {
        # In the page, not in the session: who has looked at an unattended screen
        # must not know what somebody sets up there later.
        "seed": signing.dumps([user.pk, seed], salt=_SALT),
        "address": address,
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "qr": drawn(address),
        "owes": owes(request),
    }
    return shown(request, "accounts/factor_set_up.html", form, **context)


def _seed_of(signed: str, user: User) -> str | None:
    """Return what the form was made with, if for ``user`` and not long ago."""
    try:
        pk, seed = signing.loads(signed, salt=_SALT, max_age=_SEED_LASTS_SECONDS)
    except signing.BadSignature:
        return None
    return seed if pk == user.pk else None


def _renewing(request: HttpRequest, data=None) -> PasswordAgainForm:
    return PasswordAgainForm(data, account=request.user, auto_id="renew_%s")


def _turning_off(request: HttpRequest, data=None) -> TurnOffForm:
    return TurnOffForm(data, account=request.user, auto_id="off_%s")


def _page(
    request: HttpRequest,
    found: SecondFactor,
    *,
    renewing: PasswordAgainForm | None = None,
    turning_off: TurnOffForm | None = None,
) -> HttpResponse:
    context = {
        "factor": found,
        "codes_left": found.recovery_codes.filter(used_at=None).count(),
        "codes": factors.RECOVERY_CODES,
        "renewing": renewing or _renewing(request),
        "turning_off": turning_off or _turning_off(request),
        "is_wanted": factors.is_wanted(request.user),
    }
    sent = renewing or turning_off or context["renewing"]
    return shown(request, "accounts/factor.html", sent, **context)


def _codes_page(
    request: HttpRequest, codes: list[str], *, is_new: bool = False
) -> HttpResponse:
    # In the answer itself: messages, sessions and caches are stored.
    has_typed = IN_SESSION in request.session
    context = {
        "codes": codes,
        "is_new": is_new,
        "next": "accounts:again" if has_typed else "accounts:factor",
    }
    return render(request, "accounts/recovery_codes.html", context)

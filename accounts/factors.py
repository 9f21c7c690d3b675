"""The second factor: codes of an app (TOTP, RFC 6238), and some for when it is lost.

Whoever has one gives a code after the password. The session then bears ``MARK``: all
others of the person end when a factor is set up or goes, so the mark of a session that
lives says whether there is one, and no page has to ask.
"""

import base64
import hashlib
import hmac

import pyotp
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from pyotp.exceptions import OTPVerificationError

from partsite.ratelimit import Limit

from . import tokens
from .models import RecoveryCode, SecondFactor, User

MARK = "second_factor"
RECOVERY_CODES = 10
_FOURS = 6  # of a recovery code: 119 bits, too many to try, so a plain digest will do
_SALT = b"accounts.SecondFactor"
_STEPS_APART = 1  # by which a phone's clock, or a slow finger, may be off
# Of one account, wherever the tries come from: whoever makes them has the password.
# Three of a million codes are right at a time: a year of tries finds one in ten times.
_CODES = Limit("second-factor", burst=10, every_seconds=15 * 60)
# Apart, so that whoever is kept waiting by somebody else's tries still comes in.
_RECOVERIES = Limit("recovery-code", burst=10, every_seconds=60)


class CodeRefused(Exception):
    """A code that does not let in; the text is a sentence to show.

    ``wait_seconds`` is not 0 where it was not even looked at.
    """

    def __init__(self, words: str, wait_seconds: int = 0) -> None:
        super().__init__(words)
        self.wait_seconds = wait_seconds


class HasOne(Exception):
    """Somebody sets a second factor up who has one."""


def is_on(user: User) -> bool:
    return SecondFactor.objects.filter(user=user).exists()


def is_owed(user: User, session: SessionBase) -> bool:
    """Whether ``user`` must set a factor up before anything else."""
    return is_wanted(user) and not session.get(MARK)


def is_wanted(user: User) -> bool:
    """Whether the site has everybody like ``user`` have a second factor."""
    wanted = settings.SECOND_FACTOR
    return wanted == "everyone" or (wanted == "leads" and user.can_lead)


def secret_of(seed: str, secret_key: str | None = None) -> str:
    """Return what the app is told: in the database alone stands too little for it."""
    key = hashlib.sha256(_SALT + (secret_key or settings.SECRET_KEY).encode()).digest()
    return base64.b32encode(hmac.digest(key, seed.encode(), "sha256")[:20]).decode()


def address_of(seed: str, user: User, *, site: str) -> str:
    """Return the secret as the address that apps read out of a QR code."""
    return pyotp.TOTP(secret_of(seed)).provisioning_uri(
        name=user.username, issuer_name=f"Parts {site}"
    )


def turn_on(user: User, seed: str, code: str) -> list[str]:
    """Give ``user`` a second factor whose app shows ``code`` now.

    Returns:
        the recovery codes, which exist only here.
    Raises:
        CodeRefused: it shows another.
        HasOne: there is one already.
    """
    step = _step_of(seed, _plain(code))
    if step is None:
        raise CodeRefused(_wrong())
    try:
        with transaction.atomic():
            factor = SecondFactor.objects.create(user=user, seed=seed, last_step=step)
            return _make_codes(factor)
    except IntegrityError:
        raise HasOne from None


def renew_codes(user: User) -> list[str]:
    """Make new recovery codes, which alone are good from now on."""
    with transaction.atomic():
        # One after the other, or of two requests both would leave their ten.
        factor = SecondFactor.objects.select_for_update().get(user=user)
        factor.recovery_codes.all().delete()
        return _make_codes(factor)


def spend(user: User, text: str) -> str:
    """Take a code of the app, or for recovery, that nobody can use again.

    Returns:
        which of the two it was, for the log: ``app`` or ``recovery``.
    Raises:
        CodeRefused: wrong, used before, or there were too many tries.
    """
    code = _plain(text)
    is_of_app = code.isdigit()
    limit = _CODES if is_of_app else _RECOVERIES
    if wait_seconds := limit.wait_seconds(str(user.pk)):
        raise _wait(int(wait_seconds) + 1)
    if is_of_app:
        _spend_step(user, code)
        return "app"
    _spend_recovery(user, code)
    return "recovery"


def remove(user: User) -> bool:
    """Take the second factor away; return whether there was one."""
    return bool(SecondFactor.objects.filter(user=user).delete()[0])


def take_away(user: User) -> bool:
    """Do as ``remove`` for somebody else, whose sessions end."""
    with transaction.atomic():
        had_one = remove(user)
        if had_one:
            user.sessions.all().delete()
        return had_one


def _spend_step(user: User, code: str) -> None:
    factor = SecondFactor.objects.filter(user=user).first()
    step = factor and _step_of(factor.seed, code)
    if step is None:
        raise CodeRefused(_wrong())
    row = SecondFactor.objects.filter(pk=factor.pk, last_step__lt=step)
    if not row.update(last_step=step):
        raise CodeRefused(_("This code was used already. Wait for the next one."))


def _spend_recovery(user: User, code: str) -> None:
    digest = tokens.digest(code)
    found = RecoveryCode.objects.filter(factor__user=user, digest=digest).first()
    # The WHERE clause is the lock: of two who use one at once, one does. It names the
    # row's own columns alone: PostgreSQL, having waited, does not read a join again.
    row = RecoveryCode.objects.filter(pk=found and found.pk, used_at=None)
    if not row.update(used_at=timezone.now()):
        raise CodeRefused(_wrong())


def _step_of(seed: str, code: str) -> int | None:
    """Return which half minute ``code`` is of, None if it is of none around now."""
    # Fallbacks let a shop change its SECRET_KEY without new apps for everybody.
    for secret_key in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]:
        app = pyotp.TOTP(secret_of(seed, secret_key))
        try:
            return app.verify_and_get_timecode(code, valid_window=_STEPS_APART)
        except OTPVerificationError:
            pass
    return None


def _make_codes(factor: SecondFactor) -> list[str]:
    codes = [tokens.typed(_FOURS) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(factor=factor, digest=tokens.digest(_plain(code)))
        for code in codes
    )
    return codes


def _plain(text: str) -> str:
    """Return a code as it is compared: apps and papers show it in groups."""
    return "".join(text.split()).replace("-", "").lower()


def _wrong() -> str:
    return _(
        "This code is not right. Type the one that the app shows now; if it is, set "
        "the clock of the phone."
    )


def _wait(seconds: int) -> CodeRefused:
    words = ngettext(
        "Too many codes were tried. Wait %(n)s second, then try again.",
        "Too many codes were tried. Wait %(n)s seconds, then try again.",
        seconds,
    )
    return CodeRefused(words % {"n": seconds}, seconds)

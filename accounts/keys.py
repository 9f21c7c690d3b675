"""Issue API keys and find the one that a request carries."""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from hashlib import blake2b
from typing import NamedTuple

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from partsite.seen import (
    AROUND,
    Seen,
    Shown,
    bytes_of,
    memory,
    shown_now,
    told_by,
)

from .models import ApiKey, KeyState, Scope, User

_OWN = [field.attname for field in ApiKey._meta.concrete_fields]
_OWNERS = [field.attname for field in User._meta.concrete_fields]
_SALT = "accounts.ApiKey"
_MARK = "pk"
_NOTE_USE_EVERY = timedelta(minutes=1)
# Of one person; whoever needs more has forgotten some.
MOST_USABLE = 20


class KeyRefused(Exception):
    """Somebody may not make this key; the text is a sentence to show them."""


def issue(
    name: str,
    *,
    scope: str = Scope.READ,
    owner: User | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its text, which exists only here.

    The text is ``pk_<prefix>_<secret>``: 48 random bits to look it up by, 256
    to prove it with.
    """
    prefix = secrets.token_hex(6)
    text = f"{_MARK}_{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey.objects.create(
        name=name,
        scope=scope,
        owner=owner,
        expires_at=expires_at,
        prefix=prefix,
        digest=_digest(text, settings.SECRET_KEY),
    )
    return key, text


def scopes_of(owner: User) -> list[Scope]:
    """Return what the keys of ``owner`` may be made for."""
    if owner.can_lead:
        return [Scope.READ, Scope.WRITE, Scope.LEAD]
    return [Scope.READ, Scope.WRITE] if owner.can_work else [Scope.READ]


def issue_own(
    name: str, *, scope: str, owner: User, expires_at: datetime | None
) -> tuple[ApiKey, str]:
    """Do as ``issue``, for somebody who makes a key for the own use.

    Raises:
        KeyRefused: the role of ``owner`` does not reach this far, or there are
            enough keys.
    """
    if scope not in scopes_of(owner):
        raise KeyRefused(
            _("Your account is that of a %(role)s; its keys may not do this.")
            % {"role": owner.get_role_display().lower()}
        )
    with transaction.atomic():
        # One after the other, or two requests would both see the last place
        # free. SQLite's transactions are so anyway.
        User.objects.select_for_update().get(pk=owner.pk)
        if owner.api_keys.usable().count() >= MOST_USABLE:
            raise KeyRefused(
                _(
                    "You have %(most)s usable keys, and nobody may have more. "
                    "Revoke an unused one."
                )
                % {"most": MOST_USABLE}
            )
        return issue(name, scope=scope, owner=owner, expires_at=expires_at)


def find(text: str) -> ApiKey | None:
    """Return the usable key with this text, or None, and note its use.

    ``last_used_at`` is written at most once a minute: a polling script must
    not turn every read into a write.
    """
    known = _known(text)
    return known and _usable(_made(known.row), text)


def find_to_read(text: str) -> tuple[ApiKey, Shown] | None:
    """Do as ``find``, and tell in what state the parts were when the key was found.

    The key is one that other requests have too: nobody may change it.
    """
    known = _known(text)
    if known is None or (key := _usable(_made_before(known.row), text)) is None:
        return None
    return key, known.shown


def prefix_of(text: str) -> str | None:
    """Return what stands in front of a key's secret; None if it is no key's text."""
    mark, _, rest = text.partition("_")
    prefix, _, secret = rest.partition("_")
    if mark != _MARK or not secret or not text.isascii():
        return None
    # PostgreSQL refuses to be asked for some characters.
    return prefix if len(prefix) == 12 and prefix.isalnum() else None


class _Known(NamedTuple):
    """A key and its owner as the database has them, and when that was so."""

    row: tuple
    shown: Shown


def _known(text: str) -> _Known | None:
    """Read a key and its owner, as the ORM would in ten times the time (measured).

    On SQLite what was read stands until somebody writes of keys or people.
    """
    if (prefix := prefix_of(text)) is None:
        return None
    to = connections[DEFAULT_DB_ALIAS]
    if settings.REMEMBERED_BYTES and (shown := shown_now(to)):
        row = memory.find(prefix, shown.around, AROUND)
        if row is not None:
            return _Known(row, shown)
    with to.cursor() as cursor:
        cursor.execute(_statement(), [prefix])
        found = cursor.fetchone()
    if found is None:
        return None
    row, shown = found[:-1], told_by(to, found[-1])
    memory.keep(prefix, row, bytes_of([row]), shown.around, AROUND)
    return _Known(row, shown)


@cache
def _statement() -> str:
    """Let the ORM write the statement once; it takes the prefix."""
    columns = [*_OWN, *(f"owner__{name}" for name in _OWNERS)]
    key = ApiKey.objects.filter(prefix="").values_list(*columns, Seen())
    return key.query.sql_with_params()[0]


def _made(row: tuple) -> ApiKey:
    # SQLite's times come without their zone, which is UTC.
    values = [
        value.replace(tzinfo=UTC) if type(value) is datetime else value for value in row
    ]
    key = ApiKey.from_db(connection.alias, _OWN, values[: len(_OWN)])
    if key.owner_id:
        key.owner = User.from_db(connection.alias, _OWNERS, values[len(_OWN) :])
    return key


_made_before = lru_cache(maxsize=200)(_made)


def _usable(key: ApiKey, text: str) -> ApiKey | None:
    if key.state != KeyState.USABLE or not _matches(text, key.digest):
        return None
    _note_use(key)
    return key


def is_confirmed(actor: User | ApiKey, text: str) -> bool:
    """Whether ``text`` is the password of a person, or of a key's owner, or the key."""
    if isinstance(actor, User):
        return actor.check_password(text)
    if text.isascii() and _matches(text, actor.digest):
        return True
    return actor.owner is not None and actor.owner.check_password(text)


def revoke(key: ApiKey) -> None:
    """End a key for good; it stays listed, so that the history can name it."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
    key.refresh_from_db(fields=["revoked_at"])


def _digest(text: str, secret_key: str) -> str:
    return hmac.digest(_salted(secret_key), text.encode(), "sha256").hex()


@lru_cache(maxsize=10)
def _salted(secret_key: str) -> bytes:
    """Return what Django's ``salted_hmac`` makes of a secret, for each text anew."""
    return hashlib.sha256(f"{_SALT}{secret_key}".encode()).digest()


def _matches(text: str, digest: str) -> bool:
    """Return whether this text is that of the key.

    Once it has been shown, a shorter way shows it again, in a third of the time that
    OpenSSL takes (measured).
    """
    secret_keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    sign = blake2b(text.encode(), digest_size=32, key=_OWN_SECRET).digest()
    shown = _shown.get((digest, *secret_keys))
    if shown is not None and hmac.compare_digest(sign, shown):
        return True
    # Fallbacks let a shop change its SECRET_KEY without new keys for everybody.
    is_right = any(
        hmac.compare_digest(_digest(text, secret_key), digest)
        for secret_key in secret_keys
    )
    if is_right:
        if len(_shown) >= _MOST_SHOWN:
            _shown.clear()
        _shown[(digest, *secret_keys)] = sign
    return is_right


# Of this process alone, so that nobody can tell a text from what is kept of it.
_OWN_SECRET = secrets.token_bytes(32)
_shown: dict[tuple[str, ...], bytes] = {}
_MOST_SHOWN = 1000


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > _NOTE_USE_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)

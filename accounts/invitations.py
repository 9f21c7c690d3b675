"""Links that let somebody in: to an account of their own, or to a new password.

A link holds a secret of which only a digest is stored, so it is shown once, when
it is made. It works until it expires, is revoked, or was used as often as it may.
"""

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from . import tokens
from .models import Invitation, InvitationState, Role, User

PASSWORD_LINK_LASTS = timedelta(hours=1)
FIRST_LINK_LASTS = timedelta(days=1)


class InvitationRefused(Exception):
    """A link that lets nobody in; the text is a sentence to show."""


def invite(
    role: str, *, lasts: timedelta, uses: int = 1, note: str = "", by: User | None
) -> tuple[Invitation, str]:
    """Make a link to an account with ``role`` and return it with its secret."""
    return _make(role=role, uses=uses, note=note, lasts=lasts, made_by=by)


def new_password(account: User, *, by: User | None) -> tuple[Invitation, str]:
    """Make a link by which ``account`` chooses a new password; earlier ones end."""
    account.password_links.open().update(revoked_at=timezone.now())
    return _make(account=account, lasts=PASSWORD_LINK_LASTS, made_by=by)


def first_link() -> str:
    """Make the link to a site's first account, and end the one before; its secret."""
    Invitation.objects.open().filter(made_by=None, role=Role.LEAD).update(
        revoked_at=timezone.now()
    )
    note = _("First lead")
    return invite(Role.LEAD, lasts=FIRST_LINK_LASTS, note=note, by=None)[1]


def find(token: str) -> Invitation | None:
    if not token:
        return None
    found = Invitation.objects.select_related("account", "made_by")
    return found.filter(digest=tokens.digest(token)).first()


def join(invitation: Invitation, *, username: str, name: str, password: str) -> User:
    """Make the account that ``invitation`` is for.

    Raises:
        InvitationRefused: it lets nobody in any more.
        IntegrityError: somebody took one of the names in this moment.
    """
    with transaction.atomic():
        _use(invitation)
        return User.objects.create_user(
            username, password, name=name, role=invitation.role
        )


def set_password(invitation: Invitation, password: str) -> User:
    """Give the account of ``invitation`` its new password and end its sessions.

    Raises:
        InvitationRefused: it lets nobody in any more.
    """
    with transaction.atomic():
        _use(invitation)
        account = User.objects.get(pk=invitation.account_id)
        account.set_password(password)
        account.save(update_fields=["password"])
        account.sessions.all().delete()
        return account


def first_lead(*, username: str, name: str, password: str) -> User:
    """Make the lead that a site without people begins with.

    Raises:
        InvitationRefused: somebody was first.
    """
    try:
        with transaction.atomic():
            if User.objects.exists():
                raise InvitationRefused(_("This site has its first lead already."))
            # The constraint lets one of two requests of the same moment win.
            return User.objects.create_user(
                username, password, name=name, role=Role.LEAD, is_first=True
            )
    except IntegrityError:
        raise InvitationRefused(_("This site has its first lead already.")) from None


def revoke(invitation: Invitation) -> bool:
    """End a link; return whether it was open until now."""
    row = Invitation.objects.open().filter(pk=invitation.pk)
    return bool(row.update(revoked_at=timezone.now()))


def refusal(invitation: Invitation | None) -> str:
    """Say why a link lets nobody in, or nothing if it does."""
    if invitation is None:
        return _("This link is not known. Perhaps a part of it is missing.")
    if invitation.account and not invitation.account.is_active:
        return _("This account is closed. Ask a lead to open it again.")
    return {
        InvitationState.OPEN: "",
        InvitationState.EXPIRED: _("This link has expired."),
        InvitationState.REVOKED: _("This link was revoked."),
        InvitationState.USED: _("This link was used already."),
    }[invitation.state]


def _make(*, lasts: timedelta, **fields) -> tuple[Invitation, str]:
    token = tokens.new()
    invitation = Invitation.objects.create(
        digest=tokens.digest(token), expires_at=timezone.now() + lasts, **fields
    )
    return invitation, token


def _use(invitation: Invitation) -> None:
    # The WHERE clause is the lock: a link for one lets in one.
    row = Invitation.objects.open().filter(pk=invitation.pk)
    if not row.update(used=F("used") + 1):
        invitation.refresh_from_db()
        raise InvitationRefused(refusal(invitation))

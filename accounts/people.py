"""What leads do with accounts: roles, closing and opening them."""

from django.db import transaction
from django.utils.translation import gettext as _

from .models import Role, User


class PeopleError(Exception):
    """A rule about accounts that leads can break; the text is a sentence to show."""


def set_role(user: User, role: str) -> User:
    """Give somebody another role.

    Raises:
        PeopleError: the role is not known, or nobody would be lead.
    """
    if role not in Role.values:
        raise PeopleError(_("There is no such role. Choose one of the list."))
    return change(user, role=role)


def deactivate(user: User) -> User:
    """Close an account: its sessions end, its keys and password let nobody in.

    Raises:
        PeopleError: nobody would be lead.
    """
    return change(user, is_active=False)


def activate(user: User) -> User:
    return change(user, is_active=True)


def change(user: User, **fields) -> User:
    """Write ``fields`` of an account, and nothing else of it.

    Raises:
        PeopleError: nobody would be lead.
    """
    with transaction.atomic():
        # Every active lead's row is held, so that of two who demote each other
        # the second sees what the first did. SQLite's transactions, being
        # immediate, come one after the other anyway.
        leads = User.objects.filter(role=Role.LEAD, is_active=True).order_by("pk")
        had_lead = bool(leads.select_for_update())
        for name, value in fields.items():
            setattr(user, name, value)
        user.save(update_fields=fields)
        if not user.is_active:
            user.sessions.all().delete()
        user.refresh_from_db()
        if had_lead and not leads.exists():
            raise PeopleError(
                _(
                    "%(name)s is the only active lead. Make somebody else a lead "
                    "first; without one nobody could review parts or manage people."
                )
                % {"name": user.name}
            )
    return user

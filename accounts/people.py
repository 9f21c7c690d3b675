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
    return _change(user, role=role)


def deactivate(user: User) -> User:
    """Close an account: its sessions end, its keys and password let nobody in.

    Raises:
        PeopleError: nobody would be lead.
    """
    with transaction.atomic():
        _change(user, is_active=False)
        user.sessions.all().delete()
    return user


def activate(user: User) -> User:
    return _change(user, is_active=True)


def _change(user: User, **fields) -> User:
    with transaction.atomic():
        # Every active lead's row is held, so that of two who demote each other
        # the second sees what the first did. SQLite's transactions, being
        # immediate, come one after the other anyway.
        leads = User.objects.select_for_update().filter(role=Role.LEAD, is_active=True)
        others = [lead for lead in leads.order_by("pk") if lead.pk != user.pk]
        for name, value in fields.items():
            setattr(user, name, value)
        user.save(update_fields=fields)
        user.refresh_from_db()
        if (
            not others
            and not User.objects.filter(role=Role.LEAD, is_active=True).exists()
        ):
            raise PeopleError(
                _(
                    "%(name)s is the only active lead. Make somebody else a lead "
                    "first; without one nobody could review parts or manage people."
                )
                % {"name": user.name}
            )
    return user

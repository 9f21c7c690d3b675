"""``manage.py remove_second_factor``: let somebody in who lost phone and codes."""

from django.core.management.base import BaseCommand, CommandError

from accounts import factors
from accounts.models import User


class Command(BaseCommand):
    help = (
        "Take the second factor of an account away and sign it out everywhere. Leads "
        "do this under People; this is for the only lead."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("username")

    def handle(self, *, username: str, **options) -> str:
        try:
            user = User.objects.get_by_natural_key(username)
        except User.DoesNotExist:
            raise CommandError(f"There is no account “{username}”.") from None
        if factors.take_away(user):
            return f"{user.username} signs in with the password alone from now on."
        return f"{user.username} has no second factor; nothing was done."

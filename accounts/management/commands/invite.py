"""``manage.py invite``: print a link that makes an account."""

from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from accounts import invitations
from accounts.models import USES_MOST, Role
from partsite.env import own_address

HOURS_MOST = 30 * 24


class Command(BaseCommand):
    help = "Print a link by which somebody makes an account of their own."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--role", choices=Role.values, default=Role.MEMBER)
        parser.add_argument("--hours", type=int, default=24, help="how long it works")
        parser.add_argument("--uses", type=int, default=1, help="for how many people")
        parser.add_argument("--note", default="", help="whom or what it is for")
        parser.add_argument(
            "--address", default=own_address(), help="how people reach the site"
        )

    def handle(self, *, role, hours, uses, note, address, **options) -> str:
        if not 1 <= hours <= HOURS_MOST:
            raise CommandError(f"A link works from 1 to {HOURS_MOST} hours.")
        if not 1 <= uses <= USES_MOST:
            raise CommandError(f"A link is for 1 to {USES_MOST} people.")
        lasts = timedelta(hours=hours)
        _, token = invitations.invite(role, lasts=lasts, uses=uses, note=note, by=None)
        path = reverse("accounts:invited", query={"link": token})
        return f"{address.rstrip('/')}{path}"

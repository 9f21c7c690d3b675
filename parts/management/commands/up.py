"""``manage.py up``: bring the site up on this machine, web server and worker."""

import os
import sys
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from accounts import demo, invitations
from accounts.models import User
from parts import kept
from parts.models import Part
from partsite.env import env_bool, own_address


class Command(BaseCommand):
    help = "Migrate, seed an empty database, then run web server and worker."

    def handle(self, **options) -> None:
        _migrate()
        address = own_address()
        page = address + (f"{settings.BASE_PATH}/" if settings.BASE_PATH else "")
        welcome = [f"\nOpen {page} in a browser. Ctrl-C stops the site.", _sign_in()]
        # This process gives way to one that costs nothing while the site runs.
        os.execve(  # noqa: S606 - our own interpreter and module
            sys.executable,
            [sys.executable, "-m", "partsite.launch"],
            {
                **os.environ,
                "SITE_ADDRESS": address,
                "SITE_WELCOME": "\n".join(welcome),
            },
        )


def _migrate() -> None:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    # What the database keeps by itself may be that of an older release.
    if plan or not kept.is_whole(connection):
        call_command("migrate", verbosity=0, interactive=False)


def _sign_in() -> str:
    """Say how to sign in, and load the demo shop into an empty database."""
    path = Path(settings.DATA_DIR) / "demo-signin.txt"
    if User.objects.exists():
        return f"The demo sign-in is in {path}" if path.exists() else ""
    if env_bool("DEMO", True) and not Part.objects.exists():
        call_command("loaddata", "demo", verbosity=0)
        return f"{demo.open_accounts(path)}\nThis is kept in {path}"
    return _first_lead()


def _first_lead() -> str:
    """Say how the first account is made: here on a page, else by a secret link."""
    lines = ["Nobody has an account yet. Make the first lead on this page:"]
    if settings.FIRST_LEAD_HERE:
        lines.append(f"  {own_address()}{reverse('accounts:first')}")
    else:
        # Who else reaches the site must not be quicker.
        token = invitations.first_link()
        page = reverse("accounts:invited", query={"link": token})
        lines.append(f"  {own_address()}{page}")
        lines.append("It works once, for a day; each start makes another.")
    here = settings.DATA_DIR == settings.BASE_DIR
    folder = "" if here else f"DATA_DIR={settings.DATA_DIR} "
    python = Path(sys.executable).parent / "python"
    lines.append(f"Or in another terminal: {folder}{python} manage.py createsuperuser")
    return "\n".join(lines)

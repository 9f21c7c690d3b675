"""``manage.py up``: bring the site up on this machine, web server and worker."""

import os
import sys
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts import demo
from accounts.models import User
from parts.models import Part
from partsite.env import env_bool, env_int, env_str


class Command(BaseCommand):
    help = "Migrate, seed an empty database, then run web server and worker."

    def handle(self, **options) -> None:
        _migrate()
        address = _address()
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
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)


def _sign_in() -> str:
    """Say how to sign in, and load the demo shop into an empty database."""
    path = Path(settings.DATA_DIR) / "demo-signin.txt"
    if User.objects.exists() or Part.objects.exists():
        return f"The demo sign-in is in {path}" if path.exists() else ""
    if env_bool("DEMO", True):
        call_command("loaddata", "demo", verbosity=0)
        return f"{demo.open_accounts(path)}\nThis is kept in {path}"
    folder = (
        "" if settings.DATA_DIR == settings.BASE_DIR else f"DATA_DIR={path.parent} "
    )
    return (
        "The shop is empty. Make its first lead in another terminal:\n"
        f"  {folder}{Path(sys.executable).parent}/python manage.py createsuperuser"
    )


def _address() -> str:
    host = env_str("HOST", "127.0.0.1")
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{env_int('PORT', 8000)}"

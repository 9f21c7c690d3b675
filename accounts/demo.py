"""Sign-in for the demo people: made at the first start, kept in a private file."""

import os
from pathlib import Path

from . import keys, tokens
from .models import Role, Scope, User


def open_accounts(path: Path) -> str:
    """Give a lead and two members passwords, and the lead an API key.

    Returns:
        the lines that say how to sign in; ``path`` holds the same, readable by
        its owner only.
    """
    people = User.objects.filter(is_active=True).order_by("pk")
    lead = people.filter(role=Role.LEAD).first()
    lines = []
    for user in [lead, *people.filter(role=Role.MEMBER)[:2]]:
        password = tokens.typed(fours=3)
        user.set_password(password)
        user.save(update_fields=["password"])
        lines.append(f"  {user.get_role_display():<7} {user.username:<10} {password}")
    _, key = keys.issue("Demo", scope=Scope.LEAD, owner=lead)
    text = "\n".join(["Sign in as:", *lines, f"  API key {key}"])
    _write_private(path, text + "\n")
    return text


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)

"""``manage.py restore``: bring an archive back into an empty installation."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from backups import restoring
from backups.errors import BackupError


class Command(BaseCommand):
    help = (
        "Bring back what a backup holds, on SQLite or PostgreSQL, whichever it was "
        "made on. The installation has to be empty. The archive is checked first, and "
        "comes back whole or not at all. Everybody signs in anew."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("archive", type=Path)

    def handle(self, **options) -> None:
        try:
            restored = restoring.restore(options["archive"])
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        contents = restored.contents
        self.stdout.write(
            f"Restored {sum(contents.tables.values())} rows of "
            f"{len(contents.tables)} tables and {contents.files} files, "
            f"as they were at {contents.manifest['made_at']}."
        )
        if restored.is_older:
            self.stdout.write("They were of an older release and are migrated.")
        for warning in restored.warnings:
            self.stderr.write(self.style.WARNING(warning))

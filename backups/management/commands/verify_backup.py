"""``manage.py verify_backup``: is an archive whole, and would it load?"""

import sqlite3
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from backups import checking
from backups.errors import BackupError


class Command(BaseCommand):
    help = (
        "Read an archive from end to end and compare it with its own hashes, counts "
        "and names; nothing is written. The exit status is 1 if anything is wrong."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("archive", type=Path)

    def handle(self, **options) -> None:
        path = options["archive"]
        try:
            contents = checking.check(path)
        except (BackupError, OSError, sqlite3.Error) as error:
            raise CommandError(f"{path}: {error}") from error
        manifest = contents.manifest
        self.stdout.write(
            f"{path} is whole: {sum(contents.tables.values())} rows of "
            f"{len(contents.tables)} tables, {contents.files} files, made at "
            f"{manifest['made_at']} from {manifest['database']['engine']}."
        )
        if not contents.with_files:
            self.stdout.write("It is of the database alone, without the files.")
        if contents.missing:
            self.stderr.write(
                self.style.WARNING(
                    f"{contents.missing} files were lost already when it was made."
                )
            )

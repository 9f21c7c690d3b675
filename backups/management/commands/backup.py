"""``manage.py backup``: one archive of everything, while the site is in use."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from backups import daily, making
from backups.errors import BackupError


class Command(BaseCommand):
    help = (
        "Make one archive of the database and of every file that it names, both as "
        "they were at the same moment. The site may be in use. docs/operate.md says "
        "how to keep and restore it."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--to",
            type=Path,
            metavar="FOLDER",
            help="where the archive goes; else BACKUP_DIR, else DATA_DIR/backups",
        )
        parser.add_argument(
            "--database-only",
            action="store_true",
            help="leave the files out: the archive is for where they are already",
        )
        parser.add_argument(
            "--daily",
            action="store_true",
            help="as each night: into BACKUP_DIR, checked, those it replaces deleted",
        )

    def handle(self, **options) -> None:
        if options["daily"] and (options["to"] or options["database_only"]):
            raise CommandError("--daily goes into BACKUP_DIR, and has all files.")
        try:
            if options["daily"]:
                made = daily.run()
            else:
                made = making.make(
                    options["to"], with_files=not options["database_only"]
                )
        except BackupError as error:
            raise CommandError(str(error)) from error
        for warning in made.warnings:
            self.stderr.write(self.style.WARNING(warning))
        rows = sum(made.tables.values())
        self.stdout.write(
            f"{made.path}\n"
            f"{made.size_bytes / 1e6:.1f} MB: {rows} rows of {len(made.tables)} "
            f"tables, {made.files} files."
        )

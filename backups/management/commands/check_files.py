"""``manage.py check_files``: is every file there that should be, and no other?"""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from backups import salvage
from backups.errors import BackupError
from parts import inventory
from partsite import locks
from partsite.room import DiskFull
from partsite.storage import StorageDown


class Command(BaseCommand):
    help = (
        "Compare the stored files with what the database names, both ways, while the "
        "site is in use. The exit status is 1 if something is wrong that was not "
        "mended."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--mend",
            action="store_true",
            help="move what nobody names into quarantine, bring lost files back from "
            "there, have lost models and pictures made anew, delete leftovers",
        )
        parser.add_argument(
            "--from",
            dest="archive",
            type=Path,
            metavar="ARCHIVE",
            help="with --mend: take lost files from this backup",
        )
        parser.add_argument(
            "--quick",
            action="store_true",
            help="do not read the files to see whether each is what it was",
        )

    def handle(self, **options) -> None:
        try:
            found = inventory.check(with_hashes=not options["quick"])
            if options["mend"]:
                if options["archive"]:
                    salvage.bring_back(found, options["archive"])
                inventory.mend(found)
        except locks.Busy:
            raise CommandError(
                "A backup is being made. Mend when it has ended."
            ) from None
        except (BackupError, StorageDown, DiskFull, OSError, DatabaseError) as error:
            raise CommandError(str(error).strip()) from error
        self._tell(found)
        if not found.is_well:
            raise CommandError(
                "Something is wrong with the files; docs/operate.md says what to do."
            )

    def _tell(self, found: inventory.Inventory) -> None:
        for loss in found.losses:
            what = "damaged" if loss.is_damaged else "lost"
            self._line(found, what, loss.name, f": {'; '.join(loss.of)}")
        for name in found.orphans:
            self._line(found, "named by nobody", name)
        for name in found.leftovers:
            self._line(found, "left by a killed process", name)
        wrong = len(found.losses) + len(found.orphans) + len(found.leftovers)
        self.stdout.write(
            f"{found.named} files are named, {found.stored} are stored; "
            f"{wrong or 'nothing'} wrong, {len(found.mended)} mended."
        )

    def _line(
        self, found: inventory.Inventory, what: str, name: str, of: str = ""
    ) -> None:
        mended = ", mended" if name in found.mended else ""
        self.stdout.write(f"{what}{mended}: {name}{of}")

"""``manage.py import_parts``: move in from another server of this kind."""

import os
from collections import Counter
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from parts import importing
from parts.importing import Line, Outcome, Source, Subject

UNREADABLE = 2  # the exit code; 1 says that something was refused
ROW = "{:>8}  {:8}  {:40}  {}"
NAMES = {Subject.PART: "Parts", Subject.FILE: "Files", Subject.PICTURE: "Pictures"}


class Command(BaseCommand):
    help = (
        "Bring over the parts of another server of this kind: its SQLite database "
        "and its folder of uploads. Neither is changed. Run again, it updates what "
        "has changed there and was not changed here."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "database", type=Path, help="the other server's SQLite file"
        )
        parser.add_argument(
            "--uploads",
            type=Path,
            metavar="FOLDER",
            help="its uploads, with a folder for each part's id",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="tell what would happen and write nothing",
        )

    def handle(self, **options) -> None:
        folder, dry_run = options["uploads"], options["dry_run"]
        if folder and not folder.is_dir():
            raise CommandError(f"There is no folder “{folder}”.", returncode=UNREADABLE)
        if folder and not os.access(folder, os.R_OK | os.X_OK):
            why = f"You may not read the folder “{folder}”."
            raise CommandError(why, returncode=UNREADABLE)
        verbosity = options["verbosity"]
        counts: Counter[tuple[Subject, Outcome]] = Counter()
        trouble = ""
        try:
            with importing.opened(options["database"]) as source:
                if verbosity:
                    self._tell_columns(source)
                for line in importing.import_parts(source, folder, dry_run=dry_run):
                    counts[line.subject, line.outcome] += line.count
                    if verbosity:
                        self._tell(line)
        except importing.SourceError as error:
            trouble = str(error)
        if counts or not trouble:
            self._sum_up(counts, dry_run=dry_run)
        if trouble:
            raise CommandError(trouble, returncode=UNREADABLE)
        refused = sum(counts[subject, Outcome.REFUSED] for subject in Subject)
        if refused:
            were = "was" if refused == 1 else "were"
            raise CommandError(f"{refused} {were} refused; the table says why.")

    def _tell_columns(self, source: Source) -> None:
        if source.missing:
            self._say(f"The table has no {', '.join(source.missing)}.")
        if source.others:
            self._say(
                f"These columns are not known here, miscInfo keeps what they hold: "
                f"{', '.join(source.others)}."
            )
        self._say(ROW.format("id", "outcome", "what", "why"))

    def _tell(self, line: Line) -> None:
        first, *others = line.reasons or ("",)
        name = line.name if line.subject == Subject.PART else f"  {line.name}"
        self._say(ROW.format(line.part_id, line.outcome, name, first))
        for reason in others:
            self._say(ROW.format("", "", "", reason))

    def _sum_up(self, counts: Counter, *, dry_run: bool) -> None:
        for subject, name in NAMES.items():
            told = [f"{counts[subject, o]} {o}" for o in Outcome if counts[subject, o]]
            if told or subject == Subject.PART:
                self._say(f"{name}: {', '.join(told) or 'none'}.")
        if dry_run:
            self._say("This was a dry run: nothing was written.")

    def _say(self, text: str) -> None:
        """Print ``text``, whatever it holds, without commands to the terminal."""
        text = text.rstrip()
        safe = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
        encoding = getattr(self.stdout, "encoding", None) or "utf-8"
        self.stdout.write(safe.encode(encoding, "backslashreplace").decode(encoding))

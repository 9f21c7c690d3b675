"""``manage.py move_files``: bring the stored files into a bucket, or out of it."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.core.files.storage import storages
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from parts import moving
from parts.moving import Moved, Outcome
from partsite.room import DiskFull
from partsite.storage import StorageDown

_SHOWN = 20


class Command(BaseCommand):
    help = (
        "Copy every stored file to the bucket that FILES names (--to s3), or from "
        "it to this machine (--to local), and check each copy by its hash. The site "
        "may be in use meanwhile, and a move that was broken off goes on where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", required=True, choices=["s3", "local"])
        parser.add_argument(
            "--delete",
            action="store_true",
            help="delete where they came from what is checked; "
            "only once the site runs on the new place",
        )

    def handle(self, *, to: str, delete: bool, verbosity: int, **options) -> None:
        if not settings.FILES:
            raise CommandError(
                "Set FILES to the bucket, such as FILES=s3://parts-files."
            )
        local = storages.create_storage(settings.LOCAL_FILES)
        bucket = storages.create_storage(settings.BUCKET_FILES)
        source, target = (local, bucket) if to == "s3" else (bucket, local)
        journal = Path(settings.DATA_DIR) / f"move-files-to-{to}-{_mark()}.txt"
        try:
            moved = moving.move(
                source,
                target,
                journal,
                is_deleting=delete,
                tell=self._tell if verbosity > 1 else lambda moved: None,
            )
        except StorageDown as error:
            raise CommandError(
                f"The bucket does not answer: {error} What is done is done; the same "
                "command goes on there."
            ) from error
        except (DiskFull, OSError, DatabaseError) as error:
            raise CommandError(
                f"It was broken off: {str(error).strip()}. What is done is done; the "
                "same command goes on there."
            ) from error
        self._tell(moved)
        if moved.troubles:
            raise CommandError(_troubles(moved))

    def _tell(self, moved: Moved) -> None:
        counts = ", ".join(
            f"{count} {outcome.value}"
            for outcome, count in moved.counts.items()
            if count or outcome in {Outcome.COPIED, Outcome.THERE}
        )
        megabytes = moved.copied_bytes / 1_000_000
        deleted = f"; {moved.deleted} deleted at the source" if moved.deleted else ""
        self.stdout.write(f"{counts} ({megabytes:.1f} MB copied){deleted}.")


def _mark() -> str:
    """Return what tells one bucket from another."""
    where = [settings.BUCKET_FILES["OPTIONS"].get("endpoint_url"), *settings.FILES]
    return hashlib.sha256(repr(where).encode()).hexdigest()[:8]


def _troubles(moved: Moved) -> str:
    lines = [f"{name} {what}" for name, what in moved.troubles.items()]
    more = len(lines) - _SHOWN
    rest = [f"and {more} more"] if more > 0 else []
    return "\n".join(["Not everything is right:", *lines[:_SHOWN], *rest])

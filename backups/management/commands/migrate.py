"""``manage.py migrate``: one at a time, and after a backup of what somebody has."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor

from backups import making, restoring
from backups.errors import BackupError
from partsite import locks

_LOCK = "migrate"
_PATIENCE_SECONDS = 3600


class Command(migrate.Command):
    help = f"{migrate.Command.help} A database in use is backed up first."

    def add_arguments(self, parser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--no-backup",
            action="store_true",
            help="change a database in use without a backup of it",
        )

    def handle(self, *args, **options) -> str | None:
        if _only_asks(options):
            return super().handle(*args, **options)
        # Machines that are brought up together all migrate: the second has nothing
        # left to do, but would not know.
        with self._alone():
            if not options["no_backup"] and _changes(options):
                self._back_up()
            return super().handle(*args, **options)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with ExitStack() as held:
            try:
                held.enter_context(locks.exclusive(_LOCK))
            except locks.Busy:
                self.stdout.write("Another migrate is at work here; waiting for it.")
                self._wait_for_it(held)
            yield

    def _wait_for_it(self, held: ExitStack) -> None:
        try:
            held.enter_context(locks.exclusive(_LOCK, wait_seconds=_PATIENCE_SECONDS))
        except locks.Busy:
            raise CommandError(
                "Nothing was migrated: the other migrate has not ended for an hour."
            ) from None

    def _back_up(self) -> None:
        try:
            # No migration touches a file, and whoever waits for the upgrade, or for
            # room on the disk, would wait for all of them.
            made = making.make(reason=making.Reason.BEFORE_UPGRADE, with_files=False)
        except BackupError as error:
            raise CommandError(
                f"Nothing was migrated, since no backup could be made before. {error} "
                "With --no-backup it goes on without."
            ) from error
        # Whatever the verbosity: it is what helps when the upgrade does not.
        self.stdout.write(f"A backup from before the upgrade is in {made.path}")


def _only_asks(options: dict) -> bool:
    is_ours = options["database"] == DEFAULT_DB_ALIAS
    return not is_ours or options["plan"] or options["check_unapplied"]


def _changes(options: dict) -> bool:
    """Whether this run is going to change a database that holds something."""
    if options["prune"]:
        return False
    connection = connections[DEFAULT_DB_ALIAS]
    executor = MigrationExecutor(connection)
    if not executor.loader.applied_migrations:
        return False
    is_behind = executor.migration_plan(executor.loader.graph.leaf_nodes())
    # With a name it may go backwards, which costs columns.
    return bool(is_behind or options["migration_name"]) and bool(restoring.standing())

"""``manage.py migrate``, which takes a backup before it changes what somebody has."""

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor

from backups import making, restoring
from backups.errors import BackupError


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
        if not options["no_backup"] and _changes(options):
            self._back_up()
        return super().handle(*args, **options)

    def _back_up(self) -> None:
        try:
            # No migration touches a file, and a bucket would have to be fetched.
            made = making.make(
                reason=making.Reason.BEFORE_UPGRADE, with_files=not settings.FILES
            )
        except BackupError as error:
            raise CommandError(
                f"Nothing was migrated, since no backup could be made before. {error} "
                "With --no-backup it goes on without."
            ) from error
        # Whatever the verbosity: it is what helps when the upgrade does not.
        self.stdout.write(f"A backup from before the upgrade is in {made.path}")


def _changes(options: dict) -> bool:
    """Whether this run is going to change a database that holds something."""
    is_asked_only = options["plan"] or options["check_unapplied"] or options["prune"]
    if options["database"] != DEFAULT_DB_ALIAS or is_asked_only:
        return False
    connection = connections[DEFAULT_DB_ALIAS]
    executor = MigrationExecutor(connection)
    if not executor.loader.applied_migrations:
        return False
    is_behind = executor.migration_plan(executor.loader.graph.leaf_nodes())
    # With a name it may go backwards, which costs columns.
    return bool(is_behind or options["migration_name"]) and bool(restoring.standing())

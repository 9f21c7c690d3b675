"""Case-insensitive text beyond ASCII on SQLite, whose own LOWER and LIKE stop there."""

from django.db.backends.signals import connection_created
from django.db.models import CharField, Func


class LowerAll(Func):
    """Lower every letter; only for SQLite, PostgreSQL's own functions do."""

    function = "LOWER_ALL"
    output_field = CharField()


def register() -> None:
    """Give every SQLite connection from now on the function."""
    connection_created.connect(_add_function, dispatch_uid="lower_all")


def _add_function(connection, **kwargs) -> None:
    if connection.vendor == "sqlite":
        connection.connection.create_function(
            "LOWER_ALL", 1, _lower, deterministic=True
        )


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()

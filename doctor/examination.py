"""All that is looked at, in order."""

import logging
from collections.abc import Callable, Iterator

from . import database, files, services, site
from .findings import Finding, Findings, problem

logger = logging.getLogger(__name__)

Look = Callable[[], Findings]

# Each with the subject that has to be well first.
_SUBJECTS: list[tuple[str, Look, str]] = [
    ("settings", site.of_settings, ""),
    ("secrets", site.of_secrets, ""),
    ("time zone", site.of_time_zone, ""),
    ("storage", files.of_storage, ""),
    ("disk", files.of_disk, ""),
    ("static files", files.of_static_files, ""),
    ("database", database.of_database, ""),
    ("migrations", database.of_migrations, "database"),
    ("sums and search", database.of_sums, "migrations"),
    ("cache", services.of_cache, "migrations"),
    ("worker and queue", services.of_worker, "cache"),
    ("virus scanner", services.of_scanner, ""),
    ("clocks", database.of_clocks, "cache"),
    ("people", database.of_people, "migrations"),
    ("stored files", files.of_stored_files, "migrations"),
    ("backups", services.of_backups, "migrations"),
]


def examine() -> Iterator[tuple[str, list[Finding] | None]]:
    """Yield each subject with what was found; None if it could not be looked at."""
    well = {""}
    for subject, look, needs in _SUBJECTS:
        found = _found(look) if needs in well else None
        if found == []:
            well.add(subject)
        yield subject, found


def _found(look: Look) -> list[Finding]:
    try:
        return list(look())
    except Exception as error:  # noqa: BLE001 - whatever is broken, the rest is told
        logger.debug("doctor_failed", exc_info=True)
        reason = str(error).strip().partition("\n")[0] or "no reason given"
        return [problem(f"It fails: {type(error).__name__}, {reason}", _MEND)]


_MEND = "Mend this first; LOG_LEVEL=DEBUG shows where it comes from."

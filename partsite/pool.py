"""Connections of PostgreSQL that the threads of a web process share."""

from typing import Any

# For a connection: each thread may have one, so what it waits for is the server.
_WAIT_SECONDS = 3
# The pool itself would try again after 1, 2, 4… seconds; so each request does.
_TRY_SECONDS = 1


def share_connections(databases: dict[str, dict[str, Any]], size: int) -> None:
    """Have the threads of this process take their connections from one pool.

    For web processes alone: a worker is one thread, and forks, which no pool
    survives. Nothing may have asked the database before.
    """
    for config in databases.values():
        if config["ENGINE"].endswith("postgresql") and size:
            # Not at the start of a site that has none.
            from .patientpostgres import PatientConnection

            config["CONN_MAX_AGE"] = 0  # when a request ends, back into the pool
            config.setdefault("OPTIONS", {})["pool"] = {
                "min_size": 1,
                "max_size": size,
                "timeout": _WAIT_SECONDS,
                "reconnect_timeout": _TRY_SECONDS,
                "connection_class": PatientConnection,
            }

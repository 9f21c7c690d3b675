"""Free ports of this machine."""

import secrets
import socket

# Below those from which the system gives connections their own end (32768 on Linux,
# 49152 elsewhere). A port of those was taken by a connection of somebody else's, now
# and then, before the server that it was for had opened it (seen).
_PORTS = range(20_000, 32_000)
_TRIES = 100


def free() -> int:
    """Return a port on which nothing listens.

    Raises:
        OSError: none was found.
    """
    for _try in range(_TRIES):
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"No free port was found from {_PORTS[0]} to {_PORTS[-1]}.")

"""Say in one line what keeps the site from starting, before anything is done.

Run by ``make`` with whatever Python there is, so it is written for old ones
too: standard library only, no syntax newer than Python 2.7.
"""

import os
import socket
import sys

OLDEST = (3, 11)


def problem():
    """Return one line that says what is wrong, or None."""
    if sys.version_info < OLDEST:
        return (
            "Python {}.{} or newer is needed, this is {}.{} ({}). "
            "Name another: make run PYTHON=/path/to/python3"
        ).format(*(OLDEST + tuple(sys.version_info[:2]) + (sys.executable,)))
    return port_problem() if "--port" in sys.argv else None


def settings_file():
    """Return what the file ``.env`` beside the Makefile says, plain lines only."""
    if not os.path.exists(".env"):
        return {}
    with open(".env") as lines:
        pairs = [line.strip().split("=", 1) for line in lines if "=" in line]
    return {name: value.strip("'\"") for name, value in pairs if name[:1] != "#"}


def port_problem():
    """Return one line that says why HOST:PORT cannot be opened, or None."""
    kept = settings_file()
    host = os.environ.get("HOST") or kept.get("HOST") or "127.0.0.1"
    port = os.environ.get("PORT") or kept.get("PORT") or "8000"
    if not port.isdigit() or not 0 < int(port) < 65536:
        return "PORT is '{}'; it must be a number from 1 to 65535.".format(port)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    probe = socket.socket(family, socket.SOCK_STREAM)
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((host, int(port)))
    except (OSError, socket.error) as error:
        return (
            "Port {} on {} cannot be opened ({}). Stop what runs there, or choose "
            "another: make run PORT={}"
        ).format(port, host, error.strerror, int(port) + 1)
    finally:
        probe.close()
    return None


if __name__ == "__main__":
    text = problem()
    if text:
        sys.stderr.write(text + "\n")
        sys.exit(1)

"""One laptop: SQLite and files in ``DATA_DIR``, nothing to configure."""

import os
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

from django.core.management.utils import get_random_secret_key

from partsite.env import env_bool, env_list, env_str

from .base import *  # noqa: F403 - a settings module is its base and what differs
from .base import DATA_DIR, LOGGING, SQLITE_URL, database


def _kept_secret_key() -> str:
    """Return the key kept in ``DATA_DIR``, made at the first start.

    Sessions and API keys hang on it, so it must outlive a restart; only its
    owner may read the file.
    """
    path = DATA_DIR / "secret-key"
    if not path.exists():
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        # mkstemp makes it private; the link is refused if another process,
        # starting at the same moment, was first.
        handle, draft = tempfile.mkstemp(dir=DATA_DIR)
        with os.fdopen(handle, "w") as file:
            file.write(get_random_secret_key())
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        Path(draft).unlink()
    return path.read_text().strip()


DEBUG = env_bool("DEBUG", False)
SECRET_KEY = env_str("SECRET_KEY", None) or _kept_secret_key()
DATABASES = {"default": database(env_str("DATABASE_URL", SQLITE_URL))}
# Reached from phones when HOST opens the port to the network: then any name
# of this machine must do, and its address is not known in advance.
_host = env_str("HOST", "127.0.0.1")
_loopback = {"127.0.0.1", "localhost", "::1"}
ALLOWED_HOSTS = env_list(
    "ALLOWED_HOSTS",
    ["localhost", "127.0.0.1", "[::1]", socket.gethostname()]
    if _host in _loopback
    else ["*"],
)
FIRST_LEAD_HERE = _host in _loopback
# Quiet, so that what the start says of address and sign-in stays in sight.
LOGGING["root"]["level"] = env_str("LOG_LEVEL", "WARNING").upper()

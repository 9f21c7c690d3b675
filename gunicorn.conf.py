"""gunicorn's settings; each can be set by the environment variable it names."""

import gc
import os
import sys
from pathlib import Path

_folder = Path(__file__).parent
sys.path.insert(0, str(_folder))

from partsite.env import (  # noqa: E402 - see above
    WEB_THREADS,
    env_int,
    env_str,
    load_env_file,
)
from partsite.logs import KeyHidingFormatter  # noqa: E402
from partsite.webserver import free_place, give_place  # noqa: E402

load_env_file(str(_folder / ".env"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partsite.settings.prod")

_host = env_str("HOST", "127.0.0.1")
bind = (
    f"[{_host}]:{env_int('PORT', 8000)}"
    if ":" in _host
    else (f"{_host}:{env_int('PORT', 8000)}")
)
worker_class = "partsite.webserver.EvenWorker"
pre_fork, child_exit = give_place, free_place
# Imported once and shared by all processes: they are ready sooner, one that is made
# anew after max_requests at once, and each weighs half as much.
preload_app = True
workers = env_int("WEB_PROCESSES", 2)
# Of all process and thread counts the throughput is the same; the more threads share
# an interpreter, the longer the slowest of them wait (docs/performance.md). But slow
# uploads, and requests that wait for a model, take a thread each.
threads = env_int("WEB_THREADS", WEB_THREADS)
timeout = 60
graceful_timeout = 5
keepalive = 5
max_requests = 20_000
max_requests_jitter = 2_000
# gunicorn's heartbeat must not wait for a slow disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
# An address without its query, which may hold an API key.
access_log_format = '%(h)s %(t)s "%(m)s %(U)s" %(s)s %(b)s %(L)s'
loglevel = env_str("LOG_LEVEL", "WARNING").lower()


def on_starting(server) -> None:
    """Keep keys out of gunicorn's own log, which names what it fails to answer."""
    log = server.log
    for handler in log.error_log.handlers:
        handler.setFormatter(KeyHidingFormatter(log.error_fmt, log.datefmt))


def when_ready(server) -> None:
    """Keep what is shared out of collections, which would copy it to each process."""
    gc.collect()
    gc.freeze()

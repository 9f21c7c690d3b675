"""gunicorn's settings; each can be set by the environment variable it names."""

import gc
import os
import sys
from pathlib import Path

from gunicorn.glogging import Logger

_folder = Path(__file__).parent
sys.path.insert(0, str(_folder))

from partsite import multiprocess  # noqa: E402 - see above
from partsite.env import (  # noqa: E402
    WEB_THREADS,
    env_bool,
    env_int,
    env_list,
    env_str,
    load_env_file,
)
from partsite.logs import FORMATTERS  # noqa: E402
from partsite.webserver import free_place, give_cores, give_place  # noqa: E402

gc.disable()  # until partsite.apps.SiteConfig is ready
load_env_file(str(_folder / ".env"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partsite.settings.prod")

_host = env_str("HOST", "127.0.0.1")
bind = (
    f"[{_host}]:{env_int('PORT', 8000)}"
    if ":" in _host
    else (f"{_host}:{env_int('PORT', 8000)}")
)
worker_class = "partsite.webserver.EvenWorker"
child_exit = free_place
# Imported once and shared by all processes: they are ready sooner, one that is made
# anew after max_requests at once, and each weighs half as much.
preload_app = True
workers = env_int("WEB_PROCESSES", 2)
_have_own_cores = env_bool("WEB_OWN_CORES", True)
# The more threads share an interpreter, the longer the slowest of them wait
# (docs/performance.md). But requests that wait for a model take a thread each, as do
# clients that read slowly.
threads = env_int("WEB_THREADS", WEB_THREADS)
# Of a worker's heartbeat, which its threads do not hold up: a slow upload may take
# longer.
timeout = 60
# What is under way when the server is told to stop may end within this: a large
# upload over a slow line, a request that waits for a model.
graceful_timeout = env_int("WEB_GRACE_SECONDS", 30, least=1)
# A proxy in front has to close unused connections sooner (deploy/nginx.conf), or it
# sends a request into one that is being closed.
keepalive = 5
# A process is made anew after so many requests, all of them at different times.
max_requests = env_int("WEB_MAX_REQUESTS", 20_000, least=0)
max_requests_jitter = max_requests // 10
# gunicorn's heartbeat must not wait for a slow disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
# A socket in the home folder, which two sites of one person would share, and a
# service that may write nowhere has none.
control_socket_disable = True
# An address without its query, which may hold an API key.
access_log_format = '%(h)s %(t)s "%(m)s %(U)s" %(s)s %(b)s %(L)s'
loglevel = env_str("LOG_LEVEL", "WARNING").lower()


class logger_class(Logger):  # noqa: N801 - gunicorn's name
    """gunicorn's own log, as the site's: no keys in what it fails to answer."""

    def setup(self, cfg) -> None:
        super().setup(cfg)
        # A format that there is not is for the settings to refuse.
        form = FORMATTERS.get(env_str("LOG_FORMAT", "text").lower(), FORMATTERS["text"])
        for handler in self.error_log.handlers:
            handler.setFormatter(form(self.error_fmt, self.datefmt))


def pre_fork(server, worker) -> None:
    give_place(server, worker)
    if _have_own_cores:
        give_cores(server, worker)


def when_ready(server) -> None:
    """Keep what is shared out of collections, which would copy it to each process."""
    gc.collect()
    gc.freeze()


if env_list("METRICS_ALLOW", []):
    multiprocess.begin()

    def post_fork(server, worker) -> None:
        multiprocess.take_place(worker)

    def on_exit(server) -> None:
        multiprocess.end()

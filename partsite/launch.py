"""Run web server and background worker together until Ctrl-C.

Standard library only: this process stays for as long as the site runs and
should cost nothing. A ready-made runner (honcho) leaves both children behind
when its terminal is closed.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GRACE_SECONDS = 8
# Whoever presses Ctrl-C waits for less than a server does (WEB_GRACE_SECONDS).
_WEB = [sys.executable, "-m", "gunicorn", "--graceful-timeout", "5", "partsite.wsgi"]
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Stopped(Exception):
    """Somebody asked for the end: Ctrl-C, a closed terminal, a service manager."""


def run(address: str, welcome: str) -> int:
    """Start both, print ``welcome`` once the site answers, and wait for the end.

    A worker that dies is started again; without its web server the site ends.

    Args:
        address: where the site answers, such as ``http://127.0.0.1:8000``.
    Returns:
        the exit status: 0 after Ctrl-C, else the web server's.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    web = worker = None
    try:
        web = _start(_WEB)
        worker = _start_worker()
        greeter = threading.Thread(
            target=_greet, args=(web, address, welcome), daemon=True
        )
        greeter.start()
        while web.poll() is None:
            if worker.poll() is not None:
                _say(f"The background worker ended ({worker.returncode}); restarting.")
                time.sleep(2)
                worker = _start_worker()
            time.sleep(0.5)
        _say(f"The web server ended ({web.returncode}).")
        return web.returncode or 1
    except Stopped:
        _say("Stopping.")
        return 0
    finally:
        _end([child for child in (web, worker) if child is not None])


def _start_worker() -> subprocess.Popen:
    return _start([sys.executable, "manage.py", "worker"])


def _start(command: list[str]) -> subprocess.Popen:
    """Start a child in a session of its own, so that Ctrl-C reaches only us."""
    return subprocess.Popen(  # noqa: S603 - fixed words, no shell
        command, cwd=ROOT, start_new_session=True, preexec_fn=_die_with_parent
    )


def _die_with_parent() -> None:
    """Have Linux end this child when its parent is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _greet(web: subprocess.Popen, address: str, welcome: str) -> None:
    while web.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):  # noqa: S310
                break
        except urllib.error.HTTPError:
            break  # it answers, and its log says what is wrong
        except OSError:
            time.sleep(0.1)
    if web.poll() is None:
        _say(welcome)


def _end(children: list[subprocess.Popen]) -> None:
    """Ask the children to stop, and after a while make them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Only the head of each: a task cluster whose every process is told to
    # stop at the same moment waits for ever (measured with django-q2 1.11).
    for child in children:
        child.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(max(0.1, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _stop(number: int, frame: object) -> None:
    raise Stopped


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(run(os.environ["SITE_ADDRESS"], os.environ["SITE_WELCOME"]))

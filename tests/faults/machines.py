"""Machines of a shop: each with a web server or a worker, and a folder of its own."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench import processes
from services import Server

ROOT = Path(__file__).parents[2]
# Its head, the guard, and what fetches, does and records tasks.
_PROCESSES_OF_CLUSTER = 5
_LOOK_SECONDS = 0.5


def surroundings(home: Path, variables: dict[str, str]) -> dict[str, str]:
    """Return the environment on a machine that keeps all of its own in ``home``."""
    _temporary(home).mkdir(parents=True, exist_ok=True)
    own = {"DATA_DIR": str(home), "TMPDIR": str(_temporary(home))}
    return {"PATH": os.environ["PATH"], **variables, **own}


def _temporary(home: Path) -> Path:
    return home / "tmp"


class Machine(Server):
    package = "python3"
    patience_seconds = 120

    def __init__(self, home: Path, variables: dict[str, str]) -> None:
        super().__init__(home)
        self._variables = variables

    @property
    def folder(self) -> Path:
        return ROOT

    @property
    def temporary(self) -> Path:
        return _temporary(self.home)

    @property
    def environment(self) -> dict[str, str]:
        return {**surroundings(self.home, self._variables), "PORT": str(self.port)}


class Web(Machine):
    name = "web"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [sys.executable, "-m", "gunicorn", "partsite.wsgi"]


class Worker(Machine):
    name = "worker"

    def command(self) -> list[str]:
        return [sys.executable, "manage.py", "worker"]

    def answers(self) -> bool:
        return len(processes.tree(self.pid)) >= _PROCESSES_OF_CLUSTER


class Supervisor(threading.Thread):
    """Starts again what has ended, as systemd does, until it is told to stop."""

    def __init__(self, machines: list[Machine]) -> None:
        super().__init__()
        self.machines = machines
        self.restarts = 0
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.wait(_LOOK_SECONDS):
            for machine in self.machines:
                self.restarts += machine.start()

    def stop(self) -> None:
        self._is_over.set()
        self.join()


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    """Have it hang: it takes connections, and says nothing."""
    stopped: list[int] = []
    try:
        # Its head first, which begets others.
        for pid in processes.tree(server.pid):
            os.kill(pid, signal.SIGSTOP)
            stopped.append(pid)
        yield
    finally:
        for pid in reversed(stopped):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def supervised(machines: list[Machine]) -> Iterator[Supervisor]:
    supervisor = Supervisor(machines)
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.stop()

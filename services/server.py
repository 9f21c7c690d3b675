"""What all servers have in common: how one is started, found again and stopped."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Self

from . import ports

_LOG_SHOWN_CHARACTERS = 2000


class ServiceError(Exception):
    """A server cannot be run here; the text says what to do."""


class Server:
    """A program that runs in the background, and a folder with all that it keeps.

    ``start`` and ``stop`` may come from different processes: which process it is
    stands in the folder, with the time it was started, since numbers of processes
    are given out again.
    """

    name: ClassVar[str]
    package: ClassVar[str]  # what brings it to Debian
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    user: ClassVar[str | None] = None  # instead of root
    patience_seconds: ClassVar[int] = 30  # until it answers, or has ended

    def __init__(self, home: Path) -> None:
        self.home = home
        self._process: subprocess.Popen | None = None

    @property
    def port(self) -> int:
        return self._notes["port"]

    @property
    def pid(self) -> int:
        return self._notes["pid"]

    @property
    def log(self) -> Path:
        return self.home / "log"

    @property
    def variables(self) -> dict[str, str]:
        """What the site's environment needs to use it."""
        return {}

    @property
    def folder(self) -> Path:
        """Where it runs."""
        return self.home

    @property
    def environment(self) -> dict[str, str] | None:
        """Its environment; by default that of whoever starts it."""
        return None

    def prepare(self) -> None:
        """Write what the server needs before it starts."""

    def command(self) -> list[str | Path]:
        raise NotImplementedError

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def set_up(self) -> None:
        """Make what the site needs in a server that answers."""

    def start(self, port: int = 0) -> bool:
        """Run it if it does not run yet; return whether it had to be started.

        Args:
            port: where it listens; by default the port of last time, else a free one.
        Raises:
            ServiceError: its program is missing, or does not come up.
        """
        if self.is_running():
            return False
        self.home.mkdir(parents=True, exist_ok=True)
        if self.runs_as:
            self._hand_over()
        self._note(port=port or self._notes.get("port") or ports.free())
        self.prepare()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - fixed words, no shell
                self.command(),
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for whoever started it
                **self.runs_as,
            )
        pid = self._process.pid
        self._note(pid=pid, started=_started(pid))
        try:
            self._wait()
            self.set_up()
        except BaseException:
            self.stop()
            raise
        return True

    def stop(self) -> bool:
        """End it; return whether it ran. What it has kept stays."""
        if not self.is_running():
            return False
        pid = self.pid
        os.kill(pid, self.stop_signal)
        deadline = time.monotonic() + self.patience_seconds
        while self.is_running():
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        if self._process is not None:
            self._process.wait()
        self._note(pid=None, started=None)
        return True

    def kill(self) -> None:
        """End it as a power cut would, all of its processes."""
        # Somebody may start it again meanwhile.
        process, pid, started = self._process, self.pid, self._notes["started"]
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        if process is not None:
            process.wait()
        while _started(pid) == started:
            time.sleep(0.02)

    def is_running(self) -> bool:
        if self._process is not None:
            self._process.poll()  # else a child that has ended is still there
        started = self._notes.get("started")
        return started is not None and _started(self.pid) == started

    @classmethod
    @contextmanager
    def running(cls, **options: Any) -> Iterator[Self]:
        """Run one until the end of the block, in a folder that goes with it."""
        home = Path(tempfile.mkdtemp(prefix=f"{cls.name}-"))
        server = cls(home, **options)
        try:
            server.start()
            yield server
        finally:
            server.stop()
            shutil.rmtree(home, ignore_errors=True)

    @property
    def runs_as(self) -> dict[str, str]:
        is_other = self.user and os.geteuid() == 0
        return {"user": self.user, "group": self.user} if is_other else {}

    def find(self, program: str, *folders: Path) -> Path:
        """Return where ``program`` is.

        Raises:
            ServiceError: nowhere.
        """
        # /usr/sbin is in no PATH but root's.
        path = os.pathsep.join([os.environ["PATH"], *map(str, folders), "/usr/sbin"])
        found = shutil.which(program, path=path)
        if found is None:
            raise ServiceError(
                f"{program} is not installed. On Debian: apt-get install {self.package}"
            )
        return Path(found)

    def _hand_over(self) -> None:
        try:
            shutil.chown(self.home, **self.runs_as)
        except LookupError:
            raise ServiceError(
                f"There is no user {self.user}, and {self.name} does not run as root. "
                f"On Debian: apt-get install {self.package}"
            ) from None
        # What is above may be closed to it, as a checkout in /root is.
        reached = subprocess.run(  # noqa: S603 - fixed words, no shell
            ["test", "-w", self.home],  # noqa: S607
            check=False,
            **self.runs_as,
        )
        if reached.returncode:
            raise ServiceError(
                f"{self.name} does not run as root, and the user {self.user} cannot "
                f"reach {self.home}. Name a folder elsewhere, such as "
                "SERVICES_DIR=/var/tmp/parts-services"
            )

    def _wait(self) -> None:
        deadline = time.monotonic() + self.patience_seconds
        while not self.answers():
            if not self.is_running() or time.monotonic() > deadline:
                said = self.log.read_text(errors="replace")[-_LOG_SHOWN_CHARACTERS:]
                raise ServiceError(f"{self.name} does not come up:\n{said}")
            time.sleep(0.05)

    @property
    def _notes(self) -> dict[str, Any]:
        try:
            return json.loads((self.home / "notes.json").read_text())
        except FileNotFoundError:
            return {}

    def _note(self, **more: Any) -> None:
        notes = {**self._notes, **more}
        # Whole at any moment: others read it while a server is started again.
        draft = self.home / "notes.draft"
        draft.write_text(json.dumps(notes))
        draft.replace(self.home / "notes.json")


def _started(pid: int) -> str | None:
    """Return when a process began, in ticks since the start of Linux, if it lives."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else fields[18]

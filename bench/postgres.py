"""A PostgreSQL of our own, for as long as a benchmark runs."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from . import ports

_PATIENCE_SECONDS = 30
_USER = "bench"


@dataclass(frozen=True)
class Cluster:
    """A running server; ``database`` makes one and gives its address."""

    port: int
    pid: int
    version: str

    def database(self, name: str) -> str:
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(
                psycopg.sql.SQL("CREATE DATABASE {}").format(
                    psycopg.sql.Identifier(name)
                )
            )
        return self._address(name)

    def _address(self, name: str) -> str:
        return f"postgres://{_USER}@127.0.0.1:{self.port}/{name}"


def binaries() -> Path | None:
    """Return the folder with ``initdb`` and ``postgres``, the newest there is."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(folders, key=lambda path: float(path.parts[-3]), default=None)
    return newest.parent if newest else None


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a server with its own settings of old, on an address of this machine."""
    folder = binaries()
    # PostgreSQL does not run as root; Debian's package brings a user for it.
    who = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    home = Path(tempfile.mkdtemp(prefix="bench-postgres-"))
    if who:
        shutil.chown(home, **who)
    data, port = home / "data", ports.free()
    quiet = {"cwd": home, "stdout": subprocess.DEVNULL, **who}
    server = None
    try:
        with (home / "log").open("w") as log:
            subprocess.run(  # noqa: S603 - fixed words, no shell
                [folder / "initdb", "-D", data, "-U", _USER, "-A", "trust"]
                + ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
                check=True,
                stderr=log,
                **quiet,
            )
            server = subprocess.Popen(  # noqa: S603 - as above
                [folder / "postgres", "-D", data, "-p", str(port), "-k", home]
                + ["-c", "listen_addresses=127.0.0.1"],
                stderr=log,
                **quiet,
            )
        yield Cluster(port, server.pid, _version(port))
    finally:
        if server is not None:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(5)  # for clients that are still there
            if server.poll() is None:
                server.send_signal(2)  # SIGINT: without waiting for clients
                server.wait(_PATIENCE_SECONDS)
        shutil.rmtree(home, ignore_errors=True)


def _version(port: int) -> str:
    """Wait until the server answers, and return what it is."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            with psycopg.connect(
                f"postgres://{_USER}@127.0.0.1:{port}/postgres"
            ) as connection:
                return connection.execute("SHOW server_version").fetchone()[0]
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)

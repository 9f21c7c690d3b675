"""PostgreSQL, as its Debian package brings it."""

import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg

from .server import Server

_USER = "parts"
# What a crash of the machine would lose is of no worth in a test.
_HASTY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Postgres(Server):
    """A cluster with one user, who may do everything, and a password of its own."""

    name = "postgres"
    package = "postgresql"
    stop_signal = signal.SIGINT  # without waiting for clients
    user = "postgres"  # it does not run as root

    def __init__(
        self, home: Path, *, is_hasty: bool = False, tls: Path | None = None
    ) -> None:
        """
        Args:
            is_hasty: keep nothing safe from a crash of the machine.
            tls: a folder with ``server.crt`` and ``server.key``.
        """
        super().__init__(home)
        self.is_hasty = is_hasty
        self.tls = tls

    @classmethod
    def is_here(cls) -> bool:
        return bool(shutil.which("initdb") or _newest())

    @property
    def variables(self) -> dict[str, str]:
        return {"DATABASE_URL": self.address("parts")}

    @property
    def version(self) -> str:
        with self._connect() as connection:
            return connection.execute("SHOW server_version").fetchone()[0]

    def address(self, database: str) -> str:
        password = (self.home / "password").read_text()
        return f"postgres://{_USER}:{password}@127.0.0.1:{self.port}/{database}"

    def database(self, name: str) -> str:
        """Make a database if it is not there, and return its address."""
        with self._connect() as connection:
            known = "SELECT 1 FROM pg_database WHERE datname = %s"
            if not connection.execute(known, [name]).fetchone():
                quoted = psycopg.sql.Identifier(name)
                connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(quoted))
        return self.address(name)

    def prepare(self) -> None:
        if (self.home / "data" / "PG_VERSION").exists():
            return
        if self.tls:
            # It takes no key that it does not own, or that others may read.
            for name in ("server.crt", "server.key"):
                copy = shutil.copy(self.tls / name, self.home / name)
                Path(copy).chmod(0o600)
                self._give(copy)
        password = self.home / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_hex(16))
        self._give(password)
        with self.log.open("ab") as log:
            subprocess.run(  # noqa: S603 - fixed words, no shell
                [self._find("initdb"), "-D", self.home / "data", "-U", _USER]
                + ["-A", "scram-sha-256", "--pwfile", password]
                + ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
                check=True,
                cwd=self.home,
                stdout=log,
                stderr=log,
                **self.runs_as,
            )

    def command(self) -> list[str | Path]:
        settings = ["listen_addresses=127.0.0.1"]
        if self.is_hasty:
            settings += _HASTY
        if self.tls:
            settings += ["ssl=on", f"ssl_cert_file={self.home}/server.crt"]
            settings += [f"ssl_key_file={self.home}/server.key"]
        return [
            *(self._find("postgres"), "-D", self.home / "data"),
            *("-p", str(self.port), "-k", ""),  # no socket of its own
            *(word for setting in settings for word in ("-c", setting)),
        ]

    def answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def set_up(self) -> None:
        self.database("parts")

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self.address("postgres"), autocommit=True)

    def _give(self, path: Path | str) -> None:
        if self.runs_as:
            shutil.chown(path, **self.runs_as)

    def _find(self, program: str) -> Path:
        # Debian puts into PATH what talks to a server, not the server itself.
        return self.find(program, *filter(None, [_newest()]))


def _newest() -> Path | None:
    folders = Path("/usr/lib/postgresql").glob(f"*{os.sep}bin")
    return max(folders, key=lambda path: float(path.parent.name), default=None)

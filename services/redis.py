"""Redis, as its Debian package brings it."""

import secrets
from pathlib import Path

from .server import Server


class Redis(Server):
    """A server with a password, which keeps nothing on disk."""

    name = "redis"
    package = "redis-server"

    def __init__(self, home: Path, *, tls: Path | None = None) -> None:
        """
        Args:
            tls: a folder with ``server.crt`` and ``server.key``.
        """
        super().__init__(home)
        self.tls = tls

    @property
    def variables(self) -> dict[str, str]:
        scheme = "rediss" if self.tls else "redis"
        address = f"{scheme}://:{self._password}@127.0.0.1:{self.port}/0"
        return {"REDIS_URL": address}

    def prepare(self) -> None:
        password = self.home / "password"
        if not password.exists():
            password.touch(mode=0o600)
            password.write_text(secrets.token_hex(16))
        lines = ["bind 127.0.0.1", 'save ""', "appendonly no", f"dir {self.home}"]
        lines.append(f"requirepass {self._password}")
        if self.tls:
            lines += ["port 0", f"tls-port {self.port}", "tls-auth-clients no"]
            lines.append(f"tls-cert-file {self.tls}/server.crt")
            lines.append(f"tls-key-file {self.tls}/server.key")
        else:
            lines.append(f"port {self.port}")
        # A file, since everybody can read a command line.
        settings = self.home / "redis.conf"
        settings.touch(mode=0o600)
        settings.write_text("\n".join(lines) + "\n")

    def command(self) -> list[str | Path]:
        return [self.find("redis-server"), self.home / "redis.conf"]

    @property
    def _password(self) -> str:
        return (self.home / "password").read_text()

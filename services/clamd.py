"""clamd, the virus scanner of ClamAV, as its Debian package brings it."""

from pathlib import Path

from partsite.clamd import eicar

from .server import Server

SIGNATURE = "Parts.Test.EICAR"


class Clamd(Server):
    """A scanner that knows one virus, that of EICAR, wherever in a file it stands."""

    name = "clamd"
    package = "clamav-daemon"

    def __init__(self, home: Path, *, limit_mb: int = 100) -> None:
        """
        Args:
            limit_mb: the largest file it looks at.
        """
        super().__init__(home)
        self.limit_mb = limit_mb

    @property
    def variables(self) -> dict[str, str]:
        return {"CLAMD": f"127.0.0.1:{self.port}"}

    def prepare(self) -> None:
        signatures = self.home / "signatures"
        signatures.mkdir(exist_ok=True)
        # Name, any kind of file, anywhere in it.
        line = f"{SIGNATURE}:0:*:{eicar().hex()}\n"
        (signatures / "test.ndb").write_text(line)
        lines = [
            "Foreground yes",
            f"DatabaseDirectory {signatures}",
            "TCPAddr 127.0.0.1",
            f"TCPSocket {self.port}",
            f"StreamMaxLength {self.limit_mb}M",
            f"MaxFileSize {self.limit_mb}M",
            f"MaxScanSize {4 * self.limit_mb}M",
            "AlertExceedsMax yes",
        ]
        (self.home / "clamd.conf").write_text("\n".join(lines) + "\n")

    def command(self) -> list[str | Path]:
        return [self.find("clamd"), f"--config-file={self.home / 'clamd.conf'}"]

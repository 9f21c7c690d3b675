"""An S3-compatible server: that of moto, which keeps everything in its memory."""

import sys
import urllib.request
from importlib.util import find_spec
from pathlib import Path

from .server import Server, ServiceError

BUCKET = "parts"
REGION = "us-east-1"


class S3(Server):
    """A server with one bucket; any key opens it, and what it has ends with it."""

    name = "s3"
    package = ""  # none, it is in requirements-dev.txt

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        return {
            "FILES": f"s3://{BUCKET}",
            "S3_ENDPOINT_URL": self.address,
            "S3_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "parts",
            "AWS_SECRET_ACCESS_KEY": "nothing-secret",
        }

    def prepare(self) -> None:
        if find_spec("moto") is None:
            raise ServiceError(
                "moto is not installed: pip install -r requirements-dev.txt"
            )

    def command(self) -> list[str | Path]:
        address = ["-H", "127.0.0.1", "-p", str(self.port)]
        return [sys.executable, "-m", "moto.server", *address]

    def set_up(self) -> None:
        self.bucket(BUCKET)

    def bucket(self, name: str) -> None:
        """Make a bucket, or nothing if it is there."""
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.address}/{name}", method="PUT"
        )
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310

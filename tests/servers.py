"""Fixtures: servers that a test run starts once, for whoever needs real ones.

Each process of a test run has its own, so tests of one do not meet another's.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from services import S3, Postgres

# A certificate for 127.0.0.1 that answers for itself.
_CERTIFICATE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
    "-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 "
    "-keyout server.key -out server.crt"
)


@pytest.fixture(scope="session")
def postgres_here() -> None:
    if not Postgres.is_here():
        lacking("PostgreSQL is not installed.")


@pytest.fixture(scope="session")
def postgres(certificate, postgres_here) -> Iterator[Postgres]:
    """A PostgreSQL that speaks TLS to whoever wants it."""
    with Postgres.running(is_hasty=True, tls=certificate) as server:
        yield server


@pytest.fixture(scope="session")
def redis_here() -> None:
    if not shutil.which("redis-server"):
        lacking("redis-server is not installed.")


@pytest.fixture(scope="session")
def nginx_here() -> None:
    if not shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
        lacking("nginx is not installed.")


@pytest.fixture(scope="session")
def clamd_here() -> None:
    if not shutil.which("clamd", path=f"{os.environ['PATH']}:/usr/sbin"):
        lacking("clamav-daemon is not installed.")


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    with S3.running() as server:
        yield server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Path:
    """A folder with ``server.crt`` and ``server.key``."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(  # noqa: S603 - fixed words
        _CERTIFICATE.split(), cwd=folder, check=True, capture_output=True
    )
    return folder


def lacking(reason: str) -> None:
    """Leave a test out, but not in CI."""
    if os.environ.get("DEPLOY_REQUIRED"):
        pytest.fail(reason)
    pytest.skip(reason)

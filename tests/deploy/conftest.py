"""The files in deploy/, run by the programs that they are for."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import databases
from tests.running import ROOT, Site, serving_site

DEPLOY = ROOT / "deploy"
HOST = "parts.example.org"


def program(name: str, package: str) -> Path:
    """Return where a program is; without it the test is skipped, in CI it fails."""
    # /usr/sbin is in no PATH but root's.
    path = shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if path is None:
        reason = f"needs {name}: {package}"
        if os.environ.get("DEPLOY_REQUIRED"):
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(path)


@contextmanager
def production_site(shop: Path, **variables: str) -> Iterator[Site]:
    """Serve the demo shop on production settings, by one process of four threads."""
    told = {
        "DJANGO_SETTINGS_MODULE": "partsite.settings.prod",
        "SECRET_KEY": (shop / "secret-key").read_text().strip(),
        "ALLOWED_HOSTS": HOST,
        "DATABASE_URL": f"sqlite:///{shop / 'db.sqlite3'}",
        "TRUSTED_PROXIES": "127.0.0.1",
        "WEB_THREADS": "4",
        **databases.variables_of(shop),
    }
    with serving_site(shop, **told | variables) as site:
        yield site

"""The files in deploy/, run by the programs that they are for."""

import os
import shutil
from pathlib import Path

import pytest

from tests.running import ROOT

DEPLOY = ROOT / "deploy"


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

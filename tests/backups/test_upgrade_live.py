"""An upgrade as it is made at the command line, on a shop of an older release."""

import os
import subprocess
import sys
from pathlib import Path

from tests import databases
from tests.running import ROOT


def _manage(folder: Path, *words: str) -> str:
    variables = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder)}
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=variables | databases.variables_of(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_upgrade_backs_up_first_and_what_it_backs_up_comes_back(demo_shop, tmp_path):
    folder = databases.copy(demo_shop, tmp_path / "old")
    _manage(folder, "migrate", "parts", "0010", "-v0", "--no-backup")
    said = _manage(folder, "migrate", "-v0")
    (path,) = (folder / "backups").iterdir()
    assert said == f"A backup from before the upgrade is in {path}\n"
    assert path.name.endswith("-before-upgrade.tar.gz")
    assert _manage(folder, "migrate", "-v0") == ""
    other = tmp_path / "new"
    said = _manage(other, "restore", str(path))
    assert "They were of an older release and are migrated.\n" in said
    count = "from parts.models import Part; print(Part.objects.count())"
    counts = {_manage(each, "shell", "-v0", "-c", count) for each in (folder, other)}
    assert counts == {"26\n"}


def test_an_empty_database_is_migrated_without_a_backup(tmp_path):
    assert _manage(tmp_path, "migrate", "-v0") == ""
    assert not (tmp_path / "backups").exists()

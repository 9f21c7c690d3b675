"""Settings are read by real processes, each with an environment of its own."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "partsite.settings.prod",
    "SECRET_KEY": "k3y-" + "0123456789abcdefghij" * 4,
    "ALLOWED_HOSTS": "parts.example.org",
}


def _manage(*words: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("missing", ["SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL"])
def test_production_refuses_to_start_without(missing, tmp_path):
    given = {**PRODUCTION, "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}
    del given[missing]
    run = _manage("check", DATA_DIR=str(tmp_path), **given)
    assert run.returncode == 1
    assert f"ImproperlyConfigured: {missing} is not set." in run.stderr


def test_check_deploy_is_silent_in_production(tmp_path):
    run = _manage(
        "check",
        "--deploy",
        "--fail-level",
        "INFO",
        DATA_DIR=str(tmp_path),
        DATABASE_URL=f"sqlite:///{tmp_path}/db.sqlite3",
        **PRODUCTION,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == "System check identified no issues (0 silenced).\n"


def test_check_tells_of_a_media_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "media").write_text("a file where the folder should be")
    run = _manage(
        "check",
        "--deploy",
        DATA_DIR=str(tmp_path),
        DATABASE_URL=f"sqlite:///{tmp_path}/db.sqlite3",
        **PRODUCTION,
    )
    assert run.returncode == 1
    assert "(parts.E001) Files cannot be stored in" in run.stderr


def test_a_laptop_keeps_its_secret_key_private_and_for_good(tmp_path):
    show = ("shell", "--no-imports", "-c")
    code = "from django.conf import settings; print(settings.SECRET_KEY)"
    first = _manage(*show, code, DATA_DIR=str(tmp_path))
    second = _manage(*show, code, DATA_DIR=str(tmp_path))
    assert first.stdout == second.stdout
    assert len(first.stdout.strip()) >= 50
    path = tmp_path / "secret-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["secret-key"]


def test_env_example_lists_every_variable_that_is_read():
    sources = [*ROOT.glob("partsite/**/*.py"), *ROOT.glob("parts/**/*.py")]
    sources += [*ROOT.glob("accounts/**/*.py"), ROOT / "gunicorn.conf.py"]
    read = set()
    for source in sources:
        read |= set(re.findall(r"env_\w+\(\s*[\"']([A-Z_]+)", source.read_text()))
    listed = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))
    assert listed - {"DJANGO_SETTINGS_MODULE"} == read

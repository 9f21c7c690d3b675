"""Machines that are brought up together, and all migrate the one database."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .machines import ROOT

AT_ONCE = 3
# A shop that somebody uses, as an older release left it.
_OLDER = ("parts", "0010")
_PERSON = "from accounts.models import User; User.objects.create_user('lead')"
_PATIENCE_SECONDS = 120


def start(variables: dict[str, str], *words: str) -> subprocess.Popen:
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def said(process: subprocess.Popen) -> str:
    text, _ = process.communicate(timeout=_PATIENCE_SECONDS)
    assert process.returncode == 0, text
    return text


@pytest.fixture(params=["sqlite", "postgresql"])
def variables(request, tmp_path: Path) -> dict[str, str]:
    here = {"DATA_DIR": str(tmp_path)}
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")
        name = request.node.name.partition("[")[0][-40:]
        here["DATABASE_URL"] = postgres.database(name)
    return here


def test_one_migrates_an_empty_database_and_the_others_wait(variables):
    started = [start(variables, "migrate") for _ in range(AT_ONCE)]
    texts = [said(process) for process in started]
    busy = [text for text in texts if "Applying" in text]
    assert len(busy) == 1
    assert sum("No migrations to apply" in text for text in texts) == AT_ONCE - 1
    said(start(variables, "migrate", "--check"))


def test_one_backs_an_older_database_up_and_migrates_it(variables):
    said(start(variables, "migrate", *_OLDER))
    said(start(variables, "migrate", "accounts"))
    said(start(variables, "shell", "--no-imports", "-c", _PERSON))
    started = [start(variables, "migrate") for _ in range(AT_ONCE)]
    texts = [said(process) for process in started]
    assert sum("A backup from before the upgrade" in text for text in texts) == 1
    assert sum("Applying" in text for text in texts) == 1
    assert sum("Another migrate is at work here" in text for text in texts) > 0
    said(start(variables, "migrate", "--check"))

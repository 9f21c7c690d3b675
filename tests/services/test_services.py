"""Servers of this machine: started once, found again, and nothing else stopped."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from services import Nginx, Redis, Server, ServiceError

ROOT = Path(__file__).parents[2]


def services(*words: str, path: str = "") -> subprocess.CompletedProcess:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "services", *words],
        cwd=ROOT,
        env={"PATH": path or os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_started_twice_runs_once_and_is_stopped_alone(tmp_path, redis_here):
    others = Redis(tmp_path / "others")
    others.start()
    words = ("--folder", str(tmp_path / "ours"), "--only", "redis")
    try:
        first = services("start", *words).stdout
        second = services("start", *words).stdout
        assert "# redis started" in first
        assert second == first.replace("redis started", "redis runs already")
        ours = Redis(tmp_path / "ours" / "redis")
        (address,) = re.findall(r"^export REDIS_URL='?(redis://[^']+?)'?$", first, re.M)
        assert redis.from_url(address).ping() is True
        assert services("stop", *words).stdout == "# redis stopped\n"
        assert services("stop", *words).stdout == "# redis did not run\n"
        assert (ours.is_running(), others.is_running()) == (False, True)
    finally:
        services("stop", *words)
        others.stop()


def test_what_it_says_can_be_sourced_and_is_nobody_elses(tmp_path, redis_here):
    words = ("--folder", str(tmp_path), "--only", "redis")
    try:
        services("start", *words)
        told = tmp_path / "env"
        assert told.stat().st_mode & 0o077 == 0
        said = subprocess.run(  # noqa: S603 - fixed words
            ["/bin/sh", "-c", f'. {told}; printf "%s" "$REDIS_URL"'],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert said == Redis(tmp_path / "redis").variables["REDIS_URL"]
    finally:
        services("stop", *words)


def test_a_number_that_another_process_has_now_is_left_alone(tmp_path):
    server = Redis(tmp_path)
    server._note(pid=os.getpid(), started="1", port=1)
    assert server.is_running() is False
    assert server.stop() is False


def test_a_program_that_is_missing_is_named_with_its_package(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda *args, **kwargs: None)
    nginx = Nginx(tmp_path, site_port=1, media=tmp_path)
    for server in (Redis(tmp_path / "r"), nginx):
        words = f"is not installed. On Debian: apt-get install {server.package}"
        with pytest.raises(ServiceError, match=words):
            server.start()


def test_what_ends_at_once_is_told_with_its_last_words(tmp_path):
    class Broken(Server):
        name = "broken"

        def command(self):
            return ["/bin/sh", "-c", "echo no such thing; exit 1"]

    with pytest.raises(ServiceError, match="broken does not come up:\nno such thing"):
        Broken(tmp_path).start()


def test_a_database_is_made_once_and_opens_with_its_password_only(postgres):
    address = postgres.database("shop")
    assert postgres.database("shop") == address
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("shop",)
    wrong = re.sub(r":[0-9a-f]{32}@", ":guessed@", address)
    with pytest.raises(psycopg.OperationalError, match="password authentication"):
        psycopg.connect(wrong)


def test_a_folder_that_was_lent_goes_with_its_server(redis_here):
    with Redis.running() as server:
        pid, home = server.pid, server.home
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()
    assert not home.exists()

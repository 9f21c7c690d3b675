"""What SQLite says of commits holds for all threads of a process."""

import gc
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from partsite.sqlite import watching
from partsite.sqlite.watching import version


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "a b?.sqlite3"
    _make(path)
    return path


def _make(path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE things (name)")


def _write(path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("INSERT INTO things VALUES ('x')")


def test_it_is_another_after_each_commit_and_no_other_time(database):
    seen = [version(str(database))]
    for _ in range(3):
        assert version(str(database)) == seen[-1]
        _write(database)
        seen.append(version(str(database)))
    assert len(set(seen)) == 4


def test_what_is_not_committed_does_not_count(database):
    before = version(str(database))
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("INSERT INTO things VALUES ('x')")
        assert version(str(database)) == before
        other.execute("ROLLBACK")
    assert version(str(database)) == before


def test_bringing_the_log_into_the_file_hides_no_commit(database):
    seen = {version(str(database))}
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        for number in range(1, 20):
            other.execute("INSERT INTO things VALUES ('x')")
            seen.add(version(str(database)))
            assert len(seen) > number
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            seen.add(version(str(database)))


# Writes, if SQLite lets it; it is another program.
_WRITE = (
    "import sqlite3, sys\n"
    "with sqlite3.connect(sys.argv[1], timeout=0) as other:\n"
    "    other.execute(\"INSERT INTO things VALUES ('x')\")\n"
)


def _is_written_by_another_program(path) -> bool:
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", _WRITE, path], check=False, stderr=subprocess.PIPE
    )
    assert done.returncode == 0 or b"database is locked" in done.stderr
    return done.returncode == 0


def test_to_look_takes_no_lock_from_who_writes(database):
    with closing(sqlite3.connect(database, isolation_level=None)) as own:
        own.execute("BEGIN IMMEDIATE")
        before = version(str(database))
        assert not _is_written_by_another_program(database)
        watch = watching._Watch(str(database))
        assert watch.version() == before
        watch._own.close()
        del watch
        gc.collect()
        assert not _is_written_by_another_program(database)
        assert version(str(database)) == before
        own.execute("COMMIT")
    assert _is_written_by_another_program(database)
    assert version(str(database)) != before


def test_many_threads_see_the_same(database):
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            seen = list(pool.map(version, [str(database)] * 50))
            assert len(set(seen)) == 1
            _write(database)
            assert version(str(database)) != seen[0]


def _a_while_later(path) -> None:
    watching._watch(str(path), os.getpid())._sure_until = 0


def test_of_another_file_in_its_place_nothing_is_said(database):
    assert version(str(database)) is not None
    for end in ("", "-wal", "-shm"):
        database.with_name(f"{database.name}{end}").rename(f"{database}.old{end}")
    _a_while_later(database)
    assert version(str(database)) is None
    _make(database)
    with closing(sqlite3.connect(database)) as other:
        other.execute("SELECT name FROM things").fetchall()
        _a_while_later(database)
        assert version(str(database)) is None


def test_of_an_index_in_other_words_nothing_is_said(database, monkeypatch):
    assert version(str(database)) is not None
    monkeypatch.setattr(watching, "_VERSION", 3_007_001)
    assert version(str(database)) is None


def test_without_a_log_nothing_is_said(tmp_path):
    path = tmp_path / "plain.sqlite3"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE things (name)")
    assert version(str(path)) is None
    assert not path.with_name("plain.sqlite3-shm").exists()


def test_a_database_may_come_later(tmp_path):
    path = tmp_path / "later.sqlite3"
    assert version(str(path)) is None
    assert not path.exists()
    path.touch()
    _make(path)
    assert version(str(path)) is not None


def test_what_is_no_database_says_nothing(tmp_path):
    path = tmp_path / "broken.sqlite3"
    path.write_bytes(b"no database" * 1000)
    assert version(str(path)) is None
    assert version(str(tmp_path)) is None
    assert version("") is None
    assert version(":memory:") is None

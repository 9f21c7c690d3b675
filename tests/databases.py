"""The databases of the sites that tests start, as the run's own engine keeps them.

That is SQLite's file in a site's folder, or with ``DATABASE_URL`` a database of the
folder's own on that server; all of them go when the run ends.
"""

import hashlib
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

_RUN = "TEST_RUN"  # in the environment, so that all processes of a run have it


def begin() -> None:
    """Note that tests are run: whatever else starts a site has SQLite."""
    os.environ.setdefault(_RUN, secrets.token_hex(4))


def end() -> None:
    """Drop what this run's sites had, whoever still uses it."""
    if not _is_on_server():
        return
    with _server() as server:
        made = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
        for (name,) in server.execute(made, [_prefix()]).fetchall():
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            server.execute(drop.format(sql.Identifier(name)))


def variables_of(folder: Path) -> dict[str, str]:
    """Return what tells a site in ``folder`` of its database, made if it is not there.

    Nothing for SQLite's, where a site looks by itself.
    """
    if not _is_on_server():
        return {}
    name = _name_of(folder)
    with _server() as server:
        known = "SELECT 1 FROM pg_database WHERE datname = %s"
        if not server.execute(known, [name]).fetchone():
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return {"DATABASE_URL": _address(name)}


def copy(folder: Path, target: Path) -> Path:
    """Copy the data of a site that does not run, and return ``target``."""
    shutil.copytree(folder, target)
    if _is_on_server():
        names = sql.Identifier(_name_of(target)), sql.Identifier(_name_of(folder))
        with _server() as server:
            server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
    return target


@contextmanager
def connected(folder: Path) -> Iterator[sqlite3.Connection | psycopg.Connection]:
    """Give a connection to a site's database, and commit at the end."""
    if not _is_on_server():
        with closing(sqlite3.connect(folder / "db.sqlite3")) as connection, connection:
            yield connection
        return
    with psycopg.connect(_address(_name_of(folder))) as connection:
        yield connection


def _is_on_server() -> bool:
    return _RUN in os.environ and os.environ.get("DATABASE_URL", "").startswith(
        "postgres"
    )


def _server() -> psycopg.Connection:
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)


def _address(name: str) -> str:
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def _name_of(folder: Path) -> str:
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()
    return f"{_prefix()}{digest[:16]}"


def _prefix() -> str:
    return f"test_site_{os.environ[_RUN]}_"

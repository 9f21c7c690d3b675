"""The yardsticks have to answer what the site answers, and to write what it writes."""

import importlib
import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from io import BytesIO
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import Scope
from bench import client as load_client
from bench import rounds, seed, workload
from bench.sites import BARE, PLAIN, ROOT, SITE, Shop, Site, environment
from tests.factories import make_key

PATHS = [
    "/api/parts/",
    "/api/parts/?limit=7&offset=30",
    "/api/parts/categories/completed?limit=50",
    "/api/parts/categories/hand",
    "/api/parts/5",
    "/api/parts/55",
]
# What no two rows share, and who it was, whom the yardstick does not know.
ITS_OWN = {"id", "uuid", "code", "part_id", "actor_id", "api_key_id", "actor_name"}

on_sqlite = pytest.mark.skipif(
    settings.DATABASES["default"]["ENGINE"].endswith("postgresql"),
    reason="it is about an SQLite file",
)


@pytest.fixture
def bare(monkeypatch, tmp_path, transactional_db):
    """Give the bare yardstick, on the site's file."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    bare = importlib.import_module("bench.yardsticks.bare")
    monkeypatch.setattr(bare, "_DATABASE", Path(connection.settings_dict["NAME"]))
    yield bare
    bare._database().close()
    del bare._thread.connection


@on_sqlite
def test_the_bare_yardstick_answers_as_the_site_does(bare, client):
    seed.seed(80)
    headers = {"X-API-Key": make_key()[1]}
    for path in PATHS:
        url = urlsplit(path)
        status, headers_said, body = _asked(bare, "GET", url.path, url.query)
        assert json.loads(body) == client.get(path, headers=headers).json()
        assert status == "200 OK"
        assert ("Content-Length", str(len(body))) in headers_said


@on_sqlite
def test_the_bare_yardstick_writes_as_the_site_does(bare, client):
    seed.seed(5)
    headers = {"X-API-Key": make_key(scope=Scope.LEAD)[1]}
    shop = Shop(5, Path(), headers["X-API-Key"], "", [])
    lanes = set()
    chance = Random(1)  # noqa: S311 - no secret
    for number, request in enumerate(workload.creates(shop, 20, chance)):
        more = {"tool": "6 mm"} if number % 2 else {}
        part = json.loads(request.partition(b"\r\n\r\n")[2])
        lanes.add(part["category"])
        ids = {}
        for step, said in (
            ("", part),
            ("assign", {"assigned": "Łukasz Żak"}),
            ("complete", {"miscInfo": {"storage": "Shelf A3", **more}}),
        ):
            path = f"/api/parts/{ids[SITE]}/{step}" if step else "/api/parts/"
            theirs = client.post(path, said, "application/json", headers=headers)
            path = f"/api/parts/{ids[BARE]}/{step}" if step else "/api/parts/"
            status, _, body = _asked(bare, "POST", path, said=said)
            assert status == f"{theirs.status_code} {theirs.reason_phrase}"
            ids = ids or {SITE: theirs.json()["id"], BARE: json.loads(body)["id"]}
            told = client.get(f"/api/parts/{ids[BARE]}", headers=headers)
            assert json.loads(body) == told.json()
            assert _rows(bare, ids[BARE]) == _rows(bare, ids[SITE])
    assert lanes == {"cnc", "hand", "misc"}


@on_sqlite
def test_the_bare_yardstick_takes_no_step_twice(bare):
    seed.seed(5)
    chance = Random(1)  # noqa: S311 - no secret
    [request] = workload.creates(Shop(5, Path(), "", "", []), 1, chance)
    said = json.loads(request.partition(b"\r\n\r\n")[2])
    number = json.loads(_asked(bare, "POST", "/api/parts/", said=said)[2])["id"]
    for step, said in (
        ("assign", {"assigned": "Sam"}),
        ("complete", {"miscInfo": {"storage": "Shelf A3"}}),
    ):
        path = f"/api/parts/{number}/{step}"
        assert _asked(bare, "POST", path, said=said)[0] == "200 OK"
        rows = _rows(bare, number)
        assert _asked(bare, "POST", path, said=said)[0] == "409 Conflict"
        assert _rows(bare, number) == rows


@on_sqlite
@pytest.mark.django_db(transaction=True)
def test_plain_drf_writes_into_tables_as_django_makes_them(tmp_path):
    seed.seed(80)
    source = str(connection.settings_dict["NAME"])
    subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "bench.yardsticks.plain.tables", source],
        cwd=ROOT,
        env=environment({"DATA_DIR": str(tmp_path)}),
        check=True,
    )
    columns = "id, uuid, code, name, extra, season_id, current_step_id, created_at"
    parts = f"SELECT {columns} FROM parts ORDER BY id"  # noqa: S608
    with (
        closing(sqlite3.connect(tmp_path / "db.sqlite3")) as made,
        closing(sqlite3.connect(source)) as site,
    ):
        stored = made.execute(
            "SELECT type, tbl_name, sql FROM sqlite_master"
        ).fetchall()
        rows = made.execute(parts).fetchall()
        assert len(rows) == 80
        assert rows == site.execute(parts).fetchall()
        assert made.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert {kind for kind, _, _ in stored} == {"table", "index"}
    indexes = {
        (table, re.search(r"\((.*)\)", sql)[1] if sql else "unique")
        for kind, table, sql in stored
        if kind == "index"
    }
    assert indexes == {
        ("parts", "unique"),
        ("parts", '"season_id"'),
        ("parts", '"current_step_id"'),
        ("parts_season", "unique"),
    }


@pytest.mark.parametrize("changed", [None, b"create", b"assign", b"complete"])
def test_a_yardstick_that_writes_another_thing_is_stopped(monkeypatch, changed):
    shop = Shop(300, Path(), "key", "", [])
    site, other = (Site(kind, shop, port, 0) for port, kind in enumerate((SITE, PLAIN)))

    def ask(address, request):
        step = request.partition(b" HTTP")[0].rpartition(b"/")[2] or b"create"
        made = {"id": address[1] + 7, "uuid": str(address), "at": f"2026-01-01T{step}"}
        made["status"] = (
            "Odd" if (step, address) == (changed, other.address) else "Fine"
        )
        return load_client.Answer(200, json.dumps(made).encode())

    monkeypatch.setattr(load_client, "ask", ask)
    if changed is None:
        rounds.check_writers([site, other])
        return
    with pytest.raises(SystemExit, match="plain DRF answers .* with 300 parts"):
        rounds.check_writers([site, other])


def _asked(bare, method: str, path: str, query: str = "", said: object = None) -> tuple:
    sent = json.dumps(said).encode()
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}
    environ |= {"CONTENT_LENGTH": str(len(sent)), "wsgi.input": BytesIO(sent)}
    told = []
    [body] = bare.application(environ, lambda *start: told.extend(start))
    return *told, body


def _rows(bare, number: int) -> list[dict]:
    """Return a part's row and its history's, without what is each row's own.

    Of times only whether they are there, of JSON what it says.
    """
    found = []
    for table, column in (("parts", "id"), ("parts_partevent", "part_id")):
        rows = bare._database().execute(
            f"SELECT * FROM {table} WHERE {column} = ? ORDER BY id",  # noqa: S608
            [number],
        )
        names = [name for name, *_ in rows.description]
        found += [dict(zip(names, row, strict=True)) for row in rows]
    return [
        {name: _plain(value) for name, value in row.items() if name not in ITS_OWN}
        for row in found
    ]


def _plain(value: object) -> object:
    if not isinstance(value, str):
        return value
    value = re.sub(r"\d{4}-\d\d-\d\d([ T])[0-9:.]+", r"a time\1", value)
    return json.loads(value) if value.startswith("{") else value

"""The bare yardstick has to answer what the site answers."""

import importlib
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection

from bench import seed
from tests.factories import make_key

PATHS = [
    "/api/parts/",
    "/api/parts/?limit=7&offset=30",
    "/api/parts/categories/completed?limit=50",
    "/api/parts/categories/hand",
    "/api/parts/5",
    "/api/parts/55",
]


@pytest.mark.skipif(
    settings.DATABASES["default"]["ENGINE"].endswith("postgresql"),
    reason="it reads an SQLite file",
)
@pytest.mark.django_db(transaction=True)
def test_the_bare_yardstick_answers_as_the_site_does(client, monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    bare = importlib.import_module("bench.yardsticks.bare")
    monkeypatch.setattr(bare, "_DATABASE", Path(connection.settings_dict["NAME"]))
    seed.seed(80)
    headers = {"X-API-Key": make_key()[1]}
    for path in PATHS:
        url = urlsplit(path)
        environ = {"PATH_INFO": url.path, "QUERY_STRING": url.query}
        said = []
        body = bare.application(environ, lambda *told, said=said: said.append(told))
        assert json.loads(body[0]) == client.get(path, headers=headers).json()
        assert said[0][0] == "200 OK"
        assert ("Content-Length", str(len(body[0]))) in said[0][1]
    bare._database().close()

"""Fixtures for every test: people, their browsers, and a media folder of its own."""

import itertools
import logging
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import hypothesis
import pytest
from django.core.cache import cache
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.test.client import ClientHandler

from accounts.models import Role
from parts.api.front import Front
from parts.onshape import client as onshape_client
from parts.templatetags import drawn
from partsite import clamd

from . import databases
from .buckets import both_storages, bucket_files, lose_bucket  # noqa: F401 - fixtures
from .factories import make_user
from .onshape import Clock, Onshape
from .running import demo_shop, shop  # noqa: F401 - fixtures of every folder
from .scanner import Scanner
from .secretwatch import SecretWatch
from .servers import (  # noqa: F401 - as above
    certificate,
    clamd_here,
    nginx_here,
    postgres,
    postgres_here,
    redis_here,
    s3,
)

# The same examples each time, for as long as they take.
hypothesis.settings.register_profile(
    "site",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=30,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("site")


databases.begin()


def pytest_sessionfinish(session):
    if not hasattr(session.config, "workerinput"):  # that of xdist's processes
        databases.end()


_WATCH = SecretWatch(logging.getLogger(), logging.getLogger("django-q"))
_WATCH.note_all()


@pytest.fixture(autouse=True)
def _no_secret_in_the_log():
    """Read every line that a test makes the site log."""
    with _WATCH.reading():
        yield


@pytest.fixture(scope="session")
def _media_folders(tmp_path_factory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("media")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def media(settings, _media_folders) -> Iterator[Path]:
    """Keep every test's uploads apart.

    Not in its ``tmp_path``, which takes as long as five queries to find a free number.
    """
    folder = next(_media_folders)
    folder.mkdir()
    settings.MEDIA_ROOT = folder / "media"
    yield settings.MEDIA_ROOT
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _front_before_django(monkeypatch):
    """Let test clients ask the whole site, as gunicorn does, not Django alone."""
    ask_django = ClientHandler.__call__

    def ask(self, environ):
        if self._middleware_chain is None:
            self.load_middleware()
        found = Front(self).answer(environ)
        if found is None:
            return ask_django(self, environ)
        status, headers, body = found
        answer = HttpResponse(body, status=status, headers=dict(headers))
        answer.wsgi_request = WSGIRequest(environ)
        return answer

    monkeypatch.setattr(ClientHandler, "__call__", ask)


@pytest.fixture(autouse=True)
def _none_drawn():
    """Have every test's pages drawn anew, in its words."""
    drawn.pieces.clear()


@pytest.fixture(autouse=True)
def queued(monkeypatch):
    """Catch what would be enqueued; the list holds the ids of the files."""
    ids: list[int] = []
    monkeypatch.setattr("parts.tasks.enqueue", ids.append)
    return ids


@pytest.fixture(autouse=True)
def queued_drafts(monkeypatch):
    """Catch which drafts would be enqueued."""
    ids: list[int] = []
    monkeypatch.setattr("parts.tasks.enqueue_draft", ids.append)
    return ids


@pytest.fixture
def onshape(settings, monkeypatch):
    """A stand-in for Onshape, for which this server has the keys; no wait is real."""
    stand_in = Onshape()
    settings.ONSHAPE_URL = stand_in.url
    settings.ONSHAPE_ACCESS_KEY = stand_in.access_key
    settings.ONSHAPE_SECRET_KEY = stand_in.secret_key
    monkeypatch.setenv("NO_PROXY", "*")
    at_once = partial(onshape_client.fetch_drawing, clock=Clock())
    monkeypatch.setattr(onshape_client, "fetch_drawing", at_once)
    yield stand_in
    stand_in.close()


@pytest.fixture
def scanner(settings, monkeypatch):
    """A stand-in for the virus scanner, which looks at each file."""
    stand_in = Scanner()
    settings.CLAMD = stand_in.address
    # A test before may have lost its patience.
    monkeypatch.setattr(clamd._patience, "_next_try", None)
    yield stand_in
    stand_in.close()


@pytest.fixture
def wished(monkeypatch):
    """Catch which fetches of drawings would be enqueued."""
    ids: list[int] = []
    monkeypatch.setattr("parts.drawings.enqueue", ids.append)
    return ids


@pytest.fixture(autouse=True)
def _empty_redis(settings):
    """Begin with an empty cache, which no end of a transaction empties."""
    if settings.REDIS_URL:
        cache.clear()


@pytest.fixture
def cache_class() -> type:
    """Return the class of the cache, to put another method there for a test.

    One that is put on ``cache`` itself stays there: what pytest puts back afterwards
    is the cache's own, but on this one cache, before whatever its class is given.
    """
    return type(cache._connections[cache._alias])


@pytest.fixture(autouse=True)
def _no_culling_by_chance(monkeypatch):
    """Begin to count a cache's writes anew: every so many cost a query more."""
    monkeypatch.setattr("partsite.ratelimit._writes", itertools.count(1))


@pytest.fixture
def embedded_cache(settings):
    """Have cache and limits in the database, also where the suite runs on Redis."""
    settings.CACHES = {
        **settings.CACHES,
        "default": {
            "BACKEND": "partsite.ratelimit.CounterCache",
            "LOCATION": "cache",
        },
    }


@pytest.fixture
def clock(monkeypatch, embedded_cache):
    """Stop the clock of caches and limits; ``clock.sleep()`` moves it on.

    Redis has a clock of its own, so the cache is the embedded one.
    """

    class Clock:
        now = time.time()

        def sleep(self, seconds: float) -> None:
            self.now += seconds

    clock = Clock()
    monkeypatch.setattr("time.time", lambda: clock.now)
    return clock


@pytest.fixture
def lead(db):
    return make_user("lead", name="Lena Lead", role=Role.LEAD)


@pytest.fixture
def member(db):
    return make_user("member", name="Mara Member", role=Role.MEMBER)


@pytest.fixture
def viewer(db):
    return make_user("viewer", name="Vic Viewer", role=Role.VIEWER)


@pytest.fixture
def lead_page(client, lead):
    client.force_login(lead)
    return client


@pytest.fixture
def member_page(client, member):
    client.force_login(member)
    return client


@pytest.fixture
def viewer_page(client, viewer):
    client.force_login(viewer)
    return client

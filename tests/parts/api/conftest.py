"""Clients of the API: with keys of every scope, with a session, with nothing."""

from collections.abc import Iterator

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections
from rest_framework.test import APIClient

from accounts.models import ApiKey, Scope, User
from parts.api.views import PartViewSet
from tests.factories import make_key

from . import openapi


class Script(APIClient):
    """A client that knows its key, and closes what it was sent when it is done.

    Every answer is held against the OpenAPI document.
    """

    def __init__(self, key: str = "") -> None:
        super().__init__(headers={"X-API-Key": key} if key else None)
        self.key = key
        self.answers = []

    def request(self, **kwargs):
        answer = super().request(**kwargs)
        self.answers.append(answer)
        openapi.check(kwargs["REQUEST_METHOD"], kwargs["PATH_INFO"], answer)
        return answer


@pytest.fixture(autouse=True)
def _database(db):
    """Every test here goes through URL and database."""


def _script(scope: str, owner: User | None = None) -> Iterator[Script]:
    key, text = make_key(scope=scope, owner=owner, name=f"{scope} key")
    # Used already, so that no request of the test notes it.
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=key.created_at)
    yield from closing(Script(text))


def closing(script: Script) -> Iterator[Script]:
    """Close a test's answers when it is over, but not its connection to the database.

    Opening another for each test took a fifth of the time of these.
    """
    yield script
    request_finished.disconnect(close_old_connections)
    for answer in script.answers:
        answer.close()
    request_finished.connect(close_old_connections)


@pytest.fixture
def api():
    """A script with a write key of nobody, as existing clients have it."""
    yield from _script(Scope.WRITE)


@pytest.fixture
def reader():
    yield from _script(Scope.READ)


@pytest.fixture
def member_api(member):
    """A script with a member's key."""
    yield from _script(Scope.WRITE, member)


@pytest.fixture
def anonymous():
    yield from closing(Script())


@pytest.fixture
def in_views(monkeypatch):
    """Note the requests that come as far as the views."""
    seen = []
    initial = PartViewSet.initial

    def noting(self, request, *args, **kwargs):
        seen.append(request.get_full_path())
        initial(self, request, *args, **kwargs)

    monkeypatch.setattr(PartViewSet, "initial", noting)
    return seen

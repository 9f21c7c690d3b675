"""Whoever comes with a key goes past what pages do for people, and past no rule."""

from collections.abc import Callable

import pytest
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt

from partsite import urls
from tests.factories import make_key, make_part

PARTS = "/api/parts/"


def _view() -> Callable:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(f"session: {hasattr(request, 'session')}")

    return view


urlpatterns = [
    path("api/closed", _view()),
    path("api/guarded", login_not_required(_view())),
    path("api/open", csrf_exempt(login_not_required(_view()))),
    path("open", csrf_exempt(login_not_required(_view()))),
    *urls.urlpatterns,
]


@pytest.fixture
def by_key():
    _key, text = make_key()
    return Client(enforce_csrf_checks=True, headers={"X-API-Key": text})


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("address", "status", "seen"),
    [
        ("/api/closed", 302, None),  # to the sign-in
        ("/api/guarded", 403, None),  # without a CSRF token
        ("/api/open", 200, b"session: False"),
        ("/open", 200, b"session: True"),
    ],
)
def test_only_a_view_that_is_open_is_gone_to_at_once(by_key, address, status, seen):
    send = by_key.get if status == 302 else by_key.post
    answer = send(address)
    assert answer.status_code == status
    assert seen is None or answer.content == seen


@pytest.mark.urls(__name__)
def test_without_a_key_everything_is_as_for_people(client):
    assert client.post("/api/open").content == b"session: True"
    assert client.post("/api/open", headers={"X-API-Key": " "}).content == (
        b"session: True"
    )


@pytest.mark.urls(__name__)
def test_where_requests_are_counted_by_view_all_go_the_same_way(settings, by_key):
    settings.METRICS_ALLOW = ["127.0.0.1"]
    assert by_key.post("/api/open").content == b"session: True"


def test_a_session_beside_a_key_is_not_looked_at(
    api, settings, django_assert_num_queries
):
    part = make_part(category="cnc")
    api.cookies[settings.SESSION_COOKIE_NAME] = "somebody's"
    with django_assert_num_queries(6):  # key, begin, part, change, event, commit
        answer = api.post(f"{PARTS}{part.pk}/unclaim")
    assert answer.status_code == 200
    assert "Cookie" not in answer["Vary"]
    assert not answer.cookies


def test_scripts_are_answered_in_english_and_the_language_stays_as_it_was(api):
    with translation.override("de"):
        answer = api.post(PARTS, {"subsystem": "Intake"})
        assert translation.get_language() == "de"
    assert answer.json()["errors"] == {"material": ["This field is required."]}


def test_a_wrong_key_is_refused_whatever_session_comes_with_it(client, member):
    client.force_login(member)
    answer = client.get(PARTS, headers={"X-API-Key": "pk_wrong"})
    assert (answer.status_code, answer.json()["error"]) == (401, "Invalid API key")


def test_a_person_still_has_the_session(client, member):
    client.force_login(member)
    assert client.get(PARTS).status_code == 200

"""Where a key is looked for, what a wrong one is told, and how often."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import keys
from accounts.models import Role, Scope, User
from parts.models import Part
from tests.factories import make_key, make_part, make_user

pytestmark = pytest.mark.django_db

PARTS = "/api/parts/"
NEW = {"subsystem": "Intake", "material": "6061-T6"}
WRONG = "pk_0123456789ab_" + "x" * 43
REQUIRED = {
    "error": "API key required",
    "details": "Send a key in the header X-API-Key, or sign in.",
}
INVALID = {
    "error": "Invalid API key",
    "details": "This key is unknown, has expired or was revoked.",
}

IN_ADDRESS = {
    "error": "API key in the address",
    "details": "Send it in the header X-API-Key: this site takes none in ?api_key=, "
    "since addresses are kept in logs and histories.",
}


@pytest.fixture
def key():
    return make_key(scope=Scope.WRITE)[1]


def _send(client, method, address=PARTS, body=None, **kwargs):
    data = "" if body is None else json.dumps(body)
    return client.generic(
        method, address, data, content_type="application/json", **kwargs
    )


# --- Where --------------------------------------------------------------------


def test_without_key_and_session_a_key_is_asked_for(client):
    answer = client.get(PARTS)
    assert (answer.status_code, answer.json()) == (401, REQUIRED)
    assert answer["WWW-Authenticate"] == 'ApiKey realm="api"'
    assert answer["Content-Type"] == "application/json"


def test_a_key_is_taken_from_the_header_of_any_method(client, key):
    header = {"X-API-Key": key}
    assert _send(client, "GET", headers=header).json()["total"] == 0
    created = _send(client, "POST", body=NEW, headers=header)
    assert created.status_code == 201
    address = f"{PARTS}{created.json()['id']}"
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        body = {} if method[0] == "P" else None
        assert _send(client, method, address, body, headers=header).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_key_is_taken_from_the_query_of_any_method(client, key, method):
    address = f"{PARTS}{make_part().pk}" if method not in {"GET", "POST"} else PARTS
    body = {"POST": NEW, "PUT": {}, "PATCH": {}}.get(method)
    answer = _send(client, method, f"{address}?api_key={key}", body)
    assert answer.status_code == (201 if method == "POST" else 200)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_key_is_taken_from_the_json_body_and_left_out_of_the_part(
    client, key, method
):
    address = PARTS if method == "POST" else f"{PARTS}{make_part().pk}"
    answer = _send(client, method, address, {**NEW, "api_key": key})
    assert answer.status_code == (201 if method == "POST" else 200)
    part = Part.objects.get()
    assert key not in str(Part.objects.values().get())
    assert key not in str(part.events.values())
    assert key not in answer.content.decode()


def test_a_body_with_a_key_and_only_misc_info_is_the_full_new_set(client, key):
    part = make_part(storage_location="Shelf", extra={"a": 1})
    body = {"api_key": key, "miscInfo": {"b": 2}}
    answer = _send(client, "PUT", f"{PARTS}{part.pk}", body)
    assert answer.json()["miscInfo"] == {"b": 2}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_the_body_of_other_methods_is_not_looked_at(client, key, method):
    answer = _send(client, method, f"{PARTS}{make_part().pk}", {"api_key": key})
    assert (answer.status_code, answer.json()) == (401, REQUIRED)


def test_a_body_that_is_no_json_is_not_looked_at(client, key):
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        body = json.dumps({**NEW, "api_key": key})
        answer = client.generic("POST", PARTS, body, content_type=content_type)
        assert (answer.status_code, answer.json()) == (401, REQUIRED)


@pytest.mark.parametrize(
    ("header", "query", "body", "status"),
    [
        ("right", "wrong", "wrong", 201),
        ("wrong", "right", "right", 401),
        (None, "right", "wrong", 201),
        (None, "wrong", "right", 401),
        (None, None, "right", 201),
        (None, None, "wrong", 401),
        ("", "right", "wrong", 201),
        ("", "", "right", 201),
    ],
)
def test_the_first_key_that_is_present_wins_even_when_wrong(
    client, key, header, query, body, status
):
    texts = {"right": key, "wrong": WRONG, "": ""}
    address = PARTS if query is None else f"{PARTS}?api_key={texts[query]}"
    headers = {} if header is None else {"X-API-Key": texts[header]}
    answer = _send(
        client, "POST", address, {**NEW, "api_key": texts[body]}, headers=headers
    )
    assert answer.status_code == status
    if status == 401:
        assert answer.json() == INVALID


@pytest.mark.parametrize("value", [5, True, ["x"], {"a": 1}, "", None, "\ud800"])
def test_a_key_in_the_body_that_is_no_text_is_wrong_and_none_is_none(client, value):
    answer = _send(client, "POST", PARTS, {**NEW, "api_key": value})
    expected = REQUIRED if value in ("", None) else INVALID
    assert (answer.status_code, answer.json()) == (401, expected)


@pytest.mark.parametrize("body", ["{", "[1]", "null", "[" * 5000, "\xff", "{}"])
def test_a_broken_body_without_a_key_is_no_key(client, body):
    answer = client.generic("POST", PARTS, body, content_type="application/json")
    assert (answer.status_code, answer.json()) == (401, REQUIRED)


def test_a_huge_body_is_not_read_for_a_key(client):
    body = json.dumps({"notes": "x" * 3_000_000})
    answer = client.generic("POST", PARTS, body, content_type="application/json")
    assert (answer.status_code, answer.json()) == (401, REQUIRED)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_site_may_take_no_key_in_an_address(client, key, settings, method):
    settings.API_KEY_IN_ADDRESS = False
    part = make_part()
    for address in (PARTS, f"{PARTS}{part.pk}", f"{PARTS}{part.pk}/events"):
        body = {**NEW, "api_key": key} if method[0] == "P" else None
        answer = _send(client, method, f"{address}?limit=1&api_key={key}", body)
        assert (answer.status_code, answer.json()) == (401, IN_ADDRESS)
        assert answer["WWW-Authenticate"] == 'ApiKey realm="api"'
    assert Part.objects.get() == part


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("api_key=x", 401),
        ("api_key=&api_key=x", 401),
        ("api_key=x&api_key=", 401),
        ("api_key=", 200),
        ("API_KEY=x", 200),
        ("limit=1", 200),
    ],
)
def test_where_none_is_taken_in_an_address_a_good_one_beside_it_does_not_help(
    client, member, key, settings, query, status
):
    settings.API_KEY_IN_ADDRESS = False
    header = {"X-API-Key": key}
    assert (
        _send(client, "GET", f"{PARTS}?{query}", headers=header).status_code == status
    )
    client.force_login(member)
    assert _send(client, "GET", f"{PARTS}?{query}").status_code == status


def test_where_none_is_taken_in_an_address_header_and_body_are_as_ever(
    client, key, settings
):
    settings.API_KEY_IN_ADDRESS = False
    header = {"X-API-Key": key}
    assert _send(client, "POST", body=NEW, headers=header).status_code == 201
    assert _send(client, "POST", body={**NEW, "api_key": key}).status_code == 201


def test_a_key_in_an_address_is_refused_as_often_as_it_comes(client, key, settings):
    settings.API_KEY_IN_ADDRESS = False
    for text in [key, WRONG] * 5:  # none is tried, so nothing can be guessed
        answer = client.get(f"{PARTS}?api_key={text}")
        assert (answer.status_code, answer.json()) == (401, IN_ADDRESS)


# --- Who ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        WRONG,
        "x",
        "pk_" + "0" * 12,
        "ключ",
        "pk_0123456789ab_é",
        "pk_%00aaaaaaaaaaa_x",
    ],
)
def test_every_wrong_key_is_told_the_same(client, text):
    answer = client.get(f"{PARTS}?api_key={text}")
    assert (answer.status_code, answer.json()) == (401, INVALID)
    assert answer["WWW-Authenticate"] == 'ApiKey realm="api"'


def test_a_revoked_key_is_told_no_more_than_an_unknown_one(client):
    key, text = make_key()
    keys.revoke(key)
    answer = client.get(PARTS, headers={"X-API-Key": text})
    assert (answer.status_code, answer.json()) == (401, INVALID)


def test_an_expired_key_is_told_no_more_than_an_unknown_one(client):
    now = timezone.now()
    _, text = keys.issue("Old", scope=Scope.WRITE, expires_at=now)
    _, later = keys.issue("New", expires_at=now + timedelta(minutes=1))
    answer = client.get(PARTS, headers={"X-API-Key": text})
    assert (answer.status_code, answer.json()) == (401, INVALID)
    assert client.get(PARTS, headers={"X-API-Key": later}).status_code == 200


def test_a_key_ends_with_its_owners_account_and_comes_back_with_it(client, member):
    _, text = make_key(owner=member)
    for is_active, status in ((True, 200), (False, 401), (True, 200)):
        User.objects.filter(pk=member.pk).update(is_active=is_active)
        answer = client.get(PARTS, headers={"X-API-Key": text})
        assert answer.status_code == status
        if status == 401:
            assert answer.json() == INVALID


def test_a_key_loses_with_its_owner_what_the_owner_may_no_more(client, member):
    header = {"X-API-Key": make_key(owner=member, scope=Scope.WRITE)[1]}
    assert _send(client, "POST", body=NEW, headers=header).status_code == 201
    User.objects.filter(pk=member.pk).update(role=Role.VIEWER)
    assert client.get(PARTS, headers=header).status_code == 200
    assert _send(client, "POST", body=NEW, headers=header).status_code == 403


def test_a_key_beats_the_session_beside_it(client, lead, viewer):
    client.force_login(lead)
    header = {"X-API-Key": make_key(owner=viewer)[1]}
    assert _send(client, "POST", body=NEW, headers=header).status_code == 403
    header = {"X-API-Key": make_key(scope=Scope.READ)[1]}
    assert (
        _send(client, "DELETE", f"{PARTS}{make_part().pk}", headers=header).status_code
        == 403
    )


def test_people_browse_the_api_with_their_session(client, member_page):
    html = {"Accept": "text/html,*/*;q=0.8"}
    part = make_part(name="Gearbox <plate>")
    for address in (PARTS, f"{PARTS}{part.pk}"):
        answer = member_page.get(address, headers=html)
        assert answer.status_code == 200
        assert answer["Content-Type"] == "text/html; charset=utf-8"
        assert "Gearbox &lt;plate&gt;" in answer.text
    member_page.logout()
    answer = client.get(PARTS, headers=html)
    assert answer.status_code == 401


def test_a_session_may_use_the_api_and_needs_its_csrf_token_to_write(member):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(member)
    assert browser.get(PARTS).status_code == 200
    refused = _send(browser, "POST", body=NEW)
    assert refused.status_code == 403
    assert refused.json()["error"] == "CSRF Failed: CSRF cookie not set."
    assert Part.objects.count() == 0
    browser.cookies["csrftoken"] = "a" * 32
    headers = {"X-CSRFToken": "a" * 32}
    taken = _send(browser, "POST", body=NEW, headers=headers)
    assert taken.status_code == 201
    assert Part.objects.get().events.get().actor == member


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{", "application/json", 400),
        ("[" * 5000, "application/json", 400),
        ('"' + "x" * 3_000_000 + '"', "application/json", 413),
        ("a=b", "application/x-www-form-urlencoded", 415),
        ("--x", "multipart/form-data; boundary=x", 415),
    ],
)
def test_a_session_without_its_token_is_refused_whatever_it_sends(
    member, body, content_type, status
):
    # Looking for the token reads the body.
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(member)
    browser.cookies["csrftoken"] = "a" * 32
    answer = browser.generic("POST", PARTS, body, content_type=content_type)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "details"}


def test_a_key_needs_no_csrf_token_even_beside_a_session(member, key):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(member)
    answer = _send(browser, "POST", body=NEW, headers={"X-API-Key": key})
    assert answer.status_code == 201
    event = Part.objects.get().events.get()
    assert (event.actor, event.actor_name) == (None, "Robot")


def test_a_wrong_key_beside_a_session_is_refused(member, client):
    client.force_login(member)
    answer = client.get(PARTS, headers={"X-API-Key": WRONG})
    assert (answer.status_code, answer.json()) == (401, INVALID)


@pytest.mark.parametrize(
    ("scope", "role"), [("read", None), ("read", "lead"), ("write", "viewer")]
)
def test_a_key_that_may_only_read_gets_403_before_anything_is_checked(
    client, scope, role
):
    owner = make_user(role=Role(role)) if role else None
    header = {"X-API-Key": make_key(scope=scope, owner=owner)[1]}
    assert client.get(PARTS, headers=header).status_code == 200
    answer = _send(client, "POST", body={"amount": "no"}, headers=header)
    assert (answer.status_code, answer.json()) == (
        403,
        {
            "error": "This key or account may only read.",
            "details": "This key or account may only read.",
        },
    )


def test_a_viewer_with_a_session_may_only_read(viewer_page):
    assert viewer_page.get(PARTS).status_code == 200
    assert _send(viewer_page, "POST", body=NEW).status_code == 403


# --- How often ----------------------------------------------------------------

CHECK = "/api/parts/auth/check"


def _check(client, key, address="203.0.113.9"):
    return client.get(CHECK, headers={"X-API-Key": key}, REMOTE_ADDR=address)


def test_check_says_authenticated_and_must_not_be_kept(client, key):
    answer = _check(client, key)
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "authenticated"
    assert body["message"] == "API key is valid"
    assert body["timestamp"].endswith("+00:00")
    assert answer["Cache-Control"] == "no-cache, no-store, must-revalidate"
    assert (answer["Pragma"], answer["Expires"]) == ("no-cache", "0")


def test_check_is_allowed_once_in_two_seconds(client, key, clock):
    assert _check(client, key).status_code == 200
    clock.sleep(0.5)
    answer = _check(client, key)
    assert answer.status_code == 429
    assert answer.json() == {
        "error": "Rate limited",
        "message": "Too many requests; wait a moment.",
        "retry_after": pytest.approx(1.5, abs=0.002),
        "details": "Ask again in 2 s.",
    }
    assert answer["Retry-After"] == "2"
    assert answer["Cache-Control"] == "no-cache, no-store, must-revalidate"
    clock.sleep(1.51)
    assert _check(client, key).status_code == 200


def test_check_is_limited_for_each_pair_of_address_and_key(client, key, clock):
    other = make_key()[1]
    assert _check(client, key, "203.0.113.9").status_code == 200
    assert _check(client, other, "203.0.113.9").status_code == 200
    assert _check(client, key, "203.0.113.10").status_code == 200
    assert _check(client, key, "203.0.113.9").status_code == 429
    assert _check(client, other, "203.0.113.9").status_code == 429


def test_check_without_a_key_or_with_a_session(client, member_page):
    assert Client().get(CHECK).status_code == 401
    assert member_page.get(CHECK).status_code == 200
    assert member_page.get(CHECK).status_code == 429


def test_check_takes_only_get(client, key):
    answer = client.post(CHECK, headers={"X-API-Key": key})
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("address", [PARTS, CHECK, "/api/parts/1/model"])
def test_wrong_keys_are_limited_after_a_burst_of_five(client, clock, address):
    def fail(ip="203.0.113.9"):
        return client.get(address, headers={"X-API-Key": WRONG}, REMOTE_ADDR=ip)

    assert [fail().status_code for _ in range(5)] == [401] * 5
    limited = fail()
    assert limited.status_code == 429
    assert limited.json()["retry_after"] == pytest.approx(2, abs=0.002)
    assert limited["Retry-After"] == "2"
    assert fail("203.0.113.10").status_code == 401
    clock.sleep(2.01)
    assert [fail().status_code for _ in range(2)] == [401, 429]


def test_wrong_keys_count_together_wherever_they_are_tried(client, clock):
    for _ in range(3):
        client.get(PARTS, headers={"X-API-Key": WRONG})
    for _ in range(2):
        _send(client, "POST", CHECK, {"api_key": "another"})
    assert client.get(f"{PARTS}?api_key=third").status_code == 429


def test_a_right_key_and_no_key_are_not_limited_by_somebody_elses_failures(
    client, key, clock
):
    for _ in range(9):
        client.get(PARTS, headers={"X-API-Key": WRONG})
    assert client.get(PARTS, headers={"X-API-Key": key}).status_code == 200
    assert client.get(PARTS).status_code == 401


def test_wrong_keys_are_limited_by_the_forwarded_address_of_a_trusted_proxy(
    client, settings, clock
):
    settings.TRUSTED_PROXIES = ["10.0.0.1"]

    def fail(socket, forwarded):
        return client.get(
            PARTS,
            headers={"X-API-Key": WRONG, "X-Forwarded-For": forwarded},
            REMOTE_ADDR=socket,
        ).status_code

    assert [fail("10.0.0.1", "1.1.1.1") for _ in range(6)] == [401] * 5 + [429]
    assert fail("10.0.0.1", "2.2.2.2") == 401
    # Whoever forges the header directly stays who they are.
    assert [fail("6.6.6.6", f"3.3.3.{n}") for n in range(6)] == [401] * 5 + [429]


def test_no_key_is_ever_logged(client, key, caplog):
    caplog.set_level("DEBUG")
    client.get(f"{PARTS}999?api_key={key}")
    client.get(f"{PARTS}?api_key={WRONG}")
    _send(client, "POST", body={"api_key": key})
    assert key not in caplog.text
    assert WRONG not in caplog.text

"""The log tells who came in and who was refused, and no secret."""

import logging

import pytest

from accounts.models import Scope
from tests.factories import make_key, make_user

RIGHT = "correct horse battery"
LOGIN = "/account/login/"
PLACE = {"REMOTE_ADDR": "192.0.2.7"}


@pytest.fixture(autouse=True)
def _heard(caplog):
    caplog.set_level(logging.INFO, "accounts.trail")


@pytest.fixture
def sam(db):
    return make_user("sam", name="Sam", password=RIGHT)


def _told(caplog) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "accounts.trail"]


def test_signing_in_and_out(client, sam, caplog):
    client.post(LOGIN, {"username": "Sam", "password": RIGHT}, **PLACE)
    client.post("/account/logout/", **PLACE)
    assert _told(caplog) == [
        "signed_in address=192.0.2.7 user=sam",
        "signed_out address=192.0.2.7 user=sam",
    ]


def test_a_wrong_password_without_what_may_be_one(client, sam, caplog):
    for name in ("sam", "my secret passphrase", "\0"):
        client.post(LOGIN, {"username": name, "password": "guess"}, **PLACE)
    assert _told(caplog) == [
        "sign_in_refused address=192.0.2.7 user=sam",
        "sign_in_refused address=192.0.2.7 user=(nobody)",
        "sign_in_refused address=192.0.2.7 user=(nobody)",
    ]
    assert {r.levelname for r in caplog.records if r.name == "accounts.trail"} == {
        "WARNING"
    }
    assert "guess" not in caplog.text
    assert "passphrase" not in caplog.text


def test_guesses_that_are_not_even_tried(client, sam, caplog):
    for _ in range(11):
        client.post(LOGIN, {"username": "sam", "password": "guess"}, **PLACE)
    assert _told(caplog)[-1] == "sign_in_not_tried address=192.0.2.7 user=sam"


def test_a_wrong_key_by_its_prefix_alone(client, db, caplog):
    _key, text = make_key()
    wrong = f"{text[:-4]}aaaa"
    for key in (wrong, "nonsense"):
        client.get("/api/parts/", headers={"X-API-Key": key}, **PLACE)
    assert _told(caplog) == [
        f"key_refused address=192.0.2.7 key={text[3:15]}",
        "key_refused address=192.0.2.7 key=(none)",
    ]
    assert wrong not in caplog.text


def test_keys_that_are_made_and_revoked(client, sam, caplog):
    client.force_login(sam)
    form = {"name": "Robot", "scope": Scope.READ, "expires": "30", "ticket": "t" * 22}
    client.post("/account/keys/", form, **PLACE)
    key = sam.api_keys.get()
    client.post(f"/account/keys/{key.pk}/revoke/", **PLACE)
    assert _told(caplog) == [
        f"key_made address=192.0.2.7 user=sam key={key.prefix} scope=read",
        f"key_revoked address=192.0.2.7 user=sam key={key.prefix}",
    ]


def test_what_leads_do_with_accounts(lead_page, sam, caplog):
    person = f"/account/people/{sam.pk}"
    lead_page.post(f"{person}/role/", {"role": "viewer"}, **PLACE)
    lead_page.post(f"{person}/close/", **PLACE)
    lead_page.post(f"{person}/open/", **PLACE)
    assert _told(caplog) == [
        "role_given address=192.0.2.7 user=lead account=sam role=viewer",
        "account_closed address=192.0.2.7 user=lead account=sam",
        "account_opened address=192.0.2.7 user=lead account=sam",
    ]


def test_a_key_in_an_address_where_none_is_taken(client, db, caplog, settings):
    settings.API_KEY_IN_ADDRESS = False
    key, text = make_key()
    for sent in (text, "secret"):
        client.get(f"/api/parts/?api_key={sent}", **PLACE)
    assert _told(caplog) == [
        f"key_in_address address=192.0.2.7 key={key.prefix}",
        "key_in_address address=192.0.2.7 key=(none)",
    ]

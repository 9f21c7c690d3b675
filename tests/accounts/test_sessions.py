"""Who is signed in where: what is kept, shown and ended."""

from datetime import timedelta

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.messages import get_messages
from django.contrib.sessions.backends.base import UpdateError
from django.test import Client
from django.utils import timezone

from accounts import devices
from accounts.models import Session
from accounts.sessions import SessionStore
from tests.factories import make_user

FIREFOX = "Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0"
)
PROFILE = "/account/"
GOOD = "correct horse battery"
AGAIN = {"password": GOOD}


def _told(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


@pytest.fixture
def sam(db):
    return make_user("sam", name="Sam", password=GOOD)


@pytest.fixture
def phone(sam):
    """Sam's phone, signed in by the form."""
    phone = Client(headers={"user-agent": FIREFOX}, REMOTE_ADDR="192.0.2.7")
    phone.post("/account/login/", {"username": "sam", "password": GOOD})
    return phone


# --- What is kept -------------------------------------------------------------


def test_a_session_has_its_person_device_and_address(phone, sam):
    session = Session.objects.get()
    assert (session.user, session.address) == (sam, "192.0.2.7")
    assert session.user_agent == FIREFOX
    assert str(session) == "Firefox on Android"
    assert session.is_handheld


def test_the_id_of_the_cookie_is_kept_nowhere(phone):
    cookie = phone.cookies["sessionid"].value
    row = Session.objects.values().get()
    assert len(cookie) == 32
    assert cookie not in str(row)
    assert cookie not in phone.get(PROFILE).text


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Android"),
        (SAFARI, "Safari on iPhone"),
        (EDGE, "Edge on Windows"),
        ("curl/8.5", "An unknown browser"),
        ("", "An unknown browser"),
    ],
)
def test_a_device_is_named_in_words(agent, words):
    assert devices.named(agent) == words


def test_a_very_long_name_of_a_browser_is_cut(sam):
    client = Client(headers={"user-agent": "x" * 5000})
    client.post("/account/login/", {"username": "sam", "password": GOOD})
    assert Session.objects.get().user_agent == "x" * 300


def test_being_seen_is_written_once_in_five_minutes(
    phone, sam, django_assert_num_queries
):
    phone.get(PROFILE)
    with django_assert_num_queries(4):  # session, user, sessions, keys
        phone.get(PROFILE)
    long_ago = timezone.now() - timedelta(minutes=6)
    Session.objects.update(last_seen_at=long_ago)
    with django_assert_num_queries(6):  # and one each for session and person
        phone.get(PROFILE, REMOTE_ADDR="192.0.2.8")
    session = Session.objects.get()
    sam.refresh_from_db()
    assert session.last_seen_at > long_ago
    assert sam.last_seen_at == session.last_seen_at
    assert session.address == "192.0.2.8"


def test_strangers_leave_no_session(client, sam):
    client.get("/account/login/")
    client.get("/review/")
    assert Session.objects.count() == 0


def test_signing_in_clears_away_what_has_expired(phone, sam):
    Session.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert phone.get(PROFILE).status_code == 302
    other = Client()
    other.post("/account/login/", {"username": "sam", "password": GOOD})
    assert [session.user for session in Session.objects.all()] == [sam]


def test_a_session_that_was_ended_meanwhile_is_not_made_anew(phone):
    store = SessionStore(phone.cookies["sessionid"].value)
    assert store[SESSION_KEY]
    Session.objects.all().delete()
    store["more"] = 1
    with pytest.raises(UpdateError):
        store.save()
    assert Session.objects.count() == 0


def test_clearing_on_a_schedule_leaves_what_lives(phone):
    Session.objects.create(digest="x" * 64, data="", expires_at=timezone.now())
    SessionStore.clear_expired()
    assert Session.objects.get().address == "192.0.2.7"


# --- Shown and ended ----------------------------------------------------------


def test_people_see_where_they_are_signed_in_and_nobody_else(phone, sam, client):
    other = make_user()
    Client().force_login(other)
    client.force_login(sam)
    page = client.get(PROFILE)
    assert page.text.count('<li class="device"') == 2
    assert "Firefox on Android" in page.text
    assert "from 192.0.2.7" in page.text
    assert page.text.count("device__here") == 1


def test_another_device_is_signed_out(phone, sam, client):
    client.force_login(sam)
    there = Session.objects.get(address="192.0.2.7")
    address = f"/account/sessions/{there.pk}/end/"
    assert f'href="{address}"' in client.get(PROFILE).text
    assert "Sign Firefox on Android out?" in client.get(address).text
    response = client.post(address, AGAIN)
    assert response["Location"] == PROFILE
    assert _told(response) == ["Firefox on Android is signed out."]
    assert phone.get(PROFILE)["Location"].startswith("/account/login/")
    assert client.get(PROFILE).status_code == 200
    response = client.post(address, AGAIN)
    assert _told(response) == ["That device is signed out already."]


def test_this_device_is_not_ended_by_mistake(phone):
    here = Session.objects.get()
    response = phone.post(f"/account/sessions/{here.pk}/end/")
    assert _told(response) == ["This is the device you are using. Sign out instead."]
    assert Session.objects.get() == here


def test_a_strangers_session_cannot_be_ended(phone, member_page):
    there = Session.objects.get(address="192.0.2.7")
    member_page.post(f"/account/sessions/{there.pk}/end/", AGAIN)
    assert phone.get(PROFILE).status_code == 200


def test_every_other_device_is_signed_out_at_once(phone, sam, client, lead_page):
    client.force_login(sam)
    Client().force_login(sam)
    assert 'href="/account/sessions/end/"' in client.get(PROFILE).text
    response = client.post("/account/sessions/end/", AGAIN)
    assert _told(response) == ["2 other devices are signed out."]
    assert client.get(PROFILE).text.count('<li class="device"') == 1
    assert phone.get(PROFILE).status_code == 302


def test_a_new_password_signs_the_other_devices_out(phone, sam, client):
    client.post("/account/login/", {"username": "sam", "password": GOOD})
    new = "a longer horse battery"
    client.post(
        "/account/password/",
        {"old_password": GOOD, "new_password1": new, "new_password2": new},
    )
    assert [session.address for session in sam.sessions.all()] == ["127.0.0.1"]
    assert client.get(PROFILE).status_code == 200


@pytest.mark.parametrize("form", [{}, {"password": ""}, {"password": "wrong"}])
def test_only_who_knows_the_password_signs_others_out(form, phone, sam, client):
    client.force_login(sam)
    there = Session.objects.get(address="192.0.2.7")
    for address in (f"/account/sessions/{there.pk}/end/", "/account/sessions/end/"):
        assert client.get(address).status_code == 200
        response = client.post(address, form)
        assert response.status_code == 422
        words = "This is not your password." if form.get("password") else "required"
        assert words in response.text
    assert phone.get(PROFILE).status_code == 200


def test_the_password_is_not_to_be_guessed_there_either(phone, sam, client, clock):
    client.force_login(sam)
    for _ in range(10):
        client.post("/account/sessions/end/", {"password": "wrong"})
    response = client.post("/account/sessions/end/", AGAIN)
    assert response.status_code == 429
    assert "Too many passwords were tried. Wait 31 seconds," in response.text
    assert response["Retry-After"] == "31"
    clock.sleep(31)
    assert client.post("/account/sessions/end/", AGAIN).status_code == 302
    assert sam.sessions.count() == 1


@pytest.mark.parametrize(
    "address", ["/account/sessions/1/end/", "/account/sessions/end/"]
)
def test_ending_is_for_somebody(address, client, db):
    for ask in (client.get, client.post):
        assert ask(address)["Location"].startswith("/account/login/")


# --- Each sign-in is a session of its own -------------------------------------


def test_signing_in_takes_no_session_that_was_there_before(client, sam):
    client.cookies["sessionid"] = planted = "a" * 32
    client.get("/account/login/")
    form = {"username": "sam", "password": "correct horse battery"}
    client.post("/account/login/", form)
    first = client.cookies["sessionid"].value
    assert first != planted
    client.post("/account/logout/")
    assert not sam.sessions.exists()
    client.cookies["sessionid"] = first
    assert client.get("/account/").status_code == 302
    client.post("/account/login/", form)
    assert client.cookies["sessionid"].value != first


def test_a_new_password_gives_this_device_a_new_session(client, sam):
    client.force_login(sam)
    before = client.cookies["sessionid"].value
    old, new = "correct horse battery", "staple of the battery"
    form = {"old_password": old, "new_password1": new, "new_password2": new}
    client.post("/account/password/", form)
    after = client.cookies["sessionid"].value
    assert after != before
    assert client.get("/account/").status_code == 200
    client.cookies["sessionid"] = before
    assert client.get("/account/").status_code == 302


def test_signing_out_has_the_browser_forget_the_pages(phone):
    answer = phone.post("/account/logout/")
    assert answer["Clear-Site-Data"] == '"cache"'

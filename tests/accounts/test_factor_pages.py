"""Setting a second factor up, coming in by it, losing it."""

import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import pyotp
import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import factors, invitations
from accounts.models import Role, SecondFactor, Session
from tests.factories import code_now, make_factor, make_user

pytestmark = pytest.mark.django_db
GOOD = "correct horse battery"
LOGIN = "/account/login/"
CODE = "/account/code/"
FACTOR = "/account/factor/"
SIGN_IN = {"username": "sam", "password": GOOD}


def _told(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


@pytest.fixture
def sam(db):
    return make_user("sam", name="Sam", password=GOOD)


@pytest.fixture
def sam_page(client, sam):
    client.force_login(sam)
    return client


@pytest.fixture
def sams(sam):
    """Sam's second factor."""
    return make_factor(sam)


@pytest.fixture
def half(client, sams):
    """Sam's browser, where the password is given and the code is not."""
    client.post(LOGIN, SIGN_IN)
    return client


# --- Coming in ----------------------------------------------------------------


def test_after_the_password_a_code_is_asked_for(client, sam, sams):
    response = client.post(LOGIN, {**SIGN_IN, "next": "/review/?search=hub"})
    assert response["Location"] == CODE
    assert "_auth_user_id" not in client.session
    page = client.get(CODE)
    assert "Open the app that shows your codes" in page.text
    assert 'inputmode="numeric"' in page.text
    before = client.cookies["sessionid"].value
    response = client.post(CODE, {"code": code_now(sam)})
    assert response["Location"] == "/review/?search=hub"
    assert client.session["_auth_user_id"] == str(sam.pk)
    assert client.cookies["sessionid"].value != before
    assert client.get(FACTOR).status_code == 200


def test_until_then_the_session_is_nobodys_and_short(half, sam):
    row = Session.objects.get()
    assert row.user is None
    left = row.expires_at - timezone.now()
    assert 590 < left.total_seconds() <= 600
    assert half.cookies["sessionid"]["max-age"] == 600
    half.post(CODE, {"code": code_now(sam)})
    row = Session.objects.get()
    assert row.user == sam
    assert (row.expires_at - timezone.now()).days == 29
    assert "half_in" not in half.session


def test_it_leads_to_no_other_site(client, sam, sams):
    client.post(LOGIN, {**SIGN_IN, "next": "https://evil.example/"})
    assert client.post(CODE, {"code": code_now(sam)})["Location"] == "/"


@pytest.mark.parametrize("code", ["", "000000", "abcd-efgh"])
def test_a_wrong_code_is_told(half, code):
    response = half.post(CODE, {"code": code})
    assert response.status_code == 422
    assert ("not right" if code else "This field is required.") in response.text
    assert "_auth_user_id" not in half.session


def test_a_code_lets_in_once(half, sam):
    code = code_now(sam)
    half.post(CODE, {"code": code})
    other = Client()
    other.post(LOGIN, SIGN_IN)
    response = other.post(CODE, {"code": code})
    assert response.status_code == 422
    assert "This code was used already." in response.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_for_recovery", [False, True])
def test_of_four_who_give_one_code_at_once_one_comes_in(sam, sams, is_for_recovery):
    code = factors.renew_codes(sam)[0] if is_for_recovery else code_now(sam)
    clients = [Client() for _ in range(4)]
    for client in clients:
        client.post(LOGIN, SIGN_IN)

    def give(client: Client) -> int:
        try:
            return client.post(CODE, {"code": code}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(give, clients)) == [302, 422, 422, 422]
    assert Session.objects.filter(user=sam).count() == 1


def test_a_recovery_code_lets_in_too(half, sam):
    [code, *_others] = factors.renew_codes(sam)
    page = half.get(f"{CODE}?lost=1")
    assert "Type one of the recovery codes" in page.text
    assert "inputmode" not in page.text
    assert half.post(f"{CODE}?lost=1", {"code": code})["Location"] == "/"
    assert "9 of 10 are left." in half.get(FACTOR).text


def test_guesses_have_to_wait_wherever_they_come_from(half, sam):
    for number in range(10):
        half.post(CODE, {"code": "000000"}, REMOTE_ADDR=f"192.0.2.{number}")
    response = half.post(CODE, {"code": code_now(sam)})
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 901
    assert "Too many codes were tried." in response.text


def test_without_the_password_there_is_no_code_to_give(client, sam, sams):
    assert client.get(CODE)["Location"] == LOGIN
    response = client.post(CODE, {"code": code_now(sam)})
    assert response["Location"] == LOGIN
    assert _told(response) == ["That took too long. Sign in again."]


@pytest.mark.parametrize("change", ["password", "closed", "deleted"])
def test_half_in_ends_with_the_password_and_the_account(half, sam, change):
    code = code_now(sam)
    if change == "password":
        sam.set_password("another horse battery")
        sam.save()
    elif change == "closed":
        sam.is_active = False
        sam.save()
    else:
        sam.delete()
    assert half.post(CODE, {"code": code})["Location"] == LOGIN
    assert "_auth_user_id" not in half.session


def test_who_is_half_in_may_sign_in_as_somebody_else(half, lead):
    lead.set_password(GOOD)
    lead.save()
    assert half.get(LOGIN).status_code == 200
    half.post(LOGIN, {"username": "lead", "password": GOOD})
    assert half.session["_auth_user_id"] == str(lead.pk)
    assert "half_in" not in half.session
    assert half.get(CODE)["Location"] == LOGIN


def test_what_was_typed_when_the_session_ended_is_kept_past_the_code(client, sam, sams):
    client.defaults["HTTP_ACCEPT"] = "text/html"
    page = client.post("/parts/new/", {"name": "Hub"})
    carried = unescape(re.search(r'name="kept" value="([^"]*)"', page.text)[1])
    client.post(LOGIN, {**SIGN_IN, "kept": carried})
    assert client.post(CODE, {"code": code_now(sam)})["Location"] == "/account/again/"
    assert "Hub" in client.get("/account/again/").text


def test_a_code_typed_when_the_session_ended_is_not_kept(sam_page):
    Session.objects.all().delete()
    page = sam_page.post(FACTOR, {"code": "1"}, headers={"accept": "text/html"})
    assert page.status_code == 302


def test_a_link_for_a_new_password_does_not_replace_the_code(client, sam, sams):
    _link, token = invitations.new_password(sam, by=None)
    form = {"link": token, "password": "another horse battery"}
    response = client.post("/account/invited/", form)
    assert response["Location"] == CODE
    assert "_auth_user_id" not in client.session
    client.post(CODE, {"code": code_now(sam)})
    assert client.session["_auth_user_id"] == str(sam.pk)


def test_whoever_was_signed_in_there_is_not_any_more(lead_page, lead, sam, sams):
    _link, token = invitations.new_password(sam, by=None)
    form = {"link": token, "password": "another horse battery"}
    assert lead_page.post("/account/invited/", form)["Location"] == CODE
    assert lead_page.get("/account/")["Location"].startswith(LOGIN)
    assert not lead.sessions.exists()


def test_the_admin_is_behind_the_code_as_well(client, lead):
    lead.set_password(GOOD)
    lead.save()
    make_factor(lead)
    client.post(LOGIN, {"username": "lead", "password": GOOD, "next": "/admin/"})
    response = client.get("/admin/login/")
    assert response["Location"] == "/account/login/?next=/admin/"
    form = {"username": "lead", "password": GOOD, "next": "/admin/"}
    response = client.post("/admin/login/", form)
    assert response["Location"].startswith("/account/login/")
    assert client.get("/admin/").status_code == 302
    assert client.post(CODE, {"code": code_now(lead)})["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_the_form_of_the_code_needs_its_token(sam, sams):
    client = Client(enforce_csrf_checks=True)
    page = client.get(LOGIN)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[1]
    client.post(LOGIN, {**SIGN_IN, "csrfmiddlewaretoken": token})
    form = {"code": code_now(sam)}
    assert client.post(CODE, form).status_code == 403
    # A page of the site's own, from before another sign-in, is shown anew.
    own = client.post(CODE, form, headers={"origin": "http://testserver"})
    assert own["Location"] == CODE
    assert "_auth_user_id" not in client.session


def test_a_sign_in_costs_one_query_more(
    client, sam, embedded_cache, django_assert_num_queries
):
    # Guesses of account and place; the person; the second factor; the new session in
    # four, what has expired, what is kept in it; when they came.
    with django_assert_num_queries(11):
        client.post(LOGIN, SIGN_IN)


# --- Setting it up ------------------------------------------------------------


def _set_up(client, *, password: str = GOOD, **more):
    """Read the page as a person does, type what the app shows, and send it."""
    page = client.get(FACTOR)
    secret = re.search(r'factor__secret code"[^>]*>([A-Z2-7 ]+)<', page.text)[1]
    code = pyotp.TOTP(secret.replace(" ", "")).now()
    form = {"seed": _seed(page), "code": code, "password": password, **more}
    return client.post(FACTOR, form)


def _seed(page) -> str:
    return unescape(re.search(r'name="seed" value="([^"]*)"', page.text)[1])


def test_somebody_sets_a_second_factor_up(sam_page, sam):
    there = Client()
    there.force_login(sam)
    before = sam_page.cookies["sessionid"].value
    response = _set_up(sam_page)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    codes = re.findall(r"(?:[a-z2-9]{4}-){5}[a-z2-9]{4}", response.text)
    assert len(codes) == 10
    assert factors.spend(sam, codes[0]) == "recovery"
    assert sam_page.cookies["sessionid"].value != before
    assert there.get("/account/").status_code == 302
    page = sam_page.get(FACTOR).text
    assert "since" in page
    assert codes[1] not in page
    assert "Second factor</span><span" in sam_page.get("/account/").text


def test_the_qr_code_says_what_the_words_say(sam_page):
    page = sam_page.get(FACTOR)
    address = unescape(re.search(r'href="(otpauth:[^"]*)"', page.text)[1])
    read = pyotp.parse_uri(address)
    assert (read.name, read.issuer) == ("sam", "Parts testserver")
    secret = re.search(r'factor__secret code"[^>]*>([A-Z2-7 ]+)<', page.text)[1]
    assert read.secret == secret.replace(" ", "")
    assert '<svg class="issued__qr"' in page.text


def test_each_look_shows_another_secret(sam_page):
    assert _seed(sam_page.get(FACTOR)) != _seed(sam_page.get(FACTOR))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"password": "wrong"}, "This is not your password."),
        ({"password": ""}, "This field is required."),
        ({"code": "000000"}, "This code is not right."),
        ({"code": ""}, "This field is required."),
    ],
)
def test_without_password_or_code_nothing_is_set_up(sam_page, sam, more, words):
    response = _set_up(sam_page, **more)
    assert response.status_code == 422
    assert words in response.text
    assert not factors.is_on(sam)


def test_the_same_secret_stands_on_the_page_again(sam_page):
    page = sam_page.get(FACTOR)
    form = {"seed": _seed(page), "code": "000000", "password": GOOD}
    again = sam_page.post(FACTOR, form)
    secret = re.compile(r'factor__secret code"[^>]*>([A-Z2-7 ]+)<')
    assert secret.search(again.text)[1] == secret.search(page.text)[1]


def test_a_secret_of_somebody_else_is_not_taken(sam_page, sam, lead):
    other = Client()
    other.force_login(lead)
    for seed in (_seed(other.get(FACTOR)), "forged", ""):
        response = _set_up(sam_page, seed=seed)
        assert response["Location"] == FACTOR
        assert _told(response)[-1] == "That took too long. Begin with this new code."
    assert not factors.is_on(sam)


def test_a_secret_is_taken_for_an_hour(sam_page, sam, clock):
    page = sam_page.get(FACTOR)
    clock.sleep(3601)
    form = {"seed": _seed(page), "code": "000000", "password": GOOD}
    assert sam_page.post(FACTOR, form).status_code == 302


def test_a_form_that_is_sent_twice_makes_one(sam_page, sam):
    page = sam_page.get(FACTOR)
    _set_up(sam_page)
    form = {"seed": _seed(page), "code": "000000", "password": GOOD}
    response = sam_page.post(FACTOR, form)
    assert response["Location"] == FACTOR
    assert _told(response) == ["Your second factor is on already."]


# --- Seeing to it -------------------------------------------------------------


@pytest.fixture
def in_by_code(half, sam):
    half.post(CODE, {"code": code_now(sam, steps=-1)})
    return half


def test_new_recovery_codes_are_for_who_knows_the_password(in_by_code, sam):
    [old, *_others] = factors.renew_codes(sam)
    address = f"{FACTOR}codes/"
    response = in_by_code.post(address, {"password": "wrong"})
    assert response.status_code == 422
    assert "This is not your password." in response.text
    response = in_by_code.post(address, {"password": GOOD})
    assert "Keep these recovery codes" in response.text
    assert "Those you had before are good no more." in response.text
    assert old not in response.text
    with pytest.raises(factors.CodeRefused):
        factors.spend(sam, old)


def test_turning_it_off_takes_password_and_code(in_by_code, sam):
    there = Client()
    there.force_login(sam)
    address = f"{FACTOR}off/"
    for form in ({"password": GOOD}, {"password": GOOD, "code": "000000"}):
        assert in_by_code.post(address, form).status_code == 422
    form = {"password": "wrong", "code": code_now(sam)}
    assert in_by_code.post(address, form).status_code == 422
    assert factors.is_on(sam)
    response = in_by_code.post(address, {**form, "password": GOOD})
    assert response["Location"] == "/account/"
    assert not factors.is_on(sam)
    assert there.get("/account/").status_code == 302
    assert in_by_code.get("/account/").status_code == 200
    in_by_code.post("/account/logout/")
    assert in_by_code.post(LOGIN, SIGN_IN)["Location"] == "/"


def test_turning_it_off_with_a_recovery_code(in_by_code, sam):
    [code, *_others] = factors.renew_codes(sam)
    in_by_code.post(f"{FACTOR}off/", {"password": GOOD, "code": code})
    assert not factors.is_on(sam)


def test_codes_are_not_to_be_guessed_there_either(in_by_code, sam):
    for _ in range(9):
        in_by_code.post(f"{FACTOR}off/", {"password": GOOD, "code": "000000"})
    form = {"password": GOOD, "code": code_now(sam)}
    response = in_by_code.post(f"{FACTOR}off/", form)
    assert response.status_code == 429
    assert factors.is_on(sam)


@pytest.mark.parametrize("address", [f"{FACTOR}codes/", f"{FACTOR}off/"])
def test_who_has_none_is_led_to_set_it_up(sam_page, address):
    assert sam_page.get(address).status_code == 405
    assert sam_page.post(address, {"password": GOOD})["Location"] == FACTOR


def test_pages_cost_no_more_with_a_second_factor(
    in_by_code, settings, django_assert_num_queries
):
    settings.SECOND_FACTOR = "everyone"
    with django_assert_num_queries(4):  # session, user, sessions, keys
        in_by_code.get("/account/")


# --- Having to have one -------------------------------------------------------


def test_who_must_have_one_sets_it_up_after_the_password(client, sam, settings):
    settings.SECOND_FACTOR = "everyone"
    client.post(LOGIN, SIGN_IN)
    for address in ("/review/", LOGIN):
        assert client.get(address)["Location"] == FACTOR
    page = client.get(FACTOR).text
    assert "This site asks you for one before anything else." in page
    assert 'action="/account/logout/"' in page
    assert "topbar" not in page
    response = _set_up(client)
    assert "Keep these recovery codes" in response.text
    assert "topbar__me" in response.text
    assert client.get("/review/").status_code == 200


def test_what_was_typed_before_the_site_wanted_one_is_kept(sam_page, settings):
    settings.SECOND_FACTOR = "everyone"
    sam_page.defaults["HTTP_ACCEPT"] = "text/html"
    assert sam_page.post("/parts/new/", {"name": "Hub"})["Location"] == FACTOR
    assert 'href="/account/again/"' in _set_up(sam_page).text
    assert "Hub" in sam_page.get("/account/again/").text


def test_a_member_who_becomes_lead_must_have_one_from_then_on(sam_page, sam, settings):
    settings.SECOND_FACTOR = "leads"
    assert sam_page.get("/review/").status_code == 200
    sam.role = Role.LEAD
    sam.save()
    assert sam_page.get("/review/")["Location"] == FACTOR
    assert sam_page.get("/api/parts/").status_code == 401


def test_who_owes_one_may_sign_out(sam_page, sam, settings, caplog):
    settings.SECOND_FACTOR = "everyone"
    caplog.set_level("INFO", "accounts.trail")
    assert sam_page.post("/account/logout/")["Location"] == LOGIN
    assert not sam.sessions.exists()
    assert "signed_out address=127.0.0.1 user=sam" in caplog.text


def test_who_has_one_elsewhere_comes_in_by_it(sam_page, sams, settings):
    settings.SECOND_FACTOR = "everyone"
    assert sam_page.get("/review/")["Location"] == FACTOR
    assert sam_page.get(FACTOR)["Location"] == LOGIN
    assert sam_page.get(LOGIN).status_code == 200
    assert sam_page.post(LOGIN, SIGN_IN)["Location"] == CODE


def test_who_turns_it_off_must_set_it_up_anew(in_by_code, sam, settings):
    settings.SECOND_FACTOR = "everyone"
    assert "you are asked at once to set it up anew" in in_by_code.get(FACTOR).text
    in_by_code.post(f"{FACTOR}off/", {"password": GOOD, "code": code_now(sam)})
    assert in_by_code.get("/account/")["Location"] == FACTOR


# --- Losing it ----------------------------------------------------------------


@pytest.fixture
def boss_page(client, lead):
    lead.set_password(GOOD)
    lead.save()
    client.force_login(lead)
    return client


def test_a_lead_takes_a_lost_one_away(boss_page, sam, sams):
    there = Client()
    there.force_login(sam)
    address = f"/account/people/{sam.pk}/factor/"
    page = boss_page.get("/account/people/").text
    assert f'href="{address}"' in page
    assert page.count("person__factor") == 1
    assert "Take Sam’s second factor away?" in boss_page.get(address).text
    response = boss_page.post(address, {"password": "wrong"})
    assert response.status_code == 422
    assert factors.is_on(sam)
    response = boss_page.post(address, {"password": GOOD})
    assert response["Location"] == "/account/people/"
    assert _told(response) == [
        "Sam has no second factor any more, and is signed out everywhere."
    ]
    assert not factors.is_on(sam)
    assert there.get("/account/").status_code == 302
    assert address not in boss_page.get("/account/people/").text
    response = boss_page.post(address, {"password": GOOD})
    assert _told(response)[-1] == "Sam has no second factor."


def test_the_own_one_is_not_taken_away_so(boss_page, lead):
    make_factor(lead)
    address = f"/account/people/{lead.pk}/factor/"
    assert address not in boss_page.get("/account/people/").text
    assert boss_page.post(address, {"password": GOOD})["Location"] == FACTOR
    assert factors.is_on(lead)


@pytest.mark.parametrize("rows", [1, 20])
def test_the_list_of_people_costs_no_more(lead_page, rows, django_assert_num_queries):
    for _ in range(rows):
        make_factor(make_user())
    with django_assert_num_queries(5):  # session, user, count, people, what they hold
        lead_page.get("/account/people/")


# --- What the log tells -------------------------------------------------------


def test_the_log_tells_what_becomes_of_it(client, sam, lead, caplog):
    caplog.set_level("INFO", "accounts.trail")
    lead.set_password(GOOD)
    lead.save()
    client.post(LOGIN, SIGN_IN)
    _set_up(client)
    client.post(f"{FACTOR}codes/", {"password": GOOD})
    [code, *_others] = factors.renew_codes(sam)
    client.post("/account/logout/")
    client.post(LOGIN, SIGN_IN)
    client.post(CODE, {"code": "000000"})
    client.post(CODE, {"code": code})
    SecondFactor.objects.update(last_step=0)
    client.post(f"{FACTOR}off/", {"password": GOOD, "code": code_now(sam)})
    make_factor(sam)
    boss = Client()
    boss.force_login(lead)
    boss.post(f"/account/people/{sam.pk}/factor/", {"password": GOOD})
    told = [r.getMessage() for r in caplog.records if r.name == "accounts.trail"]
    assert [line.replace(" address=127.0.0.1", "") for line in told] == [
        "signed_in user=sam",
        "factor_set_up user=sam",
        "recovery_codes_made user=sam",
        "signed_out user=sam",
        "code_refused user=sam",
        "signed_in user=sam code=recovery",
        "factor_turned_off user=sam",
        "factor_taken_away user=lead account=sam",
    ]

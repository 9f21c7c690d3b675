"""One's own API keys on a page: see them, make one, see it once, end it."""

import re
import shlex
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Role, Scope
from tests.factories import make_key, make_user

KEYS = "/account/keys/"
FORM_SENT_BEFORE = (
    "This form was sent before, and a key is shown only once. If you did not copy "
    "it, revoke it and make another."
)


def _wanted(**fields) -> dict[str, str]:
    return {
        "name": "Laser screen",
        "scope": "read",
        "expires": "never",
        "ticket": uuid4().hex,
        **fields,
    }


def _told(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def _errors(response) -> dict[str, list[str]]:
    return {**response.context["form"].errors}


def _field(response, name: str) -> str:
    """Return what stands in a text area."""
    return unescape(re.search(rf'id="{name}"[^>]*>([^<]*)<', response.text)[1])


def _names(response) -> list[str]:
    return re.findall(r'class="key__name">([^<]*)<', response.text)


def _row(response, key: ApiKey) -> str:
    """Return a key's words, without markup and blanks between."""
    row = re.search(
        rf'<li class="key" data-key="{key.pk}".*?</li>', response.text, re.S
    )
    return " ".join(re.sub(r"<[^>]+>", " ", row[0].partition(">")[2]).split())


# --- The list -----------------------------------------------------------------


def test_the_page_is_in_the_menu_and_kept_by_nobody(member_page):
    assert f'href="{KEYS}"' in member_page.get("/review/").text
    response = member_page.get(KEYS)
    assert response.status_code == 200
    assert "None yet." in response.text
    assert "no-store" in response["Cache-Control"]


def test_only_leads_are_shown_the_way_to_everybodys_keys(member_page, client, lead):
    address = reverse("admin:accounts_apikey_changelist")
    assert address not in member_page.get(KEYS).text
    client.force_login(lead)
    assert address in client.get(KEYS).text


def test_it_lists_ones_own_keys_and_no_others(member_page, member, lead):
    key, text = make_key(owner=member, name="Mine")
    make_key(owner=lead, name="Hers")
    make_key(name="Nobody's")
    response = member_page.get(KEYS)
    assert _names(response) == ["Mine"]
    assert f"pk_{key.prefix}_…" in response.text
    assert text not in response.text
    assert key.digest not in response.text


def test_it_tells_state_scope_and_times_of_each(member_page, member):
    now = timezone.now()
    usable, _ = make_key(owner=member, scope=Scope.WRITE)
    ApiKey.objects.filter(pk=usable.pk).update(
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        expires_at=datetime(2099, 3, 4, tzinfo=UTC),
        last_used_at=now - timedelta(minutes=5),
    )
    soon, _ = keys.issue("Soon", owner=member, expires_at=now + timedelta(days=13))
    expired, _ = keys.issue("Old", owner=member, expires_at=now - timedelta(days=1))
    revoked, _ = make_key(owner=member, scope=Scope.READ)
    keys.revoke(revoked)
    response = member_page.get(KEYS)
    assert _row(response, usable) == (
        f"Robot pk_{usable.prefix}_… Usable May Read and write Made 2 Jan 2026 "
        "Ends 4 Mar 2099 Last used 5 minutes ago Revoke Robot"
    )
    assert "Usable May Read Made" in _row(response, soon)
    assert "Ends soon" in _row(response, soon)
    assert "Expired May Read" in _row(response, expired)
    assert "Ended" in _row(response, expired)
    assert "Revoked May Read" in _row(response, revoked)
    assert "Ends never Last used never" in _row(response, revoked)
    for ended in (expired, revoked):
        assert reverse("accounts:key-revoke", args=[ended.pk]) not in response.text


def test_what_is_usable_stands_before_what_has_ended(member_page, member):
    for name in ("revoked", "first", "second"):
        make_key(owner=member, name=name)
    keys.issue("expired", owner=member, expires_at=timezone.now())
    keys.revoke(ApiKey.objects.get(name="revoked"))
    names = _names(member_page.get(KEYS))
    assert names == ["second", "first", "expired", "revoked"]


def test_a_viewer_is_told_what_an_older_key_may_now(viewer_page, viewer):
    key, _ = make_key(owner=viewer, scope=Scope.WRITE)
    words = "Read and write; as your account is now, only read"
    assert words in _row(viewer_page.get(KEYS), key)


def test_names_are_only_text(member_page, member):
    make_key(owner=member, name="<b>&")
    assert _names(member_page.get(KEYS)) == ["&lt;b&gt;&amp;"]


@pytest.mark.parametrize("rows", [1, 30])
def test_its_cost_does_not_grow(member_page, member, rows, django_assert_num_queries):
    for _ in range(rows):
        make_key(owner=member)
    with django_assert_num_queries(5):  # session, user, two counts, keys
        response = member_page.get(KEYS)
    assert len(_names(response)) == rows


def test_more_than_a_page_is_paged(member_page, member):
    for _ in range(41):
        keys.revoke(make_key(owner=member)[0])
    assert "Page 1 of 2" in member_page.get(KEYS).text
    assert len(_names(member_page.get(f"{KEYS}?page=2"))) == 1


# --- Making one ---------------------------------------------------------------


def test_a_new_key_works_and_is_shown_with_a_line_that_works(member_page, member):
    response = member_page.post(KEYS, _wanted(scope="write", expires="30"))
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    text = _field(response, "issued-key")
    key = keys.find(text)
    assert (key.name, key.scope, key.owner) == ("Laser screen", Scope.WRITE, member)
    lasts = key.expires_at - timezone.now()
    assert timedelta(days=29, hours=23) < lasts <= timedelta(days=30)
    command, flag, header, address = shlex.split(_field(response, "issued-command"))
    assert (command, flag) == ("curl", "-H")
    assert address == "http://testserver/api/parts/?limit=5"
    name, _, value = header.partition(": ")
    answer = Client().get(address, headers={name: value})
    assert answer.json() == {"parts": [], "total": 0, "limit": 5, "offset": 0}


def test_the_line_has_the_address_that_the_site_is_reached_by(member_page, settings):
    settings.ALLOWED_HOSTS = ["parts.example.org"]
    host = {"HTTP_HOST": "parts.example.org", "wsgi.url_scheme": "https"}
    response = member_page.post(KEYS, _wanted(), **host)
    line = _field(response, "issued-command")
    assert line.endswith(' "https://parts.example.org/api/parts/?limit=5"')


def test_a_new_key_is_shown_once_and_stored_nowhere(member_page, member):
    wanted = _wanted()
    text = _field(member_page.post(KEYS, wanted), "issued-key")
    secret = text.split("_", 2)[2]
    again = member_page.post(KEYS, wanted)  # what loading the page again does
    assert (again.status_code, again["Location"]) == (302, KEYS)
    assert _told(again) == [FORM_SENT_BEFORE]
    page = member_page.get(KEYS)
    assert _names(page) == ["Laser screen"]
    assert secret not in page.text
    assert secret not in str(dict(member_page.session))
    assert secret not in str(member_page.cookies)
    assert secret not in str(ApiKey.objects.values().get())


def test_each_form_is_good_for_one_key_and_nobody_elses(member_page, client, lead):
    first = re.search(r'name="ticket" value="(\w+)"', member_page.get(KEYS).text)[1]
    second = re.search(r'name="ticket" value="(\w+)"', member_page.get(KEYS).text)[1]
    assert first != second
    for ticket in (first, second):
        assert member_page.post(KEYS, _wanted(ticket=ticket)).status_code == 200
    client.force_login(lead)
    assert client.post(KEYS, _wanted(ticket=first)).status_code == 200
    assert ApiKey.objects.count() == 3


def test_a_form_without_a_ticket_makes_a_key_each_time(member_page):
    for _ in range(2):
        assert member_page.post(KEYS, _wanted(ticket="")).status_code == 200
    assert ApiKey.objects.count() == 2


@pytest.mark.parametrize(
    ("role", "scopes"),
    [
        (Role.VIEWER, {"read"}),
        (Role.MEMBER, {"read", "write"}),
        (Role.LEAD, {"read", "write", "lead"}),
    ],
)
def test_nobody_makes_a_key_that_may_more_than_they(client, db, role, scopes):
    client.force_login(make_user(role=role))
    offered = set(re.findall(r'name="scope" value="(\w+)"', client.get(KEYS).text))
    assert offered == scopes
    for scope in Scope.values:
        response = client.post(KEYS, _wanted(scope=scope))
        assert response.status_code == (200 if scope in scopes else 422)
        if scope not in scopes:
            assert _errors(response) == {"scope": ["Choose one of these."]}
    assert set(ApiKey.objects.values_list("scope", flat=True)) == scopes


def test_a_chosen_day_is_the_last_one_in_the_shops_time(member_page, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    berlin = ZoneInfo("Europe/Berlin")
    with timezone.override(berlin):
        day = timezone.localdate() + timedelta(days=40)
        wanted = _wanted(expires="day", last_day=day.isoformat())
        assert member_page.post(KEYS, wanted).status_code == 200
    ends_at = ApiKey.objects.get().expires_at.astimezone(berlin)
    assert ends_at.replace(tzinfo=None) == datetime.combine(
        day + timedelta(days=1), datetime.min.time()
    )


def test_today_may_be_the_last_day(member_page):
    today = timezone.localdate().isoformat()
    response = member_page.post(KEYS, _wanted(expires="day", last_day=today))
    assert keys.find(_field(response, "issued-key")) is not None


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"name": "  "}, {"name": ["This field is required."]}),
        (
            {"name": "x" * 101},
            {"name": ["Ensure this value has at most 100 characters (it has 101)."]},
        ),
        ({"name": "a\0b"}, {"name": ["Null characters are not allowed."]}),
        ({"scope": ""}, {"scope": ["This field is required."]}),
        ({"scope": "all"}, {"scope": ["Choose one of these."]}),
        ({"expires": "7"}, {"expires": ["Choose one of these."]}),
        (
            {"expires": "day", "last_day": ""},
            {"last_day": ["Which day? Or choose another end above."]},
        ),
        (
            {"expires": "day", "last_day": "tomorrow"},
            {"last_day": ["Write the day as in 2027-06-30."]},
        ),
        (
            {"expires": "day", "last_day": "2020-01-01"},
            {"last_day": ["This day is past; choose a later one."]},
        ),
        (
            {"expires": "day", "last_day": "9999-12-31"},
            {"last_day": ["Choose a day of the next ten years, or “Never” above."]},
        ),
    ],
)
def test_a_form_that_is_wrong_is_answered_with_what_is_wrong(
    member_page, fields, errors
):
    response = member_page.post(KEYS, _wanted(**fields))
    assert response.status_code == 422
    assert _errors(response) == errors
    assert re.search(r'<details class="keys__new"\s+open>', response.text)
    assert ApiKey.objects.count() == 0


def test_a_day_that_nobody_asked_for_is_no_error(member_page):
    wanted = _wanted(expires="90", last_day="nonsense")
    assert member_page.post(KEYS, wanted).status_code == 200


def test_blanks_and_line_ends_in_a_name_become_single_blanks(member_page):
    member_page.post(KEYS, _wanted(name="  Laser \t screen\r\n 2 "))
    assert ApiKey.objects.get().name == "Laser screen 2"


def test_a_form_that_was_wrong_can_be_put_right_and_sent_again(member_page):
    wanted = _wanted(name="")
    assert member_page.post(KEYS, wanted).status_code == 422
    assert member_page.post(KEYS, {**wanted, "name": "x"}).status_code == 200


FULL = "You have 20 usable keys, and nobody may have more. Revoke an unused one"


def test_there_is_a_bound_that_ended_keys_do_not_count_for(member_page, member):
    for _ in range(20):
        make_key(owner=member)
    keys.issue("Old", owner=member, expires_at=timezone.now())
    page = member_page.get(KEYS)
    assert f"{FULL} to make another." in page.text
    assert 'id="new-key"' not in page.text
    refused = member_page.post(KEYS, _wanted())
    assert refused.status_code == 422
    assert _errors(refused) == {"__all__": [f"{FULL}."]}
    assert member.api_keys.count() == 21
    keys.revoke(member.api_keys.usable().first())
    assert member_page.post(KEYS, _wanted()).status_code == 200


# --- Ending one ---------------------------------------------------------------


def test_revoking_asks_first_and_then_shuts_the_key_out(member_page, member):
    key, text = make_key(owner=member)
    address = reverse("accounts:key-revoke", args=[key.pk])
    assert f'href="{address}"' in member_page.get(KEYS).text
    asked = member_page.get(address)
    assert "Revoke this key?" in asked.text
    assert "It was never used." in asked.text
    assert keys.find(text) == key
    response = member_page.post(address)
    assert response["Location"] == KEYS
    assert _told(response) == ["“Robot” is revoked; nothing gets in with it any more."]
    assert keys.find(text) is None


@pytest.mark.parametrize("method", ["get", "post"])
def test_what_is_revoked_stays_so(member_page, member, method):
    key, _ = make_key(owner=member)
    keys.revoke(key)
    address = reverse("accounts:key-revoke", args=[key.pk])
    response = getattr(member_page, method)(address)
    assert response["Location"] == KEYS
    assert _told(response) == ["“Robot” was revoked before."]
    before = key.revoked_at
    key.refresh_from_db()
    assert key.revoked_at == before


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_strangers_key_is_not_there_even_for_a_lead(lead_page, member, method):
    for key, text in (make_key(owner=member), make_key()):
        address = reverse("accounts:key-revoke", args=[key.pk])
        assert getattr(lead_page, method)(address).status_code == 404
        assert keys.find(text) == key
    assert lead_page.get(reverse("accounts:key-revoke", args=[0])).status_code == 404


def test_strangers_are_sent_to_the_door(client, member):
    key, text = make_key(owner=member)
    for address in (KEYS, reverse("accounts:key-revoke", args=[key.pk])):
        for ask in (client.get, client.post):
            assert ask(address)["Location"] == f"/account/login/?next={address}"
    assert keys.find(text) == key
    assert ApiKey.objects.count() == 1


def test_other_methods_are_refused(member_page, member):
    key, _ = make_key(owner=member)
    for address in (KEYS, reverse("accounts:key-revoke", args=[key.pk])):
        assert member_page.put(address).status_code == 405
        assert member_page.head(address).status_code == 200


def test_both_forms_need_their_token(member):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(member)
    key, _ = make_key(owner=member)
    assert browser.post(KEYS, _wanted()).status_code == 403
    address = reverse("accounts:key-revoke", args=[key.pk])
    assert browser.post(address).status_code == 403
    key.refresh_from_db()
    assert (ApiKey.objects.count(), key.revoked_at) == (1, None)

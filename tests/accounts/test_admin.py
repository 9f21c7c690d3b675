import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import authenticate
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Scope, User
from accounts.people import PeopleError
from parts import uploads, workflow
from tests.factories import make_key, make_upload, make_user

pytestmark = pytest.mark.django_db

USERS = "admin:accounts_user_changelist"
USER_ADD = "admin:accounts_user_add"
USER = "admin:accounts_user_change"
PASSWORD = "admin:auth_user_password_change"  # noqa: S105 - the name of a route
KEYS = "admin:accounts_apikey_changelist"
KEY_ADD = "admin:accounts_apikey_add"
KEY = "admin:accounts_apikey_change"
GOOD = "correct horse battery"


def told(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def rows(response) -> list[str]:
    return [row.name for row in response.context["cl"].result_list]


def errors(response) -> dict[str, list[str]]:
    return response.context["adminform"].form.errors


def person(**fields) -> dict:
    return {
        "username": "sam",
        "name": "Sam",
        "role": "member",
        "usable_password": "true",
        "password1": GOOD,
        "password2": GOOD,
        **fields,
    }


def written(queries: CaptureQueriesContext, table: str) -> list[str]:
    """The columns that UPDATE statements wrote in ``table``."""
    updates = [
        re.match(r'UPDATE "(\w+)" SET (.*) WHERE ', query["sql"]) for query in queries
    ]
    return [
        column
        for update in updates
        if update and update[1] == table
        for column in re.findall(r'"(\w+)" = ', update[2])
    ]


# --- People: who comes in, the list ------------------------------------------


@pytest.mark.parametrize("role", ["member", "viewer"])
@pytest.mark.parametrize("url", [USERS, USER_ADD, KEYS, KEY_ADD])
def test_who_is_no_lead_has_no_access(client, role, url):
    client.force_login(make_user(role=role))
    assert client.get(reverse(url), follow=True).status_code == 403


def test_a_member_makes_neither_people_nor_keys(member_page, member):
    member_page.post(reverse(USER_ADD), person(role="lead"))
    member_page.post(reverse(KEY_ADD), {"name": "Mine", "scope": "lead"})
    member_page.post(reverse(USER, args=[member.pk]), person(role="lead"))
    member_page.post(reverse(PASSWORD, args=[member.pk]), person())
    member.refresh_from_db()
    assert (User.objects.count(), ApiKey.objects.count()) == (1, 0)
    assert (member.role, member.has_usable_password()) == ("member", False)


def test_people_are_found_and_filtered(lead_page, lead):
    make_user("sam", name="Sam Shaw")
    make_user("old", name="Old Hand", is_active=False, email="hand@example.org")
    for query, found in [
        ({}, ["Lena Lead", "Old Hand", "Sam Shaw"]),
        ({"q": "shaw"}, ["Sam Shaw"]),
        ({"q": "example.org"}, ["Old Hand"]),
        ({"role__exact": "lead"}, ["Lena Lead"]),
        ({"is_active__exact": 0}, ["Old Hand"]),
    ]:
        assert rows(lead_page.get(reverse(USERS), query)) == found


@pytest.mark.parametrize("count", [1, 20])
def test_people_cost_the_same_for_any_number(
    lead_page, count, django_assert_num_queries
):
    for _ in range(count):
        make_key(owner=make_user())
    with django_assert_num_queries(5):  # session, user, count, full count, people
        response = lead_page.get(reverse(USERS))
    assert len(rows(response)) == count + 1


def test_no_list_of_people_tells_about_passwords(lead_page, lead):
    lead.set_password(GOOD)
    User.objects.filter(pk=lead.pk).update(password=lead.password)
    lead_page.force_login(User.objects.get(pk=lead.pk))
    response = lead_page.get(reverse(USERS), {"password__startswith": "md5"})
    assert response.status_code == 400
    page = lead_page.get(reverse(USER, args=[lead.pk]))
    assert lead.password not in page.content.decode()


# --- People: adding ----------------------------------------------------------


def test_add_makes_an_account_that_can_sign_in(lead_page):
    response = lead_page.post(reverse(USER_ADD), person(role="lead", email="s@s.org"))
    user = User.objects.get(username="sam")
    assert response.url == reverse(USER, args=[user.pk])
    assert (user.name, user.role, user.email) == ("Sam", "lead", "s@s.org")
    assert user.is_active is True
    assert authenticate(username="sam", password=GOOD) == user


def test_add_makes_an_account_without_a_password(lead_page):
    lead_page.post(
        reverse(USER_ADD),
        {**person(name="", password1="", password2=""), "usable_password": "false"},
    )
    user = User.objects.get(username="sam")
    assert (user.name, user.role) == ("sam", "member")
    assert user.has_usable_password() is False


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        (
            {"password2": "another thing"},
            {"password2": ["The two password fields didn’t match."]},
        ),
        (
            {"password1": "12345678", "password2": "12345678"},
            {
                "password2": [
                    "This password is too common.",
                    "This password is entirely numeric.",
                ]
            },
        ),
        (
            {"password1": "", "password2": ""},
            {"password1": ["This field is required."]},
        ),
        ({"username": "LEAD"}, {"username": ["This user name is taken."]}),
        (
            {"username": "a b"},
            {
                "username": [
                    "Enter a valid username. This value may contain only letters, "
                    "numbers, and @/./+/-/_ characters."
                ]
            },
        ),
        (
            {"name": " lena  LEAD "},
            {"__all__": ["Somebody else has this display name."]},
        ),
        (
            {"role": "boss"},
            {
                "role": [
                    "Select a valid choice. boss is not one of the available choices."
                ]
            },
        ),
    ],
)
def test_a_wrong_account_is_an_error_of_the_form(lead_page, fields, refused):
    response = lead_page.post(reverse(USER_ADD), person(**fields))
    assert response.status_code == 200
    found = {key: value for key, value in errors(response).items() if key in refused}
    assert found == refused
    assert User.objects.count() == 1


def test_a_user_name_may_not_be_the_display_name_of_another(lead_page):
    make_user("sam2", name="Sam")
    response = lead_page.post(reverse(USER_ADD), person(name=""))
    assert errors(response) == {"__all__": ["Somebody else has this display name."]}


# --- People: changing --------------------------------------------------------


def test_a_lead_changes_role_and_name(lead_page, member):
    url = reverse(USER, args=[member.pk])
    data = {"username": "member", "name": "Mara", "role": "lead", "is_active": "on"}
    response = lead_page.post(url, data)
    member.refresh_from_db()
    assert (member.role, member.name, member.is_active) == ("lead", "Mara", True)
    assert told(response)[0] == (
        "Parts that “Mara Member” has keep that name until they are given to “Mara”."
    )


def test_an_edit_writes_only_what_was_changed(lead_page, member):
    url = reverse(USER, args=[member.pk])
    data = {"username": "member", "name": "Mara Member", "role": "viewer"}
    with CaptureQueriesContext(
        connection,
    ) as queries:
        lead_page.post(url, {**data, "is_active": "on"})
    assert written(queries, "accounts_user") == ["role"]


def test_a_taken_name_is_an_error_of_the_form(lead_page, member):
    url = reverse(USER, args=[member.pk])
    data = {"username": "Lead", "name": "Mara", "role": "member", "is_active": "on"}
    assert errors(lead_page.post(url, data)) == {
        "__all__": ["This user name is taken."]
    }
    member.refresh_from_db()
    assert (member.username, member.name) == ("member", "Mara Member")


def test_a_lead_cannot_take_the_own_rights_away(lead_page, lead):
    url = reverse(USER, args=[lead.pk])
    data = {"username": "lead", "name": "Lena Lead", "role": "viewer"}
    assert lead_page.post(url, data).status_code == 302
    response = lead_page.post(
        reverse(USERS),
        {"action": "deactivate", "_selected_action": lead.pk, "index": 0},
    )
    assert told(response)[-1] == "You cannot deactivate your own account."
    deletion = reverse("admin:accounts_user_delete", args=[lead.pk])
    assert lead_page.post(deletion, {"post": "yes"}).status_code == 403
    lead.refresh_from_db()
    assert (lead.role, lead.is_active) == ("lead", True)


def test_people_are_deactivated_and_activated(lead_page, client, member, viewer):
    member.set_password(GOOD)
    member.save()
    data = {"_selected_action": [member.pk, viewer.pk], "index": 0}
    response = lead_page.post(reverse(USERS), {**data, "action": "deactivate"})
    assert told(response) == ["2 accounts deactivated."]
    assert User.objects.get(pk=member.pk).is_active is False
    assert authenticate(username="member", password=GOOD) is None
    lead_page.post(reverse(USERS), {**data, "action": "activate"})
    assert authenticate(username="member", password=GOOD) == member


def test_a_search_and_a_filter_stay_while_people_are_deactivated(lead_page, member):
    url = f"{reverse(USERS)}?q=mara&is_active__exact=1"
    data = {"_selected_action": member.pk, "index": 0, "action": "deactivate"}
    assert lead_page.post(url, data).url == url
    member.refresh_from_db()
    assert member.is_active is False


# --- People: passwords -------------------------------------------------------


def test_a_lead_sets_a_password(lead_page, member):
    url = reverse(PASSWORD, args=[member.pk])
    assert lead_page.get(url).status_code == 200
    data = {"password1": GOOD, "password2": GOOD, "set-password": "yes"}
    with CaptureQueriesContext(connection) as queries:
        response = lead_page.post(url, {**data, "usable_password": "true"})
    assert response.url == reverse(USER, args=[member.pk])
    assert told(response) == ["Password changed successfully."]
    assert authenticate(username="member", password=GOOD) == member
    assert written(queries, "accounts_user") == ["password"]


def test_the_page_of_a_person_leads_to_the_password(lead_page, member):
    text = lead_page.get(reverse(USER, args=[member.pk])).content.decode()
    assert 'href="../password/"' in text
    assert reverse(PASSWORD, args=[member.pk]) == (
        reverse(USER, args=[member.pk]).replace("/change/", "/password/")
    )


def test_a_lead_takes_a_password_away(lead_page, member):
    member.set_password(GOOD)
    member.save()
    url = reverse(PASSWORD, args=[member.pk])
    data = {"usable_password": "false", "password1": "", "password2": ""}
    response = lead_page.post(url, {**data, "unset-password": "yes"})
    assert told(response) == ["Password-based authentication was disabled."]
    assert authenticate(username="member", password=GOOD) is None


def test_a_bad_password_is_an_error_of_the_form(lead_page, member):
    url = reverse(PASSWORD, args=[member.pk])
    data = {"password1": "xmember!", "password2": "xmember!"}
    response = lead_page.post(url, {**data, "usable_password": "true"})
    assert response.context["form"].errors == {
        "password2": ["The password is too similar to the user name."]
    }
    member.refresh_from_db()
    assert member.has_usable_password() is False


# --- People: deleting --------------------------------------------------------


def test_deleting_an_account_keeps_the_history(lead_page, member):
    part = workflow.create(
        actor=member,
        name="Hub",
        subsystem="Drive",
        upload=uploads.store(make_upload()),
    )
    key, _ = make_key(owner=member, name="Mill display")
    workflow.edit(part, actor=key, notes="Deburr it.")
    url = reverse("admin:accounts_user_delete", args=[member.pk])
    asked = lead_page.get(url)
    assert "make the account inactive" in asked.content.decode()
    assert User.objects.filter(pk=member.pk).exists()
    assert lead_page.post(url, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=member.pk).exists()
    assert not ApiKey.objects.exists()
    assert list(
        part.events.order_by("id").values_list("verb", "actor_name", "actor", "api_key")
    ) == [
        ("created", "Mara Member", None, None),
        ("uploaded", "Mara Member", None, None),
        ("edited", "Mill display", None, None),
    ]
    file = part.files.get()
    assert (file.uploaded_by_name, file.uploaded_by) == ("Mara Member", None)


def test_people_are_not_deleted_in_bulk(lead_page, member):
    choices = lead_page.get(reverse(USERS)).context["action_form"].fields["action"]
    assert [name for name, _ in choices.choices if name] == ["deactivate", "activate"]
    data = {"action": "delete_selected", "_selected_action": member.pk, "post": "yes"}
    lead_page.post(reverse(USERS), data)
    assert User.objects.filter(pk=member.pk).exists()


# --- Keys --------------------------------------------------------------------


def test_a_new_key_is_shown_once_and_kept_nowhere(lead_page, member):
    data = {"name": "Mill display", "owner": member.pk, "scope": "write"}
    response = lead_page.post(reverse(KEY_ADD), data)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    key = ApiKey.objects.get()
    [text] = re.findall(r'value="(pk_[^"]+)"', response.content.decode())
    assert (key.name, key.owner, key.scope) == ("Mill display", member, "write")
    assert keys.find(text) == key
    secret = text.rpartition(f"{key.prefix}_")[2]
    assert told(response) == []
    assert secret not in str(dict(lead_page.session))
    assert secret not in str(LogEntry.objects.values())
    for url in (reverse(KEYS), reverse(KEY, args=[key.pk]), reverse("admin:index")):
        page = lead_page.get(url).content.decode()
        assert secret not in page
        assert key.digest not in page


def test_a_key_without_an_owner_and_with_an_end(lead_page):
    data = {
        "name": "CI",
        "scope": "read",
        "expires_at_0": "2999-01-01",
        "expires_at_1": "10:00",
    }
    lead_page.post(reverse(KEY_ADD), data)
    key = ApiKey.objects.get()
    assert key.owner is None
    assert key.expires_at.isoformat() == "2999-01-01T10:00:00+00:00"


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"name": " "}, {"name": ["This field is required."]}),
        (
            {"scope": "all"},
            {
                "scope": [
                    "Select a valid choice. all is not one of the available choices."
                ]
            },
        ),
        (
            {"expires_at_0": "2020-01-01", "expires_at_1": "10:00"},
            {"expires_at": ["This is in the past; revoke a key to end it now."]},
        ),
        (
            {"owner": 999},
            {
                "owner": [
                    "Select a valid choice. That choice is not one of the available "
                    "choices."
                ]
            },
        ),
    ],
)
def test_a_wrong_key_is_an_error_of_the_form(lead_page, fields, refused):
    data = {"name": "CI", "scope": "read", **fields}
    assert errors(lead_page.post(reverse(KEY_ADD), data)) == refused
    assert not ApiKey.objects.exists()


def test_of_a_key_only_name_and_end_are_changed(lead_page, lead):
    key, text = make_key(scope=Scope.READ, name="CI")
    url = reverse(KEY, args=[key.pk])
    form = lead_page.get(url).context["adminform"].form
    assert list(form.fields) == ["name", "expires_at"]
    forged = {
        "scope": "lead",
        "owner": lead.pk,
        "prefix": "0" * 12,
        "digest": "0" * 64,
        "revoked_at_0": "2020-01-01",
    }
    with CaptureQueriesContext(connection) as queries:
        lead_page.post(url, {"name": "Nightly", **forged})
    assert written(queries, "accounts_apikey") == ["name"]
    assert keys.find(text).name == "Nightly"
    assert keys.find(text).scope == "read"


def test_an_expired_key_can_still_be_named(lead_page):
    key, _ = make_key()
    ApiKey.objects.filter(pk=key.pk).update(
        expires_at=timezone.now().replace(microsecond=0) - timedelta(days=1)
    )
    url = reverse(KEY, args=[key.pk])
    form = lead_page.get(url).context["adminform"].form
    day, time = form["expires_at"].field.widget.decompress(form["expires_at"].value())
    data = {"name": "Old", "expires_at_0": day, "expires_at_1": time}
    assert lead_page.post(url, data).status_code == 302
    key.refresh_from_db()
    assert key.name == "Old"


def test_a_key_is_revoked_on_its_page(lead_page):
    key, text = make_key(name="CI")
    page = reverse(KEY, args=[key.pk])
    url = reverse("admin:accounts_apikey_revoke", args=[key.pk])
    assert [step["url"] for step in lead_page.get(page).context["steps"]] == [url]
    assert lead_page.get(url).status_code == 405
    assert keys.find(text) == key
    response = lead_page.post(url)
    assert response.url == page
    assert told(response) == [f"CI ({key.prefix}…) is revoked."]
    assert keys.find(text) is None
    after = lead_page.get(page)
    assert "steps" not in after.context
    assert 'name="_save"' not in after.content.decode()
    assert lead_page.post(page, {"name": "Back"}).status_code == 403


def test_keys_are_revoked_from_the_list_once(lead_page):
    first, text = make_key(name="CI")
    second, _ = make_key(name="Old")
    keys.revoke(second)
    ended = second.revoked_at
    data = {"action": "revoke", "_selected_action": [first.pk, second.pk], "index": 0}
    response = lead_page.post(reverse(KEYS), data)
    assert told(response) == [
        f"CI ({first.prefix}…) is revoked.",
        f"Old ({second.prefix}…) was revoked before.",
    ]
    second.refresh_from_db()
    assert second.revoked_at == ended
    assert keys.find(text) is None


def test_a_key_is_never_deleted(lead_page):
    key, _ = make_key()
    url = reverse("admin:accounts_apikey_delete", args=[key.pk])
    assert lead_page.post(url, {"post": "yes"}).status_code == 403
    data = {"action": "delete_selected", "_selected_action": key.pk, "post": "yes"}
    lead_page.post(reverse(KEYS), data)
    assert ApiKey.objects.filter(pk=key.pk).exists()


def test_an_unknown_key_is_not_found(lead_page):
    url = reverse("admin:accounts_apikey_revoke", args=[999])
    assert lead_page.post(url).status_code == 404


def test_keys_are_listed_with_state_and_use(lead_page, member):
    make_key(name="Good", owner=member)
    revoked, _ = make_key(name="Revoked")
    keys.revoke(revoked)
    expired, _ = make_key(name="Expired", scope=Scope.READ)
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    make_key(name="Closed", owner=make_user(is_active=False))
    used = timezone.datetime(2026, 1, 15, 10, 30, tzinfo=timezone.timezone.utc)
    ApiKey.objects.filter(name="Good").update(last_used_at=used)
    text = lead_page.get(reverse(KEYS)).content.decode()
    assert re.findall(r'data-sign="\w+">([^<]+)<', text) == [
        "Owner is deactivated",
        "Expired",
        "Usable",
        "Revoked",
    ]
    assert "Jan. 15, 2026, 10:30 a.m." in text
    assert f"pk_{revoked.prefix}_…" in text
    for query, found in [
        ({"usable": "yes"}, ["Good"]),
        ({"usable": "no"}, ["Closed", "Expired", "Revoked"]),
        ({"scope__exact": "read"}, ["Expired"]),
        ({"q": revoked.prefix}, ["Revoked"]),
        ({"q": "mara"}, ["Good"]),
        ({"owner__id__exact": member.pk}, ["Good"]),
    ]:
        assert rows(lead_page.get(reverse(KEYS), query)) == found


@pytest.mark.parametrize("count", [1, 20])
def test_keys_cost_the_same_for_any_number(lead_page, count, django_assert_num_queries):
    for _ in range(count):
        make_key(owner=make_user())
    with django_assert_num_queries(5):  # session, user, count, full count, keys
        response = lead_page.get(reverse(KEYS))
    assert len(rows(response)) == count


def test_an_owner_is_searched_for(lead_page, member):
    query = {
        "app_label": "accounts",
        "model_name": "apikey",
        "field_name": "owner",
        "term": "mara",
    }
    answer = lead_page.get(reverse("admin:autocomplete"), query)
    assert answer.json()["results"] == [{"id": str(member.pk), "text": "Mara Member"}]


def test_there_are_no_groups(lead_page):
    assert lead_page.get("/admin/auth/group/").status_code == 404


# --- Sessions and the last lead ----------------------------------------------


def test_closing_an_account_signs_its_devices_out(lead_page, member):
    browser = Client()
    browser.force_login(member)
    lead_page.post(
        reverse(USERS), {"action": "deactivate", "_selected_action": [member.pk]}
    )
    assert member.sessions.count() == 0
    assert browser.get("/review/").status_code == 302


def test_a_new_password_signs_its_devices_out(lead_page, member):
    Client().force_login(member)
    passwords = {"password1": GOOD, "password2": GOOD, "usable_password": "true"}
    lead_page.post(reverse(PASSWORD, args=[member.pk]), passwords)
    assert authenticate(username="member", password=GOOD) == member
    assert member.sessions.count() == 0


def test_a_refusal_of_the_rules_is_told(lead_page, member, monkeypatch):
    def refuse(user, **fields):
        raise PeopleError("Nobody would be lead.")

    monkeypatch.setattr("accounts.people.change", refuse)
    fields = {"username": "member", "name": "Mara", "role": "viewer", "is_active": "1"}
    answer = lead_page.post(reverse(USER, args=[member.pk]), fields)
    assert answer.status_code == 403
    assert "Nobody would be lead." in answer.text

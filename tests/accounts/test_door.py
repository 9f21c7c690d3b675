"""Signing in and out, passwords, and how the pages look to one."""

import re

import pytest
from django.urls import reverse

from tests.factories import make_user

LOGIN = "/account/login/"
CHANGE = "/account/password/"
RIGHT = "correct horse battery"  # noqa: S105 - nobody has it


@pytest.fixture
def sam(db):
    user = make_user("sam", name="Sam")
    user.set_password("correct horse battery")
    user.save()
    return user


@pytest.fixture
def sam_page(client, sam):
    client.force_login(sam)
    return client


def test_the_door_is_open(client, sam):
    response = client.get(LOGIN)
    assert response.status_code == 200
    assert "Sign in" in response.text


def test_signing_in_leads_to_the_board(client, sam):
    data = {"username": "Sam", "password": "correct horse battery"}
    response = client.post(LOGIN, data)
    assert response.status_code == 302
    assert response["Location"] == "/"
    assert client.session["_auth_user_id"] == str(sam.pk)


def test_signing_in_leads_to_where_one_wanted_to_go(client, sam):
    wanted = client.get("/review/?search=hub")["Location"]
    page = client.get(wanted)
    assert 'name="next" value="/review/?search=hub"' in page.text
    data = {"username": "sam", "password": "correct horse battery"}
    response = client.post(LOGIN, {**data, "next": "/review/?search=hub"})
    assert response["Location"] == "/review/?search=hub"


def test_signing_in_leads_to_no_other_site(client, sam):
    data = {"username": "sam", "password": "correct horse battery"}
    response = client.post(LOGIN, {**data, "next": "https://evil.example/"})
    assert response["Location"] == "/"


@pytest.mark.parametrize(
    "data",
    [
        {"username": "sam", "password": "wrong"},
        {"username": "nobody", "password": "correct horse battery"},
    ],
)
def test_a_wrong_password_is_told_without_saying_which(data, client, sam):
    response = client.post(LOGIN, data)
    assert response.status_code == 422
    assert "do not belong together" in response.text
    assert "_auth_user_id" not in client.session


def test_empty_fields_are_told(client, sam):
    response = client.post(LOGIN, {})
    assert response.status_code == 422
    assert response.text.count("This field is required.") == 2


def test_a_closed_account_stays_out(client, sam):
    sam.is_active = False
    sam.save()
    data = {"username": "sam", "password": "correct horse battery"}
    assert client.post(LOGIN, data).status_code == 422


class TestGuessing:
    def sign_in(self, client, username="sam", *, password="", **extra):
        data = {"username": username, "password": password or "wrong"}
        return client.post(LOGIN, data, **extra)

    def test_the_eleventh_guess_has_to_wait(self, client, sam):
        for _ in range(10):
            assert self.sign_in(client).status_code == 422
        answer = self.sign_in(client, password=RIGHT)
        assert answer.status_code == 429
        assert 0 < int(answer["Retry-After"]) <= 300
        words = re.search(r"Too many wrong passwords. Wait (\d+) seconds,", answer.text)
        assert words[1] == answer["Retry-After"]
        assert 'value="sam"' in answer.text

    @pytest.mark.parametrize("name", ["SAM", "  sam ", "\uff53am"])
    def test_it_counts_the_account_however_it_is_written(self, client, sam, name):
        for _ in range(10):
            self.sign_in(client, name)
        assert self.sign_in(client).status_code == 429

    def test_others_at_the_same_address_still_get_in(self, client, sam):
        for _ in range(10):
            self.sign_in(client, "kim")
        assert self.sign_in(client, password=RIGHT).status_code == 302

    def test_the_same_account_gets_in_from_elsewhere(self, client, sam):
        for _ in range(10):
            self.sign_in(client)
        answer = self.sign_in(client, password=RIGHT, REMOTE_ADDR="192.0.2.9")
        assert answer.status_code == 302

    def test_signing_in_does_not_count(self, client, sam):
        for _ in range(12):
            assert self.sign_in(client, password=RIGHT).status_code == 302
            client.logout()


def test_who_is_in_needs_no_door(sam_page):
    assert sam_page.get(LOGIN)["Location"] == "/"


def test_signing_out_is_posted(sam_page):
    assert sam_page.get(reverse("accounts:logout")).status_code == 405
    response = sam_page.post(reverse("accounts:logout"))
    assert response["Location"] == LOGIN
    assert "_auth_user_id" not in sam_page.session


def test_changing_the_password(sam_page, sam):
    new = "a longer horse battery"
    response = sam_page.post(
        CHANGE,
        {
            "old_password": "correct horse battery",
            "new_password1": new,
            "new_password2": new,
        },
    )
    assert response["Location"] == reverse("accounts:password-change-done")
    sam.refresh_from_db()
    assert sam.check_password(new)
    assert "Your password is changed" in sam_page.get(response["Location"]).text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"old_password": "wrong"}, "This is not your password of until now."),
        ({"new_password2": "other"}, "The two new passwords differ."),
        (
            {"new_password1": "12345678", "new_password2": "12345678"},
            "This password is entirely numeric.",
        ),
    ],
)
def test_a_bad_new_password_is_told(change, words, sam_page, sam):
    new = "a longer horse battery"
    good = {
        "old_password": "correct horse battery",
        "new_password1": new,
        "new_password2": new,
    }
    response = sam_page.post(CHANGE, {**good, **change})
    assert response.status_code == 422
    assert words in response.text
    sam.refresh_from_db()
    assert sam.check_password("correct horse battery")


def test_the_old_password_is_not_to_be_guessed(sam_page, sam):
    new = {"new_password1": "a longer horse", "new_password2": "a longer horse"}
    for _ in range(10):
        sam_page.post(CHANGE, {"old_password": "wrong", **new})
    response = sam_page.post(CHANGE, {"old_password": RIGHT, **new})
    assert response.status_code == 422
    assert "Too many passwords were tried." in response.text
    sam.refresh_from_db()
    assert sam.check_password(RIGHT)


@pytest.mark.parametrize(
    "name", ["accounts:password-change", "accounts:password-change-done"]
)
def test_strangers_change_no_password(name, client, db):
    assert client.get(reverse(name))["Location"].startswith(LOGIN)


class TestLook:
    address = "/account/look/"

    def test_a_choice_is_remembered_and_shown(self, sam_page, sam):
        chosen = {"theme": "dark", "next": "/review/?page=2"}
        response = sam_page.post(self.address, chosen)
        assert response["Location"] == "/review/?page=2"
        assert response.cookies["theme"].value == "dark"
        assert response.cookies["theme"]["httponly"]
        sam.refresh_from_db()
        assert sam.theme == "dark"
        sam_page.post(self.address, {"density": "compact"})
        text = sam_page.get("/review/").text
        assert 'data-theme="dark" data-density="compact"' in text

    def test_the_account_decides_the_theme_and_the_cookie_that_of_the_door(
        self, sam_page
    ):
        sam_page.cookies["theme"] = "dark"
        assert 'data-theme="auto"' in sam_page.get("/review/").text
        sam_page.logout()
        sam_page.cookies["theme"] = "dark"
        assert 'data-theme="dark"' in sam_page.get(LOGIN).text

    @pytest.mark.parametrize(
        "data", [{"theme": "pink"}, {"density": '"><script>'}, {"other": "dark"}, {}]
    )
    def test_what_is_unknown_is_not_remembered(self, data, sam_page):
        assert not sam_page.post(self.address, data).cookies

    def test_a_strange_cookie_is_only_text(self, sam_page):
        sam_page.cookies["density"] = "a<b>'"
        assert "<b>" not in sam_page.get("/review/").text

    def test_it_leads_to_no_other_site(self, sam_page):
        chosen = {"theme": "dark", "next": "//evil.example"}
        assert sam_page.post(self.address, chosen)["Location"] == "/"

    def test_it_is_posted_by_somebody(self, sam_page, client):
        assert sam_page.get(self.address).status_code == 405
        client.logout()
        assert client.post(self.address)["Location"].startswith(LOGIN)

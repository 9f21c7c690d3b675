"""What was typed when the session was gone is not lost."""

import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts import kept
from accounts.kept import Kept
from accounts.models import Session
from parts.models import Part
from tests.factories import TINY_STEP, make_part, make_user

LOGIN = "/account/login/"
AGAIN = "/account/again/"
GOOD = "correct horse battery"
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
EDITED = {"name": "Hub", "notes": "Deburr.\nTwice & <b>well</b>.", "amount": "2"}


@pytest.fixture
def sam(db):
    return make_user("sam", name="Sam", password=GOOD)


@pytest.fixture
def browser(sam):
    """Sam's browser, whose session has ended since the page was opened."""
    browser = Client(headers=BROWSER)
    _sign_in(browser, LOGIN)
    Session.objects.all().delete()
    return browser


def _sign_in(browser, address: str = LOGIN, username: str = "sam", **more):
    data = {"username": username, "password": GOOD, **more}
    return browser.post(address, data)


def _carried(page) -> str:
    return unescape(re.search(r'name="kept" value="([^"]*)"', page.text)[1])


def _lose(browser, address: str, data: dict) -> str:
    page = browser.post(address, data, headers={"referer": "http://testserver/x/"})
    assert page.status_code == 401
    assert "You are signed out." in page.text
    return _carried(page)


def _typed(page) -> dict[str, str]:
    return dict(page.context["kept"].typed)


def test_what_was_typed_is_shown_after_the_sign_in_and_sent_again(browser, sam):
    part = make_part(name="Old")
    address = f"/parts/{part.pk}/edit/"
    carried = _lose(browser, address, {**EDITED, "version": "x"})
    response = _sign_in(browser, kept=carried)
    assert response["Location"] == AGAIN
    page = browser.get(AGAIN)
    assert _typed(page) == {
        "Name": "Hub",
        "Notes": EDITED["notes"],
        "Amount": "2",
    }
    assert "&lt;b&gt;well&lt;/b&gt;" in page.text
    assert "<b>well" not in page.text
    fields = dict(re.findall(r'<textarea name="(\w+)" hidden>\n([^<]*)<', page.text))
    assert {name: unescape(value) for name, value in fields.items()} == {
        **EDITED,
        "version": "x",
    }
    response = browser.post(AGAIN, fields)
    assert (response.status_code, response["Location"]) == (307, address)
    assert browser.get(AGAIN)["Location"] == "/"


def test_a_form_that_is_sent_again_does_what_it_was_to_do(browser, sam):
    new = {"name": "Hub", "subsystem": "Drive", "material": "6061-T6", "type": "cnc"}
    carried = _lose(browser, "/parts/new/", {**new, "amount": "3"})
    _sign_in(browser, kept=carried)
    page = browser.post(AGAIN, {**new, "amount": "3"}, follow=True)
    assert page.status_code == 200
    part = Part.objects.get()
    assert (part.name, part.amount) == ("Hub", 3)


def test_a_file_is_not_kept_and_asked_for_again(browser):
    file = SimpleUploadedFile("plate.step", TINY_STEP)
    page = browser.post("/parts/new/", {"name": "Hub", "file": file})
    assert "The file plate.step cannot be kept." in page.text
    _sign_in(browser, kept=_carried(page))
    page = browser.get(AGAIN)
    assert 'enctype="multipart/form-data"' in page.text
    assert re.search(r'<input type="file"[^>]* name="file"', page.text)
    assert "It was plate.step." in page.text


def test_what_nobody_wants_any_more_is_dropped(browser):
    carried = _lose(browser, "/parts/new/", EDITED)
    _sign_in(browser, kept=carried)
    assert browser.post(AGAIN, {"drop": "1"})["Location"] == "/x/"
    assert browser.get(AGAIN)["Location"] == "/"
    assert Part.objects.count() == 0


def test_a_wrong_password_loses_nothing(browser):
    carried = _lose(browser, "/parts/new/", EDITED)
    page = browser.post(
        LOGIN, {"username": "sam", "password": "wrong", "kept": carried}
    )
    assert page.status_code == 422
    assert "You are signed out." in page.text
    _sign_in(browser, kept=_carried(page))
    assert _typed(browser.get(AGAIN))["Name"] == "Hub"


def test_somebody_else_does_not_see_it(browser):
    make_user("kim", password=GOOD)
    carried = _lose(browser, "/parts/new/", EDITED)
    response = _sign_in(browser, username="kim", kept=carried)
    assert response["Location"] == "/"
    assert browser.get(AGAIN)["Location"] == "/"


def test_signing_out_on_purpose_forgets_who_it_was(sam):
    browser = Client(headers=BROWSER)
    _sign_in(browser)
    assert browser.cookies["person"].value
    browser.post("/account/logout/")
    assert not browser.cookies["person"].value
    make_user("kim", password=GOOD)
    page = browser.post("/parts/new/", EDITED)
    assert _sign_in(browser, username="kim", kept=_carried(page))["Location"] == AGAIN


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"next": "/review/"},
        {"old_password": "a", "new_password1": "b", "name": "x"},
        {"notes": "x" * (kept.MOST_CHARACTERS + 1)},
    ],
)
def test_buttons_passwords_and_too_much_are_not_kept(browser, data):
    page = browser.post("/parts/new/", data)
    assert page["Location"] == f"{LOGIN}?next=/parts/new/"


def test_a_button_leads_back_to_its_page_to_be_pressed_again(browser):
    part = make_part(category="cnc")
    referer = "http://testserver/production/?mine=1"
    page = browser.post(
        f"/parts/{part.pk}/assign/", {"next": "/x/"}, headers={"referer": referer}
    )
    assert page["Location"] == f"{LOGIN}?next=/production/%3Fmine%3D1"


def test_a_script_is_sent_to_the_door_as_ever(sam):
    browser = Client()
    for headers in ({}, {"accept": "*/*"}, {"accept": "application/json"}):
        page = browser.post("/parts/new/", EDITED, headers=headers)
        assert page["Location"] == f"{LOGIN}?next=/parts/new/"


@pytest.mark.parametrize("text", ["", "nonsense", "e30:1abcde:xyz"])
def test_what_this_site_did_not_sign_is_ignored(sam, text):
    browser = Client(headers=BROWSER)
    assert _sign_in(browser, kept=text)["Location"] == "/"


def test_it_is_forgotten_after_a_day(browser, clock):
    carried = _lose(browser, "/parts/new/", EDITED)
    clock.sleep(25 * 60 * 60)
    assert kept.read(carried) is None


def test_the_page_of_another_site_is_no_way_back(browser):
    headers = {"referer": "https://evil.example/x/"}
    page = browser.post("/parts/new/", EDITED, headers=headers)
    assert page.context["kept"].page == ""


def test_there_is_nothing_for_strangers(client, sam):
    assert client.get(AGAIN)["Location"] == f"{LOGIN}?next={AGAIN}"
    client.force_login(sam)
    assert client.get(AGAIN)["Location"] == "/"
    assert client.post(AGAIN, {"name": "x"})["Location"] == "/"
    assert client.put(AGAIN).status_code == 405


# --- A page whose token is of an earlier sign-in ------------------------------


class TestToken:
    own = {**BROWSER, "origin": "http://testserver"}

    @pytest.fixture
    def strict(self, sam):
        browser = Client(enforce_csrf_checks=True, headers=BROWSER)
        token = browser.get(LOGIN).cookies["csrftoken"].value
        _sign_in(browser, csrfmiddlewaretoken=token)
        self.old = token
        return browser

    def _send(self, strict, headers, **data):
        data = {**EDITED, "csrfmiddlewaretoken": self.old, **data}
        return strict.post("/parts/new/", data, headers=headers)

    def test_what_was_typed_is_shown_and_sent_again(self, strict):
        assert self._send(strict, self.own)["Location"] == AGAIN
        assert _typed(strict.get(AGAIN))["Name"] == "Hub"
        assert Part.objects.count() == 0

    @pytest.mark.parametrize(
        "headers", [{}, {"origin": "https://evil.example"}, {"origin": "null"}]
    )
    def test_words_of_another_site_are_refused(self, strict, headers):
        answer = self._send(strict, {**BROWSER, **headers})
        assert answer.status_code == 403
        assert "This page was open too long" in answer.text
        assert strict.get(AGAIN)["Location"] == "/"

    def test_a_sign_in_page_of_before_another_tabs_sign_in(self, strict):
        fields = list(EDITED.items())
        carried = kept.sign(Kept("/parts/new/", "", fields, files=[], person=""))
        data = {"username": "sam", "password": "x", "kept": carried}
        token = {"csrfmiddlewaretoken": self.old}
        answer = strict.post(LOGIN, {**data, **token}, headers=self.own)
        assert answer["Location"] == AGAIN
        assert _typed(strict.get(AGAIN))["Name"] == "Hub"

    def test_an_old_sign_in_page_is_opened_anew(self, strict):
        strict.post("/account/logout/", {}, headers=self.own)
        Session.objects.all().delete()
        data = {"username": "sam", "password": GOOD, "csrfmiddlewaretoken": self.old}
        answer = strict.post(LOGIN, data, headers=self.own)
        assert answer["Location"] == LOGIN

    def test_without_cookies_it_says_what_is_wrong(self, sam):
        browser = Client(enforce_csrf_checks=True, headers=self.own)
        assert browser.post(LOGIN, EDITED).status_code == 403

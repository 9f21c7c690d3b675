"""Coming in for the first time: the first lead, invitations, forgotten passwords."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from io import StringIO
from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts import invitations
from accounts.invitations import InvitationRefused
from accounts.models import Invitation, Role, Session, User
from tests.factories import make_user

FIRST = "/account/first/"
LINKS = "/account/invitations/"
LOGIN = "/account/login/"
INVITED = "/account/invited/"
GOOD = "correct horse battery"
DAY = timedelta(days=1)


def _told(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def _person(**fields) -> dict[str, str]:
    return {"name": "Nia Novak", "username": "nia", "password": GOOD, **fields}


def _wanted(**fields) -> dict[str, str]:
    return {
        "role": "member",
        "lasts": "24",
        "uses": "1",
        "note": "",
        "ticket": uuid4().hex,
        **fields,
    }


def _link(page) -> str:
    address = unescape(re.search(r'id="issued-link"[^>]*>([^<]*)<', page.text)[1])
    return address.partition("testserver")[2]


def _ask(client, path: str, **person):
    """Open a link and fill its form."""
    token = path.partition("link=")[2]
    return client.post(INVITED, {"link": token, **_person(**person)})


# --- The first lead -----------------------------------------------------------


@pytest.fixture
def here(settings):
    settings.FIRST_LEAD_HERE = True


@pytest.mark.django_db
class TestFirst:
    def test_every_page_leads_to_it_while_there_is_nobody(self, client, here):
        for address in ("/", "/review/", "/account/people/", "/admin/"):
            page = client.get(address, follow=True)
            assert page.redirect_chain[-1][0] == FIRST
            assert page.status_code == 200
            assert "The first lead" in page.text

    def test_it_makes_a_lead_and_signs_in(self, client, here):
        response = client.post(FIRST, _person())
        assert response["Location"] == "/"
        user = User.objects.get()
        assert (user.username, user.name, user.role) == ("nia", "Nia Novak", "lead")
        assert user.check_password(GOOD)
        assert user.is_first
        assert _told(response) == ["Welcome, Nia Novak."]
        assert client.get("/account/people/").status_code == 200

    def test_it_is_gone_for_good_afterwards(self, client, here, lead):
        assert client.get(FIRST)["Location"] == "/account/login/"
        assert client.post(FIRST, _person())["Location"] == "/account/login/"
        assert User.objects.get() == lead

    @pytest.mark.parametrize(
        ("fields", "wrong"),
        [
            ({"name": " "}, "name"),
            ({"username": "a b"}, "username"),
            ({"password": "12345678"}, "password"),
            ({"password": "nia-novak"}, "password"),
        ],
    )
    def test_what_is_wrong_is_told_beside_the_field(self, client, here, fields, wrong):
        response = client.post(FIRST, _person(**fields))
        assert response.status_code == 422
        assert list(response.context["form"].errors) == [wrong]
        assert User.objects.count() == 0

    def test_the_rules_of_passwords_are_told_beforehand(self, client, here):
        assert "at least 8 characters" in client.get(FIRST).text

    @pytest.mark.parametrize(
        "brought",
        [
            {"REMOTE_ADDR": "192.0.2.9"},
            {"HTTP_X_FORWARDED_FOR": "192.0.2.9"},
            {"HTTP_FORWARDED": "for=192.0.2.9"},
            {"HTTP_VIA": "1.1 tunnel"},
        ],
    )
    def test_whoever_does_not_sit_at_the_machine_needs_a_link(
        self, client, here, brought
    ):
        for answer in (client.get(FIRST, **brought), client.post(FIRST, **brought)):
            assert answer.status_code == 403
            assert "Nobody has an account yet" in answer.text
        client.post(FIRST, _person(), **brought)
        assert User.objects.count() == 0

    def test_nobody_is_trusted_on_a_site_that_is_open_to_the_network(self, client):
        assert client.post(FIRST, _person()).status_code == 403
        assert User.objects.count() == 0

    def test_a_link_of_the_terminal_makes_the_first_lead(self, client):
        old, new = invitations.first_link(), invitations.first_link()
        assert _ask(client, f"?link={old}").status_code == 410
        assert _ask(client, f"?link={new}")["Location"] == "/"
        assert User.objects.get().role == Role.LEAD

    def test_the_database_lets_only_one_be_first(self):
        make_user(is_first=True)
        with pytest.raises(IntegrityError), transaction.atomic():
            make_user(is_first=True)


@pytest.mark.django_db(transaction=True)
def test_of_two_first_leads_at_once_one_wins(here):
    def make(number: int) -> list:
        try:
            answer = Client().post(
                FIRST, _person(name=f"N{number}", username=f"n{number}")
            )
            return [answer.status_code, answer["Location"]]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(make, range(4)))
    assert sorted(answers) == [[302, "/"], *[[302, "/account/login/"]] * 3]
    assert User.objects.count() == 1


# --- Inviting -----------------------------------------------------------------


def test_a_lead_makes_a_link_and_somebody_joins_by_it(lead_page, lead, client):
    made = lead_page.post(LINKS, _wanted(role="viewer", note="Parents", uses="2"))
    assert made.status_code == 200
    assert "works on this machine alone" not in made.text
    path = _link(made)
    assert path.startswith(f"{INVITED}?link=")
    assert "<path d=" in made.text
    invitation = Invitation.objects.get()
    assert (invitation.role, invitation.uses, invitation.note) == (
        "viewer",
        2,
        "Parents",
    )
    assert invitation.made_by == lead

    newcomer = Client()
    page = newcomer.get(path)
    assert "Lena Lead invites you." in page.text
    assert "You will be a viewer" in page.text
    response = _ask(newcomer, path)
    assert response["Location"] == "/"
    assert _told(response) == ["Welcome, Nia Novak."]
    nia = User.objects.get(username="nia")
    assert (nia.role, nia.name) == (Role.VIEWER, "Nia Novak")
    assert newcomer.get("/review/").status_code == 200
    invitation.refresh_from_db()
    assert (invitation.used, invitation.state) == (1, "open")


def test_the_secret_is_stored_nowhere_and_shown_once(lead_page):
    made = lead_page.post(LINKS, wanted := _wanted())
    token = _link(made).partition("link=")[2]
    assert token not in str(Invitation.objects.values().get())
    assert token not in lead_page.get(LINKS).text
    again = lead_page.post(LINKS, wanted)
    assert again["Location"] == LINKS
    assert _told(again)[0].startswith("This form was sent before, and a link is shown")
    assert Invitation.objects.count() == 1


@pytest.mark.parametrize("hours", ["1", "24", "168", "720"])
def test_a_link_lasts_as_long_as_was_chosen(lead_page, hours):
    lead_page.post(LINKS, _wanted(lasts=hours))
    link = Invitation.objects.get()
    lasts = link.expires_at - link.created_at
    assert abs(lasts - timedelta(hours=int(hours))) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"role": "boss"}, "role"),
        ({"lasts": "9999"}, "lasts"),
        ({"uses": "0"}, "uses"),
        ({"uses": "101"}, "uses"),
        ({"note": "x" * 201}, "note"),
    ],
)
def test_a_wrong_wish_makes_no_link(lead_page, fields, wrong):
    response = lead_page.post(LINKS, _wanted(**fields))
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [wrong]
    assert Invitation.objects.count() == 0


def test_a_link_to_this_machine_alone_says_so(lead_page):
    made = lead_page.post(LINKS, _wanted(), SERVER_NAME="localhost")
    assert "works on this machine alone" in made.text


@pytest.mark.django_db
class TestEnded:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"expires_at": timezone.now() - DAY}, "This link has expired."),
            ({"revoked_at": timezone.now()}, "This link was revoked."),
            ({"used": 1}, "This link was used already."),
        ],
    )
    def test_it_says_why_and_lets_nobody_in(self, client, change, words):
        _, token = invitations.invite(Role.MEMBER, lasts=DAY, by=None)
        Invitation.objects.update(**change)
        for answer in (
            client.get(INVITED, {"link": token}),
            client.post(INVITED, {"link": token, **_person()}),
        ):
            assert answer.status_code == 410
            assert words in answer.text
            assert "Ask a lead for a new one." in answer.text
        assert User.objects.count() == 0

    @pytest.mark.parametrize("token", ["", "nonsense", "\x00", "é" * 3000])
    def test_an_unknown_link_is_told(self, client, token):
        answer = client.get(INVITED, {"link": token})
        assert answer.status_code == 404
        assert "This link is not known." in answer.text

    def test_guessing_is_limited(self, client):
        for _ in range(20):
            assert client.get(INVITED, {"link": "x"}).status_code == 404
        _, token = invitations.invite(Role.MEMBER, lasts=DAY, by=None)
        answer = client.get(INVITED, {"link": token})
        assert answer.status_code == 429
        assert int(answer["Retry-After"]) > 0
        elsewhere = client.get(INVITED, {"link": token}, REMOTE_ADDR="192.0.2.9")
        assert elsewhere.status_code == 200

    @pytest.mark.parametrize("page", ["joining", "door"])
    def test_in_the_last_second_one_is_left(self, client, monkeypatch, page):
        make_user()
        spent = {"count": 9, "limit": 9, "time_left": 0}
        monkeypatch.setattr(f"accounts.views.{page}.get_usage", lambda *_, **__: spent)
        ask, address = {"joining": (client.get, INVITED), "door": (client.post, LOGIN)}[
            page
        ]
        answer = ask(address)
        assert (answer.status_code, answer["Retry-After"]) == (429, "1")

    def test_a_used_link_is_refused_from_a_stale_copy(self):
        invitation, _ = invitations.invite(Role.MEMBER, lasts=DAY, by=None)
        stale = Invitation.objects.get()
        invitations.join(invitation, **_person())
        with pytest.raises(InvitationRefused, match="used already"):
            invitations.join(stale, **_person(name="Bo", username="bo"))
        assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_as_many_come_in_as_the_link_is_for():
    _, token = invitations.invite(Role.MEMBER, lasts=DAY, uses=2, by=None)

    def join(number: int) -> int:
        try:
            person = _person(name=f"N{number}", username=f"n{number}")
            answer = Client().post(INVITED, {"link": token, **person})
            return answer.status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(join, range(5))) == [302, 302, 410, 410, 410]
    assert User.objects.count() == 2


@pytest.mark.django_db
def test_nobody_gets_more_by_a_link_than_it_is_for(client):
    _link, token = invitations.invite(Role.VIEWER, lasts=DAY, by=None)
    more = {"role": "lead", "is_superuser": "on", "is_staff": "on", "is_first": "on"}
    client.post(INVITED, {"link": token, **_person(**more)})
    nia = User.objects.get(username="nia")
    assert (nia.role, nia.can_lead, nia.is_first) == (Role.VIEWER, False, False)


def test_a_taken_name_is_told_and_the_link_still_works(client, lead):
    _, token = invitations.invite(Role.MEMBER, lasts=DAY, by=lead)
    answer = _ask(client, f"?link={token}", username="LEAD", name="lena lead")
    assert answer.status_code == 422
    assert {**answer.context["form"].errors} == {
        "name": ["Somebody else has this display name."],
        "username": ["This user name is taken."],
    }
    assert Invitation.objects.get().used == 0
    assert _ask(client, f"?link={token}")["Location"] == "/"


def test_whoever_is_signed_in_is_told_that_it_makes_another_account(member_page):
    _, token = invitations.invite(Role.MEMBER, lasts=DAY, by=None)
    page = member_page.get(INVITED, {"link": token})
    assert "You are signed in as Mara Member." in page.text


def test_links_are_listed_and_revoked(lead_page, lead, member):
    link, _ = invitations.invite(Role.MEMBER, lasts=DAY, note="Tuesday", by=lead)
    invitations.new_password(member, by=lead)
    page = lead_page.get(LINKS).text
    assert "Tuesday" in page
    assert "New password for Mara Member" in page
    response = lead_page.post(f"/account/invitations/{link.pk}/revoke/")
    assert _told(response) == ["The link is revoked; it lets nobody in."]
    link.refresh_from_db()
    assert link.state == "revoked"
    response = lead_page.post(f"/account/invitations/{link.pk}/revoke/")
    assert _told(response)[-1] == "This link had ended already."


@pytest.mark.parametrize("rows", [1, 40])
def test_the_list_costs_the_same_for_any_number(
    lead_page, lead, rows, django_assert_num_queries
):
    for _ in range(rows):
        invitations.invite(Role.MEMBER, lasts=DAY, by=lead)
    with django_assert_num_queries(4):  # session, user, count, links
        page = lead_page.get(LINKS)
    assert page.text.count('<li class="key"') == rows


@pytest.mark.parametrize("who", ["member", "viewer"])
def test_only_leads_invite(who, client, request, member):
    client.force_login(request.getfixturevalue(who))
    link, _ = invitations.invite(Role.MEMBER, lasts=DAY, by=None)
    assert client.get(LINKS).status_code == 403
    assert client.post(LINKS, _wanted()).status_code == 403
    revoke = f"/account/invitations/{link.pk}/revoke/"
    assert client.post(revoke).status_code == 403
    new_password = f"/account/people/{member.pk}/password-link/"
    assert client.post(new_password).status_code == 403
    assert Invitation.objects.get().state == "open"


def test_strangers_are_sent_to_the_door(client, member):
    assert client.get(LINKS)["Location"].startswith("/account/login/")
    assert client.post(LINKS, _wanted())["Location"].startswith("/account/login/")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"role": "boss"}, "invitation_for_role_or_account"),
        ({"role": ""}, "invitation_for_role_or_account"),
        ({"role": "member", "used": 2}, "invitation_used_as_allowed"),
        ({"role": "member", "uses": 0}, "invitation_uses_counted"),
    ],
)
def test_the_database_holds_the_rules_of_links(fields, constraint):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Invitation.objects.create(digest="x", expires_at=timezone.now(), **fields)


# --- A forgotten password -----------------------------------------------------


class TestNewPassword:
    new = "a longer horse battery"

    def _made(self, lead_page, member) -> str:
        made = lead_page.post(
            f"/account/people/{member.pk}/password-link/", {"ticket": uuid4().hex}
        )
        assert "Hand this link to Mara Member" in made.text
        return _link(made)

    def test_a_lead_makes_a_link_by_which_it_is_chosen(self, lead_page, member):
        tablet = Client()
        tablet.force_login(member)
        path = self._made(lead_page, member)
        link = Invitation.objects.get()
        assert link.expires_at - link.created_at <= timedelta(hours=1, minutes=1)
        browser = Client()
        page = browser.get(path)
        assert "For Mara Member, who signs in as" in page.text
        response = browser.post(
            INVITED, {"link": path.partition("link=")[2], "password": self.new}
        )
        assert _told(response) == ["Your new password is set."]
        member.refresh_from_db()
        assert member.check_password(self.new)
        assert browser.get("/review/").status_code == 200
        assert tablet.get("/review/").status_code == 302
        assert Session.objects.filter(user=member).count() == 1
        assert browser.get(path).status_code == 410

    def test_a_bad_password_is_told(self, lead_page, member):
        token = self._made(lead_page, member).partition("link=")[2]
        response = Client().post(INVITED, {"link": token, "password": "12345678"})
        assert response.status_code == 422
        assert "entirely numeric" in response.text
        assert Invitation.objects.get().used == 0

    def test_the_newest_link_is_the_only_one(self, lead_page, member):
        first = self._made(lead_page, member)
        second = self._made(lead_page, member)
        assert Client().get(first).status_code == 410
        assert Client().get(second).status_code == 200

    def test_a_closed_account_gets_none(self, lead_page, member):
        path = self._made(lead_page, member)
        User.objects.filter(pk=member.pk).update(is_active=False)
        assert "This account is closed." in Client().get(path).text
        address = f"/account/people/{member.pk}/password-link/"
        assert lead_page.post(address).status_code == 403

    def test_nobody_is_not_there(self, lead_page):
        assert lead_page.post("/account/people/0/password-link/").status_code == 404


# --- From the terminal --------------------------------------------------------


@pytest.mark.django_db
def test_the_command_prints_a_link(client):
    out = StringIO()
    call_command("invite", "--role", "lead", "--address", "https://p.org/", stdout=out)
    line = out.getvalue().strip()
    assert line.startswith(f"https://p.org{INVITED}?link=")
    assert _ask(client, line)["Location"] == "/"
    assert User.objects.get().role == Role.LEAD


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "said"),
    [(["--hours", "0"], "1 to 720 hours"), (["--uses", "0"], "1 to 100 people")],
)
def test_the_command_refuses_nonsense(words, said):
    with pytest.raises(CommandError, match=said):
        call_command("invite", *words)
    assert Invitation.objects.count() == 0
